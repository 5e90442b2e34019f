//! Every number that a query makes visible, and to whom, in words for people.

use std::fmt::Write;

use cowl_domain::table::{Layout, SealedSet, TableSchema};
use cowl_query::{Output, Query, ScoreRequest};

/// What becomes visible to whom when a query is answered. A line each.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Visible {
    /// To the blind cloud.
    pub cloud: Vec<String>,
    /// To the owner's opener, for each group.
    pub opener: Vec<String>,
    /// To each receiver, for each group that is answered.
    pub receiver: Vec<String>,
}

impl Visible {
    /// Of a query over tables with these schemas, under a grant with this minimum.
    pub fn of(query: &Query, schemas: &[TableSchema], minimum_cohort: u64) -> Self {
        let schemas: Vec<&TableSchema> = schemas.iter().collect();
        let names = query.column_names(&schemas);
        let receiver = query.outputs.iter().zip(names).map(|(output, name)| of_output(output, &name));
        let group = if query.keys.is_empty() {
            format!("one group, of {minimum_cohort} complete rows or more")
        } else {
            format!("only groups of {minimum_cohort} complete rows or more")
        };
        let sets = query.sets();
        let sets = sets.iter().filter_map(|set| schemas.first()?.sets.get(usize::from(*set)));
        let mut opener =
            vec!["the keys and rows of the group, which the open and token columns say".to_owned()];
        opener.extend(sets.map(|set| of_set(set, schemas[0])));
        Self {
            cloud: vec![
                "the query: its columns, values and groups".to_owned(),
                "which rows each group has, as the open and token columns say; no secret cell, no sum"
                    .to_owned(),
            ],
            opener,
            receiver: std::iter::once(group).chain(receiver).collect(),
        }
    }
}

impl Visible {
    /// Of a request for scores of a table with this schema.
    pub fn of_scores(request: &ScoreRequest, schema: &TableSchema) -> Self {
        let set = schema.sets.get(usize::from(request.set));
        let set = set.map_or("?", |set| set.name.as_str());
        let rows = schema.rows;
        let scores = format!("the score of each of the {rows} rows, or that a value of it is missing");
        Self {
            cloud: vec![
                "the coefficients, the names of what they are of, and how many decimals that has".to_owned(),
                format!("that all {rows} rows of set '{set}' are scored; no secret cell, no score"),
            ],
            opener: vec![format!("set '{set}': {scores}")],
            receiver: vec![
                format!("score: {rows} numbers in the order of the table: {scores}"),
                "from these, more or less of the cells: a score of one column is that column".to_owned(),
            ],
        }
    }
}

fn of_output(output: &Output, name: &str) -> String {
    match output {
        Output::Key(_) => format!("{name}: the key of the group"),
        Output::Count => format!("{name}: how many rows the group has"),
        Output::Aggregate(aggregate) if aggregate.function.is_regression() => format!(
            "{name}: coefficients with standard errors, t, p and intervals, R², adjusted R², F, sums of squares, rows \
             used and dropped"
        ),
        Output::Aggregate(_) => format!("{name}: one number, rows used and dropped"),
    }
}

fn of_set(set: &SealedSet, schema: &TableSchema) -> String {
    let name =
        |place: &u16| schema.columns.get(usize::from(*place)).map_or("?", |column| column.name.as_str());
    let columns = set.columns.iter().map(name).collect::<Vec<_>>().join(", ");
    let mut line = format!("set '{}': ", set.name);
    let what = match set.layout {
        Layout::Moments { .. } => {
            "how many rows are complete, the sum of each column, and the sum of the products of each two, of"
        }
        Layout::Cells { .. } => "how many cells there are, and their sum, of",
        Layout::Columns { .. } => "the score of each row, from",
    };
    write!(line, "{what} {columns} (a category counts as a column for each level but one)")
        .expect("writing to a String cannot fail");
    line
}
