//! Suite *chaotic-image*: the published scheme for images (IJCNIS 11(6), 2019). A research scheme: never alone.
//!
//! An image is cut into blocks of 8 × 8; the blocks are permuted by the order of an orbit of x' = µx(1−x)(2+x), then
//! rows and columns by the orders of two coupled orbits, then each byte is diffused:
//! c = (v + s + c₋₁ + p₋₁) mod 256, where v is the byte, s a byte of the chaotic stream, c₋₁ and p₋₁ the cipher and
//! plain byte before.
//!
//! It is no cipher: under one key **three chosen images recover any later one** of the same size (see the tests), so it
//! runs inside a standard envelope and is labelled a research scheme.
//!
//! Orbits are computed with additions, subtractions and multiplications of `f64` in a fixed order. IEEE 754 rounds each
//! of them the same way on every machine, and Rust does not fuse them, so that orbits, though chaotic, are reproducible.

mod diffusion;
mod orbit;
mod shuffle;

use zeroize::Zeroizing;

use crate::dct::{self, DctError, Quality};
use crate::display::{Channels, DisplayImage};
use orbit::Seeds;
use shuffle::Shuffle;

/// First bytes of a sealed image.
pub const MAGIC: [u8; 4] = *b"CWLX";
/// Version of the format, frozen by `vectors/codecs`.
pub const VERSION: u8 = 1;

const HEAD: usize = 13;
const SIDE: usize = 8;

/// Largest side of an image in bytes and in rows.
const LARGEST_SIDE: u32 = 1 << 24;
/// Most bytes of an image.
const MOST_BYTES: u64 = 1 << 30;

/// Why an image is not sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChaoticError {
    /// Rows and bytes a row do not agree with the number of bytes, or are out of range.
    #[error("the bytes do not fill an image of this size")]
    WrongSize,
    /// The bytes are not an image sealed by this scheme.
    #[error("not an image of the chaotic scheme")]
    NotChaotic,
    /// The image was sealed by a newer version of the scheme.
    #[error("version {0} of the chaotic scheme is not known")]
    UnknownVersion(u8),
}

/// Secret of the scheme: starting points and parameters of all orbits follow from it.
pub struct ChaoticKey(Zeroizing<[u8; 32]>);

impl ChaoticKey {
    /// A key from 32 uniformly random secret bytes.
    pub fn from_secret(secret: [u8; 32]) -> Self {
        Self(Zeroizing::new(secret))
    }

    fn seeds(&self) -> Seeds {
        Seeds::derive(&self.0)
    }
}

/// Size of an image as bytes: samples of several bytes or channels make rows longer, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageSize {
    rows: u32,
    row_bytes: u32,
}

impl ImageSize {
    /// # Errors
    /// [`ChaoticError::WrongSize`] when a side is zero or the image exceeds 1 GiB.
    pub fn new(rows: u32, row_bytes: u32) -> Result<Self, ChaoticError> {
        let sides = (1..=LARGEST_SIDE).contains(&rows) && (1..=LARGEST_SIDE).contains(&row_bytes);
        let size = Self { rows, row_bytes };
        let fits = sides && size.padded_rows() as u64 * size.padded_row_bytes() as u64 <= MOST_BYTES;
        if fits { Ok(size) } else { Err(ChaoticError::WrongSize) }
    }

    fn bytes(self) -> usize {
        self.rows as usize * self.row_bytes as usize
    }

    fn padded_rows(self) -> usize {
        (self.rows as usize).next_multiple_of(SIDE)
    }

    fn padded_row_bytes(self) -> usize {
        (self.row_bytes as usize).next_multiple_of(SIDE)
    }
}

/// Seals an image. The result is as large as the image padded to whole blocks, and a head of 13 bytes.
///
/// # Errors
/// [`ChaoticError::WrongSize`] when `image` has not the bytes of its size.
pub fn encode(key: &ChaoticKey, size: ImageSize, image: &[u8]) -> Result<Vec<u8>, ChaoticError> {
    if image.len() != size.bytes() {
        return Err(ChaoticError::WrongSize);
    }
    let seeds = key.seeds();
    let mut cipher =
        Shuffle::new(&seeds, size.padded_rows(), size.padded_row_bytes()).apply(&pad(size, image));
    diffusion::diffuse(&seeds, &mut cipher);
    let mut out = Vec::with_capacity(HEAD + cipher.len());
    out.extend(MAGIC);
    out.push(VERSION);
    out.extend(size.rows.to_le_bytes());
    out.extend(size.row_bytes.to_le_bytes());
    out.extend_from_slice(&cipher);
    Ok(out)
}

/// Opens an image. Nothing is authenticated: another key, or damage, gives another image.
///
/// # Errors
/// [`ChaoticError`] when the bytes are not of this scheme or of the wrong length.
pub fn decode(key: &ChaoticKey, sealed: &[u8]) -> Result<(ImageSize, Vec<u8>), ChaoticError> {
    let (head, cipher) = sealed.split_first_chunk::<HEAD>().ok_or(ChaoticError::NotChaotic)?;
    if !head.starts_with(&MAGIC) {
        return Err(ChaoticError::NotChaotic);
    }
    if head[4] != VERSION {
        return Err(ChaoticError::UnknownVersion(head[4]));
    }
    let side = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("a slice of four bytes"));
    let size = ImageSize::new(side(5), side(9))?;
    if cipher.len() != size.padded_rows() * size.padded_row_bytes() {
        return Err(ChaoticError::WrongSize);
    }
    Ok((size, open(key, size, cipher.to_vec())))
}

fn open(key: &ChaoticKey, size: ImageSize, mut cipher: Vec<u8>) -> Vec<u8> {
    let seeds = key.seeds();
    diffusion::restore(&seeds, &mut cipher);
    let padded = Shuffle::new(&seeds, size.padded_rows(), size.padded_row_bytes()).undo(&cipher);
    let rows = padded.chunks_exact(size.padded_row_bytes()).take(size.rows as usize);
    rows.flat_map(|row| &row[..size.row_bytes as usize]).copied().collect()
}

/// Repeats the last byte of each row and the last row up to whole blocks.
fn pad(size: ImageSize, image: &[u8]) -> Vec<u8> {
    let width = size.padded_row_bytes();
    let mut padded = Vec::with_capacity(width * size.padded_rows());
    for row in image.chunks_exact(size.row_bytes as usize) {
        padded.extend_from_slice(row);
        let last = *row.last().expect("rows are not empty");
        padded.resize(padded.len().next_multiple_of(width), last);
    }
    let last_row = padded[padded.len() - width..].to_vec();
    for _ in size.rows as usize..size.padded_rows() {
        padded.extend_from_slice(&last_row);
    }
    padded
}

/// Whether the transform comes before or after the chaotic encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransformOrder {
    /// Transform and quantise, then encrypt: what comes back has lost what the quality did not keep.
    BeforeEncryption,
    /// The published order: encrypt, then transform and quantise. Every quantised byte spoils those after it, so that
    /// hardly anything comes back.
    AfterEncryption,
}

/// A gray image after a round trip in this order, and the bytes that would be stored: to compare the two orders.
///
/// # Errors
/// [`DctError`] when the image is not gray or there is no memory.
pub fn round_trip_with_transform(
    key: &ChaoticKey,
    image: &DisplayImage,
    quality: Quality,
    order: TransformOrder,
) -> Result<(DisplayImage, usize), DctError> {
    match order {
        TransformOrder::BeforeEncryption => {
            let coded = dct::encode(image, quality)?;
            let stored = coded.len();
            Ok((dct::decode(&coded)?, stored))
        }
        TransformOrder::AfterEncryption => transform_encrypted(key, image, quality),
    }
}

fn transform_encrypted(
    key: &ChaoticKey,
    image: &DisplayImage,
    quality: Quality,
) -> Result<(DisplayImage, usize), DctError> {
    let wrong = |_| crate::display::DisplayError::WrongSize;
    let (height, width) = (image.height() as u32, (image.width() * image.channels().count()) as u32);
    let size = ImageSize::new(height, width).map_err(wrong)?;
    let sealed = encode(key, size, image.samples()).map_err(wrong)?;
    let (padded_width, padded_height) = (size.padded_row_bytes() as u32, size.padded_rows() as u32);
    let cipher = DisplayImage::new(padded_width, padded_height, Channels::Gray, sealed[HEAD..].to_vec())?;
    let coded = dct::encode(&cipher, quality)?;
    let opened = open(key, size, dct::decode(&coded)?.samples().to_vec());
    Ok((DisplayImage::new(image.width() as u32, height, image.channels(), opened)?, coded.len()))
}

#[cfg(test)]
mod tests;
