//! ASCII armor: age's strict subset of PEM.
//!
//! Standard base64 with padding, 64 columns a line, canonical; line feeds or carriage return and line
//! feed; white space is allowed before the first and after the last line, nothing else.

use std::io::{self, BufRead, Read, Write};

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Why text is not armor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArmorError {
    /// Something other than white space stands before the first line, or that line is another one.
    #[error("the armor does not begin with '{BEGIN}'")]
    Begin,
    /// The text ends before the last line.
    #[error("the armor is cut short")]
    Truncated,
    /// A line between is not canonical base64 of 64 columns (the last one: up to 64).
    #[error("line {0} of the armor is malformed")]
    Line(u64),
    /// Something other than white space follows the last line.
    #[error("text follows the armor")]
    Trailing,
}

/// Whether the bytes begin like armor, white space before it allowed.
pub fn is_armored(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(BEGIN.as_bytes())
}

/// Armors a whole file.
pub fn encode(file: &[u8]) -> String {
    let mut text = Vec::with_capacity(file.len() / 3 * 4 + file.len() / 48 + 80);
    let mut writer = ArmorWriter::new(&mut text).expect("a vector takes all bytes");
    writer.write_all(file).expect("a vector takes all bytes");
    writer.finish().expect("a vector takes all bytes");
    String::from_utf8(text).expect("base64 and dashes are ASCII")
}

/// Takes the armor off a whole file.
///
/// # Errors
/// [`ArmorError`].
pub fn decode(text: &[u8]) -> Result<Vec<u8>, ArmorError> {
    let mut file = Vec::with_capacity(text.len() / 4 * 3);
    let mut decoder = Decoder::default();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        decoder.line(line, &mut file)?;
    }
    decoder.finish()?;
    Ok(file)
}

/// Puts armor around what is written to it; call [`ArmorWriter::finish`] at the end.
pub struct ArmorWriter<W: Write> {
    inner: W,
    pending: Vec<u8>,
}

impl<W: Write> ArmorWriter<W> {
    /// Writes the first line.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn new(mut inner: W) -> io::Result<Self> {
        writeln!(inner, "{BEGIN}")?;
        Ok(Self { inner, pending: Vec::with_capacity(LINE_BYTES) })
    }

    /// Writes the last lines and hands the inner writer back.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.pending.is_empty() {
            writeln!(self.inner, "{}", PADDED.encode(&self.pending))?;
        }
        writeln!(self.inner, "{END}")?;
        self.inner.flush()?;
        Ok(self.inner)
    }
}

impl<W: Write> Write for ArmorWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = String::with_capacity(bytes.len() / 3 * 4 + bytes.len() / LINE_BYTES + 66);
        let mut rest = bytes;
        while self.pending.len() + rest.len() >= LINE_BYTES {
            let (head, tail) = rest.split_at(LINE_BYTES - self.pending.len());
            self.pending.extend_from_slice(head);
            PADDED.encode_string(&self.pending, &mut text);
            text.push('\n');
            self.pending.clear();
            rest = tail;
        }
        self.pending.extend_from_slice(rest);
        self.inner.write_all(text.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Takes the armor off a stream. Its errors are [`ArmorError`] inside [`io::ErrorKind::InvalidData`].
pub struct ArmorReader<R: BufRead> {
    inner: R,
    decoder: Decoder,
    line: Vec<u8>,
    plain: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<R: BufRead> ArmorReader<R> {
    /// Reads armored text from `inner`.
    pub fn new(inner: R) -> Self {
        Self { inner, decoder: Decoder::default(), line: Vec::new(), plain: Vec::new(), at: 0, ended: false }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.plain.clear();
        self.at = 0;
        while self.plain.is_empty() && !self.ended {
            self.line.clear();
            self.inner.by_ref().take(MAX_LINE).read_until(b'\n', &mut self.line)?;
            self.ended = self.line.is_empty();
            let step = if self.ended {
                self.decoder.finish()
            } else {
                self.decoder.line(&self.line, &mut self.plain)
            };
            step.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
        Ok(())
    }
}

impl<R: BufRead> Read for ArmorReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.plain.len() {
            self.refill()?;
        }
        let length = out.len().min(self.plain.len() - self.at);
        out[..length].copy_from_slice(&self.plain[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

/// Where a decoder stands between two lines.
#[derive(Default)]
struct Decoder {
    place: Place,
    lines: u64,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Place {
    #[default]
    Before,
    /// Full lines may follow.
    Body,
    /// A line of fewer than 64 columns or with padding was the last one.
    LastLine,
    After,
}

impl Decoder {
    fn line(&mut self, raw: &[u8], file: &mut Vec<u8>) -> Result<(), ArmorError> {
        match self.place {
            Place::Before | Place::After => self.outside(raw),
            Place::Body | Place::LastLine => self.inside(raw, file),
        }
    }

    fn outside(&mut self, raw: &[u8]) -> Result<(), ArmorError> {
        let blank = raw.iter().all(u8::is_ascii_whitespace);
        match self.place {
            _ if blank => Ok(()),
            Place::Before if without_line_end(raw).trim_ascii_start() == BEGIN.as_bytes() => {
                self.place = Place::Body;
                Ok(())
            }
            Place::Before => Err(ArmorError::Begin),
            _ => Err(ArmorError::Trailing),
        }
    }

    fn inside(&mut self, raw: &[u8], file: &mut Vec<u8>) -> Result<(), ArmorError> {
        if raw.trim_ascii_end() == END.as_bytes() {
            self.place = Place::After;
            return Ok(());
        }
        self.lines += 1;
        let line = without_line_end(raw);
        let fits =
            self.place == Place::Body && !line.is_empty() && line.len() <= COLUMNS && raw.ends_with(b"\n");
        let bytes = fits.then(|| PADDED.decode(line).ok()).flatten().ok_or(ArmorError::Line(self.lines))?;
        if bytes.len() < LINE_BYTES {
            self.place = Place::LastLine;
        }
        file.extend_from_slice(&bytes);
        Ok(())
    }

    fn finish(&self) -> Result<(), ArmorError> {
        match self.place {
            Place::Before => Err(ArmorError::Begin),
            Place::After => Ok(()),
            Place::Body | Place::LastLine => Err(ArmorError::Truncated),
        }
    }
}

fn without_line_end(raw: &[u8]) -> &[u8] {
    let line = raw.strip_suffix(b"\n").unwrap_or(raw);
    line.strip_suffix(b"\r").unwrap_or(line)
}

const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const END: &str = "-----END AGE ENCRYPTED FILE-----";
const COLUMNS: usize = 64;
const LINE_BYTES: usize = 48;
/// Longer lines are malformed in any place; blank text around the armor may come in pieces.
const MAX_LINE: u64 = 1024;

const PADDED: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(false),
);

#[cfg(test)]
mod tests;
