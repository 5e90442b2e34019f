//! Images under an additively homomorphic scheme: whoever holds sealed images of one size and key adds, subtracts,
//! scales and averages them without seeing a pixel.
//!
//! The pixels of an image lie in the slots of Paillier plaintexts ([`cowl_paillier::Packing`]): a sign bit, the bits of
//! a sample, and guard bits for so many images as are to be added. A sealed image says how much has been added to it
//! (its weight), and what would not fit its guard bits is refused, so no pixel ever runs into its neighbour. The
//! numbers are the stored samples, without the rescaling that a DICOM or NIfTI header may ask for. An average is a sum
//! and a divisor: what is opened is exact, and rounded only where it is shown.
//!
//! In clear for whoever has the file: rows, columns, frames, bits of a sample, public key, how many images are in it.
//! Not shown: that a combination is the one that was asked for. A sealed table has tags for that, an image has none.
//!
//! When it makes sense: where images must be averaged or subtracted by somebody who must not see them (templates of a
//! study, digital subtraction), and only sums are wanted. A sealed image is three to four times as large as its
//! samples and costs a thousand times more to seal than an envelope. For storage and sharing, an envelope is better.
//!
//! No key is kept here and no random source touched: encryption and decryption are arguments.

mod combine;
mod opened;
mod samples;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;

use cowl_paillier::{Ciphertexts, Error, KeyError, Packing, PackingError, Plaintext, PublicKey, Weight};
use rayon::prelude::*;

use crate::pixels::{LayoutError, PixelLayout};

pub use combine::combine;
pub use opened::{OpenedImage, Shown, Window};
pub use samples::Samples;

/// Most samples of an image that is sealed so.
pub const MOST_SAMPLES: usize = 1 << 26;
/// Most images, counted with the size of their factors, that a sum may hold.
pub const MOST_IMAGES: u32 = 1 << 20;
/// The images that a sum may hold where nobody says otherwise.
pub const USUAL_IMAGES: u32 = 128;
/// Ciphertexts that one core works on at a time; the kernels like multiples of 256.
const BATCH: usize = 256;

/// Why an image is not sealed, combined or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdditiveError {
    /// The file has no pixels that can be taken as they are.
    #[error("no pixels to add: {0}")]
    NoPixels(&'static str),
    /// The opened values cannot be written in this way.
    #[error("they cannot be shown so: {0}")]
    NotShown(&'static str),
    /// More samples than [`MOST_SAMPLES`].
    #[error("the image has {found} samples; {MOST_SAMPLES} can be sealed for adding")]
    TooLarge {
        /// Samples of the image.
        found: usize,
    },
    /// Room for no image, or for too many.
    #[error("room for {0} images: give 1 to {MOST_IMAGES}")]
    Images(u32),
    /// The sum would not fit.
    #[error("a sum of {weight} images does not fit: these were sealed with room for {most}")]
    TooMany {
        /// Images in the sum, counted with the size of their factors.
        weight: u64,
        /// Those that fit.
        most: u64,
    },
    /// Nothing to combine, or another number of factors than of images.
    #[error("{factors} factors for {images} images: give one a image, and at least one")]
    Factors {
        /// Factors that were given.
        factors: usize,
        /// Images that were given.
        images: usize,
    },
    /// A divisor of zero, or one that has grown too large to be written down.
    #[error("the divisor of the average must be 1 to {}", u32::MAX)]
    Divisor,
    /// Images of two sizes, sample formats or rooms.
    #[error("image {index} is {found}, and the first is {expected}; only equal ones are added")]
    Shape {
        /// Its place, from 1.
        index: usize,
        /// The first image.
        expected: String,
        /// This one.
        found: String,
    },
    /// Images of two keys.
    #[error("image {index} is sealed under another key than the first; seal all images under one key")]
    OtherKey {
        /// Its place, from 1.
        index: usize,
    },
    /// The secret key at hand is not the image's.
    #[error("this key does not open the image: it was sealed under another one")]
    WrongKey,
    /// Bytes that are no sealed image.
    #[error("not a sealed image: {0}")]
    Malformed(String),
    /// What was opened is no sum of images: damaged, forged, or combined with a false account of it.
    #[error("the opened pixels are no sum of so many images; the file was damaged or tampered with")]
    NotASum,
    /// The layout of the pixels.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The public key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The ciphertexts.
    #[error(transparent)]
    Ciphertexts(Error),
}

impl From<Error> for AdditiveError {
    fn from(error: Error) -> Self {
        match error {
            Error::WrongKey { .. } => Self::WrongKey,
            other => Self::Ciphertexts(other),
        }
    }
}

impl From<PackingError> for AdditiveError {
    fn from(error: PackingError) -> Self {
        match error {
            PackingError::Weight { weight, heaviest } => Self::TooMany { weight, most: heaviest },
            PackingError::Foreign | PackingError::Slot { .. } => Self::NotASum,
            other => Self::Malformed(other.to_string()),
        }
    }
}

/// A sealed image, or a sealed sum of images.
#[derive(Debug, Clone)]
pub struct SealedImage {
    key: Arc<PublicKey>,
    layout: PixelLayout,
    /// Bits above a sample, for 2^`guard_bits` images.
    guard_bits: u32,
    weight: Weight,
    /// What the sums are to be divided by.
    divisor: u32,
    batches: Vec<Ciphertexts>,
}

impl SealedImage {
    /// Seals samples, with room for sums of so many images.
    ///
    /// `encrypt` is the encryption under `key`, by the owner of its secret or by anybody; it is called on many cores.
    ///
    /// # Errors
    /// [`AdditiveError::Images`], and those of `encrypt`.
    pub fn seal(
        samples: &Samples,
        key: &Arc<PublicKey>,
        images: u32,
        encrypt: impl Fn(&[Plaintext]) -> Result<Ciphertexts, Error> + Sync,
    ) -> Result<Self, AdditiveError> {
        if !(1..=MOST_IMAGES).contains(&images) {
            return Err(AdditiveError::Images(images));
        }
        let (layout, guard_bits) = (*samples.layout(), images.next_power_of_two().trailing_zeros());
        let packing = packing_of(key, &layout, guard_bits)?;
        let seal_batch = |values: &[i32]| {
            let values: Vec<i64> = values.iter().copied().map(i64::from).collect();
            Ok(encrypt(&packing.pack_all(key, &values)?)?)
        };
        let batches = samples.values().par_chunks(packing.slots() * BATCH).map(seal_batch);
        let batches = batches.collect::<Result<_, AdditiveError>>()?;
        Ok(Self { key: key.clone(), layout, guard_bits, weight: Weight::FRESH, divisor: 1, batches })
    }

    /// Opens every pixel. `decrypt` is the decryption with the secret of [`SealedImage::key`]; it is called on many
    /// cores.
    ///
    /// # Errors
    /// [`AdditiveError::NotASum`]; those of `decrypt`.
    pub fn open(
        &self,
        decrypt: impl Fn(&Ciphertexts) -> Result<Vec<Plaintext>, Error> + Sync,
    ) -> Result<OpenedImage, AdditiveError> {
        let packing = self.packing()?;
        let opened: Vec<Vec<i64>> = self
            .batches
            .par_iter()
            .enumerate()
            .map(|(place, batch)| self.open_batch(&packing, place, &decrypt(batch)?))
            .collect::<Result<_, AdditiveError>>()?;
        Ok(OpenedImage::new(self.layout, opened.concat(), self.divisor))
    }

    fn open_batch(
        &self,
        packing: &Packing,
        place: usize,
        plaintexts: &[Plaintext],
    ) -> Result<Vec<i64>, AdditiveError> {
        let before = place * BATCH * packing.slots();
        let left = (samples_of(&self.layout) - before).min(plaintexts.len() * packing.slots());
        let mut sums = Vec::with_capacity(left);
        for plaintext in plaintexts {
            let count = packing.slots().min(left - sums.len());
            let slots = packing.unpack(&self.key, plaintext, count, self.weight)?;
            // Samples of 16 bits and a weight of 2²⁰ at most make sums of 37 bits.
            sums.extend(slots.into_iter().map(|sum| sum as i64));
        }
        Ok(sums)
    }

    /// The public key.
    pub fn key(&self) -> &Arc<PublicKey> {
        &self.key
    }

    /// The pixels' shape.
    pub fn layout(&self) -> &PixelLayout {
        &self.layout
    }

    /// How many images are in it, counted with the size of their factors.
    pub fn weight(&self) -> u64 {
        self.weight.get()
    }

    /// The most that may be in it.
    pub fn room(&self) -> u64 {
        1 << self.guard_bits
    }

    /// What its sums are to be divided by.
    pub fn divisor(&self) -> u32 {
        self.divisor
    }

    fn packing(&self) -> Result<Packing, AdditiveError> {
        packing_of(&self.key, &self.layout, self.guard_bits)
    }

    /// In words, for errors: whatever must be equal before images are added.
    fn shape(&self) -> String {
        let (layout, format) = (&self.layout, self.layout.format());
        let sign = if format.is_signed() { "signed" } else { "unsigned" };
        format!(
            "{}×{}, {} frames, {} samples a pixel of {} bits {sign}, room for {}",
            layout.columns(),
            layout.rows(),
            layout.frames(),
            layout.samples_per_pixel(),
            format.bits_allocated(),
            self.room()
        )
    }
}

/// A sign bit, the bits of a sample, guard bits.
fn packing_of(key: &PublicKey, layout: &PixelLayout, guard_bits: u32) -> Result<Packing, AdditiveError> {
    Ok(Packing::new(key.size(), u32::from(layout.format().bits_allocated()) + 1, guard_bits)?)
}

fn samples_of(layout: &PixelLayout) -> usize {
    layout.raster_bytes() / layout.format().bytes()
}
