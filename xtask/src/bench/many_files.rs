//! A folder of many files through restic, beside the row that `cowl bench vault` measured of ours.

use std::path::Path;
use std::process::Command;

use super::peers::{Peer, Restic};
use super::row::{GoalOf, Row};
use super::scratch::{self, Scratch};
use super::timing;
use crate::failure::{Result, While};
use crate::process;
use crate::workspace::Workspace;

/// Gives the row of ours its reference: the same number of files of the same length, on the disk under test.
pub(crate) fn compare(workspace: &Workspace, rows: Vec<Row>) -> Vec<Row> {
    let beside = |row: Row| {
        if row.id != OURS {
            return row;
        }
        let row = row.goal(GoalOf::Ratio, GOAL);
        match restic(workspace) {
            Ok((name, seconds)) => row.against(&format!("{name} backup, then sync"), seconds),
            Err(failure) => row.without(&format!("restic cannot be had here: {failure}")),
        }
    };
    rows.into_iter().map(beside).collect()
}

/// Its name and its seconds, to a repository in the folder of temporary files, where ours stores too.
fn restic(workspace: &Workspace) -> Result<(String, f64)> {
    let restic = Restic::new(workspace)?;
    eprintln!("measuring {} on {FILES} files", restic.name());
    let scratch = Scratch::below(&std::env::temp_dir())?;
    let folder = scratch.path("files");
    write_files(&folder)?;
    process::run_quietly(&mut Command::new("sync"))?;
    let backup = || {
        restic.backup(&scratch, &folder)?;
        process::run_quietly(&mut Command::new("sync"))
    };
    let seconds = timing::median(|| restic.initialise(&scratch), backup)?;
    Ok((restic.name().to_owned(), seconds))
}

fn write_files(folder: &Path) -> Result<()> {
    std::fs::create_dir(folder).attempting(|| format!("making {}", folder.display()))?;
    (0..FILES).try_for_each(|number| scratch::write_noise(&folder.join(format!("{number}.bin")), LENGTH))
}

const OURS: &str = "vault.add-files";
const FILES: u64 = 1_000;
const LENGTH: u64 = 500_000;
/// How many times faster ours has to be.
const GOAL: f64 = 2.0;
