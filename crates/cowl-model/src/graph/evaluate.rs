//! The graph in floats: the oracle for everything after it.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::{Graph, Node, NodeId, Operator, Origin, Port};
use crate::function::Function;
use crate::kernel;
use crate::local::Local;
use crate::program::Ranking;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

/// Why a graph cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// Too few or too many inputs or weights.
    #[error("the model takes {wanted} {what}, not {found}")]
    Count {
        /// `inputs` or `weights`.
        what: &'static str,
        /// How many it takes.
        wanted: usize,
        /// How many were given.
        found: usize,
    },
    /// An input or weight of another shape.
    #[error("'{name}' is {wanted}, not {found}")]
    Shape {
        /// Its name.
        name: String,
        /// As the model has it.
        wanted: Shape,
        /// As given.
        found: Shape,
    },
    /// A layer that fails; not for graphs whose shapes were checked.
    #[error("layer '{layer}': {why}")]
    Layer {
        /// Its name.
        layer: String,
        /// What is wrong.
        why: ShapeError,
    },
}

impl Graph {
    /// The outputs for these inputs and weights.
    ///
    /// # Errors
    /// [`EvaluationError`] names what does not fit.
    pub fn evaluate(
        &self,
        inputs: &[Tensor<f32>],
        weights: &[Tensor<f32>],
    ) -> Result<Vec<Tensor<f32>>, EvaluationError> {
        self.evaluate_observed(inputs, weights, |_, _| ())
    }

    /// As [`Graph::evaluate`]; `observe` sees the value of every node on the way.
    ///
    /// # Errors
    /// [`EvaluationError`] names what does not fit.
    pub fn evaluate_observed(
        &self,
        inputs: &[Tensor<f32>],
        weights: &[Tensor<f32>],
        mut observe: impl FnMut(NodeId, &Tensor<f32>),
    ) -> Result<Vec<Tensor<f32>>, EvaluationError> {
        check("inputs", self.inputs(), inputs)?;
        check("weights", self.weights(), weights)?;
        let mut last_use = self.last_uses();
        let mut values: HashMap<NodeId, Cow<'_, Tensor<f32>>> = HashMap::new();
        for id in self.ids() {
            let value = self.value(id, inputs, weights, |input| &values[&input])?;
            observe(id, &value);
            values.insert(id, value);
            for input in last_use.remove(&id).unwrap_or_default() {
                values.remove(&input);
            }
        }
        Ok(self.outputs().iter().map(|output| values[&output.node].clone().into_owned()).collect())
    }

    /// What the model owner computes from the weights alone: the value of every node of [`Origin::Weights`] or
    /// [`Origin::Public`] that `wanted` names.
    ///
    /// # Errors
    /// [`EvaluationError`] names what does not fit.
    pub fn prepare(
        &self,
        wanted: &[NodeId],
        weights: &[Tensor<f32>],
    ) -> Result<HashMap<NodeId, Tensor<f32>>, EvaluationError> {
        check("weights", self.weights(), weights)?;
        self.computed(wanted, weights)
    }

    /// The value of a node of [`Origin::Public`].
    pub(crate) fn public_value(&self, id: NodeId) -> Result<Tensor<f32>, EvaluationError> {
        let mut values = self.computed(&[id], &[])?;
        let layer = || self.layer_of(id).name.clone();
        let not_public =
            ShapeError::Operands { what: "a constant", wanted: 0, found: self.node(id).inputs.len() };
        values.remove(&id).ok_or_else(|| EvaluationError::Layer { layer: layer(), why: not_public })
    }

    fn computed(
        &self,
        wanted: &[NodeId],
        weights: &[Tensor<f32>],
    ) -> Result<HashMap<NodeId, Tensor<f32>>, EvaluationError> {
        let mut needed = self.ancestors(wanted);
        needed.retain(|&id| self.node(id).origin != Origin::Data);
        let mut values: HashMap<NodeId, Cow<'_, Tensor<f32>>> = HashMap::new();
        for id in needed {
            let value = self.value(id, &[], weights, |input| &values[&input])?;
            values.insert(id, value);
        }
        values.retain(|id, _| wanted.contains(id));
        Ok(values.into_iter().map(|(id, value)| (id, value.into_owned())).collect())
    }

    /// These nodes and all that they need, in order.
    pub(crate) fn ancestors(&self, of: &[NodeId]) -> Vec<NodeId> {
        let (mut needed, mut open) = (HashSet::new(), of.to_vec());
        while let Some(id) = open.pop() {
            if needed.insert(id) {
                open.extend(&self.node(id).inputs);
            }
        }
        let mut needed: Vec<NodeId> = needed.into_iter().collect();
        needed.sort_unstable();
        needed
    }

    /// About how many operations it takes to compute these nodes, all that they need included.
    pub(crate) fn work(&self, wanted: &[NodeId]) -> u64 {
        let needed = self.ancestors(wanted);
        needed.into_iter().fold(0, |sum: u64, id| sum.saturating_add(self.work_of(self.node(id))))
    }

    fn work_of(&self, node: &Node) -> u64 {
        let shapes: Vec<&Shape> = node.inputs.iter().map(|&input| &self.node(input).shape).collect();
        let numbers = shapes.iter().map(|shape| shape.count() as u64).sum::<u64>();
        let output = node.shape.count() as u64;
        let more = match (&node.operator, shapes.as_slice()) {
            (Operator::Bilinear(map), [left, right]) => map.multiplications(left, right),
            (Operator::MaxPool(window) | Operator::Local(Local::WindowSum(window)), _) => {
                output.saturating_mul(window.taps())
            }
            (Operator::Interpolate(map), [input]) => {
                let taps: usize = map.taps.iter().map(Vec::len).sum();
                (input.count() / input.size(map.axis).max(1)).saturating_mul(taps) as u64
            }
            (Operator::Top { axis, .. }, [input]) => {
                let size = input.size(*axis);
                (input.count() / size.max(1)).saturating_mul(Ranking::most_comparisons(size)) as u64
            }
            _ => 0,
        };
        numbers.saturating_add(output).saturating_add(more).saturating_add(1)
    }

    /// For each node, the values that nothing needs after it.
    fn last_uses(&self) -> HashMap<NodeId, Vec<NodeId>> {
        let mut last: HashMap<NodeId, NodeId> = self.ids().map(|id| (id, id)).collect();
        for id in self.ids() {
            last.extend(self.node(id).inputs.iter().map(|&input| (input, id)));
        }
        for output in self.outputs() {
            last.remove(&output.node);
        }
        let mut uses: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
        last.into_iter().for_each(|(value, user)| uses.entry(user).or_default().push(value));
        uses
    }

    /// Inputs and weights are lent, not copied: a first layer's weights may be most of the model.
    fn value<'a, 'v>(
        &self,
        id: NodeId,
        inputs: &'a [Tensor<f32>],
        weights: &'a [Tensor<f32>],
        of: impl Fn(NodeId) -> &'v Tensor<f32>,
    ) -> Result<Cow<'a, Tensor<f32>>, EvaluationError> {
        let node = self.node(id);
        let operands: Vec<&Tensor<f32>> = node.inputs.iter().map(|&input| of(input)).collect();
        let value = match &node.operator {
            Operator::Input(place) => return Ok(Cow::Borrowed(&inputs[*place])),
            Operator::Weight(place) => return Ok(Cow::Borrowed(&weights[*place])),
            Operator::Public(tensor) => Ok(tensor.tensor()),
            operator => apply(operator, &operands),
        };
        let layer = || self.layer_of(id).name.clone();
        value.map(Cow::Owned).map_err(|why| EvaluationError::Layer { layer: layer(), why })
    }
}

fn check(what: &'static str, ports: &[Port], tensors: &[Tensor<f32>]) -> Result<(), EvaluationError> {
    if ports.len() != tensors.len() {
        return Err(EvaluationError::Count { what, wanted: ports.len(), found: tensors.len() });
    }
    let wrong = ports.iter().zip(tensors).find(|(port, tensor)| port.shape != *tensor.shape());
    wrong.map_or(Ok(()), |(port, tensor)| {
        let (wanted, found) = (port.shape.clone(), tensor.shape().clone());
        Err(EvaluationError::Shape { name: port.name.clone(), wanted, found })
    })
}

/// One operator on floats.
fn apply(operator: &Operator, operands: &[&Tensor<f32>]) -> Result<Tensor<f32>, ShapeError> {
    match operator {
        Operator::Local(local) => local.apply(operands),
        Operator::Bilinear(map) => map.apply(operands[0], operands[1]),
        Operator::Maximum => kernel::combine(operands[0], operands[1], f32::max),
        Operator::MaxPool(window) => window.pool(operands[0], f32::NEG_INFINITY, f32::max),
        Operator::Interpolate(interpolation) => interpolation.apply(operands[0]),
        Operator::Scale(factor) => Ok(operands[0].map(|value| value * factor.get())),
        Operator::Shift(number) => Ok(operands[0].map(|value| value + number.get())),
        Operator::Function(function) => Ok(of_each(*function, operands[0])),
        Operator::Largest(axis) => over(operands[0], *axis, |line| line.fold(f32::NEG_INFINITY, f32::max)),
        Operator::ArgMax { axis, last } => {
            over(operands[0], *axis, |line| place_of_largest(line, *last) as f32)
        }
        Operator::Top { axis, count } => {
            let ranking = Ranking::new(operands[0].shape().size(*axis), *count);
            ranking.along(operands[0], *axis, |place| place as f32)
        }
        Operator::Input(_) | Operator::Weight(_) | Operator::Public(_) => {
            Err(ShapeError::Operands { what: operator.name(), wanted: 0, found: operands.len() })
        }
    }
}

fn of_each(function: Function, input: &Tensor<f32>) -> Tensor<f32> {
    input.map(|&value| function.at_single(value))
}

/// Folds each line along an axis to one number.
pub(crate) fn over<N: kernel::Number>(
    input: &Tensor<N>,
    axis: usize,
    fold: impl Fn(&mut dyn Iterator<Item = N>) -> N,
) -> Result<Tensor<N>, ShapeError> {
    let shape = input.shape().with_size(axis, 1)?;
    let (size, stride) = (input.shape().size(axis), input.shape().strides()[axis]);
    let line = |at: usize| {
        let start = at / stride * size * stride + at % stride;
        fold(&mut (0..size).map(|place| input.data()[start + place * stride]))
    };
    let data = (0..shape.count()).map(line).collect();
    Tensor::new(shape, data)
}

/// The first, or last, place of the largest.
pub(crate) fn place_of_largest<N: PartialOrd + Copy>(line: &mut dyn Iterator<Item = N>, last: bool) -> usize {
    let mut best: Option<(usize, N)> = None;
    for (place, value) in line.enumerate() {
        if best.is_none_or(|(_, largest)| value > largest || (last && value == largest)) {
            best = Some((place, value));
        }
    }
    best.map_or(0, |(place, _)| place)
}
