//! What computing may cost.

use std::path::PathBuf;
use std::time::Duration;

use cowl_query::EngineLimits;
use serde::Deserialize;

use super::ConfigError;

const GIB: u64 = 1024 * 1024 * 1024;

/// Computations on sealed tables.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ComputePolicy {
    /// Folder for tables that have been put together from their parts; it can be emptied at any time. Default: `tables`
    /// in the data folder.
    pub folder: Option<PathBuf>,
    /// Most bytes of them. A larger table is not computed on. Default: 32 GiB.
    pub cache_bytes: u64,
    /// Computations at once; each uses all cores. Default: 2.
    pub at_once: usize,
    /// Computations that may wait for those before them. Default: 32.
    pub queue: usize,
    /// Jobs of one party that may wait for their owners' consent. Default: 100.
    pub most_waiting: u32,
    /// Most seconds for finding the rows of one query. Default: 60.
    pub selection_seconds: u64,
    /// Most steps of the machine that finds them. Default: 2,000,000,000.
    pub selection_steps: u64,
    /// Most bytes of open and token columns in memory for one query. Default: 4 GiB.
    pub selection_bytes: u64,
    /// Most bytes of them, about, that stay in memory for queries to come. Default: 1 GiB.
    pub engine_bytes: u64,
}

impl Default for ComputePolicy {
    fn default() -> Self {
        Self {
            folder: None,
            cache_bytes: 32 * GIB,
            at_once: 2,
            queue: 32,
            most_waiting: 100,
            selection_seconds: 60,
            selection_steps: 2_000_000_000,
            selection_bytes: 4 * GIB,
            engine_bytes: GIB,
        }
    }
}

impl ComputePolicy {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        // More permits than a semaphore has are no bound at all.
        if (1..=1024).contains(&self.at_once) {
            Ok(())
        } else {
            Err(ConfigError::Unsound("compute.at_once must be 1 to 1024".into()))
        }
    }

    pub(crate) fn engine(&self) -> EngineLimits {
        EngineLimits {
            steps: self.selection_steps,
            time: Duration::from_secs(self.selection_seconds),
            bytes: self.selection_bytes,
        }
    }
}
