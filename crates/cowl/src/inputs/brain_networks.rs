//! The brain as the stand-in for the published classifier of brain networks knows it: anatomy, regions and their
//! names, on the 4 mm MNI grid (samples/models/fmri).

use cowl_imaging::volume::{self, Volume};

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/models/fmri/", $name))
    };
}

/// Names of the regions, a line each, from region 1.
pub(crate) const NAMES: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/models/fmri/regions.txt"));

/// Volumes of a run from which dual regression on all regions can find maps.
pub(crate) const LEAST_VOLUMES: usize = 60;

/// The brain of a T1 template; 0 outside it.
pub(crate) fn anatomy() -> Volume {
    inside_the_program(sample!("anatomy_4mm.nii.gz"))
}

/// Which region each voxel belongs to, from 1; 0 where there is none.
pub(crate) fn regions() -> Volume {
    inside_the_program(sample!("regions_4mm.nii.gz"))
}

/// The label of the region of this name.
pub(crate) fn label(name: &str) -> Option<usize> {
    Some(1 + NAMES.lines().position(|other| other == name)?)
}

/// A map for each region: 1 within it, 0 elsewhere.
pub(crate) fn templates() -> Vec<Volume> {
    let regions = regions();
    let count = NAMES.lines().count();
    let only = |label: usize| regions.clone().map(|value| if value as usize == label { 1.0 } else { 0.0 });
    (1..=count).map(only).collect()
}

fn inside_the_program(file: &[u8]) -> Volume {
    let run = volume::read(file).expect("the files inside the program are sound");
    run.only().expect("the files inside the program have one volume each")
}
