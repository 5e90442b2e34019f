//! Records: the items of one owner that belong together.

use cowl_crypto::digest::Digest;
use cowl_crypto::merkle::{self, Hash};
use minicbor::{Decode, Encode};

use crate::event::CheckpointRef;
use crate::id::{ItemId, PartyId, RecordId};
use crate::party::SealingKey;
use crate::time::Timestamp;
use crate::wire::{self, Statement};

/// "This record is mine." The first statement of a record; everything else in it must fit.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RecordGenesis {
    /// The record.
    #[n(0)]
    pub record: RecordId,
    /// Its owner, who signs.
    #[n(1)]
    pub owner: PartyId,
    /// When it was made.
    #[n(2)]
    pub made_at: Timestamp,
}

impl Statement for RecordGenesis {
    const CONTEXT: &'static str = "cowl/record/v1";
    const NAME: &'static str = "record";
}

/// A key period of a record: whoever holds its identity opens all items sealed in it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Epoch {
    /// The record.
    #[n(0)]
    pub record: RecordId,
    /// 0 for the first; one more with every re-keying of the record.
    #[n(1)]
    pub number: u32,
    /// The X-Wing key to which items of this epoch are sealed.
    #[n(2)]
    pub recipient: SealingKey,
    /// The digest of the epoch before, none for the first.
    #[cbor(n(3), with = "wire::optional_fixed")]
    pub previous: Option<Digest>,
    /// When it began.
    #[n(4)]
    pub made_at: Timestamp,
    /// What the owner had seen of the log.
    #[n(5)]
    pub checkpoint: CheckpointRef,
}

impl Statement for Epoch {
    const CONTEXT: &'static str = "cowl/epoch/v1";
    const NAME: &'static str = "epoch";
}

/// The state of a record as its owner last signed it: which items it holds, in which versions.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RecordHead {
    /// The record.
    #[n(0)]
    pub record: RecordId,
    /// One more with every change; a reader refuses a lower one than it has seen.
    #[n(1)]
    pub sequence: u64,
    /// The current epoch.
    #[n(2)]
    pub epoch: u32,
    /// [`ItemsRoot::root`] over all items.
    #[cbor(n(3), with = "wire::fixed")]
    pub items_root: Hash,
    /// How many items.
    #[n(4)]
    pub items: u64,
    /// The record's name, or its [`crate::RecordCard`], sealed to the epoch; empty when it has none.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub sealed_name: Vec<u8>,
    /// When it was signed.
    #[n(6)]
    pub made_at: Timestamp,
    /// What the owner had seen of the log.
    #[n(7)]
    pub checkpoint: CheckpointRef,
}

impl Statement for RecordHead {
    const CONTEXT: &'static str = "cowl/record-head/v1";
    const NAME: &'static str = "record head";
}

/// The RFC 6962 tree over a record's items, sorted by identifier: one leaf an item, with the digest of its
/// placement, so that nobody can put back an older version, leave one out or add one unnoticed.
#[derive(Debug, Clone, Default)]
pub struct ItemsRoot {
    leaves: Vec<(ItemId, Digest)>,
}

impl ItemsRoot {
    /// The tree over these items. Of an item named twice the later entry counts.
    pub fn new(items: impl IntoIterator<Item = (ItemId, Digest)>) -> Self {
        let sorted: std::collections::BTreeMap<_, _> = items.into_iter().collect();
        Self { leaves: sorted.into_iter().collect() }
    }

    /// How many items.
    pub fn len(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// The root hash.
    pub fn root(&self) -> Hash {
        merkle::root(&self.hashes())
    }

    /// The item's index and its inclusion proof; `None` for an item that is not there.
    pub fn prove(&self, item: &ItemId) -> Option<(u64, Vec<Hash>)> {
        let index = self.leaves.binary_search_by(|(id, _)| id.cmp(item)).ok()? as u64;
        let tree: merkle::Tree = self.hashes().into_iter().collect();
        let proof = tree.inclusion_proof(index, self.len()).ok()?;
        Some((index, proof))
    }

    /// The leaf of one item.
    pub fn leaf(item: &ItemId, placement: &Digest) -> Hash {
        merkle::leaf_hash(&[item.as_bytes().as_slice(), placement.as_bytes()].concat())
    }

    fn hashes(&self) -> Vec<Hash> {
        self.leaves.iter().map(|(item, placement)| Self::leaf(item, placement)).collect()
    }
}
