use std::io::{Read, Write};

use proptest::prelude::*;

use super::*;
use crate::split::{MergeError, PartCheck, SplitPlan};

const SUITES: [Suite; 2] = [Suite::Standard, Suite::HybridRsa];

fn plaintext(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

fn sealed(suite: Suite, length: usize) -> (ItemKey, Vec<u8>) {
    let key = ItemKey::make(suite);
    let payload = PayloadSealer::new(&key).seal(&plaintext(length), Cores::One);
    (key, payload)
}

fn open(key: &ItemKey, payload: &[u8]) -> Result<Vec<u8>, PayloadError> {
    PayloadOpener::open(key, payload, Cores::One)
}

fn read(key: &ItemKey, payload: &[u8], cores: Cores) -> (Vec<u8>, Option<PayloadError>) {
    let mut released = Vec::new();
    let outcome =
        OpenReader::new(payload, key, cores).and_then(|mut reader| reader.read_to_end(&mut released));
    (released, outcome.err().map(|error| *error.get_ref().unwrap().downcast_ref().unwrap()))
}

#[test]
fn payloads_around_every_boundary_come_back() {
    for suite in SUITES {
        for length in [
            0,
            1,
            SEGMENT - 1,
            SEGMENT,
            SEGMENT + 1,
            3 * SEGMENT,
            32 * SEGMENT,
            33 * SEGMENT,
            65 * SEGMENT + 5,
        ] {
            let (key, payload) = sealed(suite, length);
            assert_eq!(payload.len() as u64, sealed_length(length as u64));
            for cores in [Cores::One, Cores::All] {
                assert_eq!(PayloadOpener::open(&key, &payload, cores).unwrap(), plaintext(length));
                assert_eq!(read(&key, &payload, cores), (plaintext(length), None));
            }
        }
    }
}

#[test]
fn one_core_and_all_seal_to_the_same_bytes() {
    for suite in SUITES {
        let key = ItemKey::make(suite);
        let seal = |cores| {
            PayloadSealer::dangerous_with_nonce(&key, [3; NONCE]).seal(&plaintext(80 * SEGMENT + 1), cores)
        };
        let one = seal(Cores::One);
        assert_eq!(one, seal(Cores::All));
        for cores in [Cores::One, Cores::All] {
            let sealer = PayloadSealer::dangerous_with_nonce(&key, [3; NONCE]);
            let mut writer = SealWriter::new(Vec::new(), sealer, cores).unwrap();
            for piece in plaintext(80 * SEGMENT + 1).chunks(100_003) {
                writer.write_all(piece).unwrap();
            }
            assert!(writer.finish().unwrap() == one);
        }
    }
}

#[test]
fn every_changed_byte_is_refused_by_its_segment() {
    for suite in SUITES {
        let (key, payload) = sealed(suite, 50);
        for at in 0..payload.len() {
            for bit in 0..8 {
                let mut changed = payload.clone();
                changed[at] ^= 1 << bit;
                assert_eq!(open(&key, &changed), Err(PayloadError::Segment(0)));
                assert_eq!(read(&key, &changed, Cores::One), (vec![], Some(PayloadError::Segment(0))));
            }
        }
    }
}

#[test]
fn a_changed_byte_in_any_segment_names_that_segment() {
    let (key, payload) = sealed(Suite::Standard, 40 * SEGMENT + 9);
    for segment in 0..=40 {
        let mut changed = payload.clone();
        changed[NONCE + segment * SEALED_SEGMENT] ^= 0x80;
        let bad = PayloadError::Segment(segment as u64);
        for cores in [Cores::One, Cores::All] {
            assert_eq!(PayloadOpener::open(&key, &changed, cores), Err(bad));
            assert_eq!(read(&key, &changed, cores), (plaintext(segment * SEGMENT), Some(bad)));
        }
    }
}

#[test]
fn every_cut_is_refused() {
    for suite in SUITES {
        let (key, payload) = sealed(suite, 50);
        for length in 0..payload.len() {
            assert!(open(&key, &payload[..length]).is_err(), "{length}");
            let (released, error) = read(&key, &payload[..length], Cores::One);
            assert!(released.is_empty() && error.is_some(), "{length}");
        }
    }
}

#[test]
fn a_cut_between_segments_is_named() {
    for segments in [1, 2, 32, 33] {
        let (key, payload) = sealed(Suite::Standard, 34 * SEGMENT);
        let cut = &payload[..NONCE + segments * SEALED_SEGMENT];
        let error = PayloadError::CutAfter(segments as u64 - 1);
        assert_eq!(open(&key, cut), Err(error));
        assert_eq!(read(&key, cut, Cores::All), (plaintext(segments * SEGMENT), Some(error)));
    }
}

#[test]
fn what_follows_the_last_segment_is_named() {
    let (key, payload) = sealed(Suite::HybridRsa, 2 * SEGMENT);
    for more in [1, 16, 17, SEALED_SEGMENT] {
        let longer = [payload.as_slice(), &vec![0; more]].concat();
        let error = PayloadError::GoesOnAfter(1);
        assert_eq!(read(&key, &longer, Cores::One), (plaintext(2 * SEGMENT), Some(error)));
        let expected = plain_length(longer.len() as u64).map_or_else(|error| error, |_| error);
        assert_eq!(open(&key, &longer), Err(expected));
    }
}

#[test]
fn swapped_doubled_and_dropped_segments_are_refused() {
    for suite in SUITES {
        let (key, payload) = sealed(suite, 4 * SEGMENT);
        let segments: Vec<&[u8]> = payload[NONCE..].chunks(SEALED_SEGMENT).collect();
        let join = |order: &[usize]| {
            let body: Vec<u8> = order.iter().flat_map(|at| segments[*at].to_vec()).collect();
            [&payload[..NONCE], &body].concat()
        };
        assert_eq!(join(&[0, 1, 2, 3]), payload);
        for (order, bad) in [
            (&[1, 0, 2, 3][..], 0),
            (&[0, 2, 1, 3], 1),
            (&[0, 0, 1, 2, 3], 1),
            (&[0, 2, 3], 1),
            (&[0, 1, 3], 2),
            (&[1, 2, 3], 0),
            (&[0, 1, 2, 2], 3),
        ] {
            assert_eq!(open(&key, &join(order)), Err(PayloadError::Segment(bad)), "{order:?}");
        }
    }
}

#[test]
fn a_segment_of_another_payload_is_refused() {
    let key = ItemKey::make(Suite::Standard);
    let one = PayloadSealer::new(&key).seal(b"one", Cores::One);
    let two = PayloadSealer::new(&key).seal(b"two", Cores::One);
    assert_eq!(open(&key, &[&one[..NONCE], &two[NONCE..]].concat()), Err(PayloadError::Segment(0)));
    assert_eq!(open(&ItemKey::make(Suite::Standard), &one), Err(PayloadError::Segment(0)));
}

#[test]
fn lengths_that_do_not_fit_are_refused_not_panics() {
    let (key, payload) = sealed(Suite::Standard, SEGMENT + 1);
    let opener = PayloadOpener::new(&key, payload.first_chunk().unwrap());
    let mut out = vec![0; SEGMENT];
    for length in [0, 1, 15, 16, 17, SEALED_SEGMENT - 1] {
        let result = opener.open_segments(0, false, &payload[NONCE..NONCE + length], &mut out, Cores::One);
        assert_eq!(result, Err(PayloadError::Span), "{length}");
    }
    let span = SegmentSpan::covering(&(5..9), SEGMENT as u64 + 1).unwrap();
    assert_eq!(opener.open_range(&span, &payload[NONCE..NONCE + 40]), Err(PayloadError::Span));
    let huge = SegmentSpan { lead: usize::MAX, ..span.clone() };
    let sealed = &payload[span.sealed.start as usize..span.sealed.end as usize];
    assert_eq!(opener.open_range(&huge, sealed), Err(PayloadError::Span));
}

#[test]
fn parts_that_hold_no_payload_are_refused_not_panics() {
    let key = ItemKey::make(Suite::Standard);
    for parts in [&[][..], &[&b""[..]], &[&[0; 15]], &[&[0; 16]], &[&[0; 31]]] {
        let checks: Vec<_> = parts.iter().map(|part| PartCheck::of(part)).collect();
        let length = parts.iter().map(|part| part.len() as u64).sum();
        for cores in [Cores::One, Cores::All] {
            let outcome = PayloadOpener::open_parts(&key, &checks, parts, &mut [], cores);
            assert_eq!(outcome, Err(PayloadError::Length(length).into()));
        }
    }
}

#[test]
fn the_reader_stays_failed() {
    let (key, payload) = sealed(Suite::Standard, 10);
    let mut reader = OpenReader::new(&payload[..30], &key, Cores::One).unwrap();
    for _ in 0..3 {
        assert!(reader.read(&mut [0; 10]).is_err());
    }
}

#[test]
fn parts_open_as_they_were_sealed() {
    for suite in SUITES {
        for length in [0, 1, 10_000, SEGMENT, 5 * SEGMENT + 1, 40 * SEGMENT] {
            let (key, plain) = (ItemKey::make(suite), plaintext(length));
            let plan = SplitPlan::draw(sealed_length(length as u64), &[length as u8; 32]);
            for cores in [Cores::One, Cores::All] {
                let mut payload = vec![0; sealed_length(length as u64) as usize];
                let checks = PayloadSealer::new(&key).seal_parts(&plain, &plan, &mut payload, cores);
                assert_eq!(checks, plan.check_parts(&payload, Cores::One));
                let mut opened = vec![0; length];
                PayloadOpener::open_parts(&key, &checks, &plan.split(&payload), &mut opened, cores).unwrap();
                assert!(opened == plain);
            }
        }
    }
}

#[test]
fn parts_are_refused_by_their_index() {
    let (key, length) = (ItemKey::make(Suite::Standard), 5 * SEGMENT + 100);
    let plan = SplitPlan::draw(sealed_length(length as u64), &[1; 32]);
    let mut payload = vec![0; plan.length() as usize];
    let checks = PayloadSealer::new(&key).seal_parts(&plaintext(length), &plan, &mut payload, Cores::One);
    let mut out = vec![0; length];
    for cores in [Cores::One, Cores::All] {
        let mut open = |parts: &[&[u8]]| PayloadOpener::open_parts(&key, &checks, parts, &mut out, cores);
        let parts = plan.split(&payload);
        for index in 0..parts.len() {
            let mut changed = parts[index].to_vec();
            changed[parts[index].len() / 2] ^= 1;
            let mut with_change = parts.clone();
            with_change[index] = &changed;
            assert_eq!(open(&with_change), Err(MergeError::Mismatch(index).into()));
            with_change[index] = &parts[index][1..];
            assert_eq!(open(&with_change), Err(MergeError::Mismatch(index).into()));
        }
        let (last, front) = parts.split_last().unwrap();
        assert_eq!(open(front), Err(MergeError::Missing(front.len()).into()));
        assert_eq!(open(&[parts.as_slice(), &[last]].concat()), Err(MergeError::Surplus(parts.len()).into()));
        let swapped: Vec<&[u8]> = parts.iter().rev().copied().collect();
        assert_eq!(open(&swapped), Err(MergeError::Mismatch(0).into()));
    }
    let other = ItemKey::make(Suite::Standard);
    let outcome = PayloadOpener::open_parts(&other, &checks, &plan.split(&payload), &mut out, Cores::One);
    assert_eq!(outcome, Err(PayloadError::Segment(0).into()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_range_opens_from_its_segments(length in 1..5 * SEGMENT, from in 0..5 * SEGMENT, to in 0..5 * SEGMENT) {
        let (key, payload) = sealed(Suite::HybridRsa, length);
        let range = from.min(to).min(length)..from.max(to).min(length);
        let span = SegmentSpan::covering(&(range.start as u64..range.end as u64), length as u64).unwrap();
        let opener = PayloadOpener::new(&key, payload.first_chunk().unwrap());
        let bytes = &payload[span.sealed.start as usize..span.sealed.end as usize];
        prop_assert_eq!(opener.open_range(&span, bytes).unwrap(), &plaintext(length)[range]);
    }

    #[test]
    fn parts_of_any_sizes_open(length in 0..3 * SEGMENT, cuts in proptest::collection::vec(0..4 * SEGMENT, 0..6)) {
        let (key, payload) = sealed(Suite::Standard, length);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|at| at.min(payload.len())).chain([0, payload.len()]).collect();
        cuts.sort_unstable();
        let parts: Vec<&[u8]> = cuts.windows(2).map(|cut| &payload[cut[0]..cut[1]]).collect();
        let checks: Vec<_> = parts.iter().map(|part| PartCheck::of(part)).collect();
        let mut opened = vec![0; length];
        for cores in [Cores::One, Cores::All] {
            prop_assert_eq!(PayloadOpener::open_parts(&key, &checks, &parts, &mut opened, cores), Ok(()));
            prop_assert!(opened == plaintext(length));
        }
    }

    #[test]
    fn any_order_of_reads_and_writes_gives_the_same(length in 0..80 * SEGMENT, piece in 1..3_000_000usize) {
        let key = ItemKey::make(Suite::Standard);
        let mut writer = SealWriter::new(Vec::new(), PayloadSealer::new(&key), Cores::One).unwrap();
        let plain = plaintext(length);
        for part in plain.chunks(piece) {
            writer.write_all(part).unwrap();
        }
        let payload = writer.finish().unwrap();
        prop_assert_eq!(payload.len() as u64, sealed_length(length as u64));
        let mut reader = OpenReader::new(payload.as_slice(), &key, Cores::One).unwrap();
        let mut opened = Vec::new();
        let mut buffer = vec![0; piece];
        loop {
            let more = reader.read(&mut buffer).unwrap();
            if more == 0 {
                break;
            }
            opened.extend_from_slice(&buffer[..more]);
        }
        prop_assert!(opened == plain);
    }
}
