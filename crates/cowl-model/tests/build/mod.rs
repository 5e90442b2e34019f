//! What tests make models of.

#![allow(dead_code, unused_imports, reason = "each test program uses a part of it")]

pub(crate) use cowl_model::onnx::builder::{Builder, float, floats, int, ints, tensor, text};

/// Numbers between −1 and 1 that look random and are the same every time.
pub(crate) fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}
