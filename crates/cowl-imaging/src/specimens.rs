//! Images for tests, made from a seed.

use proptest::prelude::*;

use crate::framing::CodecError;
use crate::pixels::{PixelLayout, SampleFormat};

/// A layout and the pixels in it.
type Raster = (PixelLayout, Vec<u8>);

/// Both directions of a lossless codec, and what must hold of each such.
#[derive(Clone, Copy)]
pub(crate) struct Codec {
    pub(crate) encode: fn(&PixelLayout, &[u8]) -> Result<Vec<u8>, CodecError>,
    pub(crate) decode: fn(&[u8]) -> Result<Raster, CodecError>,
}

impl Codec {
    /// How many bytes the image takes; it comes back as it was.
    pub(crate) fn assert_round_trip(self, layout: &PixelLayout, raster: &[u8]) -> usize {
        let stream = (self.encode)(layout, raster).unwrap();
        let (decoded_layout, decoded) = (self.decode)(&stream).unwrap();
        assert_eq!(&decoded_layout, layout);
        assert!(decoded == raster, "{layout:?} does not come back");
        stream.len()
    }

    /// Every texture, depth and awkward size comes back.
    pub(crate) fn assert_round_trips(self) {
        for (rows, columns) in AWKWARD_SIZES {
            for (bits, signed) in [(8, false), (8, true), (12, false), (12, true), (16, false), (16, true)] {
                for texture in TEXTURES {
                    let layout = layout(rows, columns, 2, 1, bits, signed);
                    self.assert_round_trip(&layout, &raster(&layout, texture, 7));
                }
            }
        }
    }

    /// No truncation is taken, and no flipped bit makes it panic.
    pub(crate) fn assert_withstands_damage(self, layout: &PixelLayout) {
        let stream = (self.encode)(layout, &raster(layout, Texture::Smooth, 5)).unwrap();
        for length in 0..stream.len() {
            assert!((self.decode)(&stream[..length]).is_err(), "a stream cut at {length} is taken");
        }
        for bit in 0..stream.len() * 8 {
            let mut damaged = stream.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let _ = (self.decode)(&damaged);
        }
    }
}

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
