//! Formats at rest are frozen: what was coded once is decoded for ever.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io::{Read, Write};
use std::path::PathBuf;

use cowl_imaging::chaotic::{self, ChaoticKey, ImageSize};
use cowl_imaging::container::blocks::{BlockPlan, BlockReader, BlockWriter};
use cowl_imaging::container::{self, StorageCodec};
use cowl_imaging::pixels::{PixelLayout, SampleFormat};
use cowl_imaging::{archive, dct, display, live};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/codecs"))
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

/// Two frames of 33 × 21 with an edge, a slope and a bit of texture.
fn raster(samples: u16, bits: u16, signed: bool) -> (PixelLayout, Vec<u8>) {
    let format = SampleFormat::new(if bits > 8 { 16 } else { 8 }, bits, signed).unwrap();
    let layout = PixelLayout::new(21, 33, 2, samples, format).unwrap();
    let mut bytes = Vec::new();
    for index in 0..(layout.raster_bytes() / format.bytes()) as i32 {
        let (x, y) = (index % 33, index / 33);
        let value = 3 * x + 5 * y + (index * index) % 7 + if x > y { 90 } else { -90 };
        bytes.extend_from_slice(&value.to_le_bytes()[..format.bytes()]);
    }
    (layout, bytes)
}

fn cases() -> [(&'static str, PixelLayout, Vec<u8>); 3] {
    let [a, b, c] = [(1, 12, true), (1, 16, false), (3, 8, false)].map(|(s, b, signed)| raster(s, b, signed));
    [("gray_12_signed", a.0, a.1), ("gray_16_unsigned", b.0, b.1), ("rgb_8", c.0, c.1)]
}

fn picture() -> display::DisplayImage {
    let (_, bytes) = raster(3, 8, false);
    display::DisplayImage::new(33, 42, display::Channels::Rgb, bytes).unwrap()
}

#[test]
fn frozen_pixel_streams_are_decoded() {
    for (name, layout, bytes) in cases() {
        assert_eq!(live::decode(&read(&format!("{name}.live"))).unwrap(), (layout, bytes.clone()), "{name}");
        assert_eq!(archive::decode(&read(&format!("{name}.archive"))).unwrap(), (layout, bytes), "{name}");
    }
}

/// A NIfTI file around the 16-bit gray frames, and words that take more than one block.
fn block_cases() -> [(&'static str, StorageCodec, Vec<u8>); 3] {
    let (_, voxels) = raster(1, 16, false);
    let mut volume = vec![0u8; 352];
    volume[..4].copy_from_slice(&348i32.to_le_bytes());
    for (at, value) in [(40, 3i16), (42, 33), (44, 21), (46, 2), (70, 512)] {
        volume[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }
    volume[108..112].copy_from_slice(&352f32.to_le_bytes());
    volume[344..348].copy_from_slice(b"n+1\0");
    volume.extend(voxels);
    volume.extend(b"behind the voxels, behind the voxels, behind the voxels");
    let words = b"the same words over and over. ".repeat(40_000);
    [
        ("volume.live.blocks", StorageCodec::Live, volume.clone()),
        ("volume.archive.blocks", StorageCodec::Archive, volume),
        ("words.zstd.blocks", StorageCodec::Zstd, words),
    ]
}

fn blocks_of(codec: StorageCodec, file: &[u8]) -> Vec<u8> {
    let plan = BlockPlan::new(codec, container::find_raster(file));
    let mut writer = BlockWriter::new(Vec::new(), plan).unwrap();
    writer.write_all(file).unwrap();
    writer.finish().unwrap()
}

#[test]
fn frozen_containers_of_blocks_are_decoded() {
    for (name, codec, file) in block_cases() {
        let frozen = read(name);
        let mut decoded = Vec::new();
        BlockReader::new(frozen.as_slice()).read_to_end(&mut decoded).unwrap();
        assert!(decoded == file, "{name}");
        assert!(*container::decode_file(codec.id(), &frozen).unwrap() == file, "{name}");
        assert!(frozen.len() < file.len() * 9 / 10, "{name}");
    }
}

#[test]
fn frozen_chaotic_images_are_opened_and_made_again() {
    let key = ChaoticKey::from_secret([7; 32]);
    let (_, bytes) = raster(1, 8, false);
    let size = ImageSize::new(42, 33).unwrap();
    let frozen = read("gray_8.chaotic");
    assert_eq!(chaotic::decode(&key, &frozen).unwrap(), (size, bytes.clone()));
    assert_eq!(chaotic::encode(&key, size, &bytes).unwrap(), frozen);
}

#[test]
fn frozen_lossy_pictures_are_decoded_to_the_same_samples() {
    let decoded = dct::decode(&read("rgb_8.dct")).unwrap();
    assert_eq!(decoded.samples(), read("rgb_8.dct.raw"));
    assert!(dct::psnr(picture().samples(), decoded.samples()) > 25.0);
}

/// Writes the vectors. Only for a new version of a format: the old ones stay.
#[test]
#[ignore = "makes vectors, which are frozen"]
fn make_vectors() {
    let write = |name: String, bytes: &[u8]| std::fs::write(folder().join(name), bytes).unwrap();
    for (name, layout, bytes) in cases() {
        write(format!("{name}.live"), &live::encode(&layout, &bytes).unwrap());
        write(format!("{name}.archive"), &archive::encode(&layout, &bytes).unwrap());
    }
    for (name, codec, file) in block_cases() {
        write(name.into(), &blocks_of(codec, &file));
    }
    let (_, bytes) = raster(1, 8, false);
    let key = ChaoticKey::from_secret([7; 32]);
    let sealed = chaotic::encode(&key, ImageSize::new(42, 33).unwrap(), &bytes).unwrap();
    write("gray_8.chaotic".into(), &sealed);
    let coded = dct::encode(&picture(), dct::Quality::new(85).unwrap()).unwrap();
    write("rgb_8.dct.raw".into(), dct::decode(&coded).unwrap().samples());
    write("rgb_8.dct".into(), &coded);
}
