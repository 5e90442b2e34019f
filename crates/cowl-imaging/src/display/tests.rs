use super::*;

#[test]
fn pnm_pictures_have_a_raster() {
    let span = raster(b"P6\n3 2\n255\n0123456789abcdefgh").unwrap();
    assert_eq!((span.range(), span.layout().samples_per_pixel()), (11..29, 3));
    assert!(raster(b"P6\n3 2\n255\n0123456789abcdefg").is_none());
    assert!(raster(b"P5\n3 2\n65535\n012345678901").is_none());
    assert!(raster(b"P5\n# made by\n3 2\n255\n012345").is_none());
    assert!(raster(b"P5").is_none());
}

#[test]
fn pnm_pictures_are_decoded_and_others_refused_by_name() {
    let image = DisplayImage::decode(b"P5\n2 2\n255\nabcd").unwrap();
    assert_eq!((image.width(), image.channels(), image.samples()), (2, Channels::Gray, b"abcd".as_slice()));
    assert!(matches!(DisplayImage::decode(b"P5\n2 2\n255\nabc"), Err(DisplayError::Undecodable(_))));
    assert!(matches!(DisplayImage::decode(b"just text"), Err(DisplayError::UnknownKind)));
}

#[test]
fn the_view_of_a_frame_spreads_its_values() {
    let format = SampleFormat::new(16, 12, true).unwrap();
    let layout = PixelLayout::new(1, 3, 2, 1, format).unwrap();
    let file: Vec<u8> = [-1024i16, 0, 1024, 9, 9, 9].iter().flat_map(|value| value.to_le_bytes()).collect();
    let span = RasterSpan::within(layout, 0, file.len()).unwrap();
    assert_eq!(DisplayImage::of_first_frame(&span, &file).unwrap().samples(), [0, 127, 255]);
}
