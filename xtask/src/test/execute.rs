//! Runs test programs, one after the other, each with its output in a file of its own.

use std::fs::File;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use super::programs::Program;
use super::tally::Tally;
use crate::failure::{Result, While};
use crate::process;
use crate::services::Environment;
use crate::workspace::Workspace;

/// A program that runs longer hangs: it is ended, and counts as failed.
const LONGEST_RUN: Duration = Duration::from_secs(20 * 60);
const POLL: Duration = Duration::from_millis(20);

pub(crate) fn program(workspace: &Workspace, program: &Program, environment: &Environment) -> Result<Tally> {
    let mut command = Command::new(&program.executable);
    command.current_dir(&program.folder).env("CARGO_MANIFEST_DIR", &program.folder).arg("--show-output");
    run(workspace, &program.name, &mut command, environment)
}

pub(crate) fn doc_tests(workspace: &Workspace, environment: &Environment) -> Result<Tally> {
    let mut command = workspace.cargo();
    command.args(["test", "--workspace", "--doc", "--no-fail-fast", "--", "--show-output"]);
    run(workspace, "documentation", &mut command, environment)
}

fn run(workspace: &Workspace, name: &str, command: &mut Command, environment: &Environment) -> Result<Tally> {
    let log = workspace.tools("output")?.join(format!("{}.txt", name.replace("::", ".")));
    let started = Instant::now();
    let end = run_into(&log, command.envs(environment.iter().map(|(name, value)| (name, value))))?;
    let output = std::fs::read(&log).attempting(|| format!("reading {}", log.display()))?;
    let output = String::from_utf8_lossy(&output);
    let mut tally = Tally::parse(name, &output);
    if let Some(why) = end.fault(&tally) {
        tally.fail(name, why);
    }
    if !tally.is_empty() {
        eprintln!("{name:<32} {tally}   {:.1} s", started.elapsed().as_secs_f64());
    }
    if !tally.is_green() {
        eprintln!("{}{}", shown_failures(&output), format_args!("\n  all of it: {}", log.display()));
    }
    Ok(tally)
}

/// How a program came to its end.
enum End {
    Exited(ExitStatus),
    TookTooLong,
}

impl End {
    /// What the counts of the tests do not tell already.
    fn fault(&self, tally: &Tally) -> Option<String> {
        match self {
            Self::TookTooLong => Some(format!("did not end within {} minutes", LONGEST_RUN.as_secs() / 60)),
            Self::Exited(_) if !tally.has_results() => Some("ended without a test result".into()),
            Self::Exited(status) if !status.success() && tally.is_green() => {
                Some(format!("ended with {status}"))
            }
            Self::Exited(_) => None,
        }
    }
}

/// Into a file, not a pipe: what a test leaves running in the background cannot hold up the end.
fn run_into(log: &Path, command: &mut Command) -> Result<End> {
    let writing = || format!("writing {}", log.display());
    let file = File::create(log).attempting(writing)?;
    command.stdin(std::process::Stdio::null()).stdout(file.try_clone().attempting(writing)?).stderr(file);
    let mut child = command.spawn().attempting(|| format!("starting {}", command.get_program().display()))?;
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().attempting(|| "waiting for a test program".into())? {
            return Ok(End::Exited(status));
        }
        if started.elapsed() > LONGEST_RUN {
            child.kill().attempting(|| "ending a test program".into())?;
            child.wait().attempting(|| "ending a test program".into())?;
            return Ok(End::TookTooLong);
        }
        std::thread::sleep(POLL);
    }
}

/// The part of the output that tells the failures; the end of it where there is no such part.
fn shown_failures(output: &str) -> String {
    match output.find("\nfailures:\n") {
        Some(place) => output[place..].trim_end().to_owned(),
        None => process::tail(output),
    }
}
