//! Why a query is not run, in words that say what would be.

use cowl_domain::wire::WireError;

/// A query that is not allowed, by name. The asker's to mend, unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryRefusal {
    /// Larger than queries may be.
    #[error("the query has more than {most} {what}: ask in smaller queries")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        most: usize,
    },
    /// Not SQL.
    #[error("the query is not SQL that can be read: {detail}")]
    Syntax {
        /// What the parser met.
        detail: String,
    },
    /// A statement that is no SELECT.
    #[error("{statement} is not allowed: a query is one SELECT of keys and aggregates")]
    Statement {
        /// Its first word.
        statement: String,
    },
    /// A part of SQL that is left out on purpose.
    #[error("{what} is not allowed: {instead}")]
    NotAllowed {
        /// Its name.
        what: &'static str,
        /// What can be written.
        instead: &'static str,
    },
    /// A function that is none of the aggregates.
    #[error(
        "the function {name} is not allowed: there are count(*), enc_sum, enc_avg, enc_var, enc_stddev, enc_cov, \
         enc_corr, enc_linreg and enc_ridge"
    )]
    Function {
        /// Its name.
        name: String,
    },
    /// A table that was not granted, or that does not exist; the cloud does not say which.
    #[error("there is no table '{0}' among the granted ones")]
    UnknownTable(String),
    /// No such column.
    #[error("there is no column '{0}' in the tables of this query")]
    UnknownColumn(String),
    /// Two columns of one name.
    #[error("'{0}' is a column of several tables: write table.column")]
    Ambiguous(String),
    /// A column in a place where its role does not allow it.
    #[error("column '{column}' is {role}, so it cannot stand in {place}: {instead}")]
    Role {
        /// The column.
        column: String,
        /// Open, token or secret.
        role: &'static str,
        /// The clause.
        place: &'static str,
        /// What can stand there.
        instead: &'static str,
    },
    /// A value that a column cannot be compared with.
    #[error("column '{column}' cannot be compared with that: {instead}")]
    Value {
        /// The column.
        column: String,
        /// What it can be compared with.
        instead: &'static str,
    },
    /// An aggregate with too few or too many columns, or a column twice.
    #[error("{function} takes {takes}")]
    Arguments {
        /// The aggregate.
        function: &'static str,
        /// What it takes.
        takes: &'static str,
    },
    /// No sealed set from which the aggregate can be had.
    #[error(
        "{function}({columns}) cannot be had from the sealed sets of this table: its columns must be together in one \
         set of layout {layouts}"
    )]
    NoSet {
        /// The aggregate.
        function: &'static str,
        /// Its columns.
        columns: String,
        /// The layouts that would do.
        layouts: &'static str,
    },
    /// A key that is selected or ordered by, and not grouped by.
    #[error("column '{0}' is not in GROUP BY: add it there or leave it out")]
    NotGrouped(String),
    /// A query over the wire that does not hold together: its sender's fault.
    #[error("the query does not hold together: {0}")]
    Malformed(&'static str),
    /// A query over the wire that is about another version of the table.
    #[error("the query was made for another version of table '{0}': ask again")]
    OtherSchema(String),
    /// A query over the wire that is not in its canonical form.
    #[error(transparent)]
    Wire(#[from] WireError),
}

pub(crate) fn not_allowed<T>(what: &'static str, instead: &'static str) -> Result<T, QueryRefusal> {
    Err(QueryRefusal::NotAllowed { what, instead })
}
