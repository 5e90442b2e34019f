use super::Graph;
use super::fabricated::graph;

/// `cowl` needs `normal` and `build`, and `dev` only for its tests.
const METADATA: &str = r#"{
    "packages": [
        {"id": "path#cowl", "name": "cowl", "version": "0.1.0", "license": "MIT", "features": {"default": []}},
        {"id": "registry#normal", "name": "normal", "version": "1.2.3", "license": null, "features": {}},
        {"id": "registry#build", "name": "build", "version": "1.0.0", "license": "ISC", "features": {}},
        {"id": "registry#dev", "name": "dev", "version": "1.0.0", "license": "ISC", "features": {}}
    ],
    "workspace_members": ["path#cowl"],
    "resolve": {"nodes": [
        {"id": "path#cowl", "deps": [
            {"pkg": "registry#normal", "dep_kinds": [{"kind": "dev"}, {"kind": null}]},
            {"pkg": "registry#build", "dep_kinds": [{"kind": "build"}]},
            {"pkg": "registry#dev", "dep_kinds": [{"kind": "dev"}]}
        ]},
        {"id": "registry#normal", "deps": []},
        {"id": "registry#build", "deps": []},
        {"id": "registry#dev", "deps": []}
    ]}
}"#;

#[test]
fn metadata_yields_normal_and_build_dependencies_but_not_dev() {
    let graph = Graph::parse(METADATA).unwrap();
    let root = graph.own("cowl").unwrap();
    let reached: Vec<&str> =
        graph.closure(root).places().map(|place| graph.packages[place].name.as_str()).collect();
    assert_eq!(reached, ["cowl", "normal", "build"]);
}

#[test]
fn metadata_tells_own_packages_features_and_licences() {
    let graph = Graph::parse(METADATA).unwrap();
    assert_eq!(graph.own("normal"), None);
    assert_eq!(graph.packages[0].features, ["default"]);
    assert_eq!(graph.packages[1].licence, None);
    assert_eq!(graph.packages[2].licence.as_deref(), Some("ISC"));
}

#[test]
fn a_dangling_dependency_is_an_error() {
    let metadata = METADATA.replace("\"pkg\": \"registry#build\"", "\"pkg\": \"registry#gone\"");
    assert!(Graph::parse(&metadata).unwrap_err().to_string().contains("registry#gone"));
}

#[test]
fn the_way_is_the_shortest_and_cycles_end() {
    let graph = graph(&["cowl-a -> b, c", "b -> c", "c -> d", "d -> b"]);
    let closure = graph.closure(0);
    assert_eq!(closure.way_to("d").as_deref(), Some("cowl-a → c → d"));
    assert_eq!(closure.way_to("cowl-a").as_deref(), Some("cowl-a"));
    assert_eq!(closure.way_to("e"), None);
}
