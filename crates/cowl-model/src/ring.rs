//! Fixed-point numbers modulo 2^k.

use std::fmt;

use minicbor::{Decode, Encode};

/// Numbers modulo 2^`bits`, of which the lowest `fraction` stand behind the point; of weights, `weight_fraction`. A number in a `u64` may have
/// anything above its `bits`; [`Ring::signed`] looks at the bits that count.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
pub struct Ring {
    #[n(0)]
    bits: u32,
    #[n(1)]
    fraction: u32,
    #[n(2)]
    weight_fraction: u32,
}

/// A ring that is not on the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{bits} bits with {fraction} behind the point: k is 32, 40, 48 or 64, and 4 ≤ f ≤ (k − 8) / 2")]
pub struct RingError {
    bits: u32,
    fraction: u32,
}

/// A number that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{value} does not fit into {ring}")]
pub struct OutOfRange {
    value: f64,
    ring: Ring,
}

impl Ring {
    /// The public menu, smallest first.
    pub const MENU: [Self; 4] = [Self::of(32, 12), Self::of(40, 15), Self::of(48, 18), Self::of(64, 24)];

    const fn of(bits: u32, fraction: u32) -> Self {
        Self { bits, fraction, weight_fraction: fraction }
    }

    /// A ring with `bits` of the menu and any sensible number of them behind the point.
    ///
    /// # Errors
    /// [`RingError`].
    pub fn new(bits: u32, fraction: u32) -> Result<Self, RingError> {
        let known = matches!(bits, 32 | 40 | 48 | 64);
        let sensible = known && (4..=(bits - 8) / 2).contains(&fraction);
        if sensible { Ok(Self::of(bits, fraction)) } else { Err(RingError { bits, fraction }) }
    }

    /// The same with more bits behind the point for weights, which are many and small: their sums, not they, are what
    /// must fit.
    ///
    /// # Errors
    /// [`RingError`] unless between f and k − f − 4.
    pub fn with_weight_fraction(self, weight_fraction: u32) -> Result<Self, RingError> {
        if (self.fraction..=self.bits - self.fraction - 4).contains(&weight_fraction) {
            return Ok(Self { weight_fraction, ..self });
        }
        Err(RingError { bits: self.bits, fraction: weight_fraction })
    }

    /// k
    pub fn bits(self) -> u32 {
        self.bits
    }

    /// f
    pub fn fraction(self) -> u32 {
        self.fraction
    }

    /// How many bits of weights stand behind the point: f, or more.
    pub fn weight_fraction(self) -> u32 {
        self.weight_fraction
    }

    /// The bits that count.
    pub fn reduce(self, value: u64) -> u64 {
        value << (64 - self.bits) >> (64 - self.bits)
    }

    /// As a number between −2^(k−1) and 2^(k−1).
    pub fn signed(self, value: u64) -> i64 {
        (value << (64 - self.bits)) as i64 >> (64 - self.bits)
    }

    /// The nearest fixed-point number with `fraction` bits behind the point; half rounds away from zero.
    ///
    /// # Errors
    /// [`OutOfRange`] if it is too large, or no number.
    pub fn quantise(self, value: f64, fraction: u32) -> Result<u64, OutOfRange> {
        let scaled = (value * (1u64 << fraction) as f64).round();
        let bound = (1u64 << (self.bits - 1)) as f64;
        if scaled >= -bound && scaled < bound {
            Ok(self.reduce(scaled as i64 as u64))
        } else {
            Err(OutOfRange { value, ring: self })
        }
    }

    /// What a fixed-point number means.
    pub fn real(self, value: u64, fraction: u32) -> f64 {
        self.signed(value) as f64 / (1u64 << fraction) as f64
    }

    /// The magnitude below which products of two values still fit: 2^(k−2−2f).
    pub fn headroom(self) -> f64 {
        (1u64 << (self.bits - 2 - 2 * self.fraction)) as f64
    }
}

impl fmt::Display for Ring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "k = {}, f = {}", self.bits, self.fraction)?;
        if self.weight_fraction > self.fraction {
            write!(formatter, ", {} for weights", self.weight_fraction)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_with_their_sign_in_every_ring_of_the_menu() {
        for ring in Ring::MENU {
            for value in [-3.25, -1.0, 0.0, 0.5, 7.75] {
                let fixed = ring.quantise(value, ring.fraction()).unwrap();
                assert_eq!(ring.real(fixed, ring.fraction()), value, "{ring}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_by_its_value() {
        let ring = Ring::MENU[0];
        assert!(ring.quantise(1e9, 12).is_err() && ring.quantise(f64::NAN, 12).is_err());
        assert_eq!(ring.quantise(-524288.0, 12).map(|value| ring.signed(value)), Ok(-(1 << 31)));
        assert!(ring.quantise(524288.0, 12).is_err());
    }

    #[test]
    fn rings_off_the_menu_are_refused() {
        assert!(Ring::new(33, 12).is_err() && Ring::new(32, 13).is_err() && Ring::new(64, 2).is_err());
        assert!(Ring::MENU.iter().all(|ring| Ring::new(ring.bits(), ring.fraction()) == Ok(*ring)));
    }
}
