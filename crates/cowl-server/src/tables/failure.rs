//! Why nothing is computed, and whose fault that is.

use cowl_api::{Problem, ProblemCode};
use cowl_domain::PartName;
use cowl_domain::table::TableError;
use cowl_query::parquet::TableFileError;
use cowl_query::{EngineError, PageError, QueryRefusal, SumsError};
use cowl_store::StoreError;

use crate::refusal::Refusal;

/// Why nothing is computed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableFailure {
    /// The server's fault, or that of the disks under it.
    #[error("part {0} of a sealed table is missing, or not what was put there")]
    Part(PartName),
    /// The caller's or the owner's fault: the item is something else.
    #[error("the item is no sealed table: {0}")]
    Header(#[from] TableError),
    /// The owner's fault: parts as they were put there, and no table in them.
    #[error(transparent)]
    File(#[from] TableFileError),
    /// The operator's decision.
    #[error("the table has more {what} than the {most} that this cloud takes")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        most: u64,
    },
    /// The asker's fault.
    #[error(transparent)]
    Query(#[from] QueryRefusal),
    /// Mostly the asker's fault.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The stored ciphertexts do not hold.
    #[error(transparent)]
    Sums(#[from] SumsError),
    /// Others were first.
    #[error("as many computations as this cloud takes are running and waiting")]
    Busy,
    /// The folder of tables fails.
    #[error("the folder of tables: {0}")]
    Folder(#[from] std::io::Error),
    /// Database or part store fail.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A defect of this program.
    #[error("the computation panicked")]
    Panicked,
}

impl TableFailure {
    /// Whether a file that was put together may have been damaged since.
    pub(crate) fn is_of_a_file(&self) -> bool {
        matches!(self, Self::File(_) | Self::Sums(SumsError::Page(_) | SumsError::Ciphertext { .. }))
    }
}

impl From<TableFailure> for Refusal {
    fn from(failure: TableFailure) -> Self {
        let text = failure.to_string();
        match failure {
            TableFailure::Store(error) => error.into(),
            TableFailure::Query(refusal) => refusal.into(),
            TableFailure::Busy => {
                Problem::new(ProblemCode::Unavailable, text).with_hint("try again later").into()
            }
            TableFailure::Part(_) => {
                tracing::error!(%text, "a part that the ledger refers to is not there, or not whole");
                Problem::new(ProblemCode::PartLost, text)
                    .with_hint("its operator may have a copy; otherwise its owner seals the table again")
                    .into()
            }
            TableFailure::File(TableFileError::Io { .. })
            | TableFailure::Sums(SumsError::Page(PageError::Unreadable { .. }))
            | TableFailure::Engine(EngineError::Internal(_) | EngineError::MissingTable(_))
            | TableFailure::Folder(_)
            | TableFailure::Panicked => {
                tracing::error!(%text, "a computation failed");
                Self::internal()
            }
            TableFailure::Header(_) | TableFailure::File(_) => Self::new(ProblemCode::NotATable, text),
            TableFailure::TooLarge { .. } => Self::too_large(text),
            TableFailure::Engine(_) | TableFailure::Sums(SumsError::TooManySums { .. }) => {
                Self::new(ProblemCode::QueryRefused, text)
            }
            TableFailure::Sums(_) => Self::new(ProblemCode::NotATable, text),
        }
    }
}

impl From<QueryRefusal> for Refusal {
    fn from(refusal: QueryRefusal) -> Self {
        Self::new(ProblemCode::QueryRefused, refusal.to_string())
    }
}
