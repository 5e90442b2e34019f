//! Numbers to encrypt, and decrypted ones.

use crypto_bigint::BoxedUint;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::absent::assert_absent;
use crate::error::Error;
use crate::key::PublicKey;
use crate::lanes::Lanes;
use crate::number::{digits_of_words, number_of, words_of_digits};

/// A number modulo n as little-endian words: overwritten when dropped, never printed by accident.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Plaintext(Vec<u64>);

assert_absent!(Plaintext: Clone, std::fmt::Debug, std::fmt::Display, PartialEq);

impl Plaintext {
    /// A small number.
    pub fn from_u64(number: u64) -> Self {
        Self(vec![number])
    }

    /// A signed number: a negative one is n − |number|.
    pub fn from_i64(key: &PublicKey, number: i64) -> Self {
        let magnitude = Self::from_u64(number.unsigned_abs());
        if number < 0 { magnitude.negated(key) } else { magnitude }
    }

    /// A number of little-endian words.
    pub fn from_words(words: Vec<u64>) -> Self {
        Self(words)
    }

    /// The little-endian words.
    pub fn words(&self) -> &[u64] {
        &self.0
    }

    /// The number.
    pub fn to_number(&self) -> BoxedUint {
        BoxedUint::from_words(self.0.iter().copied())
    }

    /// n − number; zero stays zero.
    pub(crate) fn negated(&self, key: &PublicKey) -> Self {
        if self.0.iter().all(|&word| word == 0) {
            return Self(vec![0]);
        }
        let n = number_of(&key.modulus().digits, key.size().bits());
        let mut borrow = false;
        let digit = |index: usize| self.0.get(index).copied().unwrap_or(0);
        let words = n.as_words().iter().enumerate().map(|(index, &word)| {
            let (difference, first) = word.overflowing_sub(digit(index));
            let (difference, second) = difference.overflowing_sub(u64::from(borrow));
            borrow = first | second;
            difference
        });
        Self(words.collect())
    }

    /// From a lane of canonical digits.
    pub fn from_lane(key: &PublicKey, lanes: &Lanes, lane: usize) -> Self {
        let mut digits = zeroize::Zeroizing::new(vec![0; key.modulus().digit_count()]);
        lanes.get(lane, &mut digits);
        let mut words = vec![0; key.size().bytes() / 8];
        words_of_digits(&digits, &mut words);
        Self(words)
    }

    /// Up to eight plaintexts as lanes; `first` is the place of the first in its batch, for the error.
    pub fn to_lanes(key: &PublicKey, plaintexts: &[Self], first: usize) -> Result<Lanes, Error> {
        let modulus = key.modulus();
        let mut lanes = Lanes::zero(modulus.digit_count());
        let mut digits = zeroize::Zeroizing::new(vec![0; modulus.digit_count()]);
        for (lane, plaintext) in plaintexts.iter().enumerate() {
            let out_of_range = Error::PlaintextOutOfRange { index: first + lane };
            let (words, rest) = plaintext.0.split_at(plaintext.0.len().min(key.size().bytes() / 8));
            if rest.iter().any(|&word| word != 0) {
                return Err(out_of_range);
            }
            digits_of_words(words, &mut digits);
            if !is_below(&digits, &modulus.digits) {
                return Err(out_of_range);
            }
            lanes.set(lane, &digits);
        }
        Ok(lanes)
    }
}

/// Whether a number is below another of as many digits, without a branch on their digits.
pub(crate) fn is_below(digits: &[u64], n: &[u64]) -> bool {
    let borrow =
        digits.iter().zip(n).fold(0, |borrow, (&digit, &n)| digit.wrapping_sub(n).wrapping_sub(borrow) >> 63);
    borrow == 1
}
