//! Many signed numbers in one plaintext, with room for their sums.
//!
//! A slot is wide enough for a value and, in guard bits above it, for the sum of so many of them. Which sums are allowed
//! is counted in *weight*: a fresh value has weight 1, a sum the weights of both, a multiple by w the weight times |w|.
//! A result is read only under a weight that fits the guard bits, so no slot ever runs into the next one.

use zeroize::Zeroize;

use crate::key::{KeySize, PublicKey};
use crate::plaintext::Plaintext;

/// Bits of the widest value.
pub const WIDEST_VALUE: u32 = 63;
/// Bits of the widest slot: a sum of values fits an `i128`.
pub const WIDEST_SLOT: u32 = 120;

/// A layout, a value or a sum that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackingError {
    /// A layout that cannot be.
    #[error(
        "slots of {value_bits} value bits and {guard_bits} guard bits: give 2 to 63 and at most 120 together"
    )]
    Layout {
        /// Bits of a value, sign included.
        value_bits: u32,
        /// Bits above it.
        guard_bits: u32,
    },
    /// A value that its slot cannot hold.
    #[error("value {index} is beyond ±{largest}: use wider slots or a coarser scale")]
    Value {
        /// Its place among the values.
        index: usize,
        /// The largest magnitude.
        largest: i64,
    },
    /// More values than slots.
    #[error("{found} values for {slots} slots: use more ciphertexts")]
    Slots {
        /// Slots of a plaintext.
        slots: usize,
        /// Values that were given.
        found: usize,
    },
    /// A sum of more than the guard bits can take.
    #[error("a sum of weight {weight} may overflow: these slots take {heaviest}; use more guard bits")]
    Weight {
        /// The weight that would arise.
        weight: u64,
        /// The heaviest that fits.
        heaviest: u64,
    },
    /// A plaintext that no sum of packed values can be.
    #[error(
        "the plaintext is no sum of packed values: another layout, or ciphertexts that were tampered with"
    )]
    Foreign,
    /// A slot outside what values of the stated weight can add up to.
    #[error("slot {slot} holds more than values of weight {weight} can add up to")]
    Slot {
        /// The slot.
        slot: usize,
        /// The weight that was stated.
        weight: u64,
    },
}

/// How many values, each how heavy at most, are in a ciphertext: what overflow is judged by.
///
/// Only [`Packing`] makes heavier ones, and refuses those that do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight(u64);

impl Weight {
    /// That of a freshly encrypted value.
    pub const FRESH: Self = Self(1);

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// A layout of slots in plaintexts under keys of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    size: KeySize,
    value_bits: u32,
    guard_bits: u32,
}

impl Packing {
    /// A layout with values of −2^(v−1) < value < 2^(v−1) for v = `value_bits`, and sums of weight up to 2^`guard_bits`.
    ///
    /// # Errors
    /// [`PackingError::Layout`].
    pub fn new(size: KeySize, value_bits: u32, guard_bits: u32) -> Result<Self, PackingError> {
        let fits =
            (2..=WIDEST_VALUE).contains(&value_bits) && value_bits.saturating_add(guard_bits) <= WIDEST_SLOT;
        let fits = fits && guard_bits < 64;
        if fits {
            Ok(Self { size, value_bits, guard_bits })
        } else {
            Err(PackingError::Layout { value_bits, guard_bits })
        }
    }

    /// Bits from one slot to the next.
    pub const fn slot_bits(&self) -> u32 {
        self.value_bits + self.guard_bits
    }

    /// Slots of one plaintext: as many as stay below n/2 with their signs.
    pub const fn slots(&self) -> usize {
        ((self.size.bits() - 2) / self.slot_bits()) as usize
    }

    /// The largest magnitude of a value.
    pub const fn largest(&self) -> i64 {
        ((1_u64 << (self.value_bits - 1)) - 1) as i64
    }

    /// The heaviest sum that fits.
    pub const fn heaviest(&self) -> Weight {
        Weight(1 << self.guard_bits)
    }

    /// The weight of a sum.
    ///
    /// # Errors
    /// [`PackingError::Weight`] where the sum may overflow.
    pub fn sum(&self, weights: impl IntoIterator<Item = Weight>) -> Result<Weight, PackingError> {
        let weight = weights.into_iter().fold(0_u64, |sum, weight| sum.saturating_add(weight.0));
        self.within(weight)
    }

    /// The weight of a sum of so many freshly encrypted values.
    ///
    /// # Errors
    /// As [`Packing::sum`].
    pub fn sum_of_fresh(&self, count: u64) -> Result<Weight, PackingError> {
        self.within(count)
    }

    /// The weight of a scalar product: Σ |scalar|·weight.
    ///
    /// # Errors
    /// As [`Packing::sum`].
    pub fn weighted(&self, terms: impl IntoIterator<Item = (i64, Weight)>) -> Result<Weight, PackingError> {
        let terms = terms.into_iter().map(|(scalar, weight)| scalar.unsigned_abs().saturating_mul(weight.0));
        self.within(terms.fold(0, u64::saturating_add))
    }

    fn within(&self, weight: u64) -> Result<Weight, PackingError> {
        let heaviest = self.heaviest().0;
        if weight <= heaviest { Ok(Weight(weight)) } else { Err(PackingError::Weight { weight, heaviest }) }
    }

    /// Packs values into one plaintext, the first into the lowest slot; slots without a value hold zero.
    ///
    /// # Errors
    /// [`PackingError::Slots`], [`PackingError::Value`].
    pub fn pack(&self, key: &PublicKey, values: &[i64]) -> Result<Plaintext, PackingError> {
        let (slots, found, largest) = (self.slots(), values.len(), self.largest());
        if found > slots {
            return Err(PackingError::Slots { slots, found });
        }
        if let Some(index) = values.iter().position(|value| value.unsigned_abs() > largest.unsigned_abs()) {
            return Err(PackingError::Value { index, largest });
        }
        // Σ valueᵢ·2^(slot·i) as a two's complement number, a slot borrowing from the one above where it is negative.
        let mut bits = Bits::zero(self.size);
        let mut borrow = 0;
        for (slot, &value) in values.iter().enumerate() {
            let value = i128::from(value) - borrow;
            borrow = i128::from(value < 0);
            bits.put(slot as u32 * self.slot_bits(), self.slot_bits(), value as u128);
        }
        let negative = (borrow as u64).wrapping_neg();
        bits.fill_from(found as u32 * self.slot_bits(), negative);
        // A negative number is that number above n.
        bits.add_masked(key.n().as_words(), negative);
        Ok(bits.into_plaintext(self.size))
    }

    /// Packs any number of values into as many plaintexts as they need.
    ///
    /// # Errors
    /// [`PackingError::Value`].
    pub fn pack_all(&self, key: &PublicKey, values: &[i64]) -> Result<Vec<Plaintext>, PackingError> {
        let chunks = values.chunks(self.slots()).enumerate();
        let packed = chunks.map(|(number, chunk)| {
            self.pack(key, chunk).map_err(|error| match error {
                PackingError::Value { index, largest } => {
                    PackingError::Value { index: number * self.slots() + index, largest }
                }
                other => other,
            })
        });
        packed.collect()
    }

    /// The sums in the first `count` slots of a decrypted plaintext, whose weight is as stated.
    ///
    /// # Errors
    /// [`PackingError::Slots`], [`PackingError::Weight`], and [`PackingError::Foreign`] or [`PackingError::Slot`] for a
    /// plaintext that no sum of such weight is.
    pub fn unpack(
        &self,
        key: &PublicKey,
        plaintext: &Plaintext,
        count: usize,
        weight: Weight,
    ) -> Result<Vec<i128>, PackingError> {
        let (slots, width) = (self.slots(), self.slot_bits());
        if count > slots {
            return Err(PackingError::Slots { slots, found: count });
        }
        self.within(weight.0)?;
        let mut bits = Bits::of(self.size, plaintext);
        bits.centre(key.n().as_words());
        let limit = i128::from(self.largest()) * i128::from(weight.0);
        let mut carry = 0;
        let mut sums = Vec::with_capacity(count);
        for slot in 0..count {
            let raw = bits.get(slot as u32 * width, width) as i128 + carry;
            carry = i128::from(raw >= 1 << (width - 1));
            let sum = raw - (carry << width);
            if sum.abs() > limit {
                return Err(PackingError::Slot { slot, weight: weight.0 });
            }
            sums.push(sum);
        }
        let sign = (carry as u64).wrapping_neg();
        if bits.is_filled_from(count as u32 * width, sign) { Ok(sums) } else { Err(PackingError::Foreign) }
    }
}

/// A plaintext under construction or inspection, in words; overwritten when dropped.
struct Bits(Vec<u64>);

impl Drop for Bits {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Bits {
    fn zero(size: KeySize) -> Self {
        Self(vec![0; size.bytes() / 8 + 2])
    }

    fn of(size: KeySize, plaintext: &Plaintext) -> Self {
        let mut bits = Self::zero(size);
        bits.0.iter_mut().zip(plaintext.words()).for_each(|(to, word)| *to = *word);
        bits
    }

    fn put(&mut self, at: u32, width: u32, value: u128) {
        let value = value & (u128::MAX >> (128 - width));
        let (word, shift) = ((at / 64) as usize, at % 64);
        let low = value << shift;
        self.0[word] |= low as u64;
        self.0[word + 1] |= (low >> 64) as u64;
        if shift > 0 {
            self.0[word + 2] |= (value >> (128 - shift)) as u64;
        }
    }

    fn get(&self, at: u32, width: u32) -> u128 {
        let (word, shift) = ((at / 64) as usize, at % 64);
        let digit = |index: usize| u128::from(self.0.get(index).copied().unwrap_or(0));
        let low = (digit(word) | digit(word + 1) << 64) >> shift;
        let high = if shift > 0 { digit(word + 2) << (128 - shift) } else { 0 };
        (low | high) & (u128::MAX >> (128 - width))
    }

    /// Overwrites all bits from a place on with those of a word that is all ones or zero.
    fn fill_from(&mut self, from: u32, sign: u64) {
        let (word, shift) = ((from / 64) as usize, from % 64);
        self.0[word] |= sign << shift;
        self.0[word + 1..].fill(sign);
    }

    fn is_filled_from(&self, from: u32, sign: u64) -> bool {
        let (word, shift) = ((from / 64) as usize, from % 64);
        let differences = self.0[word + 1..].iter().fold(0, |all, &word| all | (word ^ sign));
        ((self.0[word] ^ sign) >> shift) | differences == 0
    }

    /// Adds a number where the mask is all ones, nothing where it is zero.
    fn add_masked(&mut self, number: &[u64], mask: u64) {
        let mut carry = false;
        for (index, word) in self.0.iter_mut().enumerate() {
            let addend = number.get(index).copied().unwrap_or(0) & mask;
            let (sum, first) = word.overflowing_add(addend);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            (*word, carry) = (sum, first | second);
        }
    }

    /// Subtracts n from numbers above n/2, in two's complement: they stand for negative ones.
    fn centre(&mut self, n: &[u64]) {
        let digit = |index: usize| n.get(index).copied().unwrap_or(0);
        let (mut borrow, mut carry) = (false, 0);
        for (index, &word) in self.0.iter().enumerate() {
            // Of n − 2·number only the sign counts.
            let twice = word << 1 | carry;
            carry = word >> 63;
            let (difference, first) = digit(index).overflowing_sub(twice);
            borrow = first | difference.overflowing_sub(u64::from(borrow)).1;
        }
        let mask = u64::from(borrow).wrapping_neg();
        let mut borrow = false;
        for (index, word) in self.0.iter_mut().enumerate() {
            let (difference, first) = word.overflowing_sub(digit(index) & mask);
            let (difference, second) = difference.overflowing_sub(u64::from(borrow));
            (*word, borrow) = (difference, first | second);
        }
    }

    fn into_plaintext(mut self, size: KeySize) -> Plaintext {
        self.0.truncate(size.bytes() / 8);
        Plaintext::from_words(std::mem::take(&mut self.0))
    }
}
