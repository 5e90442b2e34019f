//! Scores of single rows, for their owner and for whom it lets have them; and what else only an owner may have.

use super::{Study, files, rows};
use crate::world::{World, text};

/// Rows and scores of a CSV file.
fn scores(csv: &str) -> Vec<Option<f64>> {
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("row,score"));
    let score = |(number, line): (usize, &str)| {
        let (row, score) = line.split_once(',').unwrap();
        assert_eq!(row, number.to_string());
        if score.is_empty() { None } else { Some(score.parse().unwrap()) }
    };
    (1..).zip(lines).map(score).collect()
}

fn expected() -> Vec<Option<f64>> {
    rows().into_iter().map(|(_, _, age, _)| age.map(|age| 0.5 * age + 2.0)).collect()
}

#[test]
fn rows_are_scored_for_their_owner_and_under_a_grant_of_its_own() {
    let columns = ["--open", "ICU,death", "--secret", "Age,MechVent,LOS", "--scored", "Age,MechVent"];
    let Some(study) = Study::sealed(&columns) else { return };
    let world = &study.world;
    let model = world.write("model.csv", "name,coefficient\n(intercept),2\nAge,0.5\n");
    let score = ["table", "score", "--model", model.to_str().unwrap(), "--yes", "-o"];
    let path = world.path("scores.csv");
    world.yes("hospital", &[score.as_slice(), &[path.to_str().unwrap()]].concat());
    assert_eq!(scores(&std::fs::read_to_string(&path).unwrap()), expected());

    // A grant for figures is none for scores.
    study.grant(&[]);
    let refused = world.no(1, "researcher", &[score.as_slice(), &["-"]].concat());
    assert!(refused.contains("nobody has granted you") && refused.contains("additive-score"), "{refused}");
    let make = ["grant", "make", "--to", "researcher", "--item", &study.table, "--power", "compute"];
    let terms = ["--technique", "additive-score", "--purpose", "research"];
    world.yes("hospital", &[make.as_slice(), &terms].concat());
    let asked = world.json("researcher", &[&score[..5], &["--detach"]].concat());
    let job = asked["job"].as_str().unwrap();
    let seen = text(&world.yes("hospital", &["job", "show", job]));
    assert!(seen.contains("the score of each row of pn2012: 2 + 0.5 · Age"), "{seen}");
    assert!(seen.contains("1000 numbers in the order of the table"), "{seen}");
    let looked = study.look();
    assert_eq!(looked["jobs"][0]["outcome"], "answered", "{looked}");
    let csv = text(&world.yes("researcher", &["job", "show", job, "-o", "-"]));
    assert_eq!(scores(&csv), expected());
    let proven = world.json("researcher", &["evidence", "verify", job]);
    assert_eq!((&proven["technique"], &proven["rows"]), (&"additive-score".into(), &1000.into()));

    a_changed_table_gives_no_score(&study, &score[..5]);
}

/// The file that the cloud put together is its own: no hash of parts stands in the way of changing it.
fn a_changed_table_gives_no_score(study: &Study, score: &[&str]) {
    let cloud = files(&study.world.path("cloud"));
    let put_together = cloud.into_iter().filter(|path| !path.to_str().unwrap().contains("packs"));
    let mut read = put_together.map(|path| (std::fs::read(&path).unwrap(), path));
    let (mut bytes, table) = read.find(|(bytes, _)| bytes.starts_with(b"PAR1")).unwrap();
    // The set of scores is the last before the footer.
    let at = bytes.len() - 24 * 1024;
    bytes[at..].iter_mut().step_by(64).take(100).for_each(|byte| *byte ^= 1);
    std::fs::write(&table, bytes).unwrap();
    let asked = study.world.json("researcher", &[score, &["--detach"]].concat());
    let looked = study.look();
    assert_ne!(looked["jobs"][0]["outcome"], "answered", "{looked}");
    let shown = study.world.json("researcher", &["job", "show", asked["job"].as_str().unwrap()]);
    assert_ne!(shown["state"], "settled");
}

/// Patients with signs, and their scores by the chart of the Royal College of Physicians, added up by hand.
const SIGNS: &str = "\
ward,breaths,spo2,oxygen,systolic,pulse,confused,temperature
A,16,97,0,120,72,0,36.8
A,22,95,0,105,95,0,38.4
B,26,91,1,88,132,1,34.9
B,8,93,1,225,40,0,39.2
B,11,96,0,111,51,0,36.1
A,,97,0,120,72,0,36.8
";
const NEWS2: [Option<f64>; 6] = [
    Some(0.0),
    Some(2.0 + 1.0 + 1.0 + 1.0 + 1.0),
    Some(20.0),
    Some(3.0 + 2.0 + 2.0 + 3.0 + 3.0 + 2.0),
    Some(1.0),
    None,
];

#[test]
fn early_warning_scores_are_had_from_bins_that_the_hospital_seals() {
    let Some(world) = World::new() else { return };
    world.register("hospital", "hospital");
    let file = world.write("signs.csv", SIGNS);
    let key = super::repository("vectors/paillier/secret-2048.cbor");
    let signs = "respiration=breaths,saturation=spo2,oxygen=oxygen,pressure=systolic,pulse=pulse,\
                 consciousness=confused,temperature=temperature";
    let seal = ["table", "seal", file.to_str().unwrap(), "--open", "ward", "--news2", signs, "--yes"];
    world.yes("hospital", &[seal.as_slice(), &["--secret-key", key.to_str().unwrap()]].concat());
    let csv = text(&world.yes("hospital", &["table", "score", "--news2", "--yes", "-o", "-"]));
    assert_eq!(scores(&csv), NEWS2);
    let seen = text(&world.yes("hospital", &["table", "score", "--news2", "--yes"]));
    assert!(seen.contains("score") && seen.contains("20"), "{seen}");
    let unknown = world.no(2, "hospital", &["table", "seal", file.to_str().unwrap(), "--news2", "hair=ward"]);
    assert!(unknown.contains("no sign of NEWS2"), "{unknown}");
    let no_number =
        world.no(2, "hospital", &["table", "seal", file.to_str().unwrap(), "--news2", "pulse=ward"]);
    assert!(no_number.contains("line 2, column 'ward'"), "{no_number}");
}

#[test]
fn a_penalty_draws_coefficients_in_and_residuals_are_for_the_owner() {
    let Some(study) = Study::begin() else { return };
    study.grant(&[]);
    let world = &study.world;
    let regress = ["table", "regress", "--target", "LOS", "--on", "Age,MechVent", "--yes"];
    let slope = |party: &str, more: &[&str]| {
        let answer = world.json(party, &[regress.as_slice(), more].concat());
        let model = &answer["result"]["rows"][0][0]["model"];
        (model["coefficients"][2]["estimate"].as_f64().unwrap(), model["rows"].as_u64().unwrap())
    };
    let (page, plot) = (world.path("page.html"), world.path("los.svg"));
    let papers = ["--report", page.to_str().unwrap(), "--plot", plot.to_str().unwrap()];
    let (plain, used) = slope("hospital", &papers);
    let (drawn_in, _) = slope("hospital", &["--ridge", "500"]);
    assert!(drawn_in.abs() < plain.abs(), "{drawn_in} and {plain}");
    assert!(world.no(2, "hospital", &[regress.as_slice(), &["--ridge", "-1"]].concat()).contains("penalty"));
    let residuals = std::fs::read_to_string(world.path("los-residuals.svg")).unwrap();
    assert!(residuals.contains(&format!("residuals of {used} rows")), "{used}");
    let of_rows = format!("histogram of the residuals of LOS in {used} rows");
    assert!(std::fs::read_to_string(&page).unwrap().contains(&of_rows));

    let asked = world.json("researcher", &[regress.as_slice(), &["--detach"]].concat());
    study.look();
    let (page, plot) = (world.path("seen.html"), world.path("seen.svg"));
    let papers = ["--report", page.to_str().unwrap(), "--plot", plot.to_str().unwrap()];
    world.yes("researcher", &[&["job", "show", asked["job"].as_str().unwrap()], papers.as_slice()].concat());
    assert!(plot.exists() && !world.path("seen-residuals.svg").exists());
    assert!(!std::fs::read_to_string(&page).unwrap().contains("esiduals"));
}
