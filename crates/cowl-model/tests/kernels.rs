//! The loops against their definitions, over the ring of 64-bit integers, where equal means equal.

#![allow(clippy::unwrap_used, reason = "a generated case that does not fit fails the test")]

mod build;

use build::{Builder, float, ints, numbers};
use cowl_model::graph::Origin;
use cowl_model::kernel::{Convolution, TransposedConvolution, Window};
use cowl_model::local::Padding;
use cowl_model::onnx::NoFiles;
use cowl_model::{Bilinear, ImportOptions, Local, Model, Shape, Tensor, import};
use proptest::prelude::*;

fn filled(sizes: &[usize], seed: u64) -> Tensor<u64> {
    let shape = Shape::new(sizes).unwrap();
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state
    };
    let data = (0..shape.count()).map(|_| next()).collect();
    Tensor::new(shape, data).unwrap()
}

fn inner_product(one: &Tensor<u64>, other: &Tensor<u64>) -> u64 {
    assert_eq!(one.shape(), other.shape());
    let products = one.data().iter().zip(other.data()).map(|(one, other)| one.wrapping_mul(*other));
    products.fold(0, u64::wrapping_add)
}

#[derive(Debug, Clone)]
struct Case {
    window: Window,
    spatial: Vec<usize>,
    groups: usize,
    wide: usize,
    narrow: usize,
}

/// Kernel, stride, dilation, padding before and behind, size.
type Axis = (usize, usize, usize, usize, usize, usize);

fn case() -> impl Strategy<Value = Case> {
    let axis = (1usize..4, 1usize..4, 1usize..4, 0usize..4, 0usize..4, 1usize..8);
    (proptest::collection::vec(axis, 1..4), 1usize..4, 1usize..3, 1usize..3)
        .prop_map(|(axes, groups, wide, narrow)| {
            let part = |pick: fn(&Axis) -> usize| axes.iter().map(pick).collect();
            let window = Window {
                kernel: part(|axis| axis.0),
                strides: part(|axis| axis.1),
                dilations: part(|axis| axis.2),
                before: part(|axis| axis.3),
                after: part(|axis| axis.4),
            };
            Case { window, spatial: part(|axis| axis.5), groups, wide, narrow }
        })
        .prop_filter("the window fits", |case| case.window.places(&case.spatial).is_ok())
}

/// Every place of a shape.
fn places(sizes: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for &size in sizes {
        all = all
            .iter()
            .flat_map(|place| (0..size).map(move |at| [place.as_slice(), &[at]].concat()))
            .collect();
    }
    all
}

fn offset(shape: &Shape, place: &[usize]) -> usize {
    shape.strides().iter().zip(place).map(|(stride, at)| stride * at).sum()
}

/// The definition, number by number.
fn defined(case: &Case, input: &Tensor<u64>, filter: &Tensor<u64>, output: &Shape) -> Vec<u64> {
    let sum = |place: &Vec<usize>| {
        let group = place[1] / case.narrow;
        let taps = places(&filter.shape().sizes()[1..]);
        let term = |tap: &Vec<usize>| {
            let mut from = vec![place[0], group * case.wide + tap[0]];
            for axis in 0..case.spatial.len() {
                let window = &case.window;
                let at = place[axis + 2] * window.strides[axis] + tap[axis + 1] * window.dilations[axis];
                from.push(at.checked_sub(window.before[axis]).filter(|&at| at < case.spatial[axis])?);
            }
            let weight = filter.data()[offset(filter.shape(), &[&[place[1]], tap.as_slice()].concat())];
            Some(weight.wrapping_mul(input.data()[offset(input.shape(), &from)]))
        };
        taps.iter().filter_map(term).fold(0, u64::wrapping_add)
    };
    places(output.sizes()).iter().map(sum).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn convolutions_are_as_defined_and_their_transposes_are_adjoint(case in case(), seed: u64) {
        let Case { window, spatial, groups, wide, narrow } = case.clone();
        let input = filled(&[&[2, groups * wide], spatial.as_slice()].concat(), seed);
        let filter = filled(&[&[groups * narrow, wide], window.kernel.as_slice()].concat(), seed ^ 1);
        let convolution = Bilinear::Convolution(Convolution { window: window.clone(), groups });
        let output = convolution.apply(&input, &filter).unwrap();
        prop_assert_eq!(output.data(), defined(&case, &input, &filter, output.shape()));
        // ⟨conv(x), y⟩ = ⟨x, transposed(y)⟩
        let other = filled(output.shape().sizes(), seed ^ 2);
        let transposed = TransposedConvolution { window, groups, sizes: spatial };
        let back = Bilinear::TransposedConvolution(transposed).apply(&other, &filter).unwrap();
        prop_assert_eq!(inner_product(&output, &other), inner_product(&input, &back));
    }

    #[test]
    fn stacks_of_matrices_multiply_as_defined(
        rows in 1usize..4, inner in 0usize..20, columns in 1usize..4, stack in 1usize..3, seed: u64,
    ) {
        let left = filled(&[stack, 1, rows, inner], seed);
        let right = filled(&[3, inner, columns], seed ^ 1);
        let product = Bilinear::MatMul.apply(&left, &right).unwrap();
        prop_assert_eq!(product.shape().sizes(), [stack, 3, rows, columns]);
        for place in places(product.shape().sizes()) {
            let term = |at: usize| {
                let one = left.data()[offset(left.shape(), &[place[0], 0, place[2], at])];
                one.wrapping_mul(right.data()[offset(right.shape(), &[place[1], at, place[3]])])
            };
            let wanted = (0..inner).map(term).fold(0, u64::wrapping_add);
            prop_assert_eq!(product.data()[offset(product.shape(), &place)], wanted);
        }
    }

    #[test]
    fn local_maps_are_linear(seed: u64, which in 0usize..9) {
        let locals = [
            Local::Reshape(Shape::new([6, 4]).unwrap()),
            Local::Transpose(vec![2, 0, 1]),
            Local::Slice { axis: 2, start: 3, step: -2, count: 2 },
            Local::Gather { axis: 1, places: vec![2, 0, 2, 1], sizes: vec![2, 2] },
            Local::Pad { axis: 1, before: 2, after: -1, padding: Padding::Reflect },
            Local::Pad { axis: 2, before: 1, after: 3, padding: Padding::Zero },
            Local::Expand(Shape::new([5, 2, 3, 4]).unwrap()),
            Local::Sum(vec![0, 2]),
            Local::Negate,
        ];
        let local = &locals[which];
        let (one, other) = (filled(&[2, 3, 4], seed), filled(&[2, 3, 4], seed ^ 1));
        let sum = Local::Add.apply(&[&one, &other]).unwrap();
        let images = [local.apply(&[&one]).unwrap(), local.apply(&[&other]).unwrap()];
        prop_assert_eq!(local.apply(&[&sum]).unwrap(), Local::Add.apply(&[&images[0], &images[1]]).unwrap());
        prop_assert_eq!(images[0].shape(), &local.shape(&[one.shape()]).unwrap());
    }
}

#[test]
fn folding_changes_nothing_but_the_last_digits() {
    let positive: Vec<f32> = numbers(4, 6).iter().map(|value| value.abs() + 0.5).collect();
    let network = |outputs: &[&str]| {
        let builder = Builder::new(15)
            .input("x", &[1, 2, 6, 6])
            .floats("w", &[4, 2, 3, 3], &numbers(72, 1))
            .floats("b", &[4], &numbers(4, 2))
            .floats("s", &[4], &numbers(4, 3))
            .floats("t", &[4], &numbers(4, 4))
            .floats("m", &[4], &numbers(4, 5))
            .floats("v", &[4], &positive)
            .node("Conv", &["x", "w", "b"], &["c"], &[])
            .node("BatchNormalization", &["c", "s", "t", "m", "v"], &["n"], &[float("epsilon", 1e-4)])
            .node("Relu", &["n"], &["r"], &[])
            .node("MaxPool", &["r"], &["y"], &[ints("kernel_shape", &[2, 2])]);
        // As an output of its own, a value stands in the way of folding.
        let bytes = outputs.iter().fold(builder.output("y"), |builder, name| builder.output(name)).bytes();
        import(&bytes, &NoFiles, &ImportOptions::default()).unwrap()
    };
    let (folded, whole) = (network(&[]), network(&["c", "n", "r"]));
    let operations =
        |model: &Model| model.architecture.nodes().iter().filter(|node| node.origin == Origin::Data).count();
    assert!(operations(&folded) < operations(&whole));
    let input = Tensor::new(Shape::new([1, 2, 6, 6]).unwrap(), numbers(72, 7)).unwrap();
    let run = |model: &Model| {
        model.architecture.evaluate(std::slice::from_ref(&input), &model.weights).unwrap().remove(0)
    };
    let (one, other) = (run(&folded), run(&whole));
    assert_eq!(one.shape(), other.shape());
    assert!(one.data().iter().zip(other.data()).all(|(one, other)| (one - other).abs() < 1e-5));
}
