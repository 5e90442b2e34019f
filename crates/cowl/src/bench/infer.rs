//! `cowl bench infer`: somebody's model on somebody's data, over the connections that real parties use.
//!
//! Dealer, model owner and data owner are threads of this process, each with keys and a folder of its own; what they
//! say goes over TLS on loopback, or through [`slow`], which delays it. Online time begins when both have recorded the bundle as
//! used, and is the data owner's; the record is timed apart. Networks are those of `cowl_model::zoo`, with seeded
//! weights: their shapes and costs are the real ones'; and a trained one that labels tissue. [`accuracy`] compares outputs
//! with those in floats, [`rates`] measures comparisons alone.

mod accuracy;
mod networks;
mod paper;
mod rates;
mod slow;
mod trio;

use std::time::Duration;

use cowl_model::Ring;

use super::row::{self, Row};
use crate::args::{InferBenchArguments, InferGroup};
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::size::Size;
use networks::{NETWORKS, Network};
use slow::Wire;
use trio::{Measured, Trio};

/// Measures and prints.
///
/// # Errors
/// A no when a goal is missed; a run that fails.
pub(super) fn run(output: Output, arguments: &InferBenchArguments) -> Result<()> {
    let wanted = |group: InferGroup| arguments.only.is_none_or(|only| only == group);
    let mut rows = Vec::new();
    let mut tell = |measured: Vec<Row>| -> Result<()> {
        row::print_lines_if_json(output, &measured)?;
        rows.extend(measured);
        Ok(())
    };
    if wanted(InferGroup::Rates) {
        tell(rates::rows()?)?;
    }
    for network in NETWORKS.iter().filter(|network| wanted(network.group)) {
        tell(rows_of(output, network)?)?;
        tell(accuracy::rows(network)?)?;
    }
    if !output.is_json() {
        row::print(output, &rows)?;
    }
    match rows.iter().filter(|row| !row.is_met()).count() {
        0 => Ok(()),
        missed => Err(Failure::no(format!("{missed} goals are missed"))),
    }
}

fn rows_of(output: Output, network: &Network) -> Result<Vec<Row>> {
    let trio = Trio::new(network.model()?, Ring::MENU[0])?;
    if let Some(missing) = trio.missing_room(network.near)? {
        let (what, dealt) = (network.what, Size(trio.dealt()));
        let missing = Size(missing);
        output.warn(format_args!(
            "{what} is skipped: {dealt} are dealt a run, and {missing} more must be free in TMPDIR"
        ));
        return Ok(Vec::new());
    }
    let near = trio.measure(Wire::LOOPBACK, network.near)?;
    let mut rows = compared(network, &near);
    rows.push(only(network, "recording", "recording the bundle as used, before", near.recording));
    let dealing = "dealing, sealing, fetching and preparing a run ahead";
    rows.push(only(network, "dealing", dealing, near.dealing));
    for (name, what, wire) in
        [("metro", "1 ms, 1 Gb/s", Wire::METRO), ("wide", "40 ms, 100 Mb/s", Wire::WIDE)]
    {
        if let Some(repeats) = network.far {
            let far = trio.measure(wire, repeats)?;
            rows.push(only(network, name, &format!("online at {what}"), far.online));
        }
    }
    Ok(rows)
}

/// The figures of the goals.
fn compared(network: &Network, measured: &Measured) -> Vec<Row> {
    let Measured { online, dealt, sent, rounds, .. } = *measured;
    let figures = [
        ("online", "ms", "online, loopback, median", online),
        ("dealt", "B/run", "dealt a run, both halves", dealt as f64),
        ("sent", "B/run online", "sent online, both ways", sent as f64),
        ("rounds", "rounds", "messages waited for", f64::from(rounds)),
    ];
    let row = |((name, unit, what, ours), bounds): (_, (Option<f64>, Option<f64>))| {
        let (reference, goal) = bounds;
        let row = Row::new(network.id_of(name), format!("{}: {what}", network.what), unit, ours);
        let row = reference.into_iter().fold(row, |row, value| row.against(LLAMA, value));
        goal.into_iter().fold(row, Row::own_goal)
    };
    figures.into_iter().zip(network.reference.into_iter().zip(network.goal)).map(row).collect()
}

fn only(network: &Network, name: &str, what: &str, milliseconds: f64) -> Row {
    Row::new(network.id_of(name), format!("{}: {what}", network.what), "ms", milliseconds)
}

const LLAMA: &str = "EzPC LLAMA, measured elsewhere";
/// How long a party waits for another.
const PATIENCE: Duration = Duration::from_secs(300);
