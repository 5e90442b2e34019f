//! Which storage codec content gets, and the way back.
//!
//! Content is coded first and sealed then: sealed bytes do not compress. Suite `chaotic-image` scrambles
//! the coded bytes once more, inside the standard envelope.

use std::io::Read;

use cowl_domain::{CodecError, CodecId, Kind, LossyNote, SuiteId};
use crate::shim::chaotic;
use crate::shim::container::{self, StorageCodec};
use cowl_seal::ItemKey;

use crate::error::{Result, VaultError};

/// What the caller wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CodecChoice {
    /// By kind and measured gain.
    #[default]
    Auto,
    /// Bytes as they are.
    None,
    /// Text and the like.
    Zstd,
    /// Gray images, fast.
    Live,
    /// Gray images, small.
    Archive,
    /// Display images only, lossy, with this quality (1 to 100).
    Dct(u8),
}

/// Content after coding.
pub(crate) struct Encoded {
    pub codec: CodecId,
    pub bytes: Vec<u8>,
    /// What was stored instead of what was given.
    pub lossy: Option<(Vec<u8>, LossyNote)>,
}

/// Largest content that is held in memory as a whole; larger content passes as a stream.
pub const WHOLE_LIMIT: u64 = 32 << 20;

/// Codes content in memory.
pub(crate) fn encode(choice: CodecChoice, kind: Kind, content: &[u8]) -> Result<Encoded> {
    let codec = match choice {
        CodecChoice::Auto => automatic(kind),
        CodecChoice::None => StorageCodec::None,
        CodecChoice::Zstd => StorageCodec::Zstd,
        CodecChoice::Live => StorageCodec::Live,
        CodecChoice::Archive => StorageCodec::Archive,
        CodecChoice::Dct(quality) => return encode_lossy(kind, content, quality),
    };
    let (codec, bytes) = container::encode(codec, content);
    Ok(Encoded { codec: CodecId(codec.id()), bytes, lossy: None })
}

/// The content again.
pub(crate) fn decode(codec: CodecId, suite: SuiteId, key: &ItemKey, coded: Vec<u8>, size: u64) -> Result<Vec<u8>> {
    let coded = match suite {
        SuiteId::ChaoticImage => unscramble(key, &coded)?,
        _ => coded,
    };
    let known = StorageCodec::from_id(codec.0).ok_or(CodecError::Unknown(codec.0))?;
    container::decode(known, coded, size).map_err(|e| damaged(known, &e))
}

/// The published image scheme over coded bytes, laid out as a gray image.
pub(crate) fn scramble(key: &ItemKey, coded: &[u8]) -> Vec<u8> {
    chaotic::encrypt_bytes(chaotic_key(key).expose(), coded)
}

pub(crate) fn unscramble(key: &ItemKey, scrambled: &[u8]) -> Result<Vec<u8>> {
    chaotic::decrypt_bytes(chaotic_key(key).expose(), scrambled)
        .map_err(|e| CodecError::Damaged { codec: "chaotic-image", detail: e.to_string() }.into())
}

fn chaotic_key(key: &ItemKey) -> cowl_crypto::secret::Secret<32> {
    cowl_crypto::secret::hkdf_sha256(key.expose(), b"", b"cowl/chaotic-image/v1")
}

/// Reads content that passes as a stream: only plain and zstd.
pub(crate) fn reader<'a>(codec: CodecId, coded: impl Read + 'a) -> Result<Box<dyn Read + 'a>> {
    match StorageCodec::from_id(codec.0) {
        Some(StorageCodec::None) => Ok(Box::new(coded)),
        Some(StorageCodec::Zstd) => {
            let decoder = zstd::stream::read::Decoder::new(coded).map_err(VaultError::Stream)?;
            Ok(Box::new(decoder))
        }
        _ => Err(CodecError::Unknown(codec.0).into()),
    }
}

fn automatic(kind: Kind) -> StorageCodec {
    match kind {
        Kind::Dicom | Kind::Nifti | Kind::Image => StorageCodec::Live,
        Kind::Text | Kind::Csv | Kind::Onnx | Kind::Table | Kind::Result | Kind::Other | Kind::Pdf => {
            StorageCodec::Zstd
        }
        Kind::Office | Kind::Index => StorageCodec::None,
    }
}

fn encode_lossy(kind: Kind, content: &[u8], quality: u8) -> Result<Encoded> {
    if matches!(kind, Kind::Dicom | Kind::Nifti) {
        return Err(VaultError::Invalid(
            "dct is lossy and for display images only; a diagnostic image keeps every bit".to_owned(),
        ));
    }
    let lossy = container::encode_dct(content, quality)
        .map_err(|e| VaultError::Invalid(format!("dct takes gray and RGB display images only: {e}")))?;
    let note = LossyNote {
        method: format!("dct quality {quality}"),
        ratio_ppm: ppm(lossy.bytes.len(), content.len()),
        psnr_millidb: (lossy.psnr.clamp(0.0, 1000.0) * 1000.0) as u32,
    };
    let codec = CodecId(StorageCodec::Dct { quality }.id());
    Ok(Encoded { codec, bytes: lossy.bytes, lossy: Some((lossy.decoded, note)) })
}

fn ppm(part: usize, whole: usize) -> u32 {
    u32::try_from(part as u64 * 1_000_000 / (whole as u64).max(1)).unwrap_or(u32::MAX)
}

fn damaged(codec: StorageCodec, error: &impl std::fmt::Display) -> VaultError {
    CodecError::Damaged { codec: codec.name(), detail: error.to_string() }.into()
}
