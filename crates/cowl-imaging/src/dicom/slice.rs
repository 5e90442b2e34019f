//! One slice of a series as numbers, and where it lies (PS3.3 C.7.6.2, C.11.1).

use super::DicomFile;
use super::elements::Tag;
use crate::display::stored_values;

const SERIES: Tag = Tag(0x0020, 0x000e);
const SLICE_THICKNESS: Tag = Tag(0x0018, 0x0050);
const POSITION: Tag = Tag(0x0020, 0x0032);
const ORIENTATION: Tag = Tag(0x0020, 0x0037);
const SPACING: Tag = Tag(0x0028, 0x0030);
const INTERCEPT: Tag = Tag(0x0028, 0x1052);
const SLOPE: Tag = Tag(0x0028, 0x1053);

/// What is missing for a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SliceError {
    /// Pixels that are compressed, in colour, cut short, or of other than 8 or 16 bits.
    #[error("its pixels are not read; uncompressed gray ones of 8 or 16 bits are")]
    Pixels,
    /// More frames than one.
    #[error("it has several frames; slices of one frame each are read")]
    Frames,
    /// Position, orientation or spacing is missing or no number.
    #[error("it does not say where it lies (Image Position, Image Orientation, Pixel Spacing)")]
    Place,
}

/// A slice: values with slope and intercept applied, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice {
    /// UID of its series; empty if there is none.
    pub series: String,
    /// Pixels of a row, and rows.
    pub sizes: [usize; 2],
    /// All values.
    pub values: Vec<f32>,
    /// Middle of the first pixel in millimetres, DICOM's axes: to the left, to the back, to the head.
    pub position: [f64; 3],
    /// Directions of a row, then of a column.
    pub directions: [[f64; 3]; 2],
    /// Millimetres from pixel to pixel along a row, then along a column.
    pub spacing: [f64; 2],
    /// Millimetres, if the file gives them.
    pub thickness: Option<f64>,
}

impl DicomFile<'_> {
    /// The file as one slice of a series.
    ///
    /// # Errors
    /// [`SliceError`] says what is missing.
    pub fn slice(&self) -> Result<Slice, SliceError> {
        let span = self.raster().ok_or(SliceError::Pixels)?;
        let layout = *span.layout();
        if layout.frames() > 1 {
            return Err(SliceError::Frames);
        }
        let pixels = self.bytes.get(span.range()).filter(|_| layout.samples_per_pixel() == 1);
        let pixels = pixels.ok_or(SliceError::Pixels)?;
        let [slope, intercept] = [(SLOPE, 1.0), (INTERCEPT, 0.0)]
            .map(|(tag, usual)| self.decimals(tag).map_or(usual, |[value]| value));
        let values = stored_values(layout.format(), pixels);
        let [x, y, z, i, j, k] = self.decimals(ORIENTATION).ok_or(SliceError::Place)?;
        let [column, row] = self.decimals(SPACING).ok_or(SliceError::Place)?;
        Ok(Slice {
            series: self.bytes_of(SERIES).map(text).unwrap_or_default(),
            sizes: [layout.columns(), layout.rows()],
            values: values.iter().map(|&value| (f64::from(value) * slope + intercept) as f32).collect(),
            position: self.decimals(POSITION).ok_or(SliceError::Place)?,
            directions: [[x, y, z], [i, j, k]],
            spacing: [row, column],
            thickness: self.decimals(SLICE_THICKNESS).map(|[value]| value),
        })
    }

    /// Values of an attribute of value representation DS; `None` unless there are as many, all of them numbers.
    fn decimals<const N: usize>(&self, tag: Tag) -> Option<[f64; N]> {
        let text = text(self.bytes_of(tag)?);
        let mut numbers = text.split('\\').map(|number| number.trim().parse::<f64>());
        let mut values = [0.0; N];
        for value in &mut values {
            *value = numbers.next()?.ok().filter(|value| value.is_finite())?;
        }
        numbers.next().is_none().then_some(values)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_matches(['\0', ' ']).to_owned()
}
