//! The graph of packages that a build links, from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Deserialize;

use crate::failure::{Failure, Result, While};

/// Packages and the dependencies between them; an index into `packages` names one.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) packages: Vec<Package>,
}

#[derive(Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// An SPDX expression.
    pub(crate) licence: Option<String>,
    /// Of this workspace, not from a registry.
    pub(crate) own: bool,
    pub(crate) features: Vec<String>,
    /// Linked or run by the build: normal and build dependencies.
    pub(crate) needs: Vec<usize>,
}

impl Graph {
    pub(crate) fn parse(metadata: &str) -> Result<Self> {
        let metadata: Metadata =
            serde_json::from_str(metadata).attempting(|| "reading the output of cargo metadata".into())?;
        Self::of(metadata)
    }

    fn of(metadata: Metadata) -> Result<Self> {
        let places: BTreeMap<String, usize> = metadata
            .packages
            .iter()
            .enumerate()
            .map(|(place, package)| (package.id.clone(), place))
            .collect();
        let place = |id: &str| {
            places
                .get(id)
                .copied()
                .ok_or_else(|| Failure::new(format!("cargo metadata lacks the package {id}")))
        };
        let members: BTreeSet<&str> = metadata.workspace_members.iter().map(String::as_str).collect();
        let mut packages: Vec<Package> = metadata
            .packages
            .into_iter()
            .map(|listed| Package {
                own: members.contains(listed.id.as_str()),
                name: listed.name,
                version: listed.version,
                licence: listed.license,
                features: listed.features.into_keys().collect(),
                needs: Vec::new(),
            })
            .collect();
        for node in metadata.resolve.nodes {
            let needed = node.deps.iter().filter(|dependency| dependency.is_built());
            packages[place(&node.id)?].needs =
                needed.map(|dependency| place(&dependency.pkg)).collect::<Result<_>>()?;
        }
        Ok(Self { packages })
    }

    /// The workspace's crate of this name, if it exists yet.
    pub(crate) fn own(&self, name: &str) -> Option<usize> {
        self.packages.iter().position(|package| package.own && package.name == name)
    }

    pub(crate) fn own_packages(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.own)
    }

    /// Everything that a build of `root` reaches, with the shortest way there.
    pub(crate) fn closure(&self, root: usize) -> Closure<'_> {
        let mut reached_from = BTreeMap::from([(root, root)]);
        let mut pending = VecDeque::from([root]);
        while let Some(place) = pending.pop_front() {
            for &needed in &self.packages[place].needs {
                reached_from.entry(needed).or_insert_with(|| {
                    pending.push_back(needed);
                    place
                });
            }
        }
        Closure { graph: self, root, reached_from }
    }
}

/// What one package reaches.
pub(crate) struct Closure<'a> {
    graph: &'a Graph,
    root: usize,
    reached_from: BTreeMap<usize, usize>,
}

impl Closure<'_> {
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> {
        self.reached_from.keys().copied()
    }

    /// `root → … → name`, if the package is reached.
    pub(crate) fn way_to(&self, name: &str) -> Option<String> {
        let mut place =
            self.reached_from.keys().copied().find(|&place| self.graph.packages[place].name == name)?;
        let mut names = vec![name];
        while place != self.root {
            place = self.reached_from[&place];
            names.push(&self.graph.packages[place].name);
        }
        names.reverse();
        Some(names.join(" → "))
    }
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<ListedPackage>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
struct ListedPackage {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    features: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Debug, Deserialize)]
struct DependencyKind {
    /// None: normal; else `build` or `dev`.
    kind: Option<String>,
}

impl Dependency {
    fn is_built(&self) -> bool {
        self.dep_kinds.iter().any(|kind| kind.kind.as_deref() != Some("dev"))
    }
}

#[cfg(test)]
pub(crate) mod fabricated;
#[cfg(test)]
mod tests;
