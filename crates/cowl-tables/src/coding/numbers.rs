//! Numbers on a scale: exact where that fits, else rounded, and said.

use cowl_domain::table::{Coding, ColumnType, Decimal, MOST_DECIMALS};
use num_bigint::BigInt;
use num_traits::ToPrimitive;

use super::{Coded, ColumnChoice, STANDARDISED_DECIMALS, VALUE_BITS, each, refuse};
use crate::exact::{power_of_ten, quotient};
use crate::import::{Clause, ImportError, Number, RawTable, parse_number};

/// Digits of a mean or deviation beyond those of the column.
const FURTHER_DIGITS: i32 = 4;

pub(super) fn code(
    table: &RawTable,
    place: usize,
    kind: ColumnType,
    choice: &ColumnChoice,
) -> Result<Coded, ImportError> {
    let clause = Clause::of(table.decimal_comma());
    let mut lines = Vec::new();
    let numbers = each(table, place, kind, |text, line| {
        let number = parse_number(text, clause)?;
        lines.push(line);
        let is_whole = number.decimals == 0 || kind == ColumnType::Decimal;
        is_whole.then_some(number)
    })?;
    let scaled = if choice.standardise {
        standardised(&numbers, choice)?
    } else {
        let decimals = choice.decimals.unwrap_or_else(|| widest_exact_scale(&numbers));
        (Coding::Number { decimals }, on_scale(&numbers, decimals))
    };
    let (coding, values) = scaled;
    let too_wide = |index: usize| {
        let (line, number) = (lines[index], numbers.iter().flatten().nth(index).expect("it was read"));
        let text = format!("{}e-{}", number.mantissa, number.decimals);
        ImportError::TooWide { place: table.place(place, line), text }
    };
    let (mut fitted, mut rounded, mut read) = (Vec::with_capacity(values.len()), 0, 0);
    for value in values {
        fitted.push(match value {
            None => None,
            Some(scaled) => {
                let (value, was_rounded) =
                    scaled.filter(|(value, _)| fits(*value)).ok_or_else(|| too_wide(read))?;
                read += 1;
                rounded += u64::from(was_rounded);
                Some(value as i64)
            }
        });
    }
    Ok(Coded { variables: vec![(choice.column.clone(), coding, fitted)], rounded })
}

fn fits(value: i128) -> bool {
    value.unsigned_abs() < 1 << VALUE_BITS
}

/// As many decimals as the numbers have, or fewer where the largest number would not fit.
fn widest_exact_scale(numbers: &[Option<Number>]) -> u8 {
    let present = || numbers.iter().flatten();
    let needed = present().map(|number| number.decimals).max().unwrap_or(0).min(MOST_DECIMALS);
    let fit_at = |decimals: u8| {
        present().all(|number| number.in_units(decimals).is_some_and(|(value, _)| fits(value)))
    };
    (0..=needed).rev().find(|decimals| fit_at(*decimals)).unwrap_or(0)
}

/// A value on its scale and whether it was rounded, for each cell that has one.
type Scaled = Vec<Option<Option<(i128, bool)>>>;

fn on_scale(numbers: &[Option<Number>], decimals: u8) -> Scaled {
    numbers.iter().map(|number| number.map(|number| number.in_units(decimals))).collect()
}

/// (x − mean)/deviation, with mean and deviation themselves rounded to decimals that are kept in the coding.
fn standardised(numbers: &[Option<Number>], choice: &ColumnChoice) -> Result<(Coding, Scaled), ImportError> {
    let decimals = choice.decimals.unwrap_or(STANDARDISED_DECIMALS);
    let no_spread = || refuse(&choice.column, "does not vary, or too widely to be standardised; drop it");
    let (centre, spread) = centre_and_spread(numbers).ok_or_else(no_spread)?;
    let scale = |number: Number| {
        let common = number.decimals.max(centre.decimals).max(spread.decimals);
        let raise = |mantissa: BigInt, own: u8| mantissa * power_of_ten((common - own).into());
        let offset =
            raise(number.mantissa.into(), number.decimals) - raise(centre.mantissa.into(), centre.decimals);
        let (dividend, divisor) =
            (offset * power_of_ten(decimals.into()), raise(spread.mantissa.into(), spread.decimals));
        divide_rounded(&dividend, &divisor)
    };
    let values = numbers.iter().map(|number| number.map(scale)).collect();
    Ok((Coding::Standardised { centre, spread, decimals }, values))
}

/// Half away from zero, and whether that was needed; `None` beyond 128 bits.
fn divide_rounded(dividend: &BigInt, divisor: &BigInt) -> Option<(i128, bool)> {
    let (quotient, rest): (BigInt, BigInt) = num_integer::Integer::div_rem(dividend, divisor);
    let up = rest.magnitude() * 2u32 >= *divisor.magnitude();
    let step = if dividend.sign() == num_bigint::Sign::Minus { -1 } else { 1 };
    let rounded = quotient.to_i128()?.checked_add(if up { step } else { 0 })?;
    Some((rounded, rest != BigInt::ZERO))
}

fn centre_and_spread(numbers: &[Option<Number>]) -> Option<(Decimal, Decimal)> {
    let present = || numbers.iter().flatten();
    let decimals = present().map(|number| number.decimals).max()?.min(MOST_DECIMALS);
    let values: Option<Vec<i128>> =
        present().map(|number| number.in_units(decimals).map(|(value, _)| value)).collect();
    let values = values?;
    let (count, sum): (BigInt, BigInt) =
        (values.len().into(), values.iter().copied().map(BigInt::from).sum());
    let squares: BigInt = values.iter().map(|value| BigInt::from(*value) * *value).sum();
    let (unit, degrees) = (power_of_ten(decimals.into()), &count - 1);
    if degrees == BigInt::ZERO {
        return None;
    }
    let mean = quotient(&sum, &(&count * &unit));
    let variance = quotient(&(&squares * &count - &sum * &sum), &(&count * degrees * &unit * &unit));
    let deviation = variance.sqrt();
    let kept = digits_for(deviation).min(MOST_DECIMALS.into());
    let spread = to_decimal(deviation, kept)?;
    (spread.mantissa > 0).then_some((to_decimal(mean, kept)?, spread))
}

/// Decimals that keep the leading digits of a deviation.
fn digits_for(deviation: f64) -> u32 {
    let leading = if deviation > 0.0 { deviation.log10().floor() as i32 } else { 0 };
    (FURTHER_DIGITS - leading).max(0) as u32
}

fn to_decimal(value: f64, decimals: u32) -> Option<Decimal> {
    let scaled = (value * 10f64.powi(decimals as i32)).round();
    let fits = scaled.abs() < (1i64 << 53) as f64;
    fits.then_some(Decimal { mantissa: scaled as i64, decimals: decimals as u8 })
}
