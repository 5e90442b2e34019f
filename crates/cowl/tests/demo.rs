//! `cowl demo` keeps its promises, with the samples and with one note.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // Helpers are test code, too.

mod world;

use serde_json::Value;
use world::{cowl, sibling, text};

const STEPS: [&str; 10] =
    ["register", "seal", "share", "open", "search", "revoke", "tamper", "audit", "tables", "infer"];

fn play(arguments: &[&str], home: &std::path::Path) -> Value {
    let output = cowl(home).args(["demo", "--json", "--no-browser"]).args(arguments).output().unwrap();
    let account: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    assert!(output.status.success(), "{account:#}\n{}", text(&output.stderr));
    account
}

fn names(account: &Value) -> Vec<&str> {
    account["steps"].as_array().unwrap().iter().map(|step| step["name"].as_str().unwrap()).collect()
}

#[test]
fn the_demo_keeps_every_promise_on_the_samples() {
    if sibling("cowl-server").is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let account = play(&["--keep", "kept"], home.path());
    assert_eq!(names(&account), STEPS);
    assert_eq!(account["good"], true);
    for name in ["cloud", "patient", "radiologist", "insurer", "hospital", "researcher", "maker", "dealer"] {
        assert!(home.path().join("kept").join(name).is_dir(), "{name}");
    }
    let found = account["steps"][9]["text"].as_str().unwrap();
    assert!(found.contains("left precuneus"), "{found}");
    let page = std::fs::read_to_string(home.path().join("kept/inference.html")).unwrap();
    assert!(page.contains("left precuneus") && page.contains("under its mask"));
}

#[test]
fn the_demo_adapts_to_a_single_note() {
    if sibling("cowl-server").is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let note = home.path().join("note.txt");
    std::fs::write(&note, "The appendix was removed without complication.").unwrap();
    let account = play(&["--input", note.to_str().unwrap()], home.path());
    assert_eq!(names(&account), STEPS);
    assert!(account["steps"][4]["text"].as_str().unwrap().contains("1 note"), "{account:#}");
}

#[test]
fn an_input_that_is_not_there_is_named() {
    let home = tempfile::tempdir().unwrap();
    let output = cowl(home.path()).args(["demo", "--input", "nowhere"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("nowhere"));
}
