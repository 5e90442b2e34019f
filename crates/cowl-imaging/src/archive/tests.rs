use proptest::prelude::*;

use super::*;
use crate::specimens::{AWKWARD_SIZES, TEXTURES, Texture, any_image, layout, raster};

fn assert_round_trip(layout: &PixelLayout, raster: &[u8]) {
    let stream = encode(layout, raster).unwrap();
    let (decoded_layout, decoded) = decode(&stream).unwrap();
    assert_eq!(&decoded_layout, layout);
    assert!(decoded == raster, "{layout:?} does not come back");
}

#[test]
fn every_texture_depth_and_awkward_size_comes_back() {
    for (rows, columns) in AWKWARD_SIZES {
        for (bits, signed) in [(8, false), (8, true), (12, false), (12, true), (16, false), (16, true)] {
            for texture in TEXTURES {
                let layout = layout(rows, columns, 2, 1, bits, signed);
                assert_round_trip(&layout, &raster(&layout, texture, 7));
            }
        }
    }
}

#[test]
fn a_frame_is_coded_with_the_bits_that_its_values_need() {
    let layout = layout(4, 4, 1, 1, 16, true);
    let raster: Vec<u8> = (0..16i16).flat_map(|value| (value * 273 - 1024).to_le_bytes()).collect();
    let stream = encode(&layout, &raster).unwrap();
    let frame = &stream[index(&stream).unwrap().frame(0).unwrap()];
    assert_eq!(frame[3], 12);
    let mut samples = [0; 16];
    let standard = jpegls::stream_of_scan(Header::new(4, 4, 12).unwrap(), &frame[8..]);
    jpegls::decode(&standard, &mut samples).unwrap();
    assert_eq!(samples, std::array::from_fn(|index| index as u16 * 273));
    assert_round_trip(&layout, &raster);
}

#[test]
fn truncations_and_flipped_bits_never_panic() {
    let layout = layout(13, 21, 2, 1, 12, true);
    let stream = encode(&layout, &raster(&layout, Texture::Smooth, 5)).unwrap();
    for length in 0..stream.len() {
        assert!(decode(&stream[..length]).is_err(), "a stream cut at {length} is taken");
    }
    for bit in 0..stream.len() * 8 {
        let mut damaged = stream.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let _ = decode(&damaged);
    }
}

proptest! {
    #[test]
    fn any_image_comes_back((layout, raster) in any_image()) {
        assert_round_trip(&layout, &raster);
    }
}
