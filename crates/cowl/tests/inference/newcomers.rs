//! Grants that are made and taken back while a maker serves.

use super::Trio;

fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

#[test]
fn who_is_given_a_grant_while_a_maker_serves_is_served_and_who_loses_it_is_not() {
    let Some(world) = Trio::gather() else { return };
    let trio = Trio::listen(world, &["--trust-first-use"]);
    assert!(trio.maker.notes().contains("nobody may run what is served yet"), "{}", trio.maker.notes());
    Trio::grant(&trio.world);
    trio.stock(2);
    trio.run();
    let status = trio.world.json("maker", &["infer", "status"]);
    let granted = &status["grants"][0];
    assert_eq!((&granted["grantee"], &granted["output"]), (&"hospital".into(), &"values".into()));
    assert_eq!((&granted["runs_made"], &granted["runs_allowed"]), (&1.into(), &60.into()));
    trio.world.yes("maker", &["grant", "revoke", "--from", "hospital", "--yes"]);
    let refused = trio.no_run();
    assert!(refused.contains("revoked"), "{refused}");
    let refused = trio.world.no(1, "hospital", &words(&trio.stocking(1)));
    assert!(refused.contains("there is no model 'digits' that you may run"), "{refused}");
    assert_eq!(trio.left(), [1, 1]);
}

#[test]
fn a_newcomer_whose_fingerprint_nobody_has_compared_is_let_in_when_somebody_has() {
    let Some(world) = Trio::gather() else { return };
    let verify = |party: &str| {
        let card = world.json("maker", &["party", "show", party]);
        world.yes("maker", &["party", "verify", party, card["fingerprint"].as_str().unwrap()]);
    };
    verify("dealer");
    let trio = Trio::listen(world, &[]);
    Trio::grant(&trio.world);
    for _ in 0..2 {
        let refused = trio.world.no(1, "hospital", &words(&trio.stocking(1)));
        assert!(refused.contains("maker does not know this party's key"), "{refused}");
    }
    let said = "hospital has a grant and is not served: nobody has compared its fingerprint";
    assert_eq!(trio.maker.notes().matches(said).count(), 1, "{}", trio.maker.notes());
    let card = trio.world.json("maker", &["party", "show", "hospital"]);
    trio.world.yes("maker", &["party", "verify", "hospital", card["fingerprint"].as_str().unwrap()]);
    trio.stock(1);
    trio.run();
}
