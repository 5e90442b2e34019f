//! Slices of 512 × 512 pixels of 16 bits: sealed for adding, averaged, opened; beside an envelope.

use cowl_imaging::additive::{Samples, SealedImage, USUAL_IMAGES, combine};
use cowl_imaging::pixels::{PixelLayout, RasterSpan, SampleFormat};
use cowl_paillier::Timing;
use cowl_paillier_secret::OwnerEncryptor;
use cowl_seal::payload::{Cores, PayloadSealer};
use cowl_seal::{ItemKey, Suite};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

use super::sealed::{fault, key_of_2048_bits};
use crate::bench::pictures::{SLICES, scaled};
use crate::bench::row::Row;
use crate::bench::timing::Clock;
use crate::failure::{Failure, Result};

pub(super) fn rows() -> Result<Vec<Row>> {
    let (key, samples) = (key_of_2048_bits(), slices()?);
    let encryptor = OwnerEncryptor::new(key.clone(), Timing::Constant);
    let seal = |samples: &Samples| {
        let encrypt = |plaintexts: &[_]| encryptor.encrypt(plaintexts, &mut UnwrapErr(SysRng));
        SealedImage::seal(samples, key.public(), USUAL_IMAGES, encrypt).map_err(fault)
    };
    let (sealing, sealed) = Clock::Wall.median(3, || seal(&samples[0]));
    let mut sealed = vec![sealed?];
    for samples in &samples[1..] {
        sealed.push(seal(samples)?);
    }
    let images: Vec<SealedImage> = sealed.iter().cycle().take(IMAGES).cloned().collect();
    let (averaging, average) = Clock::Wall.median(3, || combine(&images, &[1; IMAGES], IMAGES as u32));
    let average = average.map_err(fault)?;
    let (opening, opened) = Clock::Wall.median(3, || average.open(|it| key.decrypt(it, Timing::Constant)));
    expect_sums(opened.map_err(fault)?.sums(), &samples)?;
    let bytes = sealed[0].to_bytes().map_err(fault)?.len() as f64;
    let pixels = samples[0].values().len();
    let row = |id: &str, what: &str, unit: &str, ours: f64| {
        Row::new(format!("tables.image.{id}"), what, unit, ours)
    };
    Ok(vec![
        row("seal", SEAL, "ms", sealing * 1e3).against(ENVELOPE, envelope(pixels * 2) * 1e3),
        row("average", "average 16 sealed slices, without a key, on all cores", "ms", averaging * 1e3),
        row("open", "open the average, on all cores", "ms", opening * 1e3),
        row("size", "bytes of a sealed pixel of 16 bits", "B/px", bytes / pixels as f64)
            .against(ENVELOPE, 2.0),
    ])
}

/// Slices of the samples, larger, their 8 bits spread over 12.
fn slices() -> Result<Vec<Samples>> {
    let format = SampleFormat::new(16, 12, false).map_err(fault)?;
    let layout = PixelLayout::new(SIDE, SIDE, 1, 1, format).map_err(fault)?;
    let slice = |slice: &crate::bench::pictures::Slice| {
        let picture = scaled(&slice.picture(), SIDE, SIDE);
        let raster: Vec<u8> =
            picture.samples().iter().flat_map(|value| (u16::from(*value) << 4).to_le_bytes()).collect();
        let span = RasterSpan::within(layout, 0, raster.len());
        Samples::of_raster(span.expect("a sample for every pixel"), &raster).map_err(fault)
    };
    SLICES.iter().map(slice).collect()
}

fn expect_sums(sums: &[i64], samples: &[Samples]) -> Result<()> {
    let times = (IMAGES / samples.len()) as i64;
    let sum = |pixel: usize| samples.iter().map(|it| i64::from(it.values()[pixel])).sum::<i64>() * times;
    if sums.iter().enumerate().all(|(pixel, found)| *found == sum(pixel)) {
        Ok(())
    } else {
        Err(Failure::no("the opened average is not that of the slices"))
    }
}

/// Seconds that suite standard takes for so many bytes.
fn envelope(bytes: usize) -> f64 {
    let (key, clear) = (ItemKey::make(Suite::Standard), vec![7; bytes]);
    Clock::Wall.median(9, || PayloadSealer::new(&key).seal(&clear, Cores::All)).0
}

const SIDE: u32 = 512;
const IMAGES: usize = 16;
const SEAL: &str =
    "seal a slice of 512 × 512 × 16 bits for adding, 2048 bits, on all cores: only where others must add";
const ENVELOPE: &str = "suite standard, which nobody can add";
