//! Dual regression (Beckmann and others, 2009; Nickerson and others, 2017): template maps and a person's run give that
//! person's component maps.
//!
//! 1. Space: each volume of the run is the sum of the template maps, each times a number; the numbers of one map over
//!    time are its course.
//! 2. Time: each voxel's values are the sum of the courses, each times a number; the numbers of one course over all
//!    voxels are the person's map.
//!
//! Both by least squares, means taken away first, over the voxels of a mask.

use rayon::prelude::*;

use crate::volume::{Run, Volume};

/// Why there are no component maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegressionError {
    /// Run, maps and mask lie in different grids.
    #[error("the run and the template maps are not in one grid; resample the run")]
    Grid,
    /// Too few volumes.
    #[error("the run has {volumes} volumes; {maps} template maps need {}, better many more", maps + 2)]
    TooShort {
        /// Volumes of the run.
        volumes: usize,
        /// Template maps.
        maps: usize,
    },
    /// The least squares have no one solution.
    #[error("{what} depend on each other, so that one cannot be told from the others")]
    Dependent {
        /// `the template maps` or `the courses in time`.
        what: &'static str,
    },
}

/// The component maps of a run, one a template map, 0 outside the mask.
///
/// Maps, mask (voxels other than 0) and run are in one grid.
///
/// # Errors
/// [`RegressionError`].
pub fn dual_regression(run: &Run, maps: &[Volume], mask: &Volume) -> Result<Vec<Volume>, RegressionError> {
    let one_grid = maps.iter().chain([mask]).all(|volume| volume.grid() == run.grid());
    if !one_grid {
        return Err(RegressionError::Grid);
    }
    if run.count() < maps.len() + 2 {
        return Err(RegressionError::TooShort { volumes: run.count(), maps: maps.len() });
    }
    let inside: Vec<usize> = (0..mask.voxels().len()).filter(|&at| mask.voxels()[at] != 0.0).collect();
    let columns: Vec<Vec<f64>> = maps.iter().map(|map| centred(map.voxels(), &inside)).collect();
    let volumes: Vec<Vec<f64>> =
        (0..run.count()).map(|at| centred(run.voxels(at).unwrap_or_default(), &inside)).collect();
    let courses =
        regress(&columns, &volumes).ok_or(RegressionError::Dependent { what: "the template maps" })?;
    let courses: Vec<Vec<f64>> = (0..maps.len()).map(|map| mean_free(column(&courses, map))).collect();
    let voxels: Vec<Vec<f64>> = (0..inside.len()).map(|voxel| mean_free(column(&volumes, voxel))).collect();
    let found =
        regress(&courses, &voxels).ok_or(RegressionError::Dependent { what: "the courses in time" })?;
    Ok((0..maps.len()).map(|map| spread_out(mask, &inside, &column(&found, map))).collect())
}

fn column(rows: &[Vec<f64>], place: usize) -> Vec<f64> {
    rows.iter().map(|row| row[place]).collect()
}

fn centred(voxels: &[f32], inside: &[usize]) -> Vec<f64> {
    mean_free(inside.iter().map(|&at| f64::from(voxels[at])).collect())
}

fn mean_free(mut values: Vec<f64>) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    values.iter_mut().for_each(|value| *value -= mean);
    values
}

fn spread_out(mask: &Volume, inside: &[usize], values: &[f64]) -> Volume {
    let mut voxels = vec![0.0; mask.voxels().len()];
    inside.iter().zip(values).for_each(|(&at, &value)| voxels[at] = value as f32);
    Volume::new(mask.grid().clone(), voxels).expect("it has the mask's number of voxels")
}

/// Least squares: for each of `wanted` the weights with which `columns` come nearest to it; `None` if columns depend
/// on each other.
fn regress(columns: &[Vec<f64>], wanted: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let factor = cholesky(columns)?;
    let weights =
        wanted.par_iter().map(|values| solve(&factor, columns.iter().map(|column| dot(column, values))));
    Some(weights.collect())
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

/// The lower triangle L of the columns' products, L·Lᵀ.
fn cholesky(columns: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    /// Of a column's square, this much must not be explained by the others.
    const LEAST_LEFT: f64 = 1e-9;
    let mut factor: Vec<Vec<f64>> = Vec::with_capacity(columns.len());
    for (row, one) in columns.iter().enumerate() {
        let mut line = Vec::with_capacity(row + 1);
        for (place, other) in columns[..row].iter().enumerate() {
            let left = dot(one, other) - dot(&line, &factor[place][..place]);
            line.push(left / factor[place][place]);
        }
        let square = dot(one, one);
        let left = square - dot(&line, &line);
        if left.is_nan() || left <= LEAST_LEFT * square {
            return None;
        }
        line.push(left.sqrt());
        factor.push(line);
    }
    Some(factor)
}

/// Solves L·Lᵀ·x = right.
fn solve(factor: &[Vec<f64>], right: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut x: Vec<f64> = Vec::with_capacity(factor.len());
    for (row, value) in factor.iter().zip(right) {
        let left = value - dot(&x, row);
        x.push(left / row[x.len()]);
    }
    for place in (0..x.len()).rev() {
        let later: f64 = (place + 1..x.len()).map(|row| factor[row][place] * x[row]).sum();
        x[place] = (x[place] - later) / factor[place][place];
    }
    x
}
