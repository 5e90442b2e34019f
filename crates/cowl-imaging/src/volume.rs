//! Volumes and runs of volumes of floats, where they lie in space, and the files they come from.
//!
//! Voxels are kept as NIfTI has them: the first axis is the fastest. Places are in millimetres, the first coordinate
//! towards the patient's right, the second to the front, the third to the head (NIfTI's convention; DICOM's points the
//! first two the other way).

mod dicom;
mod nifti;
mod placement;
mod resample;
#[cfg(test)]
mod tests;

pub use dicom::{StackError, from_slices};
pub use nifti::{NiftiError, read};
pub use placement::Placement;

/// Most numbers that a file may hold: 1 GiB of them as floats.
pub const MOST_VALUES: usize = 1 << 28;

/// Number of voxels along each axis, and where they lie.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Voxels along each axis, the fastest first.
    pub sizes: [usize; 3],
    /// From voxels to millimetres.
    pub placement: Placement,
}

impl Grid {
    /// The 4 mm grid of 45×54×45 that FSL makes of its MNI template; the published classifier of brain networks takes
    /// maps in it.
    pub fn mni_4mm() -> Self {
        let placement =
            Placement::from_rows([[-4.0, 0.0, 0.0, 90.0], [0.0, 4.0, 0.0, -126.0], [0.0, 0.0, 4.0, -72.0]]);
        Self { sizes: [45, 54, 45], placement: placement.expect("its axes are perpendicular") }
    }

    /// Voxels.
    pub fn count(&self) -> usize {
        self.sizes.iter().product()
    }

    /// The place in the middle, in millimetres.
    pub fn centre(&self) -> [f64; 3] {
        self.placement.to_space(self.sizes.map(|size| (size as f64 - 1.0) / 2.0))
    }

    /// Position of a voxel in a list of all.
    pub(crate) fn place(&self, [x, y, z]: [usize; 3]) -> usize {
        (z * self.sizes[1] + y) * self.sizes[0] + x
    }
}

/// Sizes and number of values do not agree, or are too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{found} values do not fill the volumes")]
pub struct WrongCount {
    /// How many values there are.
    pub found: usize,
}

/// A volume.
#[derive(Debug, Clone, PartialEq)]
pub struct Volume {
    grid: Grid,
    voxels: Vec<f32>,
}

impl Volume {
    /// # Errors
    /// [`WrongCount`] unless there is a value for each voxel.
    pub fn new(grid: Grid, voxels: Vec<f32>) -> Result<Self, WrongCount> {
        if grid.count() == voxels.len() {
            Ok(Self { grid, voxels })
        } else {
            Err(WrongCount { found: voxels.len() })
        }
    }

    /// Where its voxels lie.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// All voxels, the first axis the fastest.
    pub fn voxels(&self) -> &[f32] {
        &self.voxels
    }

    /// The same grid with other values.
    #[must_use]
    pub fn map(mut self, each: impl Fn(f32) -> f32) -> Self {
        self.voxels.iter_mut().for_each(|value| *value = each(*value));
        self
    }

    /// Least and greatest value.
    pub fn range(&self) -> (f32, f32) {
        self.voxels
            .iter()
            .fold((f32::MAX, f32::MIN), |(least, most), &value| (least.min(value), most.max(value)))
    }

    /// Values brought to 0..1 from least to greatest; a volume of one value everywhere becomes 0.
    #[must_use]
    pub fn scaled_to_unit(self) -> Self {
        let (least, most) = self.range();
        let range = if most > least { most - least } else { 1.0 };
        self.map(|value| (value - least) / range)
    }

    /// All voxels with the last axis the fastest, as arrays of programs that read NIfTI files mostly are and networks
    /// take them.
    pub fn last_axis_fastest(&self) -> Vec<f32> {
        let [width, height, depth] = self.grid.sizes;
        let mut values = Vec::with_capacity(self.voxels.len());
        for x in 0..width {
            for y in 0..height {
                values.extend((0..depth).map(|z| self.voxels[self.grid.place([x, y, z])]));
            }
        }
        values
    }

    /// A volume of what [`Volume::last_axis_fastest`] gives.
    ///
    /// # Errors
    /// [`WrongCount`].
    pub fn from_last_axis_fastest(grid: Grid, values: &[f32]) -> Result<Self, WrongCount> {
        let [width, height, depth] = grid.sizes;
        if values.len() != grid.count() {
            return Err(WrongCount { found: values.len() });
        }
        let mut voxels = vec![0.0; values.len()];
        for x in 0..width {
            for y in 0..height {
                for z in 0..depth {
                    voxels[grid.place([x, y, z])] = values[(x * height + y) * depth + z];
                }
            }
        }
        Self::new(grid, voxels)
    }
}

/// Volumes of one grid, one after the other: a file that was read, which may be one of one volume.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    grid: Grid,
    values: Vec<f32>,
    /// Whether values are those of unsigned bytes, unscaled.
    bytes: bool,
}

impl Run {
    /// # Errors
    /// [`WrongCount`] unless values fill one volume or more.
    pub fn new(grid: Grid, values: Vec<f32>) -> Result<Self, WrongCount> {
        let whole = grid.count() > 0 && !values.is_empty() && values.len().is_multiple_of(grid.count());
        if whole { Ok(Self { grid, values, bytes: false }) } else { Err(WrongCount { found: values.len() }) }
    }

    /// Where the voxels of each volume lie.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Volumes.
    pub fn count(&self) -> usize {
        self.values.len() / self.grid.count()
    }

    /// Whether the file has unsigned bytes and does not scale them.
    pub fn is_of_bytes(&self) -> bool {
        self.bytes
    }

    /// The voxels of a volume; `None` if there are fewer.
    pub fn voxels(&self, volume: usize) -> Option<&[f32]> {
        self.values.chunks_exact(self.grid.count()).nth(volume)
    }

    /// A volume; `None` if there are fewer.
    pub fn volume(&self, volume: usize) -> Option<Volume> {
        Some(Volume { grid: self.grid.clone(), voxels: self.voxels(volume)?.to_vec() })
    }

    /// The mean over all volumes.
    pub fn mean(&self) -> Volume {
        let mut sums = vec![0.0f64; self.grid.count()];
        for volume in self.values.chunks_exact(self.grid.count()) {
            sums.iter_mut().zip(volume).for_each(|(sum, value)| *sum += f64::from(*value));
        }
        let count = self.count() as f64;
        Volume { grid: self.grid.clone(), voxels: sums.iter().map(|sum| (sum / count) as f32).collect() }
    }
}
