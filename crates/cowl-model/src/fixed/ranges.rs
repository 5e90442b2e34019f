//! How large values become, and which ring holds them.

use std::collections::HashMap;

use crate::bilinear::Bilinear;
use crate::graph::{Element, EvaluationError, Graph, LayerId, Node, NodeId, Operator, Origin, Tap};
use crate::local::Local;
use crate::ring::Ring;
use crate::shape::ShapeError;
use crate::tensor::Tensor;

/// So many bits more than data weights get at most; beyond, the rounding of data is what remains.
const FINEST: u32 = 8;

/// The largest magnitude of every operation's output: seen in runs, or possible.
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
    /// The largest magnitude that was seen, or is possible, there.
    pub largest: f64,
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

/// Bounds that no input of at most `input` in magnitude can exceed. Deep networks stay far below them.
///
/// # Errors
/// [`EvaluationError`] when the weights do not fit the architecture.
pub fn bound(graph: &Graph, weights: &[Tensor<f32>], input: f64) -> Result<Ranges, EvaluationError> {
    let is_data = |id: NodeId| graph.node(id).origin == Origin::Data;
    let data: Vec<NodeId> = graph.ids().filter(|&id| is_data(id)).collect();
    let beside = data.iter().flat_map(|&id| &graph.node(id).inputs).copied().filter(|&id| !is_data(id));
    let constants = graph.prepare(&beside.collect::<Vec<_>>(), weights)?;
    let mut largest = vec![0.0; graph.nodes().len()];
    for (id, tensor) in &constants {
        largest[id.index()] = magnitude(tensor);
    }
    for id in data {
        let node = graph.node(id);
        let of = |place: usize| largest[node.inputs[place].index()];
        largest[id.index()] = match &node.operator {
            Operator::Input(_) => input,
            Operator::Bilinear(map) => {
                let failed = |why| EvaluationError::Layer { layer: graph.layer_of(id).name.clone(), why };
                product_bound(graph, node, map, &constants).map_err(failed)? * of(0) * of(1)
            }
            Operator::Local(Local::Sum(axes)) => {
                let input = &graph.node(node.inputs[0]).shape;
                of(0) * axes.iter().map(|&axis| input.size(axis)).product::<usize>() as f64
            }
            // Places are numbers, too.
            Operator::Top { axis, .. } => of(0).max(graph.node(node.inputs[0]).shape.size(*axis) as f64),
            operator => bound_of(operator, &(0..node.inputs.len()).map(of).collect::<Vec<_>>()),
        };
    }
    Ok(Ranges { largest })
}

fn magnitude(tensor: &Tensor<f32>) -> f64 {
    tensor.data().iter().fold(0f32, |largest, value| largest.max(value.abs())).into()
}

/// How much larger a product can be than its operands' largest numbers multiplied.
fn product_bound(
    graph: &Graph,
    node: &Node,
    map: &Bilinear,
    constants: &HashMap<NodeId, Tensor<f32>>,
) -> Result<f64, ShapeError> {
    let [left, right] = [node.inputs[0], node.inputs[1]];
    let shape = |id: NodeId| &graph.node(id).shape;
    let ones = |id: NodeId| Tensor::filled(shape(id).clone(), 1f32);
    let relative = |tensor: &Tensor<f32>| {
        let largest = magnitude(tensor).max(f64::MIN_POSITIVE);
        tensor.map(|value| (f64::from(value.abs()) / largest) as f32)
    };
    let sums = match (constants.get(&left), constants.get(&right)) {
        (Some(weight), None) => map.apply(&relative(weight), &ones(right))?,
        (None, Some(weight)) => map.apply(&ones(left), &relative(weight))?,
        _ => return Ok(map.terms(shape(left), shape(right)) as f64),
    };
    Ok(magnitude(&sums))
}

fn bound_of(operator: &Operator, inputs: &[f64]) -> f64 {
    let largest = inputs.iter().copied().fold(0.0, f64::max);
    match operator {
        Operator::Local(Local::Add | Local::Subtract) => inputs.iter().sum(),
        Operator::Local(Local::WindowSum(window)) => {
            largest * window.kernel.iter().map(|&size| size as f64).product::<f64>()
        }
        Operator::Scale(factor) => largest * f64::from(factor.get().abs()),
        Operator::Shift(number) => largest + f64::from(number.get().abs()),
        Operator::Function(function) => function.largest(largest),
        Operator::Interpolate(interpolation) => {
            let sum = |taps: &Vec<Tap>| taps.iter().map(|tap| f64::from(tap.weight.get().abs())).sum::<f64>();
            largest * interpolation.taps.iter().map(sum).fold(0.0, f64::max)
        }
        _ => largest,
    }
}

impl Ranges {
    /// The largest magnitude of an operation's output.
    pub fn largest(&self, id: NodeId) -> f64 {
        self.largest[id.index()]
    }

    /// The smallest ring of the menu that holds everything, `margin` times over, and in it as many bits for weights as
    /// still fit. If none does, the largest, with what overflows even there.
    pub fn ring(&self, graph: &Graph, margin: f64) -> (Ring, Vec<Overflow>) {
        self.ring_that(graph, margin, &|_| true)
    }

    /// As [`Ranges::ring`], but the smallest that `suits` as well, asked about each that holds everything. If none
    /// does, the largest.
    pub fn ring_that(
        &self,
        graph: &Graph,
        margin: f64,
        suits: &dyn Fn(Ring) -> bool,
    ) -> (Ring, Vec<Overflow>) {
        let fits = |ring: &Ring| self.overflows(graph, *ring, margin).is_empty();
        let finest = |ring: Ring| {
            let finer = (1..=FINEST)
                .rev()
                .filter_map(move |more| ring.with_weight_fraction(ring.fraction() + more).ok());
            finer.into_iter().find(fits).unwrap_or(ring)
        };
        let holding: Vec<Ring> = Ring::MENU.into_iter().filter(fits).map(finest).collect();
        let suiting = holding.iter().copied().find(|&ring| suits(ring));
        match suiting.or(holding.last().copied()) {
            Some(ring) => (ring, Vec::new()),
            None => {
                let ring = Ring::MENU[Ring::MENU.len() - 1];
                (ring, self.overflows(graph, ring, margin))
            }
        }
    }

    /// Layers whose values, taken `margin` times as large, do not fit the ring; each once.
    pub fn overflows(&self, graph: &Graph, ring: Ring, margin: f64) -> Vec<Overflow> {
        let mut found: Vec<Overflow> = Vec::new();
        for id in graph.ids() {
            let node = graph.node(id);
            let fits = capacity(graph, node, ring);
            let counts = node.origin == Origin::Data && node.element == Element::Real;
            if !counts || self.largest(id) * margin < fits {
                continue;
            }
            match found.iter_mut().find(|known| known.layer == node.layer) {
                Some(known) => known.largest = known.largest.max(self.largest(id)),
                None => {
                    let name = graph.layer_of(id).name.clone();
                    found.push(Overflow { layer: node.layer, name, largest: self.largest(id), fits });
                }
            }
        }
        found
    }
}

/// The magnitude that still fits where an operation writes its output, one bit left for differences of two: products
/// have bits of both factors behind the point, and so has what is added to them at once.
fn capacity(graph: &Graph, node: &Node, ring: Ring) -> f64 {
    let of_weights =
        |node: &Node| node.inputs.iter().any(|&input| graph.node(input).origin == Origin::Weights);
    let is_product = |node: &Node| matches!(node.operator, Operator::Bilinear(_));
    let adds_to_product = || {
        let sums = matches!(node.operator, Operator::Local(Local::Add | Local::Subtract));
        sums && node.inputs.iter().any(|&input| is_product(graph.node(input)))
    };
    let (f, of_weight) = (ring.fraction(), ring.weight_fraction());
    let behind = match &node.operator {
        Operator::Bilinear(_) if of_weights(node) => f + of_weight,
        Operator::Bilinear(_) | Operator::Scale(_) | Operator::Interpolate(_) | Operator::Function(_) => {
            2 * f
        }
        _ if adds_to_product() => f + of_weight,
        _ => f,
    };
    (f64::from(ring.bits()) - 2.0 - f64::from(behind)).exp2()
}
