//! Cells of open and token columns as PLAIN values, those that are missing left out.
//! <https://github.com/apache/parquet-format/blob/master/Encodings.md#plain-plain--0>

use cowl_domain::table::{Column, ColumnRole, ColumnType};

use super::footer::Shape;
use super::levels;
use crate::clear::Cell;
use crate::day::{day_since_1970, days_since_1970};

/// Bytes of a token.
pub(super) const TOKEN_BYTES: u32 = 16;

/// What the cells of an open or token column are in the file.
pub(super) fn shape_of(column: &Column) -> Shape {
    match (column.role, column.kind) {
        (ColumnRole::Token, _) => Shape::Bytes(TOKEN_BYTES),
        (_, ColumnType::Integer) => Shape::Integer,
        (_, ColumnType::Decimal) => Shape::Double,
        (_, ColumnType::Binary) => Shape::Bit,
        (_, ColumnType::Date) => Shape::Day,
        (_, ColumnType::Category | ColumnType::Text) => Shape::Text,
    }
}

/// The levels and values of some cells, or the place of the first that its column cannot hold.
pub(super) fn encode(cells: &[Cell], shape: Shape) -> Result<Vec<u8>, usize> {
    let mut bytes = levels::of(cells.iter().map(|cell| *cell != Cell::Null));
    let start = bytes.len();
    let present = cells.iter().enumerate().filter(|(_, cell)| **cell != Cell::Null);
    for (at, (row, cell)) in present.enumerate() {
        encode_cell(cell, shape, at, start, &mut bytes).ok_or(row)?;
    }
    Ok(bytes)
}

fn encode_cell(cell: &Cell, shape: Shape, at: usize, start: usize, to: &mut Vec<u8>) -> Option<()> {
    match (shape, cell) {
        (Shape::Bit, Cell::Integer(bit @ (0 | 1))) => {
            if at.is_multiple_of(8) {
                to.push(0);
            }
            to[start + at / 8] |= (*bit as u8) << (at % 8);
        }
        (Shape::Integer, Cell::Integer(number)) => to.extend(number.to_le_bytes()),
        (Shape::Double, Cell::Decimal { mantissa, decimals }) => {
            to.extend(Cell::as_float(*mantissa, *decimals).to_le_bytes());
        }
        (Shape::Day, Cell::Text(day)) => to.extend((days_since_1970(day)? as i32).to_le_bytes()),
        (Shape::Text, Cell::Text(text)) => {
            to.extend(u32::try_from(text.len()).ok()?.to_le_bytes());
            to.extend(text.as_bytes());
        }
        (Shape::Bytes(length), Cell::Token(token)) if token.len() == length as usize => to.extend(token),
        _ => return None,
    }
    Some(())
}

/// The cells of a chunk of so many rows; `None` unless the bytes are just these.
pub(super) fn decode(mut bytes: &[u8], shape: Shape, rows: usize) -> Option<Vec<Cell>> {
    let present = levels::take(&mut bytes, rows)?;
    if shape == Shape::Bit {
        return bits(bytes, &present);
    }
    let cells = present.iter().map(|present| match present {
        true => value(&mut bytes, shape),
        false => Some(Cell::Null),
    });
    let cells = cells.collect::<Option<_>>()?;
    bytes.is_empty().then_some(cells)
}

fn bits(bytes: &[u8], present: &[bool]) -> Option<Vec<Cell>> {
    let count = present.iter().filter(|present| **present).count();
    let bit = |at: usize| bytes[at / 8] >> (at % 8) & 1;
    if bytes.len() != count.div_ceil(8) || (count..bytes.len() * 8).any(|at| bit(at) == 1) {
        return None;
    }
    let mut next = 0..;
    let cell = |present: &bool| match present {
        true => Some(Cell::Integer(bit(next.next()?).into())),
        false => Some(Cell::Null),
    };
    present.iter().map(cell).collect()
}

fn value(bytes: &mut &[u8], shape: Shape) -> Option<Cell> {
    match shape {
        Shape::Bit => None,
        Shape::Integer => Some(Cell::Integer(i64::from_le_bytes(fixed(bytes)?))),
        Shape::Double => decimal_of(f64::from_le_bytes(fixed(bytes)?)),
        Shape::Day => day_since_1970(i32::from_le_bytes(fixed(bytes)?).into()).map(Cell::Text),
        Shape::Text => {
            let length = u32::from_le_bytes(fixed(bytes)?);
            let text = std::str::from_utf8(some(bytes, length as usize)?).ok()?;
            Some(Cell::Text(text.to_owned()))
        }
        Shape::Bytes(length) => Some(Cell::Token(some(bytes, length as usize)?.to_vec())),
    }
}

fn some<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn fixed<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    some(bytes, N)?.try_into().ok()
}

/// The decimal of at most 15 digits that is stored as this number. There is one at most, and it is the shortest text
/// that reads as the number, because all decimals of 15 digits are different as numbers.
pub(super) fn decimal_of(number: f64) -> Option<Cell> {
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once('e')?;
    let (whole, behind) = digits.split_once('.').unwrap_or((digits, ""));
    let mantissa: i64 = format!("{whole}{behind}").parse().ok()?;
    let decimals = behind.len() as i64 - exponent.parse::<i64>().ok()?;
    let cell = match u8::try_from(decimals) {
        Ok(decimals) => Cell::decimal(mantissa, decimals),
        Err(_) if decimals < 0 => {
            let scale = 10_i64.checked_pow(u32::try_from(-decimals).ok()?)?;
            Cell::decimal(mantissa.checked_mul(scale)?, 0)
        }
        Err(_) => None,
    }?;
    // A negative zero, and numbers with more digits, are none of ours.
    let Cell::Decimal { mantissa, decimals } = cell else { return None };
    (Cell::as_float(mantissa, decimals).to_bits() == number.to_bits()).then_some(cell)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_decimal_is_read_as_it_was_written(mantissa in -999_999_999_999_999i64..=999_999_999_999_999, decimals in 0u8..=18) {
            let cell = Cell::decimal(mantissa, decimals).unwrap();
            let Cell::Decimal { mantissa, decimals } = cell else { unreachable!() };
            prop_assert_eq!(decimal_of(Cell::as_float(mantissa, decimals)), Some(cell));
        }

        #[test]
        fn any_bytes_are_decoded_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), rows in 0usize..40) {
            let shapes = [Shape::Bit, Shape::Integer, Shape::Double, Shape::Day, Shape::Text, Shape::Bytes(16)];
            for shape in shapes {
                if let Some(cells) = decode(&bytes, shape, rows) {
                    prop_assert_eq!(encode(&cells, shape), Ok(bytes.clone()));
                }
            }
        }
    }

    #[test]
    fn numbers_that_are_no_decimals_of_fifteen_digits_are_refused() {
        for number in [f64::NAN, f64::INFINITY, -0.0, 0.1 + 0.2, 1e300, 1e-300, f64::MIN_POSITIVE] {
            assert_eq!(decimal_of(number), None, "{number}");
        }
        assert_eq!(decimal_of(1e14), Cell::decimal(100_000_000_000_000, 0));
    }
}
