//! A scanner of HTML and XML, just deep enough to tell text from tags.

/// A piece of a marked-up document.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Text, entities not decoded.
    Text(&'a str),
    /// Text that has no entities: a CDATA section.
    Literal(&'a str),
    /// A start tag.
    Open {
        /// The element's name as written.
        name: &'a str,
        /// Closed at once, as in `<br/>`.
        empty: bool,
    },
    /// An end tag.
    Close(&'a str),
}

/// Yields tokens; comments, declarations and processing instructions are left out. Never fails: what cannot
/// be a tag is text, and what is not closed ends the document.
pub(super) struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(document: &'a str) -> Self {
        Self { rest: document }
    }

    /// Goes past the end tag of `name`, whatever stands before it, as HTML does for scripts.
    pub(super) fn skip_past_close(&mut self, name: &str) {
        let mut rest = self.rest;
        while let Some(start) = rest.find("</") {
            rest = &rest[start + 2..];
            if rest.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name)) {
                self.rest = rest.find('>').map_or("", |end| &rest[end + 1..]);
                return;
            }
        }
        self.rest = "";
    }

    fn text(&mut self) -> Token<'a> {
        // A '<' at the very start was found not to begin a tag.
        let first = self.rest.chars().next().map_or(0, char::len_utf8);
        let end = self.rest[first..].find('<').map_or(self.rest.len(), |end| first + end);
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        Token::Text(text)
    }

    /// Skips what is no token; returns the content of a CDATA section.
    fn declaration(&mut self) -> Option<Token<'a>> {
        if let Some(rest) = self.rest.strip_prefix("<![CDATA[") {
            let (text, rest) = rest.split_once("]]>").unwrap_or((rest, ""));
            self.rest = rest;
            return Some(Token::Literal(text));
        }
        let end = if self.rest.starts_with("<!--") { "-->" } else { ">" };
        self.rest = self.rest.split_once(end).map_or("", |(_, rest)| rest);
        None
    }

    fn tag(&mut self) -> Token<'a> {
        let closing = self.rest.starts_with("</");
        let inside = &self.rest[if closing { 2 } else { 1 }..];
        let end = tag_end(inside).unwrap_or(inside.len());
        self.rest = inside.get(end + 1..).unwrap_or("");
        let inside = &inside[..end];
        let name_end = inside.find(|c: char| c.is_whitespace() || c == '/').unwrap_or(inside.len());
        let name = &inside[..name_end];
        if closing { Token::Close(name) } else { Token::Open { name, empty: inside.ends_with('/') } }
    }
}

impl<'a> Iterator for Scanner<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        while !self.rest.is_empty() {
            let bytes = self.rest.as_bytes();
            match (bytes[0], bytes.get(1).copied()) {
                (b'<', Some(b'!' | b'?')) => {
                    if let Some(token) = self.declaration() {
                        return Some(token);
                    }
                }
                (b'<', Some(b'/' | b'a'..=b'z' | b'A'..=b'Z' | b'_')) => return Some(self.tag()),
                _ => return Some(self.text()),
            }
        }
        None
    }
}

/// Where the tag's '>' is; quoted attribute values may contain others.
fn tag_end(inside: &str) -> Option<usize> {
    let mut quote = None;
    for (position, byte) in inside.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(position),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}
