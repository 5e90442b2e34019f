//! Payloads: STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015) in segments of 64 KiB, as age has it.
//!
//! A payload begins with a random nonce of 16 bytes; file key and nonce give the payload key. Segment
//! number i is sealed under the nonce i ‖ f, where f is 1 for the last one: segments cannot be changed,
//! moved, dropped, doubled or cut off. Suite `standard` uses ChaCha20-Poly1305, `hybrid-rsa` AES-256-GCM.
//!
//! [`PayloadSealer`] and [`PayloadOpener`] work in memory, on all segments or on some;
//! [`SealWriter`] and [`OpenReader`] on streams of any length with bounded memory.

mod layout;
mod parts;
mod stream;

use std::ops::Range;

use aws_lc_rs::aead::{AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

pub use layout::{NONCE, SEALED_SEGMENT, SEGMENT, SegmentSpan, TAG, plain_length, sealed_length, segments};
pub use parts::PartsError;
pub use stream::{OpenReader, SealWriter};

use crate::absent::assert_opaque;
use crate::file_key::ItemKey;
use crate::suite::Suite;

/// Seals a payload, all at once or segment by segment.
pub struct PayloadSealer {
    key: SegmentKey,
    nonce: [u8; NONCE],
}

/// Opens a payload, all at once or any segments of it.
pub struct PayloadOpener {
    key: SegmentKey,
}

assert_opaque!(PayloadSealer, PayloadOpener);

/// Why a payload does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// No payload has this many bytes.
    #[error("a sealed payload cannot have {0} bytes: it was cut or added to")]
    Length(u64),
    /// A segment was changed, moved, cut off, or sealed under another key.
    #[error("segment {0} of the payload is not the one that was sealed")]
    Segment(u64),
    /// This segment is good, but it is not the last one, and nothing follows.
    #[error("the payload was cut off after segment {0}")]
    CutAfter(u64),
    /// This segment is good and the last one, yet more follows.
    #[error("bytes follow segment {0}, the last one of the payload")]
    GoesOnAfter(u64),
    /// The bytes are not those of the span.
    #[error("the bytes at hand are not those of the segments asked for")]
    Span,
}

impl PayloadError {
    /// The segment that is named.
    fn segment(&self) -> Option<u64> {
        match self {
            Self::Segment(number) | Self::CutAfter(number) | Self::GoesOnAfter(number) => Some(*number),
            Self::Length(_) | Self::Span => None,
        }
    }

    /// How many segments, counted from the payload's first, are good.
    fn good_segments(&self) -> u64 {
        match self {
            Self::Segment(number) => *number,
            Self::CutAfter(number) | Self::GoesOnAfter(number) => number + 1,
            Self::Length(_) | Self::Span => 0,
        }
    }
}

/// How many cores a call may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cores {
    /// The caller's.
    #[default]
    One,
    /// Those of rayon's pool.
    All,
}

impl PayloadSealer {
    /// A sealer with a fresh nonce.
    ///
    /// Each segment number may be sealed once only; a second payload needs a second sealer.
    pub fn new(key: &ItemKey) -> Self {
        Self::with_nonce(key, cowl_crypto::id::random_bytes())
    }

    /// A sealer with a nonce from elsewhere, for vectors and for resuming: the same file key and nonce must
    /// never meet different plaintext.
    pub fn dangerous_with_nonce(key: &ItemKey, nonce: [u8; NONCE]) -> Self {
        Self::with_nonce(key, nonce)
    }

    fn with_nonce(key: &ItemKey, nonce: [u8; NONCE]) -> Self {
        Self { key: SegmentKey::new(key, &nonce), nonce }
    }

    /// The nonce, which stands in front of the segments.
    pub fn nonce(&self) -> &[u8; NONCE] {
        &self.nonce
    }

    /// Seals a plaintext; the result is the whole payload.
    pub fn seal(self, plaintext: &[u8], cores: Cores) -> Vec<u8> {
        let mut payload = vec![0; length_in_memory(plaintext.len())];
        self.seal_into(plaintext, &mut payload, cores);
        payload
    }

    /// Seals a plaintext into a buffer of exactly [`sealed_length`] bytes.
    ///
    /// # Panics
    /// When the buffer has another length.
    pub fn seal_into(self, plaintext: &[u8], payload: &mut [u8], cores: Cores) {
        assert_eq!(payload.len(), length_in_memory(plaintext.len()), "a buffer of the payload's length");
        let (nonce, segments) = payload.split_at_mut(NONCE);
        nonce.copy_from_slice(&self.nonce);
        self.seal_segments(0, true, plaintext, segments, cores);
    }

    /// Seals a run of segments that begins with number `first`: full ones, or, when `ends`, up to the
    /// payload's last. `sealed` has room for exactly these.
    ///
    /// # Panics
    /// When the lengths do not fit together.
    pub fn seal_segments(&self, first: u64, ends: bool, plaintext: &[u8], sealed: &mut [u8], cores: Cores) {
        assert!(ends || plaintext.len().is_multiple_of(SEGMENT), "only the last segment may be short");
        let run =
            Run { key: &self.key, first, ends, count: plaintext.len().div_ceil(SEGMENT).max(ends.into()) };
        assert_eq!(sealed.len(), plaintext.len() + run.count * TAG, "room for exactly these segments");
        match cores {
            Cores::One => (0..run.count)
                .zip(segments_of(plaintext, run.count))
                .zip(sealed.chunks_mut(SEALED_SEGMENT))
                .for_each(|((at, plain), sealed)| run.seal(at, plain, sealed)),
            Cores::All => {
                sealed.par_chunks_mut(SEALED_SEGMENT).with_min_len(PARALLEL_GRAIN).enumerate().for_each(
                    |(at, sealed)| run.seal(at, &plaintext[segment_range(at, plaintext.len())], sealed),
                )
            }
        }
    }
}

impl PayloadOpener {
    /// An opener for the payload that begins with this nonce.
    pub fn new(key: &ItemKey, nonce: &[u8; NONCE]) -> Self {
        Self { key: SegmentKey::new(key, nonce) }
    }

    /// Opens a whole payload, nonce included.
    ///
    /// # Errors
    /// [`PayloadError`] says where it differs from what was sealed.
    pub fn open(key: &ItemKey, payload: &[u8], cores: Cores) -> Result<Vec<u8>, PayloadError> {
        let length = plain_length(payload.len() as u64)?;
        let mut plaintext =
            vec![0; usize::try_from(length).expect("a plaintext is shorter than its payload")];
        Self::open_into(key, payload, &mut plaintext, cores)?;
        Ok(plaintext)
    }

    /// Opens a whole payload, nonce included, into a buffer of exactly [`plain_length`] bytes. After an
    /// error the buffer's content is of no use.
    ///
    /// # Errors
    /// [`PayloadError`] says where it differs from what was sealed.
    pub fn open_into(
        key: &ItemKey,
        payload: &[u8],
        plain: &mut [u8],
        cores: Cores,
    ) -> Result<(), PayloadError> {
        let length = payload.len() as u64;
        let (nonce, segments) = payload.split_first_chunk().ok_or(PayloadError::Length(length))?;
        if plain_length(length)? != plain.len() as u64 {
            return Err(PayloadError::Span);
        }
        Self::new(key, nonce).open_segments(0, true, segments, plain, cores)
    }

    /// Opens a run of segments that begins with number `first`: full ones, or, when `ends`, up to the
    /// payload's last. `plaintext` has room for exactly what they hold; after an error its content is of
    /// no use.
    ///
    /// # Errors
    /// [`PayloadError`] names the first segment that is not as it was sealed; [`PayloadError::Span`] means
    /// lengths that do not fit together.
    pub fn open_segments(
        &self,
        first: u64,
        ends: bool,
        sealed: &[u8],
        plaintext: &mut [u8],
        cores: Cores,
    ) -> Result<(), PayloadError> {
        let count = sealed.len().div_ceil(SEALED_SEGMENT);
        let short = !sealed.len().is_multiple_of(SEALED_SEGMENT);
        if plaintext.len().checked_add(count * TAG) != Some(sealed.len()) || count == 0 || (short && !ends) {
            return Err(PayloadError::Span);
        }
        let run = Run { key: &self.key, first, ends, count };
        match cores {
            Cores::One => segments_of_mut(plaintext, count)
                .zip(sealed.chunks(SEALED_SEGMENT))
                .enumerate()
                .try_for_each(|(at, (plain, sealed))| run.open(at, sealed, plain)),
            Cores::All if plaintext.is_empty() => run.open(0, sealed, plaintext),
            Cores::All => sealed
                .par_chunks(SEALED_SEGMENT)
                .zip(plaintext.par_chunks_mut(SEGMENT))
                .with_min_len(PARALLEL_GRAIN)
                .enumerate()
                .map(|(at, (sealed, plain))| run.open(at, sealed, plain))
                .reduce(|| Ok(()), first_error),
        }
    }

    /// Opens the range of plaintext for which `span` was made, from the bytes at `span.sealed`.
    ///
    /// # Errors
    /// [`PayloadError`] names the first segment that is not as it was sealed; [`PayloadError::Span`] means
    /// bytes of another length.
    pub fn open_range(&self, span: &SegmentSpan, sealed: &[u8]) -> Result<Vec<u8>, PayloadError> {
        let count = sealed.len().div_ceil(SEALED_SEGMENT);
        let plain = sealed.len().checked_sub(count * TAG).ok_or(PayloadError::Span)?;
        let end = span.lead.checked_add(span.length).ok_or(PayloadError::Span)?;
        if (span.sealed.end - span.sealed.start) != sealed.len() as u64 || end > plain {
            return Err(PayloadError::Span);
        }
        let mut plaintext = vec![0; plain];
        self.open_segments(span.first, span.ends, sealed, &mut plaintext, Cores::All)?;
        plaintext.truncate(end);
        plaintext.drain(..span.lead);
        Ok(plaintext)
    }
}

/// The AEAD key of a payload.
struct SegmentKey(LessSafeKey);

impl SegmentKey {
    fn new(key: &ItemKey, nonce: &[u8; NONCE]) -> Self {
        let algorithm = match key.suite() {
            Suite::Standard => &CHACHA20_POLY1305,
            Suite::HybridRsa => &AES_256_GCM,
        };
        let key =
            UnboundKey::new(algorithm, key.payload_key(nonce).expose()).expect("both take keys of 32 bytes");
        Self(LessSafeKey::new(key))
    }

    fn seal(&self, number: u64, last: bool, plain: &[u8], sealed: &mut [u8]) {
        let (ciphertext, tag) = sealed.split_at_mut(plain.len());
        self.0
            .seal_out_of_place_scatter(segment_nonce(number, last), Aad::empty(), plain, ciphertext, &[], tag)
            .expect("64 KiB are within the limit of the AEAD, and the buffers fit");
    }

    fn open(&self, number: u64, last: bool, sealed: &[u8], plain: &mut [u8]) -> bool {
        let (ciphertext, tag) = sealed.split_at(plain.len());
        self.0.open_separate_gather(segment_nonce(number, last), Aad::empty(), ciphertext, tag, plain).is_ok()
    }
}

/// Segments in a row.
struct Run<'a> {
    key: &'a SegmentKey,
    first: u64,
    ends: bool,
    count: usize,
}

impl Run<'_> {
    fn is_last(&self, at: usize) -> bool {
        self.ends && at + 1 == self.count
    }

    fn seal(&self, at: usize, plain: &[u8], sealed: &mut [u8]) {
        self.key.seal(self.first + at as u64, self.is_last(at), plain, sealed);
    }

    fn open(&self, at: usize, sealed: &[u8], plain: &mut [u8]) -> Result<(), PayloadError> {
        let number = self.first + at as u64;
        let last = self.is_last(at);
        let full = plain.len() == SEGMENT;
        if self.key.open(number, last, sealed, plain) {
            Ok(())
        } else if !(full && self.key.open(number, !last, sealed, plain)) {
            // Only a full segment can be good in the middle of a payload.
            Err(PayloadError::Segment(number))
        } else if last {
            Err(PayloadError::CutAfter(number))
        } else {
            Err(PayloadError::GoesOnAfter(number))
        }
    }
}

/// An 11-byte big-endian counter, then 1 for the last segment.
fn segment_nonce(number: u64, last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&number.to_be_bytes());
    nonce[11] = last.into();
    Nonce::assume_unique_for_key(nonce)
}

/// Where segment `at` of a run lies in its plaintext.
fn segment_range(at: usize, length: usize) -> Range<usize> {
    at * SEGMENT..length.min((at + 1) * SEGMENT)
}

/// `count` segments of plaintext, where an empty plaintext has one too.
fn segments_of(plain: &[u8], count: usize) -> impl Iterator<Item = &[u8]> {
    (0..count).map(|at| &plain[segment_range(at, plain.len())])
}

fn segments_of_mut(plain: &mut [u8], count: usize) -> impl Iterator<Item = &mut [u8]> {
    let mut rest = plain;
    (0..count).map(move |_| {
        let whole = std::mem::take(&mut rest);
        let length = whole.len().min(SEGMENT);
        let (head, tail) = whole.split_at_mut(length);
        rest = tail;
        head
    })
}

/// The error of the lower segment, so that the report does not depend on which core was faster.
fn first_error(one: Result<(), PayloadError>, other: Result<(), PayloadError>) -> Result<(), PayloadError> {
    match (one, other) {
        (Err(one), Err(other)) => Err(if one.segment() <= other.segment() { one } else { other }),
        (one, other) => one.and(other),
    }
}

fn length_in_memory(plain: usize) -> usize {
    usize::try_from(sealed_length(plain as u64)).expect("a plaintext in memory leaves room for its tags")
}

/// Segments that one core takes at a time.
const PARALLEL_GRAIN: usize = 4;

#[cfg(test)]
mod tests;
