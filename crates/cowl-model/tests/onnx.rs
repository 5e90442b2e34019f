//! ONNX's own backend tests: one model, inputs and outputs a folder, as the wheel of `onnx` brings them.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]
#![allow(clippy::print_stdout, reason = "xtask reads what was left out, and why")]

mod backend;

use backend::{Runner, at_least};
use cowl_model::Ring;
use cowl_model::fixed::{self, Nearest};

#[test]
fn the_reference_evaluator_passes_onnx_own_tests() {
    at_least(370, Runner::Floats);
}

#[test]
fn the_two_party_program_passes_onnx_own_tests_on_integers() {
    let in_the_clear: backend::Evaluator = |program, inputs, weights| {
        fixed::evaluate(&program, inputs, weights, &mut Nearest).map_err(|error| error.to_string())
    };
    at_least(370, Runner::Fixed(Ring::new(64, 24).unwrap(), in_the_clear));
}
