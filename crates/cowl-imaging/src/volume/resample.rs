//! Volumes brought to other grids.

use super::placement::apply;
use super::{Grid, Run, Volume};

/// Eight neighbours of a place with their weights.
struct Neighbours {
    /// Lower neighbour along each axis.
    low: [usize; 3],
    /// How far the place is from it towards the upper one, 0..1.
    part: [f32; 3],
}

impl Grid {
    /// The eight voxels around a place; `None` outside the middles of the outermost voxels.
    fn neighbours(&self, voxel: [f64; 3]) -> Option<Neighbours> {
        // Places on the outermost voxels come out a rounding error beside them.
        const SLACK: f64 = 1e-6;
        let mut found = Neighbours { low: [0; 3], part: [0.0; 3] };
        for (axis, &place) in voxel.iter().enumerate() {
            let last = self.sizes[axis] as f64 - 1.0;
            if !(-SLACK..=last + SLACK).contains(&place) {
                return None;
            }
            let at = place.clamp(0.0, last);
            let low = at.floor().min((last - 1.0).max(0.0));
            found.low[axis] = low as usize;
            found.part[axis] = (at - low) as f32;
        }
        Some(found)
    }

    fn interpolate(&self, voxels: &[f32], place: &Neighbours) -> f32 {
        let mut sum = 0.0;
        for corner in 0..8usize {
            let mut weight = 1.0;
            let mut at = place.low;
            for (axis, (at, part)) in at.iter_mut().zip(place.part).enumerate() {
                let upper = corner >> axis & 1 == 1;
                weight *= if upper { part } else { 1.0 - part };
                *at += usize::from(upper);
            }
            // A neighbour of weight 0 may lie outside.
            if weight != 0.0 {
                sum += weight * voxels[self.place(at)];
            }
        }
        sum
    }
}

impl Volume {
    /// The value at a place in millimetres, linear between voxels; 0 outside.
    pub fn at(&self, place: [f64; 3]) -> f32 {
        let found = self.grid.neighbours(self.grid.placement.to_voxel(place));
        found.map_or(0.0, |found| self.grid.interpolate(&self.voxels, &found))
    }

    /// The value of the nearest voxel to a place in millimetres; `None` outside.
    pub fn nearest(&self, place: [f64; 3]) -> Option<f32> {
        let voxel = self.grid.placement.to_voxel(place).map(f64::round);
        let inside = (0..3).all(|axis| voxel[axis] >= 0.0 && voxel[axis] < self.grid.sizes[axis] as f64);
        inside.then(|| self.voxels[self.grid.place(voxel.map(|value| value as usize))])
    }

    /// The volume in another grid, linear between voxels, 0 where it has none.
    ///
    /// Finer detail than the grid can hold is not smoothed away before; [`Volume::halved`] does that.
    #[must_use]
    pub fn resampled(&self, grid: &Grid) -> Self {
        let voxels = resampled(&self.grid, &self.voxels, grid);
        Self { grid: grid.clone(), voxels }
    }

    /// Means of 2×2×2 voxels; a last layer of an odd number is left out, unless it is the only one.
    #[must_use]
    pub fn halved(&self) -> Self {
        let sizes = self.grid.sizes.map(|size| (size / 2).max(1));
        let step = self.grid.sizes.map(|size| size.min(2));
        let grid = Grid { sizes, placement: self.halved_placement(step) };
        let count = step.iter().product::<usize>() as f32;
        let mut voxels = Vec::with_capacity(grid.count());
        for place in 0..grid.count() {
            let [x, y, z] = [place % sizes[0], place / sizes[0] % sizes[1], place / sizes[0] / sizes[1]];
            let corner = |at: usize| [at % step[0], at / step[0] % step[1], at / step[0] / step[1]];
            let sum: f32 = (0..step.iter().product())
                .map(corner)
                .map(|[i, j, k]| {
                    self.voxels[self.grid.place([x * step[0] + i, y * step[1] + j, z * step[2] + k])]
                })
                .sum();
            voxels.push(sum / count);
        }
        Self { grid, voxels }
    }

    /// Halved as often as its voxels stay at most as long as `spacing` (millimetres) along every axis: what to do
    /// before resampling to a coarser grid, so that no voxel is passed over.
    #[must_use]
    pub fn coarsened(mut self, spacing: f64) -> Self {
        const SLACK: f64 = 1.01;
        let finer =
            |volume: &Self| volume.grid.placement.spacing().iter().all(|step| 2.0 * step <= SLACK * spacing);
        while finer(&self) && self.grid.sizes.iter().all(|&size| size >= 2) {
            self = self.halved();
        }
        self
    }

    fn halved_placement(&self, step: [usize; 3]) -> super::Placement {
        let mut rows = *self.grid.placement.rows();
        let origin = self.grid.placement.to_space(step.map(|step| (step as f64 - 1.0) / 2.0));
        for (row, origin) in rows.iter_mut().zip(origin) {
            (0..3).for_each(|axis| row[axis] *= step[axis] as f64);
            row[3] = origin;
        }
        super::Placement::from_rows(rows).unwrap_or(self.grid.placement)
    }
}

impl Run {
    /// All volumes in another grid, as [`Volume::resampled`].
    #[must_use]
    pub fn resampled(&self, grid: &Grid) -> Self {
        let volumes = self.values.chunks_exact(self.grid.count());
        let values = volumes.flat_map(|voxels| resampled(&self.grid, voxels, grid)).collect();
        Self { grid: grid.clone(), values, bytes: false }
    }
}

fn resampled(from: &Grid, voxels: &[f32], to: &Grid) -> Vec<f32> {
    let map = to.placement.into_voxels_of(&from.placement);
    let [width, height, depth] = to.sizes;
    let mut values = Vec::with_capacity(to.count());
    for z in 0..depth {
        for y in 0..height {
            for x in 0..width {
                let found = from.neighbours(apply(&map, [x as f64, y as f64, z as f64]));
                values.push(found.map_or(0.0, |found| from.interpolate(voxels, &found)));
            }
        }
    }
    values
}
