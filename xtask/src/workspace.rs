//! Where things are: the workspace's root and cargo's target directory, as cargo itself says.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::failure::{Result, While};
use crate::process;

/// The workspace that this program was started in.
#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    #[serde(rename = "workspace_root")]
    pub(crate) root: PathBuf,
    /// Follows `CARGO_TARGET_DIR` and the configuration files.
    #[serde(rename = "target_directory")]
    pub(crate) target: PathBuf,
}

impl Workspace {
    pub(crate) fn find() -> Result<Self> {
        let mut command = cargo();
        command.args(["metadata", "--format-version", "1", "--no-deps"]);
        let text = process::stdout_of(&mut command)?;
        serde_json::from_str(&text).attempting(|| "reading the output of cargo metadata".into())
    }

    /// cargo, to be run at the workspace's root.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = cargo();
        command.current_dir(&self.root);
        command
    }

    /// A folder of our own for tools and services, made when missing. Lies under the target directory, so
    /// that `cargo clean` removes it.
    pub(crate) fn tools(&self, name: &str) -> Result<PathBuf> {
        made(self.target.join("xtask").join(name))
    }

    /// Where foreign programs that are only measured against, or tested with, are unpacked.
    pub(crate) fn peers(&self) -> Result<PathBuf> {
        made(self.target.join("peers"))
    }

    /// A program that cargo has built in the release profile.
    pub(crate) fn release_program(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }
}

/// cargo without what the outer `cargo run` says about the package `xtask`: build scripts would see it change
/// and compile again.
fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&*name);
        }
    }
    command
}

fn made(folder: PathBuf) -> Result<PathBuf> {
    std::fs::create_dir_all(&folder).attempting(|| format!("making {}", folder.display()))?;
    Ok(folder)
}

/// The files below `folder` in a stable order; folders named in `except` are not entered.
pub(crate) fn files_below(folder: &Path, except: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_path_buf()];
    while let Some(folder) = pending.pop() {
        let entries = std::fs::read_dir(&folder).attempting(|| format!("listing {}", folder.display()))?;
        for entry in entries {
            let entry = entry.attempting(|| format!("listing {}", folder.display()))?;
            let kind = entry.file_type().attempting(|| format!("looking at {}", entry.path().display()))?;
            if kind.is_file() {
                found.push(entry.path());
            } else if kind.is_dir() && !except.iter().any(|name| entry.file_name() == *name) {
                pending.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}
