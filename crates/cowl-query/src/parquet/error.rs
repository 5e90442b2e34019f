//! Why a file is no sealed table.

use cowl_domain::table::TableError;

use crate::clear::ClearTableError;

/// Why a table file cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableFileError {
    /// Source or sink failed; the machine's fault.
    #[error("the table file cannot be {doing}: {detail}")]
    Io {
        /// Read or written.
        doing: &'static str,
        /// What the system says.
        detail: String,
    },
    /// Bytes of something else, or cut short.
    #[error("this is no sealed table: {0}")]
    NotATable(&'static str),
    /// A table once, and changed since: the fault of whoever stored it.
    #[error("the sealed table is damaged: {0}")]
    Damaged(String),
    /// Its schema does not hold together.
    #[error("the schema in the sealed table does not hold: {0}")]
    Schema(#[from] TableError),
    /// Its key is none.
    #[error("the key in the sealed table does not hold: {0}")]
    Key(#[from] cowl_paillier::KeyError),
    /// Its open and token columns are not those of its schema.
    #[error(transparent)]
    Clear(#[from] ClearTableError),
    /// More than a file may hold.
    #[error(
        "{what} is more than {most} bytes, the most that a table file takes; use fewer or smaller columns"
    )]
    TooLarge {
        /// What there is too much of.
        what: String,
        /// How much there may be.
        most: u64,
    },
    /// Ciphertexts that are not as many as the schema says; the caller's fault.
    #[error("set {set} was given {found} bytes of ciphertexts where {expected} belong")]
    Ciphertexts {
        /// The set's place in the schema.
        set: u16,
        /// Bytes that belong there.
        expected: u64,
        /// Bytes that were given.
        found: u64,
    },
    /// Two columns of one name; the owner's to mend.
    #[error("a column is named '{0}', which is the name of a column of ciphertexts: rename it or its set")]
    Twice(String),
    /// Rows that are missing at the end, or too many; the caller's fault.
    #[error("{found} rows were written of a table of {expected}")]
    Rows {
        /// Rows of the table.
        expected: u64,
        /// Rows that were written.
        found: u64,
    },
}

impl TableFileError {
    pub(super) fn read(error: &std::io::Error) -> Self {
        Self::Io { doing: "read", detail: error.to_string() }
    }

    pub(super) fn written(error: &std::io::Error) -> Self {
        Self::Io { doing: "written", detail: error.to_string() }
    }
}
