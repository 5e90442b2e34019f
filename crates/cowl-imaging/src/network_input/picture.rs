//! Pictures as networks take them: planes of rows, red first.

use image::imageops::{self, FilterType};
use image::{GrayImage, RgbImage};

use super::{Hints, Prepared, Shown};
use crate::display::{Channels, DisplayImage};
use crate::drawing::masked_bytes;

/// What the values of a picture become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Values {
    /// 0..1.
    #[default]
    Unit,
    /// −1..1.
    Symmetric,
    /// 0..255, as they are.
    Bytes,
    /// Standardised by the means and deviations of ImageNet's colours, as its networks mostly are trained.
    ImageNet,
}

impl Values {
    fn of(self, byte: u8, channel: usize) -> f32 {
        const MEANS: [f32; 3] = [0.485, 0.456, 0.406];
        const DEVIATIONS: [f32; 3] = [0.229, 0.224, 0.225];
        let unit = f32::from(byte) / 255.0;
        match self {
            Self::Unit => unit,
            Self::Symmetric => 2.0 * unit - 1.0,
            Self::Bytes => byte.into(),
            Self::ImageNet => (unit - MEANS[channel % 3]) / DEVIATIONS[channel % 3],
        }
    }
}

/// How a picture is brought to its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fit {
    /// Each side by itself.
    #[default]
    Stretch,
    /// Sides keep their ratio; what is left over at the right and below is black.
    Pad,
}

/// `None` if a network of these sizes takes no pictures.
pub(super) fn prepare(picture: &DisplayImage, sizes: &[usize], hints: &Hints) -> Option<Prepared> {
    let (channels, height, width) = planes(sizes)?;
    let picture = resized(picture, width, height, hints.fit)?;
    let picture = if channels == 1 { gray(&picture)? } else { picture };
    let per_pixel = picture.channels().count();
    let plane = |channel: usize| {
        let place = channel.min(per_pixel - 1);
        picture
            .samples()
            .iter()
            .skip(place)
            .step_by(per_pixel)
            .map(move |&byte| hints.values.of(byte, channel))
    };
    let values = (0..channels).flat_map(plane).collect();
    Some(Prepared { values, shown: Shown::Picture { picture, channels } })
}

/// Channels, rows and columns. A square number of values is a square gray picture.
fn planes(sizes: &[usize]) -> Option<(usize, usize, usize)> {
    match *sizes {
        [count] => Some(count.isqrt()).filter(|side| side * side == count).map(|side| (1, side, side)),
        [height, width] => Some((1, height, width)),
        [3, height, width] => Some((3, height, width)),
        _ => None,
    }
}

fn resized(picture: &DisplayImage, width: usize, height: usize, fit: Fit) -> Option<DisplayImage> {
    let (width, height) = (u32::try_from(width).ok()?, u32::try_from(height).ok()?);
    let (from_width, from_height) = (picture.width() as u32, picture.height() as u32);
    let scale = (f64::from(width) / f64::from(from_width)).min(f64::from(height) / f64::from(from_height));
    let scaled = |side: u32, most: u32| ((f64::from(side) * scale).round() as u32).clamp(1, most);
    let (inner_width, inner_height) = match fit {
        Fit::Stretch => (width, height),
        Fit::Pad => (scaled(from_width, width), scaled(from_height, height)),
    };
    let samples = picture.samples().to_vec();
    match picture.channels() {
        Channels::Gray => {
            let image = GrayImage::from_raw(from_width, from_height, samples)?;
            let inner = imageops::resize(&image, inner_width, inner_height, FilterType::Triangle);
            let mut outer = GrayImage::new(width, height);
            imageops::replace(&mut outer, &inner, 0, 0);
            DisplayImage::new(width, height, Channels::Gray, outer.into_raw()).ok()
        }
        Channels::Rgb => {
            let image = RgbImage::from_raw(from_width, from_height, samples)?;
            let inner = imageops::resize(&image, inner_width, inner_height, FilterType::Triangle);
            let mut outer = RgbImage::new(width, height);
            imageops::replace(&mut outer, &inner, 0, 0);
            DisplayImage::new(width, height, Channels::Rgb, outer.into_raw()).ok()
        }
    }
}

/// Brightness as ITU-R BT.601 weighs colours.
fn gray(picture: &DisplayImage) -> Option<DisplayImage> {
    let samples = match picture.channels() {
        Channels::Gray => picture.samples().to_vec(),
        Channels::Rgb => {
            let weighed = |pixel: &[u8]| {
                (299 * u32::from(pixel[0]) + 587 * u32::from(pixel[1]) + 114 * u32::from(pixel[2]) + 500)
                    / 1000
            };
            picture.samples().chunks_exact(3).map(|pixel| weighed(pixel) as u8).collect()
        }
    };
    DisplayImage::new(picture.width() as u32, picture.height() as u32, Channels::Gray, samples).ok()
}

/// Planes of masked numbers as a picture.
pub(super) fn masked(
    picture: &DisplayImage,
    channels: usize,
    masked: &[u64],
    bits: u32,
) -> Option<DisplayImage> {
    let (width, height) = (picture.width(), picture.height());
    let bytes = masked_bytes(masked, bits);
    if bytes.len() != channels * width * height {
        return None;
    }
    let samples = (0..width * height).flat_map(|pixel| (0..channels).map(move |channel| (channel, pixel)));
    let samples = samples.map(|(channel, pixel)| bytes[channel * width * height + pixel]).collect();
    let kind = if channels == 3 { Channels::Rgb } else { Channels::Gray };
    DisplayImage::new(width as u32, height as u32, kind, samples).ok()
}
