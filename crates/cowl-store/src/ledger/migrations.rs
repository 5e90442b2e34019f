//! Schema versions. A migration, once released, is never edited.

use sqlx::{AssertSqlSafe, Executor};

use super::connection::{Dialect, Ledger, Work};
use super::sql::{Columns, args, execute, one, optional, sql};
use crate::error::{Result, StoreError};

/// In order; the first brings version 1.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_ledger.sql"),
    include_str!("../../migrations/0002_throttle.sql"),
    include_str!("../../migrations/0003_jobs.sql"),
];

const KNOWN: u64 = MIGRATIONS.len() as u64;

/// Names the advisory lock of migrations in PostgreSQL: "cowl".
const LOCK: i64 = 0x636f_776c;

impl Ledger {
    /// Brings the schema to this program's version. Of several processes one does it, the others wait.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`], [`StoreError::Unavailable`].
    pub async fn migrate(&self) -> Result<()> {
        let mut work = self.begin().await?;
        self.lock_schema(&mut work).await?;
        let found = version(&mut work).await?;
        refuse_newer(found)?;
        for (number, text) in (1u64..).zip(MIGRATIONS).filter(|(number, _)| *number > found) {
            tracing::info!(version = number, "migrating the ledger");
            work.on().execute(sqlx::raw_sql(AssertSqlSafe(self.dialect().spell(text)))).await?;
            execute(work.on(), RAISE, args![number]).await?;
        }
        work.commit().await
    }

    /// Whether the schema is this program's.
    ///
    /// # Errors
    /// [`StoreError::NotMigrated`], [`StoreError::NewerSchema`], [`StoreError::Unavailable`].
    pub async fn check_schema(&self) -> Result<()> {
        self.ping().await?;
        let mut on = self.reader().await?;
        // The database has just answered: what fails now is the table that is not there.
        let row = optional(&mut on, FIND, args![]).await.unwrap_or_default();
        let found = row.map_or(Ok(0), |row| row.number("version"))?;
        refuse_newer(found)?;
        if found < KNOWN { Err(StoreError::NotMigrated { found, known: KNOWN }) } else { Ok(()) }
    }

    async fn lock_schema(&self, work: &mut Work) -> Result<()> {
        // SQLite's BEGIN IMMEDIATE has locked the database already.
        if self.dialect() == Dialect::Postgres {
            one(work.on(), sql!("migrations.lock", "SELECT pg_advisory_xact_lock($1)"), args![LOCK]).await?;
        }
        Ok(())
    }
}

impl Dialect {
    /// Writes a migration in the database's own types. PostgreSQL would compare texts by locale.
    fn spell(self, text: &str) -> String {
        let words = match self {
            Self::Sqlite => ["BLOB", "INTEGER", "TEXT", "STRICT"],
            Self::Postgres => ["BYTEA", "BIGINT", "TEXT COLLATE \"C\"", ""],
        };
        let marks = ["{blob}", "{int}", "{text}", "{strict}"];
        marks.iter().zip(words).fold(text.to_owned(), |text, (mark, word)| text.replace(mark, word))
    }
}

async fn version(work: &mut Work) -> Result<u64> {
    execute(work.on(), MAKE, args![]).await?;
    execute(work.on(), BEGIN, args![]).await?;
    one(work.on(), FIND, args![]).await?.number("version")
}

fn refuse_newer(found: u64) -> Result<()> {
    if found > KNOWN { Err(StoreError::NewerSchema { found, known: KNOWN }) } else { Ok(()) }
}

const MAKE: &str = sql!(
    "migrations.make",
    "CREATE TABLE IF NOT EXISTS cowl_schema (id BIGINT PRIMARY KEY, version BIGINT NOT NULL)"
);
const BEGIN: &str =
    sql!("migrations.begin", "INSERT INTO cowl_schema (id, version) VALUES (1, 0) ON CONFLICT DO NOTHING");
const FIND: &str = sql!("migrations.find", "SELECT version FROM cowl_schema WHERE id = 1");
const RAISE: &str = sql!("migrations.raise", "UPDATE cowl_schema SET version = $1 WHERE id = 1");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_leave_no_mark_unspelled() {
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            for text in MIGRATIONS {
                let body = dialect.spell(text);
                assert!(!body.lines().any(|line| !line.starts_with("--") && line.contains('{')), "{body}");
            }
        }
    }
}
