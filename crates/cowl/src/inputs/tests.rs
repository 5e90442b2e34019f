use std::path::Path;

use cowl_model::fixed::{self, Nearest};
use cowl_model::onnx::NoFiles;
use cowl_model::{ImportOptions, Model, Rounding, compile, import, zoo};

use super::*;
use crate::report::inference::ranked;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples").join(name)
}

fn classifier() -> Model {
    let compact = std::fs::read(sample("models/fmri/network.bin")).unwrap();
    import(&zoo::fmri_trained(&compact).unwrap(), &NoFiles, &ImportOptions::default()).unwrap()
}

fn names() -> Vec<String> {
    brain_networks::NAMES.lines().map(str::to_owned).collect()
}

/// From a file to the name of a network, on integers as two parties compute.
fn named(model: &Model, input: &Input) -> (String, f64) {
    let graph = &model.architecture;
    let (ring, _) =
        fixed::observe(graph, &[vec![input.numbers.clone()]], &model.weights).unwrap().ring(graph, 2.0);
    let program = compile(graph, ring, Rounding::Nearby).unwrap();
    let weights = fixed::quantise_weights(&program, graph, &model.weights).unwrap();
    let quantised = fixed::quantise_input(&program, "x", &input.numbers).unwrap();
    let outputs = fixed::evaluate(&program, &[quantised], &weights, &mut Nearest).unwrap();
    let scores = fixed::real(&program, program.value(program.outputs()[0].value), &outputs[0]);
    let values: Vec<f64> = scores.data().iter().map(|&score| score.into()).collect();
    let best = ranked(&names(), &values).remove(0);
    (best.name, best.probability.unwrap())
}

#[test]
fn a_component_map_in_any_grid_gets_the_name_of_its_network() {
    let model = classifier();
    for (file, name) in
        [("map_left_precuneus.nii.gz", "left precuneus"), ("map_pericalcarine.nii.gz", "pericalcarine")]
    {
        let file = sample("models/fmri").join(file);
        let prepared = read_inputs(&model.architecture, &[file], &Hints::default()).unwrap();
        let (found, probability) = named(&model, &prepared[0]);
        println!("{found}: {:.1} %", 100.0 * probability);
        assert_eq!(found, name);
        let label = brain_networks::label(&found).unwrap();
        assert!(prepared[0].shown.region(&brain_networks::regions(), label).is_some());
    }
}

#[test]
fn regions_have_names_and_lie_within_the_anatomy() {
    let (regions, anatomy) = (brain_networks::regions(), brain_networks::anatomy());
    assert_eq!((names().len(), brain_networks::templates().len()), (58, 58));
    assert_eq!(brain_networks::LEAST_VOLUMES, 58 + 2);
    assert_eq!(regions.grid(), &Grid::mni_4mm());
    let inside = |(region, anatomy): (&f32, &f32)| (*region > 0.0).then_some(*anatomy > 0.0);
    let inside: Vec<bool> = regions.voxels().iter().zip(anatomy.voxels()).filter_map(inside).collect();
    assert!(inside.iter().filter(|inside| **inside).count() as f64 > 0.95 * inside.len() as f64);
}

#[test]
fn files_that_do_not_fit_are_named_with_what_the_input_takes() {
    let model = import(&zoo::lenet5(1), &NoFiles, &ImportOptions::default()).unwrap();
    let refused = |files: &[&str]| {
        let files: Vec<PathBuf> = files.iter().map(|file| sample(file)).collect();
        read_inputs(&model.architecture, &files, &Hints::default()).unwrap_err().to_string()
    };
    assert!(refused(&[]).contains("takes 1 inputs (x), and 0 files"));
    let volume = refused(&["models/t1_2mm_64.nii.gz"]);
    assert!(
        volume.contains("t1_2mm_64.nii.gz: ") && volume.contains("(input 'x' takes 1×1×28×28)"),
        "{volume}"
    );
    assert!(refused(&["models"]).contains("no DICOM file in this folder"));
    assert!(refused(&["nowhere.nii"]).contains("nowhere.nii"));
}

#[test]
fn a_dicom_frame_and_a_png_are_pictures_for_a_network_of_pictures() {
    let model = import(&zoo::lenet5(1), &NoFiles, &ImportOptions::default()).unwrap();
    for file in ["images/mr_small.dcm", "images/mr_brain_010.png"] {
        let prepared = read_inputs(&model.architecture, &[sample(file)], &Hints::default()).unwrap();
        assert_eq!(prepared[0].numbers.data().len(), 784);
        assert!(prepared[0].shown.drawn().is_some());
    }
}

#[test]
fn a_folder_of_slices_is_a_volume_whatever_else_lies_in_it() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["ct_head_026.dcm", "ct_head_027.dcm", "ct_head_028.dcm"] {
        std::fs::copy(sample("images").join(name), folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("notes.txt"), "not a slice").unwrap();
    let bytes = std::fs::read(sample("models/brain_tissue_64.onnx")).unwrap();
    let model = import(&bytes, &NoFiles, &ImportOptions::default()).unwrap();
    let prepared = read_inputs(&model.architecture, &[folder.path().to_owned()], &Hints::default()).unwrap();
    assert_eq!(prepared[0].numbers.data().len(), 64 * 64 * 64);
}

#[test]
fn numbers_are_read_from_text_and_from_floats() {
    let folder = tempfile::tempdir().unwrap();
    let model = import(&zoo::perceptron(1), &NoFiles, &ImportOptions::default()).unwrap();
    let text: String = (0..784).map(|place| format!("{place};")).collect();
    let floats: Vec<u8> = (0..784).flat_map(|place| (place as f32).to_le_bytes()).collect();
    for (name, content) in [("x.csv", text.into_bytes()), ("x.f32", floats)] {
        let file = folder.path().join(name);
        std::fs::write(&file, content).unwrap();
        let prepared =
            read_inputs(&model.architecture, std::slice::from_ref(&file), &Hints::default()).unwrap();
        assert_eq!(prepared[0].numbers.data()[783], 783.0);
        std::fs::write(&file, "1, x ").unwrap();
        let refused = read_inputs(&model.architecture, &[file], &Hints::default()).unwrap_err().to_string();
        assert!(refused.contains("input 'x' takes 1×784"), "{refused}");
    }
}
