//! Blocks of 8 × 8, their cosine transform (ITU-T T.81 A.3.3) and quantisation.

use super::Quality;

const SIDE: usize = 8;
const BLOCK: usize = SIDE * SIDE;

/// `COSINES[u][x]` = ½ C(u) cos((2x + 1) u π / 16).
const COSINES: [[f32; SIDE]; SIDE] = {
    // cos(k π / 16) / 2 for k = 0..8, and cos(π / 4) / 2 for the first row.
    const HALF: [f32; 9] = [
        0.5,
        0.490_392_64,
        0.461_939_77,
        0.415_734_8,
        0.353_553_4,
        0.277_785_12,
        0.191_341_72,
        0.097_545_16,
        0.0,
    ];
    let mut rows = [[HALF[4]; SIDE]; SIDE];
    let mut u = 1;
    while u < SIDE {
        let mut x = 0;
        while x < SIDE {
            let angle = ((2 * x + 1) * u) % 32;
            let folded = if angle > 16 { 32 - angle } else { angle };
            rows[u][x] = if folded > 8 { -HALF[16 - folded] } else { HALF[folded] };
            x += 1;
        }
        u += 1;
    }
    rows
};

/// Raster position of each position of the zigzag order (T.81 Figure A.6).
const ZIGZAG: [u8; BLOCK] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// T.81 Table K.1.
const LUMA: [u8; BLOCK] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17,
    22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78,
    87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];

/// T.81 Table K.2: all that is not listed is 99.
const CHROMA_CORNER: [[u8; 4]; 4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]];

/// Step of each coefficient.
pub(super) struct Quantiser([f32; BLOCK]);

impl Quantiser {
    /// The tables of T.81 Annex K, scaled as the Independent JPEG Group does.
    pub(super) fn new(quality: Quality, chroma: bool) -> Self {
        let quality = u32::from(quality.get());
        let scale = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
        Self(std::array::from_fn(|at| {
            let base = match (chroma, at / SIDE, at % SIDE) {
                (false, ..) => LUMA[at],
                (true, row @ 0..4, column @ 0..4) => CHROMA_CORNER[row][column],
                _ => 99,
            };
            ((u32::from(base) * scale + 50) / 100).clamp(1, 255) as f32
        }))
    }
}

/// Samples of one channel, around zero.
pub(super) struct Plane {
    size: (usize, usize),
    samples: Vec<f32>,
}

/// Quantised coefficients: for each position in zigzag order, those of all blocks.
pub(super) struct Coefficients {
    blocks: usize,
    values: Vec<i16>,
}

impl Plane {
    pub(super) fn new(size: (usize, usize), samples: Vec<f32>) -> Self {
        Self { size, samples }
    }

    pub(super) fn samples(&self) -> &[f32] {
        &self.samples
    }

    fn block_columns(&self) -> usize {
        self.size.0.div_ceil(SIDE)
    }

    fn blocks(&self) -> usize {
        self.block_columns() * self.size.1.div_ceil(SIDE)
    }

    pub(super) fn quantise(&self, quantiser: &Quantiser) -> Coefficients {
        let blocks = self.blocks();
        let mut values = vec![0i16; blocks * BLOCK];
        for block in 0..blocks {
            let transformed = forward(&self.block(block));
            for (position, &at) in ZIGZAG.iter().enumerate() {
                let at = usize::from(at);
                values[position * blocks + block] = (transformed[at] / quantiser.0[at]).round() as i16;
            }
        }
        Coefficients { blocks, values }
    }

    /// A block; past the edges the last sample is repeated.
    fn block(&self, index: usize) -> [f32; BLOCK] {
        let (width, height) = self.size;
        let (left, top) = (index % self.block_columns() * SIDE, index / self.block_columns() * SIDE);
        std::array::from_fn(|at| {
            let (x, y) = ((left + at % SIDE).min(width - 1), (top + at / SIDE).min(height - 1));
            self.samples[y * width + x]
        })
    }

    fn set_block(&mut self, index: usize, block: &[f32; BLOCK]) {
        let (width, height) = self.size;
        let (left, top) = (index % self.block_columns() * SIDE, index / self.block_columns() * SIDE);
        let columns = SIDE.min(width - left);
        for (row, line) in block.chunks_exact(SIDE).enumerate().take(height - top) {
            self.samples[(top + row) * width + left..][..columns].copy_from_slice(&line[..columns]);
        }
    }

    /// Reads the coefficients of a plane and transforms them back; `None` when they are damaged.
    pub(super) fn read(size: (usize, usize), quantiser: &Quantiser, symbols: &mut &[u8]) -> Option<Self> {
        let mut plane = Self { size, samples: Vec::new() };
        let coefficients = Coefficients::read(plane.blocks(), symbols)?;
        plane.samples = vec![0.0; size.0 * size.1];
        for block in 0..coefficients.blocks {
            let mut values = [0f32; BLOCK];
            for (position, &at) in ZIGZAG.iter().enumerate() {
                let value = f32::from(coefficients.values[position * coefficients.blocks + block]);
                values[usize::from(at)] = value * quantiser.0[usize::from(at)];
            }
            plane.set_block(block, &inverse(&values));
        }
        Some(plane)
    }
}

impl Coefficients {
    pub(super) fn write(&self, symbols: &mut Vec<u8>) {
        let mut last = 0i16;
        for (index, &value) in self.values.iter().enumerate() {
            let value = if index < self.blocks {
                value.wrapping_sub(std::mem::replace(&mut last, value))
            } else {
                value
            };
            let mut folded = ((value << 1) ^ (value >> 15)) as u16;
            while folded >= 0x80 {
                symbols.push(folded as u8 | 0x80);
                folded >>= 7;
            }
            symbols.push(folded as u8);
        }
    }

    fn read(blocks: usize, symbols: &mut &[u8]) -> Option<Self> {
        // Each coefficient takes a byte at least, so that the reservation is no larger than what was read.
        let count = blocks * BLOCK;
        let mut values = Vec::with_capacity(count.min(symbols.len()));
        let mut last = 0i16;
        for index in 0..count {
            let folded = read_folded(symbols)?;
            let value = (folded >> 1) as i16 ^ -((folded & 1) as i16);
            last = if index < blocks { last.wrapping_add(value) } else { value };
            values.push(last);
        }
        Some(Self { blocks, values })
    }
}

fn read_folded(symbols: &mut &[u8]) -> Option<u16> {
    let mut folded = 0u32;
    for shift in [0, 7, 14] {
        let (&byte, rest) = symbols.split_first()?;
        *symbols = rest;
        folded |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return u16::try_from(folded).ok();
        }
    }
    None
}

fn forward(block: &[f32; BLOCK]) -> [f32; BLOCK] {
    transform_columns(&transform_columns(block, forward_weight), forward_weight)
}

fn inverse(block: &[f32; BLOCK]) -> [f32; BLOCK] {
    transform_columns(&transform_columns(block, inverse_weight), inverse_weight)
}

fn forward_weight(out: usize, from: usize) -> f32 {
    COSINES[out][from]
}

fn inverse_weight(out: usize, from: usize) -> f32 {
    COSINES[from][out]
}

/// Transforms the columns and transposes, so that two calls transform both ways round.
#[inline(always)]
fn transform_columns(block: &[f32; BLOCK], weight: fn(usize, usize) -> f32) -> [f32; BLOCK] {
    let mut transposed = [0f32; BLOCK];
    for out in 0..SIDE {
        let mut line = [0f32; SIDE];
        for (from, row) in block.chunks_exact(SIDE).enumerate() {
            let weight = weight(out, from);
            for (sum, &value) in line.iter_mut().zip(row) {
                *sum += weight * value;
            }
        }
        for (column, &sum) in line.iter().enumerate() {
            transposed[column * SIDE + out] = sum;
        }
    }
    transposed
}
