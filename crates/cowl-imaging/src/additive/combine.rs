//! Sums, differences, multiples and averages of sealed images, by whoever has them.

use cowl_paillier::{Ciphertexts, Error, PublicKey, Weight};
use rayon::prelude::*;

use super::{AdditiveError, SealedImage};

/// (Σ factorᵢ·imageᵢ) / divisor, sealed.
///
/// All factors 1 and the divisor 1 make a sum; 1 and −1 a difference; all factors 1 and the divisor their number an
/// average. Images that are averages themselves are brought to one denominator first. The work needs no secret, and
/// its time depends on the factors.
///
/// # Errors
/// [`AdditiveError::TooMany`] where a pixel might run into its neighbour; [`AdditiveError::Shape`],
/// [`AdditiveError::OtherKey`]; [`AdditiveError::Factors`], [`AdditiveError::Divisor`].
pub fn combine(images: &[SealedImage], factors: &[i64], divisor: u32) -> Result<SealedImage, AdditiveError> {
    let first = match images {
        [first, ..] if images.len() == factors.len() => first,
        _ => return Err(AdditiveError::Factors { factors: factors.len(), images: images.len() }),
    };
    (1..).zip(images).try_for_each(|(index, image)| expect_like(first, image, index))?;
    let common = common_denominator(images)?;
    let divisor = common.checked_mul(divisor).filter(|it| *it > 0).ok_or(AdditiveError::Divisor)?;
    let too_many = |weight| AdditiveError::TooMany { weight, most: first.room() };
    let factors: Vec<i64> = factors
        .iter()
        .zip(images)
        .map(|(factor, image)| factor.checked_mul(i64::from(common / image.divisor)))
        .collect::<Option<_>>()
        .ok_or_else(|| too_many(u64::MAX))?;
    let weight = weight_of(first, images, &factors)?;
    let sum = |place| sum_of_batch(&first.key, images, &factors, place);
    let batches = (0..first.batches.len()).into_par_iter().map(sum).collect::<Result<_, Error>>()?;
    let SealedImage { key, layout, guard_bits, .. } = first;
    Ok(SealedImage { key: key.clone(), layout: *layout, guard_bits: *guard_bits, weight, divisor, batches })
}

fn expect_like(first: &SealedImage, image: &SealedImage, index: usize) -> Result<(), AdditiveError> {
    if image.key.digest() != first.key.digest() {
        return Err(AdditiveError::OtherKey { index });
    }
    let (expected, found) = (first.shape(), image.shape());
    if expected == found { Ok(()) } else { Err(AdditiveError::Shape { index, expected, found }) }
}

fn common_denominator(images: &[SealedImage]) -> Result<u32, AdditiveError> {
    let common = images.iter().try_fold(1_u32, |common, image| {
        common.checked_mul(image.divisor / greatest_common_divisor(common, image.divisor))
    });
    common.ok_or(AdditiveError::Divisor)
}

fn greatest_common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The weight of the result. Factors that are all zero leave an image of zeros, which weighs as much as a fresh one.
fn weight_of(first: &SealedImage, images: &[SealedImage], factors: &[i64]) -> Result<Weight, AdditiveError> {
    let terms = factors.iter().copied().zip(images.iter().map(|image| image.weight));
    Ok(first.packing()?.weighted(terms)?.max(Weight::FRESH))
}

fn sum_of_batch(
    key: &PublicKey,
    images: &[SealedImage],
    factors: &[i64],
    place: usize,
) -> Result<Ciphertexts, Error> {
    let mut terms = images.iter().zip(factors).map(|(image, &factor)| (&image.batches[place], factor));
    let (batch, factor) = terms.next().expect("there is a first image");
    let mut sum = multiple(key, batch, factor)?;
    for (batch, factor) in terms {
        match factor {
            0 => {}
            1 => sum.add_assign(key, batch)?,
            -1 => sum = sum.subtract(key, batch)?,
            factor => sum.add_assign(key, &multiple(key, batch, factor)?)?,
        }
    }
    Ok(sum)
}

fn multiple(key: &PublicKey, batch: &Ciphertexts, factor: i64) -> Result<Ciphertexts, Error> {
    if factor == 1 { Ok(batch.clone()) } else { batch.multiply(key, &vec![factor; batch.len()]) }
}
