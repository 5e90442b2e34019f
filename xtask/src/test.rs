//! `cargo xtask test [GROUP]`: everything that can be proved on this machine, and one line that says how it went.
//!
//! The tests are built once for all groups. Each test program is then run on its own, so that its output, its
//! failures and what it skipped can be told apart.
//!
//! A test that needs a service reads one of the variables of [`crate::services`]; without it the test prints
//! `skipped: REASON` and returns. Such a test counts as skipped, not as passed.

mod execute;
mod gates;
mod group;
mod programs;
mod tally;

use std::process::ExitCode;

use crate::failure::{Failure, Result};
use crate::services::Services;
use crate::workspace::Workspace;
use group::Group;
use tally::Tally;

pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    let group = match arguments {
        [] => Group::All,
        [name] => Group::parse(name)?,
        _ => return Err(Failure::new(format!("usage: cargo xtask test [{}]", Group::names()))),
    };
    let mut tally = Tally::default();
    if group.has_gates() {
        tally.add(gates::quick(workspace));
    }
    if group.has_programs() {
        tally.add(run_programs(workspace, group)?);
    }
    if group.has_gates() {
        // Last: clippy compiles everything once more.
        tally.add(gates::clippy(workspace));
    }
    tally.print();
    if tally.is_empty() {
        return Err(Failure::new("no test belongs to this group yet"));
    }
    Ok(if tally.is_green() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run_programs(workspace: &Workspace, group: Group) -> Result<Tally> {
    let mut tally = Tally::default();
    let services = Services::start(workspace, group.needs());
    for problem in services.problems() {
        tally.fail("services", problem.clone());
    }
    let built = programs::build(workspace, group)?;
    if !built.complete {
        tally.fail("build", "the tests do not all build; cargo says why above".into());
    }
    for program in &built.programs {
        tally.add(execute::program(workspace, program, services.environment())?);
    }
    if group.has_doc_tests() && built.complete {
        tally.add(execute::doc_tests(workspace, services.environment())?);
    }
    Ok(tally)
}
