//! The networks of the benches: what they cost, and how near integers come to floats.

#![allow(clippy::unwrap_used, reason = "a model that cannot be made fails the test")]

mod build;

use build::numbers;
use cowl_model::fixed::{self, Nearest};
use cowl_model::onnx::NoFiles;
use cowl_model::program::Cost;
use cowl_model::{ImportOptions, Model, Ring, Rounding, Tensor, compile, import, zoo};

fn imported(bytes: &[u8]) -> Model {
    import(bytes, &NoFiles, &ImportOptions::default()).unwrap()
}

fn cost(bytes: &[u8]) -> Cost {
    compile(&imported(bytes).architecture, Ring::MENU[0], Rounding::Nearby).unwrap().cost()
}

/// Outputs in floats, and on integers of the ring that the values ask for.
fn both(bytes: &[u8]) -> (Tensor<f32>, Tensor<f32>, Ring) {
    let model = imported(bytes);
    let graph = &model.architecture;
    let shape = graph.inputs()[0].shape.clone();
    let data = numbers(shape.count(), 8).iter().map(|value| value.abs()).collect();
    let input = Tensor::new(shape, data).unwrap();
    let floats = graph.evaluate(std::slice::from_ref(&input), &model.weights).unwrap().remove(0);
    let (ring, overflows) =
        fixed::observe(graph, &[vec![input.clone()]], &model.weights).unwrap().ring(graph, 2.0);
    assert!(overflows.is_empty());
    let program = compile(graph, ring, Rounding::Nearby).unwrap();
    let weights = fixed::quantise_weights(&program, graph, &model.weights).unwrap();
    let input = fixed::quantise_input(&program, "x", &input).unwrap();
    let outputs = fixed::evaluate(&program, &[input], &weights, &mut Nearest).unwrap();
    let integers = fixed::real(&program, program.value(program.outputs()[0].value), &outputs[0]);
    (floats, integers, ring)
}

fn largest_difference(one: &Tensor<f32>, other: &Tensor<f32>) -> f32 {
    one.data().iter().zip(other.data()).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max)
}

fn place_of_largest(tensor: &Tensor<f32>) -> usize {
    (0..tensor.data().len())
        .max_by(|&one, &other| tensor.data()[one].total_cmp(&tensor.data()[other]))
        .unwrap()
}

#[test]
fn the_networks_cost_what_their_originals_cost() {
    assert_eq!(cost(&zoo::perceptron(1)).comparisons, 256);
    assert_eq!(cost(&zoo::lenet5(1)).linear_outputs, 6 * 784 + 16 * 100 + 120 + 84 + 10);
    assert_eq!(cost(&zoo::cifar(1)).comparisons, 128_000);
}

#[test]
fn logits_differ_by_less_than_a_thousandth_and_agree_on_the_largest() {
    for bytes in [zoo::perceptron(3), zoo::lenet5(3), zoo::cifar(3)] {
        let (floats, integers, ring) = both(&bytes);
        let difference = largest_difference(&floats, &integers);
        assert!(difference <= 1e-3, "{ring}: {difference}");
        assert_eq!(place_of_largest(&floats), place_of_largest(&integers));
    }
}

#[test]
fn the_classifier_of_brain_networks_differs_by_less_than_a_hundredth() {
    let (floats, integers, ring) = both(&zoo::fmri(5));
    let difference = largest_difference(&floats, &integers);
    assert!(difference <= 1e-2, "{ring}: {difference}");
    assert_eq!(place_of_largest(&floats), place_of_largest(&integers));
}

#[test]
fn a_u_net_labels_almost_every_pixel_alike() {
    let (floats, integers, ring) = both(&zoo::unet(64, 2));
    assert_eq!(floats.shape().to_string(), "1×1×64×64");
    let same = floats.data().iter().zip(integers.data()).filter(|(one, other)| one == other).count();
    assert!(same as f64 >= 0.999 * floats.data().len() as f64, "{ring}: {same}");
}
