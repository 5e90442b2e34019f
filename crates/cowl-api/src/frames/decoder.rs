//! Reads frames from chunks that are cut anywhere.

use bytes::Bytes;

use super::{FRAME_HEADER, FrameError, FrameHeader};

/// What a [`FrameDecoder`] found in a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A frame begins.
    Header(FrameHeader),
    /// Bytes of the frame that began last, never empty; they share the chunk's memory.
    Bytes(Bytes),
}

/// Finds the frames in a stream without keeping their bytes.
///
/// It does not hash: who gathers the bytes calls [`FrameHeader::check`] on the whole.
#[derive(Debug, Clone)]
pub struct FrameDecoder {
    header: [u8; FRAME_HEADER],
    header_bytes: usize,
    remaining: usize,
}

impl Default for FrameDecoder {
    fn default() -> Self {
        Self { header: [0; FRAME_HEADER], header_bytes: 0, remaining: 0 }
    }
}

impl FrameDecoder {
    /// At the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece off the front of `chunk`; `None` when the chunk is used up.
    ///
    /// # Errors
    /// [`FrameError::Length`].
    pub fn next(&mut self, chunk: &mut Bytes) -> Result<Option<Piece>, FrameError> {
        if chunk.is_empty() {
            return Ok(None);
        }
        if self.remaining > 0 {
            let bytes = chunk.split_to(chunk.len().min(self.remaining));
            self.remaining -= bytes.len();
            return Ok(Some(Piece::Bytes(bytes)));
        }
        self.fill_header(chunk);
        if self.header_bytes < FRAME_HEADER {
            return Ok(None);
        }
        let header = FrameHeader::from_bytes(&self.header)?;
        self.header_bytes = 0;
        self.remaining = header.length as usize;
        Ok(Some(Piece::Header(header)))
    }

    /// Checks that the stream may end here.
    ///
    /// # Errors
    /// [`FrameError::Truncated`].
    pub fn finish(&self) -> Result<(), FrameError> {
        if self.remaining == 0 && self.header_bytes == 0 { Ok(()) } else { Err(FrameError::Truncated) }
    }

    fn fill_header(&mut self, chunk: &mut Bytes) {
        let taken = chunk.split_to(chunk.len().min(FRAME_HEADER - self.header_bytes));
        self.header[self.header_bytes..][..taken.len()].copy_from_slice(&taken);
        self.header_bytes += taken.len();
    }
}
