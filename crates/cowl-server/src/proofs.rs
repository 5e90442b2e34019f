//! Where an item stands in its record's head, for readers who may not see the whole record.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use cowl_api::Blob;
use cowl_api::types::{ItemProof, ItemRow};
use cowl_crypto::digest::Digest;
use cowl_crypto::merkle::Tree;
use cowl_domain::{ItemId, ItemsRoot, PartyId, RecordHead, RecordId, Signed};

use cowl_store::ledger;

use crate::app::App;
use crate::refusal::Refusal;

/// Records whose trees are kept; beyond that all are dropped and grow again when asked for.
const MAX_RECORDS: usize = 256;
/// Heads move while they are looked at; this often in a row is no accident.
const ATTEMPTS: usize = 5;

/// The trees of records that were asked for, each under the head that it belongs to.
#[derive(Default)]
pub(crate) struct ProofCache(Mutex<HashMap<RecordId, (Digest, Arc<ItemTree>)>>);

/// One record's items as its head commits to them.
pub(crate) struct ItemTree {
    items: Vec<ItemId>,
    tree: Tree,
}

impl ItemTree {
    fn new(mut placements: Vec<(ItemId, Digest)>) -> Self {
        placements.sort_unstable();
        let tree = placements.iter().map(|(item, placement)| ItemsRoot::leaf(item, placement)).collect();
        Self { items: placements.into_iter().map(|(item, _)| item).collect(), tree }
    }

    /// `None` for an item that the head does not hold.
    pub(crate) fn prove(&self, item: &ItemId) -> Option<ItemProof> {
        let index = self.items.binary_search(item).ok()? as u64;
        let hashes = self.tree.inclusion_proof(index, self.tree.size()).ok()?;
        Some(ItemProof {
            index,
            hashes: hashes.iter().map(|hash| Blob::from(hash.as_bytes().as_slice())).collect(),
        })
    }
}

impl ProofCache {
    /// The tree of the record's newest head.
    pub(crate) async fn tree(
        &self,
        app: &App,
        caller: &PartyId,
        record: &RecordId,
    ) -> Result<Arc<ItemTree>, Refusal> {
        for _ in 0..ATTEMPTS {
            let head =
                Signed::<RecordHead>::from_bytes(&app.ledger.record(caller, record, app.now()).await?.head)?;
            if let Some(known) = self.known(record, &head.digest()) {
                return Ok(known);
            }
            let tree = ItemTree::new(app.ledger.item_placements(record).await?);
            if tree.tree.root() == head.dangerous_unverified()?.items_root {
                return Ok(self.keep(*record, head.digest(), tree));
            }
        }
        tracing::error!("the items of a record do not fit its head");
        Err(Refusal::internal())
    }

    fn known(&self, record: &RecordId, head: &Digest) -> Option<Arc<ItemTree>> {
        let known = self.0.lock().expect("no holder of this lock panics");
        known.get(record).filter(|(kept, _)| kept == head).map(|(_, tree)| tree.clone())
    }

    fn keep(&self, record: RecordId, head: Digest, tree: ItemTree) -> Arc<ItemTree> {
        let tree = Arc::new(tree);
        let mut known = self.0.lock().expect("no holder of this lock panics");
        if known.len() >= MAX_RECORDS {
            known.clear();
        }
        known.insert(record, (head, tree.clone()));
        tree
    }
}

/// The rows as they travel, with proofs if there is a tree.
pub(crate) fn item_rows(rows: Vec<ledger::ItemRow>, tree: Option<&ItemTree>) -> Vec<ItemRow> {
    let row = |row: ledger::ItemRow| ItemRow {
        item: row.item.to_string(),
        placement: row.placement.into(),
        header: row.header.into(),
        manifest: row.manifest.into(),
        appended: row.appended,
        proof: tree.and_then(|tree| tree.prove(&row.item)),
    };
    rows.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_are_those_of_the_domain() {
        let item = |n: u8| (ItemId::from_bytes([n; 16]), Digest::of(&[n]));
        let items: Vec<_> = [9, 3, 7, 1, 5].map(item).to_vec();
        let (root, tree) = (ItemsRoot::new(items.clone()), ItemTree::new(items.clone()));
        assert_eq!(tree.tree.root(), root.root());
        for (id, _) in &items {
            let (index, hashes) = root.prove(id).unwrap();
            let proof = tree.prove(id).unwrap();
            let expected: Vec<_> = hashes.iter().map(|hash| Blob::from(hash.as_bytes().as_slice())).collect();
            assert_eq!((proof.index, proof.hashes), (index, expected));
        }
        assert!(tree.prove(&ItemId::from_bytes([2; 16])).is_none());
    }
}
