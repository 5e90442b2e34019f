//! Row tags: a cloud that drops, doubles, swaps or forges rows is caught when the sums are opened.
//!
//! Each row carries, in slots of their own beside its values m₁ … mₖ, the tag
//!
//! ```text
//! t(row) = F(row) + Σ αⱼ mⱼ  mod p
//! ```
//!
//! where F is a keyed pseudo-random function and α₁ … αₖ are secret: a one-time authenticator in the manner of
//! Carter and Wegman (Journal of Computer and System Sciences 22, 1981) that adds up (Catalano and Fiore,
//! EUROCRYPT 2013). The sum of the tags of some rows is the tag of the sum of their values. The opener runs the
//! selection again on the open and token columns, knows which rows must have been added, and compares.
//!
//! **What a forger can do.** Let the opened sums differ from the true ones by δ (values) and ε (tag), and the rows
//! that were added from those of the selection. If the rows differ, F of the odd rows is, to whoever lacks the key,
//! uniform and appears nowhere else, so the comparison holds with chance 1/p. If the rows are right, it holds when
//! Σ αⱼδⱼ = ε; F hides the tags, hence the α, so this has chance 1/p unless all δⱼ are multiples of p. To rule
//! that out each opened sum must first lie in the range that the rows allow ([`crate::layout`] knows it); where
//! that range is narrower than p, δⱼ ≡ 0 means δⱼ = 0. Sets with wider sums carry a second tag modulo another
//! prime, and ranges up to p·q are covered. p = 2⁶¹ − 1, q = 2⁶¹ − 31: a forgery passes with chance 2⁻⁶¹.
//!
//! An opener that answers whether the check held gives a forger one try; it must not answer often.

use cowl_crypto::secret::Secret;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::absent::assert_absent;

/// The primes 2⁶¹ − c.
const COMPLEMENTS: [u64; 2] = [1, 31];
/// Bits of a tag.
pub const TAG_BITS: u32 = 61;
/// The most tags that a row carries.
pub const MOST_TAGS: usize = COMPLEMENTS.len();

/// Numbers modulo 2⁶¹ − c. Neither the time nor the addresses of its operations depend on the numbers.
#[derive(Clone, Copy)]
struct Field {
    complement: u64,
}

impl Field {
    fn prime(self) -> u64 {
        (1 << TAG_BITS) - self.complement
    }

    /// 2⁶¹ ≡ c: what lies above comes back times c.
    fn reduce(self, value: u128) -> u64 {
        const LOW: u128 = (1 << TAG_BITS) - 1;
        let complement = u128::from(self.complement);
        let once = (value & LOW) + (value >> TAG_BITS) * complement;
        let twice = (once & LOW) + (once >> TAG_BITS) * complement;
        let thrice = ((twice & LOW) + (twice >> TAG_BITS) * complement) as u64;
        // Below 2p now. The borrow's sign decides, as a mask.
        let less = thrice.wrapping_sub(self.prime());
        let keep = ((less as i64) >> 63) as u64;
        (less & !keep) | (thrice & keep)
    }

    fn of(self, value: i128) -> u64 {
        let sign = value >> 127;
        let magnitude = self.reduce((value ^ sign).wrapping_sub(sign) as u128);
        let negative = self.reduce(u128::from(self.prime() - magnitude));
        let choose = sign as u64;
        (negative & choose) | (magnitude & !choose)
    }

    fn add(self, left: u64, right: u64) -> u64 {
        self.reduce(u128::from(left) + u128::from(right))
    }

    fn multiply(self, left: u64, right: u64) -> u64 {
        self.reduce(u128::from(left) * u128::from(right))
    }
}

/// The rows, or their values, are not those that were asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TagError {
    /// The tag of the opened sums is not that of the selected rows.
    #[error(
        "the cloud did not add exactly the rows of this query: the row tags do not fit; nothing is shown"
    )]
    Mismatch,
    /// More or fewer values or tags than the key is for.
    #[error("{what}: {expected} were expected, {found} found")]
    WrongCount {
        /// Values or tags.
        what: &'static str,
        /// As the key has it.
        expected: usize,
        /// As given.
        found: usize,
    },
}

/// The secret of the tags of one sealed set. Stays with the owner's opener.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct TagKey {
    mask: [u8; 32],
    /// α for each tag and slot.
    weights: Vec<Vec<u64>>,
}

assert_absent!(TagKey: Clone, std::fmt::Debug, std::fmt::Display, PartialEq);

impl TagKey {
    /// Derives the key of the set named by `context` (its table's item, schema digest and name, say) from the
    /// table's tag secret, for rows of `slots` values with `tags` tags, 1 or 2.
    ///
    /// # Panics
    /// When `tags` is neither.
    pub fn derive(secret: &Secret<32>, context: &[u8], slots: usize, tags: usize) -> Self {
        assert!((1..=MOST_TAGS).contains(&tags), "a row carries one tag or two");
        let derived = |purpose: &'static str| {
            let mut hasher = blake3::Hasher::new_derive_key(purpose);
            hasher.update(secret.expose()).update(context);
            hasher.finalize_xof()
        };
        let mut mask = [0; 32];
        derived("cowl/table-tags/v1 mask of rows").fill(&mut mask);
        let mut stream = derived("cowl/table-tags/v1 weights of slots");
        let weights =
            (0..tags).map(|tag| (0..slots).map(|_| draw(&mut stream, field(tag))).collect()).collect();
        Self { mask, weights }
    }

    /// How many tags a row carries.
    pub fn tags(&self) -> usize {
        self.weights.len()
    }

    /// The tags of one row, each in 0 … 2⁶¹.
    ///
    /// # Errors
    /// [`TagError::WrongCount`].
    pub fn tags_of(&self, row: u64, values: &[i128]) -> Result<Vec<u64>, TagError> {
        self.check_count("values", self.slots(), values.len())?;
        Ok((0..self.tags())
            .map(|tag| field(tag).add(self.mask_of(row, tag), self.weigh(tag, values)))
            .collect())
    }

    /// Whether `sums` and `tag_sums` are those of exactly the given rows, each taken once.
    ///
    /// The caller has checked that each sum lies in the range that the rows allow.
    ///
    /// # Errors
    /// [`TagError::Mismatch`]; [`TagError::WrongCount`].
    pub fn check(
        &self,
        rows: impl IntoIterator<Item = u64>,
        sums: &[i128],
        tag_sums: &[i128],
    ) -> Result<(), TagError> {
        self.check_combination(rows.into_iter().map(|row| (row, 1)), sums, tag_sums)
    }

    /// Whether `sums` and `tag_sums` are those of rows (or blocks) taken with these factors: scores.
    ///
    /// # Errors
    /// As [`TagKey::check`].
    pub fn check_combination(
        &self,
        rows: impl IntoIterator<Item = (u64, i64)>,
        sums: &[i128],
        tag_sums: &[i128],
    ) -> Result<(), TagError> {
        self.check_count("sums", self.slots(), sums.len())?;
        self.check_count("tags", self.tags(), tag_sums.len())?;
        let mut masks = vec![0; self.tags()];
        for (row, factor) in rows {
            for (tag, sum) in masks.iter_mut().enumerate() {
                let field = field(tag);
                *sum = field.add(*sum, field.multiply(field.of(factor.into()), self.mask_of(row, tag)));
            }
        }
        let fits = |tag: usize| {
            let field = field(tag);
            field.of(tag_sums[tag]) == field.add(masks[tag], self.weigh(tag, sums))
        };
        if (0..self.tags()).all(fits) { Ok(()) } else { Err(TagError::Mismatch) }
    }

    fn slots(&self) -> usize {
        self.weights[0].len()
    }

    fn check_count(&self, what: &'static str, expected: usize, found: usize) -> Result<(), TagError> {
        if expected == found { Ok(()) } else { Err(TagError::WrongCount { what, expected, found }) }
    }

    /// F(row) for one of the tags.
    fn mask_of(&self, row: u64, tag: usize) -> u64 {
        let mut hasher = blake3::Hasher::new_keyed(&self.mask);
        hasher.update(&row.to_be_bytes()).update(&[tag as u8]);
        draw(&mut hasher.finalize_xof(), field(tag))
    }

    fn weigh(&self, tag: usize, values: &[i128]) -> u64 {
        let field = field(tag);
        let weighed = self.weights[tag].iter().zip(values);
        weighed.fold(0, |sum, (weight, value)| field.add(sum, field.multiply(*weight, field.of(*value))))
    }
}

fn field(tag: usize) -> Field {
    Field { complement: COMPLEMENTS[tag] }
}

/// A number that is uniform but for 2⁻⁶⁷.
fn draw(stream: &mut blake3::OutputReader, field: Field) -> u64 {
    let mut bytes = [0; 16];
    stream.fill(&mut bytes);
    field.reduce(u128::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests;
