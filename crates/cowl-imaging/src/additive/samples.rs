//! The samples of an image as numbers.

use super::{AdditiveError, MOST_SAMPLES, samples_of};
use crate::dicom::{self, DicomFile};
use crate::display::{self, Channels, DisplayImage};
use crate::nifti;
use crate::pixels::{PixelLayout, RasterSpan, SampleFormat};

/// The stored samples of an image, frame by frame, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Samples {
    layout: PixelLayout,
    values: Vec<i32>,
}

impl Samples {
    /// Reads a DICOM file or NIfTI volume of 8 or 16 bits a sample, or a picture (PNG, JPEG, BMP, PNM) of 8.
    ///
    /// # Errors
    /// [`AdditiveError::NoPixels`] says what is in the way; [`AdditiveError::TooLarge`].
    pub fn read(file: &[u8]) -> Result<Self, AdditiveError> {
        if dicom::is_dicom(file) {
            let read = DicomFile::read(file).map_err(|_| AdditiveError::NoPixels("a damaged DICOM file"))?;
            return Self::of_raster(read.raster().ok_or(AdditiveError::NoPixels(NO_DICOM_RASTER))?, file);
        }
        if nifti::is_nifti(file) {
            let span = nifti::raster(file).ok_or(AdditiveError::NoPixels(NO_NIFTI_RASTER))?;
            return Self::of_raster(span, file);
        }
        match display::raster(file) {
            Some(span) => Self::of_raster(span, file),
            None => Self::of_picture(file),
        }
    }

    /// Where its pixels lie is known.
    ///
    /// # Errors
    /// [`AdditiveError::TooLarge`].
    pub fn of_raster(span: RasterSpan, file: &[u8]) -> Result<Self, AdditiveError> {
        let layout = *span.layout();
        check_size(&layout)?;
        let raster = file.get(span.range()).ok_or(AdditiveError::NoPixels("the file is cut short"))?;
        Ok(Self { layout, values: values(layout.format(), raster) })
    }

    fn of_picture(file: &[u8]) -> Result<Self, AdditiveError> {
        if !display::is_display_image(file) {
            return Err(AdditiveError::NoPixels("neither DICOM nor NIfTI nor a picture"));
        }
        let picture = DisplayImage::decode(file).map_err(|_| AdditiveError::NoPixels(NO_PICTURE))?;
        let samples = if picture.channels() == Channels::Gray { 1 } else { 3 };
        let (rows, columns) = (picture.height() as u32, picture.width() as u32);
        let layout = PixelLayout::new(rows, columns, 1, samples, SampleFormat::new(8, 8, false)?)?;
        check_size(&layout)?;
        Ok(Self { layout, values: picture.samples().iter().copied().map(i32::from).collect() })
    }

    /// Their shape.
    pub fn layout(&self) -> &PixelLayout {
        &self.layout
    }

    /// Their numbers.
    pub fn values(&self) -> &[i32] {
        &self.values
    }
}

fn check_size(layout: &PixelLayout) -> Result<(), AdditiveError> {
    let found = samples_of(layout);
    if found <= MOST_SAMPLES { Ok(()) } else { Err(AdditiveError::TooLarge { found }) }
}

fn values(format: SampleFormat, bytes: &[u8]) -> Vec<i32> {
    let pairs = || bytes.chunks_exact(2).map(|pair| [pair[0], pair[1]]);
    match (format.bytes(), format.is_signed()) {
        (1, false) => bytes.iter().map(|byte| i32::from(*byte)).collect(),
        (1, true) => bytes.iter().map(|byte| i32::from(*byte as i8)).collect(),
        (_, false) => pairs().map(|pair| i32::from(u16::from_le_bytes(pair))).collect(),
        (_, true) => pairs().map(|pair| i32::from(i16::from_le_bytes(pair))).collect(),
    }
}

const NO_DICOM_RASTER: &str =
    "the DICOM file's pixels are compressed, big-endian, missing, or not of 8 or 16 bits";
const NO_NIFTI_RASTER: &str = "the NIfTI volume is big-endian, cut short, or not of 8- or 16-bit integers";
const NO_PICTURE: &str = "the picture is damaged, transparent, or not of 8 bits a sample";
