//! Where ciphertexts come from: the seam towards Parquet pages.

use std::borrow::Cow;

/// Why a page of ciphertexts is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// There is no such page, or it is shorter than it should be: the stored table is damaged.
    #[error("page {page} of ciphertext column {column} is missing or cut short")]
    Missing {
        /// Which ciphertext of a row.
        column: u32,
        /// The page.
        page: u64,
    },
    /// It could not be read.
    #[error("page {page} of ciphertext column {column} could not be read: {detail}")]
    Unreadable {
        /// Which ciphertext of a row.
        column: u32,
        /// The page.
        page: u64,
        /// What the source says.
        detail: String,
    },
}

/// The ciphertexts of a sealed set: for each row so many, each of one length, in columns cut into pages of rows.
///
/// A ciphertext column of fixed-length byte arrays in an uncompressed Parquet file is such pages as it lies there.
pub trait CiphertextPages: Sync {
    /// How many rows there are.
    fn rows(&self) -> u64;
    /// How many ciphertexts a row has.
    fn columns(&self) -> u32;
    /// How many rows a page has; the last of a column may have fewer. At least 1.
    fn rows_of_a_page(&self) -> u64;
    /// The ciphertexts of one page of a column behind each other.
    ///
    /// # Errors
    /// [`PageError`].
    fn page(&self, column: u32, page: u64) -> Result<Cow<'_, [u8]>, PageError>;
}

/// Columns in memory.
#[derive(Debug, Clone)]
pub struct PagesInMemory {
    /// How many rows there are.
    pub rows: u64,
    /// How many of them make a page; at least 1.
    pub rows_of_a_page: u64,
    /// How many bytes a ciphertext has.
    pub ciphertext_bytes: usize,
    /// For each ciphertext of a row, the column.
    pub columns: Vec<Vec<u8>>,
}

impl CiphertextPages for PagesInMemory {
    fn rows(&self) -> u64 {
        self.rows
    }

    fn columns(&self) -> u32 {
        u32::try_from(self.columns.len()).unwrap_or(u32::MAX)
    }

    fn rows_of_a_page(&self) -> u64 {
        self.rows_of_a_page
    }

    fn page(&self, column: u32, page: u64) -> Result<Cow<'_, [u8]>, PageError> {
        let missing = PageError::Missing { column, page };
        let bytes = (self.rows_of_a_page as usize).checked_mul(self.ciphertext_bytes);
        self.columns
            .get(column as usize)
            .and_then(|cells| {
                cells.chunks(bytes.filter(|bytes| *bytes > 0)?).nth(usize::try_from(page).ok()?)
            })
            .map(Cow::Borrowed)
            .ok_or(missing)
    }
}
