//! A trained MobileNetV3 (depthwise convolutions, squeeze and excitation, HardSigmoid, open shapes): is a line of text
//! upside down?

#![allow(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]
#![allow(
    clippy::print_stdout,
    reason = "xtask reads what was left out; the figures are what one wants to see"
)]

use std::path::{Path, PathBuf};

use cowl_model::fixed::{self, Nearest};
use cowl_model::onnx::NoFiles;
use cowl_model::{ImportOptions, Model, Rounding, Shape, Tensor, compile, import};

/// Set by `cargo xtask test onnx`: the network, as PyPI's `rapidocr-onnxruntime` brings it.
const NETWORK: &str = "COWL_TEST_TEXT_ORIENTATION";

const SIZES: [usize; 4] = [1, 3, 48, 192];
const LINE: usize = 48 * 192;

fn network() -> Option<Model> {
    let Some(path) = std::env::var_os(NETWORK).map(PathBuf::from) else {
        println!("skipped: {NETWORK} is not set; `cargo xtask test onnx` fetches the network");
        return None;
    };
    let shapes = [("x".to_owned(), SIZES.to_vec())].into();
    let options = ImportOptions { shapes, ..ImportOptions::default() };
    Some(import(&std::fs::read(path).unwrap(), &NoFiles, &options).unwrap())
}

/// Lines of text, each upright, then turned by half: −1 is black, 1 white.
fn lines() -> Vec<Tensor<f32>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/models/text_lines.pgm");
    let file = std::fs::read(file).unwrap();
    let pixels = &file[file.len() - 4 * LINE..];
    let values = |line: &[u8]| line.iter().map(|&byte| f32::from(byte) / 127.5 - 1.0).collect::<Vec<f32>>();
    let both = |line: &[u8]| {
        let upright = values(line);
        let turned = upright.iter().rev().copied().collect();
        [upright, turned]
    };
    let three_times = |line: Vec<f32>| Tensor::new(Shape::new(SIZES).unwrap(), line.repeat(3)).unwrap();
    pixels.chunks_exact(LINE).flat_map(both).map(three_times).collect()
}

#[test]
fn lines_upside_down_are_told_from_upright_ones_on_integers_too() {
    let Some(model) = network() else { return };
    let graph = &model.architecture;
    let lines = lines();
    let calibration: Vec<_> = lines.iter().take(2).map(|line| vec![line.clone()]).collect();
    let near = |ring| {
        fixed::accuracy(graph, ring, &calibration, &model.weights).is_some_and(|it| it.difference <= 5e-4)
    };
    let (ring, overflows) =
        fixed::observe(graph, &calibration, &model.weights).unwrap().ring_that(graph, 4.0, &near);
    assert!(overflows.is_empty(), "{overflows:?}");
    let program = compile(graph, ring, Rounding::Nearby).unwrap();
    let weights = fixed::quantise_weights(&program, graph, &model.weights).unwrap();
    let mut furthest = 0f32;
    for (place, line) in lines.iter().enumerate() {
        let floats = graph.evaluate(std::slice::from_ref(line), &model.weights).unwrap().remove(0);
        let input = fixed::quantise_input(&program, "x", line).unwrap();
        let outputs = fixed::evaluate(&program, &[input], &weights, &mut Nearest).unwrap();
        let integers = fixed::real(&program, program.value(program.outputs()[0].value), &outputs[0]);
        let differences = floats.data().iter().zip(integers.data()).map(|(one, other)| (one - other).abs());
        furthest = differences.fold(furthest, f32::max);
        let is_turned = |scores: &Tensor<f32>| scores.data()[1] > scores.data()[0];
        assert_eq!(
            (is_turned(&floats), is_turned(&integers)),
            (place % 2 == 1, place % 2 == 1),
            "line {place}"
        );
    }
    println!(
        "text orientation, {ring}: probabilities differ by {furthest:.6} at most on {} lines",
        lines.len()
    );
    assert!(furthest <= 1e-3, "{ring}: {furthest}");
}
