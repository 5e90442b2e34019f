//! Processes that are killed, at any point: a bundle may be wasted, and is never run twice.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use super::Trio;

/// The bundles that a party has recorded as used.
fn used(trio: &Trio, party: &str) -> Vec<Vec<u8>> {
    let bytes = fs::read(trio.world.path(party).join("infer/used")).unwrap_or_default();
    bytes.chunks_exact(32).map(|line| line[..16].to_vec()).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn a_bundle_that_is_put_back_is_not_run_again_by_either() {
    let Some(trio) = Trio::begin() else { return };
    trio.stock(1);
    let saved = trio.world.path("saved");
    for party in ["hospital", "maker"] {
        copy(&trio.world.path(party).join("infer"), &saved.join(party));
    }
    trio.run();
    let put_back = |party: &str, what: &str| {
        copy(&saved.join(party).join(what), &trio.world.path(party).join("infer").join(what));
    };
    for party in ["hospital", "maker"] {
        put_back(party, "stock");
    }
    put_back("hospital", "prepared");
    assert!(trio.no_run().contains("nothing is stocked"));
    // A hospital that has forgotten all is still refused by the maker, and drops the bundle.
    put_back("hospital", "stock");
    put_back("hospital", "prepared");
    put_back("maker", "stock");
    fs::remove_file(trio.world.path("hospital").join("infer/used")).unwrap();
    assert!(trio.no_run().contains("nothing is stocked"));
    assert_eq!(used(&trio, "hospital").len(), 1);
}

#[test]
fn killed_at_any_point_of_a_run_neither_runs_a_bundle_twice() {
    let Some(mut trio) = Trio::begin() else { return };
    let rounds = 16u32;
    trio.stock(rounds + 2);
    let mut finished = HashSet::new();
    for round in 0..rounds {
        let arguments = trio.running();
        let mut command = trio.world.command("hospital", &arguments);
        let mut run = command.arg("--json").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // From before the connection to after the end.
        thread::sleep(Duration::from_millis(u64::from(round * round)));
        if round % 2 == 0 {
            run.kill().unwrap();
        } else {
            trio.restart_maker();
        }
        let output = run.wait_with_output().unwrap();
        if let Ok(ran) = serde_json::from_slice::<serde_json::Value>(&output.stdout) {
            assert!(finished.insert(ran["bundle"].as_str().unwrap().to_owned()), "{ran}");
        }
    }
    // Whatever was cut, what is left still runs.
    let ran = trio.run();
    assert!(finished.insert(ran["bundle"].as_str().unwrap().to_owned()), "{ran}");
    for party in ["hospital", "maker"] {
        let used = used(&trio, party);
        let different: HashSet<_> = used.iter().collect();
        assert_eq!(different.len(), used.len(), "{party} has recorded a bundle twice");
        assert!(used.len() >= finished.len());
    }
}

#[test]
fn killed_while_stocking_everything_is_taken_up_again() {
    let Some(mut trio) = Trio::begin() else { return };
    for round in 0..9u32 {
        let arguments = trio.stocking(2);
        let mut command = trio.world.command("hospital", &arguments);
        let mut stock = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(u64::from(round * 12)));
        match round % 3 {
            0 => stock.kill().unwrap(),
            1 => trio.restart_dealer(),
            _ => trio.restart_maker(),
        }
        let _ = stock.wait();
        // The model owner has to know where the dealer is now.
        trio.restart_maker();
    }
    trio.stock(2);
    trio.run();
    trio.run();
}
