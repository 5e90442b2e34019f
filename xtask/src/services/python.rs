//! Virtual environments of Python's, with packages of PyPI in them.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::apt;
use crate::failure::{Failure, Result, While};
use crate::process;
use crate::workspace::Workspace;

/// An environment with these packages in it; made once for each list of versions asked for.
pub(crate) fn environment(
    workspace: &Workspace,
    name: &str,
    requirements: &[&str],
    options: &[&str],
) -> Result<PathBuf> {
    let environment = workspace.tools(name)?;
    let (stamp, wanted) = (environment.join("installed"), requirements.join(" "));
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(environment);
    }
    make_environment(&environment)?;
    eprintln!("installing {wanted}");
    let mut pip = Command::new(environment.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(options).args(requirements);
    process::run_quietly(&mut pip)?;
    std::fs::write(&stamp, wanted).attempting(|| format!("writing {}", stamp.display()))?;
    Ok(environment)
}

/// Where an environment keeps its packages: the folder carries Python's version in its name.
pub(crate) fn packages(environment: &Path) -> Result<PathBuf> {
    let library = environment.join("lib");
    let entries = std::fs::read_dir(&library).attempting(|| format!("reading {}", library.display()))?;
    let mut folders = entries.flatten().map(|entry| entry.path().join("site-packages"));
    let missing = || Failure::new(format!("{} has no packages of Python", library.display()));
    folders.find(|folder| folder.is_dir()).ok_or_else(missing)
}

/// Debian's Python comes without the module that makes environments.
fn make_environment(folder: &Path) -> Result<()> {
    let make = || process::run_quietly(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder));
    if make().is_ok() {
        return Ok(());
    }
    apt::install(&["python3", "python3-venv"])?;
    make()
}
