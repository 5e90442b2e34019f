//! How parts travel in bulk: `name (16) ‖ BLAKE3 (32) ‖ length (4, big-endian) ‖ bytes`, one after another.

use cowl_crypto::digest::Digest;
use cowl_domain::PartName;

mod decoder;
#[cfg(test)]
mod tests;

pub use decoder::{FrameDecoder, Piece};

/// Bytes before each part's own.
pub const FRAME_HEADER: usize = 16 + 32 + 4;
/// Most bytes of one part.
pub const MAX_PART: u32 = 16 * 1024 * 1024;

/// The head of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameHeader {
    /// The part.
    pub name: PartName,
    /// BLAKE3 of its bytes.
    pub hash: Digest,
    /// How many bytes follow.
    pub length: u32,
}

/// Why a frame was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A part longer than [`MAX_PART`], or empty.
    #[error("part {name} has {length} bytes; 1 to {MAX_PART} are allowed")]
    Length {
        /// The part.
        name: PartName,
        /// Its announced length.
        length: u32,
    },
    /// The stream ended inside a frame.
    #[error("the stream of parts ends inside a frame")]
    Truncated,
    /// The bytes do not have the announced hash.
    #[error("part {0} does not have the hash that was announced for it")]
    Hash(PartName),
}

impl FrameHeader {
    /// Its bytes.
    pub fn to_bytes(&self) -> [u8; FRAME_HEADER] {
        let mut bytes = [0; FRAME_HEADER];
        bytes[..16].copy_from_slice(self.name.as_bytes());
        bytes[16..48].copy_from_slice(self.hash.as_bytes());
        bytes[48..].copy_from_slice(&self.length.to_be_bytes());
        bytes
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`FrameError::Length`].
    pub fn from_bytes(bytes: &[u8; FRAME_HEADER]) -> Result<Self, FrameError> {
        let mut name = [0; 16];
        let mut hash = [0; 32];
        let mut length = [0; 4];
        name.copy_from_slice(&bytes[..16]);
        hash.copy_from_slice(&bytes[16..48]);
        length.copy_from_slice(&bytes[48..]);
        let (name, length) = (PartName::from_bytes(name), u32::from_be_bytes(length));
        if length == 0 || length > MAX_PART {
            return Err(FrameError::Length { name, length });
        }
        Ok(Self { name, hash: Digest::from_bytes(hash), length })
    }

    /// Checks the part's bytes against what was announced.
    ///
    /// # Errors
    /// [`FrameError::Truncated`] or [`FrameError::Hash`].
    pub fn check(&self, bytes: &[u8]) -> Result<(), FrameError> {
        if bytes.len() != self.length as usize {
            return Err(FrameError::Truncated);
        }
        if Digest::of(bytes) == self.hash { Ok(()) } else { Err(FrameError::Hash(self.name)) }
    }
}
