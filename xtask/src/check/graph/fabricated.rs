//! Small graphs for the tests of the rules.

use super::{Graph, Package};

/// A graph from lines like `cowl -> cowl-api, clap`. Names that begin with `cowl` or are `xtask` are the
/// workspace's own; all are licensed `MIT`.
pub(crate) fn graph(lines: &[&str]) -> Graph {
    let mut graph = Graph::default();
    for line in lines {
        let (name, needs) = line.split_once("->").unwrap_or((line, ""));
        let from = place(&mut graph, name.trim());
        for needed in needs.split(',').map(str::trim).filter(|needed| !needed.is_empty()) {
            let to = place(&mut graph, needed);
            graph.packages[from].needs.push(to);
        }
    }
    graph
}

fn place(graph: &mut Graph, name: &str) -> usize {
    if let Some(place) = graph.packages.iter().position(|package| package.name == name) {
        return place;
    }
    graph.packages.push(Package {
        name: name.into(),
        version: "1.0.0".into(),
        licence: Some("MIT".into()),
        own: name.starts_with("cowl") || name == "xtask",
        ..Package::default()
    });
    graph.packages.len() - 1
}
