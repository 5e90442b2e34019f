//! Debian's packages: installed when they are services, merely unpacked when they are programs.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::{Failure, Result, While};
use crate::process;
use crate::workspace::Workspace;

/// Installs packages into the system; only root may.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    if !process::is_root() {
        let packages = packages.join(" ");
        return Err(Failure::new(format!("not installed, and only root may: `apt-get install {packages}`")));
    }
    eprintln!("installing {}", packages.join(" "));
    let options =
        ["install", "--yes", "--no-install-recommends", "--option", "Dpkg::Options::=--force-confold"];
    with_fresh_lists(|| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(options).args(packages);
        process::run_quietly(&mut command)
    })
}

/// Unpacks a package under the target directory and gives the folder that stands for `/`. Needs no root where
/// the package lists are there, changes nothing in the system, and does it once.
pub(crate) fn unpack(workspace: &Workspace, package: &str) -> Result<PathBuf> {
    let peers = workspace.peers()?;
    let folder = peers.join(package);
    if folder.is_dir() {
        return Ok(folder);
    }
    eprintln!("fetching {package}");
    let download = peers.join(format!("{package}.download"));
    renew(&download)?;
    with_fresh_lists(|| {
        // As root, apt would fetch as a user of its own that may not write here.
        let options = ["download", "--quiet", "--option", "APT::Sandbox::User=root", package];
        process::run_quietly(Command::new("apt-get").current_dir(&download).args(options))
    })?;
    let archive = only_file(&download)?;
    let unpacked = download.join("root");
    process::run_quietly(Command::new("dpkg").arg("--extract").arg(archive).arg(&unpacked))?;
    std::fs::rename(&unpacked, &folder).attempting(|| format!("moving {package} into place"))?;
    std::fs::remove_dir_all(&download).attempting(|| format!("removing {}", download.display()))?;
    Ok(folder)
}

/// Package lists may be missing or old: they are fetched when the first try fails.
fn with_fresh_lists(attempt: impl Fn() -> Result<()>) -> Result<()> {
    if attempt().is_ok() {
        return Ok(());
    }
    if process::is_root() {
        process::run_quietly(Command::new("apt-get").args(["update", "--quiet"]))?;
    }
    attempt()
}

fn renew(folder: &PathBuf) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).attempting(|| format!("removing {}", folder.display()))?;
    }
    std::fs::create_dir_all(folder).attempting(|| format!("making {}", folder.display()))
}

fn only_file(folder: &PathBuf) -> Result<PathBuf> {
    let mut entries = std::fs::read_dir(folder).attempting(|| format!("listing {}", folder.display()))?;
    match (entries.next(), entries.next()) {
        (Some(Ok(entry)), None) => Ok(entry.path()),
        _ => Err(Failure::new(format!("{} does not hold one archive", folder.display()))),
    }
}
