//! The published experiment: least squares on four fifths of a real table, judged on the fifth that is left, with and
//! without encryption.

use std::path::Path;

use cowl_tables::coding::{LayoutChoice, PreparedTable};
use cowl_tables::seal::Encryption;
use cowl_tables::{QueryResult, Regression};

use super::clear::{Cells, Error};
use super::real::{PART, RealTable, TABLES, TRAINING};
use super::sealed::{SealedTable, fault, key_of_2048_bits, one_set};
use crate::bench::row::Row;
use crate::bench::timing::Clock;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::report::{
    CoefficientPlot, Learnt, Plot, Report, ResidualPlot, Residuals, Section, Sheet, figure, outcome, png, svg,
};

/// One table's outcome.
struct Outcome {
    table: RealTable,
    result: QueryResult,
    model: Regression,
    /// On the rows for testing, of the sealed and of the clear way.
    sealed: Error,
    clear: Error,
    /// The largest relative difference of a coefficient.
    difference: f64,
    seconds: f64,
    test: Cells,
}

pub(super) fn rows(output: Output, report: Option<&Path>) -> Result<Vec<Row>> {
    // Made once for all tables, and not timed.
    key_of_2048_bits();
    let mut outcomes = Vec::new();
    for table in TABLES {
        match table.read()? {
            Some(raw) => outcomes.push(outcome(table, &table.prepare(&raw)?)?),
            None => output.note(format_args!("{}.csv is not at hand: set COWL_BENCH_TABLES", table.name)),
        }
    }
    if let Some(path) = report {
        write_report(path, &outcomes)?;
        output.note(format_args!("{} is written", path.display()));
    }
    Ok(outcomes.iter().flat_map(Outcome::rows).collect())
}

fn outcome(table: RealTable, prepared: &PreparedTable) -> Result<Outcome> {
    let sql = table.sql();
    let (seconds, result) = Clock::Wall.time(|| {
        let set = one_set(prepared, LayoutChoice::Moments);
        let sealed = SealedTable::seal(prepared, set, Encryption::default())?;
        let (query, answer) = sealed.ask(&sql)?;
        sealed.open(&query, &answer)
    });
    let result = result?;
    let model = result.regressions().next().map(|(_, model)| model.clone());
    let model = model.ok_or_else(|| Failure::no("the regression did not come out"))?;
    let [training, test] = [true, false].map(|training| cells(prepared, &model, training));
    let reference = training.least_squares().ok_or_else(|| Failure::no("the clear regression failed"))?;
    let found: Vec<f64> = model.coefficients.iter().map(|it| it.estimate).collect();
    let differences = found.iter().zip(&reference).map(|(ours, other)| (ours - other).abs() / other.abs());
    Ok(Outcome {
        table,
        sealed: test.error(&found),
        clear: test.error(&reference),
        difference: differences.fold(0.0, f64::max),
        result,
        model,
        seconds,
        test,
    })
}

/// The complete rows of one part in the model's order, as the table has them in clear.
fn cells(table: &PreparedTable, model: &Regression, training: bool) -> Cells {
    let names = std::iter::once(&model.target).chain(model.coefficients.iter().skip(1).map(|it| &it.name));
    let places: Vec<usize> =
        names.filter_map(|name| table.variables.iter().position(|variable| variable.name == *name)).collect();
    let is_of_part = |row: &usize| {
        let part = table.clear.iter().find(|column| table.columns[usize::from(column.column)].name == PART);
        part.is_some_and(|part| (part.texts[*row].as_deref() == Some(TRAINING)) == training)
    };
    let cell = |place: usize, row: usize| {
        let scale = 10_f64.powi(table.variables[place].coding.decimals().into());
        Some(table.values[place][row]? as f64 / scale)
    };
    // A row is complete where none of the sealed set's variables is missing.
    let is_complete = |row: &usize| table.values.iter().all(|values| values[*row].is_some());
    let rows = (0..table.rows as usize).filter(is_of_part).filter(is_complete);
    Cells { rows: rows.filter_map(|row| places.iter().map(|place| cell(*place, row)).collect()).collect() }
}

impl Outcome {
    fn rows(&self) -> Vec<Row> {
        let Self { table, model, sealed, clear, .. } = self;
        let about = format!("{}, {} complete rows of 80 %", table.what, model.rows);
        let row = |id: &str, what: &str, unit: &str, ours: f64| {
            Row::new(format!("tables.regression.{}.{id}", table.name), format!("{about}: {what}"), unit, ours)
        };
        let (error, explained) = (sealed.root_mean_square, sealed.r_squared);
        vec![
            row("error", "root mean square error on the other 20 %", "days", error)
                .against(CLEAR, clear.root_mean_square),
            row("r2", "R² on the other 20 %", "R²", explained).against(CLEAR, clear.r_squared),
            row("difference", "largest difference of a coefficient", "relative", self.difference)
                .own_goal(1e-9),
            row("time", "seal, ask, open", "s", self.seconds),
        ]
    }

    fn sections(&self) -> Result<Vec<Section>> {
        let line = |name: &str, error: Error| {
            vec![name.to_owned(), figure(error.root_mean_square), figure(error.r_squared)]
        };
        let sheet = Sheet {
            caption: format!("Predictions for the {} rows that were held back", self.test.rows.len()),
            head: ["", "root mean square error, days", "R²"].map(str::to_owned).into(),
            rows: vec![line("with encryption", self.sealed), line("without", self.clear)],
            texts: vec![0],
        };
        let mut sections = vec![Section::Heading(self.table.what.to_owned())];
        sections.extend(outcome::sections(&self.result).map_err(fault)?);
        sections.push(Section::Sheet(sheet));
        sections.push(Section::plot(&self.residuals()).map_err(fault)?);
        Ok(sections)
    }

    /// The bench has the cells.
    fn residuals(&self) -> ResidualPlot {
        let rows = self.test.rows.iter().map(|row| (row[0], &row[1..]));
        ResidualPlot { target: self.model.target.clone(), residuals: Residuals::of_cells(&self.model, rows) }
    }
}

fn write_report(path: &Path, outcomes: &[Outcome]) -> Result<()> {
    let mut report = Report {
        title: "Length of stay, regressed on sealed tables".into(),
        summary:
            "Each model was fitted to sums of ciphertexts of four fifths of the rows, and judged on the rest."
                .into(),
        asked: outcomes.iter().map(|it| (it.table.name.to_owned(), it.table.sql())).collect(),
        learnt: learnt(),
        ..Report::default()
    };
    for outcome in outcomes {
        report.sections.extend(outcome.sections()?);
        write_plot(path, outcome.table.name, &CoefficientPlot::of(&outcome.model))?;
    }
    write(path, report.html().as_bytes())
}

/// As it would be with a cloud and an asker apart from the opener.
fn learnt() -> Vec<Learnt> {
    let learnt = |party: &str, facts: &[&str]| Learnt {
        party: party.to_owned(),
        facts: facts.iter().map(|fact| (*fact).to_owned()).collect(),
    };
    vec![
        learnt(
            "the cloud",
            &["the query", "which rows are for training, by the open column", "no cell and no result"],
        ),
        learnt(
            "the opener, who owns the tables",
            &["the sums of the selected rows, which it could have made itself"],
        ),
        learnt(
            "whoever asked",
            &["the coefficients and how well they fit", "how many rows were used and left out"],
        ),
    ]
}

/// Beside the page, in both forms.
fn write_plot(page: &Path, name: &str, plot: &impl Plot) -> Result<()> {
    let beside = |form: &str| page.with_file_name(format!("{name}.{form}"));
    write(&beside("svg"), svg(plot).map_err(fault)?.as_bytes())?;
    write(&beside("png"), &png(plot).map_err(fault)?)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).map_err(|error| Failure::file(path, error))
}

const CLEAR: &str = "the same in the clear, in floating point";
