//! This party, as the three roles need it: who it is, what it signs with, what it opens with.

use cowl_domain::{PartyId, PartyKeys, Signed, Statement};
use cowl_job::{Participant, Seat};
use cowl_seal::message::MessageError;
use cowl_vault::Vault;
use zeroize::Zeroizing;

use super::peer::Identity;

/// The keys of a party; the vault's, or a bench's own.
pub(crate) trait Keys: Send + Sync {
    /// Its place in a job, with the key that signs.
    fn participant(&self, seat: Seat) -> Participant<'_>;

    /// Its public keys.
    fn public(&self) -> PartyKeys;

    /// Opens a message that was sealed to it for the place that `context` names.
    ///
    /// # Errors
    /// [`MessageError`].
    fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, MessageError>;
}

impl Keys for Vault {
    fn participant(&self, seat: Seat) -> Participant<'_> {
        Self::participant(self, seat)
    }

    fn public(&self) -> PartyKeys {
        self.public_keys()
    }

    fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, MessageError> {
        self.open_message(context, sealed)
    }
}

impl dyn Keys + '_ {
    /// Who it is.
    pub(crate) fn party(&self) -> PartyId {
        self.participant(Seat::Receiver).party
    }

    /// How it shows who it is.
    pub(crate) fn identity(&self) -> Identity {
        Identity::new(self.participant(Seat::Receiver).signing)
    }

    /// Signs a statement.
    pub(crate) fn sign<T: Statement>(&self, statement: &T) -> Signed<T> {
        let me = self.participant(Seat::Receiver);
        Signed::sign(statement, me.party, me.key_version, me.signing)
    }
}
