//! Search over the text of a record's items, on the device of whoever may open them.
//!
//! Text is kept twice. *Segments* ([`segment`]) are lists of [`TextDocument`]s, compressed and padded; the
//! vault seals them as items of the record, so that every device of every reader has them. From these each
//! device builds its [`Index`], which answers queries and is saved as one string of bytes, to be sealed on disk.
//!
//! A query is a few words. A document must contain all of them if any document does, else the more the
//! better. A word also stands for those that are one edit away (a letter wrong, missing, too many, or two
//! swapped), and the last one for all that begin with it; exact matches rank above those.

mod expansion;
mod index;
mod padding;
mod ranking;
mod saved;
pub mod segment;
mod snippet;
#[cfg(test)]
mod tests;
mod words;

use cowl_domain::{ItemId, RecordId};
use minicbor::{Decode, Encode};

pub use index::Index;
pub use segment::SegmentError;

/// What search knows of one item. Part of the frozen form of segments: fields are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TextDocument {
    /// The item.
    #[n(0)]
    pub item: ItemId,
    /// Its record.
    #[n(1)]
    pub record: RecordId,
    /// Its name, and description if it has one; searched like the text.
    #[n(2)]
    pub title: String,
    /// The day it is about, `YYYY-MM-DD`.
    #[n(3)]
    pub date: Option<String>,
    /// Its text, at most [`crate::text::MAX_TEXT`] bytes.
    #[n(4)]
    pub text: String,
}

/// One document that answers a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The item.
    pub item: ItemId,
    /// Its record.
    pub record: RecordId,
    /// As in [`TextDocument::title`].
    pub title: String,
    /// As in [`TextDocument::date`].
    pub date: Option<String>,
    /// BM25 of the best match of each word. Tells apart documents that match equally well; it compares with
    /// scores of the same query only.
    pub score: f32,
    /// The passage where most of the words are, or the beginning if only the title matches.
    pub snippet: Vec<Piece>,
    /// For each word of the query that was found, the word of the document that fits best, as it is written
    /// there.
    pub matched: Vec<String>,
}

/// A piece of a snippet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// White space is single spaces.
    pub text: String,
    /// Whether this is a word that matches the query.
    pub highlighted: bool,
}

/// Why the index does not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// The saved index is damaged or of another version: it is to be built anew from its segments.
    #[error("the saved search index cannot be used: {0}")]
    Unusable(&'static str),
    /// The index engine failed.
    #[error("search index: {0}")]
    Engine(#[from] tantivy::TantivyError),
}

impl From<std::io::Error> for SearchError {
    fn from(error: std::io::Error) -> Self {
        Self::Engine(error.into())
    }
}
