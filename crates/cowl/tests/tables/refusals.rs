//! Who gets nothing, and which words they get instead.

use super::{Study, files};
use crate::world::text;

#[test]
fn a_question_that_the_hospital_denies_gives_its_words_and_no_figure() {
    let Some(study) = Study::begin() else { return };
    study.grant(&[]);
    let job = study.ask("SELECT enc_avg(LOS) FROM t");
    study.world.yes("hospital", &["job", "deny", &job, "--reason", "not before the board has met"]);
    let shown = study.world.json("researcher", &["job", "show", &job]);
    assert_eq!(
        (&shown["state"], &shown["refusal"]),
        (&"refused".into(), &"not before the board has met".into())
    );
    assert!(study.world.no(1, "researcher", &["evidence", "verify", &job]).contains("no evidence"));
    assert!(study.world.no(1, "hospital", &["job", "approve", &job]).contains("refused already"));
}

#[test]
fn two_questions_that_differ_by_few_patients_are_not_both_answered() {
    let Some(study) = Study::begin() else { return };
    study.grant(&[]);
    study.answered("SELECT enc_avg(LOS) FROM t WHERE ICU = 'CSRU'");
    // The eight who died there would be the difference.
    let why = study.refused("SELECT enc_avg(LOS) FROM t WHERE ICU = 'CSRU' AND death = 0");
    assert!(why.contains("single out fewer than 10") && why.contains("nearest group"), "{why}");
    // Nor over a third question.
    study.answered("SELECT enc_avg(LOS) FROM t WHERE ICU <> 'CSRU'");
    let why = study.refused("SELECT enc_avg(LOS) FROM t WHERE ICU <> 'CSRU' OR death = 0");
    assert!(why.contains("single out fewer than 10"), "{why}");
    let why = study.refused("SELECT enc_avg(LOS) FROM t WHERE ICU = 'CSRU' AND death = 1");
    assert!(why.contains("fewer than 10"), "{why}");
    // What was answered once may be asked again, for another figure too.
    study.answered("SELECT enc_var(LOS) FROM t WHERE ICU = 'CSRU'");
}

#[test]
fn a_grant_that_was_taken_back_or_used_up_allows_nothing() {
    let Some(study) = Study::begin() else { return };
    let world = &study.world;
    let nobody = world.no(1, "researcher", &["table", "query", "SELECT count(*) FROM t", "--yes"]);
    assert!(nobody.contains("there is no table that you may ask about"), "{nobody}");
    let once = study.grant(&["--runs", "1"]);
    study.answered("SELECT enc_avg(LOS) FROM t");
    let again =
        world.command("researcher", ["table", "query", "SELECT enc_avg(Age) FROM t", "--yes", "--detach"]);
    let mut again = again;
    let refused = again.output().unwrap();
    if refused.status.success() {
        let looked = study.look();
        assert_eq!(looked["jobs"][0]["outcome"], "not-answered", "{looked}");
    }
    world.yes("hospital", &["grant", "revoke", &once]);
    study.grant(&[]);
    let job = study.ask("SELECT enc_avg(Age) FROM t");
    world.yes("hospital", &["grant", "revoke", "--from", "researcher"]);
    study.look();
    let state = world.json("researcher", &["job", "show", &job])["state"].as_str().unwrap().to_owned();
    assert!(["refused", "failed"].contains(&state.as_str()), "{state}");
    world.no(1, "researcher", &["table", "query", "SELECT enc_avg(Age) FROM t", "--yes"]);
    // No key was handed over, so nothing is sealed anew.
    assert_eq!(world.json("hospital", &["record", "show", &study.table])["version"], 0);
}

#[test]
fn sql_that_does_more_than_add_is_refused_by_name() {
    let Some(study) = Study::begin() else { return };
    study.grant(&[]);
    let refusal = |sql: &str| study.world.no(1, "researcher", &["table", "query", sql, "--yes"]);
    for (sql, named) in [
        ("ATTACH DATABASE 'other.db' AS other", "ATTACH"),
        ("PRAGMA table_info(t)", "PRAGMA"),
        ("WITH RECURSIVE n AS (SELECT 1) SELECT count(*) FROM t", "WITH"),
        ("SELECT count(*) FROM t JOIN t AS u ON t.ICU = u.ICU", "join"),
        ("SELECT enc_sum(LOS * 2) FROM t", "an expression in an aggregate"),
        ("SELECT LOS FROM t", "LOS"),
        ("SELECT enc_avg(LOS) FROM t WHERE Age > 90", "Age"),
        ("SELECT enc_avg(ICU) FROM t", "ICU"),
        ("SELECT count(*) FROM patients", "patients"),
        ("DROP TABLE t", "DROP"),
    ] {
        let error = refusal(sql);
        assert!(error.contains(named), "{sql}: {error}");
    }
    let jobs = study.world.json("researcher", &["job", "list"]);
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 0, "nothing of it was asked");
}

#[test]
fn nothing_is_asked_before_somebody_has_seen_who_learns_what() {
    let Some(study) = Study::begin() else { return };
    study.grant(&[]);
    let output =
        study.world.command("researcher", ["table", "query", "SELECT enc_avg(LOS) FROM t"]).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the cloud") && said.contains("no figure about fewer than 10 rows"), "{said}");
    assert!(said.contains("--yes"), "{said}");
    let jobs = study.world.json("hospital", &["job", "list"]);
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 0);
}

#[test]
fn a_cloud_that_changes_a_byte_of_the_table_is_caught() {
    let Some(study) = Study::begin() else { return };
    study.grant(&[]);
    let packs = study.world.path("cloud/parts/packs");
    let largest =
        files(&packs).into_iter().max_by_key(|path| std::fs::metadata(path).unwrap().len()).unwrap();
    let mut bytes = std::fs::read(&largest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&largest, bytes).unwrap();
    let job = study.ask("SELECT enc_avg(LOS) FROM t");
    let looked = study.look();
    assert_ne!(looked["jobs"][0]["outcome"], "answered", "{looked}");
    let shown = study.world.json("researcher", &["job", "show", &job]);
    assert_ne!(shown["state"], "settled");
    let error = study.world.no(1, "hospital", &["table", "get", "pn2012", "-o", "rows.csv"]);
    assert!(!error.is_empty());
    assert!(!study.world.path("rows.csv").exists());
}
