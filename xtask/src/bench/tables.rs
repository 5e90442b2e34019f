//! Sealed tables and images: `cowl bench tables` measures ours, this puts others beside it.

use std::path::PathBuf;
use std::process::Command;

use super::libraries;
use super::row::Row;
use crate::demo;
use crate::failure::{Result, While};
use crate::process;
use crate::workspace::Workspace;

/// Where real tables may be, beside the project: they may be used here and not be shipped.
const TABLES: &str = "COWL_BENCH_TABLES";

pub(crate) fn measure(workspace: &Workspace) -> Result<Vec<Row>> {
    demo::build(workspace)?;
    let tables = tables(workspace)?;
    let program = || {
        let mut command = Command::new(workspace.release_program("cowl"));
        command.env(TABLES, &tables);
        command
    };
    // For people: some rows, their ciphertexts, and what these open as.
    eprint!("{}", process::stdout_of(program().args(["bench", "tables", "--only", "sample"]))?);
    eprintln!("measuring inside cowl");
    let printed = process::stdout_even_of_a_no(program().args(["bench", "tables", "--json"]))?;
    Ok(libraries::compare_with_all(workspace, "tables", Row::parse_lines(&printed)?, Vec::new()))
}

/// A folder of CSV files: those that are at hand, the packed one unpacked.
fn tables(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.tools("bench-tables")?;
    let entries = std::env::var_os(TABLES).map(std::fs::read_dir);
    let Some(Ok(entries)) = entries else {
        eprintln!("no real tables but the sample: set {TABLES} to a folder with whas500.csv, rhc.csv.gz …");
        return Ok(folder);
    };
    for entry in entries {
        let path = entry.attempting(|| format!("listing the folder that {TABLES} names"))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if let Some(unpacked) = name.strip_suffix(".gz") {
            let text = process::stdout_of(Command::new("gzip").arg("-dc").arg(&path))?;
            let target = folder.join(unpacked);
            std::fs::write(&target, text).attempting(|| format!("writing {}", target.display()))?;
        } else if name.ends_with(".csv") {
            let target = folder.join(name);
            std::fs::copy(&path, &target).attempting(|| format!("copying {}", path.display()))?;
        }
    }
    Ok(folder)
}
