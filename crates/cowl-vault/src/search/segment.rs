//! Segments: lists of documents as they are sealed into a record.
//!
//! The form is frozen as version 1:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version, 1 |
//! | 4 | length of the frame, big-endian |
//! | … | Zstandard frame (RFC 8878) of the CBOR array of [`TextDocument`]s |
//! | … | zeros up to the padded length (Padmé; at least 4096 bytes in all) |

use std::io::Read;

use cowl_domain::wire;

use super::TextDocument;
use super::padding;

/// The most that a segment's documents may take before compression, in bytes.
pub const MAX_PLAIN: usize = 64 << 20;

const VERSION: u8 = 1;
const HEADER: usize = 5;
const LEVEL: i32 = 3;
/// The window that [`MAX_PLAIN`] bytes can use; a frame that asks for more memory is refused.
const WINDOW_LOG: u32 = 26;

/// Why documents make no segment, or bytes are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    /// The documents are to be spread over several segments.
    #[error("documents of {size} bytes are too much for one text segment of {MAX_PLAIN}")]
    TooLarge {
        /// Bytes before compression.
        size: usize,
    },
    /// Written by a newer version of cowl.
    #[error("text segment of unknown version {0}")]
    UnknownVersion(u8),
    /// Not a segment.
    #[error("damaged text segment: {0}")]
    Damaged(String),
}

fn damaged(detail: impl ToString) -> SegmentError {
    SegmentError::Damaged(detail.to_string())
}

/// The bytes of a segment.
///
/// # Errors
/// [`SegmentError::TooLarge`].
pub fn encode(documents: &[TextDocument]) -> Result<Vec<u8>, SegmentError> {
    let plain = minicbor::to_vec(documents).expect("writing to a Vec cannot fail");
    if plain.len() > MAX_PLAIN {
        return Err(SegmentError::TooLarge { size: plain.len() });
    }
    let frame = zstd::bulk::compress(&plain, LEVEL).map_err(damaged)?;
    let length = u32::try_from(frame.len()).expect("at most slightly more than MAX_PLAIN");
    let mut segment = Vec::with_capacity(HEADER + frame.len());
    segment.push(VERSION);
    segment.extend_from_slice(&length.to_be_bytes());
    segment.extend_from_slice(&frame);
    segment.resize(padding::padded(segment.len()).expect("far below the largest length"), 0);
    Ok(segment)
}

/// The documents of a segment.
///
/// # Errors
/// [`SegmentError::UnknownVersion`] or [`SegmentError::Damaged`]; allocates no more than [`MAX_PLAIN`] and a
/// small multiple of the documents.
pub fn decode(segment: &[u8]) -> Result<Vec<TextDocument>, SegmentError> {
    let frame = frame(segment)?;
    let mut decoder = zstd::stream::read::Decoder::with_buffer(frame).map_err(damaged)?.single_frame();
    decoder.window_log_max(WINDOW_LOG).map_err(damaged)?;
    let mut plain = Vec::new();
    decoder.take(MAX_PLAIN as u64 + 1).read_to_end(&mut plain).map_err(damaged)?;
    if plain.len() > MAX_PLAIN {
        return Err(SegmentError::TooLarge { size: plain.len() });
    }
    wire::decode("text segment", &plain).map_err(damaged)
}

/// The frame between header and padding.
fn frame(segment: &[u8]) -> Result<&[u8], SegmentError> {
    let (header, rest) = segment.split_first_chunk::<HEADER>().ok_or_else(|| damaged("too short"))?;
    let [version, length @ ..] = *header;
    if version != VERSION {
        return Err(SegmentError::UnknownVersion(version));
    }
    let length = u32::from_be_bytes(length) as usize;
    let (frame, zeros) = rest.split_at_checked(length).ok_or_else(|| damaged("cut short"))?;
    if padding::padded(HEADER + length) != Some(segment.len()) || zeros.iter().any(|&byte| byte != 0) {
        return Err(damaged("wrong padding"));
    }
    Ok(frame)
}
