//! Splitting and joining payloads that pass by, one part in memory at a time.

use std::io::{self, Read, Write};

use super::{MergeError, PartCheck, SplitPlan};

/// Cuts what is written to it and hands each part over when it is full.
pub struct PartSplitter<F> {
    sizes: std::vec::IntoIter<u32>,
    part: Vec<u8>,
    room: usize,
    hand_over: F,
}

impl<F: FnMut(Vec<u8>, PartCheck) -> io::Result<()>> PartSplitter<F> {
    /// Cuts along `plan`; `hand_over` gets the parts in order.
    pub fn new(plan: &SplitPlan, hand_over: F) -> Self {
        let mut sizes = plan.sizes.clone().into_iter();
        let room = sizes.next().map_or(0, |size| size as usize);
        Self { sizes, part: Vec::with_capacity(room), room, hand_over }
    }

    /// Checks that all parts are full.
    ///
    /// # Errors
    /// When fewer bytes were written than the plan has.
    pub fn finish(mut self) -> io::Result<()> {
        if !self.part.is_empty() || self.room > 0 || self.sizes.next().is_some() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "fewer bytes than the split plan has"));
        }
        Ok(())
    }

    fn complete(&mut self) -> io::Result<()> {
        self.room = self.sizes.next().map_or(0, |size| size as usize);
        let part = std::mem::replace(&mut self.part, Vec::with_capacity(self.room));
        let check = PartCheck::of(&part);
        (self.hand_over)(part, check)
    }
}

impl<F: FnMut(Vec<u8>, PartCheck) -> io::Result<()>> Write for PartSplitter<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.room == 0 && !bytes.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "more bytes than the split plan has"));
        }
        let length = bytes.len().min(self.room - self.part.len());
        self.part.extend_from_slice(&bytes[..length]);
        if self.part.len() == self.room && self.room > 0 {
            self.complete()?;
        }
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads parts as one payload; each is hashed before a byte of it comes out. Its own errors are
/// [`MergeError`] inside [`io::ErrorKind::InvalidData`].
pub struct PartJoiner<I> {
    checks: std::vec::IntoIter<PartCheck>,
    parts: I,
    part: Vec<u8>,
    at: usize,
    index: usize,
}

impl<I: Iterator<Item = io::Result<Vec<u8>>>> PartJoiner<I> {
    /// Joins `parts`, which come in the order of `checks`.
    pub fn new(checks: Vec<PartCheck>, parts: I) -> Self {
        Self { checks: checks.into_iter(), parts, part: Vec::new(), at: 0, index: 0 }
    }

    /// The next part; `None` after the last.
    fn fetch(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(check) = self.checks.next() else {
            let surplus = self.parts.next().transpose()?.is_some();
            return if surplus { Err(invalid(MergeError::Surplus(self.index))) } else { Ok(None) };
        };
        let part = self.parts.next().transpose()?.ok_or_else(|| invalid(MergeError::Missing(self.index)))?;
        if !check.matches(&part) {
            return Err(invalid(MergeError::Mismatch(self.index)));
        }
        self.index += 1;
        Ok(Some(part))
    }
}

impl<I: Iterator<Item = io::Result<Vec<u8>>>> Read for PartJoiner<I> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.part.len() && !out.is_empty() {
            let Some(part) = self.fetch()? else { return Ok(0) };
            (self.part, self.at) = (part, 0);
        }
        let length = out.len().min(self.part.len() - self.at);
        out[..length].copy_from_slice(&self.part[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

fn invalid(error: MergeError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
