//! Used consents, remembered by this device: one sealed file, forced to disk before a job's first byte.

use async_trait::async_trait;
use cowl_crypto::digest::Digest;
use cowl_domain::{JobId, PartyId, wire};
use cowl_job::{ConsentLedger, ConsentUse, LedgerError, Seat};
use minicbor::{Decode, Encode};

use crate::error::VaultError;
use crate::vault::Vault;

/// A consent that counts no more.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Used {
    #[n(0)]
    job: JobId,
    #[n(1)]
    seat: Seat,
    #[n(2)]
    party: PartyId,
    /// Of the signed consent, as the evidence names it.
    #[cbor(n(3), with = "wire::fixed")]
    digest: Digest,
}

impl Vault {
    /// Whether this device has used a consent to this job: it was begun here.
    ///
    /// # Errors
    /// When what this device remembers does not open.
    pub fn has_begun(&self, job: &JobId) -> Result<bool, VaultError> {
        Ok(self.used_consents()?.iter().any(|used| used.job == *job))
    }

    fn used_consents(&self) -> Result<Vec<Used>, VaultError> {
        match self.local_key.read(&self.profile, CONSENTS)? {
            Some(bytes) => Ok(wire::decode("used consents", &bytes)?),
            None => Ok(Vec::new()),
        }
    }

    fn record_uses(&self, uses: &[ConsentUse]) -> Result<(), LedgerError> {
        // Two processes on one profile wait for one another here.
        let _lock = self.profile.lock()?;
        let mut known = self.used_consents()?;
        let place =
            |job, seat, party| move |used: &Used| (used.job, used.seat, used.party) == (job, seat, party);
        if let Some(again) = uses.iter().find(|new| known.iter().any(place(new.job, new.seat, new.party))) {
            return Err(LedgerError::AlreadyUsed { seat: again.seat, party: again.party });
        }
        known.extend(uses.iter().map(|new| Used {
            job: new.job,
            seat: new.seat,
            party: new.party,
            digest: new.digest,
        }));
        Ok(self.local_key.write_durably(&self.profile, CONSENTS, &wire::encode(&known))?)
    }
}

#[async_trait]
impl ConsentLedger for Vault {
    async fn record(&self, uses: &[ConsentUse]) -> Result<(), LedgerError> {
        tokio::task::block_in_place(|| self.record_uses(uses))
    }
}

impl From<VaultError> for LedgerError {
    fn from(error: VaultError) -> Self {
        Self::Unavailable { detail: error.to_string() }
    }
}

const CONSENTS: &str = "consents.sealed";
