//! What a receiver gets: the numbers that its query names, and nothing else that was opened.

use cowl_crypto::digest::Digest;
use cowl_domain::wire::{self, WireError};
use cowl_query::Cell;
use minicbor::{Decode, Encode};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::regression::Regression;

/// One figure of a result.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum Figure {
    /// A key of its group.
    #[n(0)]
    Key(#[n(0)] Cell),
    /// How many rows the group has.
    #[n(1)]
    Count(#[n(0)] u64),
    /// A figure of secret columns.
    #[n(2)]
    Number {
        /// Its value, rounded once from an exact fraction.
        #[n(0)]
        value: f64,
        /// Rows of the group that went into it.
        #[n(1)]
        used: u64,
        /// Rows of the group that did not, because a value is missing.
        #[n(2)]
        dropped: u64,
    },
    /// A fitted model.
    #[n(3)]
    Regression {
        /// The model; it says how many rows were used.
        #[n(0)]
        model: Box<Regression>,
        /// Rows of the group that were not, because a value is missing.
        #[n(1)]
        dropped: u64,
    },
    /// A figure that these rows do not have.
    #[n(4)]
    Undefined {
        /// Why not.
        #[n(0)]
        why: String,
    },
    /// The score of a single row; `None` where one of its values is missing.
    #[n(5)]
    Score(#[n(0)] Option<f64>),
}

impl Figure {
    /// The fitted model, where it is one.
    pub fn model(&self) -> Option<&Regression> {
        match self {
            Self::Regression { model, .. } => Some(model),
            _ => None,
        }
    }
}

/// A group of a result: one figure for each column.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct ResultRow {
    /// Its figures.
    #[n(0)]
    pub figures: Vec<Figure>,
}

/// A variable whose cells were rounded when the table was sealed: figures are those of the rounded table.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct RoundedVariable {
    /// Its name.
    #[n(0)]
    pub name: String,
    /// Digits after the point that were kept.
    #[n(1)]
    pub decimals: u8,
    /// How many cells were rounded.
    #[n(2)]
    pub cells: u64,
}

/// The result of a query, in one canonical form.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct QueryResult {
    /// Digest of the query.
    #[cbor(n(0), with = "wire::fixed")]
    pub query: Digest,
    /// The names of its columns.
    #[n(1)]
    pub columns: Vec<String>,
    /// One row for each group, in the order of the query.
    #[n(2)]
    pub rows: Vec<ResultRow>,
    /// Which of the variables in it were rounded.
    #[n(3)]
    pub rounded: Vec<RoundedVariable>,
    /// The fewest rows that a group in here has.
    #[n(4)]
    pub minimum_cohort: u64,
}

impl QueryResult {
    /// Its canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads a result.
    ///
    /// # Errors
    /// [`WireError`] for other bytes, also for rows with more or fewer figures than columns.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        const WHAT: &str = "query result";
        let result: Self = wire::decode(WHAT, bytes)?;
        let even = result.rows.iter().all(|row| row.figures.len() == result.columns.len());
        let detail = || "its rows are not as long as its header".to_owned();
        if even { Ok(result) } else { Err(WireError::Malformed { what: WHAT, detail: detail() }) }
    }

    /// The fitted models in it, with the group that each is of.
    pub fn regressions(&self) -> impl Iterator<Item = (&ResultRow, &Regression)> {
        self.rows
            .iter()
            .flat_map(|row| row.figures.iter().filter_map(move |figure| Some((row, figure.model()?))))
    }
}

/// As JSON: `{"query", "columns", "rows": [[…]], "rounded", "minimum_cohort"}`. A key is a string, a number, or null
/// where it is missing, a token in hexadecimal digits; a count is a number; any other figure is an object.
impl Serialize for QueryResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(5))?;
        map.serialize_entry("query", &self.query.to_string())?;
        map.serialize_entry("columns", &self.columns)?;
        map.serialize_entry("rows", &self.rows.iter().map(|row| &row.figures).collect::<Vec<_>>())?;
        map.serialize_entry("rounded", &self.rounded)?;
        map.serialize_entry("minimum_cohort", &self.minimum_cohort)?;
        map.end()
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Key(cell) => serialize_cell(cell, serializer),
            Self::Count(rows) => serializer.serialize_u64(*rows),
            Self::Number { value, used, dropped } => {
                let mut map = serializer.serialize_map(Some(3))?;
                map.serialize_entry("value", value)?;
                map.serialize_entry("used", used)?;
                map.serialize_entry("dropped", dropped)?;
                map.end()
            }
            Self::Regression { model, dropped } => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("model", model)?;
                map.serialize_entry("dropped", dropped)?;
                map.end()
            }
            Self::Undefined { why } => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("undefined", why)?;
                map.end()
            }
            Self::Score(score) => score.serialize(serializer),
        }
    }
}

fn serialize_cell<S: Serializer>(cell: &Cell, serializer: S) -> Result<S::Ok, S::Error> {
    match cell {
        Cell::Null => serializer.serialize_none(),
        Cell::Integer(number) => serializer.serialize_i64(*number),
        Cell::Decimal { .. } => serializer.serialize_f64(cell.as_number().unwrap_or(f64::NAN)),
        Cell::Text(text) => serializer.serialize_str(text),
        Cell::Token(_) => serializer.serialize_str(&cell.to_string()),
    }
}
