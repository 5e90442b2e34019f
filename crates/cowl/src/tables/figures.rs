//! A result as people read it.

use std::fmt;

use cowl_tables::regression::Regression;
use cowl_tables::result::{Figure, QueryResult, ResultRow};

use super::flat::{self, Value};
use crate::columns::{Columns, printable};
use crate::report::rounded;
use crate::size::count;
use crate::style::{HEAD, QUIET};

/// A result on the terminal.
pub(crate) struct Figures<'a>(pub(crate) &'a QueryResult);

impl Figures<'_> {
    /// Places of the columns that are keys, counts or single figures.
    fn plain(&self) -> Vec<usize> {
        let model =
            |row: &ResultRow, place: usize| matches!(row.figures.get(place), Some(Figure::Regression { .. }));
        let rows = &self.0.rows;
        (0..self.0.columns.len()).filter(|place| !rows.iter().any(|row| model(row, *place))).collect()
    }

    fn table(&self, places: &[usize]) -> Columns {
        let heads = places.iter().map(|place| self.0.columns[*place].clone());
        let is_number = |place: &usize| {
            self.0.rows.iter().any(|row| !matches!(row.figures.get(*place), Some(Figure::Key(_)) | None))
        };
        let right = places.iter().enumerate().filter(|(_, place)| is_number(place)).map(|(at, _)| at);
        let mut table = Columns::new(heads).right(right);
        for row in self.0.rows.iter().take(self.shown()) {
            table.row(places.iter().map(|place| row.figures.get(*place).map_or_else(String::new, cell)));
        }
        table
    }

    /// How many rows are printed: all groups, and of scores the first.
    fn shown(&self) -> usize {
        let is_score = |row: &ResultRow| row.figures.iter().any(|it| matches!(it, Figure::Score(_)));
        if self.0.rows.first().is_some_and(is_score) { MOST_SCORES } else { usize::MAX }
    }

    /// What was left out of the figures, in words.
    fn left_out(&self) -> Option<String> {
        let dropped = |figure: &Figure| match figure {
            Figure::Number { dropped, .. } => *dropped,
            _ => 0,
        };
        let most = self.0.rows.iter().flat_map(|row| row.figures.iter().map(dropped)).max().unwrap_or(0);
        (most > 0)
            .then(|| format!("up to {} of a group left out, because a value is missing", count(most, "row")))
    }

    /// The group of a row, e.g. `ward = MICU`.
    fn group(&self, row: &ResultRow) -> String {
        let keys = row.figures.iter().zip(&self.0.columns).filter_map(|(figure, column)| match figure {
            Figure::Key(key) => Some(format!("{column} = {}", shown(&flat::key(key)))),
            _ => None,
        });
        keys.collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Figures<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.rows.is_empty() {
            return write!(f, "no group is large enough to be shown");
        }
        let plain = self.plain();
        let has_figures =
            |place: &usize| !self.0.rows.iter().all(|row| matches!(row.figures[*place], Figure::Key(_)));
        let mut gap = "";
        if plain.iter().any(has_figures) || plain.len() == self.0.columns.len() {
            write!(f, "{}", self.table(&plain))?;
            gap = "\n\n";
        }
        for row in &self.0.rows {
            for figure in &row.figures {
                let Figure::Regression { model, dropped } = figure else { continue };
                write!(f, "{gap}{}", Model { model, dropped: *dropped, group: self.group(row) })?;
                gap = "\n\n";
            }
        }
        if let Some(more) = self.0.rows.len().checked_sub(self.shown()).filter(|more| *more > 0) {
            write!(
                f,
                "\n{QUIET}and {}; write all to a file: -o FILE.csv{QUIET:#}",
                count(more as u64, "more row")
            )?;
        }
        self.left_out().iter().try_for_each(|note| write!(f, "\n{QUIET}{note}{QUIET:#}"))?;
        for rounded in &self.0.rounded {
            let (cells, digits) = (count(rounded.cells, "cell"), count(rounded.decimals.into(), "digit"));
            let name = printable(&rounded.name);
            write!(f, "\n{QUIET}{name}: {cells} had been rounded to {digits} after the point{QUIET:#}")?;
        }
        Ok(())
    }
}

/// A fitted model with the group that it is of.
struct Model<'a> {
    model: &'a Regression,
    dropped: u64,
    group: String,
}

impl fmt::Display for Model<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, dropped, group } = self;
        let terms: Vec<&str> = model.coefficients.iter().skip(1).map(|term| term.name.as_str()).collect();
        let title = printable(&format!("{} by {}", model.target, terms.join(", ")));
        let place = if group.is_empty() { String::new() } else { format!(" where {}", printable(group)) };
        writeln!(f, "{HEAD}{title}{HEAD:#}{place}: {} used, {dropped} left out", count(model.rows, "row"))?;
        let interval = format!("{:.0} % interval", model.confidence * 100.0);
        let heads = ["", "estimate", "standard error", "t", "p", interval.as_str(), ""].map(str::to_owned);
        let mut table = Columns::new(heads).right(1..7);
        let maybe = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number);
        for term in &model.coefficients {
            table.row([
                term.name.clone(),
                number(term.estimate),
                number(term.standard_error),
                maybe(term.t),
                term.p.map_or_else(|| "–".to_owned(), chance),
                number(term.low),
                number(term.high),
            ]);
        }
        writeln!(f, "{table}")?;
        write!(
            f,
            "R² {}, adjusted {}; residual standard error {} on {} degrees of freedom",
            number(model.r_squared),
            number(model.adjusted_r_squared),
            number(model.residual_standard_error),
            number(model.residual_degrees),
        )?;
        match (model.f, model.f_p) {
            (Some(value), Some(p)) => write!(f, "; F {}, p {}", number(value), chance(p)),
            _ => Ok(()),
        }
    }
}

fn cell(figure: &Figure) -> String {
    match figure {
        Figure::Key(key) => shown(&flat::key(key)),
        Figure::Count(rows) => rows.to_string(),
        Figure::Number { value, .. } => number(*value),
        Figure::Undefined { why } => format!("– ({why})"),
        Figure::Score(score) => score.map_or_else(|| "–".to_owned(), number),
        Figure::Regression { .. } => "see below".to_owned(),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Missing => "–".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Number(value) => number(*value),
        Value::Text(text) => text.clone(),
    }
}

/// A chance; below what floating point tells it is not told.
fn chance(p: f64) -> String {
    if p < SMALLEST_CHANCE { "< 2e-16".to_owned() } else { number(p) }
}

/// A figure with six digits that count.
fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    if !(1e-4..1e9).contains(&size) {
        return format!("{value:.5e}");
    }
    rounded(value, 6)
}

const SMALLEST_CHANCE: f64 = 2e-16;
/// Scores that are printed.
const MOST_SCORES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_six_digits_that_count() {
        assert_eq!(number(3.0), "3");
        assert_eq!(number(1234.56789), "1234.57");
        assert_eq!(number(-0.012_345_678), "-0.0123457");
        assert_eq!(number(0.0), "0");
        assert_eq!(number(123_456_789.0), "123456789");
        assert_eq!(number(1.5e-9), "1.50000e-9");
        assert_eq!(number(9.999_999_9), "10");
        assert_eq!(chance(1e-20), "< 2e-16");
    }
}
