//! Splitting and joining payloads that pass by, one part in memory at a time.

use std::io::{self, Read, Write};

use super::{Dice, MAX_PART, MIN_PART, MergeError, PartCheck};

/// Cuts what is written to it and hands each part over when it is full. How long the stream will be need
/// not be known: the sizes are drawn as it goes.
pub struct PartSplitter<F> {
    sizes: OpenPlan,
    part: Vec<u8>,
    /// Of the part that is being filled.
    size: usize,
    hand_over: F,
}

impl<F: FnMut(Vec<u8>, PartCheck) -> io::Result<()>> PartSplitter<F> {
    /// Cuts into parts of random sizes; the same seed cuts the same way. `hand_over` gets the parts in order.
    ///
    /// The bounds are those of a [`super::SplitPlan`]: no part has more than [`MAX_PART`] bytes, and none but
    /// the only one fewer than [`MIN_PART`].
    pub fn new(seed: &[u8; 32], hand_over: F) -> Self {
        let mut sizes = OpenPlan::draw(seed);
        let size = sizes.next_size();
        Self { sizes, part: Vec::new(), size, hand_over }
    }

    /// Hands over what is left.
    ///
    /// # Errors
    /// Those of `hand_over`.
    pub fn finish(mut self) -> io::Result<()> {
        if self.part.is_empty() { Ok(()) } else { self.cut(self.part.len()) }
    }

    fn cut(&mut self, length: usize) -> io::Result<()> {
        let rest = self.part.split_off(length);
        let part = std::mem::replace(&mut self.part, rest);
        let check = PartCheck::of(&part);
        (self.hand_over)(part, check)
    }
}

impl<F: FnMut(Vec<u8>, PartCheck) -> io::Result<()>> Write for PartSplitter<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A part is cut off when enough for another one has come: nothing too small is left over.
        let full = self.size + MIN_PART as usize;
        let length = bytes.len().min(full - self.part.len());
        if self.part.capacity() < full {
            self.part.reserve_exact(full - self.part.len());
        }
        self.part.extend_from_slice(&bytes[..length]);
        if self.part.len() == full {
            self.cut(self.size)?;
            self.size = self.sizes.next_size();
        }
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sizes of the parts of a stream that may end at any time.
struct OpenPlan {
    dice: Dice,
    mean: u64,
}

impl OpenPlan {
    /// The mean is drawn, too, so that the number of parts does not tell the length.
    fn draw(seed: &[u8; 32]) -> Self {
        let mut dice = Dice::new(seed);
        let mean = MAX_PART / 4 + dice.below(MAX_PART / 4 + 1);
        Self { dice, mean }
    }

    /// From half the mean to one and a half: at most 12 MiB, so that the last part may take up the smallest
    /// size more and is still below [`MAX_PART`].
    fn next_size(&mut self) -> usize {
        (self.mean / 2 + self.dice.below(self.mean + 1)) as usize
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
