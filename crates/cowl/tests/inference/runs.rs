//! What works, and what is refused by name.

use std::fs;

use super::{Trio, numbers};

#[test]
fn a_hospital_runs_a_makers_model_and_both_have_used_up_a_run() {
    let Some(trio) = Trio::begin() else { return };
    let stocked = trio.stock(3);
    assert_eq!(stocked["ready"], 3);
    assert_eq!(trio.left(), [3, 3]);
    let (ran, expected) = (trio.run(), trio.expected());
    let found = numbers(&ran);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-2, "{found} is not {expected}");
    }
    assert_eq!(trio.left(), [2, 2]);
    assert_eq!(ran["weights"], stocked["weights"]);
    assert!(ran["layers"].as_array().unwrap().iter().any(|layer| layer["operator"] == "Relu"), "{ran}");
    let again = trio.run();
    assert_ne!(again["bundle"], ran["bundle"]);
    assert_ne!(again["transcript"], ran["transcript"]);
}

#[test]
fn without_stock_there_is_no_run_and_a_hint() {
    let Some(trio) = Trio::begin() else { return };
    let refused = trio.no_run();
    assert!(refused.contains("nothing is set up"), "{refused}");
    trio.stock(1);
    trio.run();
    let refused = trio.no_run();
    assert!(refused.contains("nothing is stocked") && refused.contains("cowl infer stock"), "{refused}");
}

#[test]
fn a_party_without_a_grant_is_turned_away() {
    let Some(trio) = Trio::begin() else { return };
    trio.world.register("stranger", "hospital");
    let arguments = trio.stocking(1);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let refused = trio.world.no(1, "stranger", &arguments);
    assert!(refused.contains("there is no model 'digits' that you may run"), "{refused}");
    let grant =
        ["grant", "make", "--to", "stranger", "--item", "digits", "--power", "compute", "--output", "labels"];
    let terms = ["--technique", "mpc", "--purpose", "research", "--trust-first-use"];
    trio.world.yes("maker", &[&grant[..], &terms].concat());
    // The maker serves whoever has a grant, the dealer whom it was told to.
    let refused = trio.world.no(1, "stranger", &arguments);
    assert!(refused.contains("parties that this dealer does not serve"), "{refused}");
}

#[test]
fn a_grant_that_was_taken_back_or_allows_less_runs_nothing() {
    let Some(trio) = Trio::begin() else { return };
    let arguments = trio.stocking(1);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let more = [&arguments[..], &["--receives", "both"]].concat();
    let refused = trio.world.no(1, "hospital", &more);
    assert!(refused.contains("maker refuses"), "{refused}");
    trio.stock(1);
    trio.world.yes("maker", &["grant", "revoke", "--from", "hospital", "--yes"]);
    let refused = trio.no_run();
    assert!(refused.contains("grant") && refused.contains("revoked"), "{refused}");
    assert_eq!(trio.left(), [1, 1], "something was used up for a run that nobody allows");
}

#[test]
fn labels_alone_are_told_where_labels_alone_are_asked_for() {
    let Some(trio) = Trio::begin() else { return };
    let arguments = trio.stocking(1);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    trio.world.yes("hospital", &[&arguments[..], &["--output", "labels"]].concat());
    let (label, expected) = (numbers(&trio.run()), trio.expected());
    let largest = (0..10).max_by(|a, b| expected[*a].total_cmp(&expected[*b])).unwrap();
    assert_eq!(label, [largest as f32]);
}

#[test]
fn somebody_else_at_the_makers_address_is_noticed() {
    let Some(trio) = Trio::begin() else { return };
    let at = trio.dealer.address.clone();
    let dealer = format!("dealer@{at}");
    let arguments =
        ["infer", "stock", "--model", "digits", "--at", &at, "--dealer", &dealer, "--trust-first-use"];
    let refused = trio.world.no(1, "hospital", &arguments);
    assert!(refused.contains("this is somebody else"), "{refused}");
}

#[test]
fn parties_whose_fingerprints_nobody_has_compared_are_asked_about() {
    let Some(trio) = Trio::begin() else { return };
    let arguments = trio.stocking(1);
    let arguments: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|word| *word != "--trust-first-use").collect();
    let refused = trio.world.no(1, "hospital", &arguments);
    assert!(refused.contains("nobody has compared the fingerprint of dealer"), "{refused}");
}

#[test]
fn other_weights_under_the_same_name_are_another_set_up_and_are_told_apart() {
    let Some(mut trio) = Trio::begin() else { return };
    let before = trio.stock(1);
    trio.world.write("digits.onnx", cowl_model::zoo::perceptron(2));
    Trio::import(&trio.world);
    Trio::grant(&trio.world);
    trio.restart_maker();
    let refused = trio.no_run();
    let told = ["has other weights since", "is not served here"];
    assert!(told.iter().any(|told| refused.contains(told)), "{refused}");
    let after = trio.stock(1);
    assert_ne!(after["weights"], before["weights"]);
    assert_ne!(after["set_up"], before["set_up"]);
    assert_eq!(trio.run()["weights"], after["weights"]);
}

#[test]
fn what_is_kept_is_for_its_owners_eyes_only_and_goes_when_it_is_used() {
    use std::os::unix::fs::PermissionsExt;
    let Some(trio) = Trio::begin() else { return };
    trio.stock(1);
    let files = |party: &str| {
        let mut found = Vec::new();
        let mut folders = vec![trio.world.path(party).join("infer")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                if entry.path().is_dir() { folders.push(entry.path()) } else { found.push(entry.path()) }
            }
        }
        found
    };
    for party in ["hospital", "maker", "dealer"] {
        for file in files(party) {
            let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", file.display());
        }
    }
    let dealt = files("dealer").into_iter().filter(|file| file.to_string_lossy().contains("/dealt/"));
    assert_eq!(dealt.count(), 0, "the dealer keeps what it has delivered");
    trio.run();
    for party in ["hospital", "maker"] {
        let left = files(party).into_iter().filter(|file| {
            let path = file.to_string_lossy();
            path.contains("/stock/") || path.contains("/prepared/")
        });
        assert_eq!(left.count(), 0, "{party} keeps a bundle that was used");
    }
}
