use super::*;
use crate::specimens::{AWKWARD_SIZES, Noise};

fn picture(width: u32, height: u32, channels: Channels) -> DisplayImage {
    let mut noise = Noise::new(1);
    let samples = (0..width * height * channels.count() as u32)
        .map(|index| {
            let (x, y) = (index / channels.count() as u32 % width, index / channels.count() as u32 / width);
            (128.0 + 60.0 * (f64::from(x) / 9.0).sin() + 50.0 * (f64::from(y) / 7.0).cos()) as u8
                ^ (noise.next() & 1) as u8
        })
        .collect();
    DisplayImage::new(width, height, channels, samples).unwrap()
}

fn quality(value: u8) -> Quality {
    Quality::new(value).unwrap()
}

#[test]
fn better_quality_costs_more_and_loses_less() {
    for channels in [Channels::Gray, Channels::Rgb] {
        let image = picture(200, 100, channels);
        let losses = [10, 50, 90, 100].map(|value| {
            let coded = encode(&image, quality(value)).unwrap();
            Loss::measure(image.samples(), decode(&coded).unwrap().samples(), coded.len())
        });
        assert!(losses.is_sorted_by(|a, b| a.ratio > b.ratio && a.psnr < b.psnr), "{losses:?}");
        assert!(losses[0].psnr > 25.0 && losses[3].psnr > 45.0, "{losses:?}");
    }
}

#[test]
fn images_of_awkward_sizes_keep_their_size() {
    for (height, width) in AWKWARD_SIZES {
        for channels in [Channels::Gray, Channels::Rgb] {
            let image = picture(width, height, channels);
            let decoded = decode(&encode(&image, quality(95)).unwrap()).unwrap();
            assert_eq!((decoded.width(), decoded.height()), (image.width(), image.height()));
            assert!(psnr(image.samples(), decoded.samples()) > 30.0);
        }
    }
}

#[test]
fn a_constant_image_is_kept_exactly() {
    let image = DisplayImage::new(24, 24, Channels::Gray, vec![77; 576]).unwrap();
    let decoded = decode(&encode(&image, quality(100)).unwrap()).unwrap();
    assert_eq!(mse(image.samples(), decoded.samples()), 0.0);
    assert_eq!(psnr(image.samples(), decoded.samples()), f64::INFINITY);
}

#[test]
fn the_error_measures_are_those_of_the_field() {
    assert_eq!(mse(&[0, 10], &[3, 6]), 12.5);
    assert!((psnr(&[0; 4], &[255; 4]) - 0.0).abs() < 1e-9);
    assert!((psnr(&[100], &[101]) - 48.130_803_6).abs() < 1e-6);
}

#[test]
fn diagnostic_files_are_refused() {
    let mut dicom = vec![0; 128];
    dicom.extend(b"DICM");
    assert!(matches!(encode_picture(&dicom, quality(90)), Err(DctError::Diagnostic)));
    let mut nifti = vec![0; 352];
    nifti[344..348].copy_from_slice(b"n+1\0");
    assert!(matches!(encode_picture(&nifti, quality(90)), Err(DctError::Diagnostic)));
    assert!(matches!(dangerous_lossy_diagnostic(b"text", quality(90)), Err(DctError::NoImage(_))));
    assert!(matches!(encode_picture(b"text", quality(90)), Err(DctError::NoImage(_))));
}

#[test]
fn truncations_and_flipped_bits_never_panic() {
    let stream = encode(&picture(20, 12, Channels::Rgb), quality(60)).unwrap();
    for length in 0..stream.len() {
        assert!(decode(&stream[..length]).is_err());
    }
    for bit in 0..stream.len() * 8 {
        let mut damaged = stream.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        // Sides of many millions are honest work, not a fault; they are left out for the time they take.
        if !(5..13).contains(&(bit / 8)) {
            let _ = decode(&damaged);
        }
    }
}
