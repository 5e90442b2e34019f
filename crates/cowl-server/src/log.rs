//! The Merkle log: a tree in memory, kept in step with the ledger's leaves, and its signed checkpoints.
//!
//! Only the ledger decides what is in the log. Every process derives the same tree from it, so any of
//! them may answer any question.

use cowl_crypto::digest::Digest;
use cowl_crypto::log::{Checkpoint, sign_checkpoint};
use cowl_crypto::merkle::{Hash, Tree};
use cowl_crypto::sign::{SigningKey, VerifyingKey};
use cowl_store::Ledger;
use tokio::sync::Mutex;

use crate::refusal::Refusal;

mod routes;

pub(crate) use routes::{bindings, checkpoint, consistency, events, inclusion};

/// Leaves fetched at once while catching up.
const BATCH: u64 = 65_536;

pub(crate) struct Log {
    origin: String,
    verifying_key: VerifyingKey,
    tree: Mutex<Tree>,
}

impl Log {
    pub(crate) fn new(origin: Option<String>, key: &SigningKey) -> Self {
        let verifying_key = key.verifying_key();
        let origin = origin.unwrap_or_else(|| default_origin(&verifying_key));
        Self { origin, verifying_key, tree: Mutex::default() }
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying_key
    }

    /// The newest checkpoint, signed.
    pub(crate) async fn checkpoint(&self, ledger: &Ledger, key: &SigningKey) -> Result<String, Refusal> {
        let (size, root) = self.with_tree(ledger, u64::MAX, |tree| (tree.size(), tree.root())).await?;
        let checkpoint = Checkpoint { origin: self.origin.clone(), size, root };
        sign_checkpoint(&checkpoint, &self.origin, key).map_err(|error| {
            tracing::error!(%error, "the checkpoint cannot be signed");
            Refusal::internal()
        })
    }

    /// The root when the log had `size` leaves; `None` when it never had.
    pub(crate) async fn root_at(&self, ledger: &Ledger, size: u64) -> Result<Option<Hash>, Refusal> {
        self.with_tree(ledger, size, |tree| tree.root_at(size).ok()).await
    }

    /// Looks at the tree once it has `size` leaves, or all there are.
    pub(crate) async fn with_tree<R>(
        &self,
        ledger: &Ledger,
        size: u64,
        look: impl FnOnce(&Tree) -> R,
    ) -> Result<R, Refusal> {
        let mut tree = self.tree.lock().await;
        if tree.size() < size {
            catch_up(&mut tree, ledger).await?;
        }
        Ok(look(&tree))
    }
}

async fn catch_up(tree: &mut Tree, ledger: &Ledger) -> Result<(), Refusal> {
    let target = ledger.log_size().await?;
    while tree.size() < target {
        let until = target.min(tree.size() + BATCH);
        let leaves = ledger.leaves(tree.size(), until).await?;
        if leaves.is_empty() {
            tracing::error!("the log's leaves have a gap");
            return Err(Refusal::internal());
        }
        tree.extend(leaves);
    }
    Ok(())
}

/// Stable as long as the key is, and no two logs share it.
fn default_origin(key: &VerifyingKey) -> String {
    let digest = Digest::derive("cowl/server/origin/v1", key.as_bytes()).to_string();
    format!("cowl.local/{}", &digest[..16])
}
