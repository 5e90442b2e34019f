//! kill -9 of the cloud and of the owner's programs, at random moments of 200 additions, grants and re-keyings.
//!
//! What was acknowledged is there, what was not is there wholly or not at all, and what was cut is finished later.
//! `COWL_CHAOS_SEED` repeats a run.
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::print_stdout)] // Helpers are test code, too.

mod ordeal;
mod world;

use std::path::Path;

use cowl_testkit::shared::{SharedStores, fresh};
use ordeal::cloud::Cloud;
use ordeal::{Ordeal, Random};

const OPERATIONS: usize = 200;

fn survive(cloud: Cloud) {
    let seed = Random::seed();
    println!("COWL_CHAOS_SEED={seed}");
    let mut ordeal = Ordeal::begin(cloud, Random::new(seed));
    for _ in 0..OPERATIONS {
        ordeal.do_something();
    }
    ordeal.finish();
}

fn embedded(folder: &Path) -> Option<Cloud> {
    Cloud::start(&["--data".into(), folder.join("cloud").into()])
}

#[test]
fn nothing_acknowledged_is_lost_on_sqlite_and_a_folder_whichever_program_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let Some(cloud) = embedded(folder.path()) else { return };
    survive(cloud);
}

#[test]
fn nothing_acknowledged_is_lost_on_postgresql_and_s3_whichever_program_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let Some(stores) = SharedStores::of_environment() else { return };
    let Some(cloud) = Cloud::start(&["--config".into(), stores.configure(folder.path()).into()]) else {
        return;
    };
    survive(cloud);
}

#[test]
fn an_addition_that_is_cut_says_so_and_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let Some(cloud) = embedded(folder.path()) else { return };
    let person = cloud.register(&fresh("patient"), "patient");
    let large = noise(64_000_000);
    let file = person.write("scan.bin", &large);
    let add = ["record", "add", file.to_str().unwrap(), "--codec", "none"];
    // The first request has long been acknowledged then, and the last has not begun.
    let cut = std::thread::scope(|scope| {
        let adding = scope.spawn(|| person.run(&add));
        while cloud.wire.sent() < 45_000_000 && !adding.is_finished() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        cloud.wire.cut();
        adding.join().unwrap()
    });
    let told = world::text(&cut.stderr);
    assert!(cut.status.code() == Some(2) && told.contains("nothing is lost"), "{told}");
    cloud.wire.mend();
    let before = cloud.wire.sent();
    let resumed = person.run(&add);
    assert!(resumed.status.success(), "{}", world::text(&resumed.stderr));
    let again = cloud.wire.sent() - before;
    assert!(again < 45_000_000, "{again} bytes were sent again");
    let got = person.run(&["record", "get", "scan.bin"]);
    assert!(got.status.success() && got.stdout == large, "{}", world::text(&got.stderr));
}

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut random = Random::new(7);
    (0..length.div_ceil(8)).flat_map(|_| random.next().to_le_bytes()).take(length).collect()
}
