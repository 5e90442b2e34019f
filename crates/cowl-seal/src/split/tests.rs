use std::io::{Read, Write};

use proptest::prelude::*;

use super::*;

fn payload(length: usize) -> Vec<u8> {
    (0..length).map(|at| ((at * 31) >> 3) as u8).collect()
}

#[test]
fn the_seed_alone_decides() {
    let draw = |seed| SplitPlan::draw(1_000_000, &[seed; 32]);
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

fn counts_of_parts(length: u64) -> Vec<usize> {
    (0..200).map(|seed| SplitPlan::draw(length, &[seed; 32]).sizes().len()).collect()
}

fn distinct(counts: &[usize]) -> usize {
    counts.iter().collect::<std::collections::BTreeSet<_>>().len()
}

#[test]
fn payloads_have_three_to_twelve_parts_or_so() {
    let counts = counts_of_parts(5_000_000);
    assert!(counts.iter().all(|count| (2..=20).contains(count)), "{counts:?}");
    let typical = counts.iter().filter(|count| (3..=13).contains(*count)).count();
    assert!(typical > 180, "{typical}");
    assert!(distinct(&counts) >= 8, "{counts:?}");
}

#[test]
fn small_payloads_have_two_to_six_parts_or_so() {
    let counts = counts_of_parts(500_000);
    assert!(counts.iter().all(|count| (1..=10).contains(count)), "{counts:?}");
    let typical = counts.iter().filter(|count| (2..=7).contains(*count)).count();
    assert!(typical > 180, "{typical}");
    assert!(distinct(&counts) >= 5, "{counts:?}");
}

#[test]
fn tiny_payloads_are_one_part() {
    for length in [0, 1, 4095, 4096, 8191] {
        assert_eq!(SplitPlan::draw(length, &[0; 32]).sizes(), &[length as u32]);
    }
}

#[test]
fn parts_join_only_as_the_manifest_lists_them() {
    let payload = payload(100_000);
    let plan = SplitPlan::draw(100_000, &[5; 32]);
    let parts = plan.split(&payload);
    for cores in [Cores::One, Cores::All] {
        let checks = plan.check_parts(&payload, cores);
        assert_eq!(merge(&checks, &parts, cores).as_ref(), Ok(&payload));
        assert_eq!(merge(&checks, &parts[..1], cores), Err(MergeError::Missing(1)));
        assert_eq!(merge(&checks[..1], &parts, cores), Err(MergeError::Surplus(1)));
        for index in 0..parts.len() {
            let mut changed = parts[index].to_vec();
            changed[0] ^= 1;
            let mut others = parts.clone();
            others[index] = &changed;
            assert_eq!(merge(&checks, &others, cores), Err(MergeError::Mismatch(index)));
        }
        let mut swapped = parts.clone();
        swapped.swap(0, 1);
        assert_eq!(merge(&checks, &swapped, cores), Err(MergeError::Mismatch(0)));
        let mut doubled = parts.clone();
        doubled[1] = parts[0];
        assert_eq!(merge(&checks, &doubled, cores), Err(MergeError::Mismatch(1)));
    }
}

#[test]
fn errors_name_the_part() {
    assert_eq!(MergeError::Mismatch(17).to_string(), "part 17 does not match its manifest");
}

/// Parts of a stream that is written in pieces.
fn split_stream(payload: &[u8], seed: &[u8; 32], piece: usize) -> (Vec<Vec<u8>>, Vec<PartCheck>) {
    let (mut parts, mut checks) = (Vec::new(), Vec::new());
    let mut splitter = PartSplitter::new(seed, |part, check| {
        parts.push(part);
        checks.push(check);
        Ok(())
    });
    for bytes in payload.chunks(piece) {
        splitter.write_all(bytes).unwrap();
    }
    splitter.finish().unwrap();
    (parts, checks)
}

#[test]
fn a_stream_is_cut_within_bounds_wherever_it_ends_and_the_same_way_each_time() {
    let payload = payload(3 * MAX_PART as usize);
    let (parts, _) = split_stream(&payload, &[1; 32], 1 << 20);
    let first = parts[0].len();
    for length in
        [0, 1, first - 1, first, first + 1, first + MIN_PART as usize, first + MIN_PART as usize + 1]
    {
        let (parts, checks) = split_stream(&payload[..length], &[1; 32], 777_777);
        assert_eq!(parts.concat(), &payload[..length]);
        assert!(parts.iter().all(|part| part.len() <= MAX_PART as usize));
        assert!(parts.len() < 2 || parts.iter().all(|part| part.len() >= MIN_PART as usize), "{length}");
        assert!(checks.iter().zip(&parts).all(|(check, part)| check.matches(part)));
    }
    assert_eq!(split_stream(&payload, &[1; 32], 12_345).0, parts);
    assert_ne!(split_stream(&payload, &[2; 32], 12_345).0, parts);
}

#[test]
fn a_joiner_refuses_before_a_byte_of_the_part_comes_out() {
    let payload = payload(50_000);
    let plan = SplitPlan::draw(50_000, &[2; 32]);
    let mut parts: Vec<Vec<u8>> = plan.split(&payload).into_iter().map(<[u8]>::to_vec).collect();
    let checks = plan.check_parts(&payload, Cores::One);
    let good = parts[0].len();
    *parts[1].last_mut().unwrap() ^= 1;
    let mut out = Vec::new();
    let error = PartJoiner::new(checks, parts.into_iter().map(Ok)).read_to_end(&mut out).unwrap_err();
    assert_eq!(error.get_ref().unwrap().downcast_ref(), Some(&MergeError::Mismatch(1)));
    assert_eq!(out, payload[..good]);
}

proptest! {
    #[test]
    fn every_plan_keeps_its_bounds(length in 0..3 * MAX_PART * 10, seed in any::<[u8; 32]>()) {
        let plan = SplitPlan::draw(length, &seed);
        prop_assert_eq!(plan.length(), length);
        prop_assert!(plan.sizes().iter().all(|size| u64::from(*size) <= MAX_PART));
        prop_assert!(plan.sizes().len() == 1 || plan.sizes().iter().all(|size| u64::from(*size) >= MIN_PART));
        let ends: Vec<u64> = plan.ranges().map(|range| range.end).collect();
        prop_assert_eq!(ends.last(), Some(&length));
    }

    #[test]
    fn streams_that_were_split_are_joined_again(length in 0..200_000usize, seed in any::<[u8; 32]>(), piece in 1..50_000usize) {
        let payload = payload(length);
        let (parts, checks) = split_stream(&payload, &seed, piece);
        let mut joined = Vec::new();
        PartJoiner::new(checks, parts.into_iter().map(Ok)).read_to_end(&mut joined).unwrap();
        prop_assert_eq!(joined, payload);
    }
}
