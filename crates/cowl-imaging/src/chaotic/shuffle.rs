//! Permutation of blocks, rows and columns.

use super::SIDE;
use super::orbit::Seeds;

/// One permutation of an image of whole blocks.
pub(super) struct Shuffle {
    width: usize,
    /// Where each block, row and column of the result comes from.
    blocks: Vec<u32>,
    rows: Vec<u32>,
    columns: Vec<u32>,
}

impl Shuffle {
    pub(super) fn new(seeds: &Seeds, height: usize, width: usize) -> Self {
        let blocks = order(&seeds.block_orbit(height / SIDE * (width / SIDE)));
        let (rows, columns) = seeds.coupled_orbits(height, width);
        Self { width, blocks, rows: order(&rows), columns: order(&columns) }
    }

    pub(super) fn apply(&self, image: &[u8]) -> Vec<u8> {
        let mut permuted = vec![0u8; image.len()];
        for (target, &source) in self.blocks.iter().enumerate() {
            self.copy_block(image, source as usize, &mut permuted, target);
        }
        let mut out = vec![0u8; image.len()];
        for (line, &row) in out.chunks_exact_mut(self.width).zip(&self.rows) {
            let source = &permuted[row as usize * self.width..][..self.width];
            for (byte, &column) in line.iter_mut().zip(&self.columns) {
                *byte = source[column as usize];
            }
        }
        out
    }

    pub(super) fn undo(&self, image: &[u8]) -> Vec<u8> {
        let mut permuted = vec![0u8; image.len()];
        for (line, &row) in image.chunks_exact(self.width).zip(&self.rows) {
            let target = &mut permuted[row as usize * self.width..][..self.width];
            for (byte, &column) in line.iter().zip(&self.columns) {
                target[column as usize] = *byte;
            }
        }
        let mut out = vec![0u8; image.len()];
        for (source, &target) in self.blocks.iter().enumerate() {
            self.copy_block(&permuted, source, &mut out, target as usize);
        }
        out
    }

    fn copy_block(&self, from: &[u8], source: usize, to: &mut [u8], target: usize) {
        let (mut read, mut write) = (self.block_start(source), self.block_start(target));
        for _ in 0..SIDE {
            to[write..write + SIDE].copy_from_slice(&from[read..read + SIDE]);
            read += self.width;
            write += self.width;
        }
    }

    fn block_start(&self, block: usize) -> usize {
        let columns = self.width / SIDE;
        block / columns * SIDE * self.width + block % columns * SIDE
    }
}

/// Indices in the order of their values; equal values keep their order.
fn order(orbit: &[f64]) -> Vec<u32> {
    let mut keyed: Vec<(u64, u32)> =
        orbit.iter().zip(0..).map(|(value, index)| (value.to_bits(), index)).collect();
    // Bits of positive numbers are ordered as the numbers are.
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, index)| index).collect()
}
