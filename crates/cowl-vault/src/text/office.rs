//! Text of office documents: OOXML (docx, pptx, xlsx) and OpenDocument (odt, ods, odp).
//!
//! The older binary formats have no text here: they are found by name and description only.

use std::io::{Cursor, Read};

use cowl_domain::{ExtractError, Kind};
use zip::ZipArchive;

use super::gathered::Gathered;
use super::markup::{Scanner, Token};
use super::{charset, contained, entities};

/// The most that is unpacked of one document, in bytes. Text beyond it is not found.
const MAX_UNPACKED: u64 = 64 << 20;

/// The document's text, one line for each paragraph.
pub(super) fn extract(content: &[u8]) -> Result<String, ExtractError> {
    if !content.starts_with(b"PK") {
        return Ok(String::new());
    }
    contained::call(Kind::Office, || unpack(content))
}

fn unpack(content: &[u8]) -> Result<String, ExtractError> {
    let damaged =
        |error: &dyn std::fmt::Display| ExtractError { kind: Kind::Office, detail: error.to_string() };
    let mut package = ZipArchive::new(Cursor::new(content)).map_err(|error| damaged(&error))?;
    let mut text = Gathered::new();
    let mut budget = MAX_UNPACKED;
    for name in text_parts(&package) {
        let part = package.by_name(&name).map_err(|error| damaged(&error))?;
        let mut xml = Vec::new();
        part.take(budget).read_to_end(&mut xml).map_err(|error| damaged(&error))?;
        budget -= xml.len() as u64;
        gather(&charset::decode(&xml, xml.len()), text_element(&name), &mut text);
        if budget == 0 || text.is_full() {
            break;
        }
    }
    Ok(text.finish())
}

/// The entries that hold text, the body of a document before its notes.
fn text_parts(package: &ZipArchive<Cursor<&[u8]>>) -> Vec<String> {
    const PARTS: [&str; 11] = [
        "content.xml",
        "word/document",
        "word/footnotes",
        "word/endnotes",
        "word/header",
        "word/footer",
        "word/comments",
        "ppt/slides/slide",
        "ppt/notesSlides/notesSlide",
        "xl/sharedStrings",
        "xl/worksheets/sheet",
    ];
    let rank = |name: &str| PARTS.iter().position(|part| name.starts_with(part));
    let mut found: Vec<(usize, String)> = package
        .file_names()
        .filter(|name| name.ends_with(".xml"))
        .filter_map(|name| Some((rank(name)?, name.to_owned())))
        .collect();
    found.sort();
    found.into_iter().map(|(_, name)| name).collect()
}

/// The element around text: `w:t`, `a:t` and `t` in OOXML, `office:body` in OpenDocument.
fn text_element(part: &str) -> &'static str {
    if part == "content.xml" { "body" } else { "t" }
}

fn gather(xml: &str, text_element: &str, text: &mut Gathered) {
    let mut inside = false;
    for token in Scanner::new(xml) {
        match token {
            Token::Text(piece) if inside => {
                entities::decode(piece).for_each(|character| text.push_running(character))
            }
            Token::Literal(piece) if inside => {
                piece.chars().for_each(|character| text.push_running(character))
            }
            Token::Text(_) | Token::Literal(_) => {}
            Token::Open { name, empty } if local(name) == text_element => inside = !empty,
            Token::Close(name) if local(name) == text_element => inside = false,
            Token::Open { name, empty: true } | Token::Close(name) => separate(local(name), text),
            Token::Open { .. } => {}
        }
        if text.is_full() {
            break;
        }
    }
}

fn separate(element: &str, text: &mut Gathered) {
    match element {
        // Paragraphs, headings, line breaks and shared strings.
        "p" | "h" | "br" | "cr" | "line-break" | "si" | "table-row" => text.break_line(),
        "tab" | "s" | "tc" | "table-cell" => text.push_running(' '),
        _ => {}
    }
}

/// The name without its prefix.
fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}
