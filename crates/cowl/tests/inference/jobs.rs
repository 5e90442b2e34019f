//! A run is a job: it needs the consent of all three, and leaves evidence that both who computed can have checked.

use std::fs;

use super::Trio;

/// The file in which a party keeps what proves a job.
fn dossier(trio: &Trio, party: &str, job: &str) -> std::path::PathBuf {
    trio.world.path(party).join(format!("dossier-{job}.sealed"))
}

#[test]
fn what_proves_a_run_is_kept_by_both_who_computed_and_holds() {
    let Some(trio) = Trio::begin() else { return };
    trio.stock(1);
    let ran = trio.run();
    let job = ran["job"].as_str().unwrap();
    for (party, has_result) in [("hospital", true), ("maker", false)] {
        let proven = trio.world.json(party, &["evidence", "verify", job]);
        assert_eq!(proven["technique"], "mpc");
        assert_eq!(proven["consents"], 3, "data owner, model owner and dealer");
        assert_eq!((&proven["transcript"], &proven["weights"]), (&ran["transcript"], &ran["weights"]));
        assert_eq!(proven["result"], has_result, "{party}: {proven}");
        let mut signers: Vec<&str> =
            proven["signed_by"].as_array().unwrap().iter().map(|it| it["party"].as_str().unwrap()).collect();
        signers.sort_unstable();
        assert_eq!(signers, ["hospital", "maker"]);
        let listed = trio.world.json(party, &["job", "list"]);
        assert_eq!(
            (&listed["jobs"][0]["job"], &listed["jobs"][0]["asker"]),
            (&ran["job"], &"hospital".into())
        );
        assert_eq!(listed["jobs"][0]["question"], "run model digits, told: values");
        let shown = trio.world.json(party, &["job", "show", &job[..8]]);
        assert_eq!((&shown["owner"], &shown["dealer"]), (&"maker".into(), &"dealer".into()));
    }
}

#[test]
fn evidence_with_a_changed_byte_or_of_another_run_does_not_hold() {
    let Some(trio) = Trio::begin() else { return };
    trio.stock(2);
    let [one, other] = [trio.run(), trio.run()].map(|ran| ran["job"].as_str().unwrap().to_owned());
    for party in ["hospital", "maker"] {
        let (path, verify) = (dossier(&trio, party, &one), ["evidence", "verify", &one]);
        let whole = fs::read(&path).unwrap();
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(&path, &changed).unwrap();
            trio.world.no(1, party, &verify);
        }
        fs::copy(dossier(&trio, party, &other), &path).unwrap();
        trio.world.no(1, party, &verify);
        fs::write(&path, &whole).unwrap();
        trio.world.yes(party, &verify);
    }
}

#[test]
fn without_a_yes_to_its_plan_nothing_is_run() {
    let Some(trio) = Trio::begin() else { return };
    trio.stock(1);
    let arguments = trio.running();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).filter(|word| *word != "--yes").collect();
    let said = trio.world.no(1, "hospital", &arguments);
    assert!(said.contains("nobody has consented to the run"), "{said}");
    for shown in ["learns", "rounds", "numbers a run over 118282 weights", "maker", "dealer"] {
        assert!(said.contains(shown), "the plan does not say '{shown}': {said}");
    }
    assert_eq!(trio.left(), [1, 1]);
}

#[test]
fn a_grant_whose_runs_are_used_up_runs_nothing_and_costs_no_bundle() {
    let Some(trio) = Trio::begin() else { return };
    trio.world.yes("maker", &["grant", "revoke", "--from", "hospital", "--yes"]);
    let grant = ["grant", "make", "--to", "hospital", "--item", "digits", "--power", "compute"];
    let terms = ["--technique", "mpc", "--output", "values", "--runs", "1", "--purpose", "diagnosis"];
    trio.world.yes("maker", &[&grant[..], &terms, &["--trust-first-use"]].concat());
    trio.stock(2);
    trio.run();
    let refused = trio.no_run();
    assert!(refused.contains("maker refuses") && refused.contains("used up"), "{refused}");
    assert_eq!(trio.left(), [1, 1]);
    // What was stocked under it is passed over for what another grant allows.
    trio.world.yes("maker", &[&grant[..], &terms, &["--trust-first-use"]].concat());
    trio.stock(1);
    trio.run();
    assert_eq!(trio.left(), [1, 1]);
}

#[test]
fn runs_are_stocked_under_a_grant_and_another_does_not_serve_for_them() {
    let Some(trio) = Trio::begin() else { return };
    trio.stock(1);
    trio.world.yes("maker", &["grant", "revoke", "--from", "hospital", "--yes"]);
    Trio::grant(&trio.world);
    let refused = trio.no_run();
    assert!(refused.contains("revoked"), "{refused}");
    assert_eq!(trio.left(), [1, 1]);
    trio.stock(1);
    trio.run();
    assert_eq!(trio.left(), [1, 1]);
}
