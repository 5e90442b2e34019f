//! Splitting: a payload is cut into a random number of parts of random sizes under random names.
//!
//! The cloud sees parts, not where one payload ends and the next begins. Order, sizes and hashes stand in
//! the sealed manifest; every part is hashed before it is joined again.

use std::ops::Range;

use cowl_crypto::digest::Digest;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

mod stream;

use crate::payload::Cores;
pub use stream::{PartJoiner, PartSplitter};

/// How a payload is cut: the sizes of its parts, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitPlan {
    sizes: Vec<u32>,
}

/// What the manifest says about a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartCheck {
    /// Bytes.
    pub size: u64,
    /// BLAKE3 of the bytes.
    pub hash: Digest,
}

/// Why parts do not join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// A part, counted from 0, was changed, cut, or is another one.
    #[error("part {0} does not match its manifest")]
    Mismatch(usize),
    /// The manifest lists more parts.
    #[error("part {0} is missing")]
    Missing(usize),
    /// The manifest lists fewer parts.
    #[error("there are parts beyond the {0} of the manifest")]
    Surplus(usize),
}

/// Payloads up to this length have few parts.
const SMALL: u64 = 1 << 20;

impl SplitPlan {
    /// Draws a plan for `length` bytes: the same seed gives the same plan.
    ///
    /// Up to a mebibyte there are 2 to 6 parts or so, up to 96 MiB 3 to 12, beyond that as many as parts of about
    /// 8 MiB take. Each part costs the cloud two rows of its ledger, as much as sealing 100 KB. No part
    /// has more than [`MAX_PART`] bytes, and none but the only one fewer than [`MIN_PART`].
    pub fn draw(length: u64, seed: &[u8; 32]) -> Self {
        let mut dice = Dice::new(seed);
        let aim = if length <= SMALL { 2 + dice.below(5) } else { 3 + dice.below(10) };
        let mean = (length / aim).clamp(MIN_PART, MAX_PART / 2);
        let mut sizes = Vec::new();
        let mut rest = length;
        while rest > 0 || sizes.is_empty() {
            let size = draw_size(rest, mean, &mut dice);
            sizes.push(u32::try_from(size).expect("parts are at most 16 MiB"));
            rest -= size;
        }
        Self { sizes }
    }

    /// The sizes of the parts, in order.
    pub fn sizes(&self) -> &[u32] {
        &self.sizes
    }

    /// Bytes of all parts together.
    pub fn length(&self) -> u64 {
        self.sizes.iter().copied().map(u64::from).sum()
    }

    /// Where the parts lie in the payload.
    pub fn ranges(&self) -> impl Iterator<Item = Range<u64>> {
        self.sizes.iter().scan(0, |start, size| {
            let range = *start..*start + u64::from(*size);
            *start = range.end;
            Some(range)
        })
    }

    /// Cuts a payload.
    ///
    /// # Panics
    /// When the payload has another length than the plan.
    pub fn split<'a>(&self, payload: &'a [u8]) -> Vec<&'a [u8]> {
        assert_eq!(payload.len() as u64, self.length(), "a payload of the plan's length");
        let mut rest = payload;
        let mut cut = |size: &u32| {
            let (part, behind) = rest.split_at(*size as usize);
            rest = behind;
            part
        };
        self.sizes.iter().map(&mut cut).collect()
    }

    /// What the manifest is to say about the parts of a payload.
    ///
    /// # Panics
    /// When the payload has another length than the plan.
    pub fn check_parts(&self, payload: &[u8], cores: Cores) -> Vec<PartCheck> {
        let parts = self.split(payload);
        match cores {
            Cores::One => parts.into_iter().map(PartCheck::of).collect(),
            Cores::All => parts.into_par_iter().map(PartCheck::of).collect(),
        }
    }
}

impl PartCheck {
    /// What a manifest says about these bytes.
    pub fn of(part: &[u8]) -> Self {
        Self { size: part.len() as u64, hash: Digest::of(part) }
    }

    /// Whether these are the bytes.
    pub fn matches(&self, part: &[u8]) -> bool {
        part.len() as u64 == self.size && Digest::of(part) == self.hash
    }
}

/// Checks parts, given in the order of `checks`, against what the manifest says.
///
/// # Errors
/// [`MergeError`] names the first part that is not the one listed.
pub fn check_parts(checks: &[PartCheck], parts: &[&[u8]], cores: Cores) -> Result<(), MergeError> {
    if parts.len() > checks.len() {
        return Err(MergeError::Surplus(checks.len()));
    }
    let matches = |index: usize| parts.get(index).is_some_and(|part| checks[index].matches(part));
    let differs = match cores {
        Cores::One => (0..checks.len()).find(|index| !matches(*index)),
        Cores::All => (0..checks.len()).into_par_iter().find_first(|index| !matches(*index)),
    };
    match differs {
        Some(index) if index < parts.len() => Err(MergeError::Mismatch(index)),
        Some(index) => Err(MergeError::Missing(index)),
        None => Ok(()),
    }
}

/// Joins parts, given in the order of `checks`; each is checked before any is joined.
///
/// # Errors
/// [`MergeError`] names the first part that is not the one listed.
pub fn merge(checks: &[PartCheck], parts: &[&[u8]], cores: Cores) -> Result<Vec<u8>, MergeError> {
    check_parts(checks, parts, cores)?;
    Ok(parts.concat())
}

/// From half the mean to one and a half, so that nothing too small is left over.
fn draw_size(rest: u64, mean: u64, dice: &mut Dice) -> u64 {
    let drawn = (mean / 2 + dice.below(mean + 1)).clamp(MIN_PART, MAX_PART);
    match rest.checked_sub(drawn) {
        Some(left) if left >= MIN_PART => drawn,
        _ if rest <= MAX_PART => rest,
        // What would be left is too small, and what there is too large for one part.
        _ => rest - MIN_PART,
    }
}

/// Numbers from a seed: BLAKE3 in XOF mode.
struct Dice(blake3::OutputReader);

impl Dice {
    fn new(seed: &[u8; 32]) -> Self {
        Self(blake3::Hasher::new_derive_key("cowl/split/v1").update(seed).finalize_xof())
    }

    /// From 0 up to but not including `bound`, which is small beside 2⁶⁴: the bias is below 2⁻³⁹.
    fn below(&mut self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        let wide = u128::from(u64::from_le_bytes(bytes)) * u128::from(bound);
        (wide >> 64) as u64
    }
}

/// The smallest part of a payload that has several.
pub const MIN_PART: u64 = 4 << 10;
/// The largest part.
pub const MAX_PART: u64 = 16 << 20;

#[cfg(test)]
mod tests;
