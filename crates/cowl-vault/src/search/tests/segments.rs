use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::super::padding::padded;
use super::super::segment::{self, SegmentError};
use super::*;

fn vector(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors/search").join(name)
}

/// What the vector holds.
fn documents_of_vector() -> Vec<TextDocument> {
    let ct = TextDocument {
        item: ItemId::from_bytes(std::array::from_fn(|place| place as u8)),
        record: record(0x11),
        title: "ct-thorax.txt".to_owned(),
        date: Some("2026-03-12".to_owned()),
        text: "No metastasis in the left lung.".to_owned(),
    };
    let empty = TextDocument { record: record(0x11), ..document(0xff, "Ödem.md", "") };
    vec![ct, empty]
}

#[test]
fn the_segment_of_another_implementation_is_read() {
    let bytes = fs::read(vector("segment-v1.bin")).unwrap();
    assert_eq!(segment::decode(&bytes).unwrap(), documents_of_vector());
}

#[test]
fn lengths_are_padded_as_another_implementation_pads_them() {
    let table = fs::read_to_string(vector("padded-lengths.csv")).unwrap();
    for line in table.lines().skip(1) {
        let (length, expected) = line.split_once(',').unwrap();
        assert_eq!(padded(length.parse().unwrap()), Some(expected.parse().unwrap()), "{length}");
    }
}

#[test]
fn small_segments_all_have_the_same_size() {
    let one = segment::encode(&documents_of_vector()[..1]).unwrap();
    let two = segment::encode(&documents_of_vector()).unwrap();
    assert_eq!((one.len(), two.len()), (4096, 4096));
}

#[test]
fn documents_beyond_the_limit_are_refused_both_ways() {
    let large = document(0, "large", &"x".repeat(segment::MAX_PLAIN));
    assert!(matches!(segment::encode(&[large]), Err(SegmentError::TooLarge { .. })));
    let frame = zstd::bulk::compress(&vec![0; segment::MAX_PLAIN + 1000], 1).unwrap();
    assert_eq!(
        segment::decode(&around(&frame)),
        Err(SegmentError::TooLarge { size: segment::MAX_PLAIN + 1 })
    );
}

/// A segment of any frame.
fn around(frame: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1];
    bytes.extend_from_slice(&u32::try_from(frame.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(frame);
    bytes.resize(padded(bytes.len()).unwrap(), 0);
    bytes
}

#[test]
fn a_newer_version_is_named() {
    let mut bytes = segment::encode(&[]).unwrap();
    bytes[0] = 2;
    assert_eq!(segment::decode(&bytes), Err(SegmentError::UnknownVersion(2)));
}

#[test]
fn padding_must_be_zeros_of_the_right_length() {
    let mut bytes = segment::encode(&[]).unwrap();
    bytes.push(0);
    assert!(segment::decode(&bytes).is_err());
    bytes.pop();
    *bytes.last_mut().unwrap() = 1;
    assert!(segment::decode(&bytes).is_err());
}

#[test]
fn only_canonical_cbor_is_read() {
    let lengthy = zstd::bulk::compress(&[0x98, 0x00], 1).unwrap();
    assert!(segment::decode(&around(&lengthy)).is_err());
    let plain = zstd::bulk::compress(&[0x80], 1).unwrap();
    assert_eq!(segment::decode(&around(&plain)), Ok(Vec::new()));
}

fn any_document() -> impl Strategy<Value = TextDocument> {
    let date = prop::option::of("[0-9-]{0,10}");
    (any::<[u8; 16]>(), any::<[u8; 16]>(), ".{0,20}", date, ".{0,200}").prop_map(
        |(item, record, title, date, text)| TextDocument {
            item: ItemId::from_bytes(item),
            record: RecordId::from_bytes(record),
            title,
            date,
            text,
        },
    )
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded(documents in prop::collection::vec(any_document(), 0..40)) {
        let bytes = segment::encode(&documents).unwrap();
        prop_assert_eq!(padded(bytes.len()), Some(bytes.len()));
        prop_assert_eq!(segment::decode(&bytes).unwrap(), documents);
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(segment::decode(&bytes).is_err());
        prop_assert!(segment::decode(&around(&bytes)).is_err());
        let compressed = zstd::bulk::compress(&bytes, 1).unwrap();
        let _ = segment::decode(&around(&compressed));
    }

    #[test]
    fn padding_costs_an_eighth_at_most(length in 4096usize..1 << 40) {
        let size = padded(length).unwrap();
        prop_assert!(size >= length && size - length <= length / 8);
        prop_assert_eq!(padded(size), Some(size));
    }
}
