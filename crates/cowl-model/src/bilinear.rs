//! Maps that are linear in each of two operands: what multiplies data by weights, or data by data.

use minicbor::{Decode, Encode};

use crate::kernel::{self, Convolution, Number, TransposedConvolution};
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

/// A product of two tensors. Exact over any ring; over floats rounded as usual.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Bilinear {
    /// Number by number, with broadcasting.
    #[n(0)]
    Multiply,
    /// Stacks of matrices, as numpy's `matmul` has it.
    #[n(1)]
    MatMul,
    /// Data on the left, filters on the right.
    #[n(2)]
    Convolution(#[n(0)] Convolution),
    /// Data on the left, filters on the right.
    #[n(3)]
    TransposedConvolution(#[n(0)] TransposedConvolution),
}

impl Bilinear {
    /// The product's shape.
    ///
    /// # Errors
    /// [`ShapeError`] when the operands do not fit.
    pub fn shape(&self, left: &Shape, right: &Shape) -> Result<Shape, ShapeError> {
        match self {
            Self::Multiply => left.broadcast(right),
            Self::MatMul => kernel::matrix_product_shape(left, right),
            Self::Convolution(convolution) => convolution.shape(left, right),
            Self::TransposedConvolution(convolution) => convolution.shape(left, right),
        }
    }

    /// The product.
    ///
    /// # Errors
    /// As [`Bilinear::shape`].
    pub fn apply<N: Number>(&self, left: &Tensor<N>, right: &Tensor<N>) -> Result<Tensor<N>, ShapeError> {
        match self {
            Self::Multiply => kernel::combine(left, right, N::times),
            Self::MatMul => kernel::matrix_product(left, right),
            Self::Convolution(convolution) => convolution.apply(left, right),
            Self::TransposedConvolution(convolution) => convolution.apply(left, right),
        }
    }

    /// Multiply-accumulates of one application, padding counted as if it were there.
    pub fn multiplications(&self, left: &Shape, right: &Shape) -> u64 {
        let Ok(output) = self.shape(left, right) else { return 0 };
        match self {
            Self::Multiply => output.count() as u64,
            Self::MatMul => output.count() as u64 * left.sizes().last().copied().unwrap_or(1) as u64,
            Self::Convolution(_) => kernel::products(&output, right),
            Self::TransposedConvolution(_) => kernel::transposed_products(left, right),
        }
    }

    /// Products that are summed into one number of the output: how far a sum can grow.
    pub fn terms(&self, left: &Shape, right: &Shape) -> u64 {
        let inner = |sizes: &[usize]| sizes.iter().product::<usize>() as u64;
        match self {
            Self::Multiply => 1,
            Self::MatMul => left.sizes().last().copied().unwrap_or(1) as u64,
            Self::Convolution(_) => inner(right.sizes().get(1..).unwrap_or_default()),
            Self::TransposedConvolution(map) => {
                let taps = inner(right.sizes().get(2..).unwrap_or_default());
                taps * left.sizes().get(1).copied().unwrap_or(1) as u64 / map.groups.max(1) as u64
            }
        }
    }
}
