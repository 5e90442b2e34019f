//! What a crate must never reach, however far down.

use super::Violation;
use super::graph::Graph;

const RULE: &str = "closure";

/// A privacy invariant or a quarantine, told by the graph.
struct Prohibition {
    of: &'static [&'static str],
    never: &'static [&'static str],
    because: &'static str,
}

/// Crates that are not written yet are listed already: the rule binds on the day they come.
const PROHIBITIONS: &[Prohibition] = &[
    Prohibition {
        of: &["cowl-server", "cowl-cluster"],
        never: &[
            "cowl-seal",
            "cowl-paillier-secret",
            "cowl-vault",
            "cowl-tables",
            "cowl-imaging",
            "cowl-agent",
            // What third parties offer for opening.
            "age",
            "age-core",
            "crypto-primes",
            "hpke",
            "x-wing",
        ],
        because: "the cloud has no code that opens anything",
    },
    Prohibition {
        of: &["cowl"],
        never: &["cowl-server", "cowl-store"],
        because: "the owner's program is not the cloud",
    },
    Prohibition {
        of: &["cowl-tables", "cowl-query", "cowl-mpc"],
        never: &["cowl-vault"],
        because: "techniques see items through the ports of cowl-job only",
    },
    Prohibition {
        of: &["cowl", "cowl-server", "cowl-agent"],
        never: &["cowl-cluster", "datafusion", "ballista", "ballista-core"],
        because: "what takes a quarter of an hour to compile stays in quarantine",
    },
    Prohibition {
        of: &["cowl-domain"],
        never: &[
            "async-trait",
            "axum",
            "chrono",
            "dicom-core",
            "dicom-object",
            "http",
            "hyper",
            "jiff",
            "object_store",
            "reqwest",
            "sqlx",
            "time",
            "tokio",
        ],
        because: "the domain has no I/O, async, clock, HTTP or DICOM word",
    },
];

pub(crate) fn check(graph: &Graph) -> Vec<Violation> {
    PROHIBITIONS.iter().flat_map(|prohibition| prohibition.broken(graph)).collect()
}

impl Prohibition {
    fn broken(&self, graph: &Graph) -> Vec<Violation> {
        let roots = self.of.iter().filter_map(|name| graph.own(name));
        roots
            .flat_map(|root| {
                let closure = graph.closure(root);
                self.never.iter().filter_map(move |name| closure.way_to(name))
            })
            .map(|way| Violation::new(RULE, format!("{way}, but {}", self.because)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::graph::fabricated::graph;
    use super::*;

    fn found(lines: &[&str]) -> Vec<String> {
        check(&graph(lines)).iter().map(Violation::to_string).collect()
    }

    #[test]
    fn a_server_that_stores_and_serves_is_clean() {
        assert_eq!(
            found(&["cowl-server -> cowl-api, cowl-store", "cowl-store -> cowl-crypto", "cowl -> cowl-seal"]),
            [""; 0]
        );
    }

    #[test]
    fn a_server_that_reaches_the_code_that_opens_is_reported_with_the_way_there() {
        assert_eq!(
            found(&["cowl-server -> cowl-api", "cowl-api -> cowl-domain", "cowl-domain -> cowl-seal"]),
            [
                "closure: cowl-server → cowl-api → cowl-domain → cowl-seal, but the cloud has no code that opens anything"
            ]
        );
    }

    #[test]
    fn a_server_that_reaches_a_foreign_opener_is_reported() {
        let found = found(&["cowl-cluster -> cowl-crypto", "cowl-crypto -> hpke", "hpke -> x-wing"]);
        assert_eq!(found.len(), 2);
        assert!(found[0].contains("cowl-cluster → cowl-crypto → hpke,"));
        assert!(found[1].contains("hpke → x-wing,"));
    }

    #[test]
    fn a_foreign_package_that_only_shares_a_root_name_is_not_meant() {
        let mut graph = graph(&["cowl-server -> cowl-seal"]);
        graph.packages[0].own = false;
        assert_eq!(check(&graph), []);
    }

    #[test]
    fn the_command_line_links_neither_server_nor_store() {
        let found = found(&["cowl -> cowl-server", "cowl-server -> cowl-store"]);
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|text| text.contains("the owner's program is not the cloud")));
    }

    #[test]
    fn a_technique_that_imports_the_vault_is_reported() {
        assert!(found(&["cowl-mpc -> cowl-job", "cowl-job -> cowl-vault"])[0].contains("ports of cowl-job"));
    }

    #[test]
    fn the_domain_reaches_no_runtime() {
        assert!(
            found(&["cowl-domain -> cowl-crypto", "cowl-crypto -> tokio"])[0].contains("cowl-crypto → tokio")
        );
    }
}
