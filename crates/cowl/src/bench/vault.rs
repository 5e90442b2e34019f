//! What the product promises, measured in this process and through a server beside it.

use crate::args::BenchGroup;
use crate::block_on;
use crate::failure::{Failure, Result};
use crate::output::Output;

use super::row::{self, Row};

mod cloud;
mod codecs;
mod memory;
mod published;
mod queries;
mod search;

/// Measures and prints; a no when a goal is missed.
///
/// # Errors
/// That no; a server that does not start; inputs that cannot be read.
pub(super) fn run(output: Output, only: Option<BenchGroup>) -> Result<()> {
    let mut rows = Vec::new();
    for (group, name) in GROUPS {
        if only.is_none_or(|only| only == group) {
            output.note(format_args!("measuring {name}"));
            rows.extend(measure(group)?);
        }
    }
    row::print(output, &rows)?;
    match rows.iter().filter(|row| !row.is_met()).count() {
        0 => Ok(()),
        missed => Err(Failure::no(format!("{missed} of the goals are missed"))),
    }
}

fn measure(group: BenchGroup) -> Result<Vec<Row>> {
    match group {
        BenchGroup::Memory => memory::rows(),
        BenchGroup::Record => published::rows(),
        BenchGroup::Codecs => codecs::rows(),
        BenchGroup::Search => search::rows(),
        BenchGroup::Cloud => block_on(cloud::rows()),
    }
}

const GROUPS: [(BenchGroup, &str); 5] = [
    (BenchGroup::Memory, "sealing and opening in memory"),
    (BenchGroup::Record, "the published record"),
    (BenchGroup::Codecs, "the codecs"),
    (BenchGroup::Search, "search"),
    (BenchGroup::Cloud, "through a server"),
];
