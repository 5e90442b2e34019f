//! Connections and transactions of the two databases.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{Any, AnyConnectOptions, AnyPoolOptions};
use sqlx::pool::PoolConnection;
use sqlx::{AnyConnection, AnyPool, Executor, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::heads::Heads;
use super::sql::{args, optional, sql};
use crate::config::DatabaseConfig;
use crate::error::{Result, StoreError};

/// The two databases, where they differ: types, locks, pragmas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// A handle to the ledger's database; clones share its connections.
#[derive(Clone)]
pub struct Ledger {
    pool: AnyPool,
    dialect: Dialect,
    // SQLite lets waiting writers poll, in no order. Within this process they queue here instead.
    turn: Arc<Mutex<()>>,
    pub(crate) heads: Arc<Heads>,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("dialect", &self.dialect).finish_non_exhaustive()
    }
}

impl Ledger {
    /// Connects. Whether the schema fits is asked by [`Ledger::check_schema`].
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Config`].
    pub async fn connect(config: &DatabaseConfig) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let (dialect, url) = match config {
            DatabaseConfig::Sqlite { path } => (Dialect::Sqlite, sqlite_url(path)?),
            DatabaseConfig::Postgres { url } => (Dialect::Postgres, url.clone()),
        };
        let options = AnyConnectOptions::from_str(&url).map_err(|_| not_a_url())?;
        let pool = pool_options(dialect).connect_with(options).await?;
        Ok(Self { pool, dialect, turn: Arc::new(Mutex::new(())), heads: Arc::default() })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ping(&self) -> Result<()> {
        let mut on = self.reader().await?;
        optional(&mut on, sql!("connection.ping", "SELECT 1"), args![]).await?;
        Ok(())
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// A connection for statements that change nothing, or for one that stands alone.
    pub(crate) async fn reader(&self) -> Result<PoolConnection<Any>> {
        Ok(self.pool.acquire().await?)
    }

    /// Begins a transaction that will write.
    pub(crate) async fn begin(&self) -> Result<Work> {
        match self.dialect {
            Dialect::Sqlite => {
                let turn = Arc::clone(&self.turn).lock_owned().await;
                Ok(Work { transaction: self.begin_immediate().await?, _turn: Some(turn) })
            }
            Dialect::Postgres => Ok(Work { transaction: self.pool.begin().await?, _turn: None }),
        }
    }

    /// Begins a transaction that holds the write lock from the start: a deferred one that reads first could
    /// fail when it comes to write.
    ///
    /// On a full disk SQLite itself ends a transaction, and sqlx goes on counting it as open. Such a
    /// connection begins nothing any more. Which one it is the pool does not tell, so one after another is
    /// closed until it is gone.
    async fn begin_immediate(&self) -> Result<Transaction<'static, Any>> {
        for _ in 0..CLOSED_AT_MOST {
            match self.pool.begin_with(BEGIN).await {
                Err(sqlx::Error::InvalidSavePointStatement) => self.pool.acquire().await?.close().await?,
                begun => return Ok(begun?),
            }
        }
        Ok(self.pool.begin_with(BEGIN).await?)
    }
}

/// More than a pool has.
const CLOSED_AT_MOST: usize = 64;
const BEGIN: &str = "BEGIN IMMEDIATE";

/// A running transaction; dropped without [`Work::commit`] it leaves nothing behind.
pub(crate) struct Work {
    // Dropped first, so that the next writer's turn comes when this one is undone.
    transaction: Transaction<'static, Any>,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Work {
    pub(crate) fn on(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }

    /// Makes it durable.
    pub(crate) async fn commit(self) -> Result<()> {
        Ok(self.transaction.commit().await?)
    }
}

/// How long a caller waits for a connection, and for a server that refuses.
const PATIENCE: Duration = Duration::from_secs(10);
/// A connection that has rested longer is asked whether it still lives before it is used: after an outage none
/// of the old ones does.
const RESTED: Duration = Duration::from_millis(100);

fn pool_options(dialect: Dialect) -> AnyPoolOptions {
    let options = AnyPoolOptions::new().acquire_timeout(PATIENCE).test_before_acquire(false);
    match dialect {
        Dialect::Sqlite => options.max_connections(6).after_connect(|connection, _| {
            Box::pin(async move { connection.execute(SQLITE_PRAGMAS).await.map(drop) })
        }),
        Dialect::Postgres => options.max_connections(16).before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > RESTED {
                    sqlx::Connection::ping(connection).await?;
                }
                Ok(true)
            })
        }),
    }
}

/// WAL with FULL makes each commit durable with one fsync.
const SQLITE_PRAGMAS: &str = "PRAGMA busy_timeout = 15000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
    PRAGMA foreign_keys = ON; PRAGMA secure_delete = FAST";

fn sqlite_url(path: &Path) -> Result<String> {
    let path = std::path::absolute(path).map_err(|e| unusable(&e))?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| unusable(&e))?;
    }
    create_private(&path).map_err(|e| unusable(&e))?;
    let bytes = path.as_os_str().as_encoded_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(byte);
    let encoded: String = bytes
        .iter()
        .map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    Ok(format!("sqlite://{encoded}?mode=rwc"))
}

/// Makes the file, readable by its owner only; SQLite gives its journal the same mode.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn unusable(error: &std::io::Error) -> StoreError {
    StoreError::Unavailable { what: "database", detail: error.to_string() }
}

/// Says nothing of the URL, which holds a password.
fn not_a_url() -> StoreError {
    StoreError::Config { what: "database", detail: "its URL is malformed".into() }
}
