//! Shape of uncompressed pixels and where they lie in a file.

use std::ops::Range;

/// Most bytes that one raster may declare. Larger images travel without a pixel codec.
pub const MAXIMUM_RASTER_BYTES: usize = 1 << 30;

/// Largest number of rows or columns of one frame (DICOM PS3.3 C.7.6.3.1: value representation US).
pub const MAXIMUM_SIDE: u32 = 65_535;

/// Why a pixel layout is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// Rows, columns, frames or samples per pixel is zero.
    #[error("the image has no samples")]
    Empty,
    /// Rows or columns exceeds [`MAXIMUM_SIDE`], or a pixel has more than four samples.
    #[error("the image has more rows, columns or samples per pixel than the codecs take")]
    TooLarge,
    /// The raster exceeds [`MAXIMUM_RASTER_BYTES`].
    #[error("the image exceeds {MAXIMUM_RASTER_BYTES} bytes")]
    TooManyBytes,
    /// Samples are not of 8 or 16 allocated bits, or more bits are stored than allocated.
    #[error("samples of {allocated} allocated and {stored} stored bits are not coded")]
    SampleFormat {
        /// Bits that a sample takes up in the file.
        allocated: u16,
        /// Bits of them that carry the value.
        stored: u16,
    },
}

/// How one sample is stored: 8 or 16 bits, little endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleFormat {
    bits_allocated: u8,
    bits_stored: u8,
    signed: bool,
}

impl SampleFormat {
    /// Checks the bit depths.
    ///
    /// # Errors
    /// [`LayoutError::SampleFormat`] unless `bits_allocated` is 8 or 16 and `1 ≤ bits_stored ≤ bits_allocated`.
    pub fn new(bits_allocated: u16, bits_stored: u16, signed: bool) -> Result<Self, LayoutError> {
        let known = matches!(bits_allocated, 8 | 16) && (1..=bits_allocated).contains(&bits_stored);
        if !known {
            return Err(LayoutError::SampleFormat { allocated: bits_allocated, stored: bits_stored });
        }
        Ok(Self { bits_allocated: bits_allocated as u8, bits_stored: bits_stored as u8, signed })
    }

    /// Bits that a sample takes up in the file: 8 or 16.
    pub fn bits_allocated(self) -> u8 {
        self.bits_allocated
    }

    /// Bits that carry the value; a hint, as files do not always keep to it.
    pub fn bits_stored(self) -> u8 {
        self.bits_stored
    }

    /// Whether samples are two's complement.
    pub fn is_signed(self) -> bool {
        self.signed
    }

    /// Bytes a sample: 1 or 2.
    pub fn bytes(self) -> usize {
        usize::from(self.bits_allocated / 8)
    }
}

/// Rows, columns, frames and samples of an uncompressed image, checked and bounded.
///
/// Frames follow each other, rows within a frame, pixels within a row; the samples of a pixel are neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelLayout {
    rows: u32,
    columns: u32,
    frames: u32,
    samples_per_pixel: u8,
    format: SampleFormat,
}

impl PixelLayout {
    /// Checks the shape.
    ///
    /// # Errors
    /// Any [`LayoutError`]; afterwards no product of these numbers overflows.
    pub fn new(
        rows: u32,
        columns: u32,
        frames: u32,
        samples_per_pixel: u16,
        format: SampleFormat,
    ) -> Result<Self, LayoutError> {
        if rows == 0 || columns == 0 || frames == 0 || samples_per_pixel == 0 {
            return Err(LayoutError::Empty);
        }
        if rows > MAXIMUM_SIDE || columns > MAXIMUM_SIDE || samples_per_pixel > 4 {
            return Err(LayoutError::TooLarge);
        }
        let bytes =
            u64::from(rows) * u64::from(columns) * u64::from(samples_per_pixel) * format.bytes() as u64;
        let fits = bytes.checked_mul(u64::from(frames)).is_some_and(|all| all <= MAXIMUM_RASTER_BYTES as u64);
        if !fits {
            return Err(LayoutError::TooManyBytes);
        }
        Ok(Self { rows, columns, frames, samples_per_pixel: samples_per_pixel as u8, format })
    }

    /// The same pixels in fewer rows and frames.
    pub(crate) fn with_shape(self, rows: u32, frames: u32) -> Self {
        debug_assert!((1..=self.rows).contains(&rows) && (1..=self.frames).contains(&frames));
        Self { rows, frames, ..self }
    }

    /// Rows of a frame.
    pub fn rows(&self) -> usize {
        self.rows as usize
    }

    /// Columns of a frame.
    pub fn columns(&self) -> usize {
        self.columns as usize
    }

    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.frames as usize
    }

    /// Samples a pixel: 1 for gray, 3 for colour.
    pub fn samples_per_pixel(&self) -> usize {
        usize::from(self.samples_per_pixel)
    }

    /// How one sample is stored.
    pub fn format(&self) -> SampleFormat {
        self.format
    }

    /// Pixels of one frame.
    pub fn pixels_per_frame(&self) -> usize {
        self.rows() * self.columns()
    }

    /// Bytes of one frame.
    pub fn frame_bytes(&self) -> usize {
        self.pixels_per_frame() * self.samples_per_pixel() * self.format.bytes()
    }

    /// Bytes of all frames.
    pub fn raster_bytes(&self) -> usize {
        self.frame_bytes() * self.frames()
    }
}

/// Where in a file its uncompressed pixels lie, and their shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RasterSpan {
    layout: PixelLayout,
    start: usize,
}

impl RasterSpan {
    /// A raster of `layout` that begins at byte `start` of a file of `file_bytes` bytes; `None` if it does not fit.
    pub fn within(layout: PixelLayout, start: usize, file_bytes: usize) -> Option<Self> {
        let end = start.checked_add(layout.raster_bytes())?;
        (end <= file_bytes).then_some(Self { layout, start })
    }

    /// Shape of the pixels.
    pub fn layout(&self) -> &PixelLayout {
        &self.layout
    }

    /// Byte range in the file.
    pub fn range(&self) -> Range<usize> {
        self.start..self.start + self.layout.raster_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sixteen() -> SampleFormat {
        SampleFormat::new(16, 12, true).unwrap()
    }

    #[test]
    fn a_layout_counts_its_bytes() {
        let layout = PixelLayout::new(3, 5, 7, 3, sixteen()).unwrap();
        assert_eq!((layout.frame_bytes(), layout.raster_bytes()), (90, 630));
    }

    #[test]
    fn a_layout_that_overflows_is_refused() {
        let huge = PixelLayout::new(65_535, 65_535, u32::MAX, 4, sixteen());
        assert_eq!(huge, Err(LayoutError::TooManyBytes));
        assert_eq!(PixelLayout::new(65_536, 1, 1, 1, sixteen()), Err(LayoutError::TooLarge));
        assert_eq!(PixelLayout::new(1, 0, 1, 1, sixteen()), Err(LayoutError::Empty));
    }

    #[test]
    fn sample_formats_other_than_8_and_16_bits_are_refused() {
        for (allocated, stored) in [(1, 1), (12, 12), (32, 32), (8, 9), (16, 0)] {
            assert!(SampleFormat::new(allocated, stored, false).is_err());
        }
    }

    #[test]
    fn a_span_must_lie_within_the_file() {
        let layout = PixelLayout::new(2, 2, 1, 1, sixteen()).unwrap();
        assert_eq!(RasterSpan::within(layout, 4, 12).unwrap().range(), 4..12);
        assert!(RasterSpan::within(layout, 5, 12).is_none());
        assert!(RasterSpan::within(layout, usize::MAX, 12).is_none());
    }
}
