//! The npm packages that tests talk to, at the versions of `xtask/npm/package-lock.json`.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::apt;
use crate::failure::{Result, While};
use crate::process;
use crate::workspace::Workspace;

/// Gives the folder whose `node_modules` holds the packages; installs only when the lock file has changed.
pub(crate) fn install(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.tools("npm")?;
    let stamp = folder.join("installed");
    let lock = read(&workspace.root.join("xtask/npm/package-lock.json"))?;
    if std::fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(folder);
    }
    if process::on_path("npm").is_none() || process::on_path("node").is_none() {
        apt::install(&["nodejs", "npm"])?;
    }
    for name in ["package.json", "package-lock.json"] {
        write(&folder.join(name), &read(&workspace.root.join("xtask/npm").join(name))?)?;
    }
    eprintln!("installing npm packages");
    let mut npm = Command::new("npm");
    npm.current_dir(&folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    process::run_quietly(&mut npm)?;
    write(&stamp, &lock)?;
    Ok(folder)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).attempting(|| format!("reading {}", file.display()))
}

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(file, bytes).attempting(|| format!("writing {}", file.display()))
}
