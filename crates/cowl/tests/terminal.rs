//! The questions that commands ask at a terminal, in a real pseudo-terminal.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // Helpers are test code, too.

mod world;

use std::os::unix::process::ExitStatusExt;

use world::terminal::Terminal;
use world::{PASSWORD, World, cowl, text};

/// A command of one party at a terminal.
fn at_terminal(world: &World, party: &str, arguments: &[&str]) -> Terminal {
    Terminal::run(&world.command(party, arguments))
}

/// A command that must end with this status; what the screen has shown.
fn ends(terminal: Terminal, status: i32) -> String {
    let (end, screen) = terminal.finish();
    assert_eq!(end.code(), Some(status), "{end}: {screen}");
    screen
}

fn register(world: &World) -> Terminal {
    at_terminal(world, "alice", &["party", "register", "alice", "--server", world.url()])
}

#[test]
fn registering_asks_for_the_password_twice_and_shows_neither() {
    let Some(world) = World::new() else { return };
    let mut terminal = register(&world);
    assert!(!terminal.expect("New password of alice: ").shows_keys());
    assert!(!terminal.answer(PASSWORD).expect("Once more: ").shows_keys());
    terminal.answer(PASSWORD);
    let screen = ends(terminal, 0);
    assert!(screen.contains("alice, unlocked") && !screen.contains(PASSWORD), "{screen}");
    world.yes("alice", &["record", "records"]);
}

#[test]
fn two_passwords_that_differ_make_no_account() {
    let Some(world) = World::new() else { return };
    let mut terminal = register(&world);
    terminal.expect("New password of alice: ").answer(PASSWORD).expect("Once more: ").answer("another one");
    let screen = ends(terminal, 2);
    assert!(screen.contains("do not agree; nothing was changed"), "{screen}");
    world.register("alice", "patient");
}

#[test]
fn an_empty_or_a_short_password_makes_no_account() {
    let Some(world) = World::new() else { return };
    let mut terminal = register(&world);
    terminal.expect("New password of alice: ").answer("").expect("Once more: ").answer("");
    assert!(ends(terminal, 2).contains("the password is empty"));
    let mut terminal = register(&world);
    terminal.expect("New password of alice: ").answer("short").expect("Once more: ").answer("short");
    assert!(ends(terminal, 2).contains("at least"));
    world.register("alice", "patient");
}

#[test]
fn ctrl_c_at_a_password_ends_by_the_signal_and_leaves_the_terminal_as_it_was() {
    let Some(world) = World::new() else { return };
    for keys in ["\x03", "half a pass\x03"] {
        let mut terminal = register(&world);
        terminal.expect("New password of alice: ").press(keys);
        let (end, screen) = terminal.finish();
        assert_eq!(end.signal(), Some(2), "{screen}");
    }
    let mut terminal = register(&world);
    terminal.expect("New password of alice: ").press("\x04");
    assert!(ends(terminal, 2).contains("nothing was typed"));
    world.register("alice", "patient");
}

#[test]
fn a_wrong_password_is_refused_as_often_as_it_is_typed_and_the_right_one_then_taken() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    world.yes("alice", &["party", "lock"]);
    for _ in 0..2 {
        let mut terminal = at_terminal(&world, "alice", &["party", "login"]);
        terminal.expect("Password of alice: ").answer("not the password");
        let screen = ends(terminal, 1);
        assert!(screen.contains("password"), "{screen}");
    }
    let mut terminal = at_terminal(&world, "alice", &["party", "login"]);
    terminal.expect("Password of alice: ").answer("wrong\x15correct hose\x7f\x7frse battery");
    ends(terminal, 0);
    world.yes("alice", &["record", "records"]);
}

#[test]
fn the_session_outlives_the_terminal_that_it_was_opened_in() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    world.yes("alice", &["party", "lock"]);
    let mut terminal = at_terminal(&world, "alice", &["party", "login"]);
    terminal.expect("Password of alice: ").answer(PASSWORD);
    ends(terminal, 0);
    world.yes("alice", &["record", "records"]);
}

#[test]
fn the_first_grant_to_somebody_asks_for_the_fingerprint() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    world.register("radiologist", "physician");
    let fingerprint =
        world.json("radiologist", &["party", "show"])["fingerprint"].as_str().unwrap().to_owned();
    world.write("note.txt", "no metastasis");
    world.yes("alice", &["record", "add", "note.txt"]);
    let share = ["grant", "make", "--to", "radiologist", "--item", "note.txt", "--purpose", "second-opinion"];
    let mut terminal = at_terminal(&world, "alice", &share);
    terminal.expect(&fingerprint[..20]).expect("Are these the digits? [y/N]").answer("");
    assert!(ends(terminal, 1).contains("nothing was shared"));
    let mut terminal = at_terminal(&world, "alice", &share);
    terminal.expect("Are these the digits? [y/N]").answer("y");
    ends(terminal, 0);
    assert_eq!(text(&world.yes("radiologist", &["record", "get", "note.txt"])), "no metastasis");
    assert_eq!(world.json("alice", &["party", "show", "radiologist"])["trust"], "verified");
    ends(at_terminal(&world, "alice", &share), 0);
}

#[test]
fn the_digits_of_a_fingerprint_can_be_typed_when_asked_for() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    world.register("radiologist", "physician");
    let digits = world.json("radiologist", &["party", "show"])["fingerprint"].as_str().unwrap().to_owned();
    let verify = ["party", "verify", "radiologist"];
    let mut terminal = at_terminal(&world, "alice", &verify);
    terminal.expect("The 60 digits that radiologist reads out to you: ").answer("");
    ends(terminal, 2);
    let mut terminal = at_terminal(&world, "alice", &verify);
    terminal.expect("reads out to you: ").answer(&digits);
    assert!(ends(terminal, 0).contains("verified"));
}

#[test]
fn an_account_is_destroyed_after_a_yes_and_the_password_only() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    let delete = ["party", "delete"];
    let mut terminal = at_terminal(&world, "alice", &delete);
    terminal.expect("Destroy alice and its keys?").answer("n");
    assert!(ends(terminal, 1).contains("nothing was deleted"));
    let mut terminal = at_terminal(&world, "alice", &delete);
    terminal.expect("[y/N]").answer("y").expect("Password of alice: ").answer("not the password");
    ends(terminal, 1);
    world.yes("alice", &["record", "records"]);
    let mut terminal = at_terminal(&world, "alice", &delete);
    terminal.expect("[y/N]").answer("y").expect("Password of alice: ").answer(PASSWORD);
    ends(terminal, 0);
    world.no(2, "alice", &["record", "records"]);
}

#[test]
fn a_password_is_changed_by_the_old_one_and_twice_the_new_one() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    let mut terminal = at_terminal(&world, "alice", &["party", "passwd"]);
    terminal.expect("Password of alice: ").answer("not the password");
    assert!(!ends(terminal, 1).contains("New password"));
    let mut terminal = at_terminal(&world, "alice", &["party", "passwd"]);
    terminal.expect("Password of alice: ").answer(PASSWORD);
    terminal.expect("New password: ").answer("another long password");
    terminal.expect("Once more: ").answer("another long password");
    ends(terminal, 0);
    let mut terminal = at_terminal(&world, "alice", &["record", "records"]);
    terminal.expect("Password of alice: ").answer("another long password");
    ends(terminal, 0);
}

#[test]
fn a_file_is_sealed_and_opened_with_a_passphrase_from_the_terminal() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("note.txt"), "no metastasis").unwrap();
    let mut seal = cowl(home.path());
    let mut terminal = Terminal::run(seal.args(["seal", "-p", "-o", "note.age", "note.txt"]));
    terminal.expect("New passphrase: ").answer("river stone").expect("Once more: ").answer("river stone");
    ends(terminal, 0);
    let mut open = cowl(home.path());
    let mut terminal = Terminal::run(open.args(["open", "note.age"]));
    terminal.expect("Passphrase: ").answer("river stone").expect("no metastasis");
    assert!(!ends(terminal, 0).contains("river stone"));
}

#[test]
fn without_a_terminal_the_error_says_how_to_give_a_password() {
    let Some(world) = World::new() else { return };
    let error = world.no(2, "alice", &["party", "register", "alice", "--server", world.url()]);
    assert!(error.contains("New password of alice: there is no terminal to ask for it"), "{error}");
    assert!(error.contains("--password-file FILE|-"), "{error}");
    world.register("alice", "patient");
    let error = world.no(2, "alice", &["party", "passwd", "--password-file", "password"]);
    assert!(error.contains("--new-password-file"), "{error}");
    let error = world.no(1, "alice", &["party", "delete"]);
    assert!(error.contains("--yes"), "{error}");
}
