//! Sealed tables and images: the published experiment, and what the cloud makes of ciphertexts.
//!
//! Rows are measured as they will be used: a table is sealed into its file, the file is read as the cloud reads it, a
//! query goes in as SQL, and what comes back is opened with all checks.

use std::path::PathBuf;

use crate::args::{TablesBenchArguments, TablesGroup};
use crate::failure::{Failure, Result};
use crate::output::Output;

use super::row::{self, Row};

mod cells;
mod clear;
mod images;
mod million;
mod moments;
mod real;
mod regressions;
mod sample;
mod sealed;

/// Measures and prints; a no when a goal is missed.
///
/// # Errors
/// That no; a table that cannot be sealed, or opens as another one.
pub(super) fn run(output: Output, arguments: &TablesBenchArguments) -> Result<()> {
    let mut rows = Vec::new();
    for (group, name) in GROUPS {
        if arguments.only.is_none_or(|only| only == group) {
            output.note(format_args!("measuring {name}"));
            rows.extend(measure(output, group, arguments.report.as_ref())?);
        }
    }
    if !rows.is_empty() {
        row::print(output, &rows)?;
    }
    match rows.iter().filter(|row| !row.is_met()).count() {
        0 => Ok(()),
        missed => Err(Failure::no(format!("{missed} of the goals are missed"))),
    }
}

fn measure(output: Output, group: TablesGroup, report: Option<&PathBuf>) -> Result<Vec<Row>> {
    match group {
        TablesGroup::Sample => sample::print(output).map(|()| Vec::new()),
        TablesGroup::Cells => cells::rows(),
        TablesGroup::Regressions => regressions::rows(output, report.map(PathBuf::as_path)),
        TablesGroup::Moments => moments::rows(),
        TablesGroup::Million => million::rows(),
        TablesGroup::Images => images::rows(),
    }
}

/// Runs on so many cores; on one, parallel work inside stays on the thread whose time is taken.
fn on_cores<T: Send>(cores: usize, work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(cores).build();
    pool.expect("a thread can be started").install(work)
}

const GROUPS: [(TablesGroup, &str); 6] = [
    (TablesGroup::Sample, "a few rows"),
    (TablesGroup::Cells, "a table cell by cell"),
    (TablesGroup::Regressions, "regressions of real tables"),
    (TablesGroup::Moments, "5,734 patients and 325 moments"),
    (TablesGroup::Million, "a million rows"),
    (TablesGroup::Images, "images"),
];
