//! Text of structured reports (PS3.3 C.17.3): the content tree, depth first.

use super::charset::CharacterSet;
use super::elements::{Element, Elements, Items, Tag, Value};
use super::{DicomError, DicomFile};

const CONTENT_SEQUENCE: Tag = Tag(0x0040, 0xa730);
const CONCEPT_NAME: Tag = Tag(0x0040, 0xa043);
const CONCEPT_CODE: Tag = Tag(0x0040, 0xa168);
const TEXT_VALUE: Tag = Tag(0x0040, 0xa160);
const DATE_TIME: Tag = Tag(0x0040, 0xa120);
const DATE: Tag = Tag(0x0040, 0xa121);
const MEASURED_VALUE: Tag = Tag(0x0040, 0xa300);
const NUMERIC_VALUE: Tag = Tag(0x0040, 0xa30a);
const MEASUREMENT_UNITS: Tag = Tag(0x0040, 0x08ea);
const CODE_MEANING: Tag = Tag(0x0008, 0x0104);

/// Longest text of a report, in bytes.
const LONGEST: usize = 1 << 20;

/// Names of persons, identifiers and references are left out.
pub(super) fn text(file: &DicomFile<'_>) -> Option<String> {
    let top = Elements::new(file.bytes, 0..file.bytes.len(), file.encoding);
    let content = file.attributes.get(&CONTENT_SEQUENCE)?.clone();
    let mut report = Report { characters: file.character_set(), lines: String::new() };
    if let Some(title) = file.attributes.get(&CONCEPT_NAME) {
        // A damaged tree keeps the text that was found before the damage.
        let _ = report.add_meanings(title.clone(), &top);
        report.end_line();
    }
    let _ = report.add_items(content, &top);
    report.end_line();
    (!report.lines.is_empty()).then_some(report.lines)
}

struct Report {
    characters: CharacterSet,
    lines: String,
}

impl Report {
    fn add_items(&mut self, content: Value<'_>, within: &Elements<'_>) -> Result<(), DicomError> {
        let mut items = Items::from_value(content, within)?;
        while let Some(mut item) = items.next_item()? {
            self.end_line();
            while let Some(element) = item.next_element()? {
                self.add_element(element, &item)?;
            }
        }
        Ok(())
    }

    fn add_element(&mut self, element: Element<'_>, within: &Elements<'_>) -> Result<(), DicomError> {
        match element.tag {
            CONTENT_SEQUENCE => self.add_items(element.value, within),
            CONCEPT_NAME | CONCEPT_CODE | MEASURED_VALUE | MEASUREMENT_UNITS => {
                self.add_meanings(element.value, within)
            }
            TEXT_VALUE | NUMERIC_VALUE | DATE | DATE_TIME | CODE_MEANING => {
                self.add_text(&element.value, within);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Adds what the items of a code or measurement sequence mean.
    fn add_meanings(&mut self, value: Value<'_>, within: &Elements<'_>) -> Result<(), DicomError> {
        let mut items = Items::from_value(value, within)?;
        while let Some(mut item) = items.next_item()? {
            while let Some(element) = item.next_element()? {
                self.add_element(element, &item)?;
            }
        }
        Ok(())
    }

    fn add_text(&mut self, value: &Value<'_>, within: &Elements<'_>) {
        let Value::Bytes(range) = value else { return };
        let text = self.characters.decode(within.bytes_at(range.clone()));
        let text = text.trim_matches(['\0', ' ']);
        if text.is_empty() || self.lines.len() + text.len() > LONGEST {
            return;
        }
        if !self.lines.is_empty() && !self.lines.ends_with('\n') {
            self.lines.push(' ');
        }
        self.lines.push_str(text);
    }

    fn end_line(&mut self) {
        if !self.lines.is_empty() && !self.lines.ends_with('\n') {
            self.lines.push('\n');
        }
    }
}
