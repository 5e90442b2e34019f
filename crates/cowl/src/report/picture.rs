//! Pictures on a page: dots in RGB, as PNG inside the page itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

use super::PlotError;

/// A picture with its caption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    width: u32,
    height: u32,
    /// Red, green and blue of each dot, row by row.
    dots: Vec<u8>,
    pub(crate) caption: String,
}

impl Picture {
    /// Of dots in RGB, row by row. `None` unless they fill the sizes.
    pub(crate) fn new(width: u32, height: u32, dots: Vec<u8>, caption: impl Into<String>) -> Option<Self> {
        let wanted = (width as usize).checked_mul(height as usize)?.checked_mul(3)?;
        let fits = wanted == dots.len() && wanted > 0;
        fits.then(|| Self { width, height, dots, caption: caption.into() })
    }

    /// Masked numbers as they went over the wire, from which nothing can be seen: the upper eight of `bits` bits as gray,
    /// as nearly a square as they fill. `None` where there is none.
    pub(crate) fn of_masked(numbers: &[u64], bits: u32, caption: impl Into<String>) -> Option<Self> {
        let width = (numbers.len() as f64).sqrt().floor() as usize;
        let width = width.min(MOST_NOISE);
        let shown = width * width;
        let gray = numbers.get(..shown)?.iter().map(|number| (number >> bits.saturating_sub(8)) as u8);
        Self::new(width as u32, width as u32, gray.flat_map(|gray| [gray; 3]).collect(), caption)
    }

    /// The picture as a URI that holds it.
    ///
    /// # Errors
    /// [`PlotError`].
    pub(super) fn uri(&self) -> Result<String, PlotError> {
        let mut file = Vec::new();
        PngEncoder::new(&mut file)
            .write_image(&self.dots, self.width, self.height, ExtendedColorType::Rgb8)
            .map_err(|error| PlotError::new(error.to_string()))?;
        Ok(format!("data:image/png;base64,{}", STANDARD.encode(file)))
    }

    /// Width and height.
    pub(super) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }
}

/// Dots of a picture of noise, each way, at the most.
const MOST_NOISE: usize = 256;
