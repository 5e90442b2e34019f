//! The tables of "Cloud-based framework for efficient storage of unstructured patient health records",
//! IJCNIS 11(6), 2019, doi 10.5815/ijcnis.2019.06.02, anew on this machine.

use crate::columns::Columns;
use crate::failure::Result;
use crate::output::Output;
use crate::style::{HEAD, QUIET};

use super::row::{self, Row};
use super::sealed::Keys;

mod compression;
mod orders;
pub(super) mod records;
mod splitting;

/// A table for people and the same as rows.
struct Table {
    title: &'static str,
    /// What one must know to read it.
    notes: &'static [&'static str],
    columns: Columns,
    rows: Vec<Row>,
}

/// Measures and prints one table after the other.
///
/// # Errors
/// When something does not come back as it was.
pub(super) fn run(output: Output) -> Result<()> {
    if !output.is_json() {
        output.text(&format!("{HEAD}IJCNIS 11(6) 2019, doi 10.5815/ijcnis.2019.06.02, anew{HEAD:#}"))?;
        output.text(&format!("{QUIET}{MACHINES}{QUIET:#}"))?;
    }
    let keys = Keys::make();
    let [records, aes_alone] = records::tables(&keys)?;
    print(output, &records)?;
    print(output, &aes_alone)?;
    print(output, &splitting::table()?)?;
    print(output, &compression::table()?)?;
    print(output, &orders::table()?)
}

fn print(output: Output, table: &Table) -> Result<()> {
    if output.is_json() {
        return row::print_lines(output, &table.rows);
    }
    output.text(&format!("\n{HEAD}{}{HEAD:#}", table.title))?;
    for note in table.notes {
        output.text(&format!("{QUIET}{note}{QUIET:#}"))?;
    }
    output.text(&table.columns)
}

/// Two figures in one cell.
fn pair(one: f64, other: f64) -> String {
    format!("{} / {}", row::figure(one), row::figure(other))
}

/// How often the second fits into the first.
fn times(theirs: f64, ours: f64) -> String {
    format!("{}×", row::figure(theirs / ours))
}

const MACHINES: &str = "\
Ours are medians after a warm-up. The paper's times are of a desktop of 2019 and a program in Java: what differs is the
machine, the language and the work together, so a ratio says how far things have come, not who is better.";

const BY: &str = "the paper, on its machine of 2019";
