//! SQLite finds the rows: a database in memory of open and token columns, built anew whenever it is wanted, and read
//! only once it stands.
//!
//! Nothing of the asker's text reaches it. Statements are made here of column places ([`statement`]), and values are
//! bound. What must not happen is denied nevertheless: after the build an authorizer lets statements select and read
//! the loaded tables, and nothing else (<https://sqlite.org/c3ref/set_authorizer.html>); limits bound statements, steps
//! and time (<https://sqlite.org/security.html>).

mod statement;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cowl_crypto::digest::Digest;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, ErrorCode, ToSql, params_from_iter};

use crate::clear::{Cell, ClearTable};
use crate::limits::{MOST_TABLES, MOST_VALUES};
use crate::query::{Query, QueryTable};
use crate::selection::{EngineError, Grouping, Selection, SelectionEngine};

/// How often the machine's steps are counted.
const STEPS_BETWEEN_CHECKS: i32 = 1_000;

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

/// The tables of a grant in a database of their own.
pub struct SqliteEngine {
    connection: Connection,
    tables: Vec<(Digest, Arc<ClearTable>)>,
    limits: EngineLimits,
}

impl SqliteEngine {
    /// Loads tables.
    ///
    /// # Errors
    /// [`EngineError::TooLarge`], [`EngineError::Internal`].
    pub fn build(tables: Vec<Arc<ClearTable>>, limits: EngineLimits) -> Result<Self, EngineError> {
        let bytes: u64 = tables.iter().map(|table| weight(table)).sum();
        if bytes > limits.bytes {
            return Err(EngineError::TooLarge {
                what: "bytes of open and token columns",
                most: limits.bytes,
            });
        }
        let mut connection = Connection::open_in_memory().map_err(internal)?;
        // What SQLite sets aside must not land in files: open columns are still patients' data.
        connection.pragma_update(None, "temp_store", "MEMORY").map_err(internal)?;
        for (place, table) in tables.iter().enumerate() {
            load(&mut connection, place, table)?;
        }
        seal(&connection)?;
        let tables = tables.into_iter().map(|it| (Digest::of(&it.schema().to_bytes()), it)).collect();
        Ok(Self { connection, tables, limits })
    }

    fn place_of(&self, wanted: &QueryTable) -> Result<usize, EngineError> {
        let is_wanted = |(schema, table): &(Digest, Arc<ClearTable>)| {
            *schema == wanted.schema && table.name() == wanted.name
        };
        let missing = || EngineError::MissingTable(wanted.name.clone());
        self.tables.iter().position(is_wanted).ok_or_else(missing)
    }

    /// Counts steps and time for one query; the counter is for the message.
    fn watch(&self) -> Result<Arc<AtomicU64>, EngineError> {
        let counter = Arc::new(AtomicU64::new(0));
        let (steps, limits, start) = (Arc::clone(&counter), self.limits, Instant::now());
        let handler = move || {
            let so_far = steps.fetch_add(STEPS_BETWEEN_CHECKS.unsigned_abs().into(), Ordering::Relaxed);
            so_far >= limits.steps || start.elapsed() > limits.time
        };
        self.connection.progress_handler(STEPS_BETWEEN_CHECKS, Some(handler)).map_err(internal)?;
        Ok(counter)
    }

    fn explain(&self, error: &rusqlite::Error, steps: &AtomicU64) -> EngineError {
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) if steps.load(Ordering::Relaxed) > self.limits.steps => {
                EngineError::Steps { most: self.limits.steps }
            }
            Some(ErrorCode::OperationInterrupted) => EngineError::Time { most: self.limits.time },
            _ => EngineError::Internal(error.to_string()),
        }
    }
}

impl SelectionEngine for SqliteEngine {
    fn select(&self, query: &Query) -> Result<Selection, EngineError> {
        let places = query.tables.iter().map(|it| self.place_of(it)).collect::<Result<Vec<_>, _>>()?;
        let tables: Vec<&ClearTable> = places.iter().map(|place| self.tables[*place].1.as_ref()).collect();
        refuse_multiplying_joins(query, &tables)?;
        let (sql, values) = statement::of(query, &places);
        let steps = self.watch()?;
        let explain = |error: rusqlite::Error| self.explain(&error, &steps);
        let mut statement = self.connection.prepare(&sql).map_err(explain)?;
        let mut found = statement.query(params_from_iter(values)).map_err(explain)?;
        let (mut grouping, mut rows) = (Grouping::new(query, &tables), vec![0; places.len()]);
        while let Some(row) = found.next().map_err(explain)? {
            for (at, number) in rows.iter_mut().enumerate() {
                *number = row.get::<_, i64>(at).map_err(internal)?.unsigned_abs();
            }
            grouping.take(&rows);
        }
        Ok(grouping.finish())
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

fn load(connection: &mut Connection, place: usize, table: &ClearTable) -> Result<(), EngineError> {
    let transaction = connection.transaction().map_err(internal)?;
    transaction.execute_batch(&statement::create_table(place, table)).map_err(internal)?;
    {
        let mut insert = transaction.prepare(&statement::insert(place, table)).map_err(internal)?;
        for row in 0..table.schema().rows as usize {
            insert.raw_bind_parameter(1, row as i64).map_err(internal)?;
            for (at, column) in table.columns().iter().enumerate() {
                insert.raw_bind_parameter(at + 2, &column.cells[row]).map_err(internal)?;
            }
            insert.raw_execute().map_err(internal)?;
        }
    }
    transaction.commit().map_err(internal)
}

/// Nothing but reading from here on.
fn seal(connection: &Connection) -> Result<(), EngineError> {
    let variables = i32::try_from(MOST_VALUES * 2).expect("a small constant");
    let tables = i32::try_from(MOST_TABLES).expect("a small constant");
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 1),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, 3),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 1_000),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 256 * 1024),
        (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, variables),
        (Limit::SQLITE_LIMIT_COLUMN, tables.max(2_000)),
    ] {
        connection.set_limit(limit, most).map_err(internal)?;
    }
    connection.pragma_update(None, "query_only", "ON").map_err(internal)?;
    connection.authorizer(Some(authorize)).map_err(internal)
}

fn authorize(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select => Authorization::Allow,
        AuthAction::Read { table_name, .. } if statement::is_table(table_name) => Authorization::Allow,
        AuthAction::Function { function_name: "substr" } => Authorization::Allow,
        _ => Authorization::Deny,
    }
}

fn internal(error: rusqlite::Error) -> EngineError {
    EngineError::Internal(error.to_string())
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Integer(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Self::Decimal { mantissa, decimals } => {
                ToSqlOutput::Owned(Value::Real(Self::as_float(*mantissa, *decimals)))
            }
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Token(token) => ToSqlOutput::Borrowed(ValueRef::Blob(token)),
        })
    }
}
