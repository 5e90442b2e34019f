//! OPAQUE log-in (RFC 9807): the server never sees a password, and what it stores can be guessed at only
//! one Argon2id a guess.
//!
//! The suite is Ristretto255 and SHA-512 with 3DH, stretched by Argon2id. Every run is bound to the
//! context `"cowl/opaque/v1"`, the account's handle, and the server's long-term public key (RFC 9807's
//! default for a server without an identity of its own).
//!
//! Registration, three messages: [`ClientRegistration::start`] → [`registration_response`] →
//! [`ClientRegistration::finish`] → [`registration_record`]. Log-in, three messages:
//! [`ClientLogin::start`] → [`login_start`] → [`ClientLogin::finish`] → [`login_finish`].

use thiserror::Error;

use crate::absent::assert_absent;
use crate::secret::Secret;

mod client;
mod server;
mod suite;

pub use client::{ClientLogin, ClientRegistration};
pub use server::{
    ServerLogin, ServerSetup, login_finish, login_start, registration_record, registration_response,
};

/// Length in bytes of the client's first message of a registration.
pub const REGISTRATION_REQUEST_LENGTH: usize = 32;
/// Length in bytes of the server's answer in a registration.
pub const REGISTRATION_RESPONSE_LENGTH: usize = 64;
/// Length in bytes of the client's last message of a registration, and of the record kept of it.
pub const REGISTRATION_RECORD_LENGTH: usize = 192;
/// Length in bytes of the client's first message of a log-in.
pub const LOGIN_REQUEST_LENGTH: usize = 96;
/// Length in bytes of the server's answer in a log-in.
pub const LOGIN_RESPONSE_LENGTH: usize = 320;
/// Length in bytes of the client's last message of a log-in.
pub const LOGIN_FINALIZATION_LENGTH: usize = 64;
/// Length in bytes of what a server keeps between the messages of a log-in.
pub const SERVER_LOGIN_LENGTH: usize = 128;
/// Length in bytes of a server's long-term secrets.
pub const SERVER_SETUP_LENGTH: usize = 128;

/// Longest handle in bytes.
pub const MAX_HANDLE_LENGTH: usize = 1024;
/// Longest password in bytes.
pub const MAX_PASSWORD_LENGTH: usize = 1024;

const CONTEXT: &[u8] = b"cowl/opaque/v1";

/// A step of OPAQUE failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpaqueError {
    /// The password is empty or longer than [`MAX_PASSWORD_LENGTH`].
    #[error("a password has 1 to {MAX_PASSWORD_LENGTH} bytes")]
    Password,
    /// The handle is empty or longer than [`MAX_HANDLE_LENGTH`].
    #[error("a handle has 1 to {MAX_HANDLE_LENGTH} bytes")]
    Handle,
    /// The other side's message is not one of the protocol, or a stored state is damaged.
    #[error("malformed message of the log-in protocol")]
    Malformed,
    /// Wrong password, unknown handle, altered message or wrong server: which of them is not told.
    #[error("log-in failed")]
    Refused,
    /// The key stretching found too little memory (it takes 64 MiB).
    #[error("not enough memory to stretch the password")]
    Memory,
}

/// A key that the client alone derives from the password and the server's share; the same at every log-in
/// until the next registration.
pub struct ExportKey(Secret<64>);

/// A key that both sides hold after a log-in, new every time.
pub struct SessionKey(Secret<64>);

assert_absent!(ExportKey: Clone, Copy, std::fmt::Debug, std::fmt::Display, PartialEq);
assert_absent!(SessionKey: Clone, Copy, std::fmt::Debug, std::fmt::Display, PartialEq);

impl ExportKey {
    /// The 64 key bytes: input of a key derivation, never a key by themselves.
    pub fn expose(&self) -> &[u8; 64] {
        self.0.expose()
    }

    /// Compares in a time that does not depend on the bytes.
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0)
    }
}

impl SessionKey {
    /// The 64 key bytes: input of a key derivation, never a key by themselves.
    pub fn expose(&self) -> &[u8; 64] {
        self.0.expose()
    }

    /// Compares in a time that does not depend on the bytes.
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0)
    }
}

fn check_handle(handle: &str) -> Result<&[u8], OpaqueError> {
    let fits = (1..=MAX_HANDLE_LENGTH).contains(&handle.len());
    if fits { Ok(handle.as_bytes()) } else { Err(OpaqueError::Handle) }
}

fn check_password(password: &[u8]) -> Result<(), OpaqueError> {
    let fits = (1..=MAX_PASSWORD_LENGTH).contains(&password.len());
    if fits { Ok(()) } else { Err(OpaqueError::Password) }
}

fn check_length(message: &[u8], length: usize) -> Result<(), OpaqueError> {
    // The library would pass over bytes behind the end.
    if message.len() == length { Ok(()) } else { Err(OpaqueError::Malformed) }
}

#[cfg(test)]
mod tests;
