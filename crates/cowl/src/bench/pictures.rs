//! Gray pictures of 8 bits, as the published framework takes them, made from the samples.

use cowl_imaging::container::find_raster;
use cowl_imaging::display::{Channels, DisplayImage};

use crate::demo::samples::SAMPLES;

/// A slice of the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slice {
    /// A head, 256 × 256.
    Ct,
    /// Its neighbours.
    CtBefore,
    CtAfter,
    /// A brain, 256 × 256.
    Mr,
}

/// To draw from in turn.
pub(super) const SLICES: [Slice; 4] = [Slice::Ct, Slice::Mr, Slice::CtBefore, Slice::CtAfter];

impl Slice {
    fn name(self) -> &'static str {
        match self {
            Self::CtBefore => "images/ct_head_026.dcm",
            Self::Ct => "images/ct_head_027.dcm",
            Self::CtAfter => "images/ct_head_028.dcm",
            Self::Mr => "images/mr_brain_010.png",
        }
    }

    /// The slice as it is, its values spread over 8 bits.
    pub(super) fn picture(self) -> DisplayImage {
        let file = SAMPLES.iter().find(|(name, _)| *name == self.name()).map(|(_, bytes)| *bytes);
        let file = file.expect("the sample is in the program");
        let of_medical = || DisplayImage::of_first_frame(&find_raster(file)?, file);
        let picture = of_medical().or_else(|| DisplayImage::decode(file).ok());
        picture.expect("the sample is an uncompressed slice or a picture")
    }
}

/// The picture in another size, by bilinear interpolation in integers: the same on every machine.
pub(super) fn scaled(picture: &DisplayImage, width: u32, height: u32) -> DisplayImage {
    let columns = taps(picture.width(), width);
    let samples = taps(picture.height(), height).into_iter().flat_map(|(row, down)| {
        let [above, below] = [row, (row + 1).min(picture.height() - 1)]
            .map(|row| &picture.samples()[row * picture.width()..][..picture.width()]);
        columns.iter().map(move |&(column, right)| {
            let next = (column + 1).min(above.len() - 1);
            let upper = mix(above[column].into(), above[next].into(), right);
            let lower = mix(below[column].into(), below[next].into(), right);
            (mix(upper, lower, down) >> (2 * FRACTION)) as u8
        })
    });
    let samples = samples.collect();
    DisplayImage::new(width, height, Channels::Gray, samples).expect("a sample for every pixel")
}

/// For every new place the old one before it, and how far beyond it lies, in 256ths.
fn taps(old: usize, new: u32) -> Vec<(usize, u32)> {
    let last = u64::from(new).saturating_sub(1).max(1);
    let place = |at: u32| ((u64::from(at) * (old as u64 - 1)) << FRACTION) / last;
    (0..new).map(|at| ((place(at) >> FRACTION) as usize, (place(at) & 0xff) as u32)).collect()
}

/// Between two values, the result 256 times as large.
fn mix(one: u32, other: u32, part: u32) -> u32 {
    one * (256 - part) + other * part
}

const FRACTION: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_in_its_own_size_is_itself() {
        for slice in SLICES {
            let picture = slice.picture();
            assert_eq!((picture.width(), picture.height()), (256, 256));
            assert_eq!(scaled(&picture, 256, 256), picture);
        }
    }

    #[test]
    fn scaling_keeps_corners_and_range() {
        let picture = DisplayImage::new(2, 2, Channels::Gray, vec![0, 200, 100, 255]).unwrap();
        let larger = scaled(&picture, 5, 3);
        let corner = |row: usize, column: usize| larger.samples()[row * 5 + column];
        assert_eq!([corner(0, 0), corner(0, 4), corner(2, 0), corner(2, 4)], [0, 200, 100, 255]);
        assert_eq!(corner(0, 2), 100);
    }
}
