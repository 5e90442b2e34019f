//! Ratio and speed of the pixel codecs on raw slices, one core:
//! `cargo run --release --example codec_bench -- FILE ROWS COLUMNS [BITS] [unsigned]`
//!
//! FILE holds frames of little-endian samples and nothing else. Each frame is timed by itself and the best of its rounds
//! counts, so that other work on the machine disturbs little. The speed of the chaotic scheme is printed beside.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::time::Instant;

use cowl_imaging::chaotic::{self, ChaoticKey, ImageSize};
use cowl_imaging::pixels::{PixelLayout, SampleFormat};
use cowl_imaging::{archive, live};

const ROUNDS: usize = 7;

/// Seconds and bytes of all frames.
#[derive(Default)]
struct Total {
    encode: f64,
    decode: f64,
    coded: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, rows, columns, options @ ..] = arguments.as_slice() else {
        return Err("usage: codec_bench FILE ROWS COLUMNS [BITS] [unsigned]".into());
    };
    let bits = options.first().map_or(Ok(16), |bits| bits.parse())?;
    let signed = !options.iter().any(|option| option == "unsigned");
    let format = SampleFormat::new(if bits > 8 { 16 } else { 8 }, bits, signed)?;
    let layout = PixelLayout::new(rows.parse()?, columns.parse()?, 1, 1, format)?;
    let raster = std::fs::read(file)?;
    measure("live", &layout, &raster, live_round)?;
    measure("archive", &layout, &raster, archive_round)?;
    measure_chaotic(&layout, &raster)
}

type Round = fn(&PixelLayout, &[u8]) -> Result<(f64, f64, usize), Box<dyn Error>>;

fn measure(name: &str, layout: &PixelLayout, raster: &[u8], round: Round) -> Result<(), Box<dyn Error>> {
    let mut total = Total::default();
    for frame in raster.chunks_exact(layout.frame_bytes()) {
        let mut best = (f64::MAX, f64::MAX, 0);
        for _ in 0..ROUNDS {
            let (encode, decode, coded) = round(layout, frame)?;
            best = (best.0.min(encode), best.1.min(decode), coded);
        }
        total.encode += best.0;
        total.decode += best.1;
        total.coded += best.2;
    }
    let megabytes = raster.len() as f64 / 1e6;
    println!(
        "{name}: ratio {:.3}, encode {:.0} MB/s, decode {:.0} MB/s",
        raster.len() as f64 / total.coded as f64,
        megabytes / total.encode,
        megabytes / total.decode
    );
    Ok(())
}

fn live_round(layout: &PixelLayout, frame: &[u8]) -> Result<(f64, f64, usize), Box<dyn Error>> {
    let (mut encoder, mut decoder) = (live::FrameEncoder::new(layout)?, live::FrameDecoder::new(layout)?);
    let mut coded = Vec::new();
    let mut back = vec![0u8; frame.len()];
    // The first pass warms the buffers that are kept between frames.
    encoder.encode(frame, &mut coded)?;
    decoder.decode(&coded, &mut back)?;
    coded.clear();
    let start = Instant::now();
    encoder.encode(frame, &mut coded)?;
    let encode = start.elapsed().as_secs_f64();
    let start = Instant::now();
    decoder.decode(&coded, &mut back)?;
    let decode = start.elapsed().as_secs_f64();
    assert!(back == frame, "a frame does not come back");
    Ok((encode, decode, coded.len()))
}

fn archive_round(layout: &PixelLayout, frame: &[u8]) -> Result<(f64, f64, usize), Box<dyn Error>> {
    let start = Instant::now();
    let coded = archive::encode(layout, frame)?;
    let encode = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let (_, back) = archive::decode(&coded)?;
    let decode = start.elapsed().as_secs_f64();
    assert!(back == frame, "a frame does not come back");
    Ok((encode, decode, coded.len()))
}

fn measure_chaotic(layout: &PixelLayout, raster: &[u8]) -> Result<(), Box<dyn Error>> {
    let key = ChaoticKey::from_secret([1; 32]);
    let size = ImageSize::new(layout.rows() as u32, (layout.frame_bytes() / layout.rows()) as u32)?;
    let (mut seal, mut open) = (f64::MAX, f64::MAX);
    let frame = &raster[..layout.frame_bytes()];
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let sealed = chaotic::encode(&key, size, frame)?;
        seal = seal.min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        let (_, opened) = chaotic::decode(&key, &sealed)?;
        open = open.min(start.elapsed().as_secs_f64());
        assert!(opened == frame, "an image does not come back");
    }
    let megabytes = frame.len() as f64 / 1e6;
    println!("chaotic: seal {:.0} MB/s, open {:.0} MB/s", megabytes / seal, megabytes / open);
    Ok(())
}
