//! What every processor can run, in constant time.

use aes::Aes128;
use aes::cipher::{BlockEncrypt, KeyInit};

use super::{Block, LANES, Permutation, Planted, Walk};

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

/// [`Permutation::grow`] level by level.
pub(super) fn grow(permutation: &Permutation, planted: &Planted, words: &mut [u8]) {
    let (mut nodes, mut points) = (planted.roots, planted.points);
    let mut hashed = [[0; LANES]; 2];
    let (words, _) = words.as_chunks_mut::<16>();
    let levels = (words.len() / LANES).saturating_sub(1);
    for (level, words) in words.chunks_exact_mut(LANES).enumerate() {
        let others: [Block; LANES] = std::array::from_fn(|lane| nodes[lane] ^ planted.differences[lane]);
        permutation.hash(&nodes, &mut hashed[0]);
        permutation.hash(&others, &mut hashed[1]);
        for (lane, to) in words.iter_mut().enumerate() {
            let right = widen(points[lane] >> 63);
            let descends = planted.differences[lane] & !right;
            let changed = if level < levels { descends } else { planted.specials[lane] };
            let word = hashed[0][lane] ^ hashed[1][lane] ^ changed;
            *to = word.to_le_bytes();
            nodes[lane] = hashed[0][lane] ^ nodes[lane] & right ^ word & control(nodes[lane]);
            points[lane] <<= 1;
        }
    }
}

fn widen(bit: u64) -> Block {
    Block::from(bit).wrapping_neg()
}

fn control(node: Block) -> Block {
    (node & 1).wrapping_neg()
}
