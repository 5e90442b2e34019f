//! Where sealed items go: into an own record, or into somebody else's under a grant to append.

use cowl_api::types::Commit;
use cowl_domain::Power;

use crate::error::{Result, VaultError};
use crate::record::{Change, Delta, Record};
use crate::vault::Vault;

/// A record that is open to what the caller adds.
pub(crate) enum Target<'a> {
    /// An own record: every commit carries the next head.
    Own(Change<'a>),
    /// Somebody else's: the owner takes them in later.
    Appended(Record),
}

impl Vault {
    /// Opens a record for adding.
    pub(crate) async fn target(&self, record: Record) -> Result<Target<'_>> {
        if record.mine {
            return Ok(Target::Own(self.begin_change(&record.id).await?));
        }
        let at = crate::vault::now();
        let may = self.checked_grants().await?.iter().any(|checked| {
            checked.grant.record == record.id
                && checked.grant.grantee == self.party_id()
                && checked.grant.powers.contains(Power::Append)
                && checked.in_force(at)
        });
        if may {
            Ok(Target::Appended(record))
        } else {
            Err(VaultError::Invalid(format!(
                "{} has not granted you to append to this record",
                record.owner.handle()
            )))
        }
    }
}

impl Target<'_> {
    pub(crate) fn record(&self) -> &Record {
        match self {
            Self::Own(change) => &change.record,
            Self::Appended(record) => record,
        }
    }

    /// Commits what the record gains; of somebody else's nothing is removed.
    pub(crate) async fn commit(&mut self, vault: &Vault, delta: Delta) -> Result<()> {
        match self {
            Self::Own(change) => change.commit(delta).await,
            Self::Appended(record) => {
                let body = Commit {
                    items: delta.items.into_iter().map(|(_, _, item)| item).collect(),
                    removed: Vec::new(),
                    epoch: None,
                    shares: Vec::new(),
                    head: None,
                };
                Ok(vault.client.commit(&record.id, &body).await?)
            }
        }
    }
}
