//! Sealing and opening with the hashes of the parts, each run of segments while it is in the cache: from
//! memory, BLAKE3 is a quarter slower.

use std::ops::Range;

use cowl_crypto::digest::Hasher;

use super::layout::{NONCE, SEALED_SEGMENT, SEGMENT, plain_length};
use super::{Cores, PayloadError, PayloadOpener, PayloadSealer};
use crate::file_key::ItemKey;
use crate::split::{MergeError, PartCheck, SplitPlan, check_parts};

/// Why parts do not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartsError {
    /// A part is not the one that the manifest lists.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The parts are those of the manifest, but not a payload under this key.
    #[error(transparent)]
    Payload(#[from] PayloadError),
}

impl PayloadSealer {
    /// Seals a plaintext into a buffer of exactly [`super::sealed_length`] bytes, and yields what the
    /// manifest is to say about the parts.
    ///
    /// # Panics
    /// When buffer or plan have another length.
    pub fn seal_parts(
        self,
        plaintext: &[u8],
        plan: &SplitPlan,
        payload: &mut [u8],
        cores: Cores,
    ) -> Vec<PartCheck> {
        assert_eq!(payload.len() as u64, plan.length(), "a plan of the payload's length");
        if cores == Cores::All {
            self.seal_into(plaintext, payload, cores);
            return plan.check_parts(payload, cores);
        }
        assert_eq!(
            plain_length(plan.length()),
            Ok(plaintext.len() as u64),
            "a buffer of the payload's length"
        );
        payload[..NONCE].copy_from_slice(self.nonce());
        let mut hashes = PartHashes::new(plan.sizes().iter().map(|size| *size as usize).collect());
        for run in runs(plaintext.len(), payload.len(), RUN) {
            let (plain, sealed) = (&plaintext[run.plain], &mut payload[run.sealed.clone()]);
            self.seal_segments(run.first, run.ends, plain, sealed, Cores::One);
            hashes.advance(run.sealed.end, |range| &payload[range]);
        }
        hashes.checks
    }
}

impl PayloadOpener {
    /// Opens a payload from its parts, in the order of `checks`, into a buffer that has exactly the bytes
    /// they hold ([`plain_length`]). Every part is checked, on one core while it is opened; after an error
    /// the buffer's content is of no use.
    ///
    /// # Errors
    /// [`PartsError`] names the part that is not the one listed, or else the segment that does not open.
    pub fn open_parts(
        key: &ItemKey,
        checks: &[PartCheck],
        parts: &[&[u8]],
        plaintext: &mut [u8],
        cores: Cores,
    ) -> Result<(), PartsError> {
        compare_sizes(checks, parts)?;
        if cores == Cores::All {
            check_parts(checks, parts, cores)?;
        }
        let outcome = open_checked(key, checks, parts, plaintext, cores);
        // A part that was changed is named before the segment that does not open because of it.
        outcome.or_else(|error| check_parts(checks, parts, cores).map_err(PartsError::from).and(Err(error)))
    }
}

fn compare_sizes(checks: &[PartCheck], parts: &[&[u8]]) -> Result<(), MergeError> {
    if parts.len() > checks.len() {
        return Err(MergeError::Surplus(checks.len()));
    }
    if parts.len() < checks.len() {
        return Err(MergeError::Missing(parts.len()));
    }
    let differs = checks.iter().zip(parts).position(|(check, part)| check.size != part.len() as u64);
    differs.map_or(Ok(()), |index| Err(MergeError::Mismatch(index)))
}

/// With one core, hashes on the way; with all, the parts were hashed before.
fn open_checked(
    key: &ItemKey,
    checks: &[PartCheck],
    parts: &[&[u8]],
    plaintext: &mut [u8],
    cores: Cores,
) -> Result<(), PartsError> {
    let payload = Scattered::new(parts);
    if plain_length(payload.length as u64)? != plaintext.len() as u64 {
        return Err(PayloadError::Span.into());
    }
    let segments = if cores == Cores::One { RUN } else { PARALLEL_RUN };
    let mut scratch = vec![0; payload.length.min(segments * SEALED_SEGMENT)];
    let nonce = *payload.bytes(0..NONCE, &mut scratch).first_chunk().expect("a payload has a nonce");
    let opener = PayloadOpener::new(key, &nonce);
    let mut hashes = PartHashes::new(parts.iter().map(|part| part.len()).collect());
    for run in runs(plaintext.len(), payload.length, segments) {
        let sealed = payload.bytes(run.sealed.clone(), &mut scratch);
        opener.open_segments(run.first, run.ends, sealed, &mut plaintext[run.plain], cores)?;
        if cores == Cores::One {
            hashes.advance(run.sealed.end, |range| payload.within_part(range));
        }
    }
    let differs = hashes.checks.iter().zip(checks).position(|(found, listed)| found != listed);
    differs.map_or(Ok(()), |index| Err(MergeError::Mismatch(index).into()))
}

/// Segments that are sealed or opened in one go.
struct RunPlace {
    first: u64,
    ends: bool,
    plain: Range<usize>,
    sealed: Range<usize>,
}

/// All of a payload, `segments` at a time.
fn runs(plain: usize, payload: usize, segments: usize) -> impl Iterator<Item = RunPlace> {
    let count = plain.div_ceil(segments * SEGMENT).max(1);
    (0..count).map(move |at| RunPlace {
        first: (at * segments) as u64,
        ends: at + 1 == count,
        plain: at * segments * SEGMENT..plain.min((at + 1) * segments * SEGMENT),
        sealed: NONCE + at * segments * SEALED_SEGMENT
            ..payload.min(NONCE + (at + 1) * segments * SEALED_SEGMENT),
    })
}

/// Bytes of a payload that lie in several places.
struct Scattered<'a> {
    parts: &'a [&'a [u8]],
    starts: Vec<usize>,
    length: usize,
}

impl<'a> Scattered<'a> {
    fn new(parts: &'a [&'a [u8]]) -> Self {
        let mut length = 0;
        let next = |part: &&[u8]| {
            let start = length;
            length += part.len();
            start
        };
        let starts = parts.iter().map(next).collect();
        Self { parts, starts, length }
    }

    fn part_at(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset) - 1
    }

    /// A range that lies in one part.
    fn within_part(&self, range: Range<usize>) -> &'a [u8] {
        let part = self.part_at(range.start);
        &self.parts[part][range.start - self.starts[part]..range.end - self.starts[part]]
    }

    /// A range; gathered in `scratch` when it lies in several parts.
    fn bytes<'s>(&self, range: Range<usize>, scratch: &'s mut [u8]) -> &'s [u8]
    where
        'a: 's,
    {
        let first = self.part_at(range.start);
        if range.end <= self.starts[first] + self.parts[first].len() {
            return self.within_part(range);
        }
        let gathered = &mut scratch[..range.len()];
        let mut filled = 0;
        let mut from = range.start - self.starts[first];
        for part in &self.parts[first..] {
            let length = (part.len() - from).min(gathered.len() - filled);
            gathered[filled..filled + length].copy_from_slice(&part[from..from + length]);
            (filled, from) = (filled + length, 0);
        }
        gathered
    }
}

/// Hashes parts as their bytes become known.
struct PartHashes {
    sizes: std::vec::IntoIter<usize>,
    /// Where the part lies that is being hashed.
    part: Range<usize>,
    hashed: usize,
    hasher: Hasher,
    checks: Vec<PartCheck>,
}

impl PartHashes {
    fn new(sizes: Vec<usize>) -> Self {
        let checks = Vec::with_capacity(sizes.len());
        let mut sizes = sizes.into_iter();
        let part = 0..sizes.next().unwrap_or(0);
        Self { sizes, part, hashed: 0, hasher: Hasher::new(), checks }
    }

    /// Hashes what can be hashed now that the first `known` bytes of the payload are there. `bytes` yields
    /// a range that lies in one part.
    fn advance<'a>(&mut self, known: usize, bytes: impl Fn(Range<usize>) -> &'a [u8]) {
        while known >= self.part.end {
            self.hasher.update(bytes(self.hashed..self.part.end));
            self.checks.push(PartCheck { size: self.part.len() as u64, hash: self.hasher.finalize() });
            let Some(next) = self.sizes.next() else {
                self.part = usize::MAX..usize::MAX;
                return;
            };
            self.part = self.part.end..self.part.end + next;
            self.hashed = self.part.start;
            self.hasher = Hasher::new();
        }
        // BLAKE3 is fastest on pieces that are whole subtrees of the part.
        let whole = known.saturating_sub(self.part.start) / GRAIN * GRAIN + self.part.start;
        if whole > self.hashed && whole <= known {
            self.hasher.update(bytes(self.hashed..whole));
            self.hashed = whole;
        }
    }
}

/// Segments at a time: 256 KiB, which the second-level cache holds.
const RUN: usize = 4;
/// Segments at a time on all cores.
const PARALLEL_RUN: usize = 256;
/// Bytes that are hashed at a time, at least.
const GRAIN: usize = 64 << 10;
