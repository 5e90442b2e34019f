//! The open and token columns of a table: what conditions, groups and joins look at.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;

use cowl_domain::table::{ColumnRole, ColumnType, Decimal, MOST_DECIMALS, TableSchema};
use minicbor::{Decode, Encode};

/// Decimals up to so many digits are all different as 64-bit floating-point numbers, and in the same order. So every
/// engine may compare them as such, and the comparison is exact.
const LARGEST_MANTISSA: u64 = 999_999_999_999_999;

/// A cell of an open or token column, or a value to compare one with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Cell {
    /// Missing.
    #[n(0)]
    Null,
    /// A whole number; binary columns hold 0 and 1.
    #[n(1)]
    Integer(#[n(0)] i64),
    /// `mantissa` · 10^−`decimals`, shortest form; made by [`Cell::decimal`].
    #[n(2)]
    Decimal {
        /// The digits, at most 15.
        #[n(0)]
        mantissa: i64,
        /// How many of them stand after the point.
        #[n(1)]
        decimals: u8,
    },
    /// A text, a category, or a day as `YYYY-MM-DD`; compared byte by byte.
    #[n(3)]
    Text(#[n(0)] String),
    /// A keyed hash; compared for equality only.
    #[n(4)]
    Token(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
}

impl Cell {
    /// `mantissa` · 10^−`decimals` in its shortest form. `None` if it has more than 15 digits, or more than 18 after
    /// the point.
    pub fn decimal(mut mantissa: i64, mut decimals: u8) -> Option<Self> {
        while decimals > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            decimals -= 1;
        }
        (mantissa.unsigned_abs() <= LARGEST_MANTISSA && decimals <= MOST_DECIMALS)
            .then_some(Self::Decimal { mantissa, decimals })
    }

    /// The nearest floating-point number of a decimal.
    pub(crate) fn as_float(mantissa: i64, decimals: u8) -> f64 {
        // Both are exact below 2^53 and 10^22, so that the quotient is rounded once.
        mantissa as f64 / 10_f64.powi(i32::from(decimals))
    }

    /// The nearest floating-point number of a number.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(*number as f64),
            Self::Decimal { mantissa, decimals } => Some(Self::as_float(*mantissa, *decimals)),
            _ => None,
        }
    }

    /// Whether it is written the one way that a cell has, e.g. a decimal without zeros at its end.
    pub(crate) fn is_canonical(&self) -> bool {
        match self {
            Self::Decimal { mantissa, decimals } => {
                Self::decimal(*mantissa, *decimals).as_ref() == Some(self)
            }
            Self::Text(text) => !text.contains('\0'),
            _ => true,
        }
    }

    /// Whether it can be a cell of such a column.
    pub(crate) fn suits(&self, role: ColumnRole, kind: ColumnType) -> bool {
        match (self, role, kind) {
            (Self::Null, ..) | (Self::Token(_), ColumnRole::Token, _) => true,
            (_, ColumnRole::Token, _) => false,
            (Self::Integer(_), _, ColumnType::Integer) => true,
            (Self::Integer(number), _, ColumnType::Binary) => matches!(number, 0 | 1),
            (Self::Decimal { .. }, _, ColumnType::Decimal) => true,
            (Self::Text(text), _, ColumnType::Date) => is_day(text),
            (Self::Text(_), _, ColumnType::Category | ColumnType::Text) => true,
            _ => false,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Integer(_) => 1,
            Self::Decimal { .. } => 2,
            Self::Text(_) => 3,
            Self::Token(_) => 4,
        }
    }
}

/// As people read it: nothing where it is missing, a token in hexadecimal digits.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Decimal { mantissa, decimals } => {
                Decimal { mantissa: *mantissa, decimals: *decimals }.fmt(f)
            }
            Self::Text(text) => f.write_str(text),
            Self::Token(token) => token.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

impl Ord for Cell {
    /// Missing cells first, then by value; tokens by their bytes, which means nothing but is the same everywhere.
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (Self::Decimal { mantissa: a, decimals: p }, Self::Decimal { mantissa: b, decimals: q }) => {
                Self::as_float(*a, *p).total_cmp(&Self::as_float(*b, *q))
            }
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Token(a), Self::Token(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Cell {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Whether a text is a day as `YYYY-MM-DD`, so that the order of texts is that of days.
pub(crate) fn is_day(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    shape && ("01"..="12").contains(&&text[5..7]) && ("01"..="31").contains(&&text[8..10])
}

/// One open or token column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearColumn {
    /// Its place in the schema.
    pub place: u16,
    /// Its cells, one a row.
    pub cells: Vec<Cell>,
}

/// Why clear columns are not those of their table: the fault of whoever stored or read them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClearTableError {
    /// Not all open and token columns, each once, in the schema's order.
    #[error("table '{table}' does not have its open and token columns, each once and in order")]
    Columns {
        /// The table.
        table: String,
    },
    /// A column with another number of cells than the table has rows.
    #[error("column '{column}' has {found} cells and the table {expected} rows")]
    Rows {
        /// The column.
        column: String,
        /// Rows of the table.
        expected: u64,
        /// Cells of the column.
        found: u64,
    },
    /// A cell that its column cannot hold.
    #[error("row {row} of column '{column}' is not a cell of its type")]
    Cell {
        /// The column.
        column: String,
        /// The row, from 0.
        row: u64,
    },
}

/// A table as conditions see it: its schema, and its open and token columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearTable {
    name: String,
    schema: TableSchema,
    columns: Vec<ClearColumn>,
}

impl ClearTable {
    /// A table of these columns, which must be all its open and token columns in the schema's order.
    ///
    /// # Errors
    /// [`ClearTableError`] names the column and row that do not fit.
    pub fn new(name: &str, schema: TableSchema, columns: Vec<ClearColumn>) -> Result<Self, ClearTableError> {
        if !columns.iter().map(|column| column.place).eq(schema.clear_columns().map(|(place, _)| place)) {
            return Err(ClearTableError::Columns { table: name.to_owned() });
        }
        let table = Self { name: name.to_owned(), schema, columns };
        table.columns.iter().try_for_each(|column| table.check_column(column))?;
        Ok(table)
    }

    fn check_column(&self, column: &ClearColumn) -> Result<(), ClearTableError> {
        let about = &self.schema.columns[usize::from(column.place)];
        let (expected, found) = (self.schema.rows, column.cells.len() as u64);
        if expected != found {
            return Err(ClearTableError::Rows { column: about.name.clone(), expected, found });
        }
        let wrong = |cell: &Cell| !cell.suits(about.role, about.kind) || !cell.is_canonical();
        match column.cells.iter().position(wrong) {
            Some(row) => Err(ClearTableError::Cell { column: about.name.clone(), row: row as u64 }),
            None => Ok(()),
        }
    }

    /// Its name in queries.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its schema.
    pub fn schema(&self) -> &TableSchema {
        &self.schema
    }

    /// Its open and token columns.
    pub fn columns(&self) -> &[ClearColumn] {
        &self.columns
    }

    /// The cells of an open or token column.
    pub fn cells(&self, place: u16) -> Option<&[Cell]> {
        self.columns.iter().find(|column| column.place == place).map(|column| column.cells.as_slice())
    }

    /// Whether no cell of the column stands twice, missing ones aside.
    pub(crate) fn is_unique(&self, place: u16) -> bool {
        let mut seen = HashSet::new();
        self.cells(place).is_some_and(|cells| {
            cells.iter().filter(|cell| **cell != Cell::Null).all(|cell| seen.insert(cell))
        })
    }
}
