//! Component maps of fMRI runs on the 4 mm MNI grid.

use super::{Hints, InputError, Prepared, Shown, chosen};
use crate::regression::dual_regression;
use crate::volume::{Grid, Run, Volume};

pub(super) fn prepare(run: &Run, mni: &Grid, hints: &Hints) -> Result<Prepared, InputError> {
    let map = if run.count() > 1 && !hints.templates.is_empty() {
        of_run(run, mni, hints)?
    } else {
        chosen(run, hints)?.coarsened(4.0).resampled(mni)
    };
    let map = standardised(map, hints.mask.as_ref()).ok_or(InputError::Flat)?;
    let values = map.last_axis_fastest();
    Ok(Prepared { values, shown: Shown::Map { map, anatomy: hints.anatomy.clone().map(Box::new) } })
}

/// One of the maps that dual regression gives.
fn of_run(run: &Run, mni: &Grid, hints: &Hints) -> Result<Volume, InputError> {
    let run = run.resampled(mni);
    let found = hints.templates.len();
    let wanted = hints.volume.ok_or(InputError::Hint("say which of the template maps is meant, from 1"))?;
    let mask = match &hints.mask {
        Some(mask) => mask.clone(),
        None => run.mean(),
    };
    let mut maps = dual_regression(&run, &hints.templates, &mask)?;
    if wanted < found {
        Ok(maps.swap_remove(wanted))
    } else {
        Err(InputError::NoVolume { wanted: wanted + 1, found })
    }
}

/// A map of mean 0 and variance 1 within the mask, 0 outside; without a mask, within its voxels other than 0. `None`
/// if all its values there are the same, or the mask lies in another grid.
pub fn standardised(map: Volume, mask: Option<&Volume>) -> Option<Volume> {
    if mask.is_some_and(|mask| mask.grid().sizes != map.grid().sizes) {
        return None;
    }
    let inside = |at: usize| mask.map_or(map.voxels()[at], |mask| mask.voxels()[at]) != 0.0;
    let values = || (0..map.voxels().len()).filter(|&at| inside(at)).map(|at| f64::from(map.voxels()[at]));
    let count = values().count() as f64;
    let mean = values().sum::<f64>() / count;
    let spread = (values().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
    // Not greater: no voxels at all.
    if spread.is_nan() || spread <= 1e-12 * mean.abs() {
        return None;
    }
    let each = |at| if inside(at) { ((f64::from(map.voxels()[at]) - mean) / spread) as f32 } else { 0.0 };
    Volume::new(map.grid().clone(), (0..map.voxels().len()).map(each).collect()).ok()
}
