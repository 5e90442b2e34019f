//! The stand-in for the published classifier of brain networks: the published graph, weights that were trained here
//! (samples/models/fmri, training/fmri).

#![allow(clippy::unwrap_used, reason = "a sample that cannot be read fails the test")]
#![allow(clippy::print_stdout, reason = "the figures are what one wants to see")]

use std::path::Path;

use cowl_model::fixed::{self, Nearest};
use cowl_model::onnx::NoFiles;
use cowl_model::{ImportOptions, Model, Rounding, Shape, Tensor, compile, import, zoo};

const GRID: [usize; 3] = [45, 54, 45];
const CLASSES: usize = 58;

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/models/fmri").join(name)).unwrap()
}

/// Header and voxels of a NIfTI volume of bytes, in the network's order: the last axis the fastest.
fn volume(name: &str) -> (Vec<u8>, Vec<u8>) {
    const GZIP_HEADER: usize = 10;
    let file = sample(name);
    let bytes = miniz_oxide::inflate::decompress_to_vec(&file[GZIP_HEADER..file.len() - 8]).unwrap();
    let (header, voxels) = bytes.split_at(352);
    let [width, height, depth] = GRID;
    let place = |at: usize| (at % depth * height + at / depth % height) * width + at / depth / height;
    (header.to_vec(), (0..voxels.len()).map(|at| voxels[place(at)]).collect())
}

/// Mean 0 and variance 1 where `mask` is not 0, 0 elsewhere.
fn standardised(values: impl Iterator<Item = f32>, mask: &[u8]) -> Tensor<f32> {
    let mut values: Vec<f32> = values.collect();
    let inside: Vec<f32> =
        values.iter().zip(mask).filter(|(_, mask)| **mask > 0).map(|(value, _)| *value).collect();
    let mean = inside.iter().sum::<f32>() / inside.len() as f32;
    let spread =
        (inside.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / inside.len() as f32).sqrt();
    for (value, mask) in values.iter_mut().zip(mask) {
        *value = if *mask > 0 { (*value - mean) / spread } else { 0.0 };
    }
    Tensor::new(Shape::new([1, values.len()]).unwrap(), values).unwrap()
}

/// A map that was made of a region and the noise of a run that the training has not seen.
fn noisy_map(mask: &[u8]) -> Tensor<f32> {
    let (header, voxels) = volume("map_left_precuneus.nii.gz");
    let float = |at: usize| f32::from_le_bytes(header[at..at + 4].try_into().unwrap());
    let (slope, intercept) = (float(112), float(116));
    standardised(voxels.iter().map(|&voxel| f32::from(voxel) * slope + intercept), mask)
}

/// The regions, one map each, with some of the noise.
fn region_maps(mask: &[u8], noise: &Tensor<f32>) -> Vec<Tensor<f32>> {
    const NOISE: f32 = 0.05;
    let (_, labels) = volume("regions_4mm.nii.gz");
    let value = |label: usize, (&other, &noise): (&u8, &f32)| {
        NOISE * noise + if usize::from(other) == label { 1.0 } else { 0.0 }
    };
    let map = |label: usize| labels.iter().zip(noise.data()).map(move |voxel| value(label, voxel));
    (1..=CLASSES).map(|label| standardised(map(label), mask)).collect()
}

fn classifier() -> Model {
    import(&zoo::fmri_trained(&sample("network.bin")).unwrap(), &NoFiles, &ImportOptions::default()).unwrap()
}

fn place_of_largest(scores: &Tensor<f32>) -> usize {
    (0..CLASSES).max_by(|&one, &other| scores.data()[one].total_cmp(&scores.data()[other])).unwrap()
}

fn names() -> Vec<String> {
    String::from_utf8(sample("regions.txt")).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn integers_name_the_same_network_as_floats_and_differ_by_less_than_a_hundredth() {
    let (_, mask) = volume("anatomy_4mm.nii.gz");
    let noise = noisy_map(&mask);
    let mut maps = region_maps(&mask, &noise);
    maps.push(noise);
    let model = classifier();
    let graph = &model.architecture;
    let calibration: Vec<_> = maps.iter().step_by(8).map(|map| vec![map.clone()]).collect();
    let near = |ring| {
        fixed::accuracy(graph, ring, &calibration, &model.weights).is_some_and(|it| it.difference <= 5e-3)
    };
    let (ring, overflows) =
        fixed::observe(graph, &calibration, &model.weights).unwrap().ring_that(graph, 2.0, &near);
    assert!(overflows.is_empty(), "{overflows:?}");
    let program = compile(graph, ring, Rounding::Nearby).unwrap();
    let weights = fixed::quantise_weights(&program, graph, &model.weights).unwrap();
    let (mut furthest, mut right) = (0f32, 0);
    for (place, map) in maps.iter().enumerate() {
        let floats = graph.evaluate(std::slice::from_ref(map), &model.weights).unwrap().remove(0);
        let input = fixed::quantise_input(&program, "x", map).unwrap();
        let outputs = fixed::evaluate(&program, &[input], &weights, &mut Nearest).unwrap();
        let integers = fixed::real(&program, program.value(program.outputs()[0].value), &outputs[0]);
        let difference = floats.data().iter().zip(integers.data()).map(|(one, other)| (one - other).abs());
        furthest = difference.fold(furthest, f32::max);
        assert_eq!(place_of_largest(&floats), place_of_largest(&integers), "map {place}");
        right += usize::from(place_of_largest(&integers) == place);
    }
    println!("{ring}: logits differ by {furthest:.5} at most; {right} of {CLASSES} regions are named right");
    assert!(furthest <= 1e-2, "{ring}: {furthest}");
    assert!(right >= 52, "only {right} of {CLASSES} regions are named right");
}

#[test]
fn a_map_with_real_noise_is_named() {
    let (_, mask) = volume("anatomy_4mm.nii.gz");
    let model = classifier();
    let scores = model.architecture.evaluate(&[noisy_map(&mask)], &model.weights).unwrap().remove(0);
    assert_eq!(names().len(), CLASSES);
    assert_eq!(names()[place_of_largest(&scores)], "left precuneus");
}

#[test]
fn the_graph_is_the_published_one() {
    let model = classifier();
    let seeded = import(&zoo::fmri(1), &NoFiles, &ImportOptions::default()).unwrap();
    assert_eq!(model.architecture.weight_count(), seeded.architecture.weight_count());
    assert_eq!(model.architecture.weight_count(), 109_350 * 200 + 2 * 200 * 200 + 200 * 58 + 3 * 200 + 58);
    assert_eq!(model.architecture.inputs()[0].shape.to_string(), "1×109350");
}

#[test]
fn files_that_are_no_compact_weights_are_refused() {
    let file = sample("network.bin");
    assert!(zoo::fmri_trained(&[]).is_err());
    assert!(zoo::fmri_trained(&file[..file.len() - 1]).is_err());
    assert!(zoo::fmri_trained(&[file.as_slice(), &[0]].concat()).is_err());
    let mut other = file;
    other[0] ^= 1;
    assert!(zoo::fmri_trained(&other).is_err());
}
