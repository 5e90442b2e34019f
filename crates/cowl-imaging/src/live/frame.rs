//! One frame of the *live* codec.
//!
//! ```text
//! transform u8: bit 0 predicted, bit 1 colour differences
//! for each component (second, first, third … with colour differences):
//!   predicted: activities · a stream for each activity that occurs · high bytes
//!   plain:     low bytes · high bytes
//! ```
//! Each of these is a length (u32, little endian) and a zstd frame; length 0 stands for zeros only.

use zstd::bulk::{Compressor, Decompressor};

use super::bands::{self, Geometry};
use super::tiles::{self, TILE};
use crate::framing::CodecError;
use crate::pixels::{PixelLayout, SampleFormat};

const PREDICTED: u8 = 1;
const COLOUR_DIFFERENCES: u8 = 2;

/// Maps samples to keys: 16-bit numbers whose order and wrapping arithmetic are those of the samples.
#[derive(Clone, Copy)]
struct Keys {
    bytes: usize,
    bias: u16,
    /// 8-bit samples are kept in the upper half of the key, so that they wrap where a byte does.
    shift: u32,
}

impl Keys {
    fn of(format: SampleFormat) -> Self {
        let bias = if format.is_signed() { 0 } else { 0x8000 };
        Self { bytes: format.bytes(), bias, shift: 16 - u32::from(format.bits_allocated()) }
    }

    /// The key of sample zero.
    fn zero(self) -> i16 {
        self.bias as i16
    }

    fn load(self, samples: &[u8], component: usize, components: usize, keys: &mut [i16]) {
        let pixels = samples.chunks_exact(components * self.bytes);
        let at = component * self.bytes;
        match (self.bytes, components) {
            (2, 1) => {
                for (key, sample) in keys.iter_mut().zip(samples.chunks_exact(2)) {
                    *key = (u16::from_le_bytes([sample[0], sample[1]]) ^ self.bias) as i16;
                }
            }
            (2, _) => {
                for (key, pixel) in keys.iter_mut().zip(pixels) {
                    *key = (u16::from_le_bytes([pixel[at], pixel[at + 1]]) ^ self.bias) as i16;
                }
            }
            _ => {
                for (key, pixel) in keys.iter_mut().zip(pixels) {
                    *key = ((u16::from(pixel[at]) << 8) ^ self.bias) as i16;
                }
            }
        }
    }

    fn store(self, keys: &[i16], component: usize, components: usize, samples: &mut [u8]) {
        let at = component * self.bytes;
        match (self.bytes, components) {
            (2, 1) => {
                for (&key, sample) in keys.iter().zip(samples.chunks_exact_mut(2)) {
                    sample.copy_from_slice(&(key as u16 ^ self.bias).to_le_bytes());
                }
            }
            (2, _) => {
                for (&key, pixel) in keys.iter().zip(samples.chunks_exact_mut(2 * components)) {
                    pixel[at..at + 2].copy_from_slice(&(key as u16 ^ self.bias).to_le_bytes());
                }
            }
            _ => {
                for (&key, pixel) in keys.iter().zip(samples.chunks_exact_mut(components)) {
                    pixel[at] = ((key as u16 ^ self.bias) >> 8) as u8;
                }
            }
        }
    }

    /// Zigzag: small numbers of either sign become small unsigned ones.
    #[inline(always)]
    fn fold(self, residual: i16) -> u16 {
        let value = residual >> self.shift;
        ((value << 1) ^ (value >> 15)) as u16
    }

    #[inline(always)]
    fn unfold(self, folded: u16) -> i16 {
        (((folded >> 1) ^ (folded & 1).wrapping_neg()) << self.shift) as i16
    }
}

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
        let expected = self.geometry.rows * self.geometry.columns * self.components.len() * self.keys_of.bytes;
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
        let coded = component_order(components.len(), colour)
            .try_for_each(|index| self.encode_plane(&components[index], first_key(self.keys_of, colour, index), out));
        self.components = components;
        coded
    }

    fn encode_plane(&mut self, keys: &[i16], first: i16, out: &mut Vec<u8>) -> Result<(), CodecError> {
        self.fold_residuals(keys, first);
        let stride = self.geometry.stride;
        let activities = tiles::activities(&self.low, &self.high, stride);
        tiles::sort(&self.low, stride, &activities, &mut self.sorted);
        self.sections.write(&activities, out)?;
        let ranges = tiles::stream_ranges(&activities).expect("activities made here are in range");
        for range in ranges.into_iter().filter(|range| !range.is_empty()) {
            self.sections.write(&self.sorted[range], out)?;
        }
        self.sections.write(&self.high, out)
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

    fn keep_plain_if_smaller(&mut self, frame: &[u8], start: usize, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let mut plain = vec![0u8];
        let (count, bytes) = (self.components.len(), self.keys_of.bytes);
        for component in 0..count {
            for byte in (0..bytes).map(|byte| component * bytes + byte) {
                let plane: Vec<u8> = frame.iter().skip(byte).step_by(count * bytes).copied().collect();
                self.sections.write(&plane, &mut plain)?;
            }
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

/// Replaces the first and third component by their differences to the second when that makes them smoother.
fn subtract_second_where_smaller(components: &mut [Vec<i16>]) -> bool {
    let [first, second, third] = components else { return false };
    let smoother = |keys: &[i16]| roughness(keys.iter().zip(&*second).map(|(a, b)| a.wrapping_sub(*b)));
    let plain = roughness(first.iter().copied()) + roughness(third.iter().copied());
    if smoother(first) + smoother(third) >= plain {
        return false;
    }
    for keys in [first, third] {
        for (key, second) in keys.iter_mut().zip(&*second) {
            *key = key.wrapping_sub(*second);
        }
    }
    true
}

fn roughness(keys: impl Iterator<Item = i16>) -> u64 {
    let mut last = 0i16;
    keys.map(|key| u64::from(key.wrapping_sub(std::mem::replace(&mut last, key)).unsigned_abs())).sum()
}

fn component_order(count: usize, colour: bool) -> impl Iterator<Item = usize> {
    let order = if colour { [1, 0, 2, 3] } else { [0, 1, 2, 3] };
    order.into_iter().take(count)
}

fn first_key(keys_of: Keys, colour: bool, component: usize) -> i16 {
    if colour && component != 1 { 0 } else { keys_of.zero() }
}

/// The entropy coder of the encoder, with its output buffer.
struct Sections {
    zstd: Compressor<'static>,
    coded: Vec<u8>,
}

impl Sections {
    fn new() -> Result<Self, CodecError> {
        let mut zstd = Compressor::new(1).map_err(CodecError::EntropyCoder)?;
        if let Ok(v) = std::env::var("MM") { zstd.set_parameter(zstd::zstd_safe::CParameter::MinMatch(v.parse().unwrap())).unwrap(); }
        if let Ok(v) = std::env::var("HL") { zstd.set_parameter(zstd::zstd_safe::CParameter::HashLog(v.parse().unwrap())).unwrap(); }
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

/// Decodes frames of one layout; keeps its buffers between them. One a thread.
pub struct FrameDecoder {
    geometry: Geometry,
    keys_of: Keys,
    zstd: Decompressor<'static>,
    components: Vec<Vec<i16>>,
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
            3 if count == 3 => self.decode_components(&mut rest, true, frame)?,
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

    fn decode_components(&mut self, rest: &mut &[u8], colour: bool, frame: &mut [u8]) -> Result<(), CodecError> {
        let (keys_of, columns) = (self.keys_of, self.geometry.columns);
        let count = self.components.len();
        for index in component_order(count, colour) {
            let mut keys = std::mem::take(&mut self.components[index]);
            keys.resize(columns * self.geometry.rows, 0);
            self.decode_plane(rest, first_key(keys_of, colour, index), |y, row| {
                keys[y * columns..(y + 1) * columns].copy_from_slice(row);
            })?;
            if colour && index != 1 {
                for (key, second) in keys.iter_mut().zip(&self.components[1]) {
                    *key = key.wrapping_add(*second);
                }
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
        store: impl FnMut(usize, &[i16]),
    ) -> Result<(), CodecError> {
        let has_high = self.read_planes(rest)?;
        let (stride, keys_of) = (self.geometry.stride, self.keys_of);
        let (low, high) = (&self.low, &self.high);
        let load = |y: usize, residuals: &mut [i16]| {
            let row = y * stride..(y + 1) * stride;
            if has_high {
                for ((residual, &low), &high) in residuals.iter_mut().zip(&low[row.clone()]).zip(&high[row]) {
                    *residual = keys_of.unfold(u16::from_le_bytes([low, high]));
                }
            } else {
                for (residual, &low) in residuals.iter_mut().zip(&low[row]) {
                    *residual = keys_of.unfold(u16::from(low));
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
        for range in ranges.into_iter().filter(|range| !range.is_empty()) {
            read_section(&mut self.zstd, rest, &mut self.sorted[range])?;
        }
        tiles::unsort(&self.sorted, &self.activities, self.geometry.stride, &mut self.low);
        if let Some(after) = rest.strip_prefix(&[0; 4]) {
            *rest = after;
            return Ok(false);
        }
        self.high.resize(padded, 0);
        read_section(&mut self.zstd, rest, &mut self.high)?;
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
    let written = zstd.decompress_to_buffer(section, out).map_err(|_| CodecError::Damaged("entropy-coded section"))?;
    if written != out.len() {
        return Err(CodecError::Damaged("length of an entropy-coded section"));
    }
    *rest = after;
    Ok(())
}
