//! Loops over numbers, the same for floats and for the rings Z₂³² and Z₂⁶⁴.
//!
//! Everything here is a polynomial with integer coefficients in its operands, so that it may be applied to masked
//! values and to masks just as well as to values.

mod contraction;
mod convolution;
mod elementwise;
mod separable;
mod window;

pub(crate) use contraction::{matrix_product, matrix_product_shape};
pub use convolution::{Convolution, TransposedConvolution};
pub(crate) use convolution::{products, transposed_products};
pub(crate) use elementwise::{combine, sum_over, weigh};
pub(crate) use separable::Separable;
pub use window::Window;

/// What kernels compute with. Integers wrap: they are the rings Z₂³² and Z₂⁶⁴.
pub trait Number: Copy + Default + PartialOrd + Send + Sync + 'static {
    /// The sum.
    fn plus(self, other: Self) -> Self;
    /// The difference.
    fn minus(self, other: Self) -> Self;
    /// The product.
    fn times(self, other: Self) -> Self;
}

impl Number for f32 {
    fn plus(self, other: Self) -> Self {
        self + other
    }

    fn minus(self, other: Self) -> Self {
        self - other
    }

    fn times(self, other: Self) -> Self {
        self * other
    }
}

macro_rules! wrapping_numbers {
    ($($word:ty),*) => {$(
        impl Number for $word {
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }

            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }

            fn times(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
        }
    )*};
}

// Signed words order as two's complement does; the ring operations are the same as of unsigned ones.
wrapping_numbers!(u32, u64, i32, i64);
