//! `cargo xtask bench NAME [--json]`: ours and the peers, measured in one run on this machine.

mod infer;
mod libraries;
mod many_files;
mod memory;
mod paillier;
mod peers;
mod row;
mod scratch;
mod tables;
mod timing;
mod vault;

use std::process::ExitCode;

use crate::failure::{Failure, Result};
use crate::workspace::Workspace;
use row::Row;

/// One set of measurements.
struct Bench {
    name: &'static str,
    about: &'static str,
    measure: fn(&Workspace) -> Result<Vec<Row>>,
}

const BENCHES: &[Bench] = &[
    Bench {
        name: "vault",
        about: "sealing, storing, sharing, finding; against age, restic, rclone and dd",
        measure: vault::measure,
    },
    Bench {
        name: "paillier",
        about: "additive encryption, an operation a row; against phe, HEU, kzen-paillier and GMP",
        measure: paillier::measure,
    },
    Bench {
        name: "tables",
        about: "the published experiment, sealed tables and images; against phe and attribute-based encryption",
        measure: tables::measure,
    },
    Bench {
        name: "infer",
        about: "secure inference of five networks, both parties on this machine; against SPU",
        measure: infer::measure,
    },
    Bench {
        name: "memory",
        about: "peak memory of dealer, model owner and data owner, each a process of its own; part of infer",
        measure: memory::measure,
    },
];

/// 0 if every goal is met, 1 if not.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    let (options, names): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|argument| argument.starts_with("--"));
    let as_json = match options.as_slice() {
        [] => false,
        [option] if *option == "--json" => true,
        _ => return Err(Failure::new("usage: cargo xtask bench [NAME [--json]]")),
    };
    match names.as_slice() {
        [] => {
            list();
            Ok(ExitCode::SUCCESS)
        }
        [name] => measure(workspace, name, as_json),
        _ => Err(Failure::new("one bench at a time, so that they do not disturb each other")),
    }
}

fn list() {
    for bench in BENCHES {
        println!("{:<8} {}", bench.name, bench.about);
    }
}

fn measure(workspace: &Workspace, name: &str, as_json: bool) -> Result<ExitCode> {
    let bench = BENCHES.iter().find(|bench| bench.name == name);
    let bench = bench.ok_or_else(|| Failure::new(format!("no bench is called `{name}`")))?;
    let rows = (bench.measure)(workspace)?;
    if as_json {
        row::print_json(&rows)?;
    } else {
        row::print_table(&rows);
    }
    Ok(if rows.iter().all(|row| row.met) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
