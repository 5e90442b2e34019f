//! A result as one plain table, for files: keys, counts and figures side by side; of a regression one line a term.

use cowl_query::Cell;
use cowl_tables::regression::{Coefficient, Regression};
use cowl_tables::result::{Figure, QueryResult, ResultRow};

/// One cell of a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Missing,
    Integer(i64),
    Number(f64),
    Text(String),
}

/// Heads and rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FlatTable {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<Value>>,
}

impl FlatTable {
    /// The plain table of a result. Where it has regressions, each of their terms has a row.
    pub(crate) fn of(result: &QueryResult) -> Self {
        let is_regression = |place: usize| {
            result.rows.iter().any(|row| matches!(row.figures.get(place), Some(Figure::Regression { .. })))
        };
        let (models, plain): (Vec<usize>, Vec<usize>) =
            (0..result.columns.len()).partition(|it| is_regression(*it));
        let mut head = plain_head(result, &plain);
        if models.is_empty() {
            let rows = result.rows.iter().map(|row| plain_values(result, row, &plain)).collect();
            return Self { head, rows };
        }
        head.extend(MODEL_HEAD.map(str::to_owned));
        let mut rows = Vec::new();
        for row in &result.rows {
            let before = plain_values(result, row, &plain);
            for place in &models {
                let Some(Figure::Regression { model, dropped }) = row.figures.get(*place) else { continue };
                let terms = model.coefficients.iter().map(|term| model_values(model, *dropped, term));
                rows.extend(terms.map(|values| [before.clone(), values].concat()));
            }
        }
        Self { head, rows }
    }
}

/// Whether a column has figures of which rows may be left out.
fn is_counted(result: &QueryResult, place: usize) -> bool {
    result.rows.iter().any(|row| matches!(row.figures.get(place), Some(Figure::Number { .. })))
}

fn plain_head(result: &QueryResult, places: &[usize]) -> Vec<String> {
    let mut head = Vec::new();
    for &place in places {
        let name = &result.columns[place];
        head.push(name.clone());
        if is_counted(result, place) {
            head.extend([format!("{name} rows used"), format!("{name} rows left out")]);
        }
    }
    head
}

fn plain_values(result: &QueryResult, row: &ResultRow, places: &[usize]) -> Vec<Value> {
    let mut values = Vec::new();
    for &place in places {
        let figure = row.figures.get(place);
        values.push(figure.map_or(Value::Missing, value));
        if is_counted(result, place) {
            values.extend(match figure {
                Some(Figure::Number { used, dropped, .. }) => [whole(*used), whole(*dropped)],
                _ => [Value::Missing, Value::Missing],
            });
        }
    }
    values
}

fn value(figure: &Figure) -> Value {
    match figure {
        Figure::Key(cell) => key(cell),
        Figure::Count(rows) => whole(*rows),
        Figure::Number { value, .. } => Value::Number(*value),
        Figure::Score(score) => score.map_or(Value::Missing, Value::Number),
        Figure::Regression { .. } | Figure::Undefined { .. } => Value::Missing,
    }
}

/// A key of a group.
pub(crate) fn key(cell: &Cell) -> Value {
    match cell {
        Cell::Null => Value::Missing,
        Cell::Integer(number) => Value::Integer(*number),
        Cell::Text(text) => Value::Text(text.clone()),
        Cell::Decimal { .. } => cell.as_number().map_or(Value::Missing, Value::Number),
        Cell::Token(_) => Value::Text(cell.to_string()),
    }
}

fn whole(number: u64) -> Value {
    i64::try_from(number).map_or(Value::Missing, Value::Integer)
}

fn model_values(model: &Regression, dropped: u64, term: &Coefficient) -> Vec<Value> {
    let maybe = |number: Option<f64>| number.map_or(Value::Missing, Value::Number);
    vec![
        Value::Text(model.target.clone()),
        Value::Text(term.name.clone()),
        Value::Number(term.estimate),
        Value::Number(term.standard_error),
        maybe(term.t),
        maybe(term.p),
        Value::Number(term.low),
        Value::Number(term.high),
        whole(model.rows),
        whole(dropped),
        Value::Number(model.r_squared),
        Value::Number(model.adjusted_r_squared),
    ]
}

const MODEL_HEAD: [&str; 12] = [
    "target",
    "term",
    "estimate",
    "standard error",
    "t",
    "p",
    "low",
    "high",
    "rows used",
    "rows left out",
    "R²",
    "adjusted R²",
];

#[cfg(test)]
mod tests {
    use cowl_crypto::digest::Digest;

    use super::*;

    fn result(columns: &[&str], rows: Vec<Vec<Figure>>) -> QueryResult {
        QueryResult {
            query: Digest::of(b"query"),
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
            rows: rows.into_iter().map(|figures| ResultRow { figures }).collect(),
            rounded: Vec::new(),
            minimum_cohort: 10,
        }
    }

    #[test]
    fn a_figure_stands_beside_the_rows_that_it_is_made_of() {
        let number = Figure::Number { value: 4.5, used: 18, dropped: 2 };
        let ward = Figure::Key(Cell::Text("MICU".to_owned()));
        let flat = FlatTable::of(&result(
            &["ward", "count(*)", "enc_avg(los)"],
            vec![vec![ward, Figure::Count(20), number]],
        ));
        let head =
            ["ward", "count(*)", "enc_avg(los)", "enc_avg(los) rows used", "enc_avg(los) rows left out"];
        assert_eq!(flat.head, head);
        let row = [
            Value::Text("MICU".to_owned()),
            Value::Integer(20),
            Value::Number(4.5),
            Value::Integer(18),
            Value::Integer(2),
        ];
        assert_eq!(flat.rows, [row]);
    }

    #[test]
    fn what_is_undefined_is_missing() {
        let undefined = Figure::Undefined { why: "too few rows".to_owned() };
        let flat = FlatTable::of(&result(&["enc_var(los)"], vec![vec![undefined]]));
        assert_eq!(flat.rows, [[Value::Missing]]);
    }
}
