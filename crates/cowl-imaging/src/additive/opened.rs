//! What comes out: exact sums, and how they are written down or shown.

use std::io::Cursor;

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

use super::AdditiveError;
use crate::pixels::PixelLayout;

/// An opened image: for each sample an exact sum, and the divisor of all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedImage {
    layout: PixelLayout,
    sums: Vec<i64>,
    divisor: u32,
}

/// A window of values that is shown, black to white (DICOM PS3.3, C.11.2.1.2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    center: f64,
    width: f64,
}

impl Window {
    /// `None` unless both are finite and the width is at least 1.
    pub fn new(center: f64, width: f64) -> Option<Self> {
        (center.is_finite() && width.is_finite() && width >= 1.0).then_some(Self { center, width })
    }

    /// The window that shows all values.
    pub fn of_all(image: &OpenedImage) -> Self {
        let values = || image.sums.iter().map(|sum| *sum as f64 / f64::from(image.divisor));
        let (least, most) =
            values().fold((f64::MAX, f64::MIN), |(least, most), value| (least.min(value), most.max(value)));
        Self { center: (least + most + 1.0) / 2.0, width: (most - least + 1.0).max(1.0) }
    }

    /// The function LINEAR of C.11.2.1.2.1.
    fn shade(self, value: f64) -> u8 {
        let (center, width) = (self.center - 0.5, self.width - 1.0);
        if value <= center - width / 2.0 {
            0
        } else if value > center + width / 2.0 {
            u8::MAX
        } else {
            (((value - center) / width + 0.5) * 255.0).round() as u8
        }
    }
}

/// How samples become those of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shown {
    /// As they are; refused where they are not whole numbers of 8 or 16 bits.
    Exactly,
    /// Through a window.
    Through(Window),
}

impl OpenedImage {
    pub(super) fn new(layout: PixelLayout, sums: Vec<i64>, divisor: u32) -> Self {
        Self { layout, sums, divisor }
    }

    /// The pixels' shape.
    pub fn layout(&self) -> &PixelLayout {
        &self.layout
    }

    /// The exact sums, still to be divided by [`OpenedImage::divisor`].
    pub fn sums(&self) -> &[i64] {
        &self.sums
    }

    /// What the sums are to be divided by.
    pub fn divisor(&self) -> u32 {
        self.divisor
    }

    /// One frame as a PNG.
    ///
    /// # Errors
    /// [`AdditiveError::NotShown`] for a frame that is not there, for pixels of other than one or three samples, and for
    /// samples that cannot be shown exactly.
    pub fn png(&self, frame: usize, shown: Shown) -> Result<Vec<u8>, AdditiveError> {
        let length = self.layout.pixels_per_frame() * self.layout.samples_per_pixel();
        let sums = self.sums.chunks_exact(length).nth(frame).ok_or(AdditiveError::NotShown(NO_FRAME))?;
        match shown {
            Shown::Through(window) => {
                let shade = |sum: &i64| window.shade(*sum as f64 / f64::from(self.divisor));
                self.encode(&sums.iter().map(shade).collect::<Vec<u8>>(), 8)
            }
            Shown::Exactly => {
                let values = self.exact(sums).ok_or(AdditiveError::NotShown(NOT_EXACT))?;
                if values.iter().all(|value| *value <= u16::from(u8::MAX)) {
                    return self.encode(&values.iter().map(|value| *value as u8).collect::<Vec<u8>>(), 8);
                }
                // The encoder takes samples in the machine's order and writes them in the format's.
                self.encode(&values.iter().flat_map(|value| value.to_ne_bytes()).collect::<Vec<u8>>(), 16)
            }
        }
    }

    /// The values of some sums where they are whole and not beyond 16 bits.
    fn exact(&self, sums: &[i64]) -> Option<Vec<u16>> {
        let divisor = i64::from(self.divisor);
        let value = |sum: &i64| if sum % divisor == 0 { u16::try_from(sum / divisor).ok() } else { None };
        sums.iter().map(value).collect()
    }

    fn encode(&self, samples: &[u8], bits: u8) -> Result<Vec<u8>, AdditiveError> {
        let colour = match (self.layout.samples_per_pixel(), bits) {
            (1, 8) => ExtendedColorType::L8,
            (1, _) => ExtendedColorType::L16,
            (3, 8) => ExtendedColorType::Rgb8,
            (3, _) => ExtendedColorType::Rgb16,
            _ => return Err(AdditiveError::NotShown("a picture has one or three samples a pixel")),
        };
        let (columns, rows) = (self.layout.columns() as u32, self.layout.rows() as u32);
        let mut png = Cursor::new(Vec::new());
        PngEncoder::new(&mut png)
            .write_image(samples, columns, rows, colour)
            .expect("the samples fill the picture, and memory takes what is written");
        Ok(png.into_inner())
    }

    /// The sums as a NIfTI-1 volume of 32-bit integers (64-bit, where they need it), whose slope divides them. The
    /// geometry is that of pixels of side 1: what was sealed had none.
    ///
    /// # Errors
    /// [`AdditiveError::NotShown`] where an axis is longer than NIfTI-1 has numbers for.
    pub fn nifti(&self) -> Result<Vec<u8>, AdditiveError> {
        let narrow = self.sums.iter().all(|sum| i32::try_from(*sum).is_ok());
        let mut file = self.nifti_header(narrow).ok_or(AdditiveError::NotShown(LONG_AXIS))?;
        for sum in &self.sums {
            if narrow {
                file.extend((*sum as i32).to_le_bytes());
            } else {
                file.extend(sum.to_le_bytes());
            }
        }
        Ok(file)
    }

    /// nifti1.h, with no extensions behind it. Samples of a pixel are the first axis where there are several.
    fn nifti_header(&self, narrow: bool) -> Option<Vec<u8>> {
        let layout = &self.layout;
        let mut axes = vec![layout.columns(), layout.rows(), layout.frames()];
        if layout.samples_per_pixel() > 1 {
            axes.insert(0, layout.samples_per_pixel());
        }
        let mut header = vec![0; 352];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &348_i32.to_le_bytes());
        put(40, &(axes.len() as i16).to_le_bytes());
        for axis in 0..7 {
            let length = i16::try_from(axes.get(axis).copied().unwrap_or(1)).ok()?;
            put(42 + 2 * axis, &length.to_le_bytes());
            put(80 + 4 * axis, &1_f32.to_le_bytes());
        }
        let (datatype, bits): (i16, i16) = if narrow { (8, 32) } else { (1024, 64) };
        put(70, &datatype.to_le_bytes());
        put(72, &bits.to_le_bytes());
        put(108, &352_f32.to_le_bytes());
        put(112, &(1.0 / self.divisor as f32).to_le_bytes());
        put(344, b"n+1\0");
        Some(header)
    }
}

const NO_FRAME: &str = "there is no such frame";
const NOT_EXACT: &str =
    "the values are not whole numbers from 0 to 65,535; show them through a window, or write a .nii file";
const LONG_AXIS: &str = "NIfTI has no axes longer than 32,767";
