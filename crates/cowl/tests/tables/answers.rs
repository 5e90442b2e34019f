//! What a researcher gets, and what each side is shown before.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Study, mean, rows, value};
use crate::world::text;

#[test]
fn a_researcher_asks_and_the_hospital_answers_by_hand() {
    let Some(study) = Study::begin() else { return };
    study.grant(&["--note", "length of stay"]);
    let world = &study.world;
    let tables = world.json("researcher", &["table", "list"]);
    assert_eq!(tables["tables"][0]["note"], "length of stay");
    assert_eq!(tables["tables"][0]["minimum_cohort"], 10);
    let shown = world.json("researcher", &["table", "show", &study.table[..8]]);
    assert_eq!(shown["rows"], 1000);
    let roles = shown["schema"].as_array().unwrap().iter().map(|column| column["role"].as_str().unwrap());
    assert_eq!(roles.filter(|role| *role == "secret").count(), 3);

    let job = study.ask("SELECT ICU, count(*), enc_avg(LOS) FROM t GROUP BY ICU ORDER BY ICU");
    let waiting = world.json("hospital", &["job", "list", "--waiting"]);
    assert_eq!(waiting["jobs"][0]["job"], job);
    let seen = text(&world.yes("hospital", &["job", "show", &job[..8]]));
    assert!(seen.contains("SELECT ICU, count(*), enc_avg(LOS) FROM pn2012 GROUP BY ICU"), "{seen}");
    for learner in ["the cloud", "hospital", "researcher"] {
        assert!(seen.lines().any(|line| line.trim_start().starts_with(learner)), "{learner}: {seen}");
    }
    assert!(world.no(1, "researcher", &["evidence", "verify", &job]).contains("no evidence"));
    world.yes("hospital", &["job", "approve", &job]);

    let path = world.path("figures.json");
    world.yes("researcher", &["job", "show", &job, "-o", path.to_str().unwrap()]);
    let result: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for (place, unit) in ["CCU", "CSRU", "MICU", "SICU"].into_iter().enumerate() {
        let stays: Vec<_> = rows().into_iter().filter(|row| row.0 == unit).collect();
        assert_eq!(result["rows"][place][0], unit);
        assert_eq!(result["rows"][place][1], stays.len());
        let complete = stays.iter().filter(|row| row.2.is_some()).filter_map(|row| row.3);
        let expected = mean(complete);
        assert!((value(&result, place, 2) - expected).abs() < 1e-9 * expected, "{result:#}");
    }
    let proven = world.json("researcher", &["evidence", "verify", &job]);
    assert_eq!((&proven["result"], &proven["signed_by"]), (&Value::from(true), &Value::from("hospital")));
    assert_eq!(proven["rows"], 1000);
    let seen = text(&world.yes("researcher", &["job", "show", &job]));
    assert!(seen.contains("MICU") && seen.contains("enc_avg(LOS)"), "{seen}");
    let events = world.json("researcher", &["audit", "list"]);
    assert!(events["events"].as_array().unwrap().iter().any(|event| event["event"] == "job-settled"));
}

#[test]
fn the_agent_answers_what_grants_allow_while_the_researcher_waits() {
    let Some(study) = Study::begin() else { return };
    study.grant(&[]);
    let mut agent: Command = study.world.command("hospital", ["agent", "run", "--headless", "--every", "1s"]);
    let mut agent = agent.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let regress =
        ["table", "regress", "--target", "LOS", "--on", "Age,MechVent", "--where", "death = 0", "--yes"];
    let answer = study.world.json("researcher", &regress);
    let _ = agent.kill();
    let _ = agent.wait();
    let model = &answer["result"]["rows"][0][0]["model"];
    let alive = rows().into_iter().filter(|row| row.1 == 0 && row.2.is_some() && row.3.is_some()).count();
    assert_eq!(model["rows"], alive);
    let terms: Vec<_> =
        model["coefficients"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(terms[1..], ["Age", "MechVent"]);
}

#[test]
fn an_owner_asks_about_an_own_table_without_a_grant() {
    let Some(study) = Study::begin() else { return };
    let answer = study
        .world
        .json("hospital", &["table", "query", "SELECT count(*), enc_sum(Age) FROM pn2012", "--yes"]);
    assert_eq!(answer["result"]["rows"][0][0], 1000);
    let ages = rows().into_iter().filter(|row| row.3.is_some()).filter_map(|row| row.2);
    assert_eq!(value(&answer["result"], 0, 1), ages.sum::<f64>());
}

#[test]
fn groups_that_are_too_small_are_left_out() {
    let Some(study) = Study::begin() else { return };
    study.grant(&[]);
    let result = study.answered("SELECT ICU, death, count(*), enc_avg(Age) FROM t GROUP BY ICU, death");
    // Of eight groups the one of the eight who died in the CSRU is missing.
    let groups = result["rows"].as_array().unwrap();
    assert_eq!(groups.len(), 7);
    assert!(groups.iter().all(|group| group[0] != "CSRU" || group[1] == 0), "{result:#}");
}

#[test]
fn figures_are_written_as_csv_json_and_parquet() {
    let Some(study) = Study::begin() else { return };
    study.grant(&[]);
    let job = study.ask("SELECT ICU, enc_avg(Age) FROM t GROUP BY ICU ORDER BY ICU");
    study.look();
    let world = &study.world;
    let csv = text(&world.yes("researcher", &["job", "show", &job, "-o", "-"]));
    assert!(
        csv.starts_with("ICU,enc_avg(Age),enc_avg(Age) rows used,enc_avg(Age) rows left out\nCCU,"),
        "{csv}"
    );
    for name in ["figures.csv", "figures.json", "figures.parquet"] {
        let path = world.path(name);
        world.yes("researcher", &["job", "show", &job, "-o", path.to_str().unwrap()]);
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.len() > 50, "{name}");
        assert_eq!(bytes.starts_with(b"PAR1"), name.ends_with("parquet"));
    }
    world.no(2, "researcher", &["job", "show", &job, "-o", "figures"]);
}
