//! ONNX's own backend tests: one model, inputs and outputs a folder, as the wheel of `onnx` brings them.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]
#![allow(clippy::print_stdout, reason = "xtask reads what was left out, and why")]

mod backend;

use std::path::PathBuf;

use backend::{Runner, Verdict, run_all};
use cowl_model::Ring;

/// Set by `cargo xtask test onnx`: the folder `onnx/backend/test/data` of the wheel.
const DATA: &str = "COWL_TEST_ONNX";

#[test]
fn the_reference_evaluator_passes_onnx_own_tests() {
    at_least(370, Runner::Floats);
}

#[test]
fn the_two_party_program_passes_onnx_own_tests_on_integers() {
    at_least(370, Runner::Fixed(Ring::new(64, 24).unwrap()));
}

fn at_least(wanted: usize, runner: Runner) {
    let Some(data) = std::env::var_os(DATA).map(PathBuf::from) else {
        println!("skipped: {DATA} is not set; `cargo xtask test onnx` fetches the tests");
        return;
    };
    let verdicts = run_all(&data, runner);
    let (mut passed, mut failed) = (0, Vec::new());
    for (name, verdict) in &verdicts {
        match verdict {
            Verdict::Passed => passed += 1,
            Verdict::NotSupported(why) => println!("skipped case: {name}: {why}"),
            Verdict::Failed(why) => {
                println!("FAILED   {name}: {why}");
                failed.push(name);
            }
        }
    }
    println!("{passed} of {} tests of float32 models pass", verdicts.len());
    assert!(failed.is_empty(), "{} tests give other numbers: {failed:?}", failed.len());
    assert!(passed >= wanted, "only {passed} pass");
}
