//! `cowl-vault`: files from outside, text segments from other devices.

use cowl_domain::{Kind, TextExtractor};
use cowl_vault::search::segment;
use cowl_vault::text::{Extractors, MAX_TEXT};
use cowl_vault::{RecoveryKit, kind};

/// Names that lead the detection of kinds astray.
const NAMES: [&str; 6] = ["", "a.txt", "a.pdf", "a.docx", "a.dcm", "a.nii.gz"];

/// What a file is.
pub fn kinds(bytes: &[u8]) {
    let kinds = NAMES.map(|name| kind::detect(name, bytes));
    assert_eq!(kinds, NAMES.map(|name| kind::detect(name, bytes)));
    for cut in [1, 4, 132, 1024] {
        let _ = kind::detect("a.txt", &bytes[..bytes.len().min(cut)]);
    }
}

/// Text of files, taken for each kind whether they are of it or not.
pub fn texts(bytes: &[u8]) {
    let extractors = Extractors::default();
    for (kind, name) in [
        (Kind::Text, "a.txt"),
        (Kind::Text, "a.html"),
        (Kind::Pdf, "a.pdf"),
        (Kind::Office, "a.docx"),
        (Kind::Csv, "a.csv"),
    ] {
        if let Ok(text) = extractors.extract(kind, name, bytes) {
            assert!(text.len() <= MAX_TEXT, "more text than promised");
        }
    }
}

/// Segments of the search index, and the words of a recovery kit.
pub fn segments(bytes: &[u8]) {
    if let Ok(documents) = segment::decode(bytes) {
        let written = segment::encode(&documents).expect("what was in one segment fits into one");
        assert_eq!(segment::decode(&written).as_ref(), Ok(&documents));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = RecoveryKit::from_words(text);
    }
}
