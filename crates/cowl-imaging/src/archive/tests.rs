use proptest::prelude::*;

use super::*;
use crate::specimens::{Codec, any_image, layout};

const CODEC: Codec = Codec { encode, decode };

#[test]
fn every_texture_depth_and_awkward_size_comes_back() {
    CODEC.assert_round_trips();
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
    CODEC.assert_round_trip(&layout, &raster);
}

#[test]
fn truncations_and_flipped_bits_never_panic() {
    CODEC.assert_withstands_damage(&layout(13, 21, 2, 1, 12, true));
}

proptest! {
    #[test]
    fn any_image_comes_back((layout, raster) in any_image()) {
        CODEC.assert_round_trip(&layout, &raster);
    }
}
