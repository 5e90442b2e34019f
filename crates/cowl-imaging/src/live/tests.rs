use proptest::prelude::*;

use super::*;
use crate::specimens::{Codec, Texture, any_image, layout, raster};

const CODEC: Codec = Codec { encode, decode };

#[test]
fn every_texture_depth_and_awkward_size_comes_back() {
    CODEC.assert_round_trips();
}

#[test]
fn colour_images_come_back_and_gray_ones_in_colour_cost_little_more_than_gray() {
    let gray = layout(64, 64, 1, 1, 8, false);
    let samples = raster(&gray, Texture::Smooth, 3);
    let coloured: Vec<u8> = samples.iter().flat_map(|&sample| [sample; 3]).collect();
    let colour = layout(64, 64, 1, 3, 8, false);
    let (plain, tripled) =
        (CODEC.assert_round_trip(&gray, &samples), CODEC.assert_round_trip(&colour, &coloured));
    assert!(tripled < plain + 200, "{tripled} bytes in colour, {plain} in gray");
}

#[test]
fn masks_are_coded_without_prediction_where_that_is_smaller() {
    let layout = layout(256, 256, 1, 1, 8, false);
    let raster = raster(&layout, Texture::Mask, 0);
    let stream = encode(&layout, &raster).unwrap();
    let frame = index(&stream).unwrap().frame(0).unwrap();
    assert_eq!(stream[frame.start], 0, "a mask was predicted");
    CODEC.assert_round_trip(&layout, &raster);
}

#[test]
fn one_frame_is_decoded_without_the_others() {
    let layout = layout(20, 30, 5, 1, 12, true);
    let raster = raster(&layout, Texture::Smooth, 11);
    let stream = encode(&layout, &raster).unwrap();
    let head = FrameIndex::head_bytes(MAGIC, VERSION, &stream[..17]).unwrap();
    let index = index(&stream[..head]).unwrap();
    let mut frame = vec![0; layout.frame_bytes()];
    let coded = &stream[index.frame(3).unwrap()];
    FrameDecoder::new(index.layout()).unwrap().decode(coded, &mut frame).unwrap();
    assert_eq!(frame, raster[3 * frame.len()..4 * frame.len()]);
    assert!(index.frame(5).is_none());
}

#[test]
fn a_raster_of_the_wrong_length_is_refused() {
    let layout = layout(4, 4, 1, 1, 8, false);
    assert!(matches!(encode(&layout, &[0; 15]), Err(CodecError::RasterLength { expected: 16, actual: 15 })));
}

#[test]
fn truncations_and_flipped_bits_never_panic() {
    CODEC.assert_withstands_damage(&layout(33, 21, 2, 1, 12, true));
}

#[test]
fn a_newer_version_and_another_codec_are_named() {
    let layout = layout(2, 2, 1, 1, 8, false);
    let mut stream = encode(&layout, &[0; 4]).unwrap();
    stream[4] = 9;
    assert!(matches!(decode(&stream), Err(CodecError::UnknownVersion(9))));
    stream[0] = b'X';
    assert!(matches!(decode(&stream), Err(CodecError::NotThisCodec)));
}

proptest! {
    #[test]
    fn any_image_comes_back((layout, raster) in any_image()) {
        CODEC.assert_round_trip(&layout, &raster);
    }

    #[test]
    fn arbitrary_frames_never_panic(coded in prop::collection::vec(any::<u8>(), 0..300), transform in 0u8..4) {
        let layout = layout(9, 11, 1, 3, 8, false);
        let mut frame = vec![0; layout.frame_bytes()];
        let mut bytes = coded;
        bytes.insert(0, transform);
        let _ = FrameDecoder::new(&layout).unwrap().decode(&bytes, &mut frame);
    }
}
