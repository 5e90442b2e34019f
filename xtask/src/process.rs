//! Running other programs: quietly with their words shown when they fail, or for what they print.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::failure::{Failure, Result, While};

/// How much of a failed program's output is shown.
const SHOWN_LINES: usize = 30;

/// Runs to the end with output held back; a failure carries the last lines of it.
pub(crate) fn run_quietly(command: &mut Command) -> Result<()> {
    finished(command).map(|_| ())
}

/// What the program prints on stdout.
pub(crate) fn stdout_of(command: &mut Command) -> Result<String> {
    let output = finished(command)?;
    String::from_utf8(output.stdout).attempting(|| format!("reading the output of {}", name_of(command)))
}

/// What the program prints on stdout, where an exit code of 1 is an answer, not a fault.
pub(crate) fn stdout_even_of_a_no(command: &mut Command) -> Result<String> {
    let output = command.output().attempting(|| format!("starting {}", name_of(command)))?;
    if !matches!(output.status.code(), Some(0 | 1)) {
        return Err(fault(command, &output));
    }
    String::from_utf8(output.stdout).attempting(|| format!("reading the output of {}", name_of(command)))
}

/// Runs with this program's own stdout and stderr; true if it ended well.
pub(crate) fn succeeds_in_the_open(command: &mut Command) -> Result<bool> {
    let status = command.status().attempting(|| format!("starting {}", name_of(command)))?;
    Ok(status.success())
}

/// The executable called `name` on the search path.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|file| is_executable(file))
}

pub(crate) fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// Whether this process may install packages and become another user.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// The last lines of a program's output, indented.
pub(crate) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
    shown.iter().map(|line| format!("\n    {line}")).collect()
}

fn finished(command: &mut Command) -> Result<Output> {
    let output = command.output().attempting(|| format!("starting {}", name_of(command)))?;
    if output.status.success() {
        return Ok(output);
    }
    Err(fault(command, &output))
}

fn fault(command: &Command, output: &Output) -> Failure {
    let words = [&output.stdout[..], &output.stderr[..]].concat();
    let words = tail(&String::from_utf8_lossy(&words));
    Failure::new(format!("{} ended with {}{words}", name_of(command), output.status))
}

fn name_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
