//! An owner's machine that dies while it answers.

use std::process::Stdio;
use std::time::Duration;

use super::Study;

/// Kills 'job approve' after this long.
fn approve_and_die(study: &Study, job: &str, after: Duration) {
    let mut command = study.world.command("hospital", ["job", "approve", job]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(after);
    let _ = child.kill();
    let _ = child.wait();
}

#[test]
fn an_owner_who_dies_in_the_middle_loses_no_answered_question() {
    let Some(study) = Study::begin() else { return };
    study.grant(&[]);
    for millis in [20, 60, 120, 200, 300, 450, 700] {
        let job = study.ask("SELECT enc_avg(LOS) FROM t WHERE ICU = 'CSRU'");
        approve_and_die(&study, &job, Duration::from_millis(millis));
        study.look();
        let shown = study.world.json("researcher", &["job", "show", &job]);
        let state = shown["state"].as_str().unwrap();
        match state {
            "settled" => {
                study.world.yes("researcher", &["evidence", "verify", &job]);
            }
            "refused" => {
                let why = shown["refusal"].as_str().unwrap();
                assert!(why.contains("ask again"), "{why}");
            }
            other => panic!("after {millis} ms: {other}"),
        }
    }
    // Whatever was answered is remembered.
    study.answered("SELECT enc_avg(LOS) FROM t WHERE ICU = 'CSRU'");
    let why = study.refused("SELECT enc_avg(LOS) FROM t WHERE ICU = 'CSRU' AND death = 0");
    assert!(why.contains("single out"), "{why}");
}
