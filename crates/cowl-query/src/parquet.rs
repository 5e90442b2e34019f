//! Sealed tables as files: uncompressed Parquet that any Parquet reader reads, in one canonical form.
//!
//! ```text
//! "PAR1"
//! row group 0:  open and token columns, one page each │ <set>/0 │ <set>/1 …   pages of ciphertexts
//! row group 1:  …
//! footer:       columns, sizes; cowl.schema, cowl.key, cowl.codebook, cowl.opener (base64)
//! length of the footer, "PAR1"
//! ```
//!
//! A ciphertext column is FIXED_LEN_BYTE_ARRAY, required, PLAIN: its pages are ciphertexts behind each other, and go to
//! the kernels as they lie there. All pages of a column have equally many rows, so that the place of a ciphertext is
//! arithmetic ([`Geometry`]). Sets in layout *columns* have fewer ciphertexts than the table has rows: theirs are in the
//! first rows of an optional column. Open columns are INT64, DOUBLE, BOOLEAN, DATE or UTF-8, tokens FIXED_LEN_BYTE_ARRAY
//! of 16 bytes; missing cells are null.
//!
//! What is read comes from strangers: a table's owner may wish the cloud ill, and the cloud an owner. So a reader takes
//! the form that the writer gives, and no other: the footer is decoded field by field, encoded again and compared, and
//! all offsets and page headers follow from schema and sizes. No length is believed before it has been compared with the
//! size of the file. (The reader of crate `parquet` reserves memory by lengths from the footer, and asserts what a forged
//! one breaks; tests use it as the judge of whether a file is Parquet.)

mod cells;
mod error;
mod footer;
mod geometry;
mod levels;
mod read;
mod source;
mod thrift;
mod write;

pub use error::TableFileError;
pub use geometry::{Geometry, SetShape};
pub use read::{SetPages, TableFile};
pub use source::{FileSource, ReadAt};
pub use write::{TableFileWriter, TableHead};

/// Names of what a file says of its table.
const SCHEMA: &str = "cowl.schema";
const KEY: &str = "cowl.key";
const CODEBOOK: &str = "cowl.codebook";
const OPENER: &str = "cowl.opener";

/// The longest footer. It has some hundred bytes for each column and row group, and what is sealed.
const MOST_FOOTER_BYTES: u64 = 256 << 20;

/// The most rows of a table: whoever reads one keeps a bit for each.
pub const MOST_ROWS: u64 = 1 << 30;

/// The name of a ciphertext column.
fn ciphertext_column(set: &str, column: u32) -> String {
    format!("{set}/{column}")
}
