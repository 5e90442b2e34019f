//! What was found in a file, as people and programs read it.

use std::fmt;

use cowl_tables::import::{ColumnReport, Finding, Number, RawTable};
use serde::Serialize;

use crate::columns::{Columns, printable};
use crate::size::count;
use crate::style::{BAD, QUIET};

/// What was found in a table, with the role of each column where one is chosen.
#[derive(Debug, Serialize)]
pub(crate) struct FoundTable {
    file: String,
    rows: u64,
    columns: Vec<FoundColumn>,
}

#[derive(Debug, Serialize)]
struct FoundColumn {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    /// Absent before there is a plan.
    role: Option<&'static str>,
    present: u64,
    missing: u64,
    /// The words that were taken as missing; the empty one means that nothing stands there.
    missing_words: Vec<String>,
    /// Lowest and highest number.
    range: Option<(String, String)>,
    decimals: u8,
    /// How many different texts, where they are few.
    levels: Option<usize>,
    notes: Vec<String>,
}

impl FoundTable {
    /// The reports of all columns of a file.
    pub(crate) fn new(file: String, table: &RawTable, reports: &[ColumnReport]) -> Self {
        Self { file, rows: table.rows(), columns: reports.iter().map(FoundColumn::from).collect() }
    }

    /// With the roles that a plan gives; what it does not name is dropped.
    pub(crate) fn with_roles(mut self, role: impl Fn(&str) -> &'static str) -> Self {
        self.columns.iter_mut().for_each(|column| column.role = Some(role(&column.name)));
        self
    }
}

impl From<&ColumnReport> for FoundColumn {
    fn from(report: &ColumnReport) -> Self {
        Self {
            name: report.name.clone(),
            kind: report.kind.as_str(),
            role: None,
            present: report.present,
            missing: report.missing_cells(),
            missing_words: report.missing.keys().cloned().collect(),
            range: report.range.map(|(low, high)| (written(low), written(high))),
            decimals: report.decimals,
            levels: report.levels.as_ref().map(std::collections::BTreeMap::len),
            notes: notes(report),
        }
    }
}

/// A number as people write it.
fn written(number: Number) -> String {
    let digits = number.mantissa.unsigned_abs().to_string();
    let places = usize::from(number.decimals);
    let digits = format!("{digits:0>width$}", width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    let sign = if number.mantissa < 0 { "-" } else { "" };
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

/// What to look at before sealing, in words.
pub(crate) fn notes(report: &ColumnReport) -> Vec<String> {
    report.findings.iter().map(note).collect()
}

fn note(finding: &Finding) -> String {
    match finding {
        Finding::AllMissing => "no cell has a value".to_owned(),
        Finding::Constant => "all cells have the same value".to_owned(),
        Finding::Odd { count: odd, first } => {
            let places: Vec<String> =
                first.iter().map(|cell| format!("line {} '{}'", cell.line, printable(&cell.text))).collect();
            let rest = if *odd > first.len() as u64 { ", …" } else { "" };
            format!("{} unlike the rest: {}{rest}", count(*odd, "cell"), places.join(", "))
        }
        Finding::DecimalCommas(cell) => {
            format!(
                "numbers with a comma, such as '{}' in line {}: --decimal-comma",
                printable(&cell.text),
                cell.line
            )
        }
        Finding::ManyDecimals(digits) => {
            format!("{digits} digits after the point; fewer, or standardised, sum better")
        }
        _ => "something to look at".to_owned(),
    }
}

impl FoundColumn {
    fn values(&self) -> String {
        match (&self.range, self.levels) {
            (Some((low, high)), _) if low == high => low.clone(),
            (Some((low, high)), _) => format!("{low} … {high}"),
            (None, Some(levels)) => count(levels as u64, "value"),
            (None, None) => String::new(),
        }
    }
}

impl fmt::Display for FoundTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, columns) = (count(self.rows, "row"), count(self.columns.len() as u64, "column"));
        writeln!(f, "{}: {rows}, {columns}\n", printable(&self.file))?;
        let mut table =
            Columns::new(["column", "type", "role", "present", "missing", "values"]).right([3, 4]);
        for column in &self.columns {
            table.row([
                column.name.clone(),
                column.kind.to_owned(),
                column.role.unwrap_or("–").to_owned(),
                column.present.to_string(),
                column.missing.to_string(),
                column.values(),
            ]);
        }
        write!(f, "{table}")?;
        let noted =
            self.columns.iter().flat_map(|column| column.notes.iter().map(move |note| (column, note)));
        let mut first = true;
        for (column, note) in noted {
            let gap = if std::mem::take(&mut first) { "\n\n" } else { "\n" };
            write!(f, "{gap}{BAD}!{BAD:#} {}: {note}", printable(&column.name))?;
        }
        if self.columns.iter().all(|column| column.role.is_none()) {
            write!(
                f,
                "\n\n{QUIET}nothing has left this machine; next: cowl table import FILE --write-plan plan.toml{QUIET:#}"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_their_point() {
        let said = |mantissa, decimals| written(Number { mantissa, decimals });
        assert_eq!(said(1234, 2), "12.34");
        assert_eq!(said(-5, 3), "-0.005");
        assert_eq!(said(90, 0), "90");
        assert_eq!(said(0, 0), "0");
    }
}
