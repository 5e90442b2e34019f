//! Files and keys go to other people's age and come back: Debian's `age` and npm `age-encryption`.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // Helpers are test code, too.

mod world;

use std::path::{Path, PathBuf};
use std::process::Command;

use world::{World, cowl, text, with_stdin};

const CONTENT: &[u8] = b"for other programs, too\n";

fn run(home: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = cowl(home).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    output.stdout
}

/// A key pair as `cowl key make` writes it: the file, and the recipient.
fn key(home: &Path, classic: bool) -> (PathBuf, String) {
    let file = home.join(if classic { "classic.txt" } else { "key.txt" });
    let kind = if classic { &["--classic"][..] } else { &[] };
    run(home, &[&["key", "make", "-o", file.to_str().unwrap()], kind].concat());
    let recipient = text(&run(home, &["key", "recipient", "-i", file.to_str().unwrap()])).trim().to_owned();
    (file, recipient)
}

/// Debian's age, which knows X25519 only.
fn age() -> Option<Command> {
    let there = Command::new("age").arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("skipped: there is no 'age' program");
    }
    there.then(|| Command::new("age"))
}

/// npm's age-encryption, run by node in the folder that holds its `node_modules`.
fn npm(script: &str, arguments: &[&str]) -> Option<Command> {
    let Some(folder) = std::env::var_os("COWL_TEST_AGE_NPM") else {
        eprintln!("skipped: COWL_TEST_AGE_NPM does not say where age-encryption is installed");
        return None;
    };
    let mut node = Command::new("node");
    let head =
        "import { Encrypter, Decrypter } from 'age-encryption'; import { readFileSync, writeSync } from 'fs';
        const input = readFileSync(0); const [, argument] = process.argv;
        const put = (bytes) => { let at = 0; while (at < bytes.length) at += writeSync(1, bytes, at); };";
    node.current_dir(folder)
        .args(["--input-type=module", "--eval", &format!("{head}{script}"), "--"])
        .args(arguments);
    Some(node)
}

const NPM_OPEN: &str =
    "const it = new Decrypter(); it.addIdentity(argument); put(await it.decrypt(new Uint8Array(input)));";
const NPM_SEAL: &str =
    "const it = new Encrypter(); it.addRecipient(argument); put(await it.encrypt(new Uint8Array(input)));";

/// The secret line of an identity file.
fn secret(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap().to_owned()
}

#[test]
fn debians_age_opens_what_cowl_seals_to_a_classic_key_and_the_other_way_round() {
    let (Some(mut opener), Some(mut sealer)) = (age(), age()) else { return };
    let home = tempfile::tempdir().unwrap();
    let (file, recipient) = key(home.path(), true);
    for armor in [&[][..], &["-a"]] {
        let sealed = with_stdin(cowl(home.path()).args(["seal", "-r", &recipient]).args(armor), CONTENT);
        let opened = with_stdin(age().unwrap().arg("-d").arg("-i").arg(&file), &sealed.stdout);
        assert_eq!(opened.stdout, CONTENT, "{}", text(&opened.stderr));
    }
    let sealed = with_stdin(sealer.args(["-r", &recipient]), CONTENT);
    let opened = with_stdin(cowl(home.path()).arg("open").arg("-i").arg(&file), &sealed.stdout);
    assert_eq!(opened.stdout, CONTENT, "{}", text(&opened.stderr));
    let for_others = with_stdin(cowl(home.path()).args(["seal", "-r", &key(home.path(), false).1]), CONTENT);
    assert!(!with_stdin(opener.arg("-d").arg("-i").arg(&file), &for_others.stdout).status.success());
}

#[test]
fn npms_age_opens_what_cowl_seals_to_a_post_quantum_key_and_the_other_way_round() {
    let home = tempfile::tempdir().unwrap();
    let (file, recipient) = key(home.path(), false);
    let (Some(mut opener), Some(mut sealer)) =
        (npm(NPM_OPEN, &[&secret(&file)]), npm(NPM_SEAL, &[&recipient]))
    else {
        return;
    };
    let sealed = with_stdin(cowl(home.path()).args(["seal", "-r", &recipient]), CONTENT);
    let opened = with_stdin(&mut opener, &sealed.stdout);
    assert_eq!(opened.stdout, CONTENT, "{}", text(&opened.stderr));
    let sealed = with_stdin(&mut sealer, CONTENT);
    let opened = with_stdin(cowl(home.path()).arg("open").arg("-i").arg(&file), &sealed.stdout);
    assert_eq!(opened.stdout, CONTENT, "{}", text(&opened.stderr));
}

#[test]
fn npms_age_opens_an_export_with_the_exported_key() {
    let Some(world) = World::new() else { return };
    world.register("alice", "patient");
    let note = world.write("note.txt", CONTENT);
    world.yes("alice", &["record", "add", note.to_str().unwrap()]);
    let [folder, key] = ["sealed", "key.txt"].map(|name| world.path(name));
    world.yes("alice", &["record", "export", "--age", "-o", folder.to_str().unwrap()]);
    world.yes("alice", &["key", "export", "-o", key.to_str().unwrap()]);
    let Some(mut opener) = npm(NPM_OPEN, &[&secret(&key)]) else { return };
    let opened = with_stdin(&mut opener, &std::fs::read(folder.join("note.txt.age")).unwrap());
    assert_eq!(opened.stdout, CONTENT, "{}", text(&opened.stderr));
}

#[test]
fn debians_age_opens_an_export_to_its_key() {
    let (Some(world), Some(mut opener)) = (World::new(), age()) else { return };
    world.register("alice", "patient");
    let note = world.write("note.txt", CONTENT);
    world.yes("alice", &["record", "add", note.to_str().unwrap()]);
    let (file, recipient) = key(world.folder.path(), true);
    let folder = world.path("sealed");
    world.yes("alice", &["record", "export", "--age", "--to", &recipient, "-o", folder.to_str().unwrap()]);
    let opened = with_stdin(
        opener.arg("-d").arg("-i").arg(&file),
        &std::fs::read(folder.join("note.txt.age")).unwrap(),
    );
    assert_eq!(opened.stdout, CONTENT, "{}", text(&opened.stderr));
}
