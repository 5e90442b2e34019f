//! Volumes to look at: slices through a place in gray, with labels or a map of values in colour over them.
//!
//! Pictures are drawn in millimetres, so that neither the order of a file's axes nor their spacing shows: the patient's
//! left is on the left, the front on the right of a side view. For looking at, not for diagnosis.

use crate::display::{Channels, DisplayImage};
use crate::volume::Volume;

/// Along which axis one looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plane {
    /// From the patient's right.
    Sagittal,
    /// From the front, the patient's left on the left.
    Coronal,
    /// From above, the front up.
    Axial,
}

impl Plane {
    /// In the order in which [`three_planes`] has them.
    pub const ALL: [Self; 3] = [Self::Sagittal, Self::Coronal, Self::Axial];

    /// Axes of space along a row and up a column.
    fn axes(self) -> [usize; 2] {
        match self {
            Self::Sagittal => [1, 2],
            Self::Coronal => [0, 2],
            Self::Axial => [0, 1],
        }
    }
}

/// Which part of space is drawn, and how large.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    least: [f64; 3],
    most: [f64; 3],
    /// Where slices go through.
    through: [f64; 3],
    /// Millimetres a pixel.
    step: f64,
}

/// Most pixels along the longest side of a view.
const MOST_PIXELS: usize = 2048;

impl View {
    /// The whole volume, its longest side in space `pixels` long (2 to 2048), through its middle.
    pub fn of(volume: &Volume, pixels: usize) -> Self {
        let grid = volume.grid();
        let mut view = Self { least: [f64::MAX; 3], most: [f64::MIN; 3], through: grid.centre(), step: 1.0 };
        for corner in 0..8usize {
            let voxel = [0, 1, 2].map(|axis| (corner >> axis & 1) as f64 * (grid.sizes[axis] - 1) as f64);
            for (axis, at) in grid.placement.to_space(voxel).into_iter().enumerate() {
                view.least[axis] = view.least[axis].min(at);
                view.most[axis] = view.most[axis].max(at);
            }
        }
        let longest = (0..3).map(|axis| view.most[axis] - view.least[axis]).fold(0.0, f64::max);
        view.step = (longest / (pixels.clamp(2, MOST_PIXELS) - 1) as f64).max(1e-6);
        view
    }

    /// The same through another place, in millimetres.
    #[must_use]
    pub fn through(mut self, place: [f64; 3]) -> Self {
        self.through = place;
        self
    }

    /// Pixels along an axis of space.
    fn pixels(&self, axis: usize) -> usize {
        ((self.most[axis] - self.least[axis]) / self.step).round() as usize + 1
    }

    /// The place of a pixel.
    fn place(&self, plane: Plane, column: usize, row: usize) -> [f64; 3] {
        let [along, up] = plane.axes();
        let mut place = self.through;
        place[along] = self.least[along] + column as f64 * self.step;
        place[up] = self.most[up] - row as f64 * self.step;
        place
    }
}

/// What is drawn over a volume.
#[derive(Debug, Clone, Copy)]
pub enum Over<'a> {
    /// Whole numbers; 0 is left as it is, the others take [`LABEL_COLOURS`] in turn.
    Labels(&'a Volume),
    /// Values beyond a threshold: from red to yellow above it, from blue to light blue below its negative.
    Heat {
        /// The values.
        values: &'a Volume,
        /// Greater than 0.
        threshold: f32,
    },
}

/// Colours of the labels 1, 2, 3 …, told apart by people who see colours otherwise (Okabe and Ito, 2008).
pub const LABEL_COLOURS: [[u8; 3]; 7] = [
    [86, 180, 233],
    [230, 159, 0],
    [0, 158, 115],
    [204, 121, 167],
    [240, 228, 66],
    [213, 94, 0],
    [0, 114, 178],
];

/// The colour of a label; `None` for 0.
pub fn label_colour(label: usize) -> Option<[u8; 3]> {
    label.checked_sub(1).map(|place| LABEL_COLOURS[place % LABEL_COLOURS.len()])
}

/// Slices in all three planes beside each other: gray, or in colour with something over them. Values from the volume's
/// least to its greatest are black to white.
pub fn three_planes(view: &View, volume: &Volume, over: Option<Over<'_>>) -> DisplayImage {
    let shade = Shade::of(volume, over);
    joined(&Plane::ALL.map(|plane| drawn(view, plane, |place| shade.colour(place))), over.is_some())
}

/// One slice.
pub fn slice(view: &View, plane: Plane, volume: &Volume, over: Option<Over<'_>>) -> DisplayImage {
    let shade = Shade::of(volume, over);
    joined(&[drawn(view, plane, |place| shade.colour(place))], over.is_some())
}

/// Slices in all three planes through numbers modulo 2^`bits`, as somebody sees them who lacks the masks: the highest
/// eight bits of the nearest voxel, black to white. `numbers` has the voxels of `volume` in its order.
pub fn three_planes_of_masked(
    view: &View,
    volume: &Volume,
    numbers: &[u64],
    bits: u32,
) -> Option<DisplayImage> {
    let bytes = masked_bytes(numbers, bits).into_iter().map(f32::from).collect();
    let noise = Volume::new(volume.grid().clone(), bytes).ok()?;
    let colour = |place| [noise.nearest(place).unwrap_or(0.0) as u8; 3];
    Some(joined(&Plane::ALL.map(|plane| drawn(view, plane, colour)), false))
}

/// The highest eight bits of numbers modulo 2^`bits`.
pub fn masked_bytes(numbers: &[u64], bits: u32) -> Vec<u8> {
    let shift = bits.clamp(8, 64) - 8;
    numbers.iter().map(|number| (number >> shift) as u8).collect()
}

struct Shade<'a> {
    volume: &'a Volume,
    least: f32,
    range: f32,
    over: Option<Over<'a>>,
    /// Greatest distance from 0 of what is drawn over.
    greatest: f32,
}

impl<'a> Shade<'a> {
    fn of(volume: &'a Volume, over: Option<Over<'a>>) -> Self {
        let (least, most) = volume.range();
        let greatest = match over {
            Some(Over::Heat { values, .. }) => {
                let (least, most) = values.range();
                least.abs().max(most.abs())
            }
            _ => 0.0,
        };
        Self { volume, least, range: if most > least { most - least } else { 1.0 }, over, greatest }
    }

    fn colour(&self, place: [f64; 3]) -> [u8; 3] {
        let inside = self.volume.nearest(place).is_some();
        let value = if inside { (self.volume.at(place) - self.least) / self.range } else { 0.0 };
        let gray = [(value.clamp(0.0, 1.0) * 255.0) as u8; 3];
        match self.over {
            None => gray,
            Some(Over::Labels(labels)) => {
                let label = labels.nearest(place).unwrap_or(0.0) as usize;
                label_colour(label).map_or(gray, |colour| mixed(gray, colour, 0.55))
            }
            Some(Over::Heat { values, threshold }) => self.heat(gray, values.at(place), threshold),
        }
    }

    fn heat(&self, gray: [u8; 3], value: f32, threshold: f32) -> [u8; 3] {
        if value.abs() <= threshold {
            return gray;
        }
        let strength =
            ((value.abs() - threshold) / (self.greatest - threshold).max(f32::MIN_POSITIVE)).min(1.0);
        let light = (strength * 230.0) as u8;
        let colour = if value > 0.0 { [255, light, 0] } else { [0, light, 255] };
        mixed(gray, colour, 0.8)
    }
}

fn mixed(under: [u8; 3], over: [u8; 3], share: f32) -> [u8; 3] {
    [0, 1, 2].map(|place| (f32::from(under[place]) * (1.0 - share) + f32::from(over[place]) * share) as u8)
}

/// Pixels of a slice, row by row.
struct Drawn {
    width: usize,
    height: usize,
    pixels: Vec<[u8; 3]>,
}

fn drawn(view: &View, plane: Plane, colour: impl Fn([f64; 3]) -> [u8; 3]) -> Drawn {
    let [width, height] = plane.axes().map(|axis| view.pixels(axis));
    let places = (0..width * height).map(|at| view.place(plane, at % width, at / width));
    Drawn { width, height, pixels: places.map(colour).collect() }
}

/// Pictures side by side, centred, on black.
fn joined(pictures: &[Drawn], coloured: bool) -> DisplayImage {
    const BETWEEN: usize = 4;
    let width = pictures.iter().map(|picture| picture.width + BETWEEN).sum::<usize>() - BETWEEN;
    let height = pictures.iter().map(|picture| picture.height).max().unwrap_or(1);
    let (channels, samples) = if coloured { (Channels::Rgb, 3) } else { (Channels::Gray, 1) };
    let mut all = vec![0; width * height * samples];
    let mut left = 0;
    for picture in pictures {
        let top = (height - picture.height) / 2;
        for (row, pixels) in picture.pixels.chunks_exact(picture.width).enumerate() {
            let start = ((top + row) * width + left) * samples;
            let line = pixels.iter().flat_map(|pixel| &pixel[..samples]);
            all[start..].iter_mut().zip(line).for_each(|(to, &from)| *to = from);
        }
        left += picture.width + BETWEEN;
    }
    DisplayImage::new(width as u32, height as u32, channels, all).expect("a view is at most 2048 pixels long")
}

#[cfg(test)]
mod tests;
