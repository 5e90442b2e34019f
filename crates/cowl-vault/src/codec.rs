//! Which storage codec content gets, and the way back.
//!
//! Content is coded first and sealed then: sealed bytes do not compress. Suite `chaotic-image` scrambles
//! the coded bytes once more, inside the standard envelope. Small content is coded in memory, large content
//! block by block as it passes.

use std::borrow::Cow;
use std::io::Read;

use cowl_domain::{CodecError, CodecId, GrayCodec, Kind, LossyNote, SuiteId};
use cowl_imaging::chaotic::{self, ChaoticKey, ImageSize};
use cowl_imaging::container::blocks::{BlockPlan, BlockReader};
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

/// Codes content in memory; `gray` is the policy's codec for gray images where the choice is free. A codec that
/// does not pay gives way to a simpler one.
pub(crate) fn encode(choice: CodecChoice, gray: GrayCodec, kind: Kind, content: &[u8]) -> Result<Encoded> {
    let codec = match choice {
        CodecChoice::Auto => match (container::choose(content), gray) {
            (StorageCodec::Live, GrayCodec::Archive) => StorageCodec::Archive,
            (chosen, _) => chosen,
        },
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
        SuiteId::Standard | SuiteId::HybridRsa | SuiteId::Additive => coded,
    };
    match container::decode_file(codec.0, &coded) {
        Ok(Cow::Borrowed(_)) => Ok(coded),
        Ok(Cow::Owned(content)) => Ok(content),
        Err(ContainerError::UnknownCodec(number)) => Err(CodecError::Unknown(number).into()),
        Err(error) => Err(damaged(codec, &error)),
    }
}

/// Why content is not sealed in suite `additive` in passing.
pub(crate) fn not_for_files() -> VaultError {
    let reason = "suite additive is for tables alone: seal one with 'cowl table seal'";
    VaultError::Invalid(reason.to_owned())
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

/// How content that passes as a stream is coded; none where it stays as it is. `beginning` is looked at for
/// pixels, `samples` for whether it pays to compress; the length of a pipe is not known.
pub(crate) fn plan(
    choice: CodecChoice,
    beginning: &[u8],
    length: Option<u64>,
    samples: &[Vec<u8>],
) -> Result<Option<BlockPlan>> {
    let length = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(usize::MAX);
    let raster = container::find_raster_in(beginning, length);
    let codec = match choice {
        CodecChoice::None => return Ok(None),
        CodecChoice::Dct(_) => {
            let limit = WHOLE_LIMIT >> 20;
            return Err(VaultError::Invalid(format!("dct takes pictures of up to {limit} MiB")));
        }
        CodecChoice::Auto | CodecChoice::Live if raster.is_some() => StorageCodec::Live,
        CodecChoice::Archive if raster.is_some() => StorageCodec::Archive,
        CodecChoice::Zstd => StorageCodec::Zstd,
        CodecChoice::Auto | CodecChoice::Live | CodecChoice::Archive => container::choose_by_samples(samples),
    };
    Ok((codec != StorageCodec::None).then(|| BlockPlan::new(codec, raster)))
}

/// The codec that the manifest names.
pub(crate) fn id_of(plan: Option<&BlockPlan>) -> CodecId {
    plan.map_or(CodecId::NONE, |plan| CodecId(plan.codec().id()))
}

/// Whether blocks may lie behind this codec's number.
pub(crate) fn has_blocks(codec: CodecId) -> bool {
    (1..=3).contains(&codec.0)
}

/// Reads content that passes as a stream.
pub(crate) fn reader<'a>(codec: CodecId, coded: impl Read + 'a) -> Result<Box<dyn Read + 'a>> {
    match codec {
        CodecId::NONE => Ok(Box::new(coded)),
        codec if has_blocks(codec) => Ok(Box::new(BlockReader::new(coded))),
        CodecId(number) => Err(CodecError::Unknown(number).into()),
    }
}

/// What a block or an index that does not fit means.
pub(crate) fn damaged(codec: CodecId, error: &ContainerError) -> VaultError {
    CodecError::Damaged { codec: name(codec), detail: error.to_string() }.into()
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
    if decoded.len() as u64 > WHOLE_LIMIT {
        return Err(refuse(format!("what it would give back has more than {} MiB", WHOLE_LIMIT >> 20)));
    }
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
        let encoded = encode(CodecChoice::Auto, GrayCodec::Live, Kind::Text, &text).unwrap();
        assert_eq!(name(encoded.codec), "zstd");
        assert_eq!(decode(encoded.codec, SuiteId::Standard, &key(), encoded.bytes).unwrap(), text);
        assert_eq!(
            encode(CodecChoice::None, GrayCodec::Live, Kind::Text, &text).unwrap().codec,
            CodecId::NONE
        );
    }

    #[test]
    fn what_does_not_pay_is_left_out() {
        let random: [u8; 64] = cowl_crypto::id::random_bytes();
        for choice in [CodecChoice::Auto, CodecChoice::Zstd, CodecChoice::Live, CodecChoice::Archive] {
            let encoded = encode(choice, GrayCodec::Live, Kind::Other, &random).unwrap();
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
        assert!(reader(CodecId(4), &b"a stream"[..]).is_err());
        let mut out = Vec::new();
        assert!(reader(CodecId(2), &b"a stream"[..]).unwrap().read_to_end(&mut out).is_err());
    }

    #[test]
    fn large_content_is_coded_by_what_its_beginning_and_samples_show() {
        let volume = b"P5\n1000 60000\n255\n".to_vec();
        let (words, noise) =
            (vec![b"again ".repeat(50)], vec![cowl_crypto::id::random_bytes::<900>().to_vec()]);
        let chosen = |choice, beginning: &[u8], samples| {
            id_of(plan(choice, beginning, None, samples).unwrap().as_ref()).0
        };
        assert_eq!(chosen(CodecChoice::Auto, &volume, &noise), 2);
        assert_eq!(chosen(CodecChoice::Archive, &volume, &noise), 3);
        assert_eq!(chosen(CodecChoice::Auto, b"letters", &words), 1);
        assert_eq!(chosen(CodecChoice::Archive, b"letters", &words), 1);
        assert_eq!(chosen(CodecChoice::Auto, b"letters", &noise), 0);
        assert_eq!(chosen(CodecChoice::Zstd, b"letters", &noise), 1);
        assert_eq!(chosen(CodecChoice::None, &volume, &words), 0);
        assert!(plan(CodecChoice::Dct(50), &volume, None, &words).is_err());
    }

    #[test]
    fn lossy_coding_is_refused_for_diagnostic_images_texts_and_bad_qualities() {
        for (kind, quality) in [(Kind::Dicom, 50), (Kind::Nifti, 50), (Kind::Text, 50), (Kind::Image, 0)] {
            assert!(
                encode(CodecChoice::Dct(quality), GrayCodec::Live, kind, b"no picture").is_err(),
                "{kind}"
            );
        }
    }
}
