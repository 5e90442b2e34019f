//! When something happens, and what its log leaves are salted with.

use cowl_crypto::digest::Digest;
use cowl_crypto::log::SALT_LENGTH;
use cowl_domain::Timestamp;

/// The moment of a change and a fresh seed for the salts of its events.
///
/// The seed is 32 random bytes, drawn anew for every call: whoever can predict it can test guesses of the
/// events against the leaves.
#[derive(Clone)]
pub struct Act {
    now: Timestamp,
    seed: [u8; 32],
}

impl Act {
    /// An act at `now`.
    pub fn new(now: Timestamp, seed: [u8; 32]) -> Self {
        Self { now, seed }
    }

    /// When.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Salt of the act's leaf number `index`.
    pub(crate) fn salt(&self, index: u64) -> [u8; SALT_LENGTH] {
        let input = [self.seed.as_slice(), &index.to_be_bytes()].concat();
        let digest = Digest::derive("cowl-store/log-salt/v1", &input);
        let mut salt = [0; SALT_LENGTH];
        salt.copy_from_slice(&digest.as_bytes()[..SALT_LENGTH]);
        salt
    }
}
