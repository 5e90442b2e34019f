//! Where the native pixel data of a file lies (PS3.5 8, PS3.3 C.7.6.3).

use super::elements::{Tag, Value};
use super::{DicomFile, Encoding};
use crate::pixels::{PixelLayout, RasterSpan, SampleFormat};

const SAMPLES_PER_PIXEL: Tag = Tag(0x0028, 0x0002);
const PLANAR_CONFIGURATION: Tag = Tag(0x0028, 0x0006);
const NUMBER_OF_FRAMES: Tag = Tag(0x0028, 0x0008);
const ROWS: Tag = Tag(0x0028, 0x0010);
const COLUMNS: Tag = Tag(0x0028, 0x0011);
const BITS_ALLOCATED: Tag = Tag(0x0028, 0x0100);
const BITS_STORED: Tag = Tag(0x0028, 0x0101);
const PIXEL_REPRESENTATION: Tag = Tag(0x0028, 0x0103);

pub(super) fn find(file: &DicomFile<'_>) -> Option<RasterSpan> {
    let native = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"].contains(&file.transfer_syntax.as_str());
    let Some(Value::Bytes(range)) = file.pixel_data.as_ref().filter(|_| native) else { return None };
    RasterSpan::within(layout(file)?, range.start, range.end)
}

fn layout(file: &DicomFile<'_>) -> Option<PixelLayout> {
    let signed = number(file, PIXEL_REPRESENTATION).unwrap_or(0) == 1;
    let format = SampleFormat::new(number(file, BITS_ALLOCATED)?, number(file, BITS_STORED)?, signed).ok()?;
    let samples = number(file, SAMPLES_PER_PIXEL).unwrap_or(1);
    let planar = samples > 1 && number(file, PLANAR_CONFIGURATION) == Some(1);
    // Planes that follow each other are coded as frames.
    let (frames, samples) =
        if planar { (frames(file)?.checked_mul(u32::from(samples))?, 1) } else { (frames(file)?, samples) };
    let (rows, columns) = (u32::from(number(file, ROWS)?), u32::from(number(file, COLUMNS)?));
    PixelLayout::new(rows, columns, frames, samples, format).ok()
}

/// Value of an attribute of value representation US.
fn number(file: &DicomFile<'_>, tag: Tag) -> Option<u16> {
    let bytes = file.bytes_of(tag)?.first_chunk::<2>()?;
    Some(Encoding::short(file.encoding, *bytes))
}

fn frames(file: &DicomFile<'_>) -> Option<u32> {
    let Some(text) = file.bytes_of(NUMBER_OF_FRAMES) else { return Some(1) };
    let text = std::str::from_utf8(text).ok()?.trim_matches(['\0', ' ']);
    if text.is_empty() { Some(1) } else { text.parse().ok() }
}
