//! Numbers modulo 2^k, shared between two parties.
//!
//! A value x is shared as x₀ + x₁ = x mod 2^k, one uniform (additive sharing over a ring: Boyle, Gilboa,
//! Ishai, "Secure computation with preprocessing via function secret sharing", TCC 2019, section 2). To
//! *open* x under a mask r, each party sends its share of x + r; the masked value x̂ = x + r is uniform, so
//! it shows nothing of x to whoever does not know r.
//!
//! Ideal functionality of an opening: it takes shares of x, gives x + r to both parties, r uniform and known
//! to the dealer alone. Secure as long as each r is used for one opening.

mod packing;

pub use packing::{pack, packed_bytes, unpack};

use crate::error::Error;

/// The two who compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// Knows the weights; adds what is public to its shares.
    ModelOwner,
    /// Knows the input.
    DataOwner,
}

impl Party {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::ModelOwner, Self::DataOwner];

    /// 0 for the model owner, 1 for the data owner.
    pub fn index(self) -> usize {
        self as usize
    }

    /// The one beside it.
    pub fn other(self) -> Self {
        match self {
            Self::ModelOwner => Self::DataOwner,
            Self::DataOwner => Self::ModelOwner,
        }
    }

    /// `value` for the model owner, 0 for the data owner: their sum is `value`.
    pub(crate) fn public(self, value: u64) -> u64 {
        match self {
            Self::ModelOwner => value,
            Self::DataOwner => 0,
        }
    }
}

/// The integers modulo 2^k, of which the lowest f bits stand behind the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ring {
    bits: u32,
    fraction: u32,
}

impl Ring {
    /// k of 32, 40, 48 or 64, and f < k / 2.
    ///
    /// # Errors
    /// [`Error::Ring`] for anything else.
    pub fn new(bits: u32, fraction: u32) -> Result<Self, Error> {
        let known = matches!(bits, 32 | 40 | 48 | 64) && fraction < bits / 2;
        if known { Ok(Self { bits, fraction }) } else { Err(Error::Ring { bits, fraction }) }
    }

    /// k
    pub fn bits(self) -> u32 {
        self.bits
    }

    /// f
    pub fn fraction(self) -> u32 {
        self.fraction
    }

    /// Bytes of a number on the wire.
    pub fn bytes(self) -> usize {
        self.bits as usize / 8
    }

    /// The bits that count.
    pub fn reduce(self, value: u64) -> u64 {
        low(value, self.bits)
    }

    /// As a number between −2^(k−1) and 2^(k−1).
    pub fn signed(self, value: u64) -> i64 {
        signed(value, self.bits)
    }

    /// The data owner's share of `value` where `random` is the model owner's.
    pub fn other_share(self, value: u64, random: u64) -> u64 {
        self.reduce(value.wrapping_sub(random))
    }

    /// The value behind two shares.
    ///
    /// # Errors
    /// [`Error::Count`] when one party has more shares than the other.
    pub fn open(self, shares: [&[u64]; 2]) -> Result<Vec<u64>, Error> {
        Error::count("shares", shares[0].len(), shares[1].len())?;
        Ok(shares[0].iter().zip(shares[1]).map(|(a, b)| self.reduce(a.wrapping_add(*b))).collect())
    }
}

/// The lowest `bits` bits, 1 to 64.
pub(crate) fn low(value: u64, bits: u32) -> u64 {
    value & (u64::MAX >> (64 - bits))
}

/// The lowest `bits` bits, 1 to 64, as a signed number.
pub(crate) fn signed(value: u64, bits: u32) -> i64 {
    (value << (64 - bits)) as i64 >> (64 - bits)
}

/// The bit at `place`.
pub(crate) fn bit(value: u64, place: u32) -> u64 {
    value >> place & 1
}

/// All ones for 1, zero for 0.
pub(crate) fn mask(bit: u64) -> u64 {
    bit.wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_every_ring_on_the_menu_open_to_what_was_shared() {
        for bits in [32, 40, 48, 64] {
            let ring = Ring::new(bits, 12).unwrap();
            for value in [0, 1, ring.reduce(u64::MAX), 1 << (bits - 1)] {
                let random = ring.reduce(0x9e37_79b9_7f4a_7c15);
                let other = ring.other_share(value, random);
                assert_eq!(ring.open([&[random], &[other]]), Ok(vec![value]));
            }
        }
    }

    #[test]
    fn rings_off_the_menu_are_refused() {
        for (bits, fraction) in [(0, 0), (31, 8), (33, 8), (32, 16), (128, 8)] {
            assert_eq!(Ring::new(bits, fraction), Err(Error::Ring { bits, fraction }));
        }
    }

    #[test]
    fn the_sign_is_the_highest_bit_that_counts() {
        let ring = Ring::new(40, 15).unwrap();
        assert_eq!(ring.signed(ring.reduce(-5i64 as u64)), -5);
        assert_eq!(ring.signed(1 << 39), -(1 << 39));
        assert_eq!(ring.signed(1 << 40), 0);
    }
}
