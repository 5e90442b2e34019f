//! Decoding of one frame; the format is described with its coding.

use zstd::bulk::Decompressor;

use super::bands::{self, Geometry};
use super::encode::{COLOUR_DIFFERENCES, PREDICTED};
use super::tiles::{self, TILE};
use crate::framing::CodecError;
use crate::pixels::PixelLayout;
use crate::planes::{Keys, add_second, component_order, first_key};

const COLOUR: u8 = PREDICTED | COLOUR_DIFFERENCES;

/// Decodes frames of one layout; keeps its buffers between them. One a thread.
pub struct FrameDecoder {
    geometry: Geometry,
    keys_of: Keys,
    zstd: Decompressor<'static>,
    components: Vec<Vec<u8>>,
    low: Vec<u8>,
    high: Vec<u8>,
    sorted: Vec<u8>,
    activities: Vec<u8>,
}

impl FrameDecoder {
    /// A decoder of frames of this layout.
    ///
    /// # Errors
    /// [`CodecError::EntropyCoder`] when there is no memory.
    pub fn new(layout: &PixelLayout) -> Result<Self, CodecError> {
        let geometry = Geometry::new(layout.rows(), layout.columns());
        Ok(Self {
            geometry,
            keys_of: Keys::of(layout.format()),
            zstd: Decompressor::new().map_err(CodecError::EntropyCoder)?,
            components: vec![Vec::new(); layout.samples_per_pixel()],
            low: Vec::new(),
            high: Vec::new(),
            sorted: Vec::new(),
            activities: Vec::new(),
        })
    }

    /// Decodes one frame into `frame`.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are not a whole coded frame of this layout, or `frame` has not its length.
    pub fn decode(&mut self, coded: &[u8], frame: &mut [u8]) -> Result<(), CodecError> {
        let count = self.components.len();
        let expected = self.geometry.rows * self.geometry.columns * count * self.keys_of.bytes;
        if frame.len() != expected {
            return Err(CodecError::RasterLength { expected, actual: frame.len() });
        }
        let (&transform, mut rest) = coded.split_first().ok_or(CodecError::Truncated)?;
        match transform {
            0 => self.decode_plain(&mut rest, frame)?,
            PREDICTED if count == 1 => self.decode_gray(&mut rest, frame)?,
            PREDICTED => self.decode_components(&mut rest, false, frame)?,
            COLOUR if count == 3 => self.decode_components(&mut rest, true, frame)?,
            _ => return Err(CodecError::Damaged("transform")),
        }
        if rest.is_empty() { Ok(()) } else { Err(CodecError::Damaged("bytes after a frame")) }
    }

    fn decode_plain(&mut self, rest: &mut &[u8], frame: &mut [u8]) -> Result<(), CodecError> {
        let step = self.components.len() * self.keys_of.bytes;
        for byte in 0..step {
            self.low.resize(frame.len() / step, 0);
            read_section(&mut self.zstd, rest, &mut self.low)?;
            for (pixel, &value) in frame.chunks_exact_mut(step).zip(&self.low) {
                pixel[byte] = value;
            }
        }
        Ok(())
    }

    fn decode_gray(&mut self, rest: &mut &[u8], frame: &mut [u8]) -> Result<(), CodecError> {
        let keys_of = self.keys_of;
        let row_bytes = self.geometry.columns * keys_of.bytes;
        self.decode_plane(rest, keys_of.zero(), |y, keys| {
            keys_of.store(keys, 0, 1, &mut frame[y * row_bytes..(y + 1) * row_bytes]);
        })
    }

    fn decode_components(
        &mut self,
        rest: &mut &[u8],
        colour: bool,
        frame: &mut [u8],
    ) -> Result<(), CodecError> {
        let (keys_of, row_bytes) = (self.keys_of, 2 * self.geometry.columns);
        let count = self.components.len();
        for index in component_order(count, colour) {
            let mut keys = std::mem::take(&mut self.components[index]);
            keys.resize(row_bytes * self.geometry.rows, 0);
            self.decode_plane(rest, first_key(keys_of, colour, index), |y, row| {
                keys[y * row_bytes..(y + 1) * row_bytes].copy_from_slice(row);
            })?;
            if colour && index != 1 {
                add_second(&mut keys, &self.components[1]);
            }
            keys_of.store(&keys, index, count, frame);
            self.components[index] = keys;
        }
        Ok(())
    }

    fn decode_plane(
        &mut self,
        rest: &mut &[u8],
        first: i16,
        store: impl FnMut(usize, &[u8]),
    ) -> Result<(), CodecError> {
        let has_high = self.read_planes(rest)?;
        let (stride, keys_of) = (self.geometry.stride, self.keys_of);
        let (low, high) = (&self.low, &self.high);
        let load = |y: usize, residuals: &mut [u8]| {
            let residuals = residuals.chunks_exact_mut(2);
            let row = y * stride..(y + 1) * stride;
            if has_high {
                for ((residual, &low), &high) in residuals.zip(&low[row.clone()]).zip(&high[row]) {
                    residual.copy_from_slice(&keys_of.unfold(u16::from_le_bytes([low, high])).to_le_bytes());
                }
            } else {
                for (residual, &low) in residuals.zip(&low[row]) {
                    residual.copy_from_slice(&keys_of.unfold(u16::from(low)).to_le_bytes());
                }
            }
        };
        bands::reconstruct(&self.geometry, first, load, store);
        Ok(())
    }

    /// Fills `low` and `high`; false when all high bytes are zero (then `high` is left alone).
    fn read_planes(&mut self, rest: &mut &[u8]) -> Result<bool, CodecError> {
        let padded = self.geometry.padded();
        self.activities.resize(padded / TILE, 0);
        self.sorted.resize(padded, 0);
        self.low.resize(padded, 0);
        read_section(&mut self.zstd, rest, &mut self.activities)?;
        let ranges = tiles::stream_ranges(&self.activities).ok_or(CodecError::Damaged("tile activity"))?;
        for range in ranges.iter().filter(|range| !range.is_empty()) {
            read_section(&mut self.zstd, rest, &mut self.sorted[range.clone()])?;
        }
        tiles::unsort(&self.sorted, &self.activities, 0, self.geometry.stride, &mut self.low);
        if let Some(after) = rest.strip_prefix(&[0; 4]) {
            *rest = after;
            return Ok(false);
        }
        self.high.clear();
        self.high.resize(padded, 0);
        read_section(&mut self.zstd, rest, &mut self.sorted[tiles::with_high_bytes(&ranges)])?;
        let first = tiles::FIRST_WITH_HIGH_BYTES;
        tiles::unsort(&self.sorted, &self.activities, first, self.geometry.stride, &mut self.high);
        Ok(true)
    }
}

fn read_section(zstd: &mut Decompressor<'_>, rest: &mut &[u8], out: &mut [u8]) -> Result<(), CodecError> {
    let (length, after) = rest.split_first_chunk::<4>().ok_or(CodecError::Truncated)?;
    let length = u32::from_le_bytes(*length) as usize;
    if length == 0 {
        out.fill(0);
        *rest = after;
        return Ok(());
    }
    let (section, after) = after.split_at_checked(length).ok_or(CodecError::Truncated)?;
    let written =
        zstd.decompress_to_buffer(section, out).map_err(|_| CodecError::Damaged("entropy-coded section"))?;
    if written != out.len() {
        return Err(CodecError::Damaged("length of an entropy-coded section"));
    }
    *rest = after;
    Ok(())
}
