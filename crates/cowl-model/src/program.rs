//! The two-party program: an architecture as steps on fixed-point numbers modulo 2^k.
//!
//! Everything here follows from the architecture, the [`Ring`] and the [`Rounding`] alone, so both parties and the dealer make the
//! same program, step for step, without a word. A [`Value`] is known to nobody (it is shared, or masked); a
//! [`Weight`] is known to the model owner, who prepares it in floats from the model's weights and rounds it once.
//!
//! What a technique has to do, step by step, is in [`Operation`]; what comes out exactly is what
//! [`crate::fixed`] computes. Steps stand in an order in which they can be run; [`Program::last_uses`] says when a
//! value may be forgotten.

mod compile;
mod cost;
mod form;
mod ranking;
mod spline;

pub use compile::{CompileError, compile};
pub use cost::{Cost, LayerCost};
pub use ranking::Ranking;
pub use spline::{Piece, Spline};

use std::collections::HashMap;

use minicbor::Encode;

use crate::bilinear::Bilinear;
use crate::graph::{LayerId, NodeId};
use crate::kernel::{self, Window};
use crate::local::Local;
use crate::ring::Ring;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

/// A value by its place in [`Program::values`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode)]
#[cbor(transparent)]
pub struct ValueId(#[n(0)] pub(crate) u32);

impl ValueId {
    /// Its place, from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A weight by its place in [`Program::weights`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode)]
#[cbor(transparent)]
pub struct WeightId(#[n(0)] pub(crate) u32);

impl WeightId {
    /// Its place, from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Something that depends on the data.
#[derive(Clone, PartialEq, Eq, Debug, Encode)]
pub struct Value {
    /// Its sizes.
    #[n(0)]
    pub shape: Shape,
    /// How many of its bits stand behind the point: f, more before a truncation, 0 for places that ArgMax gives.
    #[n(1)]
    pub fraction: u32,
}

/// Something that the model owner knows.
#[derive(Clone, PartialEq, Eq, Debug, Encode)]
pub struct Weight {
    /// The operation of the architecture that computes it from the weights.
    #[n(0)]
    pub node: NodeId,
    /// Its negative is wanted.
    #[n(1)]
    pub negative: bool,
    /// Its sizes.
    #[n(2)]
    pub shape: Shape,
    /// How many bits stand behind the point.
    #[n(3)]
    pub fraction: u32,
}

/// One step.
#[derive(Clone, PartialEq, Eq, Debug, Encode)]
pub struct Step {
    /// What is done.
    #[n(0)]
    pub operation: Operation,
    /// With which values.
    #[n(1)]
    pub inputs: Vec<ValueId>,
    /// What comes out.
    #[n(2)]
    pub output: ValueId,
    /// For which layer of the architecture.
    #[n(3)]
    pub layer: LayerId,
}

/// What a step does. All arithmetic is modulo 2^k; *signed* means the number between −2^(k−1) and 2^(k−1).
#[derive(Clone, PartialEq, Eq, Debug, Encode)]
pub enum Operation {
    /// The data owner's input of this number.
    #[n(0)]
    Input(#[n(0)] usize),
    /// The model owner's weight becomes a value.
    #[n(1)]
    Lift(#[n(0)] WeightId),
    /// A constant that everybody knows becomes a value.
    #[n(2)]
    Public(#[n(0)] Tensor<i64>),
    /// A linear map that each party applies by itself to what it has.
    #[n(3)]
    Local(#[n(0)] Local),
    /// Plus a constant that everybody knows; it broadcasts to the value.
    #[n(4)]
    AddPublic(#[n(0)] Tensor<i64>),
    /// Times a constant that everybody knows, with broadcasting.
    #[n(5)]
    MultiplyPublic(#[n(0)] Tensor<i64>),
    /// Sums along an axis, weighted by constants that everybody knows.
    #[n(6)]
    Interpolate(#[n(0)] FixedInterpolation),
    /// Times a weight, and plus another; the bias broadcasts to the product.
    #[n(7)]
    Linear(#[n(0)] Linear),
    /// Plus a weight; it broadcasts to the value.
    #[n(8)]
    AddWeight(#[n(0)] WeightId),
    /// The product of two values; the same value twice is a square.
    #[n(9)]
    Product(#[n(0)] Bilinear),
    /// ⌊x / 2^bits⌋ of the signed number; one more is allowed unless truncation is faithful.
    #[n(10)]
    Truncate(#[n(0)] u32),
    /// max(x, 0) of the signed number, after truncating by so many bits (0: none).
    #[n(11)]
    Relu {
        /// Bits to be cut before.
        #[n(0)]
        truncate: u32,
    },
    /// The larger of two signed numbers, with broadcasting. Their difference fits k bits.
    #[n(12)]
    Maximum,
    /// The largest that a window sees; padding does not count. Differences fit k bits.
    #[n(13)]
    MaxPool(#[n(0)] Window),
    /// The largest along an axis, which stays with size 1.
    #[n(14)]
    Largest(#[n(0)] usize),
    /// The place of the largest along an axis, which stays with size 1; without bits behind the point.
    #[n(15)]
    ArgMax {
        /// The axis.
        #[n(0)]
        axis: usize,
        /// The last of several equal ones rather than the first.
        #[n(1)]
        last: bool,
    },
    /// Along an axis, the `count` largest in falling order and then their places, with f bits behind the point like
    /// them; which of several equal ones comes first is as [`Ranking`] has it.
    #[n(17)]
    Top {
        /// The axis.
        #[n(0)]
        axis: usize,
        /// How many.
        #[n(1)]
        count: usize,
    },
    /// A function by straight pieces, truncation included.
    #[n(16)]
    Spline(#[n(0)] Spline),
}

/// A layer with weights.
#[derive(Clone, PartialEq, Eq, Debug, Encode)]
pub struct Linear {
    /// How data and weight are multiplied.
    #[n(0)]
    pub map: Bilinear,
    /// By what.
    #[n(1)]
    pub weight: WeightId,
    /// The weight is the map's left operand.
    #[n(2)]
    pub weight_first: bool,
    /// What is added, with as many bits behind the point as the product.
    #[n(3)]
    pub bias: Option<WeightId>,
}

/// Weighted sums along one axis.
#[derive(Clone, PartialEq, Eq, Debug, Encode)]
pub struct FixedInterpolation {
    /// The axis.
    #[n(0)]
    pub axis: usize,
    /// For each place of the output: places of the input, and weights with f bits behind the point.
    #[n(1)]
    pub taps: Vec<Vec<(usize, i64)>>,
}

impl FixedInterpolation {
    /// The weighted sums, over any numbers.
    ///
    /// # Errors
    /// [`ShapeError`] when a place is not on the axis.
    pub fn apply(&self, input: &Tensor<u64>) -> Result<Tensor<u64>, ShapeError> {
        kernel::weigh(input, self.axis, &self.taps, |weight| weight as u64)
    }
}

/// A result.
#[derive(Clone, PartialEq, Eq, Debug, Encode)]
pub struct ProgramOutput {
    /// As the model names it.
    #[n(0)]
    pub name: String,
    /// What it is.
    #[n(1)]
    pub value: ValueId,
}

/// How bits behind the point are cut, as far as the program has to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode)]
#[cbor(index_only)]
pub enum Rounding {
    /// Up as often as the bits that are cut say, by a carry that depends on masks: right on average by itself.
    #[default]
    #[n(0)]
    Nearby,
    /// Always down: half a unit is added before, so that it is right on average, too.
    #[n(1)]
    Faithful,
}

/// What the parties run.
#[derive(Clone, PartialEq, Eq, Debug, Encode)]
pub struct Program {
    #[n(0)]
    ring: Ring,
    #[n(1)]
    rounding: Rounding,
    #[n(2)]
    values: Vec<Value>,
    #[n(3)]
    weights: Vec<Weight>,
    #[n(4)]
    steps: Vec<Step>,
    #[n(5)]
    outputs: Vec<ProgramOutput>,
}

impl Program {
    /// The ring of all its numbers.
    pub fn ring(&self) -> Ring {
        self.ring
    }

    /// How its truncations are meant.
    pub fn rounding(&self) -> Rounding {
        self.rounding
    }

    /// Everything that depends on the data.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// Everything that the model owner brings.
    pub fn weights(&self) -> &[Weight] {
        &self.weights
    }

    /// What is done, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What comes out.
    pub fn outputs(&self) -> &[ProgramOutput] {
        &self.outputs
    }

    /// One value.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.index()]
    }

    /// One weight.
    pub fn weight(&self, id: WeightId) -> &Weight {
        &self.weights[id.index()]
    }

    /// For each step, the values that no later step and no output needs.
    pub fn last_uses(&self) -> Vec<Vec<ValueId>> {
        let mut last = HashMap::new();
        for (place, step) in self.steps.iter().enumerate() {
            last.insert(step.output, place);
            last.extend(step.inputs.iter().map(|&input| (input, place)));
        }
        for output in &self.outputs {
            last.remove(&output.value);
        }
        let mut uses = vec![Vec::new(); self.steps.len()];
        last.into_iter().for_each(|(value, place)| uses[place].push(value));
        uses.iter_mut().for_each(|values| values.sort_unstable());
        uses
    }
}
