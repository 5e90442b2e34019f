//! Library peers: measured by the workspace `bench/`, which is compiled for it, and put beside our rows.

use serde::Deserialize;

use super::row::Row;
use crate::failure::{Result, While};
use crate::process;
use crate::workspace::Workspace;

/// What a library reaches in the work of the row called `of`.
#[derive(Debug, Deserialize)]
struct Figure {
    of: String,
    by: String,
    unit: String,
    value: f64,
}

/// Gives a reference to each of `rows` that a library does the same work as. A library that does not build is
/// said in the row, as is a program that cannot be had.
pub(crate) fn compare(workspace: &Workspace, bench: &str, rows: Vec<Row>) -> Vec<Row> {
    eprintln!("measuring libraries");
    match figures(workspace, bench) {
        Ok(figures) => beside(rows, &figures),
        Err(failure) => {
            eprintln!("no library peers: {failure}");
            rows
        }
    }
}

fn figures(workspace: &Workspace, bench: &str) -> Result<Vec<Figure>> {
    let mut command = workspace.cargo();
    command.args(["run", "--quiet", "--release", "--manifest-path", "bench/Cargo.toml", "--target-dir"]);
    command.arg(workspace.tools("bench-peers")?).args(["--", bench]);
    let printed = process::stdout_of(&mut command)?;
    let lines = printed.lines();
    lines
        .map(|line| serde_json::from_str(line).attempting(|| format!("reading the figure `{line}`")))
        .collect()
}

fn beside(rows: Vec<Row>, figures: &[Figure]) -> Vec<Row> {
    for figure in figures.iter().filter(|figure| !rows.iter().any(|row| figure.is_for(row))) {
        eprintln!(
            "{} in {} has no row to stand in: {:.2} by {}",
            figure.of, figure.unit, figure.value, figure.by
        );
    }
    let compared = rows.into_iter().map(|row| match figures.iter().find(|figure| figure.is_for(&row)) {
        Some(figure) => row.against(&figure.by, figure.value),
        None => row,
    });
    compared.collect()
}

impl Figure {
    fn is_for(&self, row: &Row) -> bool {
        row.id == self.of && row.unit == self.unit && row.reference.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(of: &str, unit: &str) -> Figure {
        Figure { of: of.into(), by: "a library".into(), unit: unit.into(), value: 0.5 }
    }

    #[test]
    fn a_figure_stands_in_the_row_of_its_name_and_unit_only() {
        let rows = || vec![Row::new("vault.seal", "", "GB/s", 2.0), Row::new("vault.open", "", "GB/s", 2.0)];
        let compared = beside(rows(), &[figure("vault.seal", "GB/s"), figure("vault.open", "MB/s")]);
        assert_eq!((compared[0].ratio, compared[0].by.as_deref()), (Some(4.0), Some("a library")));
        assert_eq!(compared[1], rows()[1]);
    }

    #[test]
    fn a_row_that_has_a_reference_keeps_it() {
        let rows = vec![Row::new("vault.seal", "", "GB/s", 2.0).against("another", 1.0)];
        assert_eq!(beside(rows.clone(), &[figure("vault.seal", "GB/s")]), rows);
    }
}
