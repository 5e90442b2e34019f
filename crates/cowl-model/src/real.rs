//! Floats in architectures: attributes of operators, compared and written by their bits.

use std::fmt;

use minicbor::{Decode, Encode};

/// A float whose canonical form is its bits.
#[derive(Clone, Copy, Encode, Decode)]
#[cbor(transparent)]
pub struct Real(#[n(0)] u32);

impl Real {
    /// The number.
    pub fn get(self) -> f32 {
        f32::from_bits(self.0)
    }
}

impl From<f32> for Real {
    fn from(value: f32) -> Self {
        Self(value.to_bits())
    }
}

impl PartialEq for Real {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Real {}

impl fmt::Debug for Real {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.get(), formatter)
    }
}

impl fmt::Display for Real {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.get(), formatter)
    }
}
