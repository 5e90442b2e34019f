//! What the technique sees of the world, beside the ports of every job.

use std::sync::Arc;

use async_trait::async_trait;
use cowl_job::{JobItem, JobSpec, PortError};
use cowl_query::{Query, ScoreProgram};

use crate::cohort::CohortLedger;
use crate::opener::OpenerTable;

/// The blind cloud, as the opener asks it.
#[async_trait]
pub trait QueryCloud: Send + Sync {
    /// The canonical bytes of the answer to a query of a job. Nothing of it is believed.
    ///
    /// # Errors
    /// [`PortError`].
    async fn answer(&self, spec: &JobSpec, query: &Query) -> Result<Vec<u8>, PortError>;
}

/// The blind cloud, as the opener has it score.
#[async_trait]
pub trait ScoreCloud: Send + Sync {
    /// The canonical bytes of the answer to a program, which the opener made for a job. Nothing of it is believed.
    ///
    /// # Errors
    /// [`PortError`].
    async fn scores(&self, spec: &JobSpec, program: &ScoreProgram) -> Result<Vec<u8>, PortError>;
}

/// The tables of this party, with what opens them.
#[async_trait]
pub trait TableKeys: Send + Sync {
    /// A table in the version that the item names, under its name in the query. Its open and token columns come from the
    /// item's own parts, whose hashes the owner signed.
    ///
    /// # Errors
    /// [`PortError`]; [`PortError::Changed`] unless version and placement are those that the item names.
    async fn open(&self, item: &JobItem, name: &str) -> Result<Arc<OpenerTable>, PortError>;
}

/// Why a ledger was not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another query was answered meanwhile.
    #[error("the ledger of answered queries has changed meanwhile")]
    Changed,
    /// It cannot be written.
    #[error("the ledger of answered queries cannot be written: {detail}")]
    Unavailable {
        /// What the store says.
        detail: String,
    },
}

/// Keeps for each table, over all receivers, the ledger of answered queries.
#[async_trait]
pub trait CohortStore: Send + Sync {
    /// The ledger of a table of so many rows; a new one where no query was answered yet.
    ///
    /// A new version of an item with the same rows goes on with the ledger of the version before.
    ///
    /// # Errors
    /// [`PortError`].
    async fn load(&self, item: &JobItem, rows: u64) -> Result<CohortLedger, PortError>;

    /// Puts `after` in the place of `before`. When it returns, that is durable.
    ///
    /// # Errors
    /// [`StoreError::Changed`] where something else than `before` is stored; of two calls at once one wins.
    async fn replace(
        &self,
        item: &JobItem,
        before: &CohortLedger,
        after: &CohortLedger,
    ) -> Result<(), StoreError>;
}
