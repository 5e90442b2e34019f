//! Additive encryption, an operation a row.

use super::libraries::{self, Figure};
use super::row::Row;
use crate::failure::Result;
use crate::process;
use crate::workspace::Workspace;

pub(crate) fn measure(workspace: &Workspace) -> Result<Vec<Row>> {
    eprintln!("building and measuring ours");
    let mut command = workspace.cargo();
    command.args([
        "run",
        "--quiet",
        "--release",
        "-p",
        "cowl-paillier-secret",
        "--example",
        "paillier_bench",
    ]);
    let rows = Row::parse_lines(&process::stdout_of(&mut command)?)?;
    Ok(libraries::compare_with_all(workspace, "paillier", rows, measured_elsewhere()))
}

/// Intel's library needs a compiler and processor of its own: the figures are published ones.
fn measured_elsewhere() -> Vec<Figure> {
    let ipcl = |of: &str, value| Figure {
        of: of.into(),
        by: "Intel ipcl, published: measured elsewhere".into(),
        unit: "µs".into(),
        value,
    };
    vec![ipcl("paillier.decrypt.2048", 263.0), ipcl("paillier.scalar.2048", 25.0)]
}
