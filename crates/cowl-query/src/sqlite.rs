//! SQLite finds the rows: for each query a database in memory, of the columns that the query names and one row of each
//! kind ([`kinds`]), read only once it stands ([`database`]).
//!
//! Nothing of the asker's text reaches it. Statements are made here of column places ([`statement`]), and values are
//! bound. What must not happen is denied nevertheless: after the build an authorizer lets statements select and read
//! the loaded tables, and nothing else (<https://sqlite.org/c3ref/set_authorizer.html>); limits bound statements, steps
//! and time (<https://sqlite.org/security.html>).

mod database;
mod kinds;
mod statement;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use cowl_crypto::digest::Digest;

use crate::clear::{Cell, ClearTable};
use crate::query::{Query, QueryTable};
use crate::selection::{EngineError, Grouping, Selection, SelectionEngine};
use database::{Database, Seen};
use kinds::{Kinds, TableCodes};

/// What an engine may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineLimits {
    /// The most steps of SQLite's virtual machine in one query; counted in thousands.
    pub steps: u64,
    /// The longest time for one query.
    pub time: Duration,
    /// The most bytes of all cells together.
    pub bytes: u64,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self { steps: 2_000_000_000, time: Duration::from_secs(60), bytes: 4 << 30 }
    }
}

/// The tables of a grant, ready for queries. Many may ask at once.
pub struct SqliteEngine {
    tables: Vec<Loaded>,
    limits: EngineLimits,
}

struct Loaded {
    schema: Digest,
    table: Arc<ClearTable>,
    codes: TableCodes,
}

impl SqliteEngine {
    /// Loads tables.
    ///
    /// # Errors
    /// [`EngineError::TooLarge`].
    pub fn build(tables: Vec<Arc<ClearTable>>, limits: EngineLimits) -> Result<Self, EngineError> {
        let bytes: u64 = tables.iter().map(|table| weight(table)).sum();
        if bytes > limits.bytes {
            return Err(EngineError::TooLarge {
                what: "bytes of open and token columns",
                most: limits.bytes,
            });
        }
        let tables = tables.into_iter().map(Loaded::new).collect::<Result<_, _>>()?;
        Ok(Self { tables, limits })
    }

    fn loaded(&self, wanted: &QueryTable) -> Result<&Loaded, EngineError> {
        let is_wanted =
            |loaded: &&Loaded| loaded.schema == wanted.schema && loaded.table.name() == wanted.name;
        let missing = || EngineError::MissingTable(wanted.name.clone());
        self.tables.iter().find(is_wanted).ok_or_else(missing)
    }
}

impl Loaded {
    fn new(table: Arc<ClearTable>) -> Result<Self, EngineError> {
        const MOST_ROWS: u64 = u32::MAX as u64;
        if table.schema().rows > MOST_ROWS {
            return Err(EngineError::TooLarge { what: "rows", most: MOST_ROWS });
        }
        let codes = TableCodes::of(&table);
        Ok(Self { schema: Digest::of(&table.schema().to_bytes()), table, codes })
    }
}

impl SelectionEngine for SqliteEngine {
    fn select(&self, query: &Query) -> Result<Selection, EngineError> {
        let loaded = query.tables.iter().map(|it| self.loaded(it)).collect::<Result<Vec<_>, _>>()?;
        let tables: Vec<&ClearTable> = loaded.iter().map(|it| it.table.as_ref()).collect();
        refuse_multiplying_joins(query, &tables)?;
        let columns: Vec<Vec<u16>> = (0..).zip(&tables).map(|(at, _)| query.clear_columns(at)).collect();
        let kinds: Vec<Kinds> = loaded.iter().zip(&columns).map(|(it, at)| it.codes.kinds(at)).collect();
        let seen = tables.iter().zip(columns).zip(&kinds);
        let seen: Vec<Seen<'_>> =
            seen.map(|((table, columns), kinds)| Seen { table, columns, rows: &kinds.first }).collect();
        let database = Database::build(&seen, self.limits)?;
        let mut grouping = Grouping::new(query, &tables, kinds[0].first.len());
        let mut rows = vec![0; kinds.len()];
        database.find(query, |places| {
            for ((row, place), kinds) in rows.iter_mut().zip(places).zip(&kinds) {
                *row = kinds.first[*place] as usize;
            }
            grouping.take(places[0], &rows);
        })?;
        Ok(grouping.finish(&kinds[0].of_rows))
    }
}

/// A row is taken at most once: what is joined has each token once.
fn refuse_multiplying_joins(query: &Query, tables: &[&ClearTable]) -> Result<(), EngineError> {
    for join in &query.joins {
        let table = tables[usize::from(join.own.table)];
        if !table.is_unique(join.own.column) {
            let column = table.schema().columns[usize::from(join.own.column)].name.clone();
            return Err(EngineError::RowMultiplyingJoin { table: table.name().to_owned(), column });
        }
    }
    Ok(())
}

fn weight(table: &ClearTable) -> u64 {
    let cell = |cell: &Cell| match cell {
        Cell::Text(text) => text.len() as u64,
        Cell::Token(token) => token.len() as u64,
        Cell::Null | Cell::Integer(_) | Cell::Decimal { .. } => 8,
    };
    table.columns().iter().flat_map(|column| &column.cells).map(cell).sum()
}
