//! Secure inference: `cowl bench infer` runs both parties over loopback, this puts SPU beside it, and behind it the memory
//! that each party takes.

use std::process::Command;

use super::libraries::{self, Figure};
use super::memory;
use super::row::Row;
use crate::demo;
use crate::failure::Result;
use crate::process;
use crate::services;
use crate::workspace::Workspace;

const SPU: &[&str] = &["spu==0.9.5"];

pub(crate) fn measure(workspace: &Workspace) -> Result<Vec<Row>> {
    demo::build(workspace)?;
    eprintln!("measuring inside cowl");
    let mut ours = Command::new(workspace.release_program("cowl"));
    let printed = process::stdout_even_of_a_no(ours.args(["bench", "infer", "--json"]))?;
    let figures = libraries::or_none("packages of Python", spu(workspace));
    let rows = Row::parse_lines(&printed)?.into_iter();
    let rows = rows.flat_map(|row| with_own_rows(row, &figures));
    Ok(rows.chain(memory::measure(workspace)?).collect())
}

/// The row, which has its published reference, and behind it what was measured beside it.
fn with_own_rows(row: Row, figures: &[Figure]) -> Vec<Row> {
    let own = figures.iter().filter(|figure| figure.of == row.id && figure.unit == row.unit);
    let own: Vec<Row> = own.map(|figure| figure.row_of_its_own(&row)).collect();
    std::iter::once(row).chain(own).collect()
}

fn spu(workspace: &Workspace) -> Result<Vec<Figure>> {
    let environment = services::python_environment(workspace, "python-spu", SPU, &[])?;
    eprintln!("measuring SPU");
    let mut command = Command::new(environment.join("bin/python"));
    let printed = process::stdout_of(command.arg(workspace.root.join("bench/spu_peer.py")))?;
    // SPU writes its log among them.
    let figures: Vec<&str> = printed.lines().filter(|line| line.starts_with('{')).collect();
    libraries::parse(&figures.join("\n"))
}
