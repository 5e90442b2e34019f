//! Nonlinear layers, each a [`Gate`], and the family of protocols that makes them.
//!
//! | layer | rounds | a comparison key a value | shared values a value |
//! |---|---|---|---|
//! | [`Select`] (ReLU with truncation) | 2 | 1 (faithful: 2) | 5 (faithful: 7) |
//! | [`Truncate`] | 1 (faithful: 2) | 0 (faithful: 1) | 2 (faithful: 3) |
//! | [`Piecewise`] | 2 | 1 | 2 a knot |
//! | [`Tournament`] (MaxPool, ArgMax) | 2 a level | 1 a pair | 5 a pair (with places: 6) |
//! | [`Top`] | 2 a level | 1 a pair | 6 a pair |
//! | [`Product`] | 1 | 0 | 1 |
//!
//! Conditions common to all: see the crate's head. Each layer's module says which values it is right for, and
//! what its ideal functionality is.

mod opening;
mod piecewise;
mod product;
mod select;
mod top;
mod tournament;
mod truncate;

pub use piecewise::{Line, Piecewise};
pub use product::Product;
pub use select::Select;
pub use top::Top;
pub use tournament::{Tournament, Want};
pub use truncate::Truncate;

use std::sync::Arc;

use cowl_model::program::Ranking;

use crate::error::Error;
use crate::linear::Bilinear;
use crate::protocol::Gate;
use crate::ring::Ring;

/// How bits behind the point are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// ⌊x / 2^s⌋, or one more when the mask carries: the carry happens with the probability of the bits that
    /// are cut.
    Nearby,
    /// ⌊x / 2^s⌋.
    Faithful,
}

/// A family of protocols: one way to make each nonlinear layer. A program may take layers from several.
pub trait Family: Send + Sync {
    /// Its name in digests: two families with one name make the same layers.
    fn name(&self) -> &'static str;
    /// max(⌊x / 2^shift⌋, 0) for values of `width` bits with sign.
    ///
    /// # Errors
    /// [`Error::Sizes`].
    fn relu(&self, ring: Ring, count: usize, width: u32, shift: u32, rounding: Rounding) -> Made;
    /// ⌊x / 2^shift⌋ for |x| < 2^(k−2).
    ///
    /// # Errors
    /// [`Error::Sizes`].
    fn truncate(&self, ring: Ring, count: usize, shift: u32, rounding: Rounding) -> Made;
    /// A function by straight pieces, not truncated.
    ///
    /// # Errors
    /// [`Error::Sizes`].
    fn piecewise(&self, ring: Ring, count: usize, knots: &[i64], lines: &[Line]) -> Made;
    /// The largest of each group of `size`, or its place.
    ///
    /// # Errors
    /// [`Error::Sizes`].
    fn largest(&self, ring: Ring, groups: usize, size: usize, width: u32, want: Want) -> Made;
    /// The largest few of each group, and their places.
    ///
    /// # Errors
    /// [`Error::Sizes`].
    fn top(&self, ring: Ring, groups: usize, ranking: Ranking) -> Made;
    /// A product of two secret tensors.
    ///
    /// # Errors
    /// [`Error::Sizes`].
    fn product(&self, ring: Ring, map: Arc<dyn Bilinear>) -> Made;
}

/// A layer, or why not.
pub type Made = Result<Box<dyn Gate>, Error>;

/// Few rounds, many dealt bytes: comparisons by distributed point functions.
#[derive(Clone, Copy, Debug, Default)]
pub struct FunctionSecretSharing;

impl Family for FunctionSecretSharing {
    fn name(&self) -> &'static str {
        "function-secret-sharing/v1"
    }

    fn relu(&self, ring: Ring, count: usize, width: u32, shift: u32, rounding: Rounding) -> Made {
        Ok(Box::new(Select::relu(ring, count, width, shift, rounding)?))
    }

    fn truncate(&self, ring: Ring, count: usize, shift: u32, rounding: Rounding) -> Made {
        Ok(Box::new(Truncate::new(ring, count, shift, rounding)?))
    }

    fn piecewise(&self, ring: Ring, count: usize, knots: &[i64], lines: &[Line]) -> Made {
        Ok(Box::new(Piecewise::new(ring, count, knots, lines)?))
    }

    fn largest(&self, ring: Ring, groups: usize, size: usize, width: u32, want: Want) -> Made {
        Ok(Box::new(Tournament::new(ring, groups, size, width, want)?))
    }

    fn top(&self, ring: Ring, groups: usize, ranking: Ranking) -> Made {
        Ok(Box::new(Top::new(ring, groups, ranking)?))
    }

    fn product(&self, ring: Ring, map: Arc<dyn Bilinear>) -> Made {
        Ok(Box::new(Product::new(ring, map)))
    }
}

#[cfg(test)]
pub(crate) mod two_parties;
