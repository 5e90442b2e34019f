//! Jobs over real records: the vault opens their items, puts their results into a record, and remembers which
//! consents have been used.
//!
//! `cowl-job` has the flow and knows no network; this is where its ports lead.

mod desk;
mod dossier;
mod ledger;
mod settlement;
mod sink;
mod source;
mod tables;

use cowl_domain::{Grant, GrantId, ItemId, PartyKeys, RecordId, Signed, Timestamp};
use cowl_job::{Clock, GrantCheck, JobItem, JobSpec, Participant, PortError, Seat, check_grants};

use crate::error::{Result, VaultError};
use crate::vault::Vault;

pub use desk::JobInfo;
pub use sink::RecordSink;
pub use tables::TableInfo;

impl Vault {
    /// An item as a job names it: in the version that it has now.
    ///
    /// # Errors
    /// When it is not there for this party; anything that does not hold.
    pub async fn job_item(&self, record: RecordId, item: ItemId) -> Result<JobItem> {
        let loaded = self.load_record(&record).await?;
        let (items, _) = self.verified_items(&loaded).await?;
        let found = items.into_iter().find(|placed| placed.placement.item == item);
        let placement =
            found.ok_or_else(|| VaultError::NotFound { what: "item", name: item.to_string() })?.placement;
        Ok(JobItem {
            record,
            owner: loaded.owner.party(),
            item,
            version: placement.version,
            placement: placement.digest(),
            size: placement.size,
        })
    }

    /// The keys of a party for a job's roster, from the directory, checked and pinned.
    ///
    /// # Errors
    /// As [`Vault::party`].
    pub async fn party_keys(&self, name: &str) -> Result<PartyKeys> {
        Ok(self.find_party(name).await?.keys().clone())
    }

    /// This party at a seat of a job.
    pub fn participant(&self, seat: Seat) -> Participant<'_> {
        Participant {
            seat,
            party: self.party_id(),
            key_version: self.binding().keys.version,
            signing: self.signing_key(),
        }
    }

    /// A grant as its owner signed it, for others to check; its note is not with it.
    ///
    /// # Errors
    /// When it is not there for the caller; a statement that does not hold.
    pub async fn signed_grant(&self, grant: &GrantId) -> Result<Signed<Grant>> {
        let view = self.client.grant(grant).await?;
        self.check_grant(&view).await?;
        Ok(Signed::from_bytes(&view.grant.0)?)
    }

    /// Checks that the grants which a job names cover it, as the cloud shows them and this device remembers them.
    ///
    /// # Errors
    /// [`VaultError::Job`] says what is not covered; those of [`Vault::grants`].
    pub async fn check_job(&self, spec: &JobSpec) -> Result<GrantCheck> {
        let (mut grants, mut ends) = (Vec::new(), Vec::new());
        for checked in self.checked_grants().await? {
            grants.push(checked.grant);
            ends.extend(checked.revocation);
        }
        Ok(check_grants(spec, &grants, &ends, crate::vault::now())?)
    }
}

impl Clock for Vault {
    fn now(&self) -> Timestamp {
        crate::vault::now()
    }
}

/// What a technique is told of a failure. Which of "not there" and "not yours" it is, is not said.
fn port_error(item: ItemId, error: VaultError) -> PortError {
    match error {
        VaultError::NotFound { .. } => PortError::Missing { item },
        VaultError::Refused(problem) if problem.code == cowl_api::ProblemCode::NotFound => {
            PortError::Missing { item }
        }
        VaultError::Tampered(_) | VaultError::Codec(_) => PortError::Damaged { item },
        other => unavailable(other),
    }
}

fn unavailable(error: impl ToString) -> PortError {
    PortError::Unavailable { detail: error.to_string() }
}
