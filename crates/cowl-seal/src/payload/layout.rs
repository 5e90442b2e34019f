//! Where plaintext bytes lie in a payload.
//!
//! A payload is a nonce of 16 bytes and then, for every 65,536 bytes of plaintext, a segment of 65,552:
//! ciphertext and tag. The last segment may be shorter; it is empty only when all is.

use std::ops::Range;

use super::PayloadError;

/// Plaintext bytes of a full segment.
pub const SEGMENT: usize = 64 << 10;
/// Bytes of a segment's tag.
pub const TAG: usize = 16;
/// Bytes of a full sealed segment.
pub const SEALED_SEGMENT: usize = SEGMENT + TAG;
/// Bytes of the nonce in front of the segments.
pub const NONCE: usize = 16;

/// How many segments a plaintext has: one at least.
pub const fn segments(plain_length: u64) -> u64 {
    let count = plain_length.div_ceil(SEGMENT as u64);
    if count == 0 { 1 } else { count }
}

/// Bytes of the payload that seals `plain_length` bytes, nonce included; saturates above 2⁶³.
pub const fn sealed_length(plain_length: u64) -> u64 {
    (NONCE as u64).saturating_add(segments_length(plain_length))
}

/// Bytes of the segments that seal `plain_length` bytes, without a nonce.
pub(super) const fn segments_length(plain_length: u64) -> u64 {
    plain_length.saturating_add(segments(plain_length).saturating_mul(TAG as u64))
}

/// How many bytes a payload of `sealed_length` bytes holds.
///
/// # Errors
/// [`PayloadError::Length`] when no payload has this length.
pub const fn plain_length(sealed_length: u64) -> Result<u64, PayloadError> {
    let wrong = Err(PayloadError::Length(sealed_length));
    let Some(body) = sealed_length.checked_sub(NONCE as u64) else { return wrong };
    let full = body / SEALED_SEGMENT as u64;
    let rest = body % SEALED_SEGMENT as u64;
    match rest {
        0 if full > 0 => Ok(full * SEGMENT as u64),
        // An empty segment stands only alone.
        _ if rest < TAG as u64 || (rest == TAG as u64 && full > 0) => wrong,
        _ => Ok(full * SEGMENT as u64 + rest - TAG as u64),
    }
}

/// The segments that a range of plaintext touches, and where they lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentSpan {
    /// The first segment.
    pub first: u64,
    /// Where the segments lie in the payload, the nonce counted: these bytes are to be fetched.
    pub sealed: Range<u64>,
    /// How many bytes of plaintext the segments hold before the range.
    pub lead: usize,
    /// How many bytes the range has.
    pub length: usize,
    /// Whether the payload's last segment is among them.
    pub ends: bool,
}

impl SegmentSpan {
    /// The segments for a range of a payload that holds `plain_length` bytes. An empty range touches the
    /// segment it lies in; `None` when the range is reversed or reaches beyond the end.
    ///
    /// `plain_length` must come from an authenticated source, such as a sealed manifest: a payload that was
    /// cut at a segment would show only in its last segment.
    pub fn covering(range: &Range<u64>, plain_length: u64) -> Option<Self> {
        if range.start > range.end || range.end > plain_length {
            return None;
        }
        let last = segments(plain_length) - 1;
        let first = (range.start / SEGMENT as u64).min(last);
        let after = range.end.div_ceil(SEGMENT as u64).clamp(first + 1, last + 1);
        let start = NONCE as u64 + first * SEALED_SEGMENT as u64;
        let end = (NONCE as u64 + after * SEALED_SEGMENT as u64).min(sealed_length(plain_length));
        let lead = usize::try_from(range.start - first * SEGMENT as u64).ok()?;
        let length = usize::try_from(range.end - range.start).ok()?;
        Some(Self { first, sealed: start..end, lead, length, ends: after == last + 1 })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const S: u64 = SEGMENT as u64;

    #[test]
    fn lengths_go_both_ways() {
        for plain in [0, 1, S - 1, S, S + 1, 2 * S - 1, 2 * S, 2 * S + 1, 1 << 40] {
            assert_eq!(plain_length(sealed_length(plain)), Ok(plain));
        }
        assert_eq!(sealed_length(0), 32);
        assert_eq!(sealed_length(u64::MAX), u64::MAX);
    }

    #[test]
    fn lengths_that_no_payload_has_are_refused() {
        let sealed: Vec<u64> = (0..=2 * S).map(sealed_length).collect();
        for length in 0..=sealed_length(2 * S) {
            assert_eq!(plain_length(length).is_ok(), sealed.binary_search(&length).is_ok(), "{length}");
        }
    }

    #[test]
    fn ranges_beyond_the_end_have_no_span() {
        assert_eq!(SegmentSpan::covering(&(0..11), 10), None);
        assert_eq!(SegmentSpan::covering(&(u64::MAX..u64::MAX), 10), None);
        #[allow(clippy::reversed_empty_ranges)]
        let reversed = 5..4;
        assert_eq!(SegmentSpan::covering(&reversed, 10), None);
    }

    #[test]
    fn an_empty_range_at_the_end_lies_in_the_last_segment() {
        let span = SegmentSpan::covering(&(2 * S..2 * S), 2 * S).unwrap();
        assert_eq!((span.first, span.lead, span.length, span.ends), (1, SEGMENT, 0, true));
        let empty = SegmentSpan::covering(&(0..0), 0).unwrap();
        assert_eq!(empty.sealed, 16..32);
    }

    proptest! {
        #[test]
        fn a_span_holds_its_range(plain in 0..5 * S, from in 0..5 * S, to in 0..5 * S) {
            let range = from.min(to).min(plain)..from.max(to).min(plain);
            let span = SegmentSpan::covering(&range, plain).unwrap();
            prop_assert!(span.sealed.end <= sealed_length(plain) && span.sealed.start < span.sealed.end);
            prop_assert_eq!(span.ends, span.sealed.end == sealed_length(plain));
            prop_assert_eq!(span.first * S + span.lead as u64, range.start);
            prop_assert!(span.lead <= SEGMENT);
        }
    }
}
