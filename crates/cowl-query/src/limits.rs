//! How large a query may be. All of them hold for queries in SQL and for queries over the wire.

/// The most bytes of a query in SQL.
pub const LONGEST_TEXT: usize = 64 * 1024;
/// The most words, numbers and signs of a query in SQL. Bounds the depth of what the parser builds, too.
pub const MOST_TOKENS: usize = 4_000;
/// How deep conditions may nest.
pub const DEEPEST_NESTING: usize = 16;
/// The most comparisons and the like of a query.
pub const MOST_CONDITIONS: usize = 200;
/// The most values of a query's conditions, those of IN lists included.
pub const MOST_VALUES: usize = 1_000;
/// The most tables of a query.
pub const MOST_TABLES: usize = 4;
/// The most keys and aggregates of a query, and the most columns of one aggregate.
pub const MOST_OUTPUTS: usize = 128;
/// The most rows of a table that is scored: all of them come in one result.
pub const MOST_SCORED_ROWS: u64 = 250_000;
