//! How far a decoded image is from its original.

/// Mean squared error of two rasters of the same length; 0 for empty ones.
///
/// # Panics
/// When the lengths differ.
pub fn mse(original: &[u8], decoded: &[u8]) -> f64 {
    assert_eq!(original.len(), decoded.len(), "rasters of different sizes have no error");
    if original.is_empty() {
        return 0.0;
    }
    let squares = original.iter().zip(decoded).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum::<u64>();
    squares as f64 / original.len() as f64
}

/// Peak signal-to-noise ratio in decibels for 8-bit samples; infinite for equal rasters.
///
/// # Panics
/// When the lengths differ.
pub fn psnr(original: &[u8], decoded: &[u8]) -> f64 {
    20.0 * 255f64.log10() - 10.0 * mse(original, decoded).log10()
}

/// What coding with loss did to an image: for its label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loss {
    /// Bytes of the uncompressed samples by bytes of the coded image.
    pub ratio: f64,
    /// Mean squared error.
    pub mse: f64,
    /// Peak signal-to-noise ratio in decibels.
    pub psnr: f64,
}

impl Loss {
    /// Measures a coded image.
    ///
    /// # Panics
    /// When the rasters are of different sizes.
    pub fn measure(original: &[u8], decoded: &[u8], coded_bytes: usize) -> Self {
        Self {
            ratio: original.len() as f64 / coded_bytes.max(1) as f64,
            mse: mse(original, decoded),
            psnr: psnr(original, decoded),
        }
    }
}
