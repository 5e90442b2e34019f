//! Sizes of tensors, and how sizes combine.

use std::fmt;

use minicbor::{Decode, Encode};

/// The most axes of a tensor.
pub const MOST_AXES: usize = 8;
/// The most numbers of one tensor: 2 GiB of them at 64 bits.
pub const MOST_ELEMENTS: usize = 1 << 28;

/// Why sizes do not fit each other, or an operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// More axes than [`MOST_AXES`].
    #[error("{0} axes; at most {MOST_AXES} are supported")]
    TooManyAxes(usize),
    /// More numbers than [`MOST_ELEMENTS`].
    #[error("a tensor {0} is too large")]
    TooLarge(String),
    /// Data of another length than the sizes say.
    #[error("{found} numbers do not fill {shape}")]
    Count {
        /// How many there are.
        found: usize,
        /// What they should fill.
        shape: Shape,
    },
    /// Two shapes that cannot be used together.
    #[error("{left} and {right} do not fit each other in {what}")]
    Mismatch {
        /// The operation.
        what: &'static str,
        /// The first operand.
        left: Shape,
        /// The second operand.
        right: Shape,
    },
    /// Something about one operand that the operation does not allow.
    #[error("{what} of {shape}: {why}")]
    Unfit {
        /// The operation.
        what: &'static str,
        /// The operand.
        shape: Shape,
        /// What is wrong.
        why: String,
    },
    /// Too few or too many operands.
    #[error("{what} takes {wanted} operands, not {found}")]
    Operands {
        /// The operation.
        what: &'static str,
        /// How many it takes.
        wanted: usize,
        /// How many there are.
        found: usize,
    },
}

/// The sizes of a tensor's axes, outermost first. Every shape is within [`MOST_AXES`] and [`MOST_ELEMENTS`].
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Shape(Vec<usize>);

impl Shape {
    /// Checks the bounds.
    ///
    /// # Errors
    /// [`ShapeError::TooManyAxes`], [`ShapeError::TooLarge`].
    pub fn new(sizes: impl Into<Vec<usize>>) -> Result<Self, ShapeError> {
        let sizes = sizes.into();
        if sizes.len() > MOST_AXES {
            return Err(ShapeError::TooManyAxes(sizes.len()));
        }
        // A zero among the sizes must not hide an absurd one.
        let count = sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size.max(1)));
        match count {
            Some(count) if count <= MOST_ELEMENTS => Ok(Self(sizes)),
            _ => Err(ShapeError::TooLarge(format!("{sizes:?}"))),
        }
    }

    /// The shape of a single number.
    pub fn scalar() -> Self {
        Self(Vec::new())
    }

    /// The sizes, outermost first.
    pub fn sizes(&self) -> &[usize] {
        &self.0
    }

    /// How many axes.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// How many numbers.
    pub fn count(&self) -> usize {
        self.0.iter().product()
    }

    /// The size of one axis.
    pub fn size(&self, axis: usize) -> usize {
        self.0[axis]
    }

    /// Row-major distances between neighbours along each axis.
    pub fn strides(&self) -> Vec<usize> {
        let mut strides = vec![1; self.rank()];
        for axis in (1..self.rank()).rev() {
            strides[axis - 1] = strides[axis] * self.0[axis];
        }
        strides
    }

    /// The same with one axis of another size.
    ///
    /// # Errors
    /// [`ShapeError::TooLarge`].
    pub fn with_size(&self, axis: usize, size: usize) -> Result<Self, ShapeError> {
        let mut sizes = self.0.clone();
        sizes[axis] = size;
        Self::new(sizes)
    }

    /// What two shapes broadcast to, as numpy and ONNX have it.
    ///
    /// # Errors
    /// [`ShapeError::Mismatch`] when an axis has two sizes, neither of them 1.
    pub fn broadcast(&self, other: &Self) -> Result<Self, ShapeError> {
        let rank = self.rank().max(other.rank());
        let size =
            |shape: &Self, axis: usize| (axis + shape.rank()).checked_sub(rank).map_or(1, |at| shape.0[at]);
        let mut sizes = Vec::with_capacity(rank);
        for axis in 0..rank {
            sizes.push(match (size(self, axis), size(other, axis)) {
                (one, same) if one == same => one,
                (1, size) | (size, 1) => size,
                _ => return Err(self.mismatch("broadcasting", other)),
            });
        }
        Self::new(sizes)
    }

    /// Whether this broadcasts to exactly `target`.
    pub fn broadcasts_to(&self, target: &Self) -> bool {
        self.broadcast(target).is_ok_and(|both| both == *target)
    }

    /// The strides with which this is read as if it had `target`'s shape: 0 along repeated axes.
    pub(crate) fn strides_as(&self, target: &Self) -> Vec<usize> {
        let missing = target.rank() - self.rank();
        let own = self.strides();
        let stride = |axis: usize| match axis.checked_sub(missing) {
            Some(at) if self.0[at] != 1 => own[at],
            _ => 0,
        };
        (0..target.rank()).map(stride).collect()
    }

    pub(crate) fn mismatch(&self, what: &'static str, other: &Self) -> ShapeError {
        ShapeError::Mismatch { what, left: self.clone(), right: other.clone() }
    }

    pub(crate) fn unfit(&self, what: &'static str, why: impl Into<String>) -> ShapeError {
        ShapeError::Unfit { what, shape: self.clone(), why: why.into() }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        if sizes.is_empty() { formatter.write_str("scalar") } else { formatter.write_str(&sizes.join("×")) }
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Shape({self})")
    }
}

impl<C> Encode<C> for Shape {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut minicbor::Encoder<W>,
        context: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        self.0.encode(encoder, context)
    }
}

impl<'b, C> Decode<'b, C> for Shape {
    fn decode(decoder: &mut minicbor::Decoder<'b>, context: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::new(Vec::<usize>::decode(decoder, context)?).map_err(minicbor::decode::Error::message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(sizes: &[usize]) -> Shape {
        Shape::new(sizes).unwrap()
    }

    #[test]
    fn shapes_broadcast_from_their_last_axis() {
        assert_eq!(shape(&[2, 1, 4]).broadcast(&shape(&[3, 1])).unwrap(), shape(&[2, 3, 4]));
        assert!(shape(&[2]).broadcast(&shape(&[3])).is_err());
        assert!(!shape(&[2, 3]).broadcasts_to(&shape(&[3])));
    }

    #[test]
    fn an_empty_tensor_cannot_hide_an_absurd_size() {
        assert!(Shape::new([0, usize::MAX]).is_err());
        assert!(Shape::new([1 << 20, 1 << 20]).is_err());
        assert_eq!(shape(&[0, 5]).count(), 0);
    }

    #[test]
    fn repeated_axes_are_read_with_stride_zero() {
        assert_eq!(shape(&[3, 1]).strides_as(&shape(&[2, 3, 4])), [0, 1, 0]);
    }
}
