use std::collections::BTreeSet;

use super::*;

/// Every constant of `paths.rs` that is a route.
fn routes_in_the_source() -> BTreeSet<&'static str> {
    let source = include_str!("../paths.rs");
    source.split('"').skip(1).step_by(2).filter(|text| text.starts_with('/')).collect()
}

#[test]
fn every_route_of_the_contract_is_in_the_document() {
    let document = document();
    let described: BTreeSet<&str> = document.paths.paths.keys().map(String::as_str).collect();
    assert_eq!(described, routes_in_the_source());
}

#[test]
fn the_list_of_all_routes_is_complete() {
    assert_eq!(crate::paths::ALL.into_iter().collect::<BTreeSet<_>>(), routes_in_the_source());
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let json = serde_json::to_string(&document()).unwrap();
    let schemas = document().components.unwrap().schemas;
    let names = json.split("#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap());
    for name in names {
        assert!(schemas.contains_key(name), "{name} is referred to but not described");
    }
}
