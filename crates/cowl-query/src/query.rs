//! A query without its SQL: what is signed into a job, and what cloud and opener both run.

use std::collections::BTreeSet;

use cowl_crypto::digest::Digest;
use cowl_domain::table::TableSchema;
use cowl_domain::wire;
use minicbor::{Decode, Encode};

use crate::check::Catalog;
use crate::clear::Cell;
use crate::refusal::QueryRefusal;

/// Separates digests of queries from all others.
const DIGEST_CONTEXT: &str = "cowl 2026 query v1";

/// A table of a query, in one version.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct QueryTable {
    /// Its name among the granted tables.
    #[n(0)]
    pub name: String,
    /// Digest of its schema's canonical bytes; columns and sets are places in it.
    #[cbor(n(1), with = "wire::fixed")]
    pub schema: Digest,
}

/// A column of one of the query's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct ColumnRef {
    /// The table's place in the query; 0 is the one whose rows are aggregated.
    #[n(0)]
    pub table: u16,
    /// The column's place in the schema.
    #[n(1)]
    pub column: u16,
}

/// A join of one more table: `earlier` = `own`, both token columns; no token stands twice in `own`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Join {
    /// A token column of a table that stands before.
    #[n(0)]
    pub earlier: ColumnRef,
    /// A token column of the joined table.
    #[n(1)]
    pub own: ColumnRef,
}

/// How a cell is compared with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Comparison {
    /// =
    #[n(0)]
    Equal,
    /// <>
    #[n(1)]
    NotEqual,
    /// <
    #[n(2)]
    Less,
    /// <=
    #[n(3)]
    AtMost,
    /// \>
    #[n(4)]
    Greater,
    /// \>=
    #[n(5)]
    AtLeast,
}

impl Comparison {
    /// As SQL writes it, e.g. `<=`.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }

    /// The comparison with its sides exchanged.
    pub(crate) fn flipped(self) -> Self {
        match self {
            Self::Equal | Self::NotEqual => self,
            Self::Less => Self::Greater,
            Self::AtMost => Self::AtLeast,
            Self::Greater => Self::Less,
            Self::AtLeast => Self::AtMost,
        }
    }

    pub(crate) fn is_order(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }
}

/// Which rows are taken, in SQL's logic of three values: a comparison with a missing cell is neither true nor false,
/// and a row is taken where the whole is true.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Condition {
    /// All of these.
    #[n(0)]
    All(#[n(0)] Vec<Condition>),
    /// At least one of these.
    #[n(1)]
    Any(#[n(0)] Vec<Condition>),
    /// Not this.
    #[n(2)]
    Not(#[n(0)] Box<Condition>),
    /// A cell compared with a value.
    #[n(3)]
    Compare {
        /// The column.
        #[n(0)]
        column: ColumnRef,
        /// How.
        #[n(1)]
        comparison: Comparison,
        /// The value.
        #[n(2)]
        value: Cell,
    },
    /// A cell that is one of some values.
    #[n(4)]
    OneOf {
        /// The column.
        #[n(0)]
        column: ColumnRef,
        /// The values.
        #[n(1)]
        values: Vec<Cell>,
    },
    /// A cell from `low` to `high`, both included.
    #[n(5)]
    Between {
        /// The column.
        #[n(0)]
        column: ColumnRef,
        /// The lowest value.
        #[n(1)]
        low: Cell,
        /// The highest.
        #[n(2)]
        high: Cell,
    },
    /// A missing cell.
    #[n(6)]
    Missing(#[n(0)] ColumnRef),
    /// A text that begins so, letter by letter.
    #[n(7)]
    StartsWith {
        /// The column.
        #[n(0)]
        column: ColumnRef,
        /// Its beginning.
        #[n(1)]
        prefix: String,
    },
}

impl Condition {
    /// Adds the columns that it looks at. The depth of the recursion is that of a checked query.
    fn add_columns(&self, columns: &mut Vec<ColumnRef>) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.add_columns(columns)),
            Self::Not(inner) => inner.add_columns(columns),
            Self::Missing(column)
            | Self::Compare { column, .. }
            | Self::OneOf { column, .. }
            | Self::Between { column, .. }
            | Self::StartsWith { column, .. } => columns.push(*column),
        }
    }
}

/// What is made of secret columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum AggregateFunction {
    /// `enc_sum(x)`
    #[n(0)]
    Sum,
    /// `enc_avg(x)`
    #[n(1)]
    Average,
    /// `enc_var(x)`
    #[n(2)]
    Variance,
    /// `enc_stddev(x)`
    #[n(3)]
    StandardDeviation,
    /// `enc_cov(x, y)`
    #[n(4)]
    Covariance,
    /// `enc_corr(x, y)`
    #[n(5)]
    Correlation,
    /// `enc_linreg(y, x…)`
    #[n(6)]
    LinearRegression,
    /// `enc_ridge(λ, y, x…)`
    #[n(7)]
    RidgeRegression,
}

impl AggregateFunction {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Sum,
        Self::Average,
        Self::Variance,
        Self::StandardDeviation,
        Self::Covariance,
        Self::Correlation,
        Self::LinearRegression,
        Self::RidgeRegression,
    ];

    /// Its name in SQL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sum => "enc_sum",
            Self::Average => "enc_avg",
            Self::Variance => "enc_var",
            Self::StandardDeviation => "enc_stddev",
            Self::Covariance => "enc_cov",
            Self::Correlation => "enc_corr",
            Self::LinearRegression => "enc_linreg",
            Self::RidgeRegression => "enc_ridge",
        }
    }

    /// Whether it fits a model of its first column.
    pub const fn is_regression(self) -> bool {
        matches!(self, Self::LinearRegression | Self::RidgeRegression)
    }

    /// Whether it can be had from sums of the columns themselves, without their products.
    pub const fn is_linear(self) -> bool {
        matches!(self, Self::Sum | Self::Average)
    }
}

/// An aggregate of secret columns of the first table.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Aggregate {
    /// What is made.
    #[n(0)]
    pub function: AggregateFunction,
    /// The sealed set whose ciphertexts are added, by its place in the schema. It decides which rows count: those
    /// that are complete in the set.
    #[n(1)]
    pub set: u16,
    /// Places of the columns in the schema, in the order of the query; the target of a regression first.
    #[n(2)]
    pub columns: Vec<u16>,
    /// λ of a ridge regression, a decimal that is not negative: λ Σ βᵢ² is added to the sum of squares. `None` for all
    /// others.
    #[n(3)]
    pub penalty: Option<Cell>,
}

/// One column of the result.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Output {
    /// A key, by its place in [`Query::keys`].
    #[n(0)]
    Key(#[n(0)] u16),
    /// How many rows the group has.
    #[n(1)]
    Count,
    /// An aggregate of secret columns.
    #[n(2)]
    Aggregate(#[n(0)] Aggregate),
}

/// What groups are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum OrderKey {
    /// A key, by its place in [`Query::keys`].
    #[n(0)]
    Key(#[n(0)] u16),
    /// The number of rows.
    #[n(1)]
    Count,
}

/// One step of an order. Missing keys come first, or last where it descends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Order {
    /// By what.
    #[n(0)]
    pub by: OrderKey,
    /// Greatest first.
    #[n(1)]
    pub descending: bool,
}

/// A query over sealed tables.
///
/// [`Query::from_bytes`] and [`crate::parse`] are the ways to a checked one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Query {
    /// The tables; rows of the first are aggregated.
    #[n(0)]
    pub tables: Vec<QueryTable>,
    /// One join for each table after the first.
    #[n(1)]
    pub joins: Vec<Join>,
    /// Which rows are taken; all without it.
    #[n(2)]
    pub condition: Option<Condition>,
    /// GROUP BY: open and token columns. Without any, all rows are one group.
    #[n(3)]
    pub keys: Vec<ColumnRef>,
    /// The result's columns.
    #[n(4)]
    pub outputs: Vec<Output>,
    /// ORDER BY; groups that are equal in it are in ascending order of their keys.
    #[n(5)]
    pub order: Vec<Order>,
    /// LIMIT: the most groups of the answer, counted after small ones were left out.
    #[n(6)]
    pub limit: Option<u64>,
    /// AS: a name for each column of the result, where the query gives one; `None` where it gives none at all.
    #[n(7)]
    pub names: Option<Vec<Option<String>>>,
}

impl Query {
    /// Reads a query and checks it against the granted tables.
    ///
    /// # Errors
    /// [`QueryRefusal`] names what is not canonical, not granted or not allowed.
    pub fn from_bytes(bytes: &[u8], catalog: &Catalog) -> Result<Self, QueryRefusal> {
        let query = Self::decode(bytes)?;
        query.check(catalog)?;
        Ok(query)
    }

    /// Reads a query for whoever must see the names of its tables to know what to check it against. Nothing may be done
    /// with it before [`Query::check`].
    ///
    /// # Errors
    /// [`QueryRefusal`] names what is not canonical.
    pub fn decode(bytes: &[u8]) -> Result<Self, QueryRefusal> {
        check_depth(bytes)?;
        Ok(wire::decode("query", bytes)?)
    }

    /// Its canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// What job and evidence call it by.
    pub fn digest(&self) -> Digest {
        Digest::derive(DIGEST_CONTEXT, &self.to_bytes())
    }

    /// The sealed sets of the first table whose ciphertexts it needs, ascending, each once.
    pub fn sets(&self) -> Vec<u16> {
        let mut sets: Vec<u16> = self.aggregates().map(|aggregate| aggregate.set).collect();
        sets.sort_unstable();
        sets.dedup();
        sets
    }

    /// The open and token columns of one of its tables that conditions, keys and joins name: ascending, each once.
    pub(crate) fn clear_columns(&self, table: u16) -> Vec<u16> {
        let joins = self.joins.iter().flat_map(|join| [join.earlier, join.own]);
        let mut columns: Vec<ColumnRef> = self.keys.iter().copied().chain(joins).collect();
        if let Some(condition) = &self.condition {
            condition.add_columns(&mut columns);
        }
        let own = columns.into_iter().filter(|column| column.table == table).map(|column| column.column);
        own.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The names of the result's columns: those that AS gives, else what was asked, e.g. `ward` or `enc_avg(los)`.
    /// `schemas` are those of the query's tables.
    pub fn column_names(&self, schemas: &[&TableSchema]) -> Vec<String> {
        let given = |place: usize| self.names.as_ref().and_then(|names| names.get(place)?.clone());
        let outputs = self.outputs.iter().enumerate();
        outputs.map(|(place, output)| given(place).unwrap_or_else(|| self.name_of(output, schemas))).collect()
    }

    fn name_of(&self, output: &Output, schemas: &[&TableSchema]) -> String {
        let column = |at: ColumnRef| {
            let column =
                schemas.get(usize::from(at.table)).and_then(|it| it.columns.get(usize::from(at.column)));
            column.map_or("?", |column| column.name.as_str())
        };
        match output {
            Output::Key(place) => {
                self.keys.get(usize::from(*place)).map_or("?", |key| column(*key)).to_owned()
            }
            Output::Count => "count(*)".to_owned(),
            Output::Aggregate(aggregate) => {
                let columns = aggregate.columns.iter().map(|at| column(ColumnRef { table: 0, column: *at }));
                let penalty = aggregate.penalty.iter().map(Cell::to_string);
                let all = penalty.chain(columns.map(str::to_owned)).collect::<Vec<_>>().join(", ");
                format!("{}({all})", aggregate.function.name())
            }
        }
    }

    /// Its aggregates of secret columns, in the order of the result.
    pub fn aggregates(&self) -> impl Iterator<Item = &Aggregate> {
        self.outputs.iter().filter_map(|output| match output {
            Output::Aggregate(aggregate) => Some(aggregate),
            Output::Key(_) | Output::Count => None,
        })
    }
}

/// Arrays within arrays that a query of the deepest allowed conditions has: three for each level of conditions, and what
/// stands around and below them.
const DEEPEST_ARRAYS: usize = 3 * crate::limits::DEEPEST_NESTING + 16;

/// Refuses bytes that would nest the decoder deeper than any allowed query does.
fn check_depth(bytes: &[u8]) -> Result<(), QueryRefusal> {
    let malformed = |_| QueryRefusal::Malformed("its bytes are not CBOR");
    let mut decoder = minicbor::Decoder::new(bytes);
    let mut open: Vec<u64> = vec![1];
    while let Some(left) = open.last_mut() {
        if *left == 0 {
            open.pop();
            continue;
        }
        *left -= 1;
        if decoder.datatype().map_err(malformed)? == minicbor::data::Type::Array {
            let length = decoder.array().map_err(malformed)?;
            open.push(length.ok_or(QueryRefusal::Malformed("an array has no length"))?);
        } else {
            decoder.skip().map_err(malformed)?;
        }
        if open.len() > DEEPEST_ARRAYS {
            return Err(QueryRefusal::TooLarge {
                what: "levels of conditions",
                most: crate::limits::DEEPEST_NESTING,
            });
        }
    }
    Ok(())
}
