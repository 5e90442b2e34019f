//! `cowl seal`, `cowl open` and `cowl key`: no server, files and pipes.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // Helpers are test code, too.

mod world;

use std::path::Path;
use std::process::Output;

use tempfile::TempDir;
use world::{cowl, text, with_stdin};

struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        bench.expect(0, &["key", "make", "-o", "key.txt"]);
        bench
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn recipient(&self) -> String {
        text(&self.expect(0, &["key", "recipient", "-i", "key.txt"]).stdout).trim().to_owned()
    }

    fn expect(&self, status: i32, arguments: &[&str]) -> Output {
        let output = cowl(self.path()).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", text(&output.stderr));
        output
    }
}

fn content() -> Vec<u8> {
    (0..3_000_000_u32).map(|at| (at % 251) as u8).collect()
}

#[test]
fn files_are_sealed_and_opened() {
    let bench = Bench::new();
    std::fs::write(bench.path().join("scan"), content()).unwrap();
    bench.expect(0, &["seal", "-r", &bench.recipient(), "-o", "scan.age", "scan"]);
    bench.expect(0, &["open", "-i", "key.txt", "-o", "again", "scan.age"]);
    assert!(std::fs::read(bench.path().join("again")).unwrap() == content());
}

#[test]
fn pipes_are_sealed_and_opened() {
    let bench = Bench::new();
    for armor in [&[][..], &["-a"]] {
        let sealed =
            with_stdin(cowl(bench.path()).args(["seal", "-r", &bench.recipient()]).args(armor), &content());
        assert!(sealed.status.success());
        let opened = with_stdin(cowl(bench.path()).args(["open", "-i", "key.txt"]), &sealed.stdout);
        assert!(opened.stdout == content());
    }
}

#[test]
fn a_passphrase_seals_and_opens_and_another_does_not() {
    let bench = Bench::new();
    std::fs::write(bench.path().join("pass"), "open sesame\n").unwrap();
    std::fs::write(bench.path().join("wrong"), "open barley\n").unwrap();
    std::fs::write(bench.path().join("note"), "content").unwrap();
    bench.expect(0, &["seal", "--passphrase-file", "pass", "-o", "note.age", "note"]);
    assert_eq!(bench.expect(0, &["open", "--passphrase-file", "pass", "note.age"]).stdout, b"content");
    bench.expect(1, &["open", "--passphrase-file", "wrong", "note.age"]);
    bench.expect(1, &["open", "-i", "key.txt", "note.age"]);
}

#[test]
fn a_file_for_others_or_a_changed_one_leaves_nothing_behind() {
    let bench = Bench::new();
    std::fs::write(bench.path().join("scan"), content()).unwrap();
    bench.expect(0, &["seal", "-r", &bench.recipient(), "-o", "scan.age", "scan"]);
    bench.expect(0, &["key", "make", "-o", "other.txt"]);
    bench.expect(1, &["open", "-i", "other.txt", "-o", "out", "scan.age"]);
    let sealed = std::fs::read(bench.path().join("scan.age")).unwrap();
    std::fs::write(bench.path().join("cut.age"), &sealed[..sealed.len() - 1]).unwrap();
    let cut = bench.expect(1, &["open", "-i", "key.txt", "-o", "out", "cut.age"]);
    assert!(text(&cut.stderr).starts_with("error: not opened"), "{}", text(&cut.stderr));
    let mut changed = sealed;
    changed[1_500_000] ^= 1;
    std::fs::write(bench.path().join("changed.age"), changed).unwrap();
    bench.expect(1, &["open", "-i", "key.txt", "-o", "out", "changed.age"]);
    assert!(!bench.path().join("out").exists());
}

#[test]
fn classic_keys_are_made_on_request_and_do_not_mix_with_post_quantum_ones() {
    let bench = Bench::new();
    bench.expect(0, &["key", "make", "--classic", "-o", "classic.txt"]);
    let classic = text(&bench.expect(0, &["key", "recipient", "-i", "classic.txt"]).stdout);
    assert!(classic.starts_with("age1") && classic.trim().len() == 62, "{classic}");
    assert!(bench.recipient().starts_with("age1pq1"));
    std::fs::write(bench.path().join("note"), "content").unwrap();
    bench.expect(0, &["seal", "-r", classic.trim(), "-o", "note.age", "note"]);
    assert_eq!(bench.expect(0, &["open", "-i", "classic.txt", "note.age"]).stdout, b"content");
    bench.expect(2, &["seal", "-r", classic.trim(), "-r", &bench.recipient(), "-o", "both.age", "note"]);
}

#[test]
fn a_key_file_is_never_written_over() {
    let bench = Bench::new();
    let before = std::fs::read(bench.path().join("key.txt")).unwrap();
    bench.expect(2, &["key", "make", "-o", "key.txt"]);
    assert_eq!(std::fs::read(bench.path().join("key.txt")).unwrap(), before);
}

#[test]
fn what_is_told_in_json_does_not_mix_with_content() {
    let bench = Bench::new();
    std::fs::write(bench.path().join("note"), "content").unwrap();
    let told = bench.expect(0, &["seal", "--json", "-r", &bench.recipient(), "-o", "note.age", "note"]);
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!((told["bytes"].as_u64(), told["done"].as_str()), (Some(7), Some("sealed")));
    bench.expect(2, &["open", "--json", "-i", "key.txt", "note.age"]);
}

#[test]
fn a_recipients_file_may_hold_comments_and_names_its_bad_lines() {
    let bench = Bench::new();
    std::fs::write(bench.path().join("note"), "content").unwrap();
    std::fs::write(bench.path().join("team.txt"), format!("# the team\n\n{}\n", bench.recipient())).unwrap();
    bench.expect(0, &["seal", "-R", "team.txt", "-o", "note.age", "note"]);
    assert_eq!(bench.expect(0, &["open", "-i", "key.txt", "note.age"]).stdout, b"content");
    std::fs::write(bench.path().join("bad.txt"), "# the team\nage1mistyped\n").unwrap();
    let bad = bench.expect(2, &["seal", "-R", "bad.txt", "note"]);
    assert!(text(&bad.stderr).contains("bad.txt: line 2"), "{}", text(&bad.stderr));
}
