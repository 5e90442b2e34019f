//! Accounts: registration, log-in, passwords, keys, the directory.

mod directory;
mod keys;
mod login;
mod password;
mod registration;
mod throttle;

pub(crate) use directory::{parties, party};
pub(crate) use keys::next_keys;
pub(crate) use login::{login_finish, login_start, logout};
pub(crate) use password::{password_finish, password_start};
pub(crate) use registration::{account, delete_account, register_finish, register_start};

use axum::http::StatusCode;
use cowl_domain::Handle;

use crate::refusal::Refusal;

/// Most bytes of a sealed key store.
const MAX_KEY_STORE: usize = 256 * 1024;

/// The answer of calls that have nothing to say but "done, durably".
pub(crate) const DONE: StatusCode = StatusCode::NO_CONTENT;

fn parse_handle(text: &str) -> Result<Handle, Refusal> {
    text.parse().map_err(|_| {
        Refusal::bad_request(
            "this is not a handle: 3 to 64 of a-z 0-9 . _ @ -, beginning with a letter or digit",
        )
    })
}

fn check_key_store(bytes: &[u8]) -> Result<(), Refusal> {
    let fits = (1..=MAX_KEY_STORE).contains(&bytes.len());
    if fits {
        Ok(())
    } else {
        Err(Refusal::bad_request(format!("a key store has 1 to {MAX_KEY_STORE} bytes")))
    }
}
