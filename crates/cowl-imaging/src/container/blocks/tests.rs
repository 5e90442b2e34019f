use std::io::Read;

use proptest::prelude::*;

use super::*;
use crate::container::{decode_file, find_raster_in};
use crate::pixels::SampleFormat;
use crate::specimens::{Noise, Texture, raster};

/// A NIfTI volume with something behind its voxels.
fn volume(columns: i16, rows: i16, frames: i16, texture: Texture) -> Vec<u8> {
    let mut file = vec![0u8; 352];
    file[..4].copy_from_slice(&348i32.to_le_bytes());
    for (at, value) in [(40, 3), (42, columns), (44, rows), (46, frames), (70, 4)] {
        file[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }
    file[108..112].copy_from_slice(&352f32.to_le_bytes());
    file[344..348].copy_from_slice(b"n+1\0");
    let format = SampleFormat::new(16, 16, true).unwrap();
    let layout = PixelLayout::new(rows as u32, columns as u32, frames as u32, 1, format).unwrap();
    file.extend(raster(&layout, texture, 5));
    file.extend(b"extension ".repeat(50));
    file
}

fn noise(length: usize) -> Vec<u8> {
    let mut noise = Noise::new(8);
    (0..length).map(|_| noise.next() as u8).collect()
}

/// What is coded when the first `head` bytes were seen, written `piece` bytes at a time.
fn encode(codec: StorageCodec, file: &[u8], head: usize, piece: usize) -> Vec<u8> {
    let raster = find_raster_in(&file[..head.min(file.len())], file.len());
    let mut writer = BlockWriter::new(Vec::new(), BlockPlan::new(codec, raster)).unwrap();
    file.chunks(piece.max(1)).for_each(|bytes| writer.write_all(bytes).unwrap());
    writer.finish().unwrap()
}

fn decode(stored: &[u8]) -> io::Result<Vec<u8>> {
    let mut file = Vec::new();
    BlockReader::new(stored).read_to_end(&mut file)?;
    Ok(file)
}

const CODECS: [StorageCodec; 3] = [StorageCodec::Zstd, StorageCodec::Live, StorageCodec::Archive];

#[test]
fn files_come_back_bit_for_bit_with_every_codec() {
    let files = [
        Vec::new(),
        b"one line".to_vec(),
        noise(BLOCK + 1),
        b"the same words over and over. ".repeat(100_000),
        volume(512, 512, 5, Texture::Smooth),
        volume(2048, 1100, 1, Texture::Smooth),
        volume(300, 200, 30, Texture::Noise),
        volume(512, 512, 3, Texture::Mask)[..900_000].to_vec(),
    ];
    for file in files {
        for codec in CODECS {
            let stored = encode(codec, &file, 4096, 300_007);
            assert!(decode(&stored).unwrap() == file, "{codec:?}, {} bytes", file.len());
            assert!(*decode_file(codec.id(), &stored).unwrap() == file);
            assert_eq!(stored, encode(codec, &file, 4096, 1 << 20), "pieces do not matter");
        }
    }
}

#[test]
fn the_pixels_of_large_images_are_coded_as_pixels() {
    for file in [volume(512, 512, 6, Texture::Smooth), volume(1500, 1500, 1, Texture::Smooth)] {
        let [zstd, live, archive] = CODECS.map(|codec| encode(codec, &file, 4096, 1 << 20).len());
        assert!(zstd > live && zstd > archive, "{zstd} {live} {archive}");
    }
    let random = noise(3 * BLOCK);
    let stored = encode(StorageCodec::Zstd, &random, 4096, 1 << 20);
    assert!(stored.len() < random.len() + 100, "what does not pay is stored as it is");
}

#[test]
fn every_range_is_read_through_the_index() {
    let file = volume(512, 512, 7, Texture::Smooth);
    let stored = encode(StorageCodec::Live, &file, 4096, 1 << 20);
    let container = stored.len() as u64;
    let trailer = *stored.last_chunk().unwrap();
    let place = BlockIndex::place(container, trailer).unwrap();
    let index = BlockIndex::read(container, &stored[place.start as usize..]).unwrap();
    assert_eq!(index.length(), file.len() as u64);
    for range in [0..1, 0..400, 351..353, 1_000_000..2_600_000, 100..file.len() as u64] {
        let mut read: Vec<u8> = Vec::new();
        for (plain, at) in index.covering(range.clone()) {
            let block = decode_block(&stored[at.start as usize..at.end as usize]).unwrap();
            assert_eq!(block.len() as u64, plain.end - plain.start);
            let (from, to) = (range.start.max(plain.start), range.end.min(plain.end));
            read.extend(&block[(from - plain.start) as usize..(to - plain.start) as usize]);
        }
        assert!(read == file[range.start as usize..range.end as usize], "{range:?}");
    }
}

#[test]
fn truncations_and_flipped_bits_never_pass_as_another_file() {
    let file = volume(60, 50, 9, Texture::Smooth);
    for codec in CODECS {
        let stored = encode(codec, &file, 4096, 1 << 20);
        for length in (0..stored.len()).step_by(61).chain([stored.len() - 1]) {
            assert!(decode(&stored[..length]).is_err(), "{codec:?} cut at {length}");
        }
        let mut longer = stored.clone();
        longer.push(0);
        assert!(decode(&longer).is_err());
        for at in (0..stored.len()).step_by(37) {
            let mut changed = stored.clone();
            changed[at] ^= 0x10;
            // What is inside is sealed: here nothing may panic or take more memory than a block.
            let _ = decode(&changed);
        }
        for at in [0, stored.len() - 1, stored.len() - 5] {
            let mut changed = stored.clone();
            changed[at] ^= 0x40;
            assert!(decode(&changed).is_err(), "{codec:?} {at}");
        }
    }
}

#[test]
fn an_index_that_does_not_fill_its_container_is_refused() {
    let stored = encode(StorageCodec::Zstd, &b"words ".repeat(1000), 4096, 1 << 20);
    let (container, trailer) = (stored.len() as u64, *stored.last_chunk().unwrap());
    let place = BlockIndex::place(container, trailer).unwrap();
    let bytes = &stored[place.start as usize..];
    assert!(BlockIndex::read(container, bytes).is_ok());
    assert!(BlockIndex::read(container + 1, bytes).is_err());
    assert!(BlockIndex::read(container, &bytes[1..]).is_err());
    assert!(BlockIndex::read(container, &bytes[..bytes.len() - 1]).is_err());
    assert!(BlockIndex::place(3, trailer).is_err());
    assert!(BlockIndex::place(container, [255; 4]).is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_decoded_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut stored = vec![BLOCKS_VERSION];
        stored.extend(&bytes);
        let _ = decode(&stored);
        let _ = decode_block(&bytes);
        let _ = BlockIndex::read(bytes.len() as u64, &bytes);
    }
}
