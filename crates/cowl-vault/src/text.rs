//! Takes the words out of files, for search.
//!
//! What comes out is for an index and for snippets, not for reading in full: layout, links and pictures are
//! left behind. Files are untrusted: output is cut at [`MAX_TEXT`], packed parts are unpacked within bounds,
//! panics of parsers that are not ours become errors, and PDF files are read by a program of their own.

mod charset;
mod contained;
mod entities;
mod gathered;
mod html;
mod markup;
mod office;
mod pdf;
mod reader_program;
mod rtf;
#[cfg(test)]
mod tests;

use cowl_domain::{ExtractError, Kind, TextExtractor};

pub use reader_program::ReaderProgram;

use gathered::Gathered;

/// The most text that is taken from one file, in bytes of UTF-8. The rest of a longer file is not found.
pub const MAX_TEXT: usize = 4 << 20;

/// All extractors of text behind one door.
///
/// Notes, tables, PDF and office documents are read here; other kinds are asked of `others`, in order.
#[derive(Default)]
pub struct Extractors {
    others: Vec<Box<dyn TextExtractor>>,
    contained: bool,
}

impl Extractors {
    /// With extractors for the kinds that this crate does not read, e.g. DICOM.
    pub fn new(others: Vec<Box<dyn TextExtractor>>) -> Self {
        Self { others, contained: false }
    }

    /// The same, but PDF files go to [`ReaderProgram::of_process`], and are not read without one: a few
    /// kilobytes of them can unpack to gigabytes, and what reads them here sets no bounds. For files of whom
    /// one does not trust.
    #[must_use]
    pub fn contained(mut self) -> Self {
        self.contained = true;
        self
    }

    /// The first text that one of the other extractors finds; their first error if none finds any.
    fn ask_others(&self, kind: Kind, name: &str, content: &[u8]) -> Result<String, ExtractError> {
        let mut first_error = None;
        for other in &self.others {
            match contained::call(kind, || other.extract(kind, name, content)) {
                Ok(text) if text.is_empty() => {}
                Ok(text) => return Ok(cut(text)),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        first_error.map_or(Ok(String::new()), Err)
    }
}

impl TextExtractor for Extractors {
    fn extract(&self, kind: Kind, name: &str, content: &[u8]) -> Result<String, ExtractError> {
        match kind {
            Kind::Text => Ok(note(name, content)),
            Kind::Csv => Ok(charset::decode(content, MAX_TEXT)),
            Kind::Pdf if self.contained => reader_program::extract(Kind::Pdf, content),
            Kind::Pdf => pdf::extract(content),
            Kind::Office => office::extract(content),
            _ => self.ask_others(kind, name, content),
        }
    }
}

fn note(name: &str, content: &[u8]) -> String {
    if content.starts_with(b"{\\rtf") {
        return rtf::extract(content);
    }
    let is_html = is_html(name, content);
    // Markup is several times larger than its text.
    let text = charset::decode(content, if is_html { 8 * MAX_TEXT } else { MAX_TEXT });
    if is_html { html::extract(&text) } else { text }
}

fn is_html(name: &str, content: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    if [".html", ".htm", ".xhtml"].iter().any(|extension| name.ends_with(extension)) {
        return true;
    }
    let start = charset::decode(content, 256).trim_start().to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

fn cut(text: String) -> String {
    if text.len() <= MAX_TEXT {
        return text;
    }
    let mut gathered = Gathered::new();
    gathered.push_text(&text);
    gathered.finish()
}
