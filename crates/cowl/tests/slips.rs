//! Slips of the hand: each error names what is wrong and what to do, and nothing is left behind.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // Helpers are test code, too.

mod world;

use world::World;

fn register<'a>(handle: &'a str, server: &'a str) -> [&'a str; 7] {
    ["party", "register", handle, "--server", server, "--password-file", "password"]
}

#[test]
fn a_mistyped_server_is_forgotten_as_soon_as_the_right_one_is_named() {
    let Some(world) = World::new() else { return };
    let error = world.no(2, "alice", &register("alice", "http://127.0.0.1:1"));
    assert!(error.contains("127.0.0.1:1"), "{error}");
    world.yes("alice", &register("alice", world.url()));
    world.yes("alice", &["doctor"]);
}

#[test]
fn what_is_no_address_and_no_certificate_makes_no_profile() {
    let Some(world) = World::new() else { return };
    for address in ["localhost:7700", "ftp://cloud.example", "https://", ""] {
        let error = world.no(2, "alice", &register("alice", address));
        assert!(error.contains("is not the address of a server, such as https://"), "{address}: {error}");
    }
    let with_ca = |file| [&register("alice", world.url())[..], &["--ca", file]].concat();
    assert!(
        world.no(2, "alice", &with_ca("nowhere.pem")).contains("nowhere.pem: No such file or directory\n")
    );
    assert!(!world.path("alice").exists());
}

#[test]
fn a_handle_that_is_taken_is_named_and_another_one_can_be_had() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    let error = world.no(1, "second", &register("alice", world.url()));
    assert!(error.contains("the handle alice is taken") && error.contains("choose another"), "{error}");
    world.yes("second", &register("alice2", world.url()));
}

#[test]
fn two_files_of_one_name_are_refused_before_one_takes_the_others_place() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    world.write("visits/1/report.txt", "one");
    world.write("visits/2/report.txt", "two");
    let error = world.no(2, "alice", &["record", "add", "visits/1/report.txt", "visits/2/report.txt"]);
    assert!(error.contains("two of the files are called 'report.txt'"), "{error}");
    world.no(2, "alice", &["record", "add", "visits/1", "visits/2"]);
    let added = world.json("alice", &["record", "add", "visits", "visits"]);
    assert_eq!(added["files"].as_array().unwrap().len(), 2, "{added}");
}

#[test]
fn a_file_of_another_folder_is_refused_where_its_name_is_taken_and_told_the_ways_out() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    world.write("visits/1/report.txt", "one");
    world.write("visits/2/report.txt", "two");
    world.yes("alice", &["record", "add", "visits/1"]);
    world.no(1, "alice", &["record", "add", "visits/2"]);
    assert_eq!(world.yes("alice", &["record", "get", "report.txt"]), b"one");
    world.yes("alice", &["record", "add", "visits/2/report.txt", "--name", "second.txt"]);
    world.yes("alice", &["record", "add", "visits/2", "--replace"]);
    assert_eq!(world.yes("alice", &["record", "get", "report.txt"]), b"two");
    world.yes("alice", &["record", "add", "visits/2", "--name", "second"]);
    for name in ["second.txt", "second/report.txt"] {
        assert_eq!(world.yes("alice", &["record", "get", name]), b"two", "{name}");
    }
    world.no(2, "alice", &["record", "add", "visits/1", "visits/2/report.txt", "--name", "which"]);
}

#[test]
fn names_may_hold_spaces_and_any_letters_and_stand_for_their_items() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    world.write("größe und 所見.txt", "one");
    world.yes("alice", &["record", "new", "Arzt in Köln"]);
    world.yes("alice", &["record", "add", "größe und 所見.txt", "--record", "Arzt in Köln"]);
    assert_eq!(world.yes("alice", &["record", "get", "größe und 所見.txt"]), b"one");
    let error = world.no(1, "alice", &["record", "new", "Arzt in Köln"]);
    assert!(error.contains("a record 'Arzt in Köln' already"), "{error}");
    world.no(2, "alice", &["record", "new", " "]);
}

#[test]
fn what_is_not_found_is_named_with_the_command_that_shows_what_there_is() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    for (arguments, hint) in [
        (["record", "get", "nope"].as_slice(), "cowl record list"),
        (&["record", "list", "--record", "nope"], "cowl record records"),
        (&["grant", "show", "nope"], "cowl grant list"),
        (&["grant", "deny", "nope"], "cowl grant requests"),
        (&["party", "show", "nope"], "cowl party list"),
    ] {
        let error = world.no(1, "alice", arguments);
        assert!(error.contains("'nope'") && error.contains(hint), "{error}");
    }
}

#[test]
fn nobody_needs_a_grant_on_what_is_his_own() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    let error = world.no(2, "alice", &["grant", "make", "--to", "alice", "--all", "--purpose", "billing"]);
    assert!(error.contains("without a grant"), "{error}");
}

#[test]
fn a_kit_that_is_none_is_told_from_one_with_a_wrong_word() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    let no_kit = world.login_elsewhere("alice", "tablet", Some(&world.path("password")));
    assert!(String::from_utf8_lossy(&no_kit.stderr).contains("no recovery kit in it"));
    let kit = String::from_utf8(world.yes("alice", &["party", "kit"])).unwrap();
    let misspelt = world.write("kit", kit.replacen(char::is_alphabetic, "q", 1));
    let refused = world.login_elsewhere("alice", "tablet", Some(&misspelt));
    assert_ne!(refused.status.code(), Some(0));
    assert!(!String::from_utf8_lossy(&refused.stderr).contains("no recovery kit in it"));
}

#[test]
fn a_cloud_that_is_away_is_one_finding_of_the_doctor_and_locks_nobody_out_of_locking() {
    let Some(mut world) = World::new() else { return };
    world.register("alice", "patient");
    world.stop_server();
    let error = world.no(1, "alice", &["doctor"]);
    assert!(error.contains("one thing is not as it should be"), "{error}");
    let error = world.no(2, "alice", &["record", "list"]);
    assert!(error.contains("does not answer") && error.contains("nothing is lost"), "{error}");
    let error = world.no(2, "alice", &["party", "logout"]);
    assert!(error.contains("this device is locked"), "{error}");
    let error = world.no(2, "alice", &["record", "list"]);
    assert!(error.contains("there is no terminal to ask for it"), "{error}");
}

#[test]
fn a_sealed_file_that_was_added_without_its_key_is_opened_when_the_key_comes() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    world.write("note.txt", "one");
    world.yes("alice", &["key", "make", "-o", "key.txt"]);
    let recipient = String::from_utf8(world.yes("alice", &["key", "recipient", "-i", "key.txt"])).unwrap();
    world.yes("alice", &["seal", "-r", recipient.trim(), "-o", "note.txt.age", "note.txt"]);
    world.yes("alice", &["record", "add", "note.txt.age"]);
    world.no(1, "alice", &["record", "get", "note.txt"]);
    world.yes("alice", &["record", "add", "note.txt.age", "-i", "key.txt"]);
    assert_eq!(world.yes("alice", &["record", "get", "note.txt"]), b"one");
}

#[test]
fn a_session_that_was_ended_on_another_device_says_how_to_go_on() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    let tablet = world.login_elsewhere("alice", "tablet", Some(&world.path("alice.kit")));
    assert!(tablet.status.success());
    world.write("new", "another long password");
    let change = ["party", "passwd", "--password-file", "password", "--new-password-file", "new"];
    world.yes("tablet", &change);
    let error = world.no(1, "alice", &["record", "list"]);
    assert!(error.contains("ended") && error.contains("cowl party login"), "{error}");
    assert!(world.no(1, "alice", &["doctor"]).contains("one thing is not as it should be"));
    world.yes("alice", &["party", "login", "--password-file", "new"]);
    world.yes("alice", &["record", "list"]);
}
