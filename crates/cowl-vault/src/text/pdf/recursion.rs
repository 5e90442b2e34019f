//! Finds pages that would make `pdf-extract` recurse without end: it follows `/Parent` and the operator `Do`
//! wherever they lead, and an overflowing stack cannot be caught.

use pdf_extract::content::Content;
use pdf_extract::{Dictionary, Document, Object, ObjectId, Stream};

/// The tree of pages and the nesting of forms are a few levels deep in honest documents.
const MAX_DEPTH: usize = 32;

/// Forms drawn on one page; also bounds what a form that draws two forms that draw two … can cost.
const MAX_FORMS: usize = 10_000;

/// Why a page is not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecursionError {
    #[error("its pages are nested without end")]
    Pages,
    #[error("a page draws itself, or too many forms")]
    Forms,
}

/// Checks what reading this page would follow.
pub(super) fn check(document: &Document, page: ObjectId) -> Result<(), RecursionError> {
    let Ok(page_dictionary) = document.get_dictionary(page) else { return Ok(()) };
    let ancestors = ancestors(document, page_dictionary)?;
    let resources = ancestors.iter().find_map(|dictionary| entry(document, dictionary, b"Resources"));
    let Some(resources) = resources.and_then(|resources| resources.as_dict().ok()) else { return Ok(()) };
    let Ok(content) = document.get_page_content(page) else { return Ok(()) };
    Walk { document, forms_left: MAX_FORMS }.draw(&content, resources, 0)
}

/// The page and what it inherits from, nearest first.
fn ancestors<'a>(
    document: &'a Document,
    page: &'a Dictionary,
) -> Result<Vec<&'a Dictionary>, RecursionError> {
    let mut found = vec![page];
    let mut current = page;
    while let Some(parent) = entry(document, current, b"Parent").and_then(|parent| parent.as_dict().ok()) {
        if found.len() == MAX_DEPTH {
            return Err(RecursionError::Pages);
        }
        found.push(parent);
        current = parent;
    }
    Ok(found)
}

struct Walk<'a> {
    document: &'a Document,
    forms_left: usize,
}

impl<'a> Walk<'a> {
    fn draw(
        &mut self,
        content: &[u8],
        resources: &'a Dictionary,
        depth: usize,
    ) -> Result<(), RecursionError> {
        if !content.windows(2).any(|operator| operator == b"Do") {
            return Ok(());
        }
        let Ok(content) = Content::decode(content) else { return Ok(()) };
        let drawn = content.operations.iter().filter(|operation| operation.operator == "Do");
        for name in drawn.filter_map(|operation| operation.operands.first()?.as_name().ok()) {
            let Some(form) = self.form(resources, name) else { continue };
            self.forms_left = self.forms_left.checked_sub(1).ok_or(RecursionError::Forms)?;
            if depth == MAX_DEPTH {
                return Err(RecursionError::Forms);
            }
            let own = entry(self.document, &form.dict, b"Resources").and_then(|own| own.as_dict().ok());
            let content = form.decompressed_content().unwrap_or_else(|_| form.content.clone());
            self.draw(&content, own.unwrap_or(resources), depth + 1)?;
        }
        Ok(())
    }

    /// The stream that `Do` with this name processes; `pdf-extract` does not ask whether it is a form.
    fn form(&self, resources: &'a Dictionary, name: &[u8]) -> Option<&'a Stream> {
        let objects = entry(self.document, resources, b"XObject")?.as_dict().ok()?;
        entry(self.document, objects, name)?.as_stream().ok()
    }
}

fn entry<'a>(document: &'a Document, dictionary: &'a Dictionary, key: &[u8]) -> Option<&'a Object> {
    let object = dictionary.get(key).ok()?;
    document.dereference(object).ok().map(|(_, object)| object)
}
