//! From cells to the integers that are sealed.
//!
//! The owner chooses a role for each column; a column that is not chosen is dropped, so that nothing leaves the
//! machine by oversight. Secret columns become *variables*: numbers on a scale that makes their values exact where
//! that fits [`VALUE_BITS`], else with rounding that is reported; categories as one indicator for each level but
//! the reference; days as days since 1970; standardised columns as (x − mean)/deviation, rounded.

use cowl_domain::table::{CodedVariable, Coding, Column, ColumnRole, ColumnType, MOST_DECIMALS};

use crate::import::{Cell, Clause, ImportError, RawTable, binary_value, days_since_1970, parse_number};
use crate::layout::{Extent, Range};
use crate::rows::RowSet;

mod numbers;
mod sets;

pub use sets::{LayoutChoice, PlannedSet, SetChoice, SetError, plan_set};

/// Bits of a value at most, its sign aside: products of two over a million rows then fit a slot.
pub const VALUE_BITS: u32 = 40;
/// Digits after the point that are worth a warning.
pub(crate) const EXACT_DECIMALS: u8 = 9;
/// Digits after the point of standardised variables.
const STANDARDISED_DECIMALS: u8 = 6;
/// The most levels of a category: each costs a variable.
pub const MOST_LEVELS: usize = 64;

/// What the owner wants of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnChoice {
    /// Its name.
    pub column: String,
    /// Open, token, secret or dropped.
    pub role: ColumnRole,
    /// What its cells are; `None` takes what was found.
    pub kind: Option<ColumnType>,
    /// Digits after the point; `None` takes as many as make the values exact.
    pub decimals: Option<u8>,
    /// Whether to seal (x − mean)/deviation.
    pub standardise: bool,
    /// The level of a category that has no indicator; `None` takes the first in the alphabet.
    pub reference: Option<String>,
}

impl ColumnChoice {
    /// A role, and everything else as it is found.
    pub fn new(column: impl Into<String>, role: ColumnRole) -> Self {
        let column = column.into();
        Self { column, role, kind: None, decimals: None, standardise: false, reference: None }
    }
}

/// Rounding that a variable needed.
#[derive(Debug, Clone, PartialEq)]
pub struct Rounding {
    /// The variable.
    pub variable: String,
    /// Digits after the point that were kept.
    pub decimals: u8,
    /// How many cells were rounded.
    pub cells: u64,
}

/// Texts that stay in clear, or become tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearColumn {
    /// The place of the column among those that are kept.
    pub column: u16,
    /// Its cells; `None` where nothing stands.
    pub texts: Vec<Option<String>>,
}

/// A table that is ready to be sealed.
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedTable {
    /// How many rows.
    pub rows: u64,
    /// The columns that are kept, in the order of the file.
    pub columns: Vec<Column>,
    /// The open and token columns.
    pub clear: Vec<ClearColumn>,
    /// The variables of the secret columns.
    pub variables: Vec<CodedVariable>,
    /// The integers of each variable; `None` where the cell is missing.
    pub values: Vec<Vec<Option<i64>>>,
    /// What was rounded.
    pub rounding: Vec<Rounding>,
    /// Whether numbers in `clear` are written 12,5.
    pub decimal_comma: bool,
}

/// Some variables made from one column.
struct Coded {
    variables: Vec<(String, Coding, Vec<Option<i64>>)>,
    rounded: u64,
}

/// Applies the choices.
///
/// # Errors
/// [`ImportError::Cell`] names the first cell that is not what its column is taken for; [`ImportError::Choice`]
/// what a column cannot be.
pub fn prepare(table: &RawTable, choices: &[ColumnChoice]) -> Result<PreparedTable, ImportError> {
    let mut chosen: Vec<Option<&ColumnChoice>> = vec![None; table.names().len()];
    for choice in choices {
        let place = table.column(&choice.column)?;
        if chosen[place].replace(choice).is_some() {
            return Err(refuse(&choice.column, "is chosen twice; choose it once"));
        }
    }
    let (columns, clear, variables) = (Vec::new(), Vec::new(), Vec::new());
    let mut prepared = PreparedTable {
        rows: table.rows(),
        columns,
        clear,
        variables,
        values: Vec::new(),
        rounding: Vec::new(),
        decimal_comma: table.decimal_comma(),
    };
    for (place, choice) in chosen.into_iter().enumerate() {
        match choice {
            Some(choice) if choice.role != ColumnRole::Dropped => prepared.take(table, place, choice)?,
            _ => {}
        }
    }
    if prepared.columns.is_empty() {
        return Err(ImportError::Choice {
            column: table.names()[0].clone(),
            what: "and all others are dropped; choose at least one to keep".into(),
        });
    }
    Ok(prepared)
}

impl PreparedTable {
    fn take(&mut self, table: &RawTable, place: usize, choice: &ColumnChoice) -> Result<(), ImportError> {
        let kind = choice.kind.unwrap_or_else(|| table.report(place).kind);
        let column = self.columns.len() as u16;
        let (name, role) = (choice.column.clone(), choice.role);
        self.columns.push(Column { name, role, kind });
        if role != ColumnRole::Secret {
            check_kind(table, place, kind)?;
            self.clear.push(ClearColumn { column, texts: texts(table, place) });
            return Ok(());
        }
        let Coded { variables, rounded } = code(table, place, kind, choice)?;
        for (name, coding, values) in variables {
            if rounded > 0 {
                let (variable, decimals) = (name.clone(), coding.decimals());
                self.rounding.push(Rounding { variable, decimals, cells: rounded });
            }
            let present = || values.iter().flatten().copied();
            let (lowest, highest) = (present().min().unwrap_or(0), present().max().unwrap_or(0));
            self.variables.push(CodedVariable { name, column, coding, lowest, highest, rounded });
            self.values.push(values);
        }
        Ok(())
    }

    /// The values of one row for some variables.
    pub fn row(&self, row: u64, variables: &[u16]) -> Vec<Option<i64>> {
        variables.iter().map(|variable| self.values[usize::from(*variable)][row as usize]).collect()
    }

    /// The rows in which none of these variables is missing: those that contribute to their moments.
    ///
    /// Whether a cell is missing is a secret of its row. The opener keeps this set, for its cohort ledger and to
    /// know which scores count; it is for nobody else.
    pub fn complete_rows(&self, variables: &[u16]) -> RowSet {
        let is_complete =
            |row: &u64| variables.iter().all(|it| self.values[usize::from(*it)][*row as usize].is_some());
        RowSet::of(self.rows, (0..self.rows).filter(is_complete))
    }

    /// Names and ranges of some variables, for a layout.
    pub fn extents(&self, variables: &[u16]) -> Vec<Extent> {
        let extent =
            |it: &CodedVariable| Extent { name: it.name.clone(), range: Range::new(it.lowest, it.highest) };
        variables.iter().map(|variable| extent(&self.variables[usize::from(*variable)])).collect()
    }
}

fn refuse(column: &str, what: impl Into<String>) -> ImportError {
    ImportError::Choice { column: column.to_owned(), what: what.into() }
}

fn texts(table: &RawTable, place: usize) -> Vec<Option<String>> {
    let text = |cell| match cell {
        Cell::Missing(_) => None,
        Cell::Text(text) => Some(text.to_owned()),
    };
    table.cells(place).map(|(_, cell)| text(cell)).collect()
}

fn check_kind(table: &RawTable, place: usize, kind: ColumnType) -> Result<(), ImportError> {
    each(table, place, kind, |text, _| match kind {
        ColumnType::Integer | ColumnType::Decimal => {
            parse_number(text, Clause::of(table.decimal_comma())).map(|_| 0)
        }
        ColumnType::Binary => binary_value(text),
        ColumnType::Date => days_since_1970(text),
        ColumnType::Category | ColumnType::Text => Some(0),
    })
    .map(drop)
}

/// Reads each cell that has a value; the first that cannot be read is the error.
fn each<T>(
    table: &RawTable,
    place: usize,
    kind: ColumnType,
    mut read: impl FnMut(&str, u64) -> Option<T>,
) -> Result<Vec<Option<T>>, ImportError> {
    let mut values = Vec::with_capacity(table.rows() as usize);
    for (line, cell) in table.cells(place) {
        values.push(match cell {
            Cell::Missing(_) => None,
            Cell::Text(text) => Some(read(text, line).ok_or_else(|| table.not_a(kind, place, line, text))?),
        });
    }
    Ok(values)
}

fn code(
    table: &RawTable,
    place: usize,
    kind: ColumnType,
    choice: &ColumnChoice,
) -> Result<Coded, ImportError> {
    let name = || choice.column.clone();
    let is_number = matches!(kind, ColumnType::Integer | ColumnType::Decimal);
    if choice.standardise && !is_number {
        return Err(refuse(&choice.column, format!("is {kind}; only numbers can be standardised")));
    }
    if choice.decimals.is_some_and(|decimals| decimals > MOST_DECIMALS || !is_number) {
        return Err(refuse(
            &choice.column,
            format!("cannot have a scale; numbers have up to {MOST_DECIMALS} decimals"),
        ));
    }
    let plain = |coding, values| Coded { variables: vec![(name(), coding, values)], rounded: 0 };
    match kind {
        ColumnType::Integer | ColumnType::Decimal => numbers::code(table, place, kind, choice),
        ColumnType::Binary => {
            let values = each(table, place, kind, |text, _| binary_value(text))?;
            Ok(plain(Coding::Number { decimals: 0 }, values))
        }
        ColumnType::Date => {
            Ok(plain(Coding::Days, each(table, place, kind, |text, _| days_since_1970(text))?))
        }
        ColumnType::Category => indicators(table, place, choice),
        ColumnType::Text => Err(refuse(
            &choice.column,
            "is text, and text has no sum; take it as category, open or token, or drop it",
        )),
    }
}

/// One variable for each level but the reference.
fn indicators(table: &RawTable, place: usize, choice: &ColumnChoice) -> Result<Coded, ImportError> {
    let texts = texts(table, place);
    let levels: std::collections::BTreeSet<&String> = texts.iter().flatten().collect();
    if levels.len() > MOST_LEVELS {
        let what = format!("has {} levels, more than {MOST_LEVELS}; join some, or drop it", levels.len());
        return Err(refuse(&choice.column, what));
    }
    if levels.len() < 2 {
        return Err(refuse(&choice.column, "has the same category in all rows; drop it"));
    }
    let reference = match &choice.reference {
        Some(wanted) => levels
            .get(wanted)
            .ok_or_else(|| refuse(&choice.column, format!("has no level '{wanted}' to refer to")))?,
        None => levels.first().expect("there are two levels"),
    };
    let reference = (*reference).clone();
    let others = levels.iter().filter(|level| ***level != reference);
    let variables = others.map(|level| {
        let values = texts.iter().map(|text| text.as_ref().map(|text| i64::from(text == *level))).collect();
        let coding = Coding::Level { level: (*level).clone(), reference: reference.clone() };
        (format!("{}={level}", choice.column), coding, values)
    });
    Ok(Coded { variables: variables.collect(), rounded: 0 })
}

#[cfg(test)]
mod tests;
