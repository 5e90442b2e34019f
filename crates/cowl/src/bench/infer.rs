//! `cowl bench infer`: somebody's model on somebody's data, over the connections that real parties use.
//!
//! Dealer, model owner and data owner are threads of this process, each with keys and a folder of its own; what they
//! say goes over TLS on loopback, or through [`slow`], which delays it. Online time begins when both have recorded the bundle as
//! used, and is the data owner's; the record is timed apart. Networks are those of `cowl_model::zoo`, with seeded
//! weights: their shapes and costs are the real ones'.

mod paper;
mod slow;
mod trio;

use std::time::Duration;

use cowl_model::{Ring, zoo};

use super::row::{self, Row};
use crate::args::{InferBenchArguments, InferGroup};
use crate::failure::{Failure, Result};
use crate::output::Output;
use slow::Wire;
use trio::{Measured, Trio};

/// A network and what it is to be compared to: [LLAMA of EzPC on a like machine, measured elsewhere], and the goal.
struct Network {
    id: &'static str,
    what: &'static str,
    group: InferGroup,
    onnx: fn(u64) -> Vec<u8>,
    /// Milliseconds online, bytes dealt, bytes online, rounds; none where it cannot run there.
    reference: [Option<f64>; 4],
    goal: [f64; 4],
}

const NETWORKS: [Network; 4] = [
    Network {
        id: "mlp",
        what: "MLP 784-128-128-10",
        group: InferGroup::Mlp,
        onnx: zoo::perceptron,
        reference: [Some(7.3), Some(2.35e6), None, None],
        goal: [1.0, 0.25e6, 10e3, 8.0],
    },
    Network {
        id: "lenet",
        what: "LeNet-5",
        group: InferGroup::Lenet,
        onnx: zoo::lenet5,
        reference: [Some(183.0), Some(23.1e6), Some(263e3), Some(30.0)],
        goal: [3.0, 7e6, 120e3, 22.0],
    },
    Network {
        id: "fmri",
        what: "fMRI MLP 109,350-200-200-200-58",
        group: InferGroup::Fmri,
        onnx: zoo::fmri,
        reference: [Some(192.0), Some(180e6), None, None],
        goal: [10.0, 0.6e6, 0.5e6, 12.0],
    },
    Network {
        id: "cifar",
        what: "CNN of 128 k comparisons",
        group: InferGroup::Cifar,
        onnx: zoo::cifar,
        reference: [Some(3700.0), Some(394e6), None, None],
        goal: [40.0, 120e6, 2.2e6, 40.0],
    },
];

/// Measures and prints.
///
/// # Errors
/// A no when a goal is missed; a run that fails.
pub(super) fn run(output: Output, arguments: &InferBenchArguments) -> Result<()> {
    let mut rows = Vec::new();
    for network in NETWORKS.iter().filter(|network| arguments.only.is_none_or(|only| only == network.group)) {
        let measured = rows_of(network)?;
        row::print_lines_if_json(output, &measured)?;
        rows.extend(measured);
    }
    if !output.is_json() {
        row::print(output, &rows)?;
    }
    match rows.iter().filter(|row| !row.is_met()).count() {
        0 => Ok(()),
        missed => Err(Failure::no(format!("{missed} goals are missed"))),
    }
}

fn rows_of(network: &Network) -> Result<Vec<Row>> {
    let ring = Ring::MENU[0];
    let trio = Trio::new(&(network.onnx)(1), ring)?;
    let near = trio.measure(Wire::LOOPBACK, RUNS)?;
    let by = "EzPC LLAMA, measured elsewhere";
    let figure = |at: usize, name: &str, unit: &str, what: &str, ours: f64| {
        let id = format!("infer.{}.{name}", network.id);
        let row = Row::new(id, format!("{}: {what}", network.what), unit, ours);
        let row = match network.reference[at] {
            Some(reference) => row.against(by, reference),
            None => row,
        };
        row.own_goal(network.goal[at])
    };
    let Measured { online, recording, dealt, sent, rounds, dealing } = near;
    let mut rows = vec![
        figure(0, "online", "ms", "online, loopback, median", online),
        figure(1, "dealt", "B/run", "dealt a run, both halves", dealt as f64),
        figure(2, "sent", "B/run online", "sent online, both ways", sent as f64),
        figure(3, "rounds", "rounds", "messages waited for", f64::from(rounds)),
    ];
    let only = |name: &str, unit: &str, what: &str, ours: f64| {
        Row::new(format!("infer.{}.{name}", network.id), format!("{}: {what}", network.what), unit, ours)
    };
    rows.push(only("recording", "ms", "recording the bundle as used, before", recording));
    rows.push(only("dealing", "ms", "dealing, sealing, fetching and preparing a run ahead", dealing));
    for (name, what, wire) in
        [("metro", "1 ms, 1 Gb/s", Wire::METRO), ("wide", "40 ms, 100 Mb/s", Wire::WIDE)]
    {
        let far = trio.measure(wire, RUNS_FAR)?;
        rows.push(only(name, "ms", &format!("online at {what}"), far.online));
    }
    Ok(rows)
}

const RUNS: u32 = 7;
const RUNS_FAR: u32 = 1;
/// How long a party waits for another.
const PATIENCE: Duration = Duration::from_secs(120);
