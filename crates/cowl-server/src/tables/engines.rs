//! Engines of tables that were asked about lately: the next query over the same tables finds them built.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cowl_query::SqliteEngine;

use super::version::TableVersion;

/// Which tables an engine holds, and the name of each in the query.
pub(super) type EngineKey = Vec<(TableVersion, String)>;

/// Engines, those used longest ago first.
pub(super) struct Engines {
    most: u64,
    kept: Mutex<Vec<Kept>>,
}

struct Kept {
    key: EngineKey,
    bytes: u64,
    engine: Arc<SqliteEngine>,
}

impl Engines {
    /// Keeps engines of about so many bytes together.
    pub(super) fn new(most: u64) -> Self {
        Self { most, kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The engine of these tables.
    pub(super) fn get(&self, key: &EngineKey) -> Option<Arc<SqliteEngine>> {
        let mut kept = self.kept();
        let place = kept.iter().position(|one| one.key == *key)?;
        let used = kept.remove(place);
        let engine = Arc::clone(&used.engine);
        kept.push(used);
        Some(engine)
    }

    /// The tables of all that is kept.
    pub(super) fn versions(&self) -> Vec<TableVersion> {
        self.kept().iter().flat_map(|one| one.key.iter().map(|(version, _)| *version)).collect()
    }

    /// Lets go of what holds this table.
    pub(super) fn forget(&self, version: &TableVersion) {
        self.kept().retain(|one| one.key.iter().all(|(held, _)| held != version));
    }

    /// Keeps an engine of about so many bytes, if need be in the place of older ones.
    pub(super) fn put(&self, key: EngineKey, bytes: u64, engine: Arc<SqliteEngine>) {
        let mut kept = self.kept();
        if bytes > self.most || kept.iter().any(|one| one.key == key) {
            return;
        }
        kept.push(Kept { key, bytes, engine });
        let mut total: u64 = kept.iter().map(|one| one.bytes).sum();
        while total > self.most {
            total -= kept.remove(0).bytes;
        }
    }
}
