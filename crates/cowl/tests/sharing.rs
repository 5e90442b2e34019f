//! The command line against a real server: what a person does with a record.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // Helpers are test code, too.

mod world;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use world::{World, text};

const NOTE: &str = "CT of the chest. There is no metastasis in the left lung.\n";

/// The files in which a cloud keeps sealed parts.
fn packs(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { packs(&path) } else { vec![path] }).collect()
}

#[test]
fn a_check_names_what_the_cloud_has_lost_and_ends_with_no() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    let (lost, kept) = (world.write("lost.txt", NOTE), world.write("kept.txt", NOTE));
    world.yes("alice", &["record", "add", lost.to_str().unwrap()]);
    for pack in packs(&world.folder.path().join("cloud/parts/packs")) {
        std::fs::remove_file(pack).unwrap();
    }
    world.yes("alice", &["record", "add", kept.to_str().unwrap()]);
    let output = world.command("alice", ["record", "check"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report = text(&output.stdout);
    assert!(report.contains("lost.txt") && report.contains("has lost part"), "{report}");
    assert!(!report.contains("kept.txt"), "{report}");
    assert!(world.no(1, "alice", &["record", "get", "lost.txt"]).contains("the cloud has lost part"));
    assert_eq!(text(&world.yes("alice", &["record", "get", "kept.txt"])), NOTE);
}

fn ids(items: &Value) -> Vec<&str> {
    items.as_array().unwrap().iter().map(|item| item["item"].as_str().unwrap()).collect()
}

#[test]
fn a_note_is_sealed_shared_read_and_taken_back() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    world.register("radiologist", "physician");
    let note = world.write("note.txt", NOTE);
    let added = world.json("alice", &["record", "add", note.to_str().unwrap(), "--description", "report"]);
    let item = added["files"][0]["item"].as_str().unwrap();
    assert_eq!(text(&world.yes("alice", &["record", "get", "note.txt"])), NOTE);
    assert_eq!(text(&world.yes("alice", &["record", "get", &item[..8]])), NOTE);
    world.no(1, "radiologist", &["record", "get", item]);

    let share = [
        "grant",
        "make",
        "--to",
        "radiologist",
        "--item",
        "note.txt",
        "--purpose",
        "second-opinion",
        "--until",
        "7d",
    ];
    let hint = world.no(1, "alice", &share);
    assert!(hint.contains("cowl party verify radiologist"), "{hint}");
    let whole = [share.as_slice(), &["--trust-first-use", "--note", "please look"]].concat();
    let made = world.json("alice", &whole);
    assert_eq!(made["grants"][0]["state"], "active");
    assert_eq!(text(&world.yes("radiologist", &["record", "get", item])), NOTE);
    let received = world.json("radiologist", &["grant", "list", "--received"]);
    assert_eq!(received["grants"][0]["note"], "please look");

    let revoked = world.json("alice", &["grant", "revoke", "--from", "radiologist"]);
    assert_eq!(revoked["rekeyed"]["items"], 1);
    world.no(1, "radiologist", &["record", "get", item]);
    assert_eq!(text(&world.yes("alice", &["record", "get", item])), NOTE);

    world.yes("alice", &["audit", "verify"]);
    let events = world.json("alice", &["audit", "list"]);
    let read = |event: &Value| event["event"] == "item-read" && event["actor"] == "radiologist";
    assert!(events["events"].as_array().unwrap().iter().any(read), "{events}");
}

#[test]
fn a_record_seals_by_its_policy() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    let made = world.json("alice", &["record", "new", "heart", "--policy", "published"]);
    assert_eq!(made["policy"], "text=hybrid-rsa,image=chaotic-image");
    let note = world.write("note.txt", NOTE);
    world.yes("alice", &["record", "add", note.to_str().unwrap(), "--record", "heart"]);
    assert_eq!(world.json("alice", &["record", "show", "note.txt"])["suite"], "hybrid-rsa");
    world.yes("alice", &["record", "policy", "heart", "codec=archive"]);
    assert_eq!(text(&world.yes("alice", &["record", "policy", "heart"])), "codec=archive\n");
    assert_eq!(world.json("alice", &["record", "records"])["records"][0]["policy"], "codec=archive");
    assert_eq!(text(&world.yes("alice", &["record", "get", "note.txt"])), NOTE);
}

#[test]
fn what_others_append_is_taken_in_by_the_owners_next_command() {
    let Some(world) = World::new() else { return };
    for (party, role) in [("alice", "patient"), ("hospital", "hospital"), ("insurer", "insurer")] {
        world.register(party, role);
    }
    let (note, report) = (world.write("note.txt", NOTE), world.write("report.txt", "discharged\n"));
    world.yes("alice", &["record", "new", "heart"]);
    for (party, power) in [("hospital", "read+append"), ("insurer", "read")] {
        let share = ["grant", "make", "--to", party, "--all", "--record", "heart", "--purpose", "treatment"];
        world.yes("alice", &[share.as_slice(), &["--power", power, "--trust-first-use"]].concat());
    }
    world.yes("hospital", &["record", "add", report.to_str().unwrap(), "--record", "heart"]);
    world.no(1, "insurer", &["record", "get", "report.txt"]);
    world.yes("alice", &["record", "add", note.to_str().unwrap(), "--record", "heart"]);
    assert_eq!(text(&world.yes("insurer", &["record", "get", "report.txt"])), "discharged\n");
    let done = world.json("alice", &["agent", "run", "--headless", "--once"]);
    assert_eq!(done["adopted"], 0, "nothing is left");
}

/// A note that the insurer could read until just now, and the grant whose re-keying is left to the agent.
fn revoked_and_left(world: &World) -> String {
    world.register("alice", "patient");
    world.register("insurer", "insurer");
    let note = world.write("note.txt", NOTE);
    world.yes("alice", &["record", "add", note.to_str().unwrap()]);
    let share = ["grant", "make", "--to", "insurer", "--all", "--purpose", "billing", "--trust-first-use"];
    let grant = world.json("alice", &share)["grants"][0]["grant"].as_str().unwrap().to_owned();
    let revoked = world.json("alice", &["grant", "revoke", &grant[..8], "--detach"]);
    assert_eq!(revoked["rekeyed"], Value::Null);
    grant
}

#[test]
fn re_keying_that_was_left_is_done_by_the_agent() {
    let Some(world) = World::new() else { return };
    let grant = revoked_and_left(&world);
    world.no(1, "insurer", &["record", "get", "note.txt"]);
    let work = world.json("alice", &["agent", "run", "--headless", "--once"]);
    assert_eq!(work["grants"], 1);
    assert_eq!(world.json("alice", &["grant", "show", &grant])["rekeyed"], true);
    assert_eq!(text(&world.yes("alice", &["record", "get", "note.txt"])), NOTE);
}

#[test]
fn the_agent_works_until_it_is_told_to_stop_and_stopping_is_no_failure() {
    let Some(world) = World::new() else { return };
    revoked_and_left(&world);
    let mut agent = world.command("alice", ["agent", "run", "--headless", "--every", "1s", "--json"]);
    let mut agent = agent.stdout(Stdio::piped()).spawn().unwrap();
    let mut report = String::new();
    BufReader::new(agent.stdout.take().unwrap()).read_line(&mut report).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&report).unwrap()["grants"], 1, "{report}");
    assert_eq!(agent.try_wait().unwrap(), None, "the agent has ended by itself");
    kill_process(Pid::from_child(&agent), Signal::TERM).unwrap();
    assert_eq!(agent.wait().unwrap().code(), Some(0));
    assert_eq!(world.json("alice", &["agent", "run", "--headless", "--once"])["grants"], 0);
}

#[test]
fn the_next_command_has_the_rsa_key_that_one_has_made() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    world.register("radiologist", "physician");
    let note = world.write("note.txt", NOTE);
    world.yes("alice", &["record", "add", note.to_str().unwrap(), "--suite", "hybrid-rsa"]);
    assert_eq!(world.json("alice", &["party", "show"])["key_version"], 1);
    assert_eq!(text(&world.yes("alice", &["record", "get", "note.txt"])), NOTE);
    let other = world.write("other.txt", NOTE);
    world.yes("alice", &["record", "add", other.to_str().unwrap(), "--suite", "hybrid-rsa"]);
    assert_eq!(world.json("alice", &["party", "show"])["key_version"], 1, "a second key was made");
    let share = ["grant", "make", "--to", "radiologist", "--all", "--purpose", "treatment"];
    world.yes("alice", &[&share[..], &["--trust-first-use"]].concat());
    assert_eq!(text(&world.yes("radiologist", &["record", "get", "other.txt"])), NOTE);
}

#[test]
fn errors_under_json_are_objects_on_stderr_with_the_usual_exit_status() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    let complaint = |status: i32, arguments: &[&str]| -> Value {
        let error = world.no(status, "alice", &[arguments, &["--json"]].concat());
        serde_json::from_str(&error).unwrap_or_else(|fault| panic!("{fault}: {error}"))
    };
    let missing = complaint(1, &["record", "get", "nowhere.txt", "-o", "here.txt"]);
    assert!(missing["error"].as_str().unwrap().contains("nowhere.txt"), "{missing}");
    let usage =
        complaint(2, &["grant", "make", "--to", "bob", "--purpose", "billing", "--all", "--item", "x"]);
    assert!(usage["error"].as_str().unwrap().contains("--all"), "{usage}");
    let hinted = complaint(2, &["grant", "make", "--to", "alice", "--purpose", "billing"]);
    assert!(hinted["hint"].as_str().unwrap().contains("--item"), "{hinted}");
}

#[test]
fn adding_a_folder_again_seals_only_what_changed() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    world.write("visit/one.txt", "one");
    world.write("visit/deep/two.txt", "two");
    let folder = world.path("visit");
    let add = ["record", "add", folder.to_str().unwrap()];
    let outcomes = |report: &Value| -> Vec<String> {
        let files = report["files"].as_array().unwrap().iter();
        let mut all: Vec<_> =
            files.map(|file| format!("{} {}", file["name"], file["outcome"]).replace('"', "")).collect();
        all.sort();
        all
    };
    assert_eq!(outcomes(&world.json("alice", &add)), ["deep/two.txt sealed", "one.txt sealed"]);
    assert_eq!(outcomes(&world.json("alice", &add)), ["deep/two.txt unchanged", "one.txt unchanged"]);
    world.write("visit/one.txt", "one, corrected");
    assert_eq!(outcomes(&world.json("alice", &add)), ["deep/two.txt unchanged", "one.txt replaced"]);
    assert_eq!(ids(&world.json("alice", &["record", "list"])["items"]).len(), 2);
    world.yes("alice", &["record", "check"]);
    world.yes("alice", &["record", "remove", "one.txt"]);
    assert_eq!(ids(&world.json("alice", &["record", "list"])["items"]).len(), 1);
}

#[test]
fn misspelt_words_find_notes_and_words_that_are_not_there_find_none() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    let note = world.write("ct.txt", NOTE);
    world.yes("alice", &["record", "add", note.to_str().unwrap()]);
    let found = world.json("alice", &["search", "metastatis", "lung"]);
    assert_eq!(found["hits"].as_array().unwrap().len(), 1);
    world.no(1, "alice", &["search", "appendicitis"]);
}

#[test]
fn what_is_asked_for_is_granted_or_denied() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    world.register("insurer", "insurer");
    let note = world.write("invoice.txt", "42 EUR");
    world.yes("alice", &["record", "add", note.to_str().unwrap()]);
    let ask =
        ["grant", "request", "alice", "--purpose", "billing", "--note", "the invoice", "--trust-first-use"];
    let first = world.json("insurer", &ask)["request"].as_str().unwrap().to_owned();
    let second = world.json("insurer", &ask)["request"].as_str().unwrap().to_owned();
    assert_eq!(world.json("alice", &["grant", "deny", &first])["state"], "denied");
    world.yes("alice", &["grant", "approve", &second, "--item", "invoice.txt", "--trust-first-use"]);
    assert_eq!(text(&world.yes("insurer", &["record", "get", "invoice.txt"])), "42 EUR");
    world.no(1, "alice", &["grant", "deny", "zzzz"]);
}

#[test]
fn a_locked_device_asks_for_the_password_and_an_unlocked_one_does_not() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    world.yes("alice", &["record", "records"]);
    world.yes("alice", &["party", "lock"]);
    let error = world.no(2, "alice", &["record", "records"]);
    assert!(error.contains("--password-file"), "{error}");
    let password = world.path("password");
    world.yes("alice", &["record", "records", "--password-file", password.to_str().unwrap()]);
    world.yes("alice", &["party", "login", "--password-file", password.to_str().unwrap()]);
    world.yes("alice", &["record", "records"]);
    world.yes("alice", &["party", "logout"]);
    world.no(2, "alice", &["record", "records"]);
    let wrong = world.write("wrong", "not the password");
    world.no(1, "alice", &["record", "records", "--password-file", wrong.to_str().unwrap()]);
}

#[test]
fn a_new_device_needs_the_recovery_kit_besides_the_password() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    let note = world.write("note.txt", NOTE);
    world.yes("alice", &["record", "add", note.to_str().unwrap()]);
    let without = world.login_elsewhere("alice", "tablet", None);
    assert_eq!(without.status.code(), Some(1), "{}", text(&without.stderr));
    let with = world.login_elsewhere("alice", "tablet", Some(&world.path("alice.kit")));
    assert!(with.status.success(), "{}", text(&with.stderr));
    assert_eq!(text(&world.yes("tablet", &["record", "get", "note.txt"])), NOTE);
}

#[test]
fn a_changed_password_is_the_only_one_that_counts() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    let [old, new] = [world.path("password"), world.write("new", "another long password")];
    let [old, new] = [old.to_str().unwrap(), new.to_str().unwrap()];
    world.yes("alice", &["party", "passwd", "--password-file", old, "--new-password-file", new]);
    world.no(1, "alice", &["record", "records", "--password-file", old]);
    world.yes("alice", &["record", "records", "--password-file", new]);
}

#[test]
fn a_fingerprint_is_verified_by_its_digits() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    world.register("radiologist", "physician");
    let card = world.json("radiologist", &["party", "show"]);
    let digits = card["fingerprint"].as_str().unwrap();
    world.no(1, "alice", &["party", "verify", "radiologist", &"0".repeat(60)]);
    let verified = world.json("alice", &["party", "verify", "radiologist", digits]);
    assert_eq!(verified["trust"], "verified");
    world.no(2, "alice", &["party", "verify", "radiologist", "12345"]);
}

#[test]
fn exported_files_open_with_the_exported_key() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    let note = world.write("note.txt", NOTE);
    world.yes("alice", &["record", "add", note.to_str().unwrap()]);
    let [plain, sealed, key] = ["plain", "sealed", "key.txt"].map(|name| world.path(name));
    world.yes("alice", &["record", "export", "-o", plain.to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(plain.join("note.txt")).unwrap(), NOTE);
    world.yes("alice", &["record", "export", "--age", "-o", sealed.to_str().unwrap()]);
    world.yes("alice", &["key", "export", "-o", key.to_str().unwrap()]);
    let file = sealed.join("note.txt.age");
    let opened = world.yes("alice", &["open", "-i", key.to_str().unwrap(), file.to_str().unwrap()]);
    assert_eq!(text(&opened), NOTE);
    let taken_in =
        world.json("alice", &["record", "add", file.to_str().unwrap(), "-i", key.to_str().unwrap()]);
    assert_ne!(taken_in["files"][0]["outcome"], "refused", "{taken_in}");
}

#[test]
fn the_doctor_finds_nothing_wrong_and_says_when_the_cloud_is_away() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    world.yes("alice", &["doctor"]);
    world.no(1, "nobody", &["doctor"]);
}
