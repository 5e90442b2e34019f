//! The operators of graphs.

use minicbor::{Decode, Encode};

use crate::bilinear::Bilinear;
use crate::function::Function;
use crate::graph::MOST_CHOICES;
use crate::kernel::{self, Window};
use crate::local::Local;
use crate::program::Ranking;
use crate::real::Real;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

/// The most that can be ranked by their size, along one axis.
const MOST_RANKED: usize = 1 << 16;

/// What a node does.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Operator {
    /// The data owner's input of this number.
    #[n(0)]
    Input(#[n(0)] usize),
    /// The model owner's weight of this number.
    #[n(1)]
    Weight(#[n(0)] usize),
    /// A constant that everybody knows.
    #[n(2)]
    Public(#[n(0)] PublicTensor),
    /// Rearranging, adding, subtracting.
    #[n(3)]
    Local(#[n(0)] Local),
    /// Multiplying two values.
    #[n(4)]
    Bilinear(#[n(0)] Bilinear),
    /// Times a public factor.
    #[n(5)]
    Scale(#[n(0)] Real),
    /// Plus a public number.
    #[n(6)]
    Shift(#[n(0)] Real),
    /// Weighted means along an axis, the weights public.
    #[n(7)]
    Interpolate(#[n(0)] Interpolation),
    /// A function of each number.
    #[n(8)]
    Function(#[n(0)] Function),
    /// The larger of two, with broadcasting.
    #[n(9)]
    Maximum,
    /// The largest that a window sees; padding does not count.
    #[n(10)]
    MaxPool(#[n(0)] Window),
    /// The largest along an axis, which stays with size 1.
    #[n(11)]
    Largest(#[n(0)] usize),
    /// The place of the largest along an axis, which stays with size 1.
    #[n(12)]
    ArgMax {
        /// The axis.
        #[n(0)]
        axis: usize,
        /// The last of several equal ones rather than the first.
        #[n(1)]
        last: bool,
    },
    /// Along an axis, the largest few in falling order and then their places, as numbers.
    #[n(13)]
    Top {
        /// The axis.
        #[n(0)]
        axis: usize,
        /// How many.
        #[n(1)]
        count: usize,
    },
}

/// A tensor that is part of the architecture.
#[derive(Clone, PartialEq, Eq, Debug, Encode)]
pub struct PublicTensor {
    #[n(0)]
    shape: Shape,
    #[n(1)]
    values: Vec<Real>,
}

impl PublicTensor {
    /// From a tensor.
    pub fn new(tensor: &Tensor<f32>) -> Self {
        let values = tensor.data().iter().map(|&value| value.into()).collect();
        Self { shape: tensor.shape().clone(), values }
    }

    /// Its sizes.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Its numbers.
    pub fn values(&self) -> &[Real] {
        &self.values
    }

    /// As a tensor.
    pub fn tensor(&self) -> Tensor<f32> {
        let data = self.values.iter().map(|value| value.get()).collect();
        Tensor::new(self.shape.clone(), data).expect("the values fill the shape since construction")
    }
}

impl<'b, C> Decode<'b, C> for PublicTensor {
    fn decode(decoder: &mut minicbor::Decoder<'b>, context: &mut C) -> Result<Self, minicbor::decode::Error> {
        use minicbor::decode::Error;
        if decoder.array()? != Some(2) {
            return Err(Error::message("a constant is a shape and its numbers"));
        }
        let shape = Shape::decode(decoder, context)?;
        let values = Vec::<Real>::decode(decoder, context)?;
        if values.len() == shape.count() {
            Ok(Self { shape, values })
        } else {
            Err(Error::message("a constant does not fill its shape"))
        }
    }
}

/// Weighted means along one axis.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Interpolation {
    /// The axis.
    #[n(0)]
    pub axis: usize,
    /// For each place of the output: places of the input and their weights.
    #[n(1)]
    pub taps: Vec<Vec<Tap>>,
}

/// One term of a weighted mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Tap {
    /// The place in the input.
    #[n(0)]
    pub place: usize,
    /// Its weight.
    #[n(1)]
    pub weight: Real,
}

impl Interpolation {
    fn shape(&self, input: &Shape) -> Result<Shape, ShapeError> {
        const WHAT: &str = "interpolation";
        if self.axis >= input.rank() {
            return Err(input.unfit(WHAT, format!("there is no axis {}", self.axis)));
        }
        if self.taps.iter().flatten().any(|tap| tap.place >= input.size(self.axis)) {
            return Err(input.unfit(WHAT, "a place outside of the axis"));
        }
        input.with_size(self.axis, self.taps.len())
    }

    /// The weighted means.
    ///
    /// # Errors
    /// [`ShapeError`] when the axis or a place is not there.
    pub fn apply(&self, input: &Tensor<f32>) -> Result<Tensor<f32>, ShapeError> {
        let taps = |taps: &Vec<Tap>| taps.iter().map(|tap| (tap.place, tap.weight.get())).collect();
        let taps: Vec<Vec<(usize, f32)>> = self.taps.iter().map(taps).collect();
        kernel::weigh(input, self.axis, &taps, |weight| weight)
    }
}

impl Operator {
    /// The shape that comes out of these shapes. Inputs, weights and constants have theirs elsewhere.
    pub(super) fn shape(&self, inputs: &[&Shape]) -> Result<Shape, ShapeError> {
        let wanted = match self {
            Self::Local(local) => return local.shape(inputs),
            Self::Input(_) | Self::Weight(_) | Self::Public(_) => 0,
            Self::Bilinear(_) | Self::Maximum => 2,
            _ => 1,
        };
        if inputs.len() != wanted || inputs.is_empty() {
            return Err(ShapeError::Operands { what: self.name(), wanted, found: inputs.len() });
        }
        match self {
            Self::Bilinear(map) => map.shape(inputs[0], inputs[1]),
            Self::Maximum => inputs[0].broadcast(inputs[1]),
            Self::MaxPool(window) => pooled(window, inputs[0]),
            Self::Interpolate(interpolation) => interpolation.shape(inputs[0]),
            Self::Largest(axis) | Self::ArgMax { axis, .. } => reduced(self.name(), inputs[0], *axis),
            Self::Top { axis, count } => few(self.name(), inputs[0], *axis, *count),
            _ => Ok(inputs[0].clone()),
        }
    }

    /// What a program has to list of its maxima, in the worst case: places of windows along each axis, comparisons of a
    /// sorting network.
    pub(super) fn choices(&self, input: Option<&Shape>, output: &Shape) -> usize {
        match (self, input) {
            (Self::MaxPool(_), _) => output.sizes().iter().skip(2).sum(),
            (Self::Top { axis, .. }, Some(input)) => Ranking::most_comparisons(input.size(*axis)),
            _ => 0,
        }
    }

    /// Its name in messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Input(_) => "input",
            Self::Weight(_) => "weight",
            Self::Public(_) => "constant",
            Self::Local(_) => "local",
            Self::Bilinear(_) => "product",
            Self::Scale(_) => "scale",
            Self::Shift(_) => "shift",
            Self::Interpolate(_) => "interpolation",
            Self::Function(function) => function.name(),
            Self::Maximum => "maximum",
            Self::MaxPool(_) => "max pool",
            Self::Largest(_) => "largest",
            Self::ArgMax { .. } => "argmax",
            Self::Top { .. } => "largest few",
        }
    }
}

fn few(what: &'static str, input: &Shape, axis: usize, count: usize) -> Result<Shape, ShapeError> {
    if axis >= input.rank() || !(1..=input.size(axis)).contains(&count) {
        return Err(input.unfit(what, "there are not so many"));
    }
    if input.size(axis) > MOST_RANKED {
        return Err(input.unfit(what, format!("more than {MOST_RANKED} to rank")));
    }
    input.with_size(axis, 2 * count)
}

fn pooled(window: &Window, input: &Shape) -> Result<Shape, ShapeError> {
    let shape = window.pooled(input)?;
    if shape.sizes().iter().skip(2).sum::<usize>() > MOST_CHOICES {
        return Err(input.unfit("max pool", "too many places"));
    }
    if window.has_empty_place(input)? {
        return Err(input.unfit("max pool", "a window lies wholly in the padding"));
    }
    Ok(shape)
}

fn reduced(what: &'static str, input: &Shape, axis: usize) -> Result<Shape, ShapeError> {
    if axis >= input.rank() || input.size(axis) == 0 {
        return Err(input.unfit(what, format!("there is nothing along axis {axis}")));
    }
    input.with_size(axis, 1)
}
