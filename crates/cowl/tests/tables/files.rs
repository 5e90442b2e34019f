//! Tables on their way in and out.

use serde_json::Value;

use super::{Study, rows, sample};
use crate::world::{World, cowl, text};

#[test]
fn a_file_is_looked_into_before_anything_leaves_the_machine() {
    let home = tempfile::tempdir().unwrap();
    let mut look = cowl(home.path());
    let output = look.args(["table", "import", &sample(), "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["rows"], 1000);
    let column = |name: &str| {
        let columns = found["columns"].as_array().unwrap();
        columns.iter().find(|column| column["name"] == name).unwrap().clone()
    };
    assert_eq!(column("Height")["type"], "decimal");
    assert_eq!(column("ICU")["type"], "category");
    assert_eq!(column("MechVent")["type"], "binary");
    assert!(column("Height")["missing"].as_u64().unwrap() > 0);
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_line_and_column() {
    let home = tempfile::tempdir().unwrap();
    let complaint = |content: &str, arguments: &[&str]| {
        std::fs::write(home.path().join("t.csv"), content).unwrap();
        let output = cowl(home.path()).args(["table", "import", "t.csv"]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{content}");
        text(&output.stderr)
    };
    assert!(complaint("a,b\n1,2\n3\n", &[]).contains("line 3 has 1 cells and the header 2"));
    assert!(complaint("a,a\n1,2\n", &[]).contains("columns 1 and 2 are both named 'a'"));
    assert!(complaint("", &[]).contains("no header"));
    assert!(complaint("a,b\n", &[]).contains("no rows"));
    std::fs::write(home.path().join("t.csv"), "age,ward\n12,A\nold,B\n14,A\n15,A\n").unwrap();
    let seal = ["table", "seal", "t.csv", "--secret", "age", "--as", "age=integer", "--yes"];
    let output = cowl(home.path()).args(seal).output().unwrap();
    let error = text(&output.stderr);
    assert!(error.contains("line 3, column 'age': 'old' is not a whole number"), "{error}");
}

#[test]
fn a_draft_of_a_plan_seals_the_table_that_it_was_made_of() {
    let Some(world) = World::new() else { return };
    world.register("hospital", "hospital");
    let plan = world.path("plan.toml");
    world.yes("hospital", &["table", "import", &sample(), "--write-plan", plan.to_str().unwrap()]);
    let draft = std::fs::read_to_string(&plan).unwrap();
    assert!(draft.contains("[columns.\"ICU\"]") && draft.contains("role = \"dropped\""), "{draft}");
    let key = super::repository("vectors/paillier/secret-2048.cbor");
    let seal =
        ["table", "seal", &sample(), "--plan", plan.to_str().unwrap(), "--secret-key", key.to_str().unwrap()];
    let unasked = world.no(1, "hospital", &seal);
    assert!(unasked.contains("--yes"), "{unasked}");
    let sealed = world.json("hospital", &[seal.as_slice(), &["--open", "ICU", "--yes"]].concat());
    assert_eq!((&sealed["columns"], &sealed["sets"]), (&8.into(), &2.into()));
    let shown = world.json("hospital", &["table", "show", "pn2012"]);
    assert_eq!(shown["sets"][0]["layout"], "moments");
    assert!(world.no(2, "hospital", &[seal.as_slice(), &["--yes"]].concat()).contains("another 'pn2012'"));
}

#[test]
fn an_owner_gets_the_rows_back_as_they_were_sealed() {
    let columns =
        ["--open", "ICU,death", "--secret", "Age,MechVent,LOS", "--token", "Weight", "--keep-plain"];
    let Some(study) = Study::sealed(&columns) else { return };
    let csv = text(&study.world.yes("hospital", &["table", "get", "pn2012"]));
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("Age,ICU,MechVent,LOS,death"));
    let number = |text: &str| if text.is_empty() { None } else { Some(text.parse::<f64>().unwrap()) };
    for (line, (unit, death, age, stay)) in lines.by_ref().zip(rows()) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!((cells[1], number(cells[0]), number(cells[3])), (unit.as_str(), age, stay));
        assert_eq!(cells[4], death.to_string());
    }
    assert_eq!(csv.lines().count(), 1001);
    let plain = study.world.yes("hospital", &["record", "get", "pn2012.csv"]);
    assert_eq!(plain, std::fs::read(sample()).unwrap());
    study.grant(&[]);
    let error = study.world.no(1, "researcher", &["table", "get", &study.table]);
    assert!(error.contains("only hospital can decrypt"), "{error}");
    study.world.no(1, "researcher", &["record", "get", &study.table]);
    study.world.yes("hospital", &["record", "check"]);
}
