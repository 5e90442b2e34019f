//! The networks of the benches: what they cost, and how near integers come to floats.

#![allow(clippy::unwrap_used, reason = "a model that cannot be made fails the test")]
#![allow(clippy::print_stdout, reason = "the figures are what one wants to see")]

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

/// Outputs in floats and on integers for one input.
type Pair = (Tensor<f32>, Tensor<f32>);

/// Outputs in floats, and on integers, for so many inputs. The first half of the inputs calibrates: the ring is the
/// smallest that holds the values and in which numbers differ by no more than `most`.
fn both(bytes: &[u8], count: u64, most: f64) -> (Vec<Pair>, Ring) {
    let model = imported(bytes);
    let graph = &model.architecture;
    let shape = graph.inputs()[0].shape.clone();
    let input = |seed: u64| {
        let data = numbers(shape.count(), 8 + seed).iter().map(|value| value.abs()).collect();
        Tensor::new(shape.clone(), data).unwrap()
    };
    let inputs: Vec<Tensor<f32>> = (0..count).map(input).collect();
    let calibration: Vec<_> =
        inputs[..inputs.len().div_ceil(2)].iter().map(|input| vec![input.clone()]).collect();
    // Half of what is asked for: other inputs come out a little further off.
    let near = |ring| {
        fixed::accuracy(graph, ring, &calibration, &model.weights)
            .is_some_and(|it| it.difference <= most / 2.0)
    };
    let ranges = fixed::observe(graph, &calibration, &model.weights).unwrap();
    let (ring, overflows) = ranges.ring_that(graph, 2.0, &near);
    assert!(overflows.is_empty());
    let program = compile(graph, ring, Rounding::Nearby).unwrap();
    let weights = fixed::quantise_weights(&program, graph, &model.weights).unwrap();
    let value = program.value(program.outputs()[0].value);
    let pair = |input: &Tensor<f32>| {
        let floats = graph.evaluate(std::slice::from_ref(input), &model.weights).unwrap().remove(0);
        let quantised = fixed::quantise_input(&program, "x", input).unwrap();
        let outputs = fixed::evaluate(&program, &[quantised], &weights, &mut Nearest).unwrap();
        (floats, fixed::real(&program, value, &outputs[0]))
    };
    (inputs.iter().map(pair).collect(), ring)
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

/// The largest difference of logits over all inputs; the largest logit is the same one for each.
fn assert_close(name: &str, bytes: &[u8], count: u64, most: f32) {
    let (pairs, ring) = both(bytes, count, most.into());
    let difference =
        pairs.iter().map(|(floats, integers)| largest_difference(floats, integers)).fold(0.0, f32::max);
    println!("{name}, {ring}: logits differ by {difference:.6} at most on {count} inputs");
    assert!(difference <= most, "{name}, {ring}: {difference}");
    for (floats, integers) in &pairs {
        assert_eq!(place_of_largest(floats), place_of_largest(integers), "{name}");
    }
}

#[test]
fn logits_differ_by_less_than_a_thousandth_and_agree_on_the_largest() {
    assert_close("perceptron", &zoo::perceptron(3), 32, 1e-3);
    assert_close("LeNet-5", &zoo::lenet5(3), 32, 1e-3);
    assert_close("CIFAR network", &zoo::cifar(3), 8, 1e-3);
}

#[test]
fn the_classifier_of_brain_networks_differs_by_less_than_a_hundredth() {
    assert_close("seeded classifier of brain networks", &zoo::fmri(5), 4, 1e-2);
}

#[test]
fn a_u_net_labels_almost_every_pixel_of_a_large_picture_alike() {
    let (pairs, ring) = both(&zoo::unet(256, 2), 1, 1e-3);
    let (floats, integers) = &pairs[0];
    assert_eq!(floats.shape().to_string(), "1×1×256×256");
    let same = floats.data().iter().zip(integers.data()).filter(|(one, other)| one == other).count();
    println!("U-Net 256×256, {ring}: {same} of 65,536 pixels are labelled alike");
    assert!(same as f64 >= 0.999 * floats.data().len() as f64, "{ring}: {same}");
}
