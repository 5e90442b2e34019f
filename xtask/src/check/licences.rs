//! What may be linked into a product under Apache-2.0 OR MIT, and which packages may not be in it at all.

use std::collections::{BTreeMap, BTreeSet};

use super::Violation;
use super::graph::{Graph, Package};

mod expression;

use expression::Expression;

const LICENCE_RULE: &str = "licence";
const BAN_RULE: &str = "ban";
const ONCE_RULE: &str = "one version";

/// `deny.toml` says the same for those who use cargo-deny.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BlueOak-1.0.0",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

const BANNED: &[(&str, &str)] = &[
    ("gmp-mpfr-sys", "GMP is LGPL: a peer in bench/ only"),
    ("native-tls", "TLS is rustls"),
    ("openssl-sys", "TLS is rustls on aws-lc-rs"),
    ("rug", "GMP is LGPL: a peer in bench/ only"),
    ("sharks", "unmaintained: blahaj"),
];

/// Two versions of these would be two sets of types, two global states, or two reviews.
const ONCE: &[&str] =
    &["aws-lc-rs", "aws-lc-sys", "hpke", "hyper", "ml-kem", "rustls", "sqlx", "tokio", "x-wing", "zeroize"];

/// Looks at everything that a program of the house is built from; tests and the house's tools may use more.
pub(crate) fn check(graph: &Graph) -> Vec<Violation> {
    let linked = linked(graph);
    let mut found: Vec<Violation> = linked.iter().copied().filter_map(licence_refusal).collect();
    found.extend(linked.iter().copied().filter_map(ban));
    found.extend(doubles(&linked));
    found
}

fn linked(graph: &Graph) -> Vec<&Package> {
    let programs = graph.packages.iter().enumerate().filter(|(_, package)| package.own);
    let programs = programs.filter(|(_, package)| !matches!(package.name.as_str(), "xtask" | "cowl-testkit"));
    let places: BTreeSet<usize> =
        programs.flat_map(|(place, _)| graph.closure(place).places().collect::<Vec<_>>()).collect();
    places.into_iter().map(|place| &graph.packages[place]).collect()
}

fn licence_refusal(package: &Package) -> Option<Violation> {
    let refuse = |why: String| {
        Some(Violation::new(LICENCE_RULE, format!("{} {}: {why}", package.name, package.version)))
    };
    let Some(licence) = &package.licence else {
        return refuse("names no licence".into());
    };
    match Expression::parse(licence) {
        None => refuse(format!("`{licence}` is not an SPDX expression")),
        Some(expression) if expression.allows(&|name| ALLOWED.contains(&name)) => None,
        Some(_) => refuse(format!("`{licence}` is not allowed")),
    }
}

fn ban(package: &Package) -> Option<Violation> {
    let (name, because) = BANNED.iter().find(|(name, _)| *name == package.name)?;
    Some(Violation::new(BAN_RULE, format!("{name} {}: {because}", package.version)))
}

fn doubles(linked: &[&Package]) -> Vec<Violation> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in linked.iter().filter(|package| ONCE.contains(&package.name.as_str())) {
        versions.entry(&package.name).or_default().push(&package.version);
    }
    let doubled = versions.into_iter().filter(|(_, versions)| versions.len() > 1);
    doubled
        .map(|(name, versions)| {
            Violation::new(ONCE_RULE, format!("{name} is linked as {}", versions.join(" and ")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::graph::fabricated::graph;
    use super::*;

    fn with_licence(licence: Option<&str>) -> Vec<String> {
        let mut graph = graph(&["cowl -> middle", "middle -> leaf"]);
        graph.packages[2].licence = licence.map(str::to_owned);
        check(&graph).iter().map(Violation::to_string).collect()
    }

    #[test]
    fn permissive_licences_pass() {
        assert_eq!(with_licence(Some("(MIT OR GPL-3.0-only) AND Unicode-3.0")), [""; 0]);
    }

    #[test]
    fn copyleft_unknown_and_missing_licences_are_reported() {
        assert_eq!(
            with_licence(Some("AGPL-3.0-only")),
            ["licence: leaf 1.0.0: `AGPL-3.0-only` is not allowed"]
        );
        assert_eq!(with_licence(Some("MIT AND LGPL-3.0-or-later")).len(), 1);
        assert_eq!(with_licence(Some("BUSL-1.1")).len(), 1);
        assert_eq!(with_licence(None), ["licence: leaf 1.0.0: names no licence"]);
        assert_eq!(with_licence(Some("MIT OR")), ["licence: leaf 1.0.0: `MIT OR` is not an SPDX expression"]);
    }

    #[test]
    fn cargo_deny_is_told_the_same() {
        let told = include_str!("../../../deny.toml");
        let list = told.split_once("allow = [").and_then(|(_, rest)| rest.split_once(']')).unwrap().0;
        let allowed: Vec<&str> = list.split(',').map(|name| name.trim().trim_matches('"')).collect();
        assert_eq!(allowed[..ALLOWED.len()], *ALLOWED);
        assert_eq!(allowed.len(), ALLOWED.len() + 1, "one more after the last comma");
        assert!(BANNED.iter().all(|(name, _)| told.contains(&format!("crate = \"{name}\", reason"))));
        assert!(ONCE.iter().all(|name| told.contains(&format!("crate = \"{name}\", deny-multiple"))));
    }

    #[test]
    fn what_only_tests_and_tools_use_is_not_asked() {
        let mut graph = graph(&["cowl-testkit -> leaf"]);
        graph.packages[1].licence = None;
        assert_eq!(check(&graph), []);
    }

    #[test]
    fn a_banned_package_is_reported() {
        let found = check(&graph(&["cowl-store -> sqlx", "sqlx -> native-tls"]));
        assert_eq!(found[0].to_string(), "ban: native-tls 1.0.0: TLS is rustls");
    }

    #[test]
    fn two_versions_of_a_package_that_must_be_one_are_reported() {
        let mut graph = graph(&["cowl -> rustls, other", "other -> rustls-again"]);
        let again = graph.packages.iter_mut().find(|package| package.name == "rustls-again").unwrap();
        again.name = "rustls".into();
        again.version = "0.9.0".into();
        assert_eq!(check(&graph)[0].to_string(), "one version: rustls is linked as 1.0.0 and 0.9.0");
    }
}
