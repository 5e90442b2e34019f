//! Images for display: pictures of 8 bits, gray or RGB, and the 8-bit view of a frame of a medical image.

use image::codecs::png::PngEncoder;
use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageReader, Limits};

use crate::pixels::{PixelLayout, RasterSpan, SampleFormat};

/// Most pixels of a display image.
const MOST_PIXELS: u64 = 1 << 28;

/// Why a picture cannot be decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DisplayError {
    /// The bytes are no picture of a known kind.
    #[error("not a picture of a known kind")]
    UnknownKind,
    /// The picture is damaged or too large.
    #[error("the picture cannot be decoded")]
    Undecodable(#[source] image::ImageError),
    /// The picture has more than 8 bits a sample or is transparent; making it 8-bit RGB would lose more than asked.
    #[error("only opaque pictures of 8 bits a sample are display images")]
    NotPlain,
    /// The picture cannot be written as PNG.
    #[error("the picture cannot be written as PNG")]
    Unwritable(#[source] image::ImageError),
    /// Sides and number of samples do not agree.
    #[error("the samples do not fill the image")]
    WrongSize,
}

/// Samples of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channels {
    /// One sample: brightness.
    Gray,
    /// Red, green, blue.
    Rgb,
}

impl Channels {
    /// Samples a pixel: 1 or 3.
    pub fn count(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
        }
    }
}

/// A picture of 8-bit samples, row by row, the samples of a pixel together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayImage {
    width: u32,
    height: u32,
    channels: Channels,
    samples: Vec<u8>,
}

impl DisplayImage {
    /// # Errors
    /// [`DisplayError::WrongSize`] unless both sides are at least 1, there are at most 2²⁸ pixels, and `samples` fills
    /// them.
    pub fn new(width: u32, height: u32, channels: Channels, samples: Vec<u8>) -> Result<Self, DisplayError> {
        let pixels = u64::from(width) * u64::from(height);
        let fits =
            (1..=MOST_PIXELS).contains(&pixels) && samples.len() as u64 == pixels * channels.count() as u64;
        if fits { Ok(Self { width, height, channels, samples }) } else { Err(DisplayError::WrongSize) }
    }

    /// Decodes PNG, JPEG, BMP, TIFF or PNM.
    ///
    /// # Errors
    /// [`DisplayError`] for anything else, for damaged files, and for pictures that are transparent or of 16 bits.
    pub fn decode(bytes: &[u8]) -> Result<Self, DisplayError> {
        let format = image::guess_format(bytes).map_err(|_| DisplayError::UnknownKind)?;
        let reader = ImageReader::with_format(std::io::Cursor::new(bytes), format);
        let mut decoder = reader.into_decoder().map_err(DisplayError::Undecodable)?;
        let mut limits = Limits::default();
        limits.max_alloc = Some(4 * MOST_PIXELS);
        decoder.set_limits(limits).map_err(DisplayError::Undecodable)?;
        let (width, height) = decoder.dimensions();
        if u64::from(width) * u64::from(height) > MOST_PIXELS {
            return Err(DisplayError::WrongSize);
        }
        Self::from_decoded(DynamicImage::from_decoder(decoder).map_err(DisplayError::Undecodable)?)
    }

    fn from_decoded(image: DynamicImage) -> Result<Self, DisplayError> {
        let (width, height) = (image.width(), image.height());
        match image {
            DynamicImage::ImageLuma8(gray) => Self::new(width, height, Channels::Gray, gray.into_raw()),
            DynamicImage::ImageRgb8(rgb) => Self::new(width, height, Channels::Rgb, rgb.into_raw()),
            DynamicImage::ImageLumaA8(gray) if gray.pixels().all(|pixel| pixel.0[1] == u8::MAX) => {
                let samples = gray.pixels().map(|pixel| pixel.0[0]).collect();
                Self::new(width, height, Channels::Gray, samples)
            }
            DynamicImage::ImageRgba8(rgba) if rgba.pixels().all(|pixel| pixel.0[3] == u8::MAX) => {
                let samples = rgba.pixels().flat_map(|pixel| [pixel.0[0], pixel.0[1], pixel.0[2]]).collect();
                Self::new(width, height, Channels::Rgb, samples)
            }
            _ => Err(DisplayError::NotPlain),
        }
    }

    /// The first frame of a medical image, its range of values spread over 8 bits. For looking at, not for diagnosis.
    pub fn of_first_frame(span: &RasterSpan, file: &[u8]) -> Option<Self> {
        let layout = span.layout();
        let frame = file.get(span.range())?.get(..layout.frame_bytes())?;
        let channels = match layout.samples_per_pixel() {
            1 => Channels::Gray,
            3 => Channels::Rgb,
            _ => return None,
        };
        let samples = spread(&stored_values(layout.format(), frame));
        Self::new(layout.columns() as u32, layout.rows() as u32, channels, samples).ok()
    }

    /// The picture as a PNG file.
    ///
    /// # Errors
    /// [`DisplayError::Unwritable`] if the encoder fails, which it has no reason to.
    pub fn png(&self) -> Result<Vec<u8>, DisplayError> {
        let kind = match self.channels {
            Channels::Gray => ExtendedColorType::L8,
            Channels::Rgb => ExtendedColorType::Rgb8,
        };
        let mut file = Vec::new();
        PngEncoder::new(&mut file)
            .write_image(&self.samples, self.width, self.height, kind)
            .map_err(DisplayError::Unwritable)?;
        Ok(file)
    }

    /// Pixels of a row.
    pub fn width(&self) -> usize {
        self.width as usize
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height as usize
    }

    /// Kind of pixel.
    pub fn channels(&self) -> Channels {
        self.channels
    }

    /// All samples.
    pub fn samples(&self) -> &[u8] {
        &self.samples
    }
}

/// Whether the bytes begin as a picture that [`DisplayImage::decode`] knows.
pub fn is_display_image(bytes: &[u8]) -> bool {
    image::guess_format(bytes).is_ok()
}

/// Samples as numbers, as they are stored.
pub(crate) fn stored_values(format: SampleFormat, bytes: &[u8]) -> Vec<i32> {
    match (format.bytes(), format.is_signed()) {
        (1, false) => bytes.iter().map(|&byte| i32::from(byte)).collect(),
        (1, true) => bytes.iter().map(|&byte| i32::from(byte as i8)).collect(),
        (_, false) => bytes.chunks_exact(2).map(|b| i32::from(u16::from_le_bytes([b[0], b[1]]))).collect(),
        (_, true) => bytes.chunks_exact(2).map(|b| i32::from(i16::from_le_bytes([b[0], b[1]]))).collect(),
    }
}

fn spread(values: &[i32]) -> Vec<u8> {
    let least = values.iter().copied().min().unwrap_or(0);
    let range = (values.iter().copied().max().unwrap_or(0) - least).max(1);
    values.iter().map(|&value| ((value - least) * 255 / range) as u8).collect()
}

/// Where the samples of an uncompressed picture lie: binary PGM or PPM of 8 bits.
pub fn raster(bytes: &[u8]) -> Option<RasterSpan> {
    raster_in(bytes, bytes.len())
}

/// As [`raster`], from the beginning of a file of `length` bytes.
pub fn raster_in(bytes: &[u8], length: usize) -> Option<RasterSpan> {
    let samples = match bytes.get(..2)? {
        b"P5" => 1,
        b"P6" => 3,
        _ => return None,
    };
    let mut at = 2;
    let [columns, rows, maximum] =
        [next_number(bytes, &mut at)?, next_number(bytes, &mut at)?, next_number(bytes, &mut at)?];
    let format = SampleFormat::new(8, 8, false).ok().filter(|_| (1..=255).contains(&maximum))?;
    let layout = PixelLayout::new(rows, columns, 1, samples, format).ok()?;
    // One white space ends the head.
    RasterSpan::within(layout, at + 1, length)
}

/// A decimal number after white space; heads with comments are left to zstd.
fn next_number(bytes: &[u8], at: &mut usize) -> Option<u32> {
    let rest = bytes.get(*at..)?;
    let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let digits = rest[blanks..].iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
    *at += blanks + digits;
    std::str::from_utf8(&rest[blanks..blanks + digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
