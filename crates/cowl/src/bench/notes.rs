//! Notes to make benches of: those of the samples, or of a folder.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cowl_domain::TextExtractor;
use cowl_vault::{kind, text};

use crate::demo::samples::SAMPLES;
use crate::failure::{Failure, Result};

/// Texts, and where they come from.
pub(super) struct Notes {
    pub(super) texts: Vec<String>,
    pub(super) from: String,
}

/// The texts of the notes inside the program.
pub(super) fn of_samples() -> Notes {
    let notes = SAMPLES.iter().filter(|(name, _)| name.starts_with("notes/"));
    let texts: Vec<String> = notes.filter_map(|(name, content)| text_of(name, content)).collect();
    Notes { from: format!("{} sample notes", texts.len()), texts }
}

/// All notes below a folder: those attached to FHIR R4 bundles, and whatever else has text.
///
/// # Errors
/// When there is none, or a file cannot be read.
pub(super) fn of_folder(folder: &Path) -> Result<Notes> {
    let mut texts = Vec::new();
    for path in crate::demo::packs::files(folder).map_err(|error| Failure::file(folder, error))? {
        let content = std::fs::read(&path).map_err(|error| Failure::file(&path, error))?;
        if path.extension().is_some_and(|extension| extension == "json") {
            texts.extend(attached_notes(&content));
        } else {
            texts.extend(text_of(&path.to_string_lossy(), &content));
        }
    }
    if texts.is_empty() {
        return Err(Failure::usage(format!("{}: there is no note in it", folder.display())));
    }
    Ok(Notes { from: format!("{} notes of a folder", texts.len()), texts })
}

fn text_of(name: &str, content: &[u8]) -> Option<String> {
    let kind = kind::detect(name, &content[..content.len().min(kind::HEAD_SIZE)]);
    let text = text::Extractors::default().extract(kind, name, content).ok()?;
    (!text.trim().is_empty()).then_some(text)
}

/// The attachments of DocumentReference and DiagnosticReport; none where the bytes are no bundle.
fn attached_notes(bundle: &[u8]) -> Vec<String> {
    let bundle: serde_json::Value = serde_json::from_slice(bundle).unwrap_or_default();
    let entries = bundle["entry"].as_array().map(Vec::as_slice).unwrap_or_default();
    let attachments = entries.iter().map(|entry| &entry["resource"]).flat_map(|resource| {
        let documents =
            resource["content"].as_array().into_iter().flatten().map(|content| &content["attachment"]);
        documents.chain(resource["presentedForm"].as_array().into_iter().flatten())
    });
    attachments
        .filter_map(|attachment| BASE64_STANDARD.decode(attachment["data"].as_str()?).ok())
        .filter_map(|bytes| String::from_utf8(bytes).ok())
        .filter(|text| !text.trim().is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_note_has_text() {
        let notes = SAMPLES.iter().filter(|(name, _)| name.starts_with("notes/")).count();
        assert_eq!(of_samples().texts.len(), notes);
    }

    #[test]
    fn notes_are_taken_out_of_bundles() {
        let data = BASE64_STANDARD.encode("a note");
        let bundle = serde_json::json!({ "entry": [
            { "resource": { "content": [{ "attachment": { "data": data } }] } },
            { "resource": { "presentedForm": [{ "data": data }] } },
            { "resource": { "id": "none" } },
        ]});
        assert_eq!(attached_notes(bundle.to_string().as_bytes()), ["a note", "a note"]);
        assert!(attached_notes(b"no bundle").is_empty());
    }
}
