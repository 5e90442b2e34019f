use proptest::prelude::*;

use super::*;
use crate::specimens::{AWKWARD_SIZES, Noise, TEXTURES, layout, raster};

/// Bytes up to the scan, where no parameters are written.
const HEADER_BYTES: usize = 25;

fn assert_round_trip(width: u16, height: u16, bits: u8, samples: &[u16]) {
    let header = Header::new(width, height, bits).unwrap();
    let mut stream = Vec::new();
    encode(header, samples, &mut stream);
    let mut decoded = vec![0; samples.len()];
    assert_eq!(decode(&stream, &mut decoded), Ok(header));
    assert!(decoded == samples, "{header:?} does not come back");
}

/// Streams that CharLS 2.4 wrote, beside what it was given; see `vectors/jpegls/README.md`.
#[test]
fn streams_of_charls_are_decoded_and_written_alike() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/jpegls");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "jls") {
            continue;
        }
        let stream = std::fs::read(&path).unwrap();
        let raw = std::fs::read(path.with_extension("raw")).unwrap();
        let samples: Vec<u16> = raw.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
        let mut decoded = vec![0; samples.len()];
        let header = decode(&stream, &mut decoded).unwrap();
        assert!(decoded == samples, "{path:?} is decoded to something else");
        let mut written = Vec::new();
        encode(header, &samples, &mut written);
        // Above 12 bits CharLS spells the default parameters out; the bits of the scan are the same.
        let common = if header.bits() > 12 { &written[HEADER_BYTES..] } else { &written[..] };
        assert!(stream.ends_with(common), "{path:?} is written otherwise");
        seen += 1;
    }
    assert!(seen >= 10, "only {seen} vectors were found");
}

#[test]
fn the_example_of_the_standard_is_decoded() {
    // T.87 H.3: 4 × 4 samples of 8 bits.
    let stream = [
        0xff, 0xd8, 0xff, 0xf7, 0x00, 0x0b, 0x08, 0x00, 0x04, 0x00, 0x04, 0x01, 0x01, 0x11, 0x00, 0xff, 0xda,
        0x00, 0x08, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0xc0, 0x00, 0x00, 0x6c, 0x80, 0x20, 0x8e, 0x01, 0xc0,
        0x00, 0x00, 0x57, 0x40, 0x00, 0x00, 0x6e, 0xe6, 0x00, 0x00, 0x01, 0xbc, 0x18, 0x00, 0x00, 0x05, 0xd8,
        0x00, 0x00, 0x91, 0x60, 0xff, 0xd9,
    ];
    let mut samples = [0; 16];
    decode(&stream, &mut samples).unwrap();
    assert_eq!(samples, [0, 0, 90, 74, 68, 50, 43, 205, 64, 145, 145, 145, 100, 145, 145, 145]);
}

#[test]
fn every_precision_texture_and_awkward_size_comes_back() {
    for bits in 2..=16u8 {
        for (index, (rows, columns)) in AWKWARD_SIZES.into_iter().enumerate() {
            let layout = layout(rows, columns, 1, 1, u16::from(bits).max(9), false);
            let texture = TEXTURES[(index + usize::from(bits)) % TEXTURES.len()];
            let mask = ((1u32 << bits) - 1) as u16;
            let bytes = raster(&layout, texture, 9);
            let samples: Vec<u16> =
                bytes.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]]) & mask).collect();
            assert_round_trip(columns as u16, rows as u16, bits, &samples);
        }
    }
}

#[test]
fn preset_parameters_are_honoured() {
    let mut noise = Noise::new(4);
    let samples: Vec<u16> =
        (0..35 * 20).map(|index| (index / 9 + noise.next() as usize % 5) as u16 % 200).collect();
    let values = [200u16, 4, 9, 30, 32];
    let parameters = Parameters::preset(values, 255).unwrap();
    let mut stream = Vec::new();
    Header::new(35, 20, 8).unwrap().write(&mut stream);
    let mut segment = vec![0xff, 0xf8, 0, 13, 1];
    segment.extend(values.iter().flat_map(|value| value.to_be_bytes()));
    stream.splice(2..2, segment);
    let mut writer = BitWriter::new(&mut stream);
    let reduced: Vec<u16> = samples.iter().map(|&sample| sample.min(199)).collect();
    Scan::new(&parameters).encode(35, &reduced, &mut writer);
    writer.finish();
    stream.extend(markers::END_OF_IMAGE);
    let mut decoded = vec![0; samples.len()];
    decode(&stream, &mut decoded).unwrap();
    assert_eq!(decoded, reduced);
}

#[test]
fn what_is_not_covered_is_named() {
    let mut stream = Vec::new();
    encode(Header::new(2, 2, 8).unwrap(), &[1, 2, 3, 4], &mut stream);
    let with = |at: usize, value: u8| {
        let mut changed = stream.clone();
        changed[at] = value;
        decode(&changed, &mut [0; 4])
    };
    assert_eq!(with(1, 0), Err(JpegLsError::NotJpegLs));
    assert_eq!(with(11, 3), Err(JpegLsError::Unsupported("several components")));
    assert_eq!(with(22, 2), Err(JpegLsError::Unsupported("near-lossless coding")));
    assert_eq!(decode(&stream, &mut [0; 5]), Err(JpegLsError::Damaged("number of samples")));
    assert_eq!(decode(&stream[..stream.len() - 2], &mut [0; 4]), Err(JpegLsError::Truncated));
}

proptest! {
    #[test]
    fn any_raster_comes_back(
        width in 1u16..50,
        bits in 2u8..=16,
        samples in prop::collection::vec(any::<u16>(), 1..400),
        flat in any::<bool>(),
    ) {
        let mask = ((1u32 << bits) - 1) as u16;
        let height = samples.len().div_ceil(usize::from(width));
        let reduce = |sample: &u16| if flat { sample % 2 } else { sample & mask };
        let mut samples: Vec<u16> = samples.iter().map(reduce).collect();
        samples.resize(height * usize::from(width), 0);
        assert_round_trip(width, height as u16, bits, &samples);
    }

    #[test]
    fn arbitrary_scans_never_panic(
        bits in 2u8..=16,
        reset in prop::sample::select(vec![3u16, 64, u16::MAX]),
        scan in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let limit = (1 << bits) - 1;
        let parameters = Parameters::preset([0, 0, 0, 0, reset], limit).unwrap();
        let mut samples = vec![0; 40 * 30];
        let _ = Scan::new(&parameters).decode(40, &mut samples, &mut BitReader::new(&scan));
    }

    #[test]
    fn arbitrary_streams_never_panic(tail in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut stream = vec![0xff, 0xd8, 0xff];
        stream.extend(tail);
        let _ = decode(&stream, &mut [0; 64]);
    }
}
