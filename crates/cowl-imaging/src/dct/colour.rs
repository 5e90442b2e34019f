//! RGB as luma and colour differences (ITU-T T.871, full range).

use super::transform::Plane;
use crate::display::{Channels, DisplayImage};

/// Planes of samples around zero.
pub(super) fn split(image: &DisplayImage) -> Vec<Plane> {
    let size = (image.width(), image.height());
    let plane = |value: &dyn Fn(&[u8]) -> f32| {
        Plane::new(size, image.samples().chunks_exact(image.channels().count()).map(value).collect())
    };
    match image.channels() {
        Channels::Gray => vec![plane(&|pixel| f32::from(pixel[0]) - 128.0)],
        Channels::Rgb => vec![
            plane(&|pixel| weigh(pixel, [0.299, 0.587, 0.114]) - 128.0),
            plane(&|pixel| weigh(pixel, [-0.168_736, -0.331_264, 0.5])),
            plane(&|pixel| weigh(pixel, [0.5, -0.418_688, -0.081_312])),
        ],
    }
}

fn weigh(pixel: &[u8], weights: [f32; 3]) -> f32 {
    pixel.iter().zip(weights).map(|(&sample, weight)| f32::from(sample) * weight).sum()
}

/// Samples of the planes of one or three channels.
pub(super) fn join(planes: &[Plane]) -> Vec<u8> {
    match planes {
        [luma, blue, red] => {
            let pixels = luma.samples().iter().zip(blue.samples()).zip(red.samples());
            pixels.flat_map(|((&y, &b), &r)| rgb(y, b, r)).collect()
        }
        _ => planes.iter().flat_map(|plane| plane.samples()).map(|&sample| byte(sample)).collect(),
    }
}

fn rgb(luma: f32, blue: f32, red: f32) -> [u8; 3] {
    [byte(luma + 1.402 * red), byte(luma - 0.344_136 * blue - 0.714_136 * red), byte(luma + 1.772 * blue)]
}

fn byte(sample: f32) -> u8 {
    (sample + 128.0).round() as u8
}
