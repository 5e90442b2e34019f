//! Tables from CSV and Parquet: what is in them is found and shown before anything is sealed.
//!
//! Reading is strict: a row of another length, a name that stands twice, bytes that are not UTF-8 and whatever is
//! larger than the [`Limits`] are errors with line and column. What the cells are is found by looking at all of
//! them ([`RawTable::report`]); nothing is guessed from the first rows.

use std::collections::HashMap;
use std::fmt;
use std::io;

use cowl_domain::table::{ColumnType, MOST_COLUMNS, is_name};

mod cell;
mod csv;
mod number;
mod parquet;
mod report;

pub use cell::MissingWords;
pub use csv::{CsvOptions, read_csv};
pub use number::Number;
pub(crate) use number::{Clause, parse_number};
pub use parquet::{ParquetOptions, read_parquet};
pub use report::{ColumnReport, Finding, OddCell};

pub(crate) use cell::binary_value;
pub(crate) use cowl_query::days_since_1970;

/// What a file may be at most; beyond it is a mistake or an attack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes of one row; with it the memory that an unclosed quote can take.
    pub row_bytes: usize,
    /// Bytes of one cell.
    pub cell_bytes: usize,
    /// Rows.
    pub rows: u64,
    /// Columns.
    pub columns: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 2 << 30,
            row_bytes: 16 << 20,
            cell_bytes: 64 << 10,
            rows: 10_000_000,
            columns: MOST_COLUMNS,
        }
    }
}

/// The names of so many columns, without the space around them.
fn column_names<'a>(
    found: impl Iterator<Item = &'a str>,
    count: usize,
    limits: &Limits,
) -> Result<Vec<String>, ImportError> {
    let most = limits.columns;
    if count > most {
        return Err(ImportError::TooManyColumns { found: count, most });
    }
    let (mut seen, mut names) = (HashMap::new(), Vec::with_capacity(count));
    for (name, number) in found.map(str::trim).zip(1..) {
        if !is_name(name) {
            return Err(ImportError::Unnamed(number));
        }
        if let Some(first) = seen.insert(name, number) {
            return Err(ImportError::DuplicateName { name: name.to_owned(), first, second: number });
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1, which is the header's; of a file without lines, the row, from 1.
    pub line: u64,
    /// `line` or `row`.
    pub unit: &'static str,
    /// The column's name, or its number from 1 where it has none.
    pub column: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}, column '{}'", self.unit, self.line, self.column)
    }
}

/// Why a file is not taken as a table. All of them are for whoever made the file, or chose its columns, to mend.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Read(#[from] io::Error),
    /// Nothing in it.
    #[error("the file has no header; the first line must name the columns")]
    NoHeader,
    /// A header and nothing else.
    #[error("the file has a header and no rows")]
    NoRows,
    /// A column without a usable name.
    #[error("column {0} has no name, or one that is too long or not printable; name it in the header")]
    Unnamed(usize),
    /// A name that stands twice in the header.
    #[error("columns {first} and {second} are both named '{name}'; rename one")]
    DuplicateName {
        /// The name.
        name: String,
        /// The first column of this name, from 1.
        first: usize,
        /// The second.
        second: usize,
    },
    /// More columns than are handled.
    #[error("{found} columns are more than the {most} that a table may have; select those that are needed")]
    TooManyColumns {
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// A row with more or fewer cells than the header.
    #[error(
        "line {line} has {found} cells and the header {expected}; a delimiter may be missing, or not quoted"
    )]
    Ragged {
        /// The line.
        line: u64,
        /// Cells of the header.
        expected: usize,
        /// Cells of the line.
        found: usize,
    },
    /// Too large.
    #[error("{what} is larger than {most}, the most that is taken; mend the file, or split it")]
    TooLarge {
        /// What, with its place.
        what: String,
        /// The limit.
        most: u64,
    },
    /// Bytes that are no text.
    #[error("{0} is not UTF-8 text; convert the file, for instance with `iconv -f latin1 -t utf8`")]
    NotText(Place),
    /// No Parquet file, or a damaged one.
    #[error("the file cannot be read as Parquet: {0}")]
    Parquet(String),
    /// A column of a Parquet file that no table has.
    #[error("column '{column}' {what}")]
    NotTaken {
        /// The column.
        column: String,
        /// What it holds, and what to do.
        what: &'static str,
    },
    /// No column of this name.
    #[error("there is no column '{name}'; there are {known}")]
    UnknownColumn {
        /// The name.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// A cell that is not what its column holds.
    #[error("{place}: '{text}' is not {expected}; {remedy}")]
    Cell {
        /// Where.
        place: Place,
        /// The cell, cut to 40 characters.
        text: String,
        /// What it should be.
        expected: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// A number that no scale makes fit.
    #[error("{place}: {text} is too large to be summed exactly; drop the column or divide it")]
    TooWide {
        /// Where.
        place: Place,
        /// The number.
        text: String,
    },
    /// A column that cannot be what it was chosen to be.
    #[error("column '{column}' {what}")]
    Choice {
        /// The column.
        column: String,
        /// Why not, and what to do.
        what: String,
    },
}

/// The cells of one column, one text after the other.
#[derive(Debug, Clone, Default)]
struct Cells {
    texts: String,
    ends: Vec<usize>,
}

impl Cells {
    fn push(&mut self, text: &str) {
        self.texts.push_str(text);
        self.ends.push(self.texts.len());
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.texts[start..*end])
    }
}

/// A table as it was read: names and texts.
#[derive(Debug, Clone)]
pub struct RawTable {
    names: Vec<String>,
    columns: Vec<Cells>,
    /// The line on which each row begins, or the number of the row.
    lines: Vec<u64>,
    /// `line` or `row`.
    unit: &'static str,
    missing: MissingWords,
    decimal_comma: bool,
}

/// What one cell says, its column's kind aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing: the word that says so.
    Missing(&'a str),
    /// A text without blanks around it.
    Text(&'a str),
}

impl RawTable {
    /// How many rows.
    pub fn rows(&self) -> u64 {
        self.lines.len() as u64
    }

    /// The columns' names in their order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The place of a column.
    ///
    /// # Errors
    /// [`ImportError::UnknownColumn`].
    pub fn column(&self, name: &str) -> Result<usize, ImportError> {
        const SHOWN: usize = 30;
        self.names.iter().position(|known| known == name).ok_or_else(|| {
            let rest = if self.names.len() > SHOWN { ", …" } else { "" };
            let known =
                self.names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ") + rest;
            ImportError::UnknownColumn { name: name.chars().take(40).collect(), known }
        })
    }

    /// The cells of a column, with the line of each.
    ///
    /// # Panics
    /// When there is no such column, as all methods that take one by its place.
    pub fn cells(&self, column: usize) -> impl Iterator<Item = (u64, Cell<'_>)> {
        self.lines.iter().copied().zip(self.columns[column].iter().map(|text| self.missing.read(text)))
    }

    /// Adds a column behind the others; `None` is a missing cell. There must be a cell for each row.
    pub(crate) fn add_column<'a>(
        &mut self,
        name: &str,
        cells: impl Iterator<Item = Option<&'a str>>,
    ) -> Result<(), ImportError> {
        if let Some(first) = self.names.iter().position(|known| known == name) {
            let (first, second) = (first + 1, self.names.len() + 1);
            return Err(ImportError::DuplicateName { name: name.to_owned(), first, second });
        }
        let mut column = Cells::default();
        cells.for_each(|cell| column.push(cell.unwrap_or_default()));
        debug_assert_eq!(column.ends.len(), self.lines.len());
        self.names.push(name.to_owned());
        self.columns.push(column);
        Ok(())
    }

    /// What was found in a column.
    pub fn report(&self, column: usize) -> ColumnReport {
        report::look(self, column)
    }

    /// Whether numbers are written 12,5.
    pub fn decimal_comma(&self) -> bool {
        self.decimal_comma
    }

    pub(crate) fn place(&self, column: usize, line: u64) -> Place {
        Place { line, unit: self.unit, column: self.names[column].clone() }
    }

    pub(crate) fn not_a(&self, kind: ColumnType, column: usize, line: u64, text: &str) -> ImportError {
        let (expected, remedy) = match kind {
            ColumnType::Integer => {
                ("a whole number", "mend it, name it as missing, or take the column as category")
            }
            ColumnType::Decimal => {
                ("a number", "mend it, name it as missing, or take the column as category")
            }
            ColumnType::Binary => {
                ("0 or 1, yes or no, true or false", "mend it, or take the column as category")
            }
            ColumnType::Date => ("a day written YYYY-MM-DD", "mend it, or take the column as text"),
            ColumnType::Category | ColumnType::Text => ("a text", "mend it"),
        };
        let place = self.place(column, line);
        ImportError::Cell { place, text: text.chars().take(40).collect(), expected, remedy }
    }
}

#[cfg(test)]
mod tests;
