//! The house's own commands: `cargo xtask <demo|test|bench|check|fuzz|fmri>`.
//!
//! This crate compiles in seconds on purpose: it runs before anything else is built, so it has `serde` and
//! `serde_json` beside the standard library and nothing more.

// A program for people at a terminal: printing is what it does.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod check;
mod demo;
mod failure;
mod fmri;
mod fuzz;
mod process;
mod services;
mod test;
mod workspace;

use std::process::ExitCode;

use failure::{Failure, Result};
use workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask <command>

  demo [ARGS…]           build the programs and run `cowl demo ARGS…`
  test [GROUP]           all | check | units | fuzz | stores | interop | chaos
  bench [NAME [--json]]  measure ours and the peers; without NAME: list what there is
  check                  the rules of the house: layers, closures, licences, manifests, sources
  fuzz [TARGET] [SECS]   run one fuzz target, or each, for SECS (60)
  fmri                   train the stand-in for the classifier of brain networks anew";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(2)
        }
    }
}

/// 0: yes; 1: no (a test failed, a rule is broken, a goal is missed); 2: usage, or our own fault.
fn dispatch(arguments: &[String]) -> Result<ExitCode> {
    let Some((command, rest)) = arguments.split_first() else {
        return Err(Failure::new(format!("no command given\n\n{USAGE}")));
    };
    if matches!(command.as_str(), "help" | "-h" | "--help") {
        println!("{USAGE}");
        return Ok(ExitCode::SUCCESS);
    }
    let workspace = Workspace::find()?;
    match command.as_str() {
        "demo" => demo::run(&workspace, rest),
        "test" => test::run(&workspace, rest),
        "bench" => bench::run(&workspace, rest),
        "check" => check::run(&workspace, rest),
        "fmri" => fmri::run(&workspace, rest),
        "fuzz" => fuzz::run(&workspace, rest),
        other => Err(Failure::new(format!("unknown command `{other}`\n\n{USAGE}"))),
    }
}
