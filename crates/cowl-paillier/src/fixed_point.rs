//! Decimal fixed point: measured values as the integers that slots hold.

/// The most decimal places.
pub const MOST_DECIMALS: u8 = 15;
/// Beyond this magnitude a double has no units, so neither has a scaled value.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

/// How many decimal places a column's values have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedPoint {
    decimals: u8,
}

/// A value in fixed point, and whether it is exactly the one that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scaled {
    /// The value times 10^decimals.
    pub units: i64,
    /// Whether no digit was rounded away: the units read back as the same double.
    pub exact: bool,
}

/// A value or scale that fixed point cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FixedPointError {
    /// More places than a double has digits.
    #[error("{decimals} decimal places: at most 15 can be kept")]
    Decimals {
        /// What was asked for.
        decimals: u8,
    },
    /// NaN or an infinity.
    #[error("the value is not a number")]
    NotANumber,
    /// The scaled value is beyond 2^53.
    #[error("the value is too large for {decimals} decimal places: use fewer")]
    TooLarge {
        /// The scale.
        decimals: u8,
    },
}

impl FixedPoint {
    /// A scale of 0 to 15 decimal places.
    ///
    /// # Errors
    /// [`FixedPointError::Decimals`].
    pub const fn new(decimals: u8) -> Result<Self, FixedPointError> {
        if decimals <= MOST_DECIMALS {
            Ok(Self { decimals })
        } else {
            Err(FixedPointError::Decimals { decimals })
        }
    }

    /// The decimal places.
    pub const fn decimals(self) -> u8 {
        self.decimals
    }

    /// The units nearest to a value, halves away from zero.
    ///
    /// # Errors
    /// [`FixedPointError::NotANumber`], [`FixedPointError::TooLarge`].
    pub fn scale(self, value: f64) -> Result<Scaled, FixedPointError> {
        if !value.is_finite() {
            return Err(FixedPointError::NotANumber);
        }
        let units = (value * self.one()).round();
        if units.abs() > LARGEST_EXACT {
            return Err(FixedPointError::TooLarge { decimals: self.decimals });
        }
        Ok(Scaled { units: units as i64, exact: units / self.one() == value })
    }

    /// The value of units, or of a sum of them: the nearest double where they are up to 2^53.
    pub fn value(self, units: i128) -> f64 {
        units as f64 / self.one()
    }

    /// 10^decimals, which a double holds exactly.
    fn one(self) -> f64 {
        10_f64.powi(self.decimals.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(decimals: u8) -> FixedPoint {
        FixedPoint::new(decimals).expect("few places")
    }

    #[test]
    fn decimals_as_people_write_them_are_exact() {
        for (decimals, value, units) in
            [(1, 0.1, 1), (2, -36.65, -3665), (3, 1.005, 1005), (0, -0.0, 0), (15, 0.3, 300_000_000_000_000)]
        {
            let scaled = places(decimals).scale(value);
            assert_eq!(scaled, Ok(Scaled { units, exact: true }));
            assert_eq!(places(decimals).value(units.into()), value);
        }
    }

    #[test]
    fn rounding_is_reported() {
        assert_eq!(places(1).scale(0.25), Ok(Scaled { units: 3, exact: false }));
        assert_eq!(places(1).scale(-0.25), Ok(Scaled { units: -3, exact: false }));
        assert_eq!(places(0).scale(1.0 / 3.0), Ok(Scaled { units: 0, exact: false }));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(FixedPoint::new(16), Err(FixedPointError::Decimals { decimals: 16 }));
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(places(2).scale(value), Err(FixedPointError::NotANumber));
        }
        assert_eq!(places(2).scale(1e14), Err(FixedPointError::TooLarge { decimals: 2 }));
        assert_eq!(places(0).scale(LARGEST_EXACT).map(|scaled| scaled.units), Ok(1 << 53));
    }
}
