//! Both crates together, under the keys of vectors/paillier.
#![allow(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]

mod algebra;
mod answers;
mod forms;
mod generation;
mod keys;
mod packing;
mod refusals;
