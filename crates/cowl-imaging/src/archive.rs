//! Codec *archive*: bit-exact, as small as JPEG-LS makes it, for records that are rarely opened.
//!
//! ```text
//! transform u8: bit 1 colour differences
//! for each component (second, first, third with colour differences):
//!   base i16 · bits u8 · length u32 · JPEG-LS scan of (key − base)        (little endian)
//! ```
//! Of a JPEG-LS stream only the scan is kept; its markers follow from the layout and the bits, and
//! [`jpegls::stream_of_scan`] puts them back.
//!
//! The base is the least key of the frame, so that the stream has the bits that the frame needs and not those of its
//! file: a CT of −1024 to 3071 is coded with 12 bits.

use crate::framing::{self, CodecError, FrameIndex};
use crate::jpegls::{self, Header};
use crate::pixels::PixelLayout;
use crate::planes::{Keys, add_second, component_order, subtract_second_where_smaller};

/// First bytes of an *archive* stream.
pub const MAGIC: [u8; 4] = *b"CWLA";
/// Version of the format, frozen by `vectors/codecs`.
pub const VERSION: u8 = 1;

const COLOUR_DIFFERENCES: u8 = 2;

/// Codes a raster.
///
/// # Errors
/// [`CodecError::RasterLength`] when `raster` has not the length that `layout` says.
pub fn encode(layout: &PixelLayout, raster: &[u8]) -> Result<Vec<u8>, CodecError> {
    let layout = *layout;
    framing::write(MAGIC, VERSION, &layout, raster, |frame, out| {
        encode_frame(&layout, frame, out);
        Ok(())
    })
}

/// Decodes a complete stream.
///
/// # Errors
/// [`CodecError`] for anything that [`encode`] does not write.
pub fn decode(stream: &[u8]) -> Result<(PixelLayout, Vec<u8>), CodecError> {
    framing::read(MAGIC, VERSION, stream, decode_frame)
}

/// Reads the index of a stream, for fetching single frames.
///
/// # Errors
/// As [`FrameIndex::read`].
pub fn index(head: &[u8]) -> Result<FrameIndex, CodecError> {
    FrameIndex::read(MAGIC, VERSION, head)
}

fn encode_frame(layout: &PixelLayout, frame: &[u8], out: &mut Vec<u8>) {
    let keys_of = Keys::of(layout.format());
    let count = layout.samples_per_pixel();
    let mut components = vec![vec![0i16; layout.pixels_per_frame()]; count];
    for (index, keys) in components.iter_mut().enumerate() {
        keys_of.load(frame, index, count, keys);
    }
    let colour = subtract_second_where_smaller(&mut components);
    out.push(if colour { COLOUR_DIFFERENCES } else { 0 });
    for index in component_order(count, colour) {
        encode_component(layout, keys_of, &components[index], out);
    }
}

fn encode_component(layout: &PixelLayout, keys_of: Keys, keys: &[i16], out: &mut Vec<u8>) {
    let values = || keys.iter().map(|&key| i32::from(key >> keys_of.shift));
    let base = values().min().expect("a layout has samples");
    let most = values().max().expect("a layout has samples") - base;
    let bits = (32 - most.leading_zeros()).clamp(2, 16) as u8;
    let samples: Vec<u16> = values().map(|value| (value - base) as u16).collect();
    out.extend((base as i16).to_le_bytes());
    out.push(bits);
    let at = out.len();
    out.extend([0; 4]);
    jpegls::encode_scan(header(layout, bits).expect("bits were clamped"), &samples, out);
    let length = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

/// `None` when the bits are not in 2..=16.
fn header(layout: &PixelLayout, bits: u8) -> Option<Header> {
    Header::new(layout.columns() as u16, layout.rows() as u16, bits)
}

fn decode_frame(layout: &PixelLayout, coded: &[u8], frame: &mut [u8]) -> Result<(), CodecError> {
    let keys_of = Keys::of(layout.format());
    let count = layout.samples_per_pixel();
    let (&transform, mut rest) = coded.split_first().ok_or(CodecError::Truncated)?;
    let colour = match (transform, count) {
        (0, _) => false,
        (COLOUR_DIFFERENCES, 3) => true,
        _ => return Err(CodecError::Damaged("transform")),
    };
    let mut second = Vec::new();
    for index in component_order(count, colour) {
        let mut keys = decode_component(layout, keys_of, &mut rest)?;
        if colour && index != 1 {
            add_second(&mut keys, &second);
        }
        keys_of.store(&keys, index, count, frame);
        if colour && index == 1 {
            second = keys;
        }
    }
    if rest.is_empty() { Ok(()) } else { Err(CodecError::Damaged("bytes after a frame")) }
}

/// Keys of a component as bytes, little endian.
fn decode_component(layout: &PixelLayout, keys_of: Keys, rest: &mut &[u8]) -> Result<Vec<u8>, CodecError> {
    let (base, after) = rest.split_first_chunk::<2>().ok_or(CodecError::Truncated)?;
    let (&bits, after) = after.split_first().ok_or(CodecError::Truncated)?;
    let (length, after) = after.split_first_chunk::<4>().ok_or(CodecError::Truncated)?;
    let length = u32::from_le_bytes(*length) as usize;
    let (scan, after) = after.split_at_checked(length).ok_or(CodecError::Truncated)?;
    let header = header(layout, bits).ok_or(CodecError::Damaged("bits of a sample"))?;
    let mut samples = vec![0u16; layout.pixels_per_frame()];
    jpegls::decode_scan(header, scan, &mut samples).map_err(|_| CodecError::Damaged("JPEG-LS scan"))?;
    let base = i16::from_le_bytes(*base);
    let mut keys = vec![0u8; 2 * samples.len()];
    for (key, sample) in keys.chunks_exact_mut(2).zip(samples) {
        key.copy_from_slice(&((sample as i16).wrapping_add(base) << keys_of.shift).to_le_bytes());
    }
    *rest = after;
    Ok(keys)
}

#[cfg(test)]
mod tests;
