//! The end of grants: taking them back, and remembering that they were.

use std::collections::{HashMap, HashSet};

use cowl_api::ProblemCode;
use cowl_api::client::ClientError;
use cowl_api::types::RevokeGrant;
use cowl_domain::{Grant, GrantId, ItemId, RecordId, Revocation, Scope, ShareTarget, Signed, Verified};

use super::CheckedGrant;
use crate::directory::KnownParty;
use crate::error::{Result, Tampering, VaultError};
use crate::local::EndedGrant;
use crate::record::misplaced;
use crate::vault::{Vault, now};

/// The newest keys of a record, up to which an ended grant has opened it.
struct Newest {
    epoch: u32,
    versions: HashMap<ItemId, u32>,
}

impl Newest {
    fn opened_by(&self, grant: &Grant) -> ShareTarget {
        match grant.scope {
            Scope::Record => ShareTarget::Epoch(self.epoch),
            // Of an item that was removed nothing is left to be re-keyed.
            Scope::Item(item) => ShareTarget::Item(item, self.versions.get(&item).copied().unwrap_or(0)),
        }
    }
}

impl Vault {
    /// Takes grants back. From the server's answer on they open nothing; re-keying follows
    /// ([`Vault::rekey_pending`]).
    ///
    /// # Errors
    /// When one is not the caller's to take back.
    pub async fn revoke(&self, grants: &[GrantId]) -> Result<()> {
        let all = self.checked_grants_of(grants).await?;
        let mut ending = Vec::new();
        for id in grants {
            let found = all.iter().find(|checked| checked.grant.grant == *id);
            let checked =
                found.ok_or_else(|| VaultError::NotFound { what: "grant", name: id.to_string() })?;
            if checked.owner.party() != self.party_id() {
                return Err(VaultError::Invalid(format!(
                    "only {} can take this grant back",
                    checked.owner.handle()
                )));
            }
            ending.extend(checked.revocation.is_none().then_some(checked));
        }
        self.revoke_all(&ending).await
    }

    /// These grants, without a look at all the others.
    async fn checked_grants_of(&self, wanted: &[GrantId]) -> Result<Vec<CheckedGrant>> {
        let mut views = Vec::new();
        if wanted.len() > FEW {
            let wanted: HashSet<String> = wanted.iter().map(ToString::to_string).collect();
            views = self.client.grants().await?;
            views.retain(|view| wanted.contains(&view.grant_id));
        } else {
            for grant in wanted {
                views.push(self.client.grant(grant).await.map_err(|e| missing(e, grant))?);
            }
        }
        let mut checked = Vec::with_capacity(views.len());
        for view in &views {
            checked.push(self.check_grant(view).await?);
        }
        Ok(checked)
    }

    pub(crate) async fn revoke_all(&self, grants: &[&CheckedGrant]) -> Result<()> {
        let records: HashSet<RecordId> = grants.iter().map(|checked| checked.grant.record).collect();
        for record in records {
            let of_record: Vec<&Grant> =
                grants.iter().map(|checked| &*checked.grant).filter(|grant| grant.record == record).collect();
            let newest = self.newest(&record, &of_record).await?;
            for grant in of_record {
                self.revoke_one(grant, newest.opened_by(grant)).await?;
            }
        }
        Ok(())
    }

    /// By the owner's own word: the cloud may hold shares back, and what a revocation does not name would not
    /// be re-keyed.
    async fn newest(&self, record: &RecordId, grants: &[&Grant]) -> Result<Newest> {
        let record = self.load_record(record).await?;
        let mut versions = HashMap::new();
        if grants.iter().any(|grant| grant.scope != Scope::Record) {
            let (items, _) = self.verified_items(&record).await?;
            versions.extend(items.iter().map(|item| (item.placement.item, item.placement.version)));
        }
        Ok(Newest { epoch: record.head.epoch, versions })
    }

    async fn revoke_one(&self, grant: &Grant, last: ShareTarget) -> Result<()> {
        let revocation = Revocation {
            grant: grant.grant,
            record: grant.record,
            last,
            revoked_at: now(),
            checkpoint: self.checkpoint().await?,
        };
        let body = RevokeGrant { revocation: self.sign(&revocation).to_bytes().into() };
        self.client.revoke(&grant.grant, &body).await?;
        let ended = EndedGrant { grant: grant.grant, rekeyed: false };
        self.change_state(|state| state.set_ended(ended))
    }

    pub(super) async fn verify_end(
        &self,
        owner: &KnownParty,
        grant: &Grant,
        signed: &Signed<Revocation>,
    ) -> Result<Verified<Revocation>> {
        let end = owner.verify_statement(signed)?;
        if end.grant != grant.grant {
            return Err(misplaced("revocation", grant.grant, end.grant));
        }
        self.check_seen(end.checkpoint).await?;
        Ok(end)
    }

    /// What another device has taken back is remembered here too; and what was remembered must be shown.
    pub(super) fn remember_ended(&self, grants: &[CheckedGrant]) -> Result<()> {
        let shown: HashSet<GrantId> = grants.iter().map(|checked| checked.grant.grant).collect();
        if let Some(hidden) = self.state().ended.iter().find(|ended| !shown.contains(&ended.grant)) {
            return Err(Tampering::Revived(hidden.grant).into());
        }
        let is_new = |checked: &&CheckedGrant| {
            checked.revocation.is_some()
                && checked.owner.party() == self.party_id()
                && self.state().ended_grant(&checked.grant.grant).is_none()
        };
        let new: Vec<GrantId> = grants.iter().filter(is_new).map(|checked| checked.grant.grant).collect();
        if new.is_empty() {
            return Ok(());
        }
        self.change_state(|state| {
            for grant in new {
                if state.ended_grant(&grant).is_none() {
                    state.set_ended(EndedGrant { grant, rekeyed: false });
                }
            }
        })
    }

    /// Of its own grants a device believes that they are dealt with when it has seen to it itself; and none
    /// of them that has ended comes to life again.
    pub(super) fn check_end(&self, grant: &Grant, owner: &KnownParty, revoked: bool) -> Result<bool> {
        if owner.party() != self.party_id() {
            return Ok(true);
        }
        let state = self.state();
        match state.ended_grant(&grant.grant) {
            Some(_) if !revoked => Err(Tampering::Revived(grant.grant).into()),
            ended => Ok(ended.is_some_and(|ended| ended.rekeyed)),
        }
    }
}

fn missing(error: ClientError, grant: &GrantId) -> VaultError {
    match error.code() {
        Some(ProblemCode::NotFound) => VaultError::NotFound { what: "grant", name: grant.to_string() },
        _ => error.into(),
    }
}

/// How many grants are asked for one by one, rather than found in the list of all.
const FEW: usize = 8;
