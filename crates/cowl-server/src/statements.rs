//! Signed statements at the door: nothing unverified gets past here.

use std::collections::HashSet;

use cowl_api::Blob;
use cowl_domain::{
    CheckpointRef, Epoch, Grant, KeyBinding, PartyId, PartyKeys, Placement, RecordHead, Revocation, Signed,
    Statement,
};
use cowl_store::Proven;
use cowl_store::ledger::PartyRow;

use crate::app::App;
use crate::refusal::Refusal;

/// The party's newest keys.
pub(crate) async fn current_keys(app: &App, party: &PartyId) -> Result<PartyKeys, Refusal> {
    let row = app.ledger.party(party).await?;
    newest_keys(&row)
}

fn newest_keys(row: &PartyRow) -> Result<PartyKeys, Refusal> {
    let newest = row.bindings.last().ok_or_else(Refusal::internal)?;
    // The ledger takes proven bindings only, so the bytes need no second proof.
    let binding = Signed::<KeyBinding>::from_bytes(newest)?.dangerous_unverified()?;
    Ok(binding.keys)
}

/// The party's newest binding, proven again from the first one on.
pub(crate) fn newest_binding(row: &PartyRow) -> Result<Proven<KeyBinding>, Refusal> {
    let mut signed = row.bindings.iter().map(|bytes| Signed::<KeyBinding>::from_bytes(bytes));
    let first = signed.next().ok_or_else(Refusal::internal)??;
    let mut known = Proven::first_binding(first)?;
    for next in signed {
        known = Proven::next_binding(&known, next?)?;
    }
    Ok(known)
}

/// A statement that the holder of these keys signed.
pub(crate) fn prove<T: Statement>(blob: &Blob, keys: &PartyKeys) -> Result<Proven<T>, Refusal> {
    let signed = Signed::from_bytes(&blob.0)?;
    Ok(Proven::check(signed, keys)?)
}

/// Several of them.
pub(crate) fn prove_all<T: Statement>(blobs: &[Blob], keys: &PartyKeys) -> Result<Vec<Proven<T>>, Refusal> {
    blobs.iter().map(|blob| prove(blob, keys)).collect()
}

/// Refuses a statement that is about another thing than the request.
pub(crate) fn matches<T: PartialEq>(what: &str, stated: &T, asked: &T) -> Result<(), Refusal> {
    if stated == asked {
        Ok(())
    } else {
        Err(Refusal::bad_request(format!("a statement names another {what}")))
    }
}

/// A statement that says what its signer had seen of the log.
pub(crate) trait Observing {
    fn checkpoint(&self) -> CheckpointRef;
}

macro_rules! observing {
    ($($type:ty),*) => {$(
        impl Observing for $type {
            fn checkpoint(&self) -> CheckpointRef {
                self.checkpoint
            }
        }
    )*};
}

observing!(Epoch, Grant, Placement, RecordHead, Revocation);

/// The checkpoints that statements name, each once.
#[derive(Default)]
pub(crate) struct Observed(HashSet<CheckpointKey>);

type CheckpointKey = (u64, [u8; 32]);

impl Observed {
    pub(crate) fn add<T: Observing>(&mut self, statement: &T) {
        let checkpoint = statement.checkpoint();
        self.0.insert((checkpoint.size, *checkpoint.root.as_bytes()));
    }

    pub(crate) fn with<T: Observing>(mut self, statement: &T) -> Self {
        self.add(statement);
        self
    }

    /// Refuses what this log never was: other readers would refuse it too, and only when it is too late.
    pub(crate) async fn check(self, app: &App) -> Result<(), Refusal> {
        for (size, root) in self.0 {
            let known = app.log.root_at(&app.ledger, size).await?;
            if known.is_none_or(|known| *known.as_bytes() != root) {
                return Err(Refusal::bad_request("a statement names a checkpoint that this log never had"));
            }
        }
        Ok(())
    }
}
