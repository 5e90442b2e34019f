//! A database of one query: one row of each kind, filled once, and read only from then on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, ErrorCode, ToSql, params_from_iter};

use super::EngineLimits;
use super::statement;
use crate::clear::{Cell, ClearTable};
use crate::limits::{MOST_TABLES, MOST_VALUES};
use crate::query::Query;
use crate::selection::EngineError;

/// How often the machine's steps are counted.
const STEPS_BETWEEN_CHECKS: i32 = 1_000;

/// A table as a query sees it.
pub(super) struct Seen<'a> {
    /// The table.
    pub(super) table: &'a ClearTable,
    /// The columns that the query names, by their places in the schema.
    pub(super) columns: Vec<u16>,
    /// The rows to look at.
    pub(super) rows: &'a [u32],
}

/// The database.
pub(super) struct Database {
    pub(super) connection: Connection,
    limits: EngineLimits,
    start: Instant,
}

impl Database {
    /// Fills it. Time counts from here.
    ///
    /// # Errors
    /// [`EngineError::Internal`].
    pub(super) fn build(tables: &[Seen<'_>], limits: EngineLimits) -> Result<Self, EngineError> {
        let start = Instant::now();
        let mut connection = Connection::open_in_memory().map_err(internal)?;
        // What SQLite sets aside must not land in files: open columns are still patients' data.
        connection.pragma_update(None, "temp_store", "MEMORY").map_err(internal)?;
        for (place, seen) in tables.iter().enumerate() {
            load(&mut connection, place, seen)?;
        }
        seal(&connection)?;
        Ok(Self { connection, limits, start })
    }

    /// Hands on what the query finds: for each hit the places, among the rows to look at, of each table's row.
    ///
    /// # Errors
    /// [`EngineError::Steps`], [`EngineError::Time`], [`EngineError::Internal`].
    pub(super) fn find(&self, query: &Query, mut hit: impl FnMut(&[usize])) -> Result<(), EngineError> {
        let (sql, values) = statement::of(query);
        let steps = self.watch()?;
        let explain = |error: rusqlite::Error| self.explain(&error, &steps);
        let mut statement = self.connection.prepare(&sql).map_err(explain)?;
        let mut found = statement.query(params_from_iter(values)).map_err(explain)?;
        let mut places = vec![0; query.tables.len()];
        while let Some(row) = found.next().map_err(explain)? {
            for (at, place) in places.iter_mut().enumerate() {
                *place = row.get::<_, i64>(at).map_err(internal)?.unsigned_abs() as usize;
            }
            hit(&places);
        }
        Ok(())
    }

    /// Counts steps and time; the counter is for the message.
    fn watch(&self) -> Result<Arc<AtomicU64>, EngineError> {
        let counter = Arc::new(AtomicU64::new(0));
        let (steps, limits, start) = (Arc::clone(&counter), self.limits, self.start);
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

fn load(connection: &mut Connection, place: usize, seen: &Seen<'_>) -> Result<(), EngineError> {
    let cells: Vec<&[Cell]> = seen.columns.iter().filter_map(|column| seen.table.cells(*column)).collect();
    let transaction = connection.transaction().map_err(internal)?;
    transaction.execute_batch(&statement::create_table(place, &seen.columns)).map_err(internal)?;
    {
        let mut insert =
            transaction.prepare(&statement::insert(place, seen.columns.len())).map_err(internal)?;
        for (number, row) in (0i64..).zip(seen.rows) {
            insert.raw_bind_parameter(1, number).map_err(internal)?;
            for (at, cells) in cells.iter().enumerate() {
                insert.raw_bind_parameter(at + 2, &cells[*row as usize]).map_err(internal)?;
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
