//! Linear maps whose coefficients are 0, 1 and −1: each party applies them to its own share, mask or masked value
//! without a word to the other.

use minicbor::{Decode, Encode};

use crate::kernel::{self, Number, Separable, Window};
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

/// What stands where a padded tensor has no numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Padding {
    /// Zeros. Other constants are added behind it.
    #[n(0)]
    Zero,
    /// Mirrored, the edge not repeated.
    #[n(1)]
    Reflect,
    /// The edge again and again.
    #[n(2)]
    Edge,
    /// From the other end.
    #[n(3)]
    Wrap,
}

/// A linear map with coefficients 0, 1 and −1.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Local {
    /// The same numbers in other sizes.
    #[n(0)]
    Reshape(#[n(0)] Shape),
    /// Axis i of the output is axis `order[i]` of the input.
    #[n(1)]
    Transpose(#[n(0)] Vec<usize>),
    /// Every `step`-th place of one axis, backwards if negative.
    #[n(2)]
    Slice {
        /// Which axis.
        #[n(0)]
        axis: usize,
        /// The first place.
        #[n(1)]
        start: usize,
        /// From one place to the next.
        #[n(2)]
        step: i64,
        /// How many places.
        #[n(3)]
        count: usize,
    },
    /// Places of one axis, in any order and as often as wanted; the axis becomes those of `sizes`.
    #[n(3)]
    Gather {
        /// Which axis.
        #[n(0)]
        axis: usize,
        /// Which places.
        #[n(1)]
        places: Vec<usize>,
        /// The sizes that stand for the axis afterwards; their product is the number of places.
        #[n(2)]
        sizes: Vec<usize>,
    },
    /// Numbers before and behind one axis; negative counts cut.
    #[n(4)]
    Pad {
        /// Which axis.
        #[n(0)]
        axis: usize,
        /// How many before.
        #[n(1)]
        before: i64,
        /// How many behind.
        #[n(2)]
        after: i64,
        /// Which.
        #[n(3)]
        padding: Padding,
    },
    /// Repeats along axes of size 1.
    #[n(5)]
    Expand(#[n(0)] Shape),
    /// One behind the other.
    #[n(6)]
    Concat(#[n(0)] usize),
    /// The first operand where the mask is set, the second elsewhere; the mask has the output's shape.
    #[n(7)]
    Select(#[n(0)] Mask),
    /// Sums over axes, which stay with size 1.
    #[n(8)]
    Sum(#[n(0)] Vec<usize>),
    /// The sum of what a window sees.
    #[n(9)]
    WindowSum(#[n(0)] Window),
    /// Sum of two, with broadcasting.
    #[n(10)]
    Add,
    /// Difference of two, with broadcasting.
    #[n(11)]
    Subtract,
    /// The negative.
    #[n(12)]
    Negate,
}

/// A constant condition, a bit a number.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Mask {
    /// Its sizes.
    #[n(0)]
    pub shape: Shape,
    /// Row-major, eight to a byte, the lowest bit first.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub bits: Vec<u8>,
}

impl Mask {
    /// Packs bits.
    ///
    /// # Errors
    /// [`ShapeError::Count`].
    pub fn new(shape: Shape, values: &[bool]) -> Result<Self, ShapeError> {
        if values.len() != shape.count() {
            return Err(ShapeError::Count { found: values.len(), shape });
        }
        let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit));
        Ok(Self { shape, bits: values.chunks(8).map(byte).collect() })
    }

    fn check(&self) -> Result<(), ShapeError> {
        if self.bits.len() == self.shape.count().div_ceil(8) {
            return Ok(());
        }
        Err(ShapeError::Count { found: self.bits.len() * 8, shape: self.shape.clone() })
    }

    fn is_set(&self, index: usize) -> bool {
        self.bits[index / 8] >> (index % 8) & 1 == 1
    }
}

impl Local {
    /// How many operands it takes; `None` for one or more.
    pub fn operands(&self) -> Option<usize> {
        match self {
            Self::Concat(_) => None,
            Self::Select(_) | Self::Add | Self::Subtract => Some(2),
            _ => Some(1),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Reshape(_) => "reshaping",
            Self::Transpose(_) => "transposing",
            Self::Slice { .. } => "slicing",
            Self::Gather { .. } => "gathering",
            Self::Pad { .. } => "padding",
            Self::Expand(_) => "expanding",
            Self::Concat(_) => "concatenation",
            Self::Select(_) => "selection",
            Self::Sum(_) => "summing",
            Self::WindowSum(_) => "summing windows",
            Self::Add => "addition",
            Self::Subtract => "subtraction",
            Self::Negate => "negation",
        }
    }

    /// The output's shape.
    ///
    /// # Errors
    /// [`ShapeError`] when operands do not fit.
    pub fn shape(&self, inputs: &[&Shape]) -> Result<Shape, ShapeError> {
        let wanted = self.operands().unwrap_or(inputs.len().max(1));
        let [first, rest @ ..] = inputs else { return Err(self.count_error(wanted, 0)) };
        if inputs.len() != wanted {
            return Err(self.count_error(wanted, inputs.len()));
        }
        match self {
            Self::Add | Self::Subtract => first.broadcast(rest[0]),
            Self::Select(mask) => self.selected(mask, first, rest[0]),
            Self::Concat(axis) => self.concatenated(*axis, inputs),
            _ => self.shape_of_one(first),
        }
    }

    fn count_error(&self, wanted: usize, found: usize) -> ShapeError {
        ShapeError::Operands { what: self.name(), wanted, found }
    }

    fn shape_of_one(&self, input: &Shape) -> Result<Shape, ShapeError> {
        match self {
            Self::Reshape(shape) if shape.count() == input.count() => Ok(shape.clone()),
            Self::Expand(shape) if input.broadcasts_to(shape) => Ok(shape.clone()),
            Self::Reshape(shape) | Self::Expand(shape) => Err(input.mismatch(self.name(), shape)),
            Self::Transpose(order) => self.transposed(order, input),
            Self::Slice { axis, start, step, count } => {
                self.check_axis(*axis, input)?;
                let last = count.checked_sub(1).map_or(Some(0), |steps| {
                    i64::try_from(steps).ok()?.checked_mul(*step)?.checked_add(i64::try_from(*start).ok()?)
                });
                let inside = |at: i64| usize::try_from(at).is_ok_and(|at| at < input.size(*axis));
                if *count > 0 && !(*start < input.size(*axis) && last.is_some_and(inside)) {
                    return Err(input.unfit(self.name(), "outside of the axis"));
                }
                input.with_size(*axis, *count)
            }
            Self::Gather { axis, places, sizes } => {
                self.check_axis(*axis, input)?;
                let count = sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
                if count != Some(places.len()) || places.iter().any(|&at| at >= input.size(*axis)) {
                    return Err(input.unfit(self.name(), "a place outside of the axis"));
                }
                let (before, after) = (&input.sizes()[..*axis], &input.sizes()[axis + 1..]);
                Shape::new([before, sizes, after].concat())
            }
            Self::Pad { axis, .. } => {
                self.check_axis(*axis, input)?;
                input.with_size(
                    *axis,
                    self.padded(input.size(*axis)).map_err(|why| input.unfit(self.name(), why))?,
                )
            }
            Self::Sum(axes) => {
                axes.iter().try_for_each(|&axis| self.check_axis(axis, input))?;
                axes.iter().try_fold(input.clone(), |shape, &axis| shape.with_size(axis, 1))
            }
            Self::WindowSum(window) => window.pooled(input),
            _ => Ok(input.clone()),
        }
    }

    fn check_axis(&self, axis: usize, input: &Shape) -> Result<(), ShapeError> {
        if axis < input.rank() {
            Ok(())
        } else {
            Err(input.unfit(self.name(), format!("there is no axis {axis}")))
        }
    }

    fn transposed(&self, order: &[usize], input: &Shape) -> Result<Shape, ShapeError> {
        let mut seen = vec![false; input.rank()];
        for &axis in order {
            self.check_axis(axis, input)?;
            seen[axis] = true;
        }
        if order.len() != input.rank() || seen.contains(&false) {
            return Err(input.unfit(self.name(), "the order does not name every axis once"));
        }
        Shape::new(order.iter().map(|&axis| input.size(axis)).collect::<Vec<_>>())
    }

    fn selected(&self, mask: &Mask, first: &Shape, second: &Shape) -> Result<Shape, ShapeError> {
        mask.check()?;
        for input in [first, second] {
            if !input.broadcasts_to(&mask.shape) {
                return Err(input.mismatch(self.name(), &mask.shape));
            }
        }
        Ok(mask.shape.clone())
    }

    fn concatenated(&self, axis: usize, inputs: &[&Shape]) -> Result<Shape, ShapeError> {
        let first = inputs[0];
        self.check_axis(axis, first)?;
        let mut size = 0usize;
        for input in inputs {
            if input.rank() != first.rank() || input.with_size(axis, 1)? != first.with_size(axis, 1)? {
                return Err(first.mismatch(self.name(), input));
            }
            size = size.saturating_add(input.size(axis));
        }
        first.with_size(axis, size)
    }

    /// The size of an axis after padding.
    fn padded(&self, size: usize) -> Result<usize, &'static str> {
        let Self::Pad { before, after, padding, .. } = self else { return Ok(size) };
        let bound = i64::try_from(size).map_err(|_| "the axis is too long")?;
        let reach = if *padding == Padding::Reflect { bound - 1 } else { bound };
        if size == 0 && *padding != Padding::Zero && (*before > 0 || *after > 0) {
            return Err("nothing to repeat");
        }
        if matches!(padding, Padding::Reflect | Padding::Wrap) && (*before > reach || *after > reach) {
            return Err("more padding than the axis has numbers");
        }
        let sum = bound.checked_add(*before).and_then(|sum| sum.checked_add(*after));
        let cut = before.min(&0).saturating_add(*after.min(&0));
        let left = sum.filter(|_| bound.saturating_add(cut) >= 0);
        left.and_then(|left| usize::try_from(left).ok()).ok_or("more is cut away than there is")
    }

    /// The map itself.
    ///
    /// # Errors
    /// As [`Local::shape`].
    pub fn apply<N: Number>(&self, inputs: &[&Tensor<N>]) -> Result<Tensor<N>, ShapeError> {
        let shapes: Vec<&Shape> = inputs.iter().map(|input| input.shape()).collect();
        let shape = self.shape(&shapes)?;
        match self {
            Self::Add => kernel::combine(inputs[0], inputs[1], N::plus),
            Self::Subtract => kernel::combine(inputs[0], inputs[1], N::minus),
            Self::Negate => Ok(inputs[0].map(|&value| N::default().minus(value))),
            Self::Sum(axes) => kernel::sum_over(inputs[0], axes),
            Self::WindowSum(window) => window.pool(inputs[0], N::default(), N::plus),
            Self::Reshape(_) => Tensor::new(shape, inputs[0].data().to_vec()),
            Self::Concat(axis) => Tensor::new(shape, concatenate(*axis, inputs)),
            Self::Select(mask) => select(mask, inputs[0], inputs[1]),
            _ => {
                let rearranged =
                    self.places(inputs[0].shape(), &shape).apply(inputs[0].data(), N::default())?;
                rearranged.reshaped(shape)
            }
        }
    }

    /// For maps in which every number of the output is one of the input, or zero.
    fn places(&self, input: &Shape, output: &Shape) -> Separable {
        match self {
            Self::Transpose(order) => {
                let strides = input.strides();
                let axis = |&axis: &usize| (0..input.size(axis)).map(|at| Some(at * strides[axis])).collect();
                Separable::new(order.iter().map(axis).collect())
            }
            Self::Slice { axis, start, step, count } => {
                let place = |at: usize| start.checked_add_signed(at as isize * *step as isize);
                Separable::choosing(input, *axis, &(0..*count).map(place).collect::<Vec<_>>())
            }
            Self::Gather { axis, places, .. } => {
                let chosen: Vec<Option<usize>> = places.iter().map(|&at| Some(at)).collect();
                Separable::choosing(input, *axis, &chosen)
            }
            Self::Pad { axis, before, padding, .. } => {
                let size = input.size(*axis) as i64;
                let place = |at: usize| source(at as i64 - before, size, *padding);
                Separable::choosing(input, *axis, &(0..output.size(*axis)).map(place).collect::<Vec<_>>())
            }
            _ => {
                let strides = input.strides_as(output);
                let axis =
                    |(&size, &stride): (&usize, &usize)| (0..size).map(|at| Some(at * stride)).collect();
                Separable::new(output.sizes().iter().zip(&strides).map(axis).collect())
            }
        }
    }
}

/// Where a padded place reads; `None` where zeros are.
fn source(at: i64, size: i64, padding: Padding) -> Option<usize> {
    let inside = match padding {
        Padding::Zero => at,
        Padding::Edge => at.clamp(0, size - 1),
        Padding::Wrap => at.rem_euclid(size.max(1)),
        Padding::Reflect if at < 0 => -at,
        Padding::Reflect if at >= size => 2 * (size - 1) - at,
        Padding::Reflect => at,
    };
    usize::try_from(inside).ok().filter(|&at| at < size as usize)
}

fn concatenate<N: Number>(axis: usize, inputs: &[&Tensor<N>]) -> Vec<N> {
    let outer: usize = inputs[0].shape().sizes()[..axis].iter().product();
    let mut data = Vec::with_capacity(inputs.iter().map(|input| input.data().len()).sum());
    for at in 0..outer {
        for input in inputs {
            let run = input.data().len() / outer;
            data.extend_from_slice(&input.data()[at * run..][..run]);
        }
    }
    data
}

fn select<N: Number>(mask: &Mask, first: &Tensor<N>, second: &Tensor<N>) -> Result<Tensor<N>, ShapeError> {
    let all = Local::Expand(mask.shape.clone());
    let (first, second) = (all.apply(&[first])?, all.apply(&[second])?);
    let pairs = first.data().iter().zip(second.data()).enumerate();
    let data = pairs.map(|(at, (&one, &other))| if mask.is_set(at) { one } else { other }).collect();
    Tensor::new(mask.shape.clone(), data)
}
