//! age v1 (C2SP specification "age", version 1.1.0): headers, native recipients, armor.
//!
//! Payloads are in [`crate::payload`]. Nothing here is Cowl's own: what this module writes, any age
//! implementation opens, and the other way round.

pub mod armor;
mod base64;
mod file;
pub mod header;
pub mod hybrid;
mod keys;
mod passphrase;
mod wrap;
mod x25519;

pub use file::{OpenError, open, open_payload, open_reader, seal, seal_writer, seal_writer_with_passphrase};
pub use keys::{Identity, KeyFileError, KeyTextError, Recipient, read_identities, read_recipients};
pub use passphrase::Passphrase;
pub use x25519::{LowOrder, X25519Identity, X25519Recipient};

pub(crate) use base64::{decode_array as decode_base64_array, encode as encode_base64};

use crate::file_key::FileKey;
use crate::suite;
use header::{BadMac, Header, HeaderError, Stanza, StanzaFault};

/// Why a header does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenHeaderError {
    /// The header breaks a rule.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// It was sealed to others.
    #[error("none of the keys at hand opens the header")]
    NoMatch,
    /// A key fits, but the header was changed after sealing.
    #[error(transparent)]
    Mac(#[from] BadMac),
}

/// Opens a header of suite `standard` with the first identity that fits.
///
/// # Errors
/// [`OpenHeaderError`]: no identity fits, a stanza cannot be what it says, or the header was changed.
pub fn open_header(header: &Header, identities: &[Identity]) -> Result<FileKey, OpenHeaderError> {
    let keys: Vec<_> = identities.iter().map(suite::OpenWith::Age).collect();
    match suite::open_header(header, &keys)? {
        crate::file_key::ItemKey::Standard(key) => Ok(key),
        crate::file_key::ItemKey::HybridRsa(_) => Err(OpenHeaderError::NoMatch),
    }
}

impl Recipient {
    /// Wraps a file key.
    ///
    /// # Errors
    /// [`LowOrder`], for X25519.
    pub fn wrap(&self, key: &FileKey) -> Result<Stanza, LowOrder> {
        match self {
            Self::X25519(recipient) => recipient.wrap(key),
            Self::Hybrid(recipient) => Ok(hybrid::wrap(recipient, key)),
        }
    }
}

impl Identity {
    pub(crate) fn unwrap(&self, stanza: &Stanza) -> Result<Option<FileKey>, BadStanza> {
        match self {
            Self::X25519(identity) => identity.unwrap(stanza),
            Self::Hybrid(identity) => hybrid::unwrap(identity, stanza),
            Self::Passphrase(passphrase) => passphrase.unwrap(stanza),
        }
    }
}

/// A stanza of a known type with arguments or a body that the type cannot have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadStanza;

pub(crate) fn bad_stanza(index: usize) -> HeaderError {
    HeaderError::Stanza { index, fault: StanzaFault::Type }
}

/// Who knows a passphrase could seal to it as well, so a passphrase stanza authenticates the file to its
/// one holder; it must not stand beside others.
pub(crate) fn refuse_accompanied_passphrase(header: &Header) -> Result<(), HeaderError> {
    let stanzas = header.stanzas();
    let passphrase = stanzas.iter().position(passphrase::is_passphrase);
    passphrase.filter(|_| stanzas.len() > 1).map_or(Ok(()), |index| Err(bad_stanza(index)))
}
