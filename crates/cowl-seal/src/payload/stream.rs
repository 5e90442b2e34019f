//! Payloads that pass by: a run of segments is in memory at a time.

use std::io::{self, BufRead, Read, Write};

use zeroize::Zeroizing;

use super::layout::{NONCE, SEALED_SEGMENT, SEGMENT, TAG};
use super::{Cores, PayloadError, PayloadOpener, PayloadSealer};
use crate::file_key::ItemKey;

/// Seals what is written to it. Without [`SealWriter::finish`] the payload has no last segment and will
/// not open.
pub struct SealWriter<W: Write> {
    inner: W,
    sealer: PayloadSealer,
    next: u64,
    plain: Zeroizing<Vec<u8>>,
    sealed: Vec<u8>,
    cores: Cores,
}

impl<W: Write> SealWriter<W> {
    /// Writes the nonce.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn new(mut inner: W, sealer: PayloadSealer, cores: Cores) -> io::Result<Self> {
        inner.write_all(sealer.nonce())?;
        let plain = Zeroizing::new(Vec::with_capacity(RUN_BYTES));
        Ok(Self { inner, sealer, next: 0, plain, sealed: vec![0; RUN * SEALED_SEGMENT], cores })
    }

    /// Seals the last segment and hands the inner writer back, flushed.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal_pending(true)?;
        self.inner.flush()?;
        Ok(self.inner)
    }

    fn seal_pending(&mut self, ends: bool) -> io::Result<()> {
        let mut plain = std::mem::take(&mut self.plain);
        let outcome = self.seal_run(&plain, ends);
        plain.clear();
        self.plain = plain;
        outcome
    }

    fn seal_run(&mut self, plain: &[u8], ends: bool) -> io::Result<()> {
        let count = plain.len().div_ceil(SEGMENT).max(ends.into());
        let sealed = &mut self.sealed[..plain.len() + count * TAG];
        self.sealer.seal_segments(self.next, ends, plain, sealed, self.cores);
        self.next += count as u64;
        self.inner.write_all(sealed)
    }
}

impl<W: Write> Write for SealWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full run waits until more comes: only then is it known not to be the last.
        if self.plain.len() == RUN_BYTES && !bytes.is_empty() {
            self.seal_pending(false)?;
        }
        if self.plain.is_empty() && bytes.len() > RUN_BYTES {
            self.seal_run(&bytes[..RUN_BYTES], false)?;
            return Ok(RUN_BYTES);
        }
        let length = bytes.len().min(RUN_BYTES - self.plain.len());
        self.plain.extend_from_slice(&bytes[..length]);
        Ok(length)
    }

    /// Flushes what is sealed; an unfinished run stays.
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Opens what it reads. Every byte that comes out was authenticated; the end of the stream comes only
/// after the last segment was. Its own errors are [`PayloadError`] inside [`io::ErrorKind::InvalidData`].
pub struct OpenReader<R: Read> {
    inner: R,
    opener: PayloadOpener,
    next: u64,
    sealed: Vec<u8>,
    /// How many bytes of `sealed` were read beyond the run before.
    ahead: usize,
    plain: Zeroizing<Vec<u8>>,
    /// How many bytes of `plain` are the stream's.
    filled: usize,
    at: usize,
    state: State,
    cores: Cores,
}

enum State {
    Reading,
    Ended,
    Failed(PayloadError),
}

impl<R: Read> OpenReader<R> {
    /// Reads the nonce.
    ///
    /// # Errors
    /// Those of the reader, and [`PayloadError::Length`] when there is no nonce.
    pub fn new(mut inner: R, key: &ItemKey, cores: Cores) -> io::Result<Self> {
        let mut nonce = [0; NONCE];
        let length = read_full(&mut inner, &mut nonce)?;
        if length < NONCE {
            return Err(invalid(PayloadError::Length(length as u64)));
        }
        Ok(Self {
            inner,
            opener: PayloadOpener::new(key, &nonce),
            next: 0,
            // One byte more than a run, to see whether it is the last.
            sealed: vec![0; RUN * SEALED_SEGMENT + 1],
            ahead: 0,
            plain: Zeroizing::new(vec![0; RUN_BYTES]),
            filled: 0,
            at: 0,
            state: State::Reading,
            cores,
        })
    }

    fn open_run(&mut self) -> io::Result<()> {
        let length = self.ahead + read_full(&mut self.inner, &mut self.sealed[self.ahead..])?;
        let ends = length < self.sealed.len();
        let run = if ends { length } else { RUN * SEALED_SEGMENT };
        (self.at, self.filled) = (0, 0);
        self.state = match self.open_bytes(run, ends) {
            Err(error) => State::Failed(error),
            Ok(()) if ends => State::Ended,
            Ok(()) => State::Reading,
        };
        if !ends {
            self.sealed[0] = self.sealed[run];
            self.ahead = 1;
        }
        Ok(())
    }

    /// Leaves in `plain` what the run holds, or what it holds before the first bad segment.
    fn open_bytes(&mut self, run: usize, ends: bool) -> Result<(), PayloadError> {
        let count = run.div_ceil(SEALED_SEGMENT);
        let last = run - count.saturating_sub(1) * SEALED_SEGMENT;
        let first = self.next;
        self.next += count as u64;
        // No segment is shorter than its tag, and only a payload's first may be empty.
        if last > TAG || (last == TAG && self.next == 1) {
            return self.open_segments(first, run, ends);
        }
        let whole = count.saturating_sub(1);
        if whole > 0 {
            self.open_segments(first, whole * SEALED_SEGMENT, false)?;
        }
        Err(PayloadError::Segment(first + whole as u64))
    }

    fn open_segments(&mut self, first: u64, run: usize, ends: bool) -> Result<(), PayloadError> {
        let length = run - run.div_ceil(SEALED_SEGMENT) * TAG;
        let plain = &mut self.plain[..length];
        let outcome = self.opener.open_segments(first, ends, &self.sealed[..run], plain, self.cores);
        self.filled = match outcome {
            Err(error) => length.min(error.good_segments().saturating_sub(first) as usize * SEGMENT),
            Ok(()) => length,
        };
        outcome
    }
}

impl<R: Read> BufRead for OpenReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at == self.filled {
            match self.state {
                State::Reading => self.open_run()?,
                State::Ended => break,
                State::Failed(error) => return Err(invalid(error)),
            }
        }
        Ok(&self.plain[self.at..self.filled])
    }

    fn consume(&mut self, amount: usize) {
        self.at = self.filled.min(self.at + amount);
    }
}

impl<R: Read> Read for OpenReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let length = self.fill_buf()?.read(out)?;
        self.consume(length);
        Ok(length)
    }
}

fn invalid(error: PayloadError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Fills the buffer as far as the stream reaches.
fn read_full(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match reader.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// Segments in memory at a time: 2 MiB of plaintext.
const RUN: usize = 32;
const RUN_BYTES: usize = RUN * SEGMENT;
