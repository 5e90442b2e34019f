//! Merkle trees of RFC 6962 §2.1 / RFC 9162 §2.1: SHA-256, leaves and nodes hashed apart.

use std::fmt;

use data_encoding::HEXLOWER;
use thiserror::Error;
use tlog_tiles::tlog;

/// A tree larger than this is refused by the verifiers: 2^62 leaves.
const MAX_SIZE: u64 = 1 << 62;

/// No proof about a tree of at most [`MAX_SIZE`] leaves is longer.
const MAX_PROOF_LENGTH: usize = 64;

/// A SHA-256 hash of a leaf, a node or a whole tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Root of the tree without leaves: SHA-256 of nothing.
    pub const EMPTY: Self = Self(tlog::EMPTY_HASH.0);

    /// Takes a hash that was computed elsewhere.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The proof does not show what it claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the proof does not hold")]
pub struct BadProof;

/// The tree cannot answer for the position asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OutOfRange {
    /// The tree never had this size.
    #[error("the tree has {available} leaves, not {asked}")]
    Size {
        /// Size asked for.
        asked: u64,
        /// Size of the tree now.
        available: u64,
    },
    /// No leaf stands there at that size.
    #[error("leaf {index} is not among the first {size}")]
    Index {
        /// Position asked for, from 0.
        index: u64,
        /// Size of the tree asked for.
        size: u64,
    },
    /// The older tree would be the larger one.
    #[error("a tree of {old} leaves does not come before one of {new}")]
    Order {
        /// Size of the older tree.
        old: u64,
        /// Size of the newer tree.
        new: u64,
    },
}

/// Hash of a leaf: SHA-256(0x00 ‖ data).
pub fn leaf_hash(data: &[u8]) -> Hash {
    Hash(tlog::record_hash(data).0)
}

/// Root of the tree over these leaf hashes, in their order; nothing but the root is kept.
pub fn root(leaves: &[Hash]) -> Hash {
    let mut complete: Vec<tlog::Hash> = Vec::new();
    for (index, leaf) in leaves.iter().enumerate() {
        let mut subtree = tlog::Hash(leaf.0);
        for _ in 0..index.trailing_ones() {
            let left = complete.pop().expect("each trailing one is a complete left subtree");
            subtree = tlog::node_hash(left, subtree);
        }
        complete.push(subtree);
    }
    let folded = complete.into_iter().rev().reduce(|right, left| tlog::node_hash(left, right));
    folded.map_or(Hash::EMPTY, |hash| Hash(hash.0))
}

/// An append-only tree that keeps every complete subtree's hash (64 bytes a leaf).
///
/// Appending hashes twice a leaf on average; roots and proofs take steps logarithmic in the size.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    stored: Stored,
    size: u64,
}

impl Tree {
    /// A tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a leaf's hash and returns its position, from 0.
    pub fn append(&mut self, leaf: Hash) -> u64 {
        let index = self.size;
        let completed = tlog::stored_hashes_for_record_hash(index, tlog::Hash(leaf.0), &self.stored)
            .expect("the tree holds the subtrees that a leaf completes");
        self.stored.0.extend(completed);
        self.size += 1;
        index
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root now.
    pub fn root(&self) -> Hash {
        self.root_at(self.size).expect("a tree has its own size")
    }

    /// Root when the tree had `size` leaves.
    pub fn root_at(&self, size: u64) -> Result<Hash, OutOfRange> {
        self.check_size(size)?;
        let hash = tlog::tree_hash(size, &self.stored).expect("the tree holds its earlier subtrees");
        Ok(Hash(hash.0))
    }

    /// Hash of the leaf at a position, from 0.
    pub fn leaf(&self, index: u64) -> Option<Hash> {
        if index >= self.size {
            return None;
        }
        let at = usize::try_from(tlog::stored_hash_index(0, index)).ok()?;
        self.stored.0.get(at).map(|hash| Hash(hash.0))
    }

    /// Proof that leaf `index` is among the first `size` (RFC 9162 §2.1.3), nearest sibling first.
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Result<Vec<Hash>, OutOfRange> {
        self.check_size(size)?;
        if index >= size {
            return Err(OutOfRange::Index { index, size });
        }
        let proof = tlog::prove_record(size, index, &self.stored).expect("the tree holds its subtrees");
        Ok(proof.into_iter().map(|hash| Hash(hash.0)).collect())
    }

    /// Proof that the tree of `new` leaves continues that of `old` (RFC 9162 §2.1.4).
    ///
    /// Between equal sizes, and from the empty tree, there is nothing to show: the proof is empty.
    pub fn consistency_proof(&self, old: u64, new: u64) -> Result<Vec<Hash>, OutOfRange> {
        self.check_size(new)?;
        if old > new {
            return Err(OutOfRange::Order { old, new });
        }
        if old == 0 {
            return Ok(Vec::new());
        }
        let proof = tlog::prove_tree(new, old, &self.stored).expect("the tree holds its subtrees");
        Ok(proof.into_iter().map(|hash| Hash(hash.0)).collect())
    }

    fn check_size(&self, asked: u64) -> Result<(), OutOfRange> {
        let available = self.size;
        if asked > available { Err(OutOfRange::Size { asked, available }) } else { Ok(()) }
    }
}

impl Extend<Hash> for Tree {
    fn extend<I: IntoIterator<Item = Hash>>(&mut self, leaves: I) {
        for leaf in leaves {
            self.append(leaf);
        }
    }
}

impl FromIterator<Hash> for Tree {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Self {
        let mut tree = Self::new();
        tree.extend(leaves);
        tree
    }
}

/// Hashes of complete subtrees in the order in which appending completes them.
#[derive(Debug, Clone, Default)]
struct Stored(Vec<tlog::Hash>);

impl tlog::HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        let read = |&index: &u64| usize::try_from(index).ok().and_then(|at| self.0.get(at)).copied();
        indexes.iter().map(read).collect::<Option<_>>().ok_or(tlog::Error::IndexesNotInTree)
    }
}

/// Checks that `leaf` stands at `index` in the tree of `size` leaves with this root.
pub fn verify_inclusion(
    leaf: Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: Hash,
) -> Result<(), BadProof> {
    let proof = bounded(size, proof)?;
    tlog::check_record(&proof, size, tlog::Hash(root.0), index, tlog::Hash(leaf.0)).map_err(|_| BadProof)
}

/// Checks that the tree of `new_size` leaves continues that of `old_size`: nothing was changed or taken
/// away.
pub fn verify_consistency(
    old_size: u64,
    old_root: Hash,
    new_size: u64,
    new_root: Hash,
    proof: &[Hash],
) -> Result<(), BadProof> {
    let proof = bounded(new_size, proof)?;
    if old_size == 0 {
        return verify_from_empty(old_root, new_size, new_root, &proof);
    }
    let (old_root, new_root) = (tlog::Hash(old_root.0), tlog::Hash(new_root.0));
    tlog::check_tree(&proof, new_size, new_root, old_size, old_root).map_err(|_| BadProof)
}

/// Every tree continues the empty one; only the empty tree has its root.
fn verify_from_empty(
    old_root: Hash,
    new_size: u64,
    new_root: Hash,
    proof: &[tlog::Hash],
) -> Result<(), BadProof> {
    let roots_fit = old_root == Hash::EMPTY && (new_size > 0 || new_root == Hash::EMPTY);
    if roots_fit && proof.is_empty() { Ok(()) } else { Err(BadProof) }
}

fn bounded(size: u64, proof: &[Hash]) -> Result<Vec<tlog::Hash>, BadProof> {
    if size > MAX_SIZE || proof.len() > MAX_PROOF_LENGTH {
        return Err(BadProof);
    }
    Ok(proof.iter().map(|hash| tlog::Hash(hash.0)).collect())
}

#[cfg(test)]
mod tests;
