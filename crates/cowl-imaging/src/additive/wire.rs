//! The file of a sealed image: a line that says what it is, then canonical CBOR.

use std::sync::Arc;

use cowl_paillier::{Ciphertexts, PublicKey};
use minicbor::{Decode, Encode};
use rayon::prelude::*;

use super::{AdditiveError, BATCH, MOST_IMAGES, MOST_SAMPLES, SealedImage, packing_of, samples_of};
use crate::pixels::{PixelLayout, SampleFormat};

/// How a file of this kind begins.
const MAGIC: &[u8] = b"cowl-image-additive/v1\n";

/// What follows the magic line.
#[derive(Encode, Decode)]
struct Body<'a> {
    #[cbor(b(0), with = "minicbor::bytes")]
    key: &'a [u8],
    #[n(1)]
    shape: Shape,
    #[n(2)]
    guard_bits: u32,
    #[n(3)]
    weight: u64,
    #[n(4)]
    divisor: u32,
    /// The ciphertexts behind each other, each c mod n and ⌊c/n⌋.
    #[cbor(b(5), with = "minicbor::bytes")]
    ciphertexts: &'a [u8],
}

#[derive(Encode, Decode)]
struct Shape {
    #[n(0)]
    rows: u32,
    #[n(1)]
    columns: u32,
    #[n(2)]
    frames: u32,
    #[n(3)]
    samples: u16,
    #[n(4)]
    allocated: u16,
    #[n(5)]
    stored: u16,
    #[n(6)]
    signed: bool,
}

impl Shape {
    fn of(layout: &PixelLayout) -> Self {
        let format = layout.format();
        Self {
            rows: layout.rows() as u32,
            columns: layout.columns() as u32,
            frames: layout.frames() as u32,
            samples: layout.samples_per_pixel() as u16,
            allocated: format.bits_allocated().into(),
            stored: format.bits_stored().into(),
            signed: format.is_signed(),
        }
    }

    fn layout(&self) -> Result<PixelLayout, AdditiveError> {
        let format = SampleFormat::new(self.allocated, self.stored, self.signed)?;
        let layout = PixelLayout::new(self.rows, self.columns, self.frames, self.samples, format)?;
        let found = samples_of(&layout);
        if found <= MOST_SAMPLES { Ok(layout) } else { Err(AdditiveError::TooLarge { found }) }
    }
}

impl SealedImage {
    /// Whether the bytes begin as a sealed image does.
    pub fn is_sealed_image(file: &[u8]) -> bool {
        file.starts_with(MAGIC)
    }

    /// The file.
    ///
    /// # Errors
    /// None that a sealed image that was read or made can have.
    pub fn to_bytes(&self) -> Result<Vec<u8>, AdditiveError> {
        let rows = self.batches.par_iter().map(|batch| batch.to_rows(&self.key));
        let ciphertexts = rows.collect::<Result<Vec<_>, _>>()?.concat();
        let body = Body {
            key: &self.key.to_bytes(),
            shape: Shape::of(&self.layout),
            guard_bits: self.guard_bits,
            weight: self.weight.get(),
            divisor: self.divisor,
            ciphertexts: &ciphertexts,
        };
        let mut file = MAGIC.to_vec();
        minicbor::encode(body, &mut file).expect("writing to a Vec cannot fail");
        Ok(file)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`AdditiveError::Malformed`], [`AdditiveError::Key`], [`AdditiveError::Layout`],
    /// [`AdditiveError::Ciphertexts`]; every other form of the same image is refused.
    pub fn from_bytes(file: &[u8]) -> Result<Self, AdditiveError> {
        let malformed = |what: &str| AdditiveError::Malformed(what.to_owned());
        let bytes = file.strip_prefix(MAGIC).ok_or_else(|| malformed("it does not begin as one"))?;
        let body: Body<'_> =
            minicbor::decode(bytes).map_err(|error| AdditiveError::Malformed(error.to_string()))?;
        if minicbor::to_vec(&body).expect("writing to a Vec cannot fail") != bytes {
            return Err(malformed("not in canonical form"));
        }
        if 1_u64.checked_shl(body.guard_bits).is_none_or(|room| room > MOST_IMAGES.into()) {
            return Err(malformed("its guard bits are out of range"));
        }
        if body.divisor == 0 || body.weight == 0 {
            return Err(malformed("it counts no image"));
        }
        let (key, layout) = (Arc::new(PublicKey::from_bytes(body.key)?), body.shape.layout()?);
        let packing = packing_of(&key, &layout, body.guard_bits)?;
        let expected = samples_of(&layout).div_ceil(packing.slots()) * key.ciphertext_bytes();
        if body.ciphertexts.len() != expected {
            return Err(malformed("another number of ciphertexts than its pixels need"));
        }
        let weight = packing.sum_of_fresh(body.weight)?;
        let read = |rows: &[u8]| Ciphertexts::from_rows(&key, rows);
        let batches = body.ciphertexts.par_chunks(BATCH * key.ciphertext_bytes()).map(read);
        let batches = batches.collect::<Result<_, _>>()?;
        let (guard_bits, divisor) = (body.guard_bits, body.divisor);
        Ok(Self { key, layout, guard_bits, weight, divisor, batches })
    }
}
