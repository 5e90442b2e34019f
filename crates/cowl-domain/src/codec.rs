//! Ports for what turns files into smaller bytes and into text. `main` puts the implementations together.

use minicbor::{Decode, Encode};

use crate::item::Kind;

/// The identifier of a storage codec in sealed manifests. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct CodecId(#[n(0)] pub u8);

impl CodecId {
    /// Bytes as they are.
    pub const NONE: Self = Self(0);
}

/// Why bytes cannot be coded or decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The content is not what this codec takes.
    #[error("codec {codec} does not take this content: {detail}")]
    Unsuited {
        /// The codec's name.
        codec: &'static str,
        /// Why.
        detail: String,
    },
    /// The coded bytes are damaged.
    #[error("bytes coded with {codec} are damaged: {detail}")]
    Damaged {
        /// The codec's name.
        codec: &'static str,
        /// Where.
        detail: String,
    },
    /// A manifest names a codec that this program does not have.
    #[error("no codec with number {0}; a newer version of cowl may have it")]
    Unknown(u8),
}

/// A way to store content in fewer bytes.
pub trait StorageCodec: Send + Sync {
    /// Its number in manifests.
    fn id(&self) -> CodecId;
    /// Its name on the command line.
    fn name(&self) -> &'static str;
    /// Codes `content`; `None` when that would not pay.
    ///
    /// # Errors
    /// [`CodecError::Unsuited`].
    fn encode(&self, content: &[u8]) -> Result<Option<Vec<u8>>, CodecError>;
    /// The content again; `size` is what the manifest promises, and the most that may be allocated.
    ///
    /// # Errors
    /// [`CodecError::Damaged`].
    fn decode(&self, coded: &[u8], size: u64) -> Result<Vec<u8>, CodecError>;
}

/// Why a file yields no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no text could be taken from this {kind} file: {detail}")]
pub struct ExtractError {
    /// What the file was taken for.
    pub kind: Kind,
    /// What went wrong.
    pub detail: String,
}

/// Takes the text out of files, for search.
pub trait TextExtractor: Send + Sync {
    /// The text of `content`; empty when a file of this kind has none.
    ///
    /// # Errors
    /// [`ExtractError`] when the file is damaged.
    fn extract(&self, kind: Kind, name: &str, content: &[u8]) -> Result<String, ExtractError>;
}
