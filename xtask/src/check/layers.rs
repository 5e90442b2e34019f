//! The order of the crates: dependencies point down only.

use super::Violation;
use super::graph::{Graph, Package};

const RULE: &str = "layers";

/// From the ground up. A crate may depend on crates of the layers before its own; its place here is decided
/// before it is written.
const LAYERS: &[&[&str]] = &[
    &["cowl-crypto", "cowl-paillier"],
    &["cowl-domain", "cowl-seal", "cowl-paillier-secret"],
    &["cowl-store", "cowl-imaging", "cowl-model", "cowl-job", "cowl-api", "cowl-query"],
    &["cowl-vault", "cowl-tables", "cowl-mpc"],
    &["cowl-agent", "cowl-server", "cowl-cluster"],
    // The fuzz targets reach every parser, and no crate reaches them.
    &["cowl", "cowl-fuzz"],
];

/// Dependencies within one layer, each with the reason why it stands.
const WITHIN_A_LAYER: &[(&str, &str)] = &[
    // The codec writes headers and manifests in the domain's canonical forms, for the domain's suites and ids.
    ("cowl-seal", "cowl-domain"),
];

/// For tests only: a clear-text twin must not get into a program.
const TESTKIT: &str = "cowl-testkit";
/// The testkit serves the ports' implementers, so it knows the ports (this layer) and what is below them.
const HIGHEST_FOR_TESTKIT: usize = 2;

/// Beside the layers: runs before anything else is built.
const XTASK: &str = "xtask";
const ALLOWED_FOR_XTASK: &[&str] = &["serde", "serde_json"];

pub(crate) fn check(graph: &Graph) -> Vec<Violation> {
    let mut found = Vec::new();
    for package in graph.own_packages() {
        if !is_known(&package.name) {
            let what = format!("{} has no layer: give it its place in the table of LAYERS", package.name);
            found.push(Violation::new(RULE, what));
        }
        let needed = package.needs.iter().map(|&place| &graph.packages[place]);
        found.extend(needed.filter_map(|needed| refusal(package, needed)));
    }
    found
}

fn refusal(package: &Package, needed: &Package) -> Option<Violation> {
    let (from, to) = (package.name.as_str(), needed.name.as_str());
    let refuse = |why: &str| Some(Violation::new(RULE, format!("{from} → {to}: {why}")));
    if from == XTASK {
        let allowed = ALLOWED_FOR_XTASK.contains(&to);
        return if allowed { None } else { refuse("xtask stays light to compile") };
    }
    if !needed.own {
        return None;
    }
    if to == TESTKIT {
        return refuse("the testkit is a dev-dependency only");
    }
    if from == TESTKIT {
        let known_port = layer(to).is_some_and(|layer| layer <= HIGHEST_FOR_TESTKIT);
        return if known_port { None } else { refuse("the testkit knows the ports and what is below them") };
    }
    let (above, below) = (layer(from)?, layer(to)?);
    let points_down = below < above || WITHIN_A_LAYER.contains(&(from, to));
    if points_down { None } else { refuse(&format!("from L{above} to L{below}, which does not point down")) }
}

fn is_known(name: &str) -> bool {
    layer(name).is_some() || name == TESTKIT || name == XTASK
}

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::super::graph::fabricated::graph;
    use super::*;

    fn found(lines: &[&str]) -> Vec<String> {
        check(&graph(lines)).iter().map(Violation::to_string).collect()
    }

    #[test]
    fn dependencies_that_point_down_are_clean() {
        let lines =
            ["cowl -> cowl-vault, clap", "cowl-vault -> cowl-seal, cowl-job", "cowl-seal -> cowl-domain"];
        assert_eq!(found(&lines), [""; 0]);
    }

    #[test]
    fn a_dependency_that_points_up_is_reported() {
        assert_eq!(
            found(&["cowl-crypto -> cowl-domain"]),
            ["layers: cowl-crypto → cowl-domain: from L0 to L1, which does not point down"]
        );
    }

    #[test]
    fn siblings_need_an_exception_and_it_holds_in_one_direction_only() {
        assert_eq!(found(&["cowl-store -> cowl-api"]).len(), 1);
        assert_eq!(found(&["cowl-domain -> cowl-seal"]).len(), 1);
    }

    #[test]
    fn an_unknown_crate_is_reported() {
        assert!(found(&["cowl-surprise"])[0].contains("cowl-surprise has no layer"));
    }

    #[test]
    fn the_testkit_gets_into_no_program() {
        assert!(found(&["cowl-vault -> cowl-testkit"])[0].contains("dev-dependency only"));
    }

    #[test]
    fn the_testkit_knows_ports_but_no_implementer() {
        assert_eq!(found(&["cowl-testkit -> cowl-job, proptest"]), [""; 0]);
        assert_eq!(found(&["cowl-testkit -> cowl-vault"]).len(), 1);
    }

    #[test]
    fn xtask_stays_light() {
        assert_eq!(found(&["xtask -> serde, serde_json"]), [""; 0]);
        assert_eq!(found(&["xtask -> tokio, cowl-crypto"]).len(), 2);
    }
}
