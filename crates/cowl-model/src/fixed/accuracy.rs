//! How near integers come to floats.

use super::{Nearest, evaluate, quantise_input, quantise_weights, real};
use crate::graph::{Element, Graph};
use crate::program::{Rounding, compile};
use crate::ring::Ring;
use crate::tensor::Tensor;

/// How far outputs on integers are from those in floats.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Accuracy {
    /// The largest difference of a number.
    pub difference: f64,
    /// The largest magnitude of a number in floats.
    pub largest: f64,
}

impl Accuracy {
    /// Whether no number differs by more than `most`, or by more than that part of the largest where that exceeds 1.
    pub fn is_within(self, most: f64) -> bool {
        self.difference <= most * self.largest.max(1.0)
    }
}

/// How near a model comes to itself in floats on these inputs, computed in `ring`. Outputs that are places count
/// nothing: where two scores are the same but for rounding, either place is as good.
///
/// `None` if inputs or weights do not fit the model or the ring.
pub fn accuracy(
    graph: &Graph,
    ring: Ring,
    inputs: &[Vec<Tensor<f32>>],
    weights: &[Tensor<f32>],
) -> Option<Accuracy> {
    let program = compile(graph, ring, Rounding::Nearby).ok()?;
    let quantised = quantise_weights(&program, graph, weights).ok()?;
    let mut accuracy = Accuracy { difference: 0.0, largest: 0.0 };
    for inputs in inputs {
        let floats = graph.evaluate(inputs, weights).ok()?;
        let ports = inputs.iter().zip(graph.inputs());
        let data = ports.map(|(input, port)| quantise_input(&program, &port.name, input));
        let data: Vec<Tensor<u64>> = data.collect::<Result<_, _>>().ok()?;
        let outputs = evaluate(&program, &data, &quantised, &mut Nearest).ok()?;
        for (place, (wanted, found)) in floats.iter().zip(&outputs).enumerate() {
            if graph.node(graph.outputs()[place].node).element == Element::Real {
                let found = real(&program, program.value(program.outputs()[place].value), found);
                accuracy.compare(wanted.data(), found.data());
            }
        }
    }
    Some(accuracy)
}

impl Accuracy {
    fn compare(&mut self, wanted: &[f32], found: &[f32]) {
        for (&wanted, &found) in wanted.iter().zip(found) {
            self.difference = self.difference.max(f64::from(wanted - found).abs());
            self.largest = self.largest.max(f64::from(wanted).abs());
        }
    }
}
