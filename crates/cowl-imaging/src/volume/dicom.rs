//! Slices of a DICOM series put together to a volume.

use super::{Grid, MOST_VALUES, Placement, Run, Volume};
use crate::dicom::Slice;

/// Why slices make no volume.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StackError {
    /// There are none.
    #[error("there are no slices")]
    Empty,
    /// Slices of several series.
    #[error("the slices belong to {0} series; give the files of one")]
    Series(usize),
    /// Slices that differ in size, spacing or direction.
    #[error("the slices of the series differ in size, spacing or direction")]
    Unlike,
    /// Two slices at one place: several times, or several kinds of image, in one series.
    #[error("the series has two slices at one place; give the files of one volume")]
    Twice,
    /// Distances between neighbours that differ.
    #[error("slices are missing: the distance from one to the next is {least:.2} to {most:.2} mm")]
    Gap {
        /// Least distance.
        least: f64,
        /// Greatest distance.
        most: f64,
    },
    /// Directions that are no directions.
    #[error("the slices lie nowhere: spacing or directions are no numbers that make sense")]
    Placement,
    /// More values than are read.
    #[error("the series has more than {MOST_VALUES} values")]
    TooLarge,
}

/// Puts slices together in the order in which they lie.
///
/// # Errors
/// [`StackError`] says why they make no volume.
pub fn from_slices(mut slices: Vec<Slice>) -> Result<Run, StackError> {
    let first = slices.first().cloned().ok_or(StackError::Empty)?;
    check_alike(&first, &slices)?;
    let normal = cross(first.directions[0], first.directions[1]);
    slices.sort_by(|one, other| dot(one.position, normal).total_cmp(&dot(other.position, normal)));
    let step = step_between(&slices, normal)?;
    let [width, height] = first.sizes;
    if width.saturating_mul(height).saturating_mul(slices.len()) > MOST_VALUES {
        return Err(StackError::TooLarge);
    }
    let placement = placement(&slices[0], step).ok_or(StackError::Placement)?;
    let grid = Grid { sizes: [width, height, slices.len()], placement };
    let values = slices.into_iter().flat_map(|slice| slice.values).collect();
    Run::new(grid, values).map_err(|_| StackError::Unlike)
}

fn check_alike(first: &Slice, slices: &[Slice]) -> Result<(), StackError> {
    let mut series: Vec<&str> = slices.iter().map(|slice| slice.series.as_str()).collect();
    series.sort_unstable();
    series.dedup();
    if series.len() > 1 {
        return Err(StackError::Series(series.len()));
    }
    let near = |one: f64, other: f64| (one - other).abs() <= 1e-3;
    let alike = |slice: &Slice| {
        let directions = slice.directions.iter().flatten().zip(first.directions.iter().flatten());
        slice.sizes == first.sizes
            && slice.spacing.iter().zip(&first.spacing).all(|(one, other)| near(*one, *other))
            && directions.into_iter().all(|(one, other)| near(*one, *other))
    };
    if slices.iter().all(alike) { Ok(()) } else { Err(StackError::Unlike) }
}

/// From the middle of one slice to that of the next, in DICOM's axes.
fn step_between(slices: &[Slice], normal: [f64; 3]) -> Result<[f64; 3], StackError> {
    let [.., last] = slices else { return Err(StackError::Empty) };
    if slices.len() == 1 {
        return Ok(
            normal.map(|part| part * last.thickness.filter(|&thickness| thickness > 0.0).unwrap_or(1.0))
        );
    }
    let distances =
        slices.windows(2).map(|pair| dot(pair[1].position, normal) - dot(pair[0].position, normal));
    let (least, most) =
        distances.fold((f64::MAX, f64::MIN), |(least, most), step| (least.min(step), most.max(step)));
    if least < 1e-3 {
        return Err(StackError::Twice);
    }
    if most - least > 0.01 * most + 0.01 {
        return Err(StackError::Gap { least, most });
    }
    let count = slices.len() as f64 - 1.0;
    Ok([0, 1, 2].map(|axis| (last.position[axis] - slices[0].position[axis]) / count))
}

/// DICOM's first two axes point the other way.
fn placement(first: &Slice, step: [f64; 3]) -> Option<Placement> {
    let row = |axis: usize| {
        let sign = if axis < 2 { -1.0 } else { 1.0 };
        let along = |direction: usize| sign * first.directions[direction][axis] * first.spacing[direction];
        [along(0), along(1), sign * step[axis], sign * first.position[axis]]
    };
    Placement::from_rows([row(0), row(1), row(2)])
}

fn cross(one: [f64; 3], other: [f64; 3]) -> [f64; 3] {
    let part = |i: usize, j: usize| one[i] * other[j] - one[j] * other[i];
    [part(1, 2), part(2, 0), part(0, 1)]
}

fn dot(one: [f64; 3], other: [f64; 3]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

impl Run {
    /// The only volume.
    pub fn only(&self) -> Option<Volume> {
        self.volume(0).filter(|_| self.count() == 1)
    }
}
