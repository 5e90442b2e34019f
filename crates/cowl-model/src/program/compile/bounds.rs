//! What is too much: an architecture comes from somebody else, and a small one can ask for anything.

use super::{CompileError, Compiler};
use crate::function::Function;
use crate::graph::NodeId;
use crate::local::Local;
use crate::program::Operation;
use crate::program::spline::Spline;

/// The most operations for constants that follow from others.
const MOST_KNOWN: u64 = 1 << 26;
/// The most pieces of all splines; one that has to be made counts more.
const MOST_PIECES: usize = 1 << 20;
const MAKING: usize = 16;
/// The most numbers that go into steps and come out, and the most multiplications and comparisons.
const MOST_NUMBERS: u64 = 1 << 36;
const MOST_WORK: u64 = 1 << 44;

/// What has been taken of the bounds.
#[derive(Default)]
pub(super) struct Spent {
    /// Steps that are counted in what follows.
    steps: usize,
    numbers: u64,
    work: u64,
    known: u64,
    pieces: usize,
}

impl Compiler<'_> {
    fn too_much(&self, what: &'static str) -> CompileError {
        CompileError::TooMuch { layer: self.graph.layers()[self.layer.index()].name.clone(), what }
    }

    /// Counts the steps that are new.
    pub(super) fn count(&mut self) -> Result<(), CompileError> {
        for step in &self.program.steps[self.spent.steps..] {
            let counts =
                step.inputs.iter().chain([&step.output]).map(|&value| &self.program.value(value).shape);
            let numbers = counts.map(|shape| shape.count() as u64).sum::<u64>();
            let cost = self.program.step_cost(step);
            let seen = match &step.operation {
                Operation::Local(Local::WindowSum(window)) => window.taps(),
                _ => 0,
            };
            let seen = seen.saturating_mul(self.program.value(step.output).shape.count() as u64);
            let work = [cost.multiplications, cost.products, cost.comparisons, seen];
            self.spent.numbers = self.spent.numbers.saturating_add(numbers);
            self.spent.work = work.into_iter().fold(self.spent.work, u64::saturating_add);
        }
        self.spent.steps = self.program.steps.len();
        match (self.spent.numbers > MOST_NUMBERS, self.spent.work > MOST_WORK) {
            (false, false) => Ok(()),
            (true, _) => Err(self.too_much("more numbers in all than there is memory anywhere")),
            _ => Err(self.too_much("more multiplications in all than a machine makes in a day")),
        }
    }

    /// Counts what it takes to compute a constant.
    pub(super) fn count_known(&mut self, id: NodeId) -> Result<(), CompileError> {
        self.spent.known = self.spent.known.saturating_add(self.graph.work(&[id]));
        if self.spent.known > MOST_KNOWN {
            return Err(self.too_much("constants that follow from constants"));
        }
        Ok(())
    }

    /// The pieces of a function, made once.
    pub(super) fn spline(&mut self, function: Function) -> Result<Spline, CompileError> {
        const WHAT: &str = "pieces of a function that is steep for long, or without a value";
        let key = minicbor::to_vec(function).expect("writing to a Vec cannot fail");
        let spline = match self.splines.get(&key) {
            Some(made) => made.clone(),
            None => {
                let made = Spline::of(function, self.program.ring, self.program.rounding);
                let made = made.ok_or_else(|| self.too_much(WHAT))?;
                self.spent.pieces += MAKING * made.pieces.len();
                self.splines.insert(key, made.clone());
                made
            }
        };
        self.spent.pieces += spline.pieces.len();
        if self.spent.pieces > MOST_PIECES { Err(self.too_much(WHAT)) } else { Ok(spline) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::Curve;
    use crate::graph::{Graph, GraphError, Layer, Operator, Port};
    use crate::program::{Rounding, compile};
    use crate::ring::Ring;
    use crate::shape::Shape;

    /// An architecture of one operation on an input of these sizes, as nobody's ONNX file makes it.
    fn one(sizes: &[usize], operator: Operator) -> Result<Graph, GraphError> {
        let mut graph = Graph::default();
        let layer = graph.add_layer(Layer { name: "hostile".into(), operator: "Hostile".into() });
        let shape = Shape::new(sizes).unwrap();
        let input = graph.add_input(Port { name: "x".into(), shape }, layer)?;
        let output = graph.push(operator, vec![input], layer)?;
        graph.add_output("y", output);
        Ok(graph)
    }

    fn refused(function: Function) -> String {
        let graph = one(&[4], Operator::Function(function)).unwrap();
        let all = Ring::MENU.map(|ring| compile(&graph, ring, Rounding::Nearby).unwrap_err().to_string());
        all.join("\n")
    }

    #[test]
    fn functions_without_a_value_have_no_program_and_take_no_time() {
        let within = |curve, low: f32, high: f32| Function::Within(curve, low.into(), high.into());
        let told = "layer 'hostile' takes too much: pieces of a function";
        assert!(refused(within(Curve::Log, -1000.0, 0.0)).matches(told).count() == 4);
        assert!(refused(within(Curve::Log, f32::MIN, f32::MAX)).matches(told).count() == 4);
    }

    #[test]
    fn functions_whose_stretch_is_absurd_have_some_program_or_none() {
        for number in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 1e-30, 0.0] {
            let real = |value: f32| value.into();
            let functions = [
                Function::Within(Curve::Exp, real(-number), real(number)),
                Function::Within(Curve::Reciprocal, real(number), real(1.0)),
                Function::HardSigmoid(real(number), real(0.5)),
                Function::HardSigmoid(real(1.0), real(number)),
                Function::Clip(real(number), real(1.0)),
                Function::Clip(real(0.0), real(number)),
                Function::Elu(real(number)),
                Function::LeakyRelu(real(number)),
            ];
            for function in functions {
                let graph = one(&[4], Operator::Function(function)).unwrap();
                for ring in Ring::MENU {
                    let _ = compile(&graph, ring, Rounding::Faithful);
                }
            }
        }
    }

    #[test]
    fn the_functions_of_real_networks_are_far_from_the_bound() {
        let of_a_softmax = |curve| Function::Within(curve, 1.0.into(), 65536.0.into());
        let functions = [
            Function::Sigmoid,
            Function::Tanh,
            Function::Gelu,
            Function::Exp,
            Function::Log,
            Function::Sqrt,
            Function::Reciprocal,
            Function::ReciprocalSqrt,
            Function::Elu(1.0.into()),
            of_a_softmax(Curve::Log),
            of_a_softmax(Curve::Reciprocal),
        ];
        for (ring, function) in Ring::MENU.into_iter().flat_map(|ring| functions.map(|it| (ring, it))) {
            let pieces =
                Spline::of(function, ring, Rounding::Nearby).map_or(usize::MAX, |it| it.pieces.len());
            assert!(pieces < MOST_PIECES / MAKING / 16, "{ring}: {pieces} pieces of {}", function.name());
        }
    }

    #[test]
    fn too_many_classes_to_rank_are_refused() {
        let top = |size| one(&[1, size], Operator::Top { axis: 1, count: 1 });
        assert!(top(1 << 16).is_ok());
        assert!(matches!(top((1 << 16) + 1), Err(GraphError::Shape(_))));
    }
}
