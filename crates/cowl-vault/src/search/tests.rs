mod index;
mod segments;
mod snippets;

use cowl_domain::{ItemId, RecordId};

use super::{Hit, Index, Piece, TextDocument};

fn item(number: u8) -> ItemId {
    ItemId::from_bytes([number; 16])
}

fn record(number: u8) -> RecordId {
    RecordId::from_bytes([number; 16])
}

fn document(number: u8, title: &str, text: &str) -> TextDocument {
    TextDocument {
        item: item(number),
        record: record(1),
        title: title.to_owned(),
        date: None,
        text: text.to_owned(),
    }
}

/// An index of texts; they are items 0, 1, 2 …
fn index_of(texts: &[&str]) -> Index {
    let documents: Vec<_> = (0..).zip(texts).map(|(number, text)| document(number, "note", text)).collect();
    let mut index = Index::new().unwrap();
    index.add(item(200), &documents).unwrap();
    index.commit().unwrap();
    index
}

fn found(index: &Index, query: &str) -> Vec<u8> {
    index.search(query, 100).unwrap().iter().map(|hit| hit.item.as_bytes()[0]).collect()
}

/// The snippet with highlighted words in brackets.
fn shown(hit: &Hit) -> String {
    let piece =
        |Piece { text, highlighted }: &Piece| if *highlighted { format!("[{text}]") } else { text.clone() };
    hit.snippet.iter().map(piece).collect()
}
