//! `cargo xtask demo`: builds the two programs and becomes `cowl demo`.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use crate::failure::{Failure, Result};
use crate::process;
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    build(workspace)?;
    let program = workspace.release_program("cowl");
    // Replaces this process, so that signals and the exit code are the demo's own.
    let cause = Command::new(&program).arg("demo").args(arguments).exec();
    Err(Failure::new(format!("starting {}: {cause}", program.display())))
}

/// `cowl` and, beside it, the `cowl-server` that it starts; cargo shows its own progress.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    let mut command = workspace.cargo();
    command.args(["build", "--release", "--package", "cowl", "--package", "cowl-server"]);
    if process::succeeds_in_the_open(&mut command)? {
        return Ok(());
    }
    Err(Failure::new("the programs do not build"))
}
