//! Codec *dct*: the published lossy codec (8 × 8 discrete cosine transform and quantisation) for display images.
//!
//! What a lossy codec takes from a diagnostic image cannot be judged by a ratio, so DICOM and NIfTI files are refused
//! unless [`dangerous_lossy_diagnostic`] is called by its name. Whoever stores the result labels it as lossy, with what
//! [`Loss`] says.
//!
//! ```text
//! magic 4 · version 1 · width u32 · height u32 · channels u8 · quality u8 · zstd frame    (little endian)
//! ```
//! The frame holds the coefficients of all blocks, position by position in zigzag order, DC as differences, each folded
//! to unsigned and written with seven bits a byte. RGB is coded as luma and two colour differences (ITU-T T.871).

mod colour;
mod loss;
mod transform;

pub use loss::{Loss, mse, psnr};

use std::io::Read;

use crate::dicom;
use crate::display::{Channels, DisplayError, DisplayImage};
use crate::nifti;
use transform::{Plane, Quantiser};

/// First bytes of a *dct* stream.
pub const MAGIC: [u8; 4] = *b"CWLD";
/// Version of the format.
pub const VERSION: u8 = 1;

const HEAD: usize = 15;
const ZSTD_LEVEL: i32 = 9;

/// Why an image is not coded, or coded bytes not decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DctError {
    /// The file is a diagnostic image; lossy coding is refused.
    #[error("a diagnostic image is not coded with loss")]
    Diagnostic,
    /// The file is not an image that can be coded.
    #[error("not an image for display")]
    NoImage(#[from] DisplayError),
    /// The bytes are not a stream of this codec.
    #[error("not a stream of the dct codec")]
    NotDct,
    /// The stream was made by a newer version of the codec.
    #[error("dct codec version {0} is not known")]
    UnknownVersion(u8),
    /// The stream is damaged.
    #[error("the dct stream is damaged")]
    Damaged,
    /// The entropy coder could not work (out of memory).
    #[error("the entropy coder failed")]
    EntropyCoder(#[source] std::io::Error),
}

/// How much of an image is kept: 1 (least) to 100, on the scale of the Independent JPEG Group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quality(u8);

impl Quality {
    /// `None` unless `quality` is in 1..=100.
    pub fn new(quality: u8) -> Option<Self> {
        (1..=100).contains(&quality).then_some(Self(quality))
    }

    /// The number.
    pub fn get(self) -> u8 {
        self.0
    }
}

/// Codes a display image.
///
/// # Errors
/// [`DctError::EntropyCoder`] when there is no memory.
pub fn encode(image: &DisplayImage, quality: Quality) -> Result<Vec<u8>, DctError> {
    let mut symbols = Vec::with_capacity(image.samples().len() / 4);
    for (index, plane) in colour::split(image).iter().enumerate() {
        plane.quantise(&Quantiser::new(quality, index > 0)).write(&mut symbols);
    }
    let mut out = Vec::with_capacity(HEAD + symbols.len() / 2);
    out.extend(MAGIC);
    out.push(VERSION);
    out.extend((image.width() as u32).to_le_bytes());
    out.extend((image.height() as u32).to_le_bytes());
    out.extend([image.channels().count() as u8, quality.0]);
    out.extend(zstd::bulk::compress(&symbols, ZSTD_LEVEL).map_err(DctError::EntropyCoder)?);
    Ok(out)
}

/// Decodes a stream. The image has lost what the quality did not keep.
///
/// # Errors
/// [`DctError`] for anything that [`encode`] does not write.
pub fn decode(stream: &[u8]) -> Result<DisplayImage, DctError> {
    let head: &[u8; HEAD] = stream.first_chunk().ok_or(DctError::NotDct)?;
    if !head.starts_with(&MAGIC) {
        return Err(DctError::NotDct);
    }
    if head[4] != VERSION {
        return Err(DctError::UnknownVersion(head[4]));
    }
    let side = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("a slice of four bytes"));
    let (width, height) = (side(5), side(9));
    let channels = match head[13] {
        1 => Channels::Gray,
        3 => Channels::Rgb,
        _ => return Err(DctError::Damaged),
    };
    let quality = Quality::new(head[14]).ok_or(DctError::Damaged)?;
    let pixels = u64::from(width) * u64::from(height);
    if !(1..=1 << 28).contains(&pixels) {
        return Err(DctError::Damaged);
    }
    decode_planes(width, height, channels, quality, &stream[HEAD..])
}

fn decode_planes(
    width: u32,
    height: u32,
    channels: Channels,
    quality: Quality,
    coded: &[u8],
) -> Result<DisplayImage, DctError> {
    let size = (width as usize, height as usize);
    let blocks = size.0.div_ceil(8) * size.1.div_ceil(8);
    let most = (3 * 64 * blocks * channels.count()) as u64;
    let mut symbols = Vec::new();
    let decoder = zstd::stream::read::Decoder::with_buffer(coded).map_err(DctError::EntropyCoder)?;
    decoder.take(most).read_to_end(&mut symbols).map_err(|_| DctError::Damaged)?;
    let mut rest = symbols.as_slice();
    let mut planes = Vec::with_capacity(channels.count());
    for index in 0..channels.count() {
        planes.push(
            Plane::read(size, &Quantiser::new(quality, index > 0), &mut rest).ok_or(DctError::Damaged)?,
        );
    }
    if !rest.is_empty() {
        return Err(DctError::Damaged);
    }
    Ok(DisplayImage::new(width, height, channels, colour::join(&planes))?)
}

/// Codes a picture file with loss.
///
/// # Errors
/// [`DctError::Diagnostic`] for DICOM and NIfTI files, [`DctError::NoImage`] for what is no display image.
pub fn encode_picture(file: &[u8], quality: Quality) -> Result<Vec<u8>, DctError> {
    if dicom::is_dicom(file) || nifti::is_nifti(file) {
        return Err(DctError::Diagnostic);
    }
    encode(&DisplayImage::decode(file)?, quality)
}

/// Codes the 8-bit view of the first frame of a DICOM or NIfTI file with loss. What is lost may be what matters.
///
/// # Errors
/// [`DctError::NoImage`] when the file has no uncompressed pixels.
pub fn dangerous_lossy_diagnostic(file: &[u8], quality: Quality) -> Result<Vec<u8>, DctError> {
    let dicom = dicom::DicomFile::read(file).ok().and_then(|file| file.raster());
    let span = dicom.or_else(|| nifti::raster(file)).ok_or(DisplayError::UnknownKind)?;
    let image = DisplayImage::of_first_frame(&span, file).ok_or(DisplayError::UnknownKind)?;
    encode(&image, quality)
}

#[cfg(test)]
mod tests;
