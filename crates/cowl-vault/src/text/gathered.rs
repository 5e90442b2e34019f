//! Text as it is gathered, never more than [`MAX_TEXT`].

use std::fmt;

use super::MAX_TEXT;

/// A text that stops growing when it is full.
pub(super) struct Gathered {
    text: String,
    full: bool,
}

impl Gathered {
    pub(super) fn new() -> Self {
        Self { text: String::new(), full: false }
    }

    /// Whether everything more will be dropped.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// Adds a character.
    pub(super) fn push(&mut self, character: char) {
        if !self.full && self.text.len() + character.len_utf8() <= MAX_TEXT {
            self.text.push(character);
        } else {
            self.full = true;
        }
    }

    /// Adds text as it is, or as much of it as there is room for.
    pub(super) fn push_text(&mut self, text: &str) {
        if self.full {
            return;
        }
        let room = text.floor_char_boundary(MAX_TEXT - self.text.len());
        self.text.push_str(&text[..room]);
        self.full = room < text.len();
    }

    /// Adds a character of running text: white space counts as one space, and as none at the start of a line.
    pub(super) fn push_running(&mut self, character: char) {
        if !character.is_whitespace() {
            self.push(character);
        } else if !self.text.is_empty() && !self.text.ends_with([' ', '\n']) {
            self.push(' ');
        }
    }

    /// Ends the line, unless one has just begun.
    pub(super) fn break_line(&mut self) {
        if self.text.ends_with(' ') {
            self.text.pop();
        }
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.push('\n');
        }
    }

    /// The text, without white space at either end.
    pub(super) fn finish(self) -> String {
        let trimmed = self.text.trim();
        if trimmed.len() == self.text.len() { self.text } else { trimmed.to_owned() }
    }
}

impl fmt::Write for Gathered {
    /// Fails when full, so that whoever writes can stop.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_text(text);
        if self.full { Err(fmt::Error) } else { Ok(()) }
    }
}
