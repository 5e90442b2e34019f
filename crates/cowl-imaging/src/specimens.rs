//! Images for tests, made from a seed.

use proptest::prelude::*;

use crate::pixels::{PixelLayout, SampleFormat};

/// A small generator (xorshift64*), so that specimens are the same everywhere.
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32
    }
}

/// What an image looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Texture {
    /// Every bit is random.
    Noise,
    /// A slope with a little noise and an edge.
    Smooth,
    /// Few values in large areas.
    Mask,
    /// One value.
    Constant,
    /// The least and the greatest value by turns.
    Extremes,
}

pub(crate) const TEXTURES: [Texture; 5] =
    [Texture::Noise, Texture::Smooth, Texture::Mask, Texture::Constant, Texture::Extremes];

pub(crate) fn layout(
    rows: u32,
    columns: u32,
    frames: u32,
    samples: u16,
    bits: u16,
    signed: bool,
) -> PixelLayout {
    let format = SampleFormat::new(if bits > 8 { 16 } else { 8 }, bits, signed).unwrap();
    PixelLayout::new(rows, columns, frames, samples, format).unwrap()
}

/// Samples of a texture that keep to the stored bits.
pub(crate) fn raster(layout: &PixelLayout, texture: Texture, seed: u64) -> Vec<u8> {
    let mut noise = Noise::new(seed);
    let bits = u32::from(layout.format().bits_stored());
    let mask = (1u32 << bits) - 1;
    let mut out = Vec::with_capacity(layout.raster_bytes());
    for index in 0..layout.raster_bytes() / layout.format().bytes() {
        let (x, y) = (index as u32 % layout.columns() as u32, index as u32 / layout.columns() as u32);
        let value = match texture {
            Texture::Noise => noise.next(),
            Texture::Smooth => 3 * x + 2 * y + noise.next() % 4 + if x > y { mask / 3 } else { 0 },
            Texture::Mask => (x / 7 + y / 5) % 3,
            Texture::Constant => seed as u32,
            Texture::Extremes => (index as u32 % 2) * mask,
        } & mask;
        let signed_excess = if layout.format().is_signed() && value >> (bits - 1) == 1 { !mask } else { 0 };
        let stored = value | signed_excess;
        out.extend_from_slice(&stored.to_le_bytes()[..layout.format().bytes()]);
    }
    out
}

/// Any small layout with any texture.
pub(crate) fn any_image() -> impl Strategy<Value = (PixelLayout, Vec<u8>)> {
    let shape = (1u32..40, 1u32..40, 1u32..4, prop::sample::select(vec![1u16, 1, 2, 3, 4]));
    let depth = (prop::sample::select(vec![1u16, 5, 8, 9, 12, 16]), any::<bool>());
    (shape, depth, prop::sample::select(TEXTURES.to_vec()), any::<u64>()).prop_map(
        |((rows, columns, frames, samples), (bits, signed), texture, seed)| {
            let layout = layout(rows, columns, frames, samples, bits, signed);
            let raster = raster(&layout, texture, seed);
            (layout, raster)
        },
    )
}

/// Sides that are easily got wrong.
pub(crate) const AWKWARD_SIZES: [(u32, u32); 10] =
    [(1, 1), (1, 7), (7, 1), (1, 300), (300, 1), (15, 17), (16, 16), (17, 15), (64, 33), (33, 130)];
