//! How manifests are written: every version once, in the root, with what it is for; no features of our own.

use std::path::Path;

use super::Violation;
use super::graph::Graph;
use crate::failure::{Result, While};
use crate::workspace::files_below;

const FEATURE_RULE: &str = "features";
const DEPENDENCY_RULE: &str = "dependencies";

/// Optional dependencies count: they are features under another name.
pub(crate) fn check_features(graph: &Graph) -> Vec<Violation> {
    let with = graph.own_packages().filter(|package| !package.features.is_empty());
    with.map(|package| {
        let features = package.features.join(", ");
        Violation::new(FEATURE_RULE, format!("{} declares {features}: pass a value instead", package.name))
    })
    .collect()
}

pub(crate) fn check(root: &Path) -> Result<Vec<Violation>> {
    let mut found = uncommented(&read(&root.join("Cargo.toml"))?);
    let mut manifests = vec![root.join("xtask/Cargo.toml")];
    manifests.extend(
        files_below(&root.join("crates"), &["target"])?
            .into_iter()
            .filter(|file| file.ends_with("Cargo.toml")),
    );
    for manifest in manifests {
        let name = manifest.strip_prefix(root).unwrap_or(&manifest).display().to_string();
        found.extend(uninherited(&name, &read(&manifest)?));
    }
    Ok(found)
}

/// Dependencies that carry a version of their own instead of the workspace's.
fn uninherited(name: &str, manifest: &str) -> Vec<Violation> {
    let dependencies = entries(manifest).filter(|entry| entry.is_of_a_crate());
    let own = dependencies.filter(|entry| !entry.line.replace(' ', "").contains("workspace=true"));
    own.map(|entry| {
        let what = format!("{name}:{}: `{}` does not say `workspace = true`", entry.number, entry.line);
        Violation::new(DEPENDENCY_RULE, what)
    })
    .collect()
}

/// Third-party dependencies of the workspace without a word on what they are for.
fn uncommented(manifest: &str) -> Vec<Violation> {
    let dependencies = entries(manifest).filter(|entry| entry.table == "workspace.dependencies");
    let foreign = dependencies.filter(|entry| !entry.line.replace(' ', "").contains("{path="));
    foreign
        .filter(|entry| comment(entry.line).is_none_or(str::is_empty))
        .map(|entry| {
            let what = format!("Cargo.toml:{}: `{}` does not say what it is for", entry.number, entry.line);
            Violation::new(DEPENDENCY_RULE, what)
        })
        .collect()
}

/// A line `key = value` and the table that it stands in.
struct Entry<'a> {
    table: &'a str,
    line: &'a str,
    number: usize,
}

impl Entry<'_> {
    /// `dependencies`, `dev-dependencies`, `target.'cfg(…)'.dependencies`, `dependencies.NAME` …
    fn is_of_a_crate(&self) -> bool {
        let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
        kinds.iter().any(|kind| {
            self.table == *kind
                || self.table.strip_prefix(kind).is_some_and(|rest| rest.starts_with('.'))
                || self.table.strip_suffix(kind).is_some_and(|rest| rest.ends_with('.'))
        })
    }
}

/// One dependency a line is the house's style; what spreads over several lines is reported and so comes back
/// to it.
fn entries(manifest: &str) -> impl Iterator<Item = Entry<'_>> {
    let mut table = "";
    manifest.lines().enumerate().filter_map(move |(index, line)| {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            table = header.0.trim();
            return None;
        }
        let is_entry = !line.is_empty() && !line.starts_with('#');
        is_entry.then_some(Entry { table, line, number: index + 1 })
    })
}

/// What follows the first `#` outside quotes.
fn comment(line: &str) -> Option<&str> {
    let mut quoted = false;
    let (start, _) = line.char_indices().find(|&(_, character)| {
        quoted ^= character == '"';
        character == '#' && !quoted
    })?;
    Some(line[start + 1..].trim())
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).attempting(|| format!("reading {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::super::graph::fabricated::graph;
    use super::*;

    #[test]
    fn inherited_dependencies_are_clean() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\na.workspace = true\n# note\n\
                        b = { workspace = true, features = [\"c\"] }\n[dev-dependencies]\nd.workspace = true\n";
        assert_eq!(uninherited("x", manifest), []);
    }

    #[test]
    fn a_version_of_its_own_is_reported_in_every_kind_of_table() {
        for table in
            ["dependencies", "dev-dependencies", "build-dependencies", "target.'cfg(unix)'.dependencies"]
        {
            let found = uninherited("x", &format!("[{table}]\na = \"1\"\n"));
            assert_eq!(found.len(), 1, "{table}");
        }
        assert_eq!(
            uninherited("x", "[dependencies.a]\nversion = \"1\"\n")[0].to_string(),
            "dependencies: x:2: `version = \"1\"` does not say `workspace = true`"
        );
    }

    #[test]
    fn a_dependency_of_the_workspace_says_what_it_is_for() {
        let manifest = "[workspace.dependencies]\nown = { path = \"crates/own\" }\na = \"1\" # hashes\n\
                        b = \"1\"\nc = { version = \"1\", features = [\"#\"] }\nd = \"1\" #\n";
        let found: Vec<String> = uncommented(manifest).iter().map(Violation::to_string).collect();
        assert_eq!(found.len(), 3);
        assert!(found[0].starts_with("dependencies: Cargo.toml:4:"));
    }

    #[test]
    fn features_of_our_own_are_reported_and_those_of_others_are_not() {
        let mut graph = graph(&["cowl -> tokio"]);
        graph.packages[1].features = vec!["rt".into()];
        assert_eq!(check_features(&graph), []);
        graph.packages[0].features = vec!["fast".into()];
        assert_eq!(
            check_features(&graph)[0].to_string(),
            "features: cowl declares fast: pass a value instead"
        );
    }
}
