//! Storage codecs of whole files. What is sealed is the result of one of these; the manifest says which.
//!
//! All but [`StorageCodec::Dct`] give the file back bit for bit. For the pixel codecs the file is cut in three:
//!
//! ```text
//! version u8 · length u64 of the file · lengths u32 of coded prefix, u64 of coded pixels    (little endian)
//! prefix (zstd) · pixels (a stream of the codec) · suffix (zstd)
//! ```
//! That is version 1, made and read in memory. Version 2, for larger files, is a stream of [`blocks`].

pub mod blocks;

use std::borrow::Cow;
use std::io::Read;

use crate::dct::{self, DctError, Quality};
use crate::dicom::DicomFile;
use crate::framing::{CodecError, FrameIndex};
use crate::pixels::{PixelLayout, RasterSpan};
use crate::{archive, display, live, nifti};

/// Largest file that is coded in memory; larger ones pass through [`blocks`].
pub const MAXIMUM_FILE_BYTES: usize = 256 << 20;

const VERSION: u8 = 1;
const HEAD: usize = 21;
const ZSTD_LEVEL: i32 = 3;

/// Bytes of a sample.
pub const SAMPLE: usize = 64 << 10;

/// A codec must save one byte in this many, or the file is stored as it is.
const LEAST_GAIN: usize = 33;

/// Identifier of a storage codec; numbers are frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StorageCodec {
    /// The file as it is.
    None,
    /// zstd.
    Zstd,
    /// Pixels by [`live`], the rest by zstd.
    Live,
    /// Pixels by [`archive`], the rest by zstd.
    Archive,
    /// A display image by [`dct`]: **lossy**.
    Dct(Quality),
}

impl StorageCodec {
    /// Number of the codec in manifests.
    pub fn id(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Zstd => 1,
            Self::Live => 2,
            Self::Archive => 3,
            Self::Dct(_) => 4,
        }
    }

    /// Whether a file comes back bit for bit.
    pub fn is_lossless(self) -> bool {
        !matches!(self, Self::Dct(_))
    }
}

/// Why a file is not coded, or a coded file not decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContainerError {
    /// The file, or what it would decode to, exceeds [`MAXIMUM_FILE_BYTES`].
    #[error("the file exceeds {MAXIMUM_FILE_BYTES} bytes")]
    TooLarge,
    /// No codec has this number.
    #[error("storage codec {0} is not known")]
    UnknownCodec(u8),
    /// The container was made by a newer version.
    #[error("version {0} of the storage container is not known")]
    UnknownVersion(u8),
    /// The coded file ends early or contradicts itself.
    #[error("the coded file is damaged")]
    Damaged,
    /// The pixel codec refuses.
    #[error("the pixels of the file cannot be coded or decoded")]
    Pixels(#[from] CodecError),
    /// The lossy codec refuses.
    #[error("the picture cannot be coded or decoded")]
    Picture(#[from] DctError),
    /// The entropy coder could not work (out of memory).
    #[error("the entropy coder failed")]
    EntropyCoder(#[source] std::io::Error),
}

/// A coded file and the codec that it was coded with in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<'a> {
    /// The codec to decode with.
    pub codec: StorageCodec,
    /// What to seal.
    pub bytes: Cow<'a, [u8]>,
}

/// Where the uncompressed pixels of a file lie: DICOM, NIfTI, or a plain picture.
pub fn find_raster(file: &[u8]) -> Option<RasterSpan> {
    find_raster_in(file, file.len())
}

/// As [`find_raster`], from the beginning of a file of `length` bytes.
pub fn find_raster_in(head: &[u8], length: usize) -> Option<RasterSpan> {
    match DicomFile::read_head(head, length as u64) {
        Ok(dicom) => dicom.raster(),
        Err(_) => nifti::raster_in(head, length).or_else(|| display::raster_in(head, length)),
    }
}

/// The lossless codec that suits a file: [`StorageCodec::Live`] where there are pixels, otherwise zstd if samples of
/// the file show that it pays.
pub fn choose(file: &[u8]) -> StorageCodec {
    if find_raster(file).is_some() {
        return StorageCodec::Live;
    }
    let samples = sample_starts(file.len() as u64).map(|start| {
        let start = start as usize;
        &file[start..file.len().min(start + SAMPLE)]
    });
    choose_by_samples(&samples)
}

/// Where samples of a file of `length` bytes begin, [`SAMPLE`] bytes each or up to its end.
pub fn sample_starts(length: u64) -> [u64; 3] {
    [0, length / 2, length.saturating_sub(SAMPLE as u64)]
}

/// zstd if it pays on these samples.
pub fn choose_by_samples(samples: &[impl AsRef<[u8]>]) -> StorageCodec {
    let coded = |sample: &[u8]| zstd::bulk::compress(sample, 1).map_or(sample.len(), |coded| coded.len());
    let all = samples.iter().map(|sample| coded(sample.as_ref())).sum();
    let plain = samples.iter().map(|sample| sample.as_ref().len()).sum();
    if pays(all, plain) { StorageCodec::Zstd } else { StorageCodec::None }
}

fn pays(coded: usize, plain: usize) -> bool {
    coded + plain.div_ceil(LEAST_GAIN) <= plain
}

/// Codes a file. A codec that does not pay, or finds no pixels, gives way: pixel codecs to zstd, zstd to none.
///
/// # Errors
/// [`ContainerError::TooLarge`] beyond [`MAXIMUM_FILE_BYTES`]; for [`StorageCodec::Dct`] when the file is no display
/// image, or a diagnostic one.
pub fn encode_file(codec: StorageCodec, file: &[u8]) -> Result<Stored<'_>, ContainerError> {
    if codec == StorageCodec::None {
        return Ok(Stored { codec, bytes: Cow::Borrowed(file) });
    }
    if file.len() > MAXIMUM_FILE_BYTES {
        return Err(ContainerError::TooLarge);
    }
    let coded = match codec {
        StorageCodec::Dct(quality) => {
            return Ok(Stored { codec, bytes: Cow::Owned(dct::encode_picture(file, quality)?) });
        }
        StorageCodec::Live | StorageCodec::Archive => match find_raster(file) {
            Some(span) => encode_around(codec, &span, file)?,
            None => return encode_file(StorageCodec::Zstd, file),
        },
        _ => with_length(file)?,
    };
    if pays(coded.len(), file.len()) {
        return Ok(Stored { codec, bytes: Cow::Owned(coded) });
    }
    let less = if codec == StorageCodec::Zstd { StorageCodec::None } else { StorageCodec::Zstd };
    encode_file(less, file)
}

/// Decodes a file that was stored with the codec of this number.
///
/// # Errors
/// [`ContainerError`] for anything that [`encode_file`] does not give.
pub fn decode_file(codec_id: u8, stored: &[u8]) -> Result<Cow<'_, [u8]>, ContainerError> {
    match codec_id {
        1..=3 if stored.first() == Some(&blocks::BLOCKS_VERSION) => decode_blocks(stored).map(Cow::Owned),
        0 => Ok(Cow::Borrowed(stored)),
        1 => decode_with_length(stored).map(Cow::Owned),
        2 => decode_around(stored, live::index, live::decode).map(Cow::Owned),
        3 => decode_around(stored, archive::index, archive::decode).map(Cow::Owned),
        4 => decode_picture(stored).map(Cow::Owned),
        other => Err(ContainerError::UnknownCodec(other)),
    }
}

fn decode_blocks(stored: &[u8]) -> Result<Vec<u8>, ContainerError> {
    let mut file = Vec::new();
    let most = MAXIMUM_FILE_BYTES as u64;
    let read = blocks::BlockReader::new(stored).take(most + 1).read_to_end(&mut file);
    match read {
        Ok(length) if length as u64 > most => Err(ContainerError::TooLarge),
        Ok(_) => Ok(file),
        Err(_) => Err(ContainerError::Damaged),
    }
}

/// A decoded picture as a file: binary PGM or PPM.
fn decode_picture(stored: &[u8]) -> Result<Vec<u8>, ContainerError> {
    let image = dct::decode(stored)?;
    let kind = if image.channels().count() == 1 { "P5" } else { "P6" };
    let mut file = format!("{kind}\n{} {}\n255\n", image.width(), image.height()).into_bytes();
    file.extend_from_slice(image.samples());
    Ok(file)
}

fn encode_around(codec: StorageCodec, span: &RasterSpan, file: &[u8]) -> Result<Vec<u8>, ContainerError> {
    let range = span.range();
    let raster = &file[range.clone()];
    let pixels = match codec {
        StorageCodec::Archive => archive::encode(span.layout(), raster)?,
        _ => live::encode(span.layout(), raster)?,
    };
    let prefix = compress(&file[..range.start])?;
    let suffix = compress(&file[range.end..])?;
    let mut out = Vec::with_capacity(HEAD + prefix.len() + pixels.len() + suffix.len());
    out.push(VERSION);
    out.extend((file.len() as u64).to_le_bytes());
    out.extend((prefix.len() as u32).to_le_bytes());
    out.extend((pixels.len() as u64).to_le_bytes());
    for section in [prefix, pixels, suffix] {
        out.extend_from_slice(&section);
    }
    Ok(out)
}

/// Decoder of a pixel codec.
type DecodePixels = fn(&[u8]) -> Result<(PixelLayout, Vec<u8>), CodecError>;

fn decode_around(
    stored: &[u8],
    read_index: fn(&[u8]) -> Result<FrameIndex, CodecError>,
    decode_pixels: DecodePixels,
) -> Result<Vec<u8>, ContainerError> {
    let (head, sections) = stored.split_first_chunk::<HEAD>().ok_or(ContainerError::Damaged)?;
    if head[0] != VERSION {
        return Err(ContainerError::UnknownVersion(head[0]));
    }
    let length = checked_length(&head[1..9])?;
    let prefix = u32::from_le_bytes(head[9..13].try_into().expect("a slice of four bytes")) as usize;
    let pixels = checked_length(&head[13..21])?;
    let (prefix, rest) = sections.split_at_checked(prefix).ok_or(ContainerError::Damaged)?;
    let (pixels, suffix) = rest.split_at_checked(pixels).ok_or(ContainerError::Damaged)?;
    let mut file = decompress(prefix, length)?;
    if read_index(pixels)?.layout().raster_bytes() > length - file.len() {
        return Err(ContainerError::Damaged);
    }
    file.extend_from_slice(&decode_pixels(pixels)?.1);
    let left = length.checked_sub(file.len()).ok_or(ContainerError::Damaged)?;
    file.extend(decompress(suffix, left)?);
    if file.len() == length { Ok(file) } else { Err(ContainerError::Damaged) }
}

fn with_length(file: &[u8]) -> Result<Vec<u8>, ContainerError> {
    let mut out = vec![VERSION];
    out.extend((file.len() as u64).to_le_bytes());
    out.extend(compress(file)?);
    Ok(out)
}

fn decode_with_length(stored: &[u8]) -> Result<Vec<u8>, ContainerError> {
    let (head, coded) = stored.split_first_chunk::<9>().ok_or(ContainerError::Damaged)?;
    if head[0] != VERSION {
        return Err(ContainerError::UnknownVersion(head[0]));
    }
    let length = checked_length(&head[1..])?;
    let file = decompress(coded, length)?;
    if file.len() == length { Ok(file) } else { Err(ContainerError::Damaged) }
}

fn checked_length(bytes: &[u8]) -> Result<usize, ContainerError> {
    let length = u64::from_le_bytes(bytes.try_into().expect("a slice of eight bytes"));
    if length > MAXIMUM_FILE_BYTES as u64 + (1 << 20) {
        return Err(ContainerError::TooLarge);
    }
    Ok(length as usize)
}

fn compress(bytes: &[u8]) -> Result<Vec<u8>, ContainerError> {
    zstd::bulk::compress(bytes, ZSTD_LEVEL).map_err(ContainerError::EntropyCoder)
}

/// Decompresses at most `most` bytes; the buffer grows with what is really there.
fn decompress(coded: &[u8], most: usize) -> Result<Vec<u8>, ContainerError> {
    let decoder = zstd::stream::read::Decoder::with_buffer(coded).map_err(ContainerError::EntropyCoder)?;
    let mut out = Vec::new();
    let read = decoder.take(most as u64 + 1).read_to_end(&mut out).map_err(|_| ContainerError::Damaged)?;
    if read > most { Err(ContainerError::Damaged) } else { Ok(out) }
}

#[cfg(test)]
mod tests;
