//! Coding of one frame.
//!
//! ```text
//! transform u8: bit 0 predicted, bit 1 colour differences
//! for each component (second, first, third … with colour differences):
//!   predicted: activities · a stream for each activity that occurs · high bytes
//!   plain:     low bytes · high bytes
//! ```
//! Each of these is a length (u32, little endian) and a zstd frame; length 0 stands for zeros only.

use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

use super::bands::{self, Geometry};
use super::tiles;
use crate::framing::CodecError;
use crate::pixels::PixelLayout;
use crate::planes::{Keys, component_order, first_key, subtract_second_where_smaller};

pub(super) const PREDICTED: u8 = 1;
pub(super) const COLOUR_DIFFERENCES: u8 = 2;

/// Level of zstd for frames without prediction, where finding repetition is all.
const PLAIN_LEVEL: i32 = 3;

/// Codes frames of one layout; keeps its buffers between them. One a thread.
pub struct FrameEncoder {
    geometry: Geometry,
    keys_of: Keys,
    sections: Sections,
    components: Vec<Vec<i16>>,
    low: Vec<u8>,
    high: Vec<u8>,
    sorted: Vec<u8>,
}

impl FrameEncoder {
    /// An encoder of frames of this layout.
    ///
    /// # Errors
    /// [`CodecError::EntropyCoder`] when there is no memory.
    pub fn new(layout: &PixelLayout) -> Result<Self, CodecError> {
        let geometry = Geometry::new(layout.rows(), layout.columns());
        Ok(Self {
            geometry,
            keys_of: Keys::of(layout.format()),
            sections: Sections::new()?,
            components: vec![vec![0; layout.pixels_per_frame()]; layout.samples_per_pixel()],
            low: vec![0; geometry.padded()],
            high: vec![0; geometry.padded()],
            sorted: vec![0; geometry.padded()],
        })
    }

    /// Appends one coded frame to `out`.
    ///
    /// # Errors
    /// [`CodecError::RasterLength`] when `frame` has not the length that the layout says.
    pub fn encode(&mut self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
        let expected =
            self.geometry.rows * self.geometry.columns * self.components.len() * self.keys_of.bytes;
        if frame.len() != expected {
            return Err(CodecError::RasterLength { expected, actual: frame.len() });
        }
        let count = self.components.len();
        for (index, keys) in self.components.iter_mut().enumerate() {
            self.keys_of.load(frame, index, count, keys);
        }
        let start = out.len();
        self.encode_predicted(out)?;
        if self.components.iter().all(|keys| is_flat(keys)) {
            self.keep_plain_if_smaller(frame, start, out)?;
        }
        Ok(())
    }

    fn encode_predicted(&mut self, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let mut components = std::mem::take(&mut self.components);
        let colour = subtract_second_where_smaller(&mut components);
        out.push(PREDICTED | if colour { COLOUR_DIFFERENCES } else { 0 });
        let coded = component_order(components.len(), colour).try_for_each(|index| {
            self.encode_plane(&components[index], first_key(self.keys_of, colour, index), out)
        });
        self.components = components;
        coded
    }

    fn encode_plane(&mut self, keys: &[i16], first: i16, out: &mut Vec<u8>) -> Result<(), CodecError> {
        self.fold_residuals(keys, first);
        let stride = self.geometry.stride;
        let activities = tiles::activities(&self.low, &self.high, stride);
        tiles::sort(&self.low, stride, &activities, 0, &mut self.sorted);
        self.sections.write(&activities, out)?;
        let ranges = tiles::stream_ranges(&activities).expect("activities made here are in range");
        for range in ranges.iter().filter(|range| !range.is_empty()) {
            self.sections.write(&self.sorted[range.clone()], out)?;
        }
        let busy = tiles::with_high_bytes(&ranges);
        tiles::sort(&self.high, stride, &activities, tiles::FIRST_WITH_HIGH_BYTES, &mut self.sorted);
        self.sections.write(&self.sorted[busy], out)
    }

    fn fold_residuals(&mut self, keys: &[i16], first: i16) {
        let (stride, keys_of) = (self.geometry.stride, self.keys_of);
        let (low, high) = (&mut self.low, &mut self.high);
        bands::predict(&self.geometry, first, keys, |y, residuals| {
            let row = y * stride..(y + 1) * stride;
            for ((&residual, low), high) in residuals.iter().zip(&mut low[row.clone()]).zip(&mut high[row]) {
                let folded = keys_of.fold(residual);
                *low = folded as u8;
                *high = (folded >> 8) as u8;
            }
        });
    }

    fn keep_plain_if_smaller(&self, frame: &[u8], start: usize, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let mut plain = vec![0u8];
        let step = self.components.len() * self.keys_of.bytes;
        for byte in 0..step {
            let plane: Vec<u8> = frame.iter().skip(byte).step_by(step).copied().collect();
            let coded = zstd::bulk::compress(&plane, PLAIN_LEVEL).map_err(CodecError::EntropyCoder)?;
            plain.extend((coded.len() as u32).to_le_bytes());
            plain.extend(coded);
        }
        if plain.len() < out.len() - start {
            out.truncate(start);
            out.append(&mut plain);
        }
        Ok(())
    }
}

/// Whether most samples equal their left neighbour: then prediction may lose against plain repetition.
fn is_flat(keys: &[i16]) -> bool {
    const SHARE: usize = 4096;
    let equal = |keys: &[i16]| {
        let pairs = keys[1..].iter().zip(keys);
        usize::from(pairs.map(|(a, b)| u16::from(a == b)).sum::<u16>())
    };
    keys.chunks(SHARE).map(equal).sum::<usize>() >= keys.len() / 5 * 4
}

/// The entropy coder of the encoder, with its output buffer.
struct Sections {
    zstd: Compressor<'static>,
    coded: Vec<u8>,
}

impl Sections {
    fn new() -> Result<Self, CodecError> {
        let mut zstd = Compressor::new(1).map_err(CodecError::EntropyCoder)?;
        // Residuals are noise: short matches cost more than their literals, and looking for them costs time.
        for parameter in [CParameter::MinMatch(7), CParameter::HashLog(6)] {
            zstd.set_parameter(parameter).map_err(CodecError::EntropyCoder)?;
        }
        Ok(Self { zstd, coded: Vec::new() })
    }

    /// Appends the length of the coded `bytes` and then these.
    fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
        if bytes.iter().all(|&byte| byte == 0) {
            out.extend([0; 4]);
            return Ok(());
        }
        self.coded.clear();
        self.coded.reserve(zstd::zstd_safe::compress_bound(bytes.len()));
        self.zstd.compress_to_buffer(bytes, &mut self.coded).map_err(CodecError::EntropyCoder)?;
        out.extend((self.coded.len() as u32).to_le_bytes());
        out.extend_from_slice(&self.coded);
        Ok(())
    }
}
