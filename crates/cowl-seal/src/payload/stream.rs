//! Payloads that pass by: a run of segments is in memory at a time.

use std::io::{self, Read, Write};

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
        let plain = Zeroizing::new(Vec::with_capacity(RUN * SEGMENT));
        Ok(Self { inner, sealer, next: 0, plain, sealed: vec![0; RUN * SEALED_SEGMENT], cores })
    }

    /// Seals the last segment and hands the inner writer back, flushed.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal_run(true)?;
        self.inner.flush()?;
        Ok(self.inner)
    }

    fn seal_run(&mut self, ends: bool) -> io::Result<()> {
        let count = self.plain.len().div_ceil(SEGMENT).max(ends.into());
        let sealed = &mut self.sealed[..self.plain.len() + count * TAG];
        self.sealer.seal_segments(self.next, ends, &self.plain, sealed, self.cores);
        self.next += count as u64;
        self.plain.clear();
        self.inner.write_all(sealed)
    }
}

impl<W: Write> Write for SealWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full run waits until more comes: only then is it known not to be the last.
        if self.plain.len() == RUN * SEGMENT && !bytes.is_empty() {
            self.seal_run(false)?;
        }
        let length = bytes.len().min(RUN * SEGMENT - self.plain.len());
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
            plain: Zeroizing::new(Vec::with_capacity(RUN * SEGMENT)),
            at: 0,
            state: State::Reading,
            cores,
        })
    }

    fn open_run(&mut self) -> io::Result<()> {
        let length = self.ahead + read_full(&mut self.inner, &mut self.sealed[self.ahead..])?;
        let ends = length < self.sealed.len();
        let run = if ends { length } else { RUN * SEALED_SEGMENT };
        self.at = 0;
        let outcome = self.open_bytes(run, ends);
        if !ends {
            self.sealed[0] = self.sealed[run];
            self.ahead = 1;
        }
        self.state = match outcome {
            Err(error) => State::Failed(error),
            Ok(()) if ends => State::Ended,
            Ok(()) => State::Reading,
        };
        Ok(())
    }

    /// Leaves in `plain` what the run holds, or what it holds before the first bad segment.
    fn open_bytes(&mut self, run: usize, ends: bool) -> Result<(), PayloadError> {
        let count = run.div_ceil(SEALED_SEGMENT);
        let last = run - count.saturating_sub(1) * SEALED_SEGMENT;
        // An empty segment may only be the payload's first, and none can be shorter than its tag.
        let short = last < TAG || (last == TAG && self.next + count as u64 > 1);
        let whole = if short { count - 1.min(count) } else { count };
        let sealed = &self.sealed[..if short { whole * SEALED_SEGMENT } else { run }];
        let outcome = if sealed.is_empty() { Ok(()) } else { self.open_prefix(whole, run, ends && !short) };
        let bad = self.next + whole as u64;
        self.next += count as u64;
        outcome.and(if short { Err(PayloadError::Segment(bad)) } else { Ok(()) })
    }

    fn open_prefix(&mut self, count: usize, run: usize, ends: bool) -> Result<(), PayloadError> {
        let sealed = &self.sealed[..run.min(count * SEALED_SEGMENT)];
        self.plain.resize(sealed.len() - count * TAG, 0);
        let outcome = self.opener.open_segments(self.next, ends, sealed, &mut self.plain, self.cores);
        if let Err(PayloadError::Segment(bad)) = outcome {
            // Several cores may have written beyond the bad segment, and one may have left before others:
            // what comes before it is opened again, in order.
            let good = usize::try_from(bad - self.next).expect("a bad segment lies in the run");
            self.plain.truncate(good * SEGMENT);
            if good > 0 {
                let sealed = &self.sealed[..good * SEALED_SEGMENT];
                self.opener.open_segments(self.next, false, sealed, &mut self.plain, Cores::One)?;
            }
        }
        outcome
    }
}

impl<R: Read> Read for OpenReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.plain.len() && !out.is_empty() {
            self.plain.clear();
            self.at = 0;
            match self.state {
                State::Reading => self.open_run()?,
                State::Ended => return Ok(0),
                State::Failed(error) => return Err(invalid(error)),
            }
            if self.plain.is_empty() {
                return if let State::Failed(error) = self.state { Err(invalid(error)) } else { Ok(0) };
            }
        }
        let length = out.len().min(self.plain.len() - self.at);
        out[..length].copy_from_slice(&self.plain[self.at..self.at + length]);
        self.at += length;
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

/// Segments in memory at a time: 1 MiB of plaintext.
const RUN: usize = 16;
