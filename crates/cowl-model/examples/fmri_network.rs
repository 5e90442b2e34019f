//! Writes the stand-in for the published classifier of brain networks as an ONNX file of 88 MB:
//!
//! ```text
//! cargo run --release -p cowl-model --example fmri_network -- samples/models/fmri/network.bin fmri.onnx
//! ```

#![allow(clippy::print_stderr, reason = "what an example says")]

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = arguments.as_slice() else {
        eprintln!("usage: fmri_network COMPACT ONNX");
        return ExitCode::from(2);
    };
    match write(from, to) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn write(from: &str, to: &str) -> Result<(), Box<dyn std::error::Error>> {
    let compact = std::fs::read(from).map_err(|error| format!("reading {from}: {error}"))?;
    let network = cowl_model::zoo::fmri_trained(&compact)?;
    std::fs::write(to, network).map_err(|error| format!("writing {to}: {error}"))?;
    Ok(())
}
