//! Which storage codec content gets, and the way back.
//!
//! Content is coded first and sealed then: sealed bytes do not compress. Suite `chaotic-image` scrambles
//! the coded bytes once more, inside the standard envelope.

use std::borrow::Cow;
use std::io::Read;

use cowl_domain::{CodecError, CodecId, Kind, LossyNote, SuiteId};
use cowl_imaging::chaotic::{self, ChaoticKey, ImageSize};
use cowl_imaging::container::{self, ContainerError, StorageCodec};
use cowl_imaging::dct::{Quality, psnr};
use cowl_imaging::display::DisplayImage;
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

/// Codes content in memory. A codec that does not pay gives way to a simpler one.
pub(crate) fn encode(choice: CodecChoice, kind: Kind, content: &[u8]) -> Result<Encoded> {
    let codec = match choice {
        CodecChoice::Auto => container::choose(content),
        CodecChoice::None => StorageCodec::None,
        CodecChoice::Zstd => StorageCodec::Zstd,
        CodecChoice::Live => StorageCodec::Live,
        CodecChoice::Archive => StorageCodec::Archive,
        CodecChoice::Dct(quality) => return encode_lossy(kind, content, quality),
    };
    let stored = container::encode_file(codec, content).map_err(|e| VaultError::Invalid(e.to_string()))?;
    Ok(Encoded { codec: CodecId(stored.codec.id()), bytes: stored.bytes.into_owned(), lossy: None })
}

/// The content again. The caller compares it with the digest that its sealer signed.
pub(crate) fn decode(codec: CodecId, suite: SuiteId, key: &ItemKey, coded: Vec<u8>) -> Result<Vec<u8>> {
    let coded = match suite {
        SuiteId::ChaoticImage => unscramble(key, &coded)?,
        SuiteId::Standard | SuiteId::HybridRsa => coded,
    };
    match container::decode_file(codec.0, &coded) {
        Ok(Cow::Borrowed(_)) => Ok(coded),
        Ok(Cow::Owned(content)) => Ok(content),
        Err(ContainerError::UnknownCodec(number)) => Err(CodecError::Unknown(number).into()),
        Err(error) => Err(CodecError::Damaged { codec: name(codec), detail: error.to_string() }.into()),
    }
}

/// The name of a codec on the command line.
pub fn name(codec: CodecId) -> &'static str {
    match codec.0 {
        0 => "none",
        1 => "zstd",
        2 => "live",
        3 => "archive",
        4 => "dct",
        _ => "unknown",
    }
}

/// The published image scheme over coded bytes: their number, then the bytes as a gray image that is about
/// as wide as it is high.
pub(crate) fn scramble(key: &ItemKey, coded: &[u8]) -> Result<Vec<u8>> {
    let mut image = (coded.len() as u64).to_le_bytes().to_vec();
    image.extend_from_slice(coded);
    let width = image.len().isqrt().max(1);
    let rows = image.len().div_ceil(width);
    image.resize(rows * width, 0);
    let side = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let sealed = ImageSize::new(side(rows), side(width))
        .and_then(|size| chaotic::encode(&chaotic_key(key), size, &image));
    sealed.map_err(|e| VaultError::Invalid(format!("suite chaotic-image does not take this file: {e}")))
}

pub(crate) fn unscramble(key: &ItemKey, scrambled: &[u8]) -> Result<Vec<u8>> {
    let damaged = |detail: String| CodecError::Damaged { codec: "chaotic-image", detail };
    let (_, mut image) = chaotic::decode(&chaotic_key(key), scrambled).map_err(|e| damaged(e.to_string()))?;
    let (length, bytes) = image.split_first_chunk::<8>().ok_or_else(|| damaged("no length".to_owned()))?;
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > bytes.len() {
        return Err(damaged("shorter than it says".to_owned()).into());
    }
    image.drain(..8);
    image.truncate(length);
    Ok(image)
}

fn chaotic_key(key: &ItemKey) -> ChaoticKey {
    ChaoticKey::from_secret(
        *cowl_crypto::secret::hkdf_sha256(key.expose(), b"", b"cowl/chaotic-image/v1").expose(),
    )
}

/// Reads content that passes as a stream: it is never coded.
pub(crate) fn reader<'a>(codec: CodecId, coded: impl Read + 'a) -> Result<Box<dyn Read + 'a>> {
    if codec == CodecId::NONE { Ok(Box::new(coded)) } else { Err(CodecError::Unknown(codec.0).into()) }
}

fn encode_lossy(kind: Kind, content: &[u8], quality: u8) -> Result<Encoded> {
    let refuse = |why: String| VaultError::Invalid(format!("dct takes display images only: {why}"));
    if matches!(kind, Kind::Dicom | Kind::Nifti) {
        return Err(refuse("a diagnostic image keeps every bit".to_owned()));
    }
    let wanted = Quality::new(quality).ok_or_else(|| refuse("its quality is 1 to 100".to_owned()))?;
    let codec = StorageCodec::Dct(wanted);
    let stored = container::encode_file(codec, content).map_err(|e| refuse(e.to_string()))?;
    let decoded =
        container::decode_file(codec.id(), &stored.bytes).map_err(|e| VaultError::Bug(e.to_string()))?;
    let picture = |bytes: &[u8]| DisplayImage::decode(bytes).map_err(|e| refuse(e.to_string()));
    let (before, after) = (picture(content)?, picture(&decoded)?);
    let decibels = psnr(before.samples(), after.samples());
    let note = LossyNote {
        method: format!("dct quality {quality}"),
        ratio_ppm: ppm(stored.bytes.len(), content.len()),
        psnr_millidb: millidecibels(decibels),
    };
    let decoded = decoded.into_owned();
    Ok(Encoded { codec: CodecId(codec.id()), bytes: stored.bytes.into_owned(), lossy: Some((decoded, note)) })
}

fn ppm(part: usize, whole: usize) -> u32 {
    u32::try_from(part as u64 * 1_000_000 / (whole as u64).max(1)).unwrap_or(u32::MAX)
}

/// A float to integer cast saturates, so that an infinite ratio (no loss at all) stays the largest.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn millidecibels(decibels: f64) -> u32 {
    (decibels * 1000.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ItemKey {
        ItemKey::make(cowl_seal::suite::Suite::Standard)
    }

    #[test]
    fn text_is_compressed_unless_the_caller_says_otherwise() {
        let text = "the same words over and over. ".repeat(100).into_bytes();
        let encoded = encode(CodecChoice::Auto, Kind::Text, &text).unwrap();
        assert_eq!(name(encoded.codec), "zstd");
        assert_eq!(decode(encoded.codec, SuiteId::Standard, &key(), encoded.bytes).unwrap(), text);
        assert_eq!(encode(CodecChoice::None, Kind::Text, &text).unwrap().codec, CodecId::NONE);
    }

    #[test]
    fn what_does_not_pay_is_left_out() {
        let random: [u8; 64] = cowl_crypto::id::random_bytes();
        for choice in [CodecChoice::Auto, CodecChoice::Zstd, CodecChoice::Live, CodecChoice::Archive] {
            let encoded = encode(choice, Kind::Other, &random).unwrap();
            assert_eq!(encoded.codec, CodecId::NONE, "{choice:?}");
            assert_eq!(encoded.bytes, random);
        }
    }

    #[test]
    fn scrambled_bytes_are_unscrambled_with_the_same_key_only() {
        let key_at_hand = key();
        let scrambled = scramble(&key_at_hand, b"coded content").unwrap();
        assert!(!scrambled.windows(13).any(|window| window == b"coded content"));
        assert_eq!(unscramble(&key_at_hand, &scrambled).unwrap(), b"coded content");
        let other = unscramble(&key(), &scrambled);
        assert!(other.map_or(true, |bytes| bytes != b"coded content"));
    }

    #[test]
    fn unknown_codecs_and_damaged_bytes_are_refused() {
        let unknown = decode(CodecId(200), SuiteId::Standard, &key(), vec![1, 2, 3]);
        assert!(matches!(unknown, Err(VaultError::Codec(CodecError::Unknown(200)))));
        for codec in 1..=4 {
            let damaged = decode(CodecId(codec), SuiteId::Standard, &key(), vec![1, 2, 3]);
            assert!(matches!(damaged, Err(VaultError::Codec(_))), "{codec}");
        }
        assert!(reader(CodecId(2), &b"a stream"[..]).is_err());
    }

    #[test]
    fn lossy_coding_is_refused_for_diagnostic_images_texts_and_bad_qualities() {
        for (kind, quality) in [(Kind::Dicom, 50), (Kind::Nifti, 50), (Kind::Text, 50), (Kind::Image, 0)] {
            assert!(encode(CodecChoice::Dct(quality), kind, b"no picture").is_err(), "{kind}");
        }
    }
}
