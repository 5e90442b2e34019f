//! Secure inference: `cowl bench infer` runs both parties over loopback, this puts SPU beside it.

use std::process::Command;

use super::libraries::{self, Figure};
use super::row::Row;
use crate::demo;
use crate::failure::Result;
use crate::process;
use crate::services;
use crate::workspace::Workspace;

const SPU: &[&str] = &["spu==0.9.5"];

pub(crate) fn measure(workspace: &Workspace) -> Result<Vec<Row>> {
    demo::build(workspace)?;
    eprintln!("measuring inside cowl");
    let mut ours = Command::new(workspace.release_program("cowl"));
    let printed = process::stdout_even_of_a_no(ours.args(["bench", "infer", "--json"]))?;
    let mut figures = measured_elsewhere();
    figures.extend(libraries::or_none("packages of Python", spu(workspace)));
    Ok(libraries::beside(Row::parse_lines(&printed)?, &figures))
}

fn spu(workspace: &Workspace) -> Result<Vec<Figure>> {
    let environment = services::python_environment(workspace, "python-spu", SPU, &[])?;
    eprintln!("measuring SPU");
    let mut command = Command::new(environment.join("bin/python"));
    libraries::parse(&process::stdout_of(command.arg(workspace.root.join("bench/spu_peer.py")))?)
}

/// EzPC's LLAMA cannot be had here: the figures are those of a loaded machine of this kind.
fn measured_elsewhere() -> Vec<Figure> {
    let llama = |of: &str, value| Figure {
        of: of.into(),
        by: "EzPC LLAMA: measured elsewhere, loaded".into(),
        unit: "ms".into(),
        value,
    };
    vec![
        llama("infer.fmri.online", 192.0),
        llama("infer.mlp.online", 7.3),
        llama("infer.lenet.online", 183.0),
        llama("infer.cifar.online", 3_700.0),
    ]
}
