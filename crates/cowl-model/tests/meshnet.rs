//! A really trained network on a real volume: MeshNet, which labels white and grey matter (samples/models).

#![allow(clippy::unwrap_used, reason = "a sample that cannot be read fails the test")]

use std::path::Path;

use cowl_model::fixed::{self, Nearest};
use cowl_model::onnx::NoFiles;
use cowl_model::{ImportOptions, Model, Ring, Rounding, Shape, Tensor, compile, import, inspect};

const SIDE: usize = 64;
const HEADER: usize = 352;

fn sample(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/models");
    std::fs::read(folder.join(name)).unwrap()
}

fn meshnet() -> Model {
    import(&sample("brain_tissue_64.onnx"), &NoFiles, &ImportOptions::default()).unwrap()
}

/// The voxels of a NIfTI volume of bytes, in the file's order: x fastest.
fn volume(name: &str) -> Vec<u8> {
    const GZIP_HEADER: usize = 10;
    let file = sample(name);
    let bytes = miniz_oxide::inflate::decompress_to_vec(&file[GZIP_HEADER..file.len() - 8]).unwrap();
    assert_eq!(bytes.len(), HEADER + SIDE.pow(3), "{name}");
    bytes[HEADER..].to_vec()
}

/// The network's axes are x, y, z; the file's run the other way.
fn place(x: usize, y: usize, z: usize) -> usize {
    (z * SIDE + y) * SIDE + x
}

fn input() -> Tensor<f32> {
    let voxels = volume("t1_2mm_64.nii.gz");
    let each = |at: usize| f32::from(voxels[place(at / SIDE / SIDE, at / SIDE % SIDE, at % SIDE)]) / 255.0;
    Tensor::new(Shape::new([1, 1, SIDE, SIDE, SIDE]).unwrap(), (0..SIDE.pow(3)).map(each).collect()).unwrap()
}

/// How many voxels get the label that onnxruntime gives them, of all.
fn agreement(scores: &Tensor<f32>) -> f64 {
    let wanted = volume("t1_2mm_64_tissue.nii.gz");
    let count = SIDE.pow(3);
    let label = |at: usize| {
        let score = |class: usize| scores.data()[class * count + at];
        (1..3).fold(0, |best, class| if score(class) > score(best) { class } else { best })
    };
    let same = (0..count)
        .filter(|&at| label(at) == wanted[place(at / SIDE / SIDE, at / SIDE % SIDE, at % SIDE)].into());
    same.count() as f64 / count as f64
}

#[test]
fn labels_of_a_real_volume_are_those_of_onnxruntime() {
    let model = meshnet();
    let scores = model.architecture.evaluate(&[input()], &model.weights).unwrap();
    let agreement = agreement(&scores[0]);
    assert!(agreement > 0.9999, "{agreement}");
}

#[test]
fn labels_are_the_same_on_integers() {
    let model = meshnet();
    let graph = &model.architecture;
    let (ring, overflows) = fixed::observe(graph, &[vec![input()]], &model.weights).unwrap().ring(graph, 2.0);
    assert!(overflows.is_empty(), "{overflows:?}");
    let program = compile(graph, ring, Rounding::Nearby).unwrap();
    let weights = fixed::quantise_weights(&program, graph, &model.weights).unwrap();
    let data = fixed::quantise_input(&program, "t1", &input()).unwrap();
    let scores = fixed::evaluate(&program, &[data], &weights, &mut Nearest).unwrap();
    let scores = fixed::real(&program, program.value(program.outputs()[0].value), &scores[0]);
    let agreement = agreement(&scores);
    println!("{ring}: {:.4} % of the voxels as onnxruntime has them", 100.0 * agreement);
    assert!(agreement >= 0.999, "{ring}: {agreement}");
}

/// The network has no size of its own: every layer is a convolution.
#[test]
fn the_same_network_takes_another_size_by_a_shape_at_import() {
    let options = ImportOptions {
        shapes: [("t1".to_owned(), vec![1, 1, 32, 32, 32])].into(),
        ..ImportOptions::default()
    };
    let small = import(&sample("brain_tissue_64.onnx"), &NoFiles, &options).unwrap();
    assert_eq!(small.weights, meshnet().weights);
    let program = compile(&small.architecture, Ring::MENU[0], Rounding::Nearby).unwrap();
    assert_eq!(program.cost().comparisons, 9 * 5 * 32 * 32 * 32);
    assert_eq!(
        small.architecture.node(small.architecture.outputs()[0].node).shape.to_string(),
        "1×3×32×32×32"
    );
}

#[test]
fn layers_are_listed_with_their_geometry_and_cost() {
    let model = meshnet();
    let program = compile(&model.architecture, Ring::MENU[0], Rounding::Nearby).unwrap();
    let layers = inspect::layers(&model.architecture, &program);
    assert_eq!(model.architecture.weight_count(), 5598);
    assert_eq!(layers.iter().map(|layer| layer.weights).sum::<u64>(), 5598);
    let fourth = layers.iter().filter(|layer| layer.operator == "Conv").nth(3).unwrap();
    assert_eq!(fourth.details, ["window 3×3×3, dilation 8×8×8, padding 8×8×8, groups 1"]);
    assert_eq!(fourth.shape.to_string(), "1×5×64×64×64");
    assert_eq!(fourth.cost.multiplications, 5 * 5 * 27 * 64 * 64 * 64);
    assert_eq!(program.cost().comparisons, 9 * 5 * 64 * 64 * 64);
}
