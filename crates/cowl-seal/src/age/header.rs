//! The textual header: stanzas that wrap the file key, and a MAC over them.
//!
//! ```text
//! age-encryption.org/v1
//! -> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc
//! EmECAEcKN+n/Vs9SbWiV+Hu0r+E8R77DdWYyd83nw7U
//! --- Vn+54jqiiUCE+WZcEVY3f1sqHjlu/z1LCQ/T7Xm7qI0
//! ```
//!
//! The parser takes canonical text only, so that encoding what was parsed yields the same bytes. The
//! same syntax, under another first line, serves suite `hybrid-rsa`
//! ([`crate::hybrid_rsa`]).

use std::io::BufRead;

use aws_lc_rs::hmac;
use cowl_crypto::secret::Secret;

use super::base64;
use crate::suite::Suite;

/// One stanza: a recipient type, its arguments, and the wrapped key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza {
    /// The recipient type, e.g. `X25519`. Visible ASCII, not empty.
    pub tag: String,
    /// Further arguments, each visible ASCII and not empty.
    pub args: Vec<String>,
    /// The wrapped key, of any length.
    pub body: Vec<u8>,
}

/// A parsed or sealed header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    suite: Suite,
    stanzas: Vec<Stanza>,
    mac: [u8; MAC_LENGTH],
}

/// Why bytes are not a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// Another first line.
    #[error("the first line is not '{}'", .0.header_line())]
    FirstLine(Suite),
    /// The header ends too early.
    #[error("the header is cut short")]
    Truncated,
    /// The header has no stanza.
    #[error("the header has no stanza")]
    NoStanza,
    /// Stanza number `index`, from 0, breaks the syntax.
    #[error("stanza {index} of the header is malformed: {fault}")]
    Stanza {
        /// Which.
        index: usize,
        /// What is wrong with it.
        fault: StanzaFault,
    },
    /// The line after the stanzas is not `--- ` and 43 characters of base64.
    #[error("the header's MAC line is malformed")]
    MacLine,
    /// Bytes follow a header that was to stand alone.
    #[error("bytes follow the header")]
    Trailing,
    /// Larger than [`MAX_HEADER_LENGTH`].
    #[error("the header is larger than {MAX_HEADER_LENGTH} bytes")]
    TooLong,
}

/// What is wrong with a stanza.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StanzaFault {
    /// The first line is not `-> ` and arguments of visible ASCII with single spaces between.
    #[error("bad arguments")]
    Arguments,
    /// A body line is not canonical base64 of at most 64 columns.
    #[error("bad body line")]
    Body,
    /// A recipient type that is known here, with arguments or a body that it cannot have.
    #[error("not what its type asks for")]
    Type,
}

/// The header's MAC does not agree with the file key: the header was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the header is not the one that was sealed")]
pub struct BadMac;

impl Header {
    /// Makes a header whose MAC is keyed with `mac_key` (see [`crate::file_key::ItemKey::mac_key`]).
    ///
    /// # Panics
    /// When `stanzas` is empty or one breaks the syntax; stanzas come from this crate's wrapping functions.
    pub(crate) fn seal(suite: Suite, mac_key: &Secret<32>, stanzas: Vec<Stanza>) -> Self {
        assert!(
            !stanzas.is_empty() && stanzas.iter().all(Stanza::is_encodable),
            "stanzas that can be encoded"
        );
        let mac =
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, mac_key.expose()), &without_mac(suite, &stanzas));
        let mac = mac.as_ref().try_into().expect("HMAC-SHA-256 yields 32 bytes");
        Self { suite, stanzas, mac }
    }

    /// Checks that this header was sealed with this file key, unchanged.
    ///
    /// # Errors
    /// [`BadMac`].
    pub fn verify_key(&self, key: &crate::file_key::ItemKey) -> Result<(), BadMac> {
        self.verify(&key.mac_key())
    }

    /// Checks that these are the stanzas that were sealed.
    ///
    /// # Errors
    /// [`BadMac`].
    pub(crate) fn verify(&self, mac_key: &Secret<32>) -> Result<(), BadMac> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, mac_key.expose());
        hmac::verify(&key, &without_mac(self.suite, &self.stanzas), &self.mac).map_err(|_| BadMac)
    }

    /// The suite that its first line names.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The stanzas, in their order.
    pub fn stanzas(&self) -> &[Stanza] {
        &self.stanzas
    }

    /// The header as text, the MAC line and its line feed included.
    pub fn encode(&self) -> Vec<u8> {
        let mut text = without_mac(self.suite, &self.stanzas);
        text.extend_from_slice(b" ");
        text.extend_from_slice(base64::encode(&self.mac).as_bytes());
        text.push(b'\n');
        text
    }

    /// Reads a header that stands alone.
    ///
    /// # Errors
    /// [`HeaderError`] says which line breaks which rule.
    pub fn decode(suite: Suite, text: &[u8]) -> Result<Self, HeaderError> {
        let (header, rest) = Self::decode_prefix(suite, text)?;
        if rest.is_empty() { Ok(header) } else { Err(HeaderError::Trailing) }
    }

    /// Reads the header at the front of `bytes`; the second value is what follows it.
    ///
    /// # Errors
    /// [`HeaderError`] says which line breaks which rule.
    pub fn decode_prefix(suite: Suite, bytes: &[u8]) -> Result<(Self, &[u8]), HeaderError> {
        let mut lines = Lines { rest: bytes, consumed: 0 };
        if lines.next().ok() != Some(suite.header_line().as_bytes()) {
            return Err(HeaderError::FirstLine(suite));
        }
        let mut stanzas = Vec::new();
        loop {
            let line = lines.next()?;
            if let Some(mac) = line.strip_prefix(b"---") {
                let mac = decode_mac(mac)?;
                let header = Self { suite, stanzas, mac };
                return if header.stanzas.is_empty() {
                    Err(HeaderError::NoStanza)
                } else {
                    Ok((header, lines.rest))
                };
            }
            let index = stanzas.len();
            stanzas.push(decode_stanza(line, &mut lines, index)?);
        }
    }

    /// Reads the header at the front of a stream and leaves the reader behind it.
    ///
    /// # Errors
    /// Those of the reader, and [`HeaderError`] inside an [`std::io::ErrorKind::InvalidData`].
    pub fn read(suite: Suite, reader: &mut impl BufRead) -> std::io::Result<Self> {
        let text = read_text(suite, reader)?;
        Self::decode(suite, &text)
            .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))
    }
}

impl Stanza {
    /// A stanza with one argument.
    pub(crate) fn with_arg(tag: &str, arg: String, body: Vec<u8>) -> Self {
        Self { tag: tag.to_owned(), args: vec![arg], body }
    }

    /// The stanza as text, without the header around it: how a share of a key is kept.
    pub fn encode(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(128 + self.body.len() * 3 / 2);
        self.encode_into(&mut text);
        text
    }

    /// Reads one stanza that stands alone.
    ///
    /// # Errors
    /// [`HeaderError`], with index 0.
    pub fn decode(text: &[u8]) -> Result<Self, HeaderError> {
        let mut lines = Lines { rest: text, consumed: 0 };
        let first = lines.next()?;
        let stanza = decode_stanza(first, &mut lines, 0)?;
        if lines.rest.is_empty() { Ok(stanza) } else { Err(HeaderError::Trailing) }
    }

    fn encode_into(&self, text: &mut Vec<u8>) {
        text.extend_from_slice(b"-> ");
        text.extend_from_slice(self.tag.as_bytes());
        for arg in &self.args {
            text.push(b' ');
            text.extend_from_slice(arg.as_bytes());
        }
        text.push(b'\n');
        for line in self.body.chunks(BODY_LINE_BYTES) {
            text.extend_from_slice(base64::encode(line).as_bytes());
            text.push(b'\n');
        }
        // The body ends with a line shorter than 64 columns, if need be an empty one.
        if self.body.len().is_multiple_of(BODY_LINE_BYTES) {
            text.push(b'\n');
        }
    }

    fn is_encodable(&self) -> bool {
        is_argument(self.tag.as_bytes()) && self.args.iter().all(|arg| is_argument(arg.as_bytes()))
    }
}

/// The header up to and including `---`: what the MAC covers.
fn without_mac(suite: Suite, stanzas: &[Stanza]) -> Vec<u8> {
    let mut text = Vec::with_capacity(stanzas.iter().map(|stanza| 2048 + stanza.body.len() * 3 / 2).sum());
    text.extend_from_slice(suite.header_line().as_bytes());
    text.push(b'\n');
    for stanza in stanzas {
        stanza.encode_into(&mut text);
    }
    text.extend_from_slice(b"---");
    text
}

fn decode_mac(rest: &[u8]) -> Result<[u8; MAC_LENGTH], HeaderError> {
    let text = rest.strip_prefix(b" ").ok_or(HeaderError::MacLine)?;
    base64::decode(text).and_then(|mac| mac.try_into().ok()).ok_or(HeaderError::MacLine)
}

fn decode_stanza(first: &[u8], lines: &mut Lines<'_>, index: usize) -> Result<Stanza, HeaderError> {
    let mut args =
        decode_arguments(first).ok_or(HeaderError::Stanza { index, fault: StanzaFault::Arguments })?;
    let tag = args.remove(0);
    let mut body = Vec::new();
    loop {
        let line = lines.next()?;
        let bytes = (line.len() <= BODY_COLUMNS).then(|| base64::decode(line)).flatten();
        body.extend(bytes.ok_or(HeaderError::Stanza { index, fault: StanzaFault::Body })?);
        if line.len() < BODY_COLUMNS {
            return Ok(Stanza { tag, args, body });
        }
    }
}

/// At least one argument, or `None`.
fn decode_arguments(line: &[u8]) -> Option<Vec<String>> {
    let words = line.strip_prefix(b"-> ")?.split(|byte| *byte == b' ');
    words.map(|word| is_argument(word).then(|| word.iter().copied().map(char::from).collect())).collect()
}

/// `1*VCHAR`.
fn is_argument(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(u8::is_ascii_graphic)
}

/// Lines that end with a line feed, from bounded bytes.
struct Lines<'a> {
    rest: &'a [u8],
    consumed: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Result<&'a [u8], HeaderError> {
        let room = MAX_HEADER_LENGTH - self.consumed;
        let window = &self.rest[..self.rest.len().min(room)];
        let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
            return Err(if self.rest.len() > room { HeaderError::TooLong } else { HeaderError::Truncated });
        };
        let line = &self.rest[..end];
        self.rest = &self.rest[end + 1..];
        self.consumed += end + 1;
        Ok(line)
    }
}

/// Takes lines from the reader until the MAC line, without looking beyond it.
fn read_text(suite: Suite, reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    loop {
        let start = text.len();
        let room = (MAX_HEADER_LENGTH - start) as u64 + 1;
        std::io::Read::take(&mut *reader, room).read_until(b'\n', &mut text)?;
        let line = &text[start..];
        let first_differs = start == 0 && line.strip_suffix(b"\n") != Some(suite.header_line().as_bytes());
        let ended = !line.ends_with(b"\n") || text.len() > MAX_HEADER_LENGTH;
        if first_differs || ended || line.starts_with(b"---") {
            return Ok(text);
        }
    }
}

/// The most that is read in search of a header's end: room for some ten thousand recipients.
pub const MAX_HEADER_LENGTH: usize = 16 << 20;

const MAC_LENGTH: usize = 32;
const BODY_COLUMNS: usize = 64;
const BODY_LINE_BYTES: usize = 48;

#[cfg(test)]
mod tests;
