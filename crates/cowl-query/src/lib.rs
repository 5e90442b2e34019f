//! Queries over sealed tables, as the blind cloud runs them.
//!
//! A query goes through four steps, each a module of its own:
//! 1. [`parse`]: one allow-listed `SELECT` becomes a [`Query`]; no SQL text is kept after it.
//! 2. [`Query::check`]: a query, also one that came over the wire, against the schemas of the granted tables.
//! 3. [`SelectionEngine`]: the rows of each group, found in the open and token columns alone ([`SqliteEngine`]).
//! 4. [`encrypted_sums`]: the ciphertexts of those rows multiplied modulo n², group by group.
//!
//! The opener, who holds the secret key, runs steps 2 and 3 again on its own copy of the open and token columns; the
//! results must agree row for row, because everything that orders, groups and limits is in [`Selection`], outside the
//! engines. Another engine implements [`SelectionEngine`] and passes the suite in `tests/conformance`.
//!
//! Scores of single rows go another way: a [`ScoreRequest`] by names, from which the opener makes a [`ScoreProgram`] of
//! integer weights, and [`encrypted_scores`]. [`Program`] is either, as a job carries it.
//!
//! Tables lie in files of their own format, [`parquet`].
//!
//! # What the cloud learns from a query
//! The cloud sees the query in clear: which columns are compared with which values, what is grouped by what, and which
//! aggregates of which columns are wanted. It sees the open columns and the equality pattern of the token columns
//! anyway, and so it knows which rows a query takes and how many. It learns no secret cell and no result. What a
//! pattern of selections can give away about values that are merely hashed is the subject of Naveed, Kamara and Wright,
//! "Inference attacks on property-preserving encrypted databases", CCS 2015: a token column of few and unevenly frequent
//! values is as good as open to whoever knows the frequencies. That is why WHERE, GROUP BY and joins take open and token
//! columns only, why tokens are compared for equality alone, and why a column whose pattern matters should be secret.
//!
//! # What it does not decide
//! Groups below the minimum cohort are left out here first, so that no ciphertext of them leaves; whether an answer is
//! opened is decided by the opener, with what was answered before. That the sums are those of the selected rows is
//! shown by the row tags inside the plaintexts, which the opener checks.

mod answer;
mod check;
mod clear;
mod day;
mod limits;
mod pages;
pub mod parquet;
mod parse;
mod program;
mod query;
mod refusal;
mod score;
mod scoring;
mod selection;
mod sqlite;
mod sums;

pub use answer::{Answer, EncryptedGroup, EncryptedSet};
pub use check::{Catalog, GrantedTable};
pub use clear::{Cell, ClearColumn, ClearTable, ClearTableError};
pub use day::{day_since_1970, days_since_1970};
pub use limits::{
    DEEPEST_NESTING, LONGEST_TEXT, MOST_CONDITIONS, MOST_OUTPUTS, MOST_SCORED_ROWS, MOST_TABLES, MOST_TOKENS,
    MOST_VALUES,
};
pub use pages::{CiphertextPages, PageError, PagesInMemory};
pub use parse::parse;
pub use program::{FIGURES, Program, SCORES};
pub use query::{
    Aggregate, AggregateFunction, ColumnRef, Comparison, Condition, Join, Order, OrderKey, Output, Query,
    QueryTable,
};
pub use refusal::QueryRefusal;
pub use score::{ScoreAnswer, ScoreProgram, encrypted_scores};
pub use scoring::{ScoreRequest, ScoreTerm};
pub use selection::{EngineError, Group, Released, Selection, SelectionEngine};
pub use sqlite::{EngineLimits, SqliteEngine};
pub use sums::{SumsError, encrypted_sums};
