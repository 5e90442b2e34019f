//! Ratio and speed of the pixel codecs, on one core.

use std::path::Path;

use cowl_imaging::container::find_raster;
use cowl_imaging::pixels::PixelLayout;
use cowl_imaging::{archive, live};

use crate::bench::row::Row;
use crate::bench::timing::{Clock, median};
use crate::demo::packs;
use crate::demo::samples::SAMPLES;
use crate::failure::{Failure, Result};

/// Frames of one kind, and the goals that the issue sets for them.
struct Slices {
    name: &'static str,
    from: String,
    frames: Vec<Frame>,
    live_ratio: f64,
    /// That JPEG-LS reaches on the slices that the goals were set for.
    jpeg_ls: f64,
}

struct Frame {
    layout: PixelLayout,
    bytes: Vec<u8>,
}

/// What a codec does with all frames.
struct Measured {
    ratio: f64,
    /// Megabytes of pixels a second.
    encode: f64,
    decode: f64,
}

/// Seconds both ways, and the coded bytes of one frame.
type Round = fn(&Frame) -> Result<(f64, f64, usize)>;

pub(super) fn rows() -> Result<Vec<Row>> {
    let ct = slices(
        "ct",
        "COWL_BENCH_CT",
        &["images/ct_head_026.dcm", "images/ct_head_027.dcm", "images/ct_head_028.dcm"],
    )?;
    let mr = slices("mr", "COWL_BENCH_MR", &["images/mr_small.dcm"])?;
    let sets =
        [Slices { live_ratio: 4.2, jpeg_ls: 4.947, ..ct }, Slices { live_ratio: 3.0, jpeg_ls: 3.355, ..mr }];
    let mut rows = Vec::new();
    for set in &sets {
        rows.extend(live_rows(set)?);
        rows.extend(archive_rows(set)?);
    }
    Ok(rows)
}

/// The goals hold for the slices that they were set for; on the samples the rows only report.
impl Slices {
    fn are_the_reference(&self) -> bool {
        self.frames.len() > SAMPLES.len()
    }

    fn row(&self, codec: &str, what: &str, unit: &str, ours: f64) -> Row {
        let text = format!(
            "{codec}, {what}, {} {} frames, {}",
            self.frames.len(),
            self.name.to_uppercase(),
            self.from
        );
        Row::new(format!("vault.codec.{codec}.{}.{what}", self.name), text, unit, ours)
    }
}

fn live_rows(set: &Slices) -> Result<Vec<Row>> {
    let measured = measure(set, live_round)?;
    let rows = [
        (set.row("live", "ratio", "×", measured.ratio), set.live_ratio),
        (set.row("live", "encode", "MB/s", measured.encode), 600.0),
        (set.row("live", "decode", "MB/s", measured.decode), 1200.0),
    ];
    let judged =
        rows.into_iter().map(|(row, goal)| if set.are_the_reference() { row.own_goal(goal) } else { row });
    Ok(judged.collect())
}

fn archive_rows(set: &Slices) -> Result<Vec<Row>> {
    let measured = measure(set, archive_round)?;
    let mut ratio = set.row("archive", "ratio", "×", measured.ratio);
    if set.are_the_reference() {
        // What its segment of markers costs is within a thousandth.
        ratio = ratio.against("CharLS on the same slices", set.jpeg_ls).ratio_goal(0.999);
    }
    Ok(vec![
        ratio,
        set.row("archive", "encode", "MB/s", measured.encode),
        set.row("archive", "decode", "MB/s", measured.decode),
    ])
}

fn measure(set: &Slices, round: Round) -> Result<Measured> {
    let (mut encode, mut decode, mut coded, mut plain) = (0.0, 0.0, 0, 0);
    for frame in &set.frames {
        let mut rounds = (0..ROUNDS).map(|_| round(frame)).collect::<Result<Vec<_>>>()?;
        encode += median(&mut rounds.iter().map(|round| round.0).collect::<Vec<_>>());
        decode += median(&mut rounds.iter().map(|round| round.1).collect::<Vec<_>>());
        coded += rounds.pop().map_or(0, |round| round.2);
        plain += frame.bytes.len();
    }
    let megabytes = plain as f64 / 1e6;
    Ok(Measured {
        ratio: plain as f64 / coded as f64,
        encode: megabytes / encode,
        decode: megabytes / decode,
    })
}

fn live_round(frame: &Frame) -> Result<(f64, f64, usize)> {
    let mut encoder = live::FrameEncoder::new(&frame.layout).map_err(failed)?;
    let mut decoder = live::FrameDecoder::new(&frame.layout).map_err(failed)?;
    let (mut coded, mut back) = (Vec::new(), vec![0; frame.bytes.len()]);
    // The first pass warms the buffers that are kept between frames.
    encoder.encode(&frame.bytes, &mut coded).map_err(failed)?;
    decoder.decode(&coded, &mut back).map_err(failed)?;
    coded.clear();
    let (encode, outcome) = Clock::Thread.time(|| encoder.encode(&frame.bytes, &mut coded));
    outcome.map_err(failed)?;
    let (decode, outcome) = Clock::Thread.time(|| decoder.decode(&coded, &mut back));
    outcome.map_err(failed)?;
    if back == frame.bytes {
        Ok((encode, decode, coded.len()))
    } else {
        Err(failed("other pixels came back"))
    }
}

fn archive_round(frame: &Frame) -> Result<(f64, f64, usize)> {
    let (encode, coded) = Clock::Thread.time(|| archive::encode(&frame.layout, &frame.bytes));
    let coded = coded.map_err(failed)?;
    let (decode, back) = Clock::Thread.time(|| archive::decode(&coded));
    let same = back.is_ok_and(|(_, back)| back == frame.bytes);
    if same { Ok((encode, decode, coded.len())) } else { Err(failed("other pixels came back")) }
}

fn slices(name: &'static str, variable: &str, samples: &[&str]) -> Result<Slices> {
    let (from, frames) = match std::env::var_os(variable) {
        Some(folder) => ("those of a folder".to_owned(), of_folder(Path::new(&folder))?),
        None => {
            let files = SAMPLES.iter().filter(|(name, _)| samples.contains(name));
            (
                format!("the samples ({variable} names no folder)"),
                files.flat_map(|(_, file)| frames(file)).collect(),
            )
        }
    };
    Ok(Slices { name, from, frames, live_ratio: 0.0, jpeg_ls: 0.0 })
}

fn of_folder(folder: &Path) -> Result<Vec<Frame>> {
    let mut found = Vec::new();
    for path in packs::files(folder).map_err(|error| Failure::file(folder, error))? {
        found.extend(frames(&std::fs::read(&path).map_err(|error| Failure::file(&path, error))?));
    }
    if found.is_empty() {
        return Err(Failure::usage(format!("{}: there are no uncompressed pixels in it", folder.display())));
    }
    Ok(found)
}

/// All frames of a file; none where it has no uncompressed pixels.
fn frames(file: &[u8]) -> Vec<Frame> {
    let Some(span) = find_raster(file) else { return Vec::new() };
    let layout = span.layout();
    let sides = (layout.rows() as u32, layout.columns() as u32);
    let single = PixelLayout::new(sides.0, sides.1, 1, layout.samples_per_pixel() as u16, layout.format());
    let single = single.expect("one frame of a sound layout is a sound layout");
    let cut = file[span.range()].chunks_exact(single.frame_bytes());
    cut.map(|frame| Frame { layout: single, bytes: frame.to_vec() }).collect()
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::no(error.to_string())
}

const ROUNDS: usize = 5;
