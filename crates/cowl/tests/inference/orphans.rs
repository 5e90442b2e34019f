//! Bundles of which one party has lost its half.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use super::Trio;

/// The bundles that lie in a party's folder.
fn halves(trio: &Trio, party: &str) -> Vec<PathBuf> {
    let set_ups = fs::read_dir(trio.world.path(party).join("infer/stock")).unwrap().flatten();
    let files = set_ups.flat_map(|set_up| fs::read_dir(set_up.path()).unwrap().flatten());
    files.map(|file| file.path()).filter(|path| path.extension().is_none()).collect()
}

#[test]
fn bundles_whose_other_half_is_lost_are_dropped_by_the_next_stocking_and_counts_agree() {
    let Some(trio) = Trio::begin() else { return };
    trio.stock(3);
    let lost = halves(&trio, "hospital").remove(0);
    fs::remove_file(&lost).unwrap();
    assert_eq!(trio.left(), [2, 3]);
    let stocked = trio.stock(1);
    assert_eq!((&stocked["dropped_here"], &stocked["dropped_there"]), (&0.into(), &1.into()));
    assert_eq!(trio.left(), [3, 3]);
    let name = lost.file_name().unwrap();
    assert!(halves(&trio, "maker").iter().all(|half| half.file_name() != Some(name)), "it is still there");
    let noted = trio.maker.notes();
    assert!(noted.contains("hospital: 1 bundle dropped: hospital has lost the other half"), "{noted}");
    for half in &halves(&trio, "maker")[..2] {
        fs::remove_file(half).unwrap();
    }
    let stocked = trio.stock(1);
    assert_eq!((&stocked["dropped_here"], &stocked["dropped_there"]), (&2.into(), &0.into()));
    assert_eq!(trio.left(), [2, 2]);
    trio.run();
    trio.run();
    assert_eq!(trio.left(), [0, 0]);
}

#[test]
fn a_model_owner_that_is_asked_what_it_has_drops_what_the_other_has_lost() {
    let Some(trio) = Trio::begin() else { return };
    trio.stock(2);
    fs::remove_file(&halves(&trio, "hospital")[0]).unwrap();
    let asked = trio.world.json("hospital", &["infer", "status", "--ask"]);
    let row = &asked["set_ups"][0];
    assert_eq!((&row["ready"], &row["ready_there"]), (&1.into(), &1.into()));
    assert_eq!(row["dropped_there"], 1);
    assert_eq!(trio.left(), [1, 1]);
    // What the maker has lost may be on its way to it, as far as this question tells: stocking finds out.
    fs::remove_file(&halves(&trio, "maker")[0]).unwrap();
    let asked = trio.world.json("hospital", &["infer", "status", "--ask"]);
    assert_eq!(asked["set_ups"][0]["ready"], 1);
    trio.stock(1);
    trio.run();
}

#[test]
fn what_is_on_its_way_is_not_taken_for_lost() {
    let Some(trio) = Trio::begin() else { return };
    trio.stock(1);
    let arguments = trio.stocking(3);
    let begin = || {
        let mut command = trio.world.command("hospital", &arguments);
        command.arg("--json").stdout(Stdio::piped()).spawn().unwrap()
    };
    for _ in 0..3 {
        let stocking: Vec<_> = (0..3).map(|_| begin()).collect();
        for process in stocking {
            let output = process.wait_with_output().unwrap();
            let stocked: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!((&stocked["dropped_here"], &stocked["dropped_there"]), (&0.into(), &0.into()));
        }
    }
    let [here, there] = trio.left();
    assert_eq!(here, there);
    assert!(here >= 10, "{here}");
}

#[test]
fn another_devices_bundles_are_left_alone() {
    let Some(trio) = Trio::begin() else { return };
    trio.stock(2);
    // A device that has never had them: it has neither the bundles nor a word of them.
    let there = trio.world.path("hospital").join("infer");
    let elsewhere = trio.world.path("elsewhere");
    fs::rename(&there, &elsewhere).unwrap();
    let stocked = trio.stock(1);
    assert_eq!((&stocked["ready"], &stocked["dropped_there"]), (&1.into(), &0.into()));
    fs::remove_dir_all(&there).unwrap();
    fs::rename(&elsewhere, &there).unwrap();
    trio.run();
    trio.run();
}
