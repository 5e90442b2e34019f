//! Engines of tables that were asked about lately: the next query over the same tables finds them built.

use std::sync::{Mutex, PoisonError};

use cowl_query::SqliteEngine;

use super::version::TableVersion;

/// Which tables an engine holds, and the name of each in the query.
pub(super) type EngineKey = Vec<(TableVersion, String)>;

/// Engines that nobody uses at the moment, those used longest ago first.
pub(super) struct Engines {
    most: u64,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    key: EngineKey,
    bytes: u64,
    engine: SqliteEngine,
}

impl Engines {
    /// Keeps engines of about so many bytes together.
    pub(super) fn new(most: u64) -> Self {
        Self { most, idle: Mutex::default() }
    }

    /// An engine of these tables, for the caller alone.
    pub(super) fn take(&self, key: &EngineKey) -> Option<SqliteEngine> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let place = idle.iter().rposition(|one| one.key == *key)?;
        Some(idle.remove(place).engine)
    }

    /// The tables of all that is kept.
    pub(super) fn versions(&self) -> Vec<TableVersion> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.iter().flat_map(|one| one.key.iter().map(|(version, _)| *version)).collect()
    }

    /// Lets go of what holds this table.
    pub(super) fn forget(&self, version: &TableVersion) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|one| one.key.iter().all(|(held, _)| held != version));
    }

    /// Keeps an engine of about so many bytes, if need be in the place of older ones.
    pub(super) fn put(&self, key: EngineKey, bytes: u64, engine: SqliteEngine) {
        if bytes > self.most {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(Idle { key, bytes, engine });
        let mut total: u64 = idle.iter().map(|one| one.bytes).sum();
        while total > self.most {
            total -= idle.remove(0).bytes;
        }
    }
}
