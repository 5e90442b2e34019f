//! From exact integers to the nearest `f64`, in one rounding.

use num_bigint::{BigInt, BigUint, Sign};
use num_integer::Integer;
use num_traits::{ToPrimitive, Zero};

/// Bits of the quotient before it is rounded: more than a double's 53, fewer than a `u128`'s.
const WORKING_BITS: i64 = 66;

/// `numerator / denominator`, rounded once to nearest, ties to even. The denominator must not be zero.
pub(crate) fn quotient(numerator: &BigInt, denominator: &BigInt) -> f64 {
    let magnitude = quotient_of_magnitudes(numerator.magnitude(), denominator.magnitude());
    let negative = (numerator.sign() == Sign::Minus) != (denominator.sign() == Sign::Minus);
    if negative { -magnitude } else { magnitude }
}

fn quotient_of_magnitudes(numerator: &BigUint, denominator: &BigUint) -> f64 {
    debug_assert!(!denominator.is_zero(), "a quotient by zero was asked for");
    if numerator.is_zero() {
        return 0.0;
    }
    let shift = WORKING_BITS + denominator.bits() as i64 - numerator.bits() as i64;
    let (quotient, rest) = if shift >= 0 {
        (numerator << shift as u64).div_rem(denominator)
    } else {
        numerator.div_rem(&(denominator << shift.unsigned_abs()))
    };
    let bits = quotient.to_u128().expect("the quotient has 67 bits at most");
    // The lowest bit stands for all that follows, so that rounding to even is not fooled.
    let sticky = u128::from(!rest.is_zero());
    times_power_of_two((bits | sticky) as f64, -shift)
}

/// In two steps, because one factor alone may lie outside a double's range where the product does not.
fn times_power_of_two(value: f64, exponent: i64) -> f64 {
    let exponent = exponent.clamp(-2_000, 2_000);
    let half = exponent / 2;
    value * power_of_two(half) * power_of_two(exponent - half)
}

/// 2 to an exponent between −1022 and 1023.
fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits(((exponent + 1_023) as u64) << 52)
}

/// 10 to `exponent`.
pub(crate) fn power_of_ten(exponent: u32) -> BigInt {
    BigInt::from(10).pow(exponent)
}

/// A fraction of two integers, not reduced; the denominator is positive.
#[derive(Debug, Clone)]
pub(crate) struct Fraction {
    pub(crate) numerator: BigInt,
    pub(crate) denominator: BigInt,
}

impl Fraction {
    /// The exact value of a finite, not negative number.
    pub(crate) fn of(value: f64) -> Option<Self> {
        if !value.is_finite() || value < 0.0 {
            return None;
        }
        let (bits, raw_exponent) = (value.to_bits() & ((1 << 52) - 1), (value.to_bits() >> 52) as i64);
        let (mantissa, exponent) = match raw_exponent {
            0 => (bits, -1_074),
            _ => (bits | 1 << 52, raw_exponent - 1_075),
        };
        let zeros = i64::from(mantissa.trailing_zeros().min(63));
        let (mantissa, exponent) = if mantissa == 0 { (0, 0) } else { (mantissa >> zeros, exponent + zeros) };
        let one = BigInt::from(1);
        let (numerator, denominator) = if exponent >= 0 {
            (BigInt::from(mantissa) << exponent as u64, one)
        } else {
            (BigInt::from(mantissa), one << exponent.unsigned_abs())
        };
        Some(Self { numerator, denominator })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn quotients_of_doubles_are_those_of_the_processor(a in 1u64..1 << 53, b in 1u64..1 << 53) {
            prop_assert_eq!(quotient(&a.into(), &b.into()), a as f64 / b as f64);
        }

        #[test]
        fn a_common_factor_changes_nothing(a: i64, b in 1i64.., factor in 1u128..) {
            let (factor, b) = (BigInt::from(factor), BigInt::from(b));
            let plain = quotient(&a.into(), &b);
            prop_assert_eq!(quotient(&(a * &factor), &(b * &factor)), plain);
        }

        #[test]
        fn fractions_of_doubles_are_exact(value in prop::num::f64::POSITIVE | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO) {
            let value = value.abs();
            let fraction = Fraction::of(value).unwrap();
            let back = quotient(&fraction.numerator, &fraction.denominator);
            // A subnormal is rounded twice.
            prop_assert!(back == value || !value.is_normal());
        }
    }

    #[test]
    fn quotients_beyond_the_range_of_a_double_end_at_its_borders() {
        let (one, huge) = (BigInt::from(1), power_of_ten(400));
        assert_eq!(quotient(&huge, &one), f64::INFINITY);
        assert_eq!(quotient(&one, &huge), 0.0);
        let negative = -huge.clone() - 1;
        assert_eq!(quotient(&negative, &huge), -1.0);
    }

    #[test]
    fn negative_and_endless_numbers_are_no_fractions() {
        assert!(Fraction::of(-1.0).is_none());
        assert!(Fraction::of(f64::NAN).is_none());
        assert!(Fraction::of(f64::INFINITY).is_none());
    }
}
