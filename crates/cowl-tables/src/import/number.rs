//! Numbers as they are written: exact, never through a float.

/// `mantissa` · 10^−`decimals`, without zeros at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// The digits, at most 36 of them.
    pub mantissa: i128,
    /// How many stand after the point.
    pub decimals: u8,
}

/// Whether 12,5 or 12.5 is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clause {
    Point,
    Comma,
}

impl Clause {
    pub(crate) fn of(decimal_comma: bool) -> Self {
        if decimal_comma { Self::Comma } else { Self::Point }
    }

    fn mark(self) -> char {
        match self {
            Self::Point => '.',
            Self::Comma => ',',
        }
    }
}

const MOST_DIGITS: usize = 36;

/// Reads a number: sign, digits, a mark, digits, an exponent. No blanks, no thousands marks, no infinity.
pub(crate) fn parse_number(text: &str, clause: Clause) -> Option<Number> {
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, parse_exponent(exponent)?),
        None => (text, 0),
    };
    let (negative, digits) = match digits.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, digits.strip_prefix('+').unwrap_or(digits)),
    };
    let (whole, part) = digits.split_once(clause.mark()).unwrap_or((digits, ""));
    let all_digits = [whole, part].iter().all(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    if whole.len() + part.len() == 0 || !all_digits {
        return None;
    }
    let joined = format!("{whole}{part}");
    let significant = joined.trim_start_matches('0');
    let shortened = significant.trim_end_matches('0');
    if shortened.is_empty() {
        return Some(Number { mantissa: 0, decimals: 0 });
    }
    let zeros = (significant.len() - shortened.len()) as i64;
    let decimals = part.len() as i64 - exponent - zeros;
    scaled(shortened, decimals, negative)
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let sound = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    sound.then(|| text.parse().ok()).flatten()
}

fn scaled(digits: &str, decimals: i64, negative: bool) -> Option<Number> {
    // Digits before the point that are zeros, as in 2e3.
    let appended = usize::try_from(-decimals.min(0)).ok()?;
    if digits.len() + appended > MOST_DIGITS {
        return None;
    }
    let magnitude = digits.parse::<i128>().ok()? * 10i128.pow(appended as u32);
    let decimals = u8::try_from(decimals.max(0)).ok()?;
    Some(Number { mantissa: if negative { -magnitude } else { magnitude }, decimals })
}

impl Number {
    /// The number in units of 10^−`decimals`, rounded half away from zero, and whether that was needed. `None`
    /// beyond 128 bits.
    pub(crate) fn in_units(self, decimals: u8) -> Option<(i128, bool)> {
        if decimals >= self.decimals {
            let factor = 10i128.checked_pow(u32::from(decimals - self.decimals))?;
            return Some((self.mantissa.checked_mul(factor)?, false));
        }
        let Some(divisor) = 10i128.checked_pow(u32::from(self.decimals - decimals)) else {
            // Fewer than 37 digits behind so many places are nothing in this unit.
            return Some((0, true));
        };
        Some((divide_rounded(self.mantissa, divisor), true))
    }

    /// Whole tenths that are not above the number.
    pub(crate) fn in_tenths_down(self) -> Option<i128> {
        match self.decimals {
            0 => self.mantissa.checked_mul(10),
            1 => Some(self.mantissa),
            more => Some(self.mantissa.div_euclid(10i128.checked_pow(u32::from(more) - 1)?)),
        }
    }
}

/// Half away from zero; the divisor is positive.
pub(crate) fn divide_rounded(dividend: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (dividend / divisor, dividend % divisor);
    let up = rest.unsigned_abs() >= divisor.unsigned_abs().div_ceil(2);
    quotient + if up { dividend.signum() } else { 0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Option<(i128, u8)> {
        parse_number(text, Clause::Point).map(|number| (number.mantissa, number.decimals))
    }

    #[test]
    fn numbers_are_read_exactly() {
        let known = [
            ("0", (0, 0)),
            ("-0.000", (0, 0)),
            ("41.0", (41, 0)),
            ("+12.50", (125, 1)),
            (".5", (5, 1)),
            ("5.", (5, 0)),
            ("-22.09765620", (-220_976_562, 7)),
            ("1e3", (1_000, 0)),
            ("2.5E-3", (25, 4)),
            ("1200e-2", (12, 0)),
            ("007", (7, 0)),
        ];
        for (text, expected) in known {
            assert_eq!(number(text), Some(expected), "{text}");
        }
        assert_eq!(parse_number("12,5", Clause::Comma), Some(Number { mantissa: 125, decimals: 1 }));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let long = "1".repeat(37);
        for text in [
            "", "-", ".", "1,5", "1.2.3", "1 000", "1.234,5", "inf", "Infinity", "NaN", "0x10", "1e",
            "1e99999", "1e+-2", "--1", "١", &long, "1e300",
        ] {
            assert_eq!(number(text), None, "{text}");
        }
        assert_eq!(parse_number("12.5", Clause::Comma), None);
    }

    #[test]
    fn rounding_is_half_away_from_zero_and_said() {
        let rounded = |text: &str, decimals| parse_number(text, Clause::Point).unwrap().in_units(decimals);
        assert_eq!(rounded("1.25", 2), Some((125, false)));
        assert_eq!(rounded("1.25", 1), Some((13, true)));
        assert_eq!(rounded("-1.25", 1), Some((-13, true)));
        assert_eq!(rounded("1.24", 1), Some((12, true)));
        assert_eq!(rounded("1e-200", 3), Some((0, true)));
        assert_eq!(rounded("1e30", 18), None);
    }

    proptest! {
        #[test]
        fn written_decimals_are_read_back(mantissa: i64, decimals in 0u8..20) {
            let digits = format!("{:0>width$}", mantissa.unsigned_abs(), width = usize::from(decimals) + 1);
            let (whole, part) = digits.split_at(digits.len() - usize::from(decimals));
            let text = format!("{}{whole}.{part}", if mantissa < 0 { "-" } else { "" });
            let read = parse_number(&text, Clause::Point).unwrap();
            prop_assert_eq!(read.in_units(decimals), Some((mantissa.into(), false)));
        }

        #[test]
        fn texts_from_elsewhere_never_panic(text in "[-+0-9.,eE]{0,50}") {
            let read = parse_number(&text, Clause::Point);
            let _ = read.map(|number| number.in_units(3));
        }
    }
}
