//! What a column holds, found from all of its cells.

use std::collections::BTreeMap;

use cowl_domain::table::ColumnType;

use super::cell::{BINARY_PAIRS, binary_pair};
use super::number::{Clause, Number, parse_number};
use super::{Cell, RawTable, days_since_1970};

/// More different texts than this are no categories.
const MOST_LEVELS: usize = 64;
/// Odd cells that are shown; all are counted.
const SHOWN: usize = 5;

/// A cell that is not what the rest of its column is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OddCell {
    /// Its line.
    pub line: u64,
    /// Its text, cut to 40 characters.
    pub text: String,
}

/// Something to look at before sealing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// No cell has a value.
    AllMissing,
    /// All cells that have one have the same.
    Constant,
    /// Cells that are not what nine tenths of the column are.
    Odd {
        /// How many.
        count: u64,
        /// The first of them.
        first: Vec<OddCell>,
    },
    /// Most cells are numbers if a comma stands before the decimals.
    DecimalCommas(OddCell),
    /// More digits after the point than a sum can hold exactly at full range.
    ManyDecimals(u8),
}

/// What was found in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnReport {
    /// Its name.
    pub name: String,
    /// What its cells are.
    pub kind: ColumnType,
    /// Cells with a value.
    pub present: u64,
    /// Words for "missing", with how often they stand; the empty text is one.
    pub missing: BTreeMap<String, u64>,
    /// The texts and how often they stand, if they are few.
    pub levels: Option<BTreeMap<String, u64>>,
    /// Digits after the point that the numbers have.
    pub decimals: u8,
    /// The lowest and the highest number.
    pub range: Option<(Number, Number)>,
    /// What to look at.
    pub findings: Vec<Finding>,
}

impl ColumnReport {
    /// Cells without a value.
    pub fn missing_cells(&self) -> u64 {
        self.missing.values().sum()
    }
}

/// Counts over one column.
#[derive(Default)]
struct Tally {
    present: u64,
    missing: BTreeMap<String, u64>,
    levels: BTreeMap<String, u64>,
    too_many_levels: bool,
    numbers: u64,
    whole: u64,
    comma_numbers: u64,
    /// By the way in which no and yes are written.
    binary: [u64; BINARY_PAIRS],
    dates: u64,
    decimals: u8,
    range: Option<(Number, Number)>,
    first_comma: Option<OddCell>,
}

pub(super) fn look(table: &RawTable, column: usize) -> ColumnReport {
    let clause = Clause::of(table.decimal_comma());
    let mut tally = Tally::default();
    for (line, cell) in table.cells(column) {
        match cell {
            Cell::Missing(word) => *tally.missing.entry(word.to_owned()).or_default() += 1,
            Cell::Text(text) => tally.take(line, text, clause),
        }
    }
    let kind = tally.kind();
    let mut findings = tally.findings();
    let odd = odd_cells(table, column, kind, clause);
    if odd.0 > 0 {
        findings.push(Finding::Odd { count: odd.0, first: odd.1 });
    }
    ColumnReport {
        name: table.names()[column].clone(),
        kind,
        present: tally.present,
        missing: tally.missing,
        levels: (!tally.too_many_levels).then_some(tally.levels),
        decimals: tally.decimals,
        range: tally.range,
        findings,
    }
}

fn odd(line: u64, text: &str) -> OddCell {
    OddCell { line, text: text.chars().take(40).collect() }
}

impl Tally {
    fn take(&mut self, line: u64, text: &str, clause: Clause) {
        self.present += 1;
        if let Some(pair) = binary_pair(text) {
            self.binary[pair] += 1;
        }
        self.dates += u64::from(days_since_1970(text).is_some());
        self.take_level(text);
        match parse_number(text, clause) {
            Some(number) => self.take_number(number),
            None if clause == Clause::Point && parse_number(text, Clause::Comma).is_some() => {
                self.comma_numbers += 1;
                self.first_comma.get_or_insert_with(|| odd(line, text));
            }
            None => {}
        }
    }

    fn take_level(&mut self, text: &str) {
        if self.too_many_levels {
            return;
        }
        if let Some(count) = self.levels.get_mut(text) {
            *count += 1;
        } else if self.levels.len() < MOST_LEVELS {
            self.levels.insert(text.to_owned(), 1);
        } else {
            self.too_many_levels = true;
            self.levels.clear();
        }
    }

    fn take_number(&mut self, number: Number) {
        self.numbers += 1;
        self.whole += u64::from(number.decimals == 0);
        self.decimals = self.decimals.max(number.decimals);
        let (low, high) = self.range.unwrap_or((number, number));
        let lowest = if number.is_below(low) { number } else { low };
        let highest = if high.is_below(number) { number } else { high };
        self.range = Some((lowest, highest));
    }

    /// What nine tenths of the cells are; all of them for what could as well be text.
    fn kind(&self) -> ColumnType {
        let most = |count: u64| self.present > 0 && count * 10 >= self.present * 9;
        let all = |count: u64| self.present > 0 && count == self.present;
        if self.binary.into_iter().any(all) {
            ColumnType::Binary
        } else if most(self.numbers) && self.whole == self.numbers {
            ColumnType::Integer
        } else if most(self.numbers) || most(self.numbers + self.comma_numbers) {
            ColumnType::Decimal
        } else if most(self.dates) {
            ColumnType::Date
        } else if !self.too_many_levels && self.present > 0 && self.levels.len() as u64 * 2 <= self.present {
            ColumnType::Category
        } else {
            ColumnType::Text
        }
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.present == 0 {
            findings.push(Finding::AllMissing);
        }
        if self.present > 1 && self.levels.len() == 1 {
            findings.push(Finding::Constant);
        }
        if let Some(first) = self.first_comma.clone().filter(|_| self.comma_numbers * 10 >= self.present) {
            findings.push(Finding::DecimalCommas(first));
        }
        if self.decimals > crate::coding::EXACT_DECIMALS {
            findings.push(Finding::ManyDecimals(self.decimals));
        }
        findings
    }
}

/// The cells that are not of the column's kind: how many, and the first.
fn odd_cells(table: &RawTable, column: usize, kind: ColumnType, clause: Clause) -> (u64, Vec<OddCell>) {
    let fits = |text: &str| match kind {
        ColumnType::Integer | ColumnType::Decimal => parse_number(text, clause).is_some(),
        ColumnType::Date => days_since_1970(text).is_some(),
        ColumnType::Binary | ColumnType::Category | ColumnType::Text => true,
    };
    let (mut count, mut first) = (0, Vec::new());
    for (line, cell) in table.cells(column) {
        let Cell::Text(text) = cell else { continue };
        if !fits(text) {
            count += 1;
            if first.len() < SHOWN {
                first.push(odd(line, text));
            }
        }
    }
    (count, first)
}

impl Number {
    /// Whether it is below another; exact, also where scaling one to the other would overflow.
    pub(crate) fn is_below(self, other: Self) -> bool {
        let decimals = self.decimals.max(other.decimals);
        match (self.in_units(decimals), other.in_units(decimals)) {
            (Some((left, _)), Some((right, _))) => left < right,
            // The one that overflows is the larger in size.
            (None, _) => self.mantissa < 0,
            (_, None) => other.mantissa > 0,
        }
    }
}
