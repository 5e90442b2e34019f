//! Codec *live*: bit-exact, fast in both directions; the default for medical images at rest.
//!
//! Each frame is coded by itself: median edge prediction in sixteen bands ([`bands`]), zigzag, planes of low and high
//! bytes, tiles sorted by activity ([`tiles`]), zstd at its fastest level. Of colour images the differences to the
//! second sample are coded where that is smaller. Frames that consist of flat areas (masks, label maps) are coded
//! without prediction where that is smaller.

mod bands;
mod decode;
mod encode;
mod tiles;

use crate::framing::{self, CodecError, FrameIndex};
use crate::pixels::PixelLayout;

pub use decode::FrameDecoder;
pub use encode::FrameEncoder;

/// First bytes of a *live* stream.
pub const MAGIC: [u8; 4] = *b"CWLL";
/// Version of the format, frozen by `vectors/codecs`.
pub const VERSION: u8 = 1;

/// Codes a raster.
///
/// # Errors
/// [`CodecError::RasterLength`] when `raster` has not the length that `layout` says.
pub fn encode(layout: &PixelLayout, raster: &[u8]) -> Result<Vec<u8>, CodecError> {
    let mut encoder = FrameEncoder::new(layout)?;
    framing::write(MAGIC, VERSION, layout, raster, |frame, out| encoder.encode(frame, out))
}

/// Decodes a complete stream.
///
/// # Errors
/// [`CodecError`] for anything that [`encode`] does not write. No input makes it take more memory than the declared
/// layout, which is bounded.
pub fn decode(stream: &[u8]) -> Result<(PixelLayout, Vec<u8>), CodecError> {
    let mut decoder = FrameDecoder::new(index(stream)?.layout())?;
    framing::read(MAGIC, VERSION, stream, |_, coded, frame| decoder.decode(coded, frame))
}

/// Reads the index of a stream, for fetching single frames and decoding them with a [`FrameDecoder`].
///
/// # Errors
/// As [`FrameIndex::read`].
pub fn index(head: &[u8]) -> Result<FrameIndex, CodecError> {
    FrameIndex::read(MAGIC, VERSION, head)
}

#[cfg(test)]
mod tests;
