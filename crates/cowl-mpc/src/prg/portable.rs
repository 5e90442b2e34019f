//! What every processor can run, in constant time.

use aes::Aes128;
use aes::cipher::{BlockEncrypt, KeyInit};

use super::{Block, LANES, Permutation, Walk};

/// Crate `aes`: the processor's instructions where it finds them, bit-sliced otherwise.
pub(super) struct Cipher(Aes128);

impl Cipher {
    pub(super) fn new(key: &[u8; 16]) -> Self {
        Self(Aes128::new(key.into()))
    }

    pub(super) fn encrypt(&self, blocks: &mut [Block]) {
        const BATCH: usize = 16;
        let mut batch = [aes::Block::default(); BATCH];
        for chunk in blocks.chunks_mut(BATCH) {
            let batch = &mut batch[..chunk.len()];
            batch.iter_mut().zip(&*chunk).for_each(|(to, from)| *to = from.to_le_bytes().into());
            self.0.encrypt_blocks(batch);
            chunk.iter_mut().zip(&*batch).for_each(|(to, from)| *to = Block::from_le_bytes((*from).into()));
        }
    }
}

/// [`Permutation::walk`] level by level.
pub(super) fn walk(
    permutation: &Permutation,
    roots: &[Block; LANES],
    points: &[u64; LANES],
    words: &[u8],
) -> Walk {
    let mut walk = Walk { nodes: *roots, left: [0; LANES] };
    let mut points = *points;
    let mut hashed = [0; LANES];
    let (words, _) = words.as_chunks::<16>();
    let (leaf, levels) = words
        .split_last_chunk::<LANES>()
        .map(|(levels, leaf)| (leaf, levels))
        .unwrap_or((&[[0; 16]; LANES], &[]));
    for level in levels.chunks_exact(LANES) {
        permutation.hash(&walk.nodes, &mut hashed);
        for lane in 0..LANES {
            let node = walk.nodes[lane];
            let right = widen(points[lane] >> 63);
            let child = hashed[lane] ^ node & right ^ Block::from_le_bytes(level[lane]) & control(node);
            walk.left[lane] ^= (node ^ child) & right;
            walk.nodes[lane] = child;
            points[lane] <<= 1;
        }
    }
    permutation.hash(&walk.nodes, &mut hashed);
    for lane in 0..LANES {
        let correction = Block::from_le_bytes(leaf[lane]) & control(walk.nodes[lane]);
        walk.nodes[lane] = hashed[lane] ^ correction;
    }
    walk
}

fn widen(bit: u64) -> Block {
    Block::from(bit).wrapping_neg()
}

fn control(node: Block) -> Block {
    (node & 1).wrapping_neg()
}
