//! From an architecture to the steps that two parties take.
//!
//! Every value has f bits behind the point. A product has 2f, or f and those of weights, and is truncated when
//! something needs it; until then biases and constants are added at as many bits, and a ReLU behind it cuts and compares in one.

mod bounds;

use std::collections::HashMap;

use super::{
    FixedInterpolation, Linear, Operation, Program, ProgramOutput, Rounding, Spline, Step, Value, ValueId,
    Weight, WeightId,
};
use crate::bilinear::Bilinear;
use crate::function::Function;
use crate::graph::{EvaluationError, Graph, Interpolation, LayerId, Node, NodeId, Operator, Origin};
use crate::local::Local;
use crate::ring::{OutOfRange, Ring};
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;
use bounds::Spent;

/// Why an architecture has no program.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// An output that is the same for all data: it would only tell weights.
    #[error("output '{0}' does not depend on the data")]
    ConstantOutput(String),
    /// A public constant that the ring cannot hold.
    #[error("layer '{layer}' has a constant that cannot be used: {why}")]
    Constant {
        /// The layer.
        layer: String,
        /// The constant.
        why: OutOfRange,
    },
    /// Sizes that do not fit; not for a graph whose shapes were checked.
    #[error("layer '{layer}': {why}")]
    Shape {
        /// The layer.
        layer: String,
        /// What does not fit.
        why: ShapeError,
    },
    /// More than any machine is asked to work out for a program, or to run.
    #[error("layer '{layer}' takes too much: {what}")]
    TooMuch {
        /// The layer.
        layer: String,
        /// Too much of what.
        what: &'static str,
    },
    /// A constant that cannot be computed; not for a graph whose shapes were checked.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
}

/// Makes the program of an architecture; the same one every time.
///
/// # Errors
/// [`CompileError`] names the layer or output.
pub fn compile(graph: &Graph, ring: Ring, rounding: Rounding) -> Result<Program, CompileError> {
    let mut compiler = Compiler::new(graph, ring, rounding);
    for id in graph.ids().filter(|&id| graph.node(id).origin == Origin::Data) {
        compiler.layer = graph.node(id).layer;
        let made = compiler.node(graph.node(id))?;
        compiler.made.insert(id, made);
        compiler.count()?;
    }
    for output in graph.outputs() {
        if graph.node(output.node).origin != Origin::Data {
            return Err(CompileError::ConstantOutput(output.name.clone()));
        }
        compiler.layer = graph.node(output.node).layer;
        let value = compiler.value(output.node)?;
        compiler.program.outputs.push(ProgramOutput { name: output.name.clone(), value });
    }
    compiler.count()?;
    Ok(compiler.program)
}

/// What a node has become.
#[derive(Clone, Copy)]
enum Made {
    /// A value as others want it.
    Value(ValueId),
    /// A product with more than f bits behind the point, not truncated yet.
    Raised(ValueId),
}

struct Compiler<'a> {
    graph: &'a Graph,
    program: Program,
    made: HashMap<NodeId, Made>,
    weights: HashMap<(NodeId, bool, u32), WeightId>,
    splines: HashMap<Vec<u8>, Spline>,
    uses: Vec<u32>,
    layer: LayerId,
    spent: Spent,
}

impl<'a> Compiler<'a> {
    fn new(graph: &'a Graph, ring: Ring, rounding: Rounding) -> Self {
        let mut uses = vec![0; graph.nodes().len()];
        graph.nodes().iter().flat_map(|node| &node.inputs).for_each(|input| uses[input.index()] += 1);
        graph.outputs().iter().for_each(|output| uses[output.node.index()] += 1);
        let program = Program {
            ring,
            rounding,
            values: Vec::new(),
            weights: Vec::new(),
            steps: Vec::new(),
            outputs: Vec::new(),
        };
        let (made, weights, splines) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { graph, program, made, weights, splines, uses, layer: LayerId(0), spent: Spent::default() }
    }

    fn fraction(&self) -> u32 {
        self.program.ring.fraction()
    }

    fn shape_error(&self, why: ShapeError) -> CompileError {
        CompileError::Shape { layer: self.graph.layers()[self.layer.index()].name.clone(), why }
    }

    fn step(&mut self, operation: Operation, inputs: Vec<ValueId>, shape: Shape, fraction: u32) -> ValueId {
        self.program.values.push(Value { shape, fraction });
        let output = ValueId((self.program.values.len() - 1) as u32);
        self.program.steps.push(Step { operation, inputs, output, layer: self.layer });
        output
    }

    fn shape(&self, value: ValueId) -> Shape {
        self.program.value(value).shape.clone()
    }

    fn local(&mut self, local: Local, inputs: Vec<ValueId>) -> Result<ValueId, CompileError> {
        let shapes: Vec<&Shape> = inputs.iter().map(|&input| &self.program.value(input).shape).collect();
        let shape = local.shape(&shapes).map_err(|why| self.shape_error(why))?;
        let fraction = inputs.first().map_or(0, |&input| self.program.value(input).fraction);
        Ok(self.step(Operation::Local(local), inputs, shape, fraction))
    }

    fn truncated(&mut self, value: ValueId, bits: u32) -> ValueId {
        if bits == 0 {
            return value;
        }
        let shape = self.shape(value);
        let value = self.with_half(value, bits);
        self.step(Operation::Truncate(bits), vec![value], shape, self.fraction())
    }

    /// Half a unit more, if truncation always goes down.
    fn with_half(&mut self, value: ValueId, bits: u32) -> ValueId {
        if self.program.rounding == Rounding::Nearby || bits == 0 {
            return value;
        }
        let Value { shape, fraction } = self.program.value(value).clone();
        self.step(Operation::AddPublic(Tensor::scalar(1 << (bits - 1))), vec![value], shape, fraction)
    }

    /// A node's value with f bits behind the point, shared out if it is a weight or a constant.
    fn value(&mut self, id: NodeId) -> Result<ValueId, CompileError> {
        let made = self.made.get(&id).copied();
        let value = match made {
            Some(Made::Value(value)) => return Ok(value),
            Some(Made::Raised(raised)) => {
                let above = self.program.value(raised).fraction - self.fraction();
                self.truncated(raised, above)
            }
            None => {
                let shape = self.graph.node(id).shape.clone();
                let operation = match self.graph.node(id).origin {
                    Origin::Public => Operation::Public(self.public(id, 1.0, self.fraction())?),
                    _ => Operation::Lift(self.weight(id, false, self.fraction())),
                };
                self.step(operation, Vec::new(), shape, self.fraction())
            }
        };
        self.made.insert(id, Made::Value(value));
        Ok(value)
    }

    /// A node's value as it is: still with all its bits if nothing but the node at hand wants it.
    fn as_made(&mut self, id: NodeId) -> Result<(ValueId, u32), CompileError> {
        match self.made.get(&id) {
            Some(&Made::Raised(raised)) if self.uses[id.index()] == 1 => {
                Ok((raised, self.program.value(raised).fraction))
            }
            _ => Ok((self.value(id)?, self.fraction())),
        }
    }

    fn again(&self, value: ValueId, fraction: u32) -> Made {
        if fraction == self.fraction() { Made::Value(value) } else { Made::Raised(value) }
    }

    fn weight(&mut self, node: NodeId, negative: bool, fraction: u32) -> WeightId {
        let shape = self.graph.node(node).shape.clone();
        let weights = &mut self.program.weights;
        *self.weights.entry((node, negative, fraction)).or_insert_with(|| {
            weights.push(Weight { node, negative, shape, fraction });
            WeightId((weights.len() - 1) as u32)
        })
    }

    fn public(&mut self, id: NodeId, factor: f64, fraction: u32) -> Result<Tensor<i64>, CompileError> {
        self.count_known(id)?;
        let tensor = self.graph.public_value(id)?;
        let data = tensor.data().iter().map(|&value| self.constant(f64::from(value) * factor, fraction));
        Tensor::new(tensor.shape().clone(), data.collect::<Result<_, _>>()?)
            .map_err(|why| self.shape_error(why))
    }

    fn constant(&self, value: f64, fraction: u32) -> Result<i64, CompileError> {
        let ring = self.program.ring;
        let layer = || self.graph.layers()[self.layer.index()].name.clone();
        let fixed =
            ring.quantise(value, fraction).map_err(|why| CompileError::Constant { layer: layer(), why })?;
        Ok(ring.signed(fixed))
    }

    fn node(&mut self, node: &Node) -> Result<Made, CompileError> {
        let f = self.fraction();
        match (&node.operator, node.inputs.as_slice()) {
            (Operator::Input(place), _) => {
                Ok(Made::Value(self.step(Operation::Input(*place), Vec::new(), node.shape.clone(), f)))
            }
            (Operator::Local(Local::Add), &[left, right]) => self.sum(node, left, right, false),
            (Operator::Local(Local::Subtract), &[left, right]) => self.sum(node, left, right, true),
            (Operator::Local(local), inputs) => self.rearranged(local, inputs),
            (Operator::Bilinear(map), &[left, right]) => self.product(node, map, left, right),
            (Operator::Scale(factor), &[input]) => self.scaled(input, factor.get().into()),
            (Operator::Shift(number), &[input]) => {
                let (value, fraction) = self.as_made(input)?;
                let constant = Tensor::scalar(self.constant(number.get().into(), fraction)?);
                let sum =
                    self.step(Operation::AddPublic(constant), vec![value], node.shape.clone(), fraction);
                Ok(self.again(sum, fraction))
            }
            (Operator::Interpolate(interpolation), &[input]) => self.interpolated(node, interpolation, input),
            (Operator::Function(function), &[input]) => {
                self.function(node, *function, input).map(Made::Value)
            }
            (Operator::Maximum, &[left, right]) => self.maximum(node, left, right).map(Made::Value),
            (Operator::ArgMax { axis, last }, &[input]) => {
                let (value, _) = self.as_made(input)?;
                let operation = Operation::ArgMax { axis: *axis, last: *last };
                Ok(Made::Value(self.step(operation, vec![value], node.shape.clone(), 0)))
            }
            (Operator::Top { axis, count }, &[input]) => self.top(node, *axis, *count, input),
            (Operator::MaxPool(window), &[input]) => {
                self.chosen(node, Operation::MaxPool(window.clone()), input)
            }
            (Operator::Largest(axis), &[input]) => self.chosen(node, Operation::Largest(*axis), input),
            (operator, inputs) => {
                let what = operator.name();
                Err(self.shape_error(ShapeError::Operands { what, wanted: 1, found: inputs.len() }))
            }
        }
    }

    /// The largest of several. Products are compared with all their bits: a ReLU behind it cuts fewer numbers.
    fn chosen(&mut self, node: &Node, operation: Operation, input: NodeId) -> Result<Made, CompileError> {
        let (value, fraction) = self.as_made(input)?;
        let largest = self.step(operation, vec![value], node.shape.clone(), fraction);
        Ok(self.again(largest, fraction))
    }

    /// The largest few and their places, which must fit the ring as if they were values.
    fn top(&mut self, node: &Node, axis: usize, count: usize, input: NodeId) -> Result<Made, CompileError> {
        let value = self.value(input)?;
        let places = self.program.value(value).shape.size(axis) as f64;
        self.constant(places, self.fraction())?;
        let operation = Operation::Top { axis, count };
        Ok(Made::Value(self.step(operation, vec![value], node.shape.clone(), self.fraction())))
    }

    fn rearranged(&mut self, local: &Local, inputs: &[NodeId]) -> Result<Made, CompileError> {
        let values = inputs.iter().map(|&input| self.value(input)).collect::<Result<Vec<_>, _>>()?;
        self.local(local.clone(), values).map(Made::Value)
    }

    fn is_data(&self, id: NodeId) -> bool {
        self.graph.node(id).origin == Origin::Data
    }

    fn expanded(&mut self, value: ValueId, shape: &Shape) -> Result<ValueId, CompileError> {
        if self.program.value(value).shape == *shape {
            return Ok(value);
        }
        self.local(Local::Expand(shape.clone()), vec![value])
    }

    fn sum(
        &mut self,
        node: &Node,
        left: NodeId,
        right: NodeId,
        subtract: bool,
    ) -> Result<Made, CompileError> {
        if self.is_data(left) && self.is_data(right) {
            let local = if subtract { Local::Subtract } else { Local::Add };
            return self.rearranged(&local, &[left, right]);
        }
        let (data, other) = if self.is_data(left) { (left, right) } else { (right, left) };
        let (mut value, fraction) = self.as_made(data)?;
        let negate_data = subtract && data == right;
        if negate_data {
            value = self.local(Local::Negate, vec![value])?;
        }
        let sum = self.plus(value, fraction, other, subtract && !negate_data, &node.shape)?;
        Ok(self.again(sum, fraction))
    }

    /// A value plus, or less, a weight or constant.
    fn plus(
        &mut self,
        value: ValueId,
        fraction: u32,
        other: NodeId,
        negative: bool,
        shape: &Shape,
    ) -> Result<ValueId, CompileError> {
        let public = self.graph.node(other).origin == Origin::Public;
        if !public && self.becomes_bias(value, other, negative, fraction) {
            return Ok(value);
        }
        let value = self.expanded(value, shape)?;
        let operation = if public {
            Operation::AddPublic(self.public(other, if negative { -1.0 } else { 1.0 }, fraction)?)
        } else {
            Operation::AddWeight(self.weight(other, negative, fraction))
        };
        Ok(self.step(operation, vec![value], shape.clone(), fraction))
    }

    /// Puts a weight into the linear layer that has just been made, if it can be its bias.
    fn becomes_bias(&mut self, value: ValueId, other: NodeId, negative: bool, fraction: u32) -> bool {
        let fits = self.graph.node(other).shape.broadcasts_to(&self.program.value(value).shape);
        let is_free = |step: &Step| {
            step.output == value
                && matches!(&step.operation, Operation::Linear(linear) if linear.bias.is_none())
        };
        if !fits || fraction == self.fraction() || !self.program.steps.last().is_some_and(is_free) {
            return false;
        }
        let bias = self.weight(other, negative, fraction);
        if let Some(Step { operation: Operation::Linear(linear), .. }) = self.program.steps.last_mut() {
            linear.bias = Some(bias);
        }
        true
    }

    fn product(
        &mut self,
        node: &Node,
        map: &Bilinear,
        left: NodeId,
        right: NodeId,
    ) -> Result<Made, CompileError> {
        let f = self.fraction();
        if self.is_data(left) && self.is_data(right) {
            let inputs = vec![self.value(left)?, self.value(right)?];
            let product = self.step(Operation::Product(map.clone()), inputs, node.shape.clone(), 2 * f);
            return Ok(Made::Raised(product));
        }
        let weight_first = self.is_data(right);
        let (data, other) = if weight_first { (right, left) } else { (left, right) };
        let value = self.value(data)?;
        let public = self.graph.node(other).origin == Origin::Public;
        let (operation, behind) = if public && *map == Bilinear::Multiply {
            (Operation::MultiplyPublic(self.public(other, 1.0, f)?), f)
        } else {
            let behind = self.program.ring.weight_fraction();
            let weight = self.weight(other, false, behind);
            (Operation::Linear(Linear { map: map.clone(), weight, weight_first, bias: None }), behind)
        };
        Ok(Made::Raised(self.step(operation, vec![value], node.shape.clone(), f + behind)))
    }

    /// Small factors cut first, so that the rest of the factor keeps its digits.
    fn scaled(&mut self, input: NodeId, factor: f64) -> Result<Made, CompileError> {
        let (value, fraction) = self.as_made(input)?;
        let shape = self.shape(value);
        let cut = halvings(factor);
        // What a protocol can cut at once; beyond, less than a unit is left in any case.
        let most = self.program.ring.bits() - 3;
        let above = fraction - self.fraction();
        let value = if above + cut <= most {
            self.truncated(value, above + cut)
        } else {
            let value = self.truncated(value, above);
            self.truncated(value, cut.min(most))
        };
        let rest = factor * (1u64 << cut) as f64;
        let whole = rest.fract() == 0.0;
        let constant = Tensor::scalar(self.constant(rest, if whole { 0 } else { self.fraction() })?);
        if rest == 1.0 {
            return Ok(Made::Value(value));
        }
        let fraction = if whole { self.fraction() } else { 2 * self.fraction() };
        let product = self.step(Operation::MultiplyPublic(constant), vec![value], shape, fraction);
        Ok(self.again(product, fraction))
    }

    fn interpolated(
        &mut self,
        node: &Node,
        interpolation: &Interpolation,
        input: NodeId,
    ) -> Result<Made, CompileError> {
        let value = self.value(input)?;
        let f = self.fraction();
        let taps = interpolation.taps.iter().map(|taps| {
            taps.iter().map(|tap| Ok((tap.place, self.constant(tap.weight.get().into(), f)?))).collect()
        });
        let taps = taps.collect::<Result<Vec<Vec<(usize, i64)>>, CompileError>>()?;
        let operation = Operation::Interpolate(FixedInterpolation { axis: interpolation.axis, taps });
        Ok(Made::Raised(self.step(operation, vec![value], node.shape.clone(), 2 * f)))
    }

    fn function(&mut self, node: &Node, function: Function, input: NodeId) -> Result<ValueId, CompileError> {
        let f = self.fraction();
        match function {
            Function::Relu => {
                let (value, fraction) = self.as_made(input)?;
                let value = self.with_half(value, fraction - f);
                Ok(self.step(Operation::Relu { truncate: fraction - f }, vec![value], node.shape.clone(), f))
            }
            Function::Absolute => {
                let value = self.value(input)?;
                let positive = self.step(Operation::Relu { truncate: 0 }, vec![value], node.shape.clone(), f);
                let twice = self.local(Local::Add, vec![positive, positive])?;
                self.local(Local::Subtract, vec![twice, value])
            }
            _ => {
                let value = self.value(input)?;
                let spline = self.spline(function)?;
                Ok(self.step(Operation::Spline(spline), vec![value], node.shape.clone(), f))
            }
        }
    }

    /// With a weight or constant w: max(x, w) = max(x − w, 0) + w.
    fn maximum(&mut self, node: &Node, left: NodeId, right: NodeId) -> Result<ValueId, CompileError> {
        let f = self.fraction();
        if self.is_data(left) && self.is_data(right) {
            let inputs = vec![self.value(left)?, self.value(right)?];
            return Ok(self.step(Operation::Maximum, inputs, node.shape.clone(), f));
        }
        let (data, other) = if self.is_data(left) { (left, right) } else { (right, left) };
        let value = self.value(data)?;
        let above = self.plus(value, f, other, true, &node.shape)?;
        let above = self.step(Operation::Relu { truncate: 0 }, vec![above], node.shape.clone(), f);
        self.plus(above, f, other, false, &node.shape)
    }
}

/// How often a factor can be doubled and stay at most 1; the same on every machine, hence not by a logarithm.
fn halvings(factor: f64) -> u32 {
    const MOST: u32 = 40;
    let mut doubled = factor.abs();
    let mut count = 0;
    while doubled > 0.0 && doubled <= 0.5 && count < MOST {
        doubled *= 2.0;
        count += 1;
    }
    count
}
