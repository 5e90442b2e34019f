//! The result of a query as tables and plots.

use cowl_query::Cell;
use cowl_tables::result::ResultRow;
use cowl_tables::{Coefficient, Figure, QueryResult, Regression};

use super::canvas::PlotError;
use super::page::{Section, Sheet};
use super::{CoefficientPlot, figure};

/// All of a result: its groups, then each fitted model with its coefficients drawn, then what was rounded.
///
/// # Errors
/// [`PlotError`].
pub(crate) fn sections(result: &QueryResult) -> Result<Vec<Section>, PlotError> {
    let mut sections = vec![Section::Sheet(groups(result))];
    for (row, model) in result.regressions() {
        sections.extend(of_model(model, &group_name(result, row))?);
    }
    let fewest = result.minimum_cohort;
    if fewest > 1 {
        let text = format!(
            "Groups of fewer than {fewest} rows are left out, and nothing says whether there were any."
        );
        sections.push(Section::Text(text));
    }
    sections.extend(result.rounded.iter().map(|rounded| {
        let (name, cells, decimals) = (&rounded.name, rounded.cells, rounded.decimals);
        Section::Text(format!(
            "{cells} cells of {name} were rounded to {decimals} decimals when the table was sealed; the figures are \
             those of the rounded table."
        ))
    }));
    Ok(sections)
}

/// A fitted model: how well it fits, its coefficients as a table and drawn.
///
/// # Errors
/// [`PlotError`].
pub(super) fn of_model(model: &Regression, group: &str) -> Result<Vec<Section>, PlotError> {
    let heading = if group.is_empty() {
        format!("{} explained", model.target)
    } else {
        format!("{} explained, {group}", model.target)
    };
    Ok(vec![
        Section::Heading(heading),
        Section::Sheet(fit(model)),
        Section::Sheet(coefficients(model)),
        Section::plot(&CoefficientPlot::of(model))?,
    ])
}

fn groups(result: &QueryResult) -> Sheet {
    let is_text = |column: &usize| {
        let figures = result.rows.iter().filter_map(|row| row.figures.get(*column));
        figures.clone().all(|it| matches!(it, Figure::Key(_) | Figure::Undefined { .. }))
            && figures.count() > 0
    };
    let count = result.rows.len();
    Sheet {
        caption: if count == 1 { "One group".to_owned() } else { format!("{count} groups") },
        head: result.columns.clone(),
        rows: result.rows.iter().map(|row| row.figures.iter().map(cell).collect()).collect(),
        texts: (0..result.columns.len()).filter(is_text).collect(),
    }
}

fn cell(of: &Figure) -> String {
    match of {
        Figure::Key(Cell::Null) => "(missing)".into(),
        Figure::Key(key) => key.to_string(),
        Figure::Count(rows) => rows.to_string(),
        Figure::Number { value, used, dropped: 0 } => format!("{} ({used} rows)", figure(*value)),
        Figure::Number { value, used, dropped } => {
            format!("{} ({used} rows, {dropped} incomplete)", figure(*value))
        }
        Figure::Regression { model, dropped } => {
            format!("R² {}, {} rows, {dropped} incomplete", figure(model.r_squared), model.rows)
        }
        Figure::Undefined { why } => why.clone(),
        Figure::Score(score) => optional(*score),
    }
}

/// The keys of a group, for a heading; empty where there is one group only.
fn group_name(result: &QueryResult, row: &ResultRow) -> String {
    let keys = result.columns.iter().zip(&row.figures).filter_map(|(name, figure)| match figure {
        Figure::Key(key) => Some(format!("{name} {key}")),
        _ => None,
    });
    keys.collect::<Vec<_>>().join(", ")
}

fn optional(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), figure)
}

fn fit(model: &Regression) -> Sheet {
    Sheet {
        caption: "How well it fits".into(),
        head: ["rows", "R²", "adjusted R²", "residual error", "degrees of freedom", "F", "p of F"]
            .map(str::to_owned)
            .into(),
        rows: vec![vec![
            model.rows.to_string(),
            figure(model.r_squared),
            figure(model.adjusted_r_squared),
            figure(model.residual_standard_error),
            figure(model.residual_degrees),
            optional(model.f),
            optional(model.f_p),
        ]],
        texts: Vec::new(),
    }
}

fn coefficients(model: &Regression) -> Sheet {
    let percent = figure(model.confidence * 100.0);
    let head = ["", "coefficient", "standard error", "t", "p"].map(str::to_owned);
    let ends = [format!("{percent} % from"), "to".to_owned()];
    let row = |it: &Coefficient| {
        vec![
            it.name.clone(),
            figure(it.estimate),
            figure(it.standard_error),
            optional(it.t),
            optional(it.p),
            figure(it.low),
            figure(it.high),
        ]
    };
    Sheet {
        caption: format!("Coefficients of {}", model.target),
        head: head.into_iter().chain(ends).collect(),
        rows: model.coefficients.iter().map(row).collect(),
        texts: vec![0],
    }
}
