//! How large values become, and which ring holds them.

use super::FixedError;
use crate::graph::{Element, EvaluationError, Graph, LayerId, NodeId, Operator, Origin};
use crate::ring::Ring;
use crate::tensor::Tensor;

/// The largest magnitude of every operation's output that was seen.
#[derive(Clone, PartialEq, Debug)]
pub struct Ranges {
    largest: Vec<f64>,
}

/// A layer whose numbers may not fit.
#[derive(Clone, PartialEq, Debug)]
pub struct Overflow {
    /// The layer.
    pub layer: LayerId,
    /// Its name.
    pub name: String,
    /// The largest magnitude that was seen there.
    pub seen: f64,
    /// The largest that fits.
    pub fits: f64,
}

/// Runs the model in floats on calibration inputs and notes how large values become.
///
/// # Errors
/// [`EvaluationError`] when inputs or weights do not fit the architecture.
pub fn observe(
    graph: &Graph,
    inputs: &[Vec<Tensor<f32>>],
    weights: &[Tensor<f32>],
) -> Result<Ranges, EvaluationError> {
    let mut largest = vec![0.0; graph.nodes().len()];
    for inputs in inputs {
        graph.evaluate_observed(inputs, weights, |id: NodeId, tensor| {
            let seen = tensor.data().iter().fold(0f32, |seen, value| seen.max(value.abs()));
            let largest: &mut f64 = &mut largest[id.index()];
            *largest = largest.max(seen.into());
        })?;
    }
    Ok(Ranges { largest })
}

impl Ranges {
    /// The largest magnitude that an operation gave.
    pub fn largest(&self, id: NodeId) -> f64 {
        self.largest[id.index()]
    }

    /// Layers whose values, taken `margin` times as large as seen, do not fit the ring; each once.
    pub fn overflows(&self, graph: &Graph, ring: Ring, margin: f64) -> Vec<Overflow> {
        let mut found: Vec<Overflow> = Vec::new();
        for id in graph.ids() {
            let node = graph.node(id);
            let fits = capacity(&node.operator, ring);
            let counts = node.origin == Origin::Data && node.element == Element::Real;
            if !counts || self.largest(id) * margin < fits {
                continue;
            }
            match found.iter_mut().find(|known| known.layer == node.layer) {
                Some(known) => known.seen = known.seen.max(self.largest(id)),
                None => {
                    let name = graph.layer_of(id).name.clone();
                    found.push(Overflow { layer: node.layer, name, seen: self.largest(id), fits });
                }
            }
        }
        found
    }
}

/// The magnitude that still fits where an operation writes its output: products have 2f bits behind the point, all
/// others f, and a bit is left for differences of two.
fn capacity(operator: &Operator, ring: Ring) -> f64 {
    let behind = match operator {
        Operator::Bilinear(_) | Operator::Scale(_) | Operator::Interpolate(_) | Operator::Function(_) => {
            2 * ring.fraction()
        }
        _ => ring.fraction(),
    };
    (f64::from(ring.bits()) - 2.0 - f64::from(behind)).exp2()
}

/// The smallest ring of the menu that holds everything seen, `margin` times over; the largest, and what overflows
/// even there, if none does.
///
/// # Errors
/// As [`observe`].
pub fn choose_ring(
    graph: &Graph,
    inputs: &[Vec<Tensor<f32>>],
    weights: &[Tensor<f32>],
    margin: f64,
) -> Result<(Ring, Vec<Overflow>), FixedError> {
    let ranges = observe(graph, inputs, weights)?;
    let fitting = Ring::MENU.into_iter().find(|&ring| ranges.overflows(graph, ring, margin).is_empty());
    let ring = fitting.unwrap_or(Ring::MENU[Ring::MENU.len() - 1]);
    Ok((ring, ranges.overflows(graph, ring, margin)))
}
