//! Distributed point functions with one bit of output, in batches of trees that are walked side by side.
//!
//! A point function f_α is 1 at α and 0 elsewhere. Two keys share it: each alone says nothing about α, and
//! what the two evaluate to at any x differs exactly at α (Gilboa, Ishai, "Distributed point functions and
//! their applications", EUROCRYPT 2014; Boyle, Gilboa, Ishai, "Function secret sharing: improvements and
//! extensions", CCS 2016, figure 1, with the early termination of section 3.2.3: the last seven levels are
//! the bits of one block). The tree is that of Guo, Yang, Wang, Zhang, Xie, Liu, Zhao, "Half-Tree: halving
//! the cost of tree expansion in COT and DPF", EUROCRYPT 2023: the two parties' nodes on the way to α differ
//! by the same secret Δ at every level, elsewhere they are equal. The left child is H(s) ⊕ t·CW, the right
//! one is that ⊕ s, t the node's lowest bit: one AES a level instead of two for the dealer's each side, and a
//! correction word of exactly one block.
//!
//! Because left ⊕ right = s, a node's lowest bit is a share of "α is below here", and a walk to x adds up,
//! where it turns right, the left siblings' bits: shares of "α < x" (Storrier, Vadapalli, Lyons, Henry,
//! "Grotto", CCS 2023; Gupta, Jawalkar, Mukherjee, Chandran, Gupta, Panwar, Sharma, "SIGMA", PETS 2024). No
//! separate comparison function is needed.
//!
//! # Key format
//! ⌈(n − 7)⁺⌉ + 1 correction words of 16 bytes a key (n bits of input), in tiles of [`TILE`] keys, within a
//! tile level by level, the last tile as short as it is. Both parties get the same words. Roots are not in
//! it: they come from the parties' seeds.
//!
//! # Secure when
//! H is circular correlation robust ([`crate::prg`]), the roots are uniform but for the lowest bit, and each
//! key masks one value. Ideal functionality: takes α from the dealer and an x that both know, gives uniform
//! shares of f_α(x) and of "α < x".

use crate::prg::{Block, LANES, Permutation, Planted};

/// Keys that lie interleaved.
pub const TILE: usize = LANES;
/// Levels that early termination saves.
const LEAF_BITS: u32 = 7;
const BLOCK_BYTES: usize = 16;

/// Trees over so many bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Domain {
    bits: u32,
}

/// What a walk ends in, a lane a key: the two shares of each.
pub(crate) struct Reached {
    /// In the lowest bit, a share of "α is not right of the point".
    pub(crate) not_right: [u64; TILE],
}

impl Domain {
    /// Points of `bits` bits, 1 to 64.
    pub(crate) fn new(bits: u32) -> Self {
        debug_assert!((1..=64).contains(&bits), "{bits} bits");
        Self { bits }
    }

    /// Levels with a correction word of their own, above the leaf.
    fn levels(self) -> usize {
        self.bits.saturating_sub(LEAF_BITS) as usize
    }

    /// Bytes of a key's correction words.
    pub fn key_bytes(self) -> usize {
        BLOCK_BYTES * (self.levels() + 1)
    }

    /// Bits of a point that choose within the leaf.
    fn tail(self) -> u32 {
        self.bits.min(LEAF_BITS)
    }

    /// A point with its first step in the highest bit.
    fn aligned(self, point: u64) -> u64 {
        point << (64 - self.bits)
    }

    /// The point's place in its leaf.
    fn within_leaf(self, point: u64) -> u32 {
        (point & ((1 << self.tail()) - 1)) as u32
    }

    /// Correction words of a tile, one key for each of `points`, which are secret.
    ///
    /// The lowest bits of the roots are 0 for the first party and 1 for the second.
    pub(crate) fn generate(
        self,
        permutation: &Permutation,
        roots: [&[Block; TILE]; 2],
        points: &[u64],
        words: &mut [u8],
    ) {
        debug_assert_eq!(words.len(), points.len() * self.key_bytes());
        let mut planted = Planted {
            roots: *roots[0],
            differences: std::array::from_fn(|lane| roots[0][lane] ^ roots[1][lane]),
            points: [0; TILE],
            specials: [0; TILE],
        };
        for (lane, &point) in points.iter().enumerate() {
            planted.points[lane] = self.aligned(point);
            planted.specials[lane] = 1 << self.within_leaf(point);
        }
        if points.len() == TILE {
            return permutation.grow(&planted, words);
        }
        let mut wide = vec![0; TILE * self.key_bytes()];
        permutation.grow(&planted, &mut wide);
        let row = points.len() * BLOCK_BYTES;
        let levels = words.chunks_exact_mut(row.max(1)).zip(wide.chunks_exact(TILE * BLOCK_BYTES));
        levels.for_each(|(to, from)| to.copy_from_slice(&from[..row]));
    }

    /// Walks a tile of keys to one point each.
    pub(crate) fn reach(
        self,
        permutation: &Permutation,
        roots: &[Block; TILE],
        points: &[u64],
        words: &[u8],
    ) -> Reached {
        debug_assert_eq!(words.len(), points.len() * self.key_bytes());
        let mut ways = [0; TILE];
        ways.iter_mut().zip(points).for_each(|(way, point)| *way = self.aligned(*point));
        let walk = if points.len() == TILE {
            permutation.walk(roots, &ways, words)
        } else {
            permutation.walk(roots, &ways, &widened(words, points.len()))
        };
        let mut within = [0; TILE];
        within.iter_mut().zip(points).for_each(|(within, point)| *within = self.within_leaf(*point));
        let mut not_right = parities(&walk.nodes, &within);
        not_right.iter_mut().zip(&walk.left).for_each(|(bit, left)| *bit = (*bit ^ *left as u64) & 1);
        Reached { not_right }
    }
}

/// A short tile's words, each level filled up with zeros.
fn widened(words: &[u8], lanes: usize) -> Vec<u8> {
    let mut wide = Vec::with_capacity(words.len() / lanes.max(1) * TILE);
    for level in words.chunks_exact(lanes * BLOCK_BYTES) {
        wide.extend_from_slice(level);
        wide.resize(wide.len() + (TILE - lanes) * BLOCK_BYTES, 0);
    }
    wide
}

/// A share of "the special bit is among the leaf's lowest `within` + 1", for each lane.
fn parities(leaves: &[Block; TILE], within: &[u32; TILE]) -> [u64; TILE] {
    let mut folded: [u64; TILE] = std::array::from_fn(|lane| {
        let kept = leaves[lane] & Block::MAX >> (127 - within[lane]);
        kept as u64 ^ (kept >> 64) as u64
    });
    for shift in [32, 16, 8, 4, 2, 1] {
        folded.iter_mut().for_each(|bits| *bits ^= *bits >> shift);
    }
    folded
}

#[cfg(test)]
mod tests;
