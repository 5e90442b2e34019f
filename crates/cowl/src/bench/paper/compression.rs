//! Compression of medical images: the published transform, and the product's exact codecs.

use cowl_imaging::dct::{self, Quality, mse, psnr};
use cowl_imaging::display::DisplayImage;
use cowl_imaging::framing::CodecError;
use cowl_imaging::pixels::{PixelLayout, SampleFormat};
use cowl_imaging::{archive, live};

use super::{BY, Table, times};
use crate::bench::pictures::{Slice, scaled};
use crate::bench::row::{Row, figure};
use crate::bench::timing::Clock;
use crate::columns::Columns;
use crate::failure::{Failure, Result};

/// An image of the paper's table.
pub(super) struct Published {
    pub(super) name: &'static str,
    slice: Slice,
    side: u32,
    /// Percent.
    size: f64,
    /// Decibels.
    psnr: f64,
    seconds: f64,
}

/// In the paper's order.
pub(super) const PUBLISHED: [Published; 4] = [
    published("mri-256", Slice::Mr, 256, 9.2, 72.1, 0.49),
    published("mri-512", Slice::Mr, 512, 11.5, 83.9, 1.96),
    published("ct-256", Slice::Ct, 256, 14.45, 74.6, 0.57),
    published("ct-512", Slice::Ct, 512, 6.3, 74.9, 1.93),
];

const fn published(
    name: &'static str,
    slice: Slice,
    side: u32,
    size: f64,
    psnr: f64,
    seconds: f64,
) -> Published {
    Published { name, slice, side, size, psnr, seconds }
}

impl Published {
    /// Our image of this kind and size.
    pub(super) fn picture(&self) -> DisplayImage {
        scaled(&self.slice.picture(), self.side, self.side)
    }
}

/// What a codec makes of an image.
struct Measured {
    codec: String,
    /// In percent of the image.
    size: f64,
    mse: f64,
    psnr: f64,
    /// Coding and decoding together, on one core.
    seconds: f64,
}

pub(super) fn table() -> Result<Table> {
    let heads = [
        "image",
        "codec",
        "size %",
        "the paper",
        "MSE",
        "PSNR dB",
        "the paper",
        "time ms",
        "the paper",
        "ratio",
    ];
    let mut columns = Columns::new(heads).right(2..10);
    let mut rows = Vec::new();
    for published in &PUBLISHED {
        for (id, measured) in measure(published)? {
            columns.row([
                published.name.to_owned(),
                measured.codec.clone(),
                figure(measured.size),
                figure(published.size),
                figure(measured.mse),
                figure(measured.psnr),
                figure(published.psnr),
                figure(measured.seconds * 1e3),
                figure(published.seconds * 1e3),
                times(published.seconds, measured.seconds),
            ]);
            rows.extend(rows_of(published, id, &measured));
        }
    }
    Ok(Table { title: "Compression", notes: NOTES, columns, rows })
}

fn measure(published: &Published) -> Result<[(&'static str, Measured); 4]> {
    let picture = published.picture();
    let qualities = tried(&picture)?;
    let nearest = |distance: fn(&Tried, &Published) -> f64| {
        let better =
            |one: &&Tried, other: &&Tried| distance(one, published).total_cmp(&distance(other, published));
        qualities.iter().min_by(better).map(|tried| tried.quality).expect("all qualities were tried")
    };
    let by_size = nearest(|tried, published| (tried.size - published.size).abs());
    let by_psnr = nearest(|tried, published| (tried.psnr - published.psnr).abs());
    Ok([
        ("dct-at-size", lossy(&picture, by_size, "nearest size")?),
        ("dct-at-psnr", lossy(&picture, by_psnr, "nearest PSNR")?),
        ("live", exact(&picture, "live, exact", live::encode, live::decode)?),
        ("archive", exact(&picture, "archive, exact", archive::encode, archive::decode)?),
    ])
}

/// What the transform makes of an image at one quality.
pub(super) struct Tried {
    pub(super) quality: Quality,
    size: f64,
    psnr: f64,
}

fn tried(picture: &DisplayImage) -> Result<Vec<Tried>> {
    let all = (1..=100).filter_map(Quality::new).map(|quality| {
        let coded = dct::encode(picture, quality).map_err(failed)?;
        let decoded = dct::decode(&coded).map_err(failed)?;
        let psnr = psnr(picture.samples(), decoded.samples());
        Ok(Tried { quality, size: percent(coded.len(), picture), psnr })
    });
    all.collect()
}

fn lossy(picture: &DisplayImage, quality: Quality, why: &str) -> Result<Measured> {
    let (encode, coded) = Clock::Thread.median(RUNS, || dct::encode(picture, quality));
    let coded = coded.map_err(failed)?;
    let (decode, decoded) = Clock::Thread.median(RUNS, || dct::decode(&coded));
    let decoded = decoded.map_err(failed)?;
    Ok(Measured {
        codec: format!("dct, quality {}: {why}", quality.get()),
        size: percent(coded.len(), picture),
        mse: mse(picture.samples(), decoded.samples()),
        psnr: psnr(picture.samples(), decoded.samples()),
        seconds: encode + decode,
    })
}

/// Of a pixel codec.
type Outcome<T> = std::result::Result<T, CodecError>;

/// Decoded pixels with their layout.
type Pixels = (PixelLayout, Vec<u8>);

fn exact(
    picture: &DisplayImage,
    codec: &str,
    encode: fn(&PixelLayout, &[u8]) -> Outcome<Vec<u8>>,
    decode: fn(&[u8]) -> Outcome<Pixels>,
) -> Result<Measured> {
    let format = SampleFormat::new(8, 8, false).map_err(failed)?;
    let (rows, columns) = (picture.height() as u32, picture.width() as u32);
    let layout = PixelLayout::new(rows, columns, 1, 1, format).map_err(failed)?;
    let (encoding, coded) = Clock::Thread.median(RUNS, || encode(&layout, picture.samples()));
    let coded = coded.map_err(failed)?;
    let (decoding, decoded) = Clock::Thread.median(RUNS, || decode(&coded));
    let (_, decoded) = decoded.map_err(failed)?;
    Ok(Measured {
        codec: codec.to_owned(),
        size: percent(coded.len(), picture),
        mse: mse(picture.samples(), &decoded),
        psnr: psnr(picture.samples(), &decoded),
        seconds: encoding + decoding,
    })
}

fn rows_of(published: &Published, id: &str, measured: &Measured) -> Vec<Row> {
    let row = |quantity: &str, unit: &str, ours: f64| {
        let what = format!("{} by {}: {quantity}", published.name, measured.codec);
        Row::new(format!("paper.compression.{}.{id}.{quantity}", published.name), what, unit, ours)
    };
    let mut rows = vec![
        row("size", "%", measured.size).against(BY, published.size),
        row("mse", "MSE", measured.mse),
        row("time", "s", measured.seconds).against(BY, published.seconds),
    ];
    if measured.psnr.is_finite() {
        rows.push(row("psnr", "dB", measured.psnr).against(BY, published.psnr));
    }
    rows
}

pub(super) fn percent(coded: usize, picture: &DisplayImage) -> f64 {
    100.0 * coded as f64 / picture.samples().len() as f64
}

pub(super) fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::no(error.to_string())
}

const RUNS: usize = 9;

const NOTES: &[&str] = &[
    "Our images are slices of the samples, those of 512 × 512 scaled up; the paper's are not public. Size: bytes of the coded",
    "image in percent of its samples; we read the paper's \"compression ratio\" like that. Time: coding and decoding, one core.",
    "PSNR is 10 log10(255² / MSE): the paper's 72 to 84 dB mean that at most one sample in 250 is off by one. No quality of",
    "an 8 × 8 DCT gives that at a tenth of the size, so there is a line for the size and one for the PSNR. ∞: bit for bit.",
];
