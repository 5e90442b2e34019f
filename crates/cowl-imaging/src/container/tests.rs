use proptest::prelude::*;

use super::*;

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../../samples/images/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn round_trip(codec: StorageCodec, file: &[u8]) -> (StorageCodec, usize) {
    let stored = encode_file(codec, file).unwrap();
    assert!(
        decode_file(stored.codec.id(), &stored.bytes).unwrap() == file,
        "{codec:?} does not give the file back"
    );
    (stored.codec, stored.bytes.len())
}

const LOSSLESS: [StorageCodec; 4] =
    [StorageCodec::None, StorageCodec::Zstd, StorageCodec::Live, StorageCodec::Archive];

#[test]
fn real_files_come_back_from_every_lossless_codec() {
    for name in ["ct_head_027.dcm", "ct_small.dcm", "mr_small.dcm", "report_sr.dcm", "mr_brain_010.png"] {
        for codec in LOSSLESS {
            round_trip(codec, &sample(name));
        }
    }
}

#[test]
fn pixel_codecs_make_a_slice_smaller_than_zstd_does() {
    let file = sample("ct_head_027.dcm");
    let [none, zstd, live, archive] = LOSSLESS.map(|codec| round_trip(codec, &file).1);
    assert!(none > zstd && zstd > live && live > archive, "{none} {zstd} {live} {archive}");
}

#[test]
fn a_codec_is_chosen_by_what_the_file_is() {
    assert_eq!(choose(&sample("ct_small.dcm")), StorageCodec::Live);
    assert_eq!(choose(&sample("report_sr.dcm")), StorageCodec::Zstd);
    assert_eq!(choose(&sample("mr_brain_010.png")), StorageCodec::None);
    assert_eq!(choose(b"P5\n4 2\n255\nabcdabcd"), StorageCodec::Live);
    assert_eq!(choose(&[]), StorageCodec::None);
}

#[test]
fn a_codec_that_does_not_pay_gives_way() {
    let text = b"Findings: no focal lesion. ".repeat(200);
    assert_eq!(round_trip(StorageCodec::Live, &text).0, StorageCodec::Zstd);
    assert_eq!(round_trip(StorageCodec::Archive, b"P5\n1 1\n255\na").0, StorageCodec::None);
    assert_eq!(round_trip(StorageCodec::Live, &sample("mr_brain_010.png")).0, StorageCodec::None);
    assert_eq!(round_trip(StorageCodec::Zstd, &[]).0, StorageCodec::None);
}

#[test]
fn pictures_are_stored_with_loss_only_when_asked_and_diagnostic_images_never() {
    let codec = StorageCodec::Dct(Quality::new(90).unwrap());
    assert!(!codec.is_lossless());
    let picture = sample("mr_brain_010.png");
    let stored = encode_file(codec, &picture).unwrap();
    assert!(stored.bytes.len() < picture.len());
    let decoded = decode_file(codec.id(), &stored.bytes).unwrap();
    let (original, back) =
        [&picture, &*decoded].map(|file| display::DisplayImage::decode(file).unwrap()).into();
    assert!(dct::psnr(original.samples(), back.samples()) > 35.0);
    let diagnostic = sample("ct_small.dcm");
    let refused = encode_file(codec, &diagnostic);
    assert!(matches!(refused, Err(ContainerError::Picture(DctError::Diagnostic))));
}

#[test]
fn numbers_of_codecs_are_frozen() {
    let dct = StorageCodec::Dct(Quality::new(1).unwrap());
    let [none, zstd, live, archive] = LOSSLESS;
    assert_eq!([none, zstd, live, archive, dct].map(StorageCodec::id), [0, 1, 2, 3, 4]);
    assert!(matches!(decode_file(5, &[]), Err(ContainerError::UnknownCodec(5))));
}

#[test]
fn truncations_and_flipped_bits_never_panic() {
    let file = sample("mr_small.dcm");
    for codec in [StorageCodec::Zstd, StorageCodec::Live, StorageCodec::Archive] {
        let stored = encode_file(codec, &file).unwrap();
        for length in (0..stored.bytes.len()).step_by(7) {
            assert!(decode_file(codec.id(), &stored.bytes[..length]).is_err());
        }
        for bit in (0..stored.bytes.len() * 8).step_by(5) {
            let mut damaged = stored.bytes.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let _ = decode_file(codec.id(), &damaged);
        }
    }
}

#[test]
fn a_container_cannot_declare_more_than_the_largest_file() {
    let mut stored = vec![1];
    stored.extend(u64::MAX.to_le_bytes());
    assert!(matches!(decode_file(1, &stored), Err(ContainerError::TooLarge)));
    let zeros = vec![0; 1 << 20];
    let mut understated = encode_file(StorageCodec::Zstd, &zeros).unwrap().bytes.into_owned();
    understated[1..9].copy_from_slice(&10u64.to_le_bytes());
    assert!(matches!(decode_file(1, &understated), Err(ContainerError::Damaged)));
}

proptest! {
    #[test]
    fn any_bytes_come_back(file in prop::collection::vec(any::<u8>(), 0..500), codec in 0usize..4) {
        round_trip(LOSSLESS[codec], &file);
    }

    #[test]
    fn arbitrary_bytes_never_panic(stored in prop::collection::vec(any::<u8>(), 0..300), codec in 0u8..6) {
        let _ = decode_file(codec, &stored);
    }
}
