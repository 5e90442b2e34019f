//! Architectures as steps on integers, and what those steps compute.

#![allow(clippy::unwrap_used, reason = "a model that cannot be made fails the test")]

mod build;

use build::{Builder, float, int, ints, numbers};
use cowl_model::fixed::{self, Faithful, Nearest, Truncation};
use cowl_model::onnx::NoFiles;
use cowl_model::program::{CompileError, Operation, Spline};
use cowl_model::{
    Curve, Function, ImportOptions, Model, Program, Ring, Rounding, Shape, Tensor, compile, import,
};

fn imported(builder: Builder) -> Model {
    import(&builder.bytes(), &NoFiles, &ImportOptions::default()).unwrap()
}

fn perceptron() -> Model {
    let layer = |builder: Builder, place: usize, rows: usize, columns: usize| {
        let weights =
            numbers(rows * columns, place as u64).iter().map(|value| value / 4.0).collect::<Vec<_>>();
        builder.floats(&format!("w{place}"), &[rows as i64, columns as i64], &weights).floats(
            &format!("b{place}"),
            &[columns as i64],
            &numbers(columns, 40 + place as u64),
        )
    };
    let builder = layer(layer(Builder::new(17).input("x", &[1, 30]), 1, 30, 20), 2, 20, 5);
    imported(
        builder
            .node("Gemm", &["x", "w1", "b1"], &["h"], &[])
            .node("Relu", &["h"], &["r"], &[])
            .node("Gemm", &["r", "w2", "b2"], &["y"], &[])
            .output("y"),
    )
}

fn run(
    program: &Program,
    model: &Model,
    input: &Tensor<f32>,
    truncation: &mut dyn Truncation,
) -> Tensor<f32> {
    let weights = fixed::quantise_weights(program, &model.architecture, &model.weights).unwrap();
    let input = fixed::quantise_input(program, "x", input).unwrap();
    let outputs = fixed::evaluate(program, &[input], &weights, truncation).unwrap();
    fixed::real(program, program.value(program.outputs()[0].value), &outputs[0])
}

fn largest_difference(one: &Tensor<f32>, other: &Tensor<f32>) -> f32 {
    one.data().iter().zip(other.data()).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max)
}

fn row(data: Vec<f32>) -> Tensor<f32> {
    Tensor::new(Shape::new([1, data.len()]).unwrap(), data).unwrap()
}

#[test]
fn a_layer_takes_its_bias_and_the_relu_behind_it_cuts_and_compares_in_one() {
    let program = compile(&perceptron().architecture, Ring::MENU[0], Rounding::Nearby).unwrap();
    let operations: Vec<&Operation> = program.steps().iter().map(|step| &step.operation).collect();
    assert!(matches!(
        operations.as_slice(),
        [
            Operation::Input(0),
            Operation::Linear(first),
            Operation::Relu { truncate: 12 },
            Operation::Linear(second),
            Operation::Truncate(12),
        ] if first.bias.is_some() && second.bias.is_some()
    ));
}

#[test]
fn integers_come_as_near_to_floats_as_their_bits_allow() {
    let model = perceptron();
    let input = row(numbers(30, 9));
    let floats = model.architecture.evaluate(std::slice::from_ref(&input), &model.weights).unwrap();
    for ring in Ring::MENU {
        let program = compile(&model.architecture, ring, Rounding::Nearby).unwrap();
        let difference = largest_difference(&run(&program, &model, &input, &mut Nearest), &floats[0]);
        let unit = 1.0 / (1u32 << ring.fraction()) as f32;
        assert!(difference < 24.0 * unit, "{ring}: {difference}");
    }
}

/// One more than rounding down, at every other number.
struct EveryOther;

impl Truncation for EveryOther {
    fn truncate(&mut self, _: usize, values: &mut [u64], bits: u32, ring: Ring) {
        for (place, value) in values.iter_mut().enumerate() {
            *value = ring.reduce((ring.signed(*value) >> bits) as u64).wrapping_add(place as u64 % 2);
        }
    }
}

#[test]
fn a_carry_at_each_truncation_moves_results_by_few_units() {
    let model = perceptron();
    let input = row(numbers(30, 3));
    let program = compile(&model.architecture, Ring::MENU[3], Rounding::Nearby).unwrap();
    let nearest = run(&program, &model, &input, &mut Nearest);
    let other = run(&program, &model, &input, &mut EveryOther);
    assert_ne!(nearest, other);
    assert!(largest_difference(&nearest, &other) < 8.0 / (1 << 24) as f32);
}

#[test]
fn a_faithful_program_rounds_to_the_nearest_by_always_going_down() {
    let model = perceptron();
    let input = row(numbers(30, 4));
    for ring in Ring::MENU {
        let nearby = compile(&model.architecture, ring, Rounding::Nearby).unwrap();
        let faithful = compile(&model.architecture, ring, Rounding::Faithful).unwrap();
        assert_eq!(run(&nearby, &model, &input, &mut Nearest), run(&faithful, &model, &input, &mut Faithful));
    }
}

#[test]
fn means_of_many_numbers_keep_their_digits_in_the_smallest_ring() {
    let model = imported(
        Builder::new(17)
            .input("x", &[1, 1, 128, 128])
            .node("GlobalAveragePool", &["x"], &["y"], &[])
            .output("y"),
    );
    let data = numbers(128 * 128, 5).iter().map(|value| value.abs()).collect();
    let input = Tensor::new(Shape::new([1, 1, 128, 128]).unwrap(), data).unwrap();
    let floats = model.architecture.evaluate(std::slice::from_ref(&input), &[]).unwrap();
    let program = compile(&model.architecture, Ring::MENU[0], Rounding::Nearby).unwrap();
    let difference = largest_difference(&run(&program, &model, &input, &mut Nearest), &floats[0]);
    assert!(difference < 1e-3, "{difference}");
}

#[test]
fn a_factor_too_small_for_the_ring_gives_nothing_rather_than_something_wrong() {
    let model = imported(
        Builder::new(17)
            .input("x", &[1, 2])
            .node("Transpose", &["x"], &["t"], &[])
            .node("Gemm", &["x", "t"], &["y"], &[float("alpha", 1e-11)])
            .output("y"),
    );
    let program = compile(&model.architecture, Ring::MENU[0], Rounding::Nearby).unwrap();
    let result = run(&program, &model, &row(vec![2.0, 3.0]), &mut Nearest);
    assert!(result.data()[0].abs() <= 2.0 / 4096.0, "{:?}", result.data());
}

#[test]
fn places_of_the_largest_are_exact() {
    let model = imported(
        Builder::new(17).input("x", &[1, 9]).node("ArgMax", &["x"], &["y"], &[int("axis", 1)]).output("y"),
    );
    let program = compile(&model.architecture, Ring::MENU[0], Rounding::Nearby).unwrap();
    let input = row(vec![0.5, -1.0, 3.0, 2.5, 3.0, 0.0, -9.0, 2.0, 1.0]);
    assert_eq!(run(&program, &model, &input, &mut Nearest).data(), [2.0]);
    assert_eq!(program.cost().comparisons, 8);
}

#[test]
fn an_output_that_would_only_tell_weights_is_refused() {
    let model = imported(
        Builder::new(17)
            .input("x", &[2])
            .floats("w", &[2], &[1.0, 2.0])
            .node("Relu", &["x"], &["y"], &[])
            .node("Relu", &["w"], &["z"], &[])
            .output("y")
            .output("z"),
    );
    assert_eq!(
        compile(&model.architecture, Ring::MENU[0], Rounding::Nearby),
        Err(CompileError::ConstantOutput("z".into()))
    );
}

#[test]
fn weights_that_are_no_numbers_are_refused_by_their_layer() {
    let model = imported(
        Builder::new(17)
            .input("x", &[2])
            .floats("w", &[2], &[1.0, f32::NAN])
            .node("Mul", &["x", "w"], &["y"], &[])
            .output("y"),
    );
    let program = compile(&model.architecture, Ring::MENU[0], Rounding::Nearby).unwrap();
    let error = fixed::quantise_weights(&program, &model.architecture, &model.weights).unwrap_err();
    assert_eq!(error.to_string(), "'y': NaN does not fit into k = 32, f = 12");
}

#[test]
fn layers_that_overflow_are_named_and_a_larger_ring_is_chosen() {
    let loud = |factor: f32| {
        imported(
            Builder::new(17)
                .input("x", &[1, 4])
                .floats("w", &[4, 4], &[factor; 16])
                .node("MatMul", &["x", "w"], &["loud"], &[])
                .node("Relu", &["loud"], &["y"], &[])
                .output("y"),
        )
    };
    let input = row(vec![1.0; 4]);
    let (model, quiet) = (loud(100.0), loud(0.1));
    let ranges = fixed::observe(&model.architecture, &[vec![input.clone()]], &model.weights).unwrap();
    let overflows = ranges.overflows(&model.architecture, Ring::MENU[0], 1.0);
    assert_eq!(overflows.first().map(|overflow| overflow.name.as_str()), Some("loud"));
    let ring = |model: &Model| {
        fixed::observe(&model.architecture, &[vec![input.clone()]], &model.weights)
            .unwrap()
            .ring(&model.architecture, 2.0)
            .0
    };
    let bits = |model: &Model| (ring(model).bits(), ring(model).fraction());
    assert_eq!((bits(&quiet), bits(&model)), ((32, 12), (48, 18)));
    assert_eq!(ring(&quiet).to_string(), "k = 32, f = 12, 16 for weights");
}

#[test]
fn no_input_within_bounds_exceeds_what_is_said_to_be_possible() {
    let model = imported(
        Builder::new(17)
            .input("x", &[1, 2, 6, 6])
            .floats("w", &[3, 2, 3, 3], &numbers(54, 2))
            .node("Conv", &["x", "w"], &["c"], &[])
            .node("LeakyRelu", &["c"], &["l"], &[float("alpha", 0.1)])
            .node("AveragePool", &["l"], &["p"], &[ints("kernel_shape", &[2, 2])])
            .node("Flatten", &["p"], &["f"], &[])
            .node("Softmax", &["f"], &["y"], &[])
            .output("y"),
    );
    let graph = &model.architecture;
    let possible = fixed::bound(graph, &model.weights, 1.0).unwrap();
    for seed in 0..20 {
        let input = numbers(72, seed).iter().map(|value| value.signum()).collect();
        let input = Tensor::new(Shape::new([1, 2, 6, 6]).unwrap(), input).unwrap();
        let seen = fixed::observe(graph, &[vec![input]], &model.weights).unwrap();
        for id in graph.ids().filter(|&id| graph.node(id).origin == cowl_model::graph::Origin::Data) {
            assert!(seen.largest(id) <= possible.largest(id) * 1.0001, "{:?}", graph.node(id).operator);
        }
    }
    assert!(possible.overflows(graph, Ring::MENU[1], 1.0).is_empty());
}

#[test]
fn splines_keep_to_their_functions() {
    let within = |ring: Ring, function: Function, from: f64, to: f64| {
        let spline = Spline::of(function, ring, Rounding::Faithful).unwrap();
        let unit = (1u64 << ring.fraction()) as f64;
        for at in 0..4001 {
            let x = (from + (to - from) * f64::from(at) / 4000.0) * unit;
            let x = x.round() as i64;
            let value = ring.signed(spline.raised(x)) >> ring.fraction();
            let exact = function.at(x as f64 / unit);
            let allowed = 2.0 / unit + (exact.abs() / 512.0).max(1.0 / 16384.0);
            let found = value as f64 / unit;
            assert!(
                (found - exact).abs() <= allowed,
                "{ring}, {}({}): {found}, not {exact}",
                function.name(),
                x as f64 / unit
            );
        }
    };
    for ring in Ring::MENU {
        for function in [Function::Sigmoid, Function::Tanh, Function::Erf, Function::Gelu, Function::GeluTanh]
        {
            within(ring, function, -20.0, 20.0);
        }
        within(ring, Function::Exp, -20.0, 2.5);
        within(ring, Function::Log, 0.5, 30.0);
        within(ring, Function::Sqrt, 0.05, 30.0);
        within(ring, Function::Reciprocal, 0.5, 30.0);
        within(ring, Function::Reciprocal, -30.0, -0.5);
        within(ring, Function::ReciprocalSqrt, 0.5, 30.0);
        within(ring, Function::Elu(1.0.into()), -20.0, 20.0);
        within(ring, Function::HardSigmoid(0.2.into(), 0.5.into()), -20.0, 20.0);
        within(ring, Function::Clip((-1.5).into(), 6.0.into()), -20.0, 20.0);
        within(ring, Function::LeakyRelu(0.25.into()), -20.0, 20.0);
        within(ring, Function::HardSigmoid(1e-30.into(), 0.5.into()), -20.0, 20.0);
        // As a softmax over a single number has them.
        within(ring, Function::Within(Curve::Log, 1.0.into(), 1.0.into()), 1.0, 1.0);
        within(ring, Function::Within(Curve::Reciprocal, 1.0.into(), 1.0.into()), 1.0, 1.0);
    }
}
