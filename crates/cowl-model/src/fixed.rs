//! The plaintext reference: a program's steps in the clear, bit for bit what two parties compute.
//!
//! Truncation is where protocols may differ by a unit, so it is an argument. A technique that lets a carry depend on
//! its masks brings a rule that knows them; without masks [`Nearest`] comes within one unit of it at each truncation.
//! Programs made for [`crate::program::Rounding::Faithful`] are run with [`Faithful`], bit for bit.

mod accuracy;
mod ranges;

use crate::graph::{self, EvaluationError, Graph};
use crate::kernel;
use crate::program::{Operation, Program, Ranking, Step, Value, Weight};
use crate::ring::{OutOfRange, Ring};
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

pub use accuracy::{Accuracy, accuracy};
pub use ranges::{Overflow, Ranges, bound, observe};

/// Why a program cannot be evaluated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FixedError {
    /// Too few or too many inputs or weights.
    #[error("the program takes {wanted} {what}, not {found}")]
    Count {
        /// `inputs` or `weights`.
        what: &'static str,
        /// How many it takes.
        wanted: usize,
        /// How many were given.
        found: usize,
    },
    /// An input or weight of another shape, or a step that does not fit.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// A number that the ring cannot hold.
    #[error("'{name}': {why}")]
    OutOfRange {
        /// The input or layer.
        name: String,
        /// Which number.
        why: OutOfRange,
    },
    /// Weights that do not fit the architecture.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
}

/// How bits behind the point are cut.
pub trait Truncation {
    /// Cuts `bits` off each of `values`, the numbers of step `step`. What is left is ⌊x / 2^bits⌋ of the signed
    /// number, or one more.
    fn truncate(&mut self, step: usize, values: &mut [u64], bits: u32, ring: Ring);
}

/// ⌊x / 2^bits⌋, always.
pub struct Faithful;

impl Truncation for Faithful {
    fn truncate(&mut self, _: usize, values: &mut [u64], bits: u32, ring: Ring) {
        for value in values {
            *value = ring.reduce((ring.signed(*value) >> bits) as u64);
        }
    }
}

/// ⌊x / 2^bits + 1/2⌋: what a carry that depends on masks gives on average.
pub struct Nearest;

impl Truncation for Nearest {
    fn truncate(&mut self, _: usize, values: &mut [u64], bits: u32, ring: Ring) {
        for value in values {
            let signed = ring.signed(*value);
            *value = ring.reduce(((signed >> bits) + (signed >> (bits - 1) & 1)) as u64);
        }
    }
}

/// Rounds data as the data owner does.
///
/// # Errors
/// [`FixedError::OutOfRange`] names the input.
pub fn quantise_input(program: &Program, name: &str, input: &Tensor<f32>) -> Result<Tensor<u64>, FixedError> {
    quantised(program.ring(), name, input, 1.0, program.ring().fraction())
}

/// Prepares and rounds a model's weights as the model owner does, in the order of [`Program::weights`].
///
/// # Errors
/// [`FixedError::Evaluation`] when the weights are not those of the architecture, [`FixedError::OutOfRange`] names
/// the layer whose weights are too large or no numbers.
pub fn quantise_weights(
    program: &Program,
    graph: &Graph,
    weights: &[Tensor<f32>],
) -> Result<Vec<Tensor<u64>>, FixedError> {
    let wanted: Vec<graph::NodeId> = program.weights().iter().map(|weight| weight.node).collect();
    let prepared = graph.prepare(&wanted, weights)?;
    let one = |weight: &Weight| {
        let sign = if weight.negative { -1.0 } else { 1.0 };
        quantised(
            program.ring(),
            &graph.layer_of(weight.node).name,
            &prepared[&weight.node],
            sign,
            weight.fraction,
        )
    };
    program.weights().iter().map(one).collect()
}

fn quantised(
    ring: Ring,
    name: &str,
    tensor: &Tensor<f32>,
    sign: f64,
    fraction: u32,
) -> Result<Tensor<u64>, FixedError> {
    let failed = |why: OutOfRange| FixedError::OutOfRange { name: name.into(), why };
    let data =
        tensor.data().iter().map(|&value| ring.quantise(sign * f64::from(value), fraction).map_err(failed));
    Ok(Tensor::new(tensor.shape().clone(), data.collect::<Result<_, _>>()?)?)
}

/// What a value of a program means as floats.
pub fn real(program: &Program, value: &Value, numbers: &Tensor<u64>) -> Tensor<f32> {
    numbers.map(|&number| program.ring().real(number, value.fraction) as f32)
}

/// The program's outputs for rounded inputs and weights.
///
/// # Errors
/// [`FixedError`] names what does not fit.
pub fn evaluate(
    program: &Program,
    inputs: &[Tensor<u64>],
    weights: &[Tensor<u64>],
    truncation: &mut dyn Truncation,
) -> Result<Vec<Tensor<u64>>, FixedError> {
    check_weights(program, weights)?;
    let mut values: Vec<Option<Tensor<u64>>> = vec![None; program.values().len()];
    let last_uses = program.last_uses();
    for (place, step) in program.steps().iter().enumerate() {
        let operands: Vec<&Tensor<u64>> = step
            .inputs
            .iter()
            .map(|input| values[input.index()].as_ref().expect("steps come in order"))
            .collect();
        let mut run = Run { program, inputs, weights, truncation, place };
        let output = run.step(step, &operands)?;
        values[step.output.index()] = Some(output);
        last_uses[place].iter().for_each(|gone| values[gone.index()] = None);
    }
    let output = |output: &crate::program::ProgramOutput| {
        values[output.value.index()].clone().expect("outputs are kept to the end")
    };
    Ok(program.outputs().iter().map(output).collect())
}

fn check_weights(program: &Program, weights: &[Tensor<u64>]) -> Result<(), FixedError> {
    let wanted = program.weights().len();
    if weights.len() != wanted {
        return Err(FixedError::Count { what: "weights", wanted, found: weights.len() });
    }
    let wrong =
        program.weights().iter().zip(weights).find(|(weight, tensor)| weight.shape != *tensor.shape());
    wrong.map_or(Ok(()), |(weight, tensor)| Err(weight.shape.mismatch("a weight", tensor.shape()).into()))
}

struct Run<'a> {
    program: &'a Program,
    inputs: &'a [Tensor<u64>],
    weights: &'a [Tensor<u64>],
    truncation: &'a mut dyn Truncation,
    place: usize,
}

impl Run<'_> {
    fn step(&mut self, step: &Step, operands: &[&Tensor<u64>]) -> Result<Tensor<u64>, FixedError> {
        let ring = self.program.ring();
        let shape = &self.program.value(step.output).shape;
        let mut output = match &step.operation {
            Operation::Input(place) => self.input(*place, shape)?,
            Operation::Lift(weight) => self.weights[weight.index()].clone(),
            Operation::Public(constant) => constant.map(|&number| number as u64),
            Operation::Local(local) => local.apply(operands)?,
            Operation::AddPublic(constant) => {
                kernel::combine(operands[0], &constant.map(|&number| number as u64), u64::wrapping_add)?
            }
            Operation::MultiplyPublic(constant) => {
                kernel::combine(operands[0], &constant.map(|&number| number as u64), u64::wrapping_mul)?
            }
            Operation::Interpolate(interpolation) => interpolation.apply(operands[0])?,
            Operation::Linear(linear) => {
                let weight = &self.weights[linear.weight.index()];
                let (left, right) =
                    if linear.weight_first { (weight, operands[0]) } else { (operands[0], weight) };
                let product = linear.map.apply(left, right)?;
                match linear.bias {
                    Some(bias) => kernel::combine(&product, &self.weights[bias.index()], u64::wrapping_add)?,
                    None => product,
                }
            }
            Operation::AddWeight(weight) => {
                kernel::combine(operands[0], &self.weights[weight.index()], u64::wrapping_add)?
            }
            Operation::Product(map) => map.apply(operands[0], operands[1])?,
            Operation::Truncate(bits) => self.truncated(operands[0].clone(), *bits),
            Operation::Relu { truncate } => {
                let cut = self.truncated(operands[0].clone(), *truncate);
                cut.map(|&value| ring.signed(value).max(0) as u64)
            }
            Operation::Spline(spline) => {
                let raised = operands[0].map(|&value| spline.raised(ring.signed(value)));
                self.truncated(raised, spline.truncate)
            }
            choice => chosen(choice, operands, ring)?,
        };
        output.data_mut().iter_mut().for_each(|value| *value = ring.reduce(*value));
        Ok(output)
    }

    fn truncated(&mut self, mut values: Tensor<u64>, bits: u32) -> Tensor<u64> {
        if bits > 0 {
            self.truncation.truncate(self.place, values.data_mut(), bits, self.program.ring());
        }
        values
    }

    fn input(&self, place: usize, shape: &Shape) -> Result<Tensor<u64>, FixedError> {
        let missing = || FixedError::Count { what: "inputs", wanted: place + 1, found: self.inputs.len() };
        let input = self.inputs.get(place).ok_or_else(missing)?;
        if input.shape() == shape {
            Ok(input.clone())
        } else {
            Err(shape.mismatch("an input", input.shape()).into())
        }
    }
}

/// Steps that choose among signed numbers.
fn chosen(operation: &Operation, operands: &[&Tensor<u64>], ring: Ring) -> Result<Tensor<u64>, FixedError> {
    let signed: Vec<Tensor<i64>> =
        operands.iter().map(|operand| operand.map(|&value| ring.signed(value))).collect();
    let first = &signed[0];
    let largest = match operation {
        Operation::Maximum => kernel::combine(first, &signed[1], i64::max)?,
        Operation::MaxPool(window) => window.pool(first, i64::MIN, i64::max)?,
        Operation::Largest(axis) => graph::over(first, *axis, |line| line.fold(i64::MIN, i64::max))?,
        Operation::ArgMax { axis, last } => {
            graph::over(first, *axis, |line| graph::place_of_largest(line, *last) as i64)?
        }
        Operation::Top { axis, count } => {
            let place = |place: usize| (place as i64) << ring.fraction();
            Ranking::new(first.shape().size(*axis), *count).along(first, *axis, place)?
        }
        _ => return Err(ShapeError::Operands { what: "a choice", wanted: 1, found: operands.len() }.into()),
    };
    Ok(largest.map(|&value| value as u64))
}
