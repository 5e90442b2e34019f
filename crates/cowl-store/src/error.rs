//! What can go wrong, by whose fault.

use thiserror::Error;

/// Why the store did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Not there, or not the caller's: the two cannot be told apart.
    #[error("not found")]
    NotFound,
    /// Somebody was faster, or the caller's view is stale. Look again, then try again.
    #[error("the {what} has changed meanwhile or is taken")]
    Conflict {
        /// What stands in the way, e.g. `record head`.
        what: &'static str,
    },
    /// The caller asks for something that does not fit together, however often it is tried.
    #[error("refused: {reason}")]
    Refused {
        /// Why.
        reason: &'static str,
    },
    /// The caller's account has no room.
    #[error("{asked} more bytes do not fit: {used} of {quota} are in use")]
    QuotaExceeded {
        /// Bytes stored.
        used: u64,
        /// Bytes allowed.
        quota: u64,
        /// Bytes that were to be added.
        asked: u64,
    },
    /// The disk under the store is full. Nothing of what was asked has taken effect.
    #[error("no space is left for the {what}")]
    Full {
        /// `database` or `part store`.
        what: &'static str,
    },
    /// The database or the part store does not answer. Nothing of what was asked has been acknowledged.
    #[error("the {what} is not available: {detail}")]
    Unavailable {
        /// `database` or `part store`.
        what: &'static str,
        /// What the driver said.
        detail: String,
    },
    /// The database broke a transaction off for the sake of others, again and again. Nothing of what was
    /// asked has taken effect.
    #[error("the {what} is too busy: it broke this off for others")]
    Contended {
        /// `database`.
        what: &'static str,
    },
    /// The database has no ledger yet, or an older one.
    #[error("the ledger has schema version {found}, this program needs {known}: run the migration")]
    NotMigrated {
        /// Version in the database; 0 for none.
        found: u64,
        /// Version of this program.
        known: u64,
    },
    /// A newer program has migrated the database.
    #[error("the ledger has schema version {found}, this program knows only {known}: use the newer program")]
    NewerSchema {
        /// Version in the database.
        found: u64,
        /// Version of this program.
        known: u64,
    },
    /// The configuration does not describe a store.
    #[error("configuration of the {what}: {detail}")]
    Config {
        /// `database` or `part store`.
        what: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// What is stored is not what was put there: damage, or a defect of this program.
    #[error("damaged: {what}")]
    Corrupt {
        /// What, e.g. a column or a pack.
        what: String,
    },
}

impl StoreError {
    /// Whether trying the same again later may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Full { .. } | Self::Contended { .. })
    }
}

pub(crate) type Result<T, E = StoreError> = std::result::Result<T, E>;

const DATABASE: &str = "database";

/// SQLITE_FULL; PostgreSQL `disk_full`.
const DISK_FULL: [&str; 2] = ["13", "53100"];

/// PostgreSQL `serialization_failure` and `deadlock_detected`; SQLITE_BUSY and SQLITE_LOCKED with their kinds.
const BROKEN_OFF: [&str; 8] = ["40001", "40P01", "5", "261", "517", "773", "6", "262"];

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        match error {
            E::Database(e) if e.code().is_some_and(|code| DISK_FULL.contains(&code.as_ref())) => {
                Self::Full { what: DATABASE }
            }
            E::Database(e) if e.code().is_some_and(|code| BROKEN_OFF.contains(&code.as_ref())) => {
                Self::Contended { what: DATABASE }
            }
            E::ColumnDecode { .. } | E::ColumnNotFound(_) | E::Decode(_) | E::TypeNotFound { .. } => {
                Self::Corrupt { what: error.to_string() }
            }
            E::Configuration(e) => Self::Config { what: DATABASE, detail: e.to_string() },
            other => Self::Unavailable { what: DATABASE, detail: other.to_string() },
        }
    }
}
