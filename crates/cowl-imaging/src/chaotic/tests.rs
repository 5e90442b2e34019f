use proptest::prelude::*;

use super::*;
use crate::specimens::{Noise, Texture, layout, raster};

fn key(byte: u8) -> ChaoticKey {
    ChaoticKey::from_secret([byte; 32])
}

fn size(rows: u32, row_bytes: u32) -> ImageSize {
    ImageSize::new(rows, row_bytes).unwrap()
}

#[test]
fn images_of_awkward_sizes_come_back() {
    for (rows, row_bytes) in [(1, 1), (1, 9), (9, 1), (8, 8), (7, 17), (64, 64), (33, 130)] {
        let mut noise = Noise::new(3);
        let image: Vec<u8> = (0..rows * row_bytes).map(|_| noise.next() as u8).collect();
        let sealed = encode(&key(1), size(rows, row_bytes), &image).unwrap();
        assert_eq!(decode(&key(1), &sealed).unwrap(), (size(rows, row_bytes), image));
    }
}

#[test]
fn another_key_gives_another_image() {
    let image = raster(&layout(64, 64, 1, 1, 8, false), Texture::Smooth, 1);
    let sealed = encode(&key(1), size(64, 64), &image).unwrap();
    let (_, opened) = decode(&key(2), &sealed).unwrap();
    let equal = opened.iter().zip(&image).filter(|(a, b)| a == b).count();
    assert!(equal < 64, "{equal} of 4096 bytes are equal");
}

#[test]
fn a_sealed_smooth_image_looks_like_noise() {
    let image = raster(&layout(128, 128, 1, 1, 8, false), Texture::Smooth, 1);
    let sealed = encode(&key(1), size(128, 128), &image).unwrap();
    let mut counts = [0f64; 256];
    sealed[HEAD..].iter().for_each(|&byte| counts[usize::from(byte)] += 1.0);
    let chi_squared: f64 = counts.iter().map(|count| (count - 64.0).powi(2) / 64.0).sum();
    // 255 degrees of freedom: 99.99 % lie below 347.
    assert!(chi_squared < 347.0, "{chi_squared}");
}

/// Why the scheme never stands alone. What the attacker has: sealed forms of three images of his choice, and of one
/// that he wants, of the same size, under one key.
#[test]
fn three_chosen_images_recover_any_later_one() {
    let (secret, size) = (key(9), size(100, 120));
    let seal = |image: &[u8]| encode(&secret, size, image).unwrap()[HEAD..].to_vec();
    let pixels = size.bytes();
    let black = seal(&vec![0; pixels]);
    let low = seal(&(0..pixels).map(|index| index as u8).collect::<Vec<_>>());
    let high = seal(&(0..pixels).map(|index| (index >> 8) as u8).collect::<Vec<_>>());
    let wanted: Vec<u8> = raster(&layout(100, 120, 1, 1, 8, false), Texture::Smooth, 77);

    let stream = differences(&black);
    let permuted = |cipher: &[u8]| {
        let mut before = 0u8;
        let mixed = differences(cipher).into_iter().zip(&stream).map(|(mixed, &key)| mixed.wrapping_sub(key));
        mixed
            .map(|mixed| {
                before = mixed.wrapping_sub(before);
                before
            })
            .collect::<Vec<u8>>()
    };
    let (low, high, seen) = (permuted(&low), permuted(&high), permuted(&seal(&wanted)));
    let mut recovered = vec![0; pixels];
    for ((low, high), byte) in low.into_iter().zip(high).zip(seen) {
        recovered[usize::from(u16::from_le_bytes([low, high]))] = byte;
    }
    assert_eq!(recovered, wanted);
}

/// c − c₋₁ = v + s + p₋₁, which is s for a black image.
fn differences(cipher: &[u8]) -> Vec<u8> {
    let before = std::iter::once(&0).chain(cipher);
    cipher.iter().zip(before).map(|(cipher, before)| cipher.wrapping_sub(*before)).collect()
}

#[test]
fn the_published_order_cannot_be_undone() {
    let samples = raster(&layout(128, 128, 1, 1, 8, false), Texture::Smooth, 5);
    let image = DisplayImage::new(128, 128, Channels::Gray, samples).unwrap();
    let quality = Quality::new(90).unwrap();
    let psnr = |order| {
        let (back, _) = round_trip_with_transform(&key(3), &image, quality, order).unwrap();
        dct::psnr(image.samples(), back.samples())
    };
    let (before, after) = (psnr(TransformOrder::BeforeEncryption), psnr(TransformOrder::AfterEncryption));
    assert!(before > 30.0, "transform first: {before} dB");
    assert!(after < 12.0, "encryption first: {after} dB");
}

#[test]
fn wrong_sizes_and_foreign_bytes_are_named() {
    assert_eq!(encode(&key(1), size(2, 2), &[0; 3]), Err(ChaoticError::WrongSize));
    assert_eq!(ImageSize::new(0, 2), Err(ChaoticError::WrongSize));
    assert_eq!(ImageSize::new(u32::MAX, u32::MAX), Err(ChaoticError::WrongSize));
    let sealed = encode(&key(1), size(2, 2), &[0; 4]).unwrap();
    assert!(decode(&key(1), &sealed[..20]).is_err());
    assert_eq!(decode(&key(1), b"text"), Err(ChaoticError::NotChaotic));
    let mut newer = sealed;
    newer[4] = 2;
    assert_eq!(decode(&key(1), &newer), Err(ChaoticError::UnknownVersion(2)));
}

proptest! {
    #[test]
    fn any_image_comes_back(rows in 1u32..40, row_bytes in 1u32..40, secret: [u8; 32], seed: u64) {
        let mut noise = Noise::new(seed);
        let image: Vec<u8> = (0..rows * row_bytes).map(|_| noise.next() as u8).collect();
        let key = ChaoticKey::from_secret(secret);
        let sealed = encode(&key, size(rows, row_bytes), &image).unwrap();
        prop_assert_eq!(decode(&key, &sealed).unwrap().1, image);
    }
}
