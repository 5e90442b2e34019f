//! Text of Rich Text Format (Microsoft, RTF Specification 1.9.1).
//!
//! Bytes outside ASCII are read as Windows-1252, the code page of nearly all RTF files; writers that need
//! other characters use `\u`, which is read.

use super::charset;
use super::gathered::Gathered;

/// The document's text. Damage is not an error: what can be read is returned.
pub(super) fn extract(bytes: &[u8]) -> String {
    let mut reader = Reader { bytes, at: 0, group: Group::default(), outer: Vec::new(), text: Text::new() };
    while reader.at < bytes.len() && !reader.text.gathered.is_full() {
        reader.step();
    }
    reader.text.gathered.finish()
}

/// Deeper nesting than any writer makes; groups beyond it are not kept apart.
const MAX_DEPTH: usize = 4096;

#[derive(Clone, Copy)]
struct Group {
    /// Fonts, styles, pictures and what else is no text.
    hidden: bool,
    /// How many fallback characters follow each `\u`.
    fallback: usize,
}

impl Default for Group {
    fn default() -> Self {
        Self { hidden: false, fallback: 1 }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    group: Group,
    outer: Vec<Group>,
    text: Text,
}

impl<'a> Reader<'a> {
    fn step(&mut self) {
        let byte = self.bytes[self.at];
        self.at += 1;
        match byte {
            b'{' if self.outer.len() < MAX_DEPTH => self.outer.push(self.group),
            b'}' => self.group = self.outer.pop().unwrap_or_default(),
            b'\\' => self.control(),
            b'{' | b'\r' | b'\n' => {}
            _ => self.character(charset::windows_1252(byte)),
        }
    }

    fn control(&mut self) {
        let Some(&byte) = self.bytes.get(self.at) else { return };
        if byte.is_ascii_alphabetic() {
            return self.control_word();
        }
        self.at += 1;
        match byte {
            b'\'' => self.hexadecimal(),
            b'*' => self.group.hidden = true,
            b'~' => self.character(' '),
            b'_' => self.character('-'),
            b'\r' | b'\n' => self.break_line(),
            b'\\' | b'{' | b'}' => self.character(char::from(byte)),
            _ => {}
        }
    }

    /// `\'hh`: a byte of the code page.
    fn hexadecimal(&mut self) {
        let digits = self.bytes.get(self.at..self.at + 2).and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            self.at += 2;
            self.character(charset::windows_1252(byte));
        }
    }

    fn control_word(&mut self) {
        let word = self.take_while(|byte| byte.is_ascii_alphabetic());
        let negative = self.bytes.get(self.at) == Some(&b'-');
        self.at += usize::from(negative);
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        let number: Option<i32> = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        let number = number.map(|number| if negative { -number } else { number });
        // One space ends the word and belongs to it.
        self.at += usize::from(self.bytes.get(self.at) == Some(&b' '));
        self.act(word, number);
    }

    fn act(&mut self, word: &[u8], number: Option<i32>) {
        match (word, number) {
            (b"par" | b"line" | b"row" | b"sect" | b"page", _) => self.break_line(),
            (b"tab" | b"cell" | b"emspace" | b"enspace", _) => self.character(' '),
            (b"u", Some(unit)) => self.unicode(unit),
            (b"uc", Some(count)) => self.group.fallback = usize::try_from(count).unwrap_or(1),
            (b"bin", Some(length)) => self.at = self.at.saturating_add(usize::try_from(length).unwrap_or(0)),
            (b"emdash" | b"endash", _) => self.character('–'),
            (b"lquote" | b"rquote", _) => self.character('’'),
            (b"ldblquote" | b"rdblquote", _) => self.character('"'),
            (b"bullet", _) => self.character('•'),
            _ if HIDDEN.contains(&word) => self.group.hidden = true,
            _ => {}
        }
    }

    fn unicode(&mut self, unit: i32) {
        if !self.group.hidden {
            // Values above 32767 are written as negative numbers.
            self.text.push_unit(unit as u16);
            self.text.fallback = self.group.fallback;
        }
    }

    fn character(&mut self, character: char) {
        if !self.group.hidden {
            self.text.push(character);
        }
    }

    fn break_line(&mut self) {
        if !self.group.hidden {
            self.text.gathered.break_line();
        }
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let bytes = self.bytes;
        let rest = &bytes[self.at..];
        let length = rest.iter().position(|&byte| !wanted(byte)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }
}

/// Destinations without text of the document (RTF 1.9.1, "Destinations").
const HIDDEN: [&[u8]; 13] = [
    b"fonttbl",
    b"colortbl",
    b"stylesheet",
    b"info",
    b"pict",
    b"fldinst",
    b"filetbl",
    b"revtbl",
    b"listtable",
    b"listoverridetable",
    b"rsidtbl",
    b"objdata",
    b"themedata",
];

/// The text so far, and what the next characters mean.
struct Text {
    gathered: Gathered,
    /// The first half of a surrogate pair.
    high: Option<u16>,
    /// Fallback characters still to be dropped.
    fallback: usize,
}

impl Text {
    fn new() -> Self {
        Self { gathered: Gathered::new(), high: None, fallback: 0 }
    }

    fn push(&mut self, character: char) {
        if self.fallback > 0 {
            self.fallback -= 1;
        } else {
            self.gathered.push_running(character);
        }
    }

    fn push_unit(&mut self, unit: u16) {
        let units = self.high.take().into_iter().chain([unit]);
        for decoded in char::decode_utf16(units) {
            match decoded {
                Ok(character) => self.gathered.push_running(character),
                Err(error) if (0xd800..0xdc00).contains(&error.unpaired_surrogate()) => {
                    self.high = Some(error.unpaired_surrogate());
                }
                Err(_) => {}
            }
        }
    }
}
