//! What everybody may see tells nothing about weights.

#![allow(clippy::unwrap_used, reason = "a model that cannot be made fails the test")]

mod build;

use build::{Builder, float, int, ints, numbers};
use cowl_model::graph::{FormError, Origin};
use cowl_model::onnx::NoFiles;
use cowl_model::weights::{self, WeightsError};
use cowl_model::{Graph, ImportOptions, Model, Shape, Tensor, import};

/// A network with most kinds of weights, all of them drawn from `seed`.
fn network(seed: u64) -> Model {
    let positive =
        |count, seed| numbers(count, seed).iter().map(|value| value.abs() + 0.5).collect::<Vec<_>>();
    let bytes = Builder::new(13)
        .input("x", &[-1, 2, 8, 8])
        .floats("w", &[4, 2, 3, 3], &numbers(72, seed))
        .floats("b", &[4], &numbers(4, seed + 1))
        .floats("scale", &[4], &numbers(4, seed + 2))
        .floats("shift", &[4], &numbers(4, seed + 3))
        .floats("mean", &[4], &numbers(4, seed + 4))
        .floats("variance", &[4], &positive(4, seed + 5))
        .floats("low", &[], &[-positive(1, seed + 6)[0]])
        .floats("high", &[], &positive(1, seed + 7))
        .floats("slope", &[4, 1, 1], &numbers(4, seed + 8))
        .floats("matrix", &[64, 3], &numbers(192, seed + 9))
        .floats("offset", &[3], &numbers(3, seed + 10))
        .wholes("flat", &[0, -1])
        .node("Conv", &["x", "w", "b"], &["c"], &[ints("pads", &[1, 1, 1, 1])])
        .node(
            "BatchNormalization",
            &["c", "scale", "shift", "mean", "variance"],
            &["n"],
            &[float("epsilon", 1e-3)],
        )
        .node("PRelu", &["n", "slope"], &["p"], &[])
        .node("MaxPool", &["p"], &["m"], &[ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])])
        .node("Clip", &["m", "low", "high"], &["k"], &[])
        .node("Reshape", &["k", "flat"], &["f"], &[])
        .node("Gemm", &["f", "matrix", "offset"], &["g"], &[float("alpha", 0.5), float("beta", 2.0)])
        .node("Softmax", &["g"], &["y"], &[int("axis", 1)])
        .output("y")
        .bytes();
    import(&bytes, &NoFiles, &ImportOptions::default()).unwrap()
}

#[test]
fn models_that_differ_in_every_weight_have_the_same_architecture_byte_for_byte() {
    let (one, other) = (network(1), network(100));
    let pairs = one.weights.iter().flat_map(Tensor::data).zip(other.weights.iter().flat_map(Tensor::data));
    assert!(pairs.clone().count() == 293 && pairs.clone().all(|(one, other)| one != other));
    assert_eq!(one.architecture.to_bytes(), other.architecture.to_bytes());
    assert_eq!(one.architecture.digest(), other.architecture.digest());
}

#[test]
fn no_weight_stands_in_the_architecture() {
    let model = network(7);
    let bytes = model.architecture.to_bytes();
    for value in model.weights.iter().flat_map(Tensor::data) {
        for pattern in [value.to_le_bytes(), value.to_be_bytes()] {
            assert!(!bytes.windows(4).any(|window| window == pattern), "{value}");
        }
    }
}

#[test]
fn batch_normalisation_costs_nothing_on_data() {
    let model = network(3);
    let graph = &model.architecture;
    let products = graph.nodes().iter().filter(|node| node.origin == Origin::Data).filter(|node| {
        let weights = node.inputs.iter().any(|&input| graph.node(input).origin == Origin::Weights);
        weights && matches!(node.operator, cowl_model::graph::Operator::Bilinear(_))
    });
    // Convolution, slope of the PReLU, matrix.
    assert_eq!(products.count(), 3);
}

#[test]
fn an_architecture_survives_its_bytes_and_computes_the_same() {
    let model = network(5);
    let again = Graph::from_bytes(&model.architecture.to_bytes()).unwrap();
    assert_eq!(again, model.architecture);
    let input = Tensor::new(Shape::new([1, 2, 8, 8]).unwrap(), numbers(128, 9)).unwrap();
    let outputs = model.architecture.evaluate(std::slice::from_ref(&input), &model.weights).unwrap();
    assert_eq!(again.evaluate(&[input], &model.weights).unwrap(), outputs);
    assert!((outputs[0].data().iter().sum::<f32>() - 1.0).abs() < 1e-5);
}

#[test]
fn changed_bytes_of_an_architecture_never_panic_and_never_pass_as_the_same() {
    let bytes = network(5).architecture.to_bytes();
    for place in 0..bytes.len() {
        for flip in [1, 0x80] {
            let mut changed = bytes.clone();
            changed[place] ^= flip;
            if let Ok(graph) = Graph::from_bytes(&changed) {
                assert_eq!(graph.to_bytes(), changed);
            }
        }
    }
    assert!(matches!(Graph::from_bytes(&bytes[..bytes.len() - 1]), Err(FormError::Malformed(_))));
    let longer = [bytes.as_slice(), &[0]].concat();
    assert_eq!(Graph::from_bytes(&longer), Err(FormError::NotCanonical));
}

#[test]
fn weights_are_read_back_for_their_own_architecture_only() {
    let model = network(2);
    let bytes = weights::to_bytes(&model.architecture, &model.weights);
    assert_eq!(weights::from_bytes(&model.architecture, &bytes).unwrap(), model.weights);
    let short = weights::from_bytes(&model.architecture, &bytes[..bytes.len() - 4]);
    assert!(matches!(short, Err(WeightsError::Length { .. })));
    let other = Builder::new(13).input("x", &[1]).node("Relu", &["x"], &["y"], &[]).output("y").bytes();
    let other = import(&other, &NoFiles, &ImportOptions::default()).unwrap();
    assert_eq!(weights::from_bytes(&other.architecture, &bytes), Err(WeightsError::OtherArchitecture));
}
