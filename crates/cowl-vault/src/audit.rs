//! The audit log: what this party may see of it, and the proof that nobody has rewritten it.

use std::sync::PoisonError;

use cowl_crypto::{log, merkle};
use cowl_domain::party::verify_first_binding;
use cowl_domain::wire;
use cowl_domain::{CheckpointRef, Event, Handle, KeyBinding, PartyId, Signed};

use crate::error::{Result, Tampering, VaultError};
use crate::local::nothing_seen;
use crate::vault::Vault;
use crate::view::{AuditLine, AuditReport};

impl Vault {
    /// The events that concern the caller, oldest first.
    ///
    /// # Errors
    /// Those of the server; events that are not of the canonical form.
    pub async fn audit_events(&self) -> Result<Vec<AuditLine>> {
        let mut lines = Vec::new();
        for (index, event, _) in self.my_events().await? {
            lines.push(AuditLine {
                index,
                kind: event.kind,
                at: event.at,
                actor: self.named(event.actor).await?,
                subject: self.named(event.subject).await?,
                record: event.record,
                item: event.item,
                grant: event.grant,
                count: event.count,
            });
        }
        Ok(lines)
    }

    /// Proves the log: the newest checkpoint continues the one that this device has seen, every event that
    /// concerns the caller is in it, and no key binding in it contradicts what this device trusts.
    ///
    /// # Errors
    /// [`Tampering::Log`] says what does not hold.
    pub async fn audit_verify(&self) -> Result<AuditReport> {
        let from = self.state().checkpoint.unwrap_or_else(nothing_seen);
        let to = self.advance().await?;
        let mut events = 0;
        for (index, event, salt) in self.my_events().await? {
            if index < to.size {
                self.prove_leaf(index, event.leaf(&salt), to).await?;
                events += 1;
            }
        }
        let bindings = self.scan_bindings(to).await?;
        Ok(AuditReport { events, bindings, from: from.size, to: to.size })
    }

    /// The newest checkpoint that this process has proven; asks for one when there is none yet.
    pub(crate) async fn checkpoint(&self) -> Result<CheckpointRef> {
        let current = *self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match current {
            Some(checkpoint) => Ok(checkpoint),
            None => self.advance().await,
        }
    }

    /// Asks for the newest checkpoint and proves that it continues the newest one that was seen.
    pub(crate) async fn advance(&self) -> Result<CheckpointRef> {
        let note = self.client.checkpoint().await?;
        let opened = log::open_checkpoint(&note, &self.origin, &self.log_key)
            .map_err(|e| Tampering::Log(format!("its checkpoint does not verify ({e})")))?;
        if opened.origin != self.origin {
            return Err(Tampering::Log(format!("its checkpoint is of another log, {}", opened.origin)).into());
        }
        let new = CheckpointRef { size: opened.size, root: opened.root };
        let seen = self.state().checkpoint.unwrap_or_else(nothing_seen);
        if new.size < seen.size {
            return Err(Tampering::RolledBack { what: "the log", seen: seen.size, offered: new.size }.into());
        }
        self.prove_prefix(seen, new).await?;
        if new != seen {
            self.change_state(|state| {
                // Another process may have got further in the meantime.
                if state.checkpoint.is_none_or(|old| old.size < new.size) {
                    state.checkpoint = Some(new);
                }
            })?;
        }
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(new);
        Ok(new)
    }

    /// Checks that what somebody else had seen of the log is a prefix of what we see, or the other way round.
    pub(crate) async fn check_seen(&self, theirs: CheckpointRef) -> Result<()> {
        let proven = || self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        if theirs == nothing_seen() || proven().contains(&theirs) {
            return Ok(());
        }
        let mut ours = self.checkpoint().await?;
        if theirs.size > ours.size {
            ours = self.advance().await?;
        }
        if theirs.size > ours.size {
            return Err(Tampering::Log(format!(
                "somebody has seen {} events of it, we are shown {}",
                theirs.size, ours.size
            ))
            .into());
        }
        self.prove_prefix(theirs, ours).await?;
        proven().push(theirs);
        Ok(())
    }

    async fn prove_prefix(&self, old: CheckpointRef, new: CheckpointRef) -> Result<()> {
        if old == new || old == nothing_seen() {
            return Ok(());
        }
        let proof =
            if old.size == new.size { vec![] } else { self.client.consistency(old.size, new.size).await? };
        merkle::verify_consistency(old.size, old.root, new.size, new.root, &proof).map_err(|_| {
            Tampering::Log(format!("its first {} events are not the ones that were seen before", old.size))
                .into()
        })
    }

    async fn prove_leaf(&self, index: u64, leaf: merkle::Hash, at: CheckpointRef) -> Result<()> {
        let proof = self.client.inclusion(index, at.size).await?;
        merkle::verify_inclusion(leaf, index, at.size, &proof, at.root)
            .map_err(|_| Tampering::Log(format!("event {index} is not in it")).into())
    }

    async fn my_events(&self) -> Result<Vec<(u64, Event, [u8; 16])>> {
        let (mut events, mut after) = (Vec::new(), None);
        loop {
            let page = self.client.events(after, LOG_PAGE).await?;
            for entry in &page.events {
                check_order(after, entry.index)?;
                let salt: [u8; 16] = entry.salt.0.as_slice().try_into().map_err(|_| {
                    VaultError::from(Tampering::Log(format!("event {} has no salt", entry.index)))
                })?;
                events.push((entry.index, wire::decode::<Event>("event", &entry.event.0)?, salt));
                after = Some(entry.index);
            }
            if !page.more || page.events.is_empty() {
                return Ok(events);
            }
        }
    }

    /// Looks at every key binding that has come since the last time.
    async fn scan_bindings(&self, at: CheckpointRef) -> Result<u64> {
        let mut scanned = 0;
        let mut after = self.state().bindings_scanned.checked_sub(1);
        loop {
            let page = self.client.bindings(after, LOG_PAGE).await?;
            page.bindings.iter().try_fold(after, |before, leaf| check_order(before, leaf.index))?;
            for leaf in page.bindings.iter().filter(|leaf| leaf.index < at.size) {
                self.prove_leaf(leaf.index, log::open_leaf(&leaf.binding.0), at).await?;
                self.check_binding(leaf.index, &leaf.binding.0)?;
                scanned += 1;
            }
            let last = page.bindings.last().map(|leaf| leaf.index);
            if let Some(last) = last {
                self.change_state(|state| state.bindings_scanned = state.bindings_scanned.max(last + 1))?;
            }
            if !page.more || last.is_none() || last >= Some(at.size) {
                return Ok(scanned);
            }
            after = last;
        }
    }

    /// A first binding under a handle that this device knows must be the one that it knows.
    fn check_binding(&self, index: u64, bytes: &[u8]) -> Result<()> {
        let signed = Signed::<KeyBinding>::from_bytes(bytes)?;
        let claim = signed.dangerous_unverified()?;
        let known = match self.state().pin_by_handle(claim.handle.as_str()) {
            Some(pin) => Some(pin.party),
            None if claim.handle == self.binding().handle => Some(self.party_id()),
            None => None,
        };
        if known.is_some_and(|party| party != claim.keys.party) {
            return Err(Tampering::KeysChanged { handle: claim.handle }.into());
        }
        if claim.keys.version == 0 {
            verify_first_binding(&signed).map_err(|e| Tampering::Log(format!("binding {index}: {e}")))?;
        }
        Ok(())
    }

    async fn named(&self, party: Option<PartyId>) -> Result<Option<Handle>> {
        match party {
            Some(party) if party == self.party_id() => Ok(Some(self.binding().handle.clone())),
            Some(party) => Ok(Some(self.handle_of(&party).await?)),
            None => Ok(None),
        }
    }
}

/// Leaves come in the order of the log, none twice.
fn check_order(before: Option<u64>, index: u64) -> std::result::Result<Option<u64>, Tampering> {
    if before < Some(index) {
        Ok(Some(index))
    } else {
        Err(Tampering::Log(format!("event {index} is shown out of order")))
    }
}

const LOG_PAGE: u32 = 1000;
