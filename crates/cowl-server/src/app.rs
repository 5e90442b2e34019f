//! What all handlers share.

use std::sync::Arc;

use cowl_api::service::Metrics;
use cowl_crypto::id::random_bytes;
use cowl_domain::Timestamp;
use cowl_store::{Act, Ledger, PartStore};

use crate::clock::Clock;
use crate::config::ServerConfig;
use crate::log::Log;
use crate::proofs::ProofCache;
use crate::secrets::Secrets;
use crate::tables::Runner;
use crate::uploads::UploadMemory;

/// The state of a process. Nothing in it outlives the process or is needed by another.
pub(crate) struct App {
    pub(crate) config: ServerConfig,
    pub(crate) ledger: Ledger,
    pub(crate) parts: PartStore,
    pub(crate) secrets: Secrets,
    pub(crate) log: Log,
    pub(crate) proofs: ProofCache,
    pub(crate) uploads: UploadMemory,
    pub(crate) runner: Runner,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
}

pub(crate) type Shared = Arc<App>;

impl App {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Something that happens now, with fresh randomness for its log leaves.
    pub(crate) fn act(&self) -> Act {
        Act::new(self.now(), random_bytes())
    }
}
