//! Text of PDF files, by `pdf-extract`.

mod recursion;

use cowl_domain::{ExtractError, Kind};
use pdf_extract::{ConvertToFmt, Document, Object, ObjectId, OutputError, PlainTextOutput, output_doc_page};

use super::contained;
use super::gathered::Gathered;

/// The document's text. Pages that cannot be read are left out, unless none can.
pub(super) fn extract(content: &[u8]) -> Result<String, ExtractError> {
    let document = contained::call(Kind::Pdf, || load(content))?;
    let pages = contained::call(Kind::Pdf, || Ok(document.get_pages()))?;
    let mut text = Gathered::new();
    let mut first_error = None;
    for (&number, &page) in &pages {
        let outcome = contained::call(Kind::Pdf, || read_page(&document, number, page, &mut text));
        first_error = first_error.or(outcome.err());
        if text.is_full() {
            break;
        }
        text.break_line();
    }
    let text = text.finish();
    match first_error {
        Some(error) if text.is_empty() => Err(error),
        _ => Ok(text),
    }
}

/// Encrypted documents open when they ask for no password.
fn load(content: &[u8]) -> Result<Document, ExtractError> {
    let mut document = Document::load_mem(content).map_err(|error| damaged(&error))?;
    if document.is_encrypted() {
        document.decrypt("").map_err(|error| damaged(&error))?;
    }
    document.objects.values_mut().for_each(forget_image);
    Ok(document)
}

/// `pdf-extract` reads whatever a page draws as drawing operators, and pictures confuse it.
fn forget_image(object: &mut Object) {
    if let Object::Stream(stream) = object
        && stream.dict.get(b"Subtype").and_then(Object::as_name).is_ok_and(|subtype| subtype == b"Image")
    {
        stream.content.clear();
        stream.dict.remove(b"Filter");
    }
}

fn read_page(
    document: &Document,
    number: u32,
    page: ObjectId,
    text: &mut Gathered,
) -> Result<(), ExtractError> {
    recursion::check(document, page).map_err(|error| damaged(&error))?;
    match output_doc_page(document, &mut PlainTextOutput::new(Writer(text)), number) {
        // The text is full.
        Ok(()) | Err(OutputError::FormatError(_)) => Ok(()),
        Err(error) => Err(damaged(&error)),
    }
}

fn damaged(error: &dyn std::fmt::Display) -> ExtractError {
    ExtractError { kind: Kind::Pdf, detail: error.to_string() }
}

/// [`Gathered`] as `pdf-extract` takes it.
struct Writer<'a>(&'a mut Gathered);

impl<'a> ConvertToFmt for Writer<'a> {
    type Writer = &'a mut Gathered;

    fn convert(self) -> &'a mut Gathered {
        self.0
    }
}
