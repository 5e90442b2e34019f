//! Library peers, put beside our rows: crates are measured by the workspace `bench/`, which is compiled for it,
//! packages of Python by `bench/peers.py`.

use std::process::Command;

use serde::Deserialize;

use super::row::{Row, less_is_better};
use crate::failure::{Result, While};
use crate::process;
use crate::services;
use crate::workspace::Workspace;

/// What a library reaches in the work of the row called `of`, and of all rows whose names begin so.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Figure {
    pub(crate) of: String,
    pub(crate) by: String,
    pub(crate) unit: String,
    pub(crate) value: f64,
}

/// Gives a reference to each of `rows` that a crate does the same work as. A crate that does not build is
/// said, as is a program that cannot be had.
pub(crate) fn compare(workspace: &Workspace, bench: &str, rows: Vec<Row>) -> Vec<Row> {
    beside(rows, &or_none("crates", crates(workspace, bench)))
}

/// The same, with packages of Python and figures that were measured elsewhere as well.
pub(crate) fn compare_with_all(
    workspace: &Workspace,
    bench: &str,
    rows: Vec<Row>,
    elsewhere: Vec<Figure>,
) -> Vec<Row> {
    let mut figures = elsewhere;
    figures.extend(or_none("packages of Python", packages(workspace, bench)));
    figures.extend(or_none("crates", crates(workspace, bench)));
    beside(rows, &figures)
}

pub(super) fn or_none(what: &str, figures: Result<Vec<Figure>>) -> Vec<Figure> {
    figures.unwrap_or_else(|failure| {
        eprintln!("no {what} to compare with: {failure}");
        Vec::new()
    })
}

fn crates(workspace: &Workspace, bench: &str) -> Result<Vec<Figure>> {
    eprintln!("measuring crates");
    provide_gmp()?;
    let mut command = workspace.cargo();
    command.args(["run", "--quiet", "--release", "--manifest-path", "bench/Cargo.toml", "--target-dir"]);
    command.arg(workspace.tools("bench-peers")?).args(["--", bench]);
    parse(&process::stdout_of(&mut command)?)
}

/// GMP is compiled with m4 for one crate, and the system's is linked to another.
fn provide_gmp() -> Result<()> {
    let has_header = std::path::Path::new("/usr/include/x86_64-linux-gnu/gmp.h").exists()
        || std::path::Path::new("/usr/include/gmp.h").exists();
    if has_header && process::on_path("m4").is_some() {
        return Ok(());
    }
    services::install(&["m4", "libgmp-dev"])
}

fn packages(workspace: &Workspace, bench: &str) -> Result<Vec<Figure>> {
    let environment = services::python_environment(workspace, "python-peers", PACKAGES, &[])?;
    eprintln!("measuring packages of Python");
    let mut command = Command::new(environment.join("bin/python"));
    parse(&process::stdout_of(command.arg(workspace.root.join("bench/peers.py")).arg(bench))?)
}

pub(super) fn parse(printed: &str) -> Result<Vec<Figure>> {
    let lines = printed.lines();
    lines
        .map(|line| serde_json::from_str(line).attempting(|| format!("reading the figure `{line}`")))
        .collect()
}

/// Each row gets the best figure that is for it. What else is known stands in rows of its own behind the first row
/// that it is for.
fn beside(rows: Vec<Row>, figures: &[Figure]) -> Vec<Row> {
    let mut waiting: Vec<&Figure> = figures.iter().collect();
    let better = |figure: &Figure| if less_is_better(&figure.unit) { figure.value } else { -figure.value };
    waiting.sort_by(|one, other| better(one).total_cmp(&better(other)));
    for figure in figures.iter().filter(|figure| !rows.iter().any(|row| figure.is_for(row))) {
        eprintln!(
            "{} in {} has no row to stand in: {:.2} by {}",
            figure.of, figure.unit, figure.value, figure.by
        );
    }
    let mut compared = Vec::with_capacity(rows.len());
    for row in rows {
        let mut own = waiting.iter().filter(|figure| figure.is_for(&row));
        let Some(best) = own.next() else {
            compared.push(row);
            continue;
        };
        let others: Vec<&Figure> = own.copied().collect();
        compared.push(row.clone().against(&best.by, best.value));
        compared.extend(others.iter().map(|figure| figure.row_of_its_own(&row)));
        waiting.retain(|figure| !others.iter().any(|other| std::ptr::eq(*other, *figure)));
    }
    compared
}

impl Figure {
    fn is_for(&self, row: &Row) -> bool {
        let named =
            row.id.strip_prefix(&self.of).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        named && row.unit == self.unit && row.reference.is_none()
    }

    pub(super) fn row_of_its_own(&self, row: &Row) -> Row {
        let words = self.by.split(|it: char| !it.is_alphanumeric()).filter(|word| !word.is_empty());
        let id = format!("{}.{}", row.id, words.collect::<Vec<_>>().join("-").to_lowercase());
        Row::new(&id, &row.what, &row.unit, row.ours).against(&self.by, self.value)
    }
}

/// The versions that are measured against; phe is fast with gmpy2 only.
const PACKAGES: &[&str] = &["phe==1.5.0", "gmpy2==2.3.2", "sf-heu==0.5.2b0"];

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
    fn the_best_of_each_unit_stands_first_however_many_units_there_are() {
        let units = ["GB/s", "ms", "M/s", "µs"];
        let rows = units.map(|unit| Row::new(&format!("row.{unit}"), "", unit, 1.0)).to_vec();
        let figures: Vec<Figure> = (0..64)
            .map(|number| Figure {
                of: format!("row.{}", units[number % 4]),
                by: format!("library {number}"),
                unit: units[number % 4].into(),
                value: (number * 37 % 64) as f64,
            })
            .collect();
        let compared = beside(rows, &figures);
        let of = |unit: &'static str| {
            figures.iter().filter(move |figure| figure.unit == unit).map(|figure| figure.value)
        };
        for unit in units {
            let best = if less_is_better(unit) {
                of(unit).fold(f64::MAX, f64::min)
            } else {
                of(unit).fold(0.0, f64::max)
            };
            let first = compared.iter().find(|row| row.unit == unit).unwrap();
            assert_eq!(first.reference, Some(best), "{unit}");
        }
    }

    #[test]
    fn a_row_that_has_a_reference_keeps_it() {
        let rows = vec![Row::new("vault.seal", "", "GB/s", 2.0).against("another", 1.0)];
        assert_eq!(beside(rows.clone(), &[figure("vault.seal", "GB/s")]), rows);
    }

    #[test]
    fn the_best_figure_is_the_reference_of_all_rows_of_its_name_and_others_stand_behind_the_first() {
        let rows =
            vec![Row::new("a.add.2048.constant", "", "µs", 2.0), Row::new("a.add.2048", "", "µs", 1.0)];
        let slow = Figure { by: "slow 1.0".into(), value: 8.0, ..figure("a.add.2048", "µs") };
        let quick = Figure { by: "quick 2.0".into(), value: 4.0, ..figure("a.add.2048", "µs") };
        let compared = beside(rows, &[slow, quick, figure("a.add.20", "µs")]);
        let found: Vec<_> = compared.iter().map(|row| (row.id.as_str(), row.ratio)).collect();
        let expected = [
            ("a.add.2048.constant", Some(2.0)),
            ("a.add.2048.constant.slow-1-0", Some(4.0)),
            ("a.add.2048", Some(4.0)),
        ];
        assert_eq!(found, expected);
    }
}
