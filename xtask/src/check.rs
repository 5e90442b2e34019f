//! `cargo xtask check`: the rules of the house, as far as a machine can see them.
//!
//! Everything is decided by pure functions over what `cargo metadata` says and over the text of files, so that
//! each rule has a test that sees it broken.

mod closures;
mod graph;
mod layers;
mod licences;
mod manifests;
mod sources;

use std::fmt;
use std::process::ExitCode;

use crate::failure::{Failure, Result};
use crate::process;
use crate::workspace::Workspace;
use graph::Graph;

/// A rule that does not hold, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    rule: &'static str,
    what: String,
}

impl Violation {
    fn new(rule: &'static str, what: impl Into<String>) -> Self {
        Self { rule, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.rule, self.what)
    }
}

pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    if !arguments.is_empty() {
        return Err(Failure::new("usage: cargo xtask check"));
    }
    let graph = resolved(workspace)?;
    let violations = broken(workspace, &graph)?;
    for violation in &violations {
        println!("{violation}");
    }
    if violations.is_empty() {
        let (own, all) = (graph.own_packages().count(), graph.packages.len());
        println!("the rules of the house hold: {own} crates of our own, {all} packages in all");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} violations", violations.len());
    Ok(ExitCode::FAILURE)
}

/// Everything that is wrong; empty if nothing is.
pub(crate) fn violations(workspace: &Workspace) -> Result<Vec<Violation>> {
    broken(workspace, &resolved(workspace)?)
}

fn broken(workspace: &Workspace, graph: &Graph) -> Result<Vec<Violation>> {
    let mut found = closures::check(graph);
    found.extend(layers::check(graph));
    found.extend(licences::check(graph));
    found.extend(manifests::check_features(graph));
    found.extend(manifests::check(&workspace.root)?);
    found.extend(sources::check(&workspace.root)?);
    Ok(found)
}

/// The graph for this machine's target, so that packages for other systems need not be fetched.
fn resolved(workspace: &Workspace) -> Result<Graph> {
    let host = process::stdout_of(workspace.cargo().arg("-vV"))?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or_else(|| Failure::new("cargo -vV names no host"))?;
    let mut command = workspace.cargo();
    command.args(["metadata", "--format-version", "1", "--filter-platform", host]);
    Graph::parse(&process::stdout_of(&mut command)?)
}
