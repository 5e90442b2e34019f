//! What must hold of the sources; each gate counts as one test.

use super::tally::Tally;
use crate::check;
use crate::failure::{Failure, Result};
use crate::process;
use crate::workspace::Workspace;

/// Format and the rules of the house: seconds.
pub(crate) fn quick(workspace: &Workspace) -> Tally {
    let mut tally = Tally::default();
    note(&mut tally, "format", cargo(workspace, &["fmt", "--all", "--check"]));
    note(&mut tally, "rules of the house", rules(workspace));
    tally
}

/// Every target of every crate without a warning: minutes when cold.
pub(crate) fn clippy(workspace: &Workspace) -> Tally {
    let mut tally = Tally::default();
    let arguments = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    note(&mut tally, "clippy", cargo(workspace, &arguments));
    tally
}

fn note(tally: &mut Tally, gate: &str, result: Result<()>) {
    match result {
        Ok(()) => {
            eprintln!("{gate:<32} holds");
            tally.pass();
        }
        Err(failure) => {
            eprintln!("{gate:<32} FAILED: {failure}");
            tally.fail(gate, failure.to_string());
        }
    }
}

fn cargo(workspace: &Workspace, arguments: &[&str]) -> Result<()> {
    if process::succeeds_in_the_open(workspace.cargo().args(arguments))? {
        return Ok(());
    }
    Err(Failure::new(format!("cargo {} says why above", arguments[0])))
}

fn rules(workspace: &Workspace) -> Result<()> {
    let violations = check::violations(workspace)?;
    for violation in &violations {
        eprintln!("{violation}");
    }
    match violations.len() {
        0 => Ok(()),
        count => Err(Failure::new(format!("{count} violations"))),
    }
}
