//! Nothing is lost by a name: what has one goes for the same file, or because somebody says so.

use std::fs;
use std::path::Path;

use cowl_domain::{ItemId, RecordId};
use cowl_vault::view::{AddReport, Added};
use cowl_vault::{AddOptions, Silent, Source};

use crate::support::{Party, World};

const REPLACE: fn() -> AddOptions = || AddOptions { replace: true, ..AddOptions::default() };

async fn add(party: &Party, record: RecordId, path: &Path, options: &AddOptions) -> AddReport {
    let sources = Source::gather(&[path.to_owned()]).unwrap();
    party.vault.add(record, sources, options, &Silent).await.unwrap()
}

/// Two folders with a report each, which have nothing to do with each other.
fn two_visits() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (visit, text) in [("first", "sprained ankle"), ("second", "tonsillitis")] {
        fs::create_dir(folder.path().join(visit)).unwrap();
        fs::write(folder.path().join(visit).join("report.txt"), text).unwrap();
    }
    folder
}

/// The item, where one file was sealed.
fn sealed(report: &AddReport) -> ItemId {
    match report.files.as_slice() {
        [(_, Added::Sealed(item))] => *item,
        other => panic!("not sealed: {other:?}"),
    }
}

fn refused<'a>(report: &'a AddReport, name: &str) -> &'a str {
    match report.files.as_slice() {
        [(refused, Added::Refused(reason))] if refused == name => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_another_folder_does_not_take_the_place_of_its_namesake_unless_somebody_says_so() {
    let world = World::start().await;
    let (patient, folder) = (&world.patient, two_visits());
    let record = patient.vault.create_record("visits").await.unwrap();
    let [first, second] = ["first", "second"].map(|visit| folder.path().join(visit));
    let item = sealed(&add(patient, record, &first, &AddOptions::default()).await);
    let again = add(patient, record, &second, &AddOptions::default()).await;
    let reason = refused(&again, "report.txt");
    for part in ["'report.txt'", &item.to_string()[..8], "--replace", "--name"] {
        assert!(reason.contains(part), "{part} is not in: {reason}");
    }
    assert_eq!(patient.get(record, item).await.unwrap(), b"sprained ankle");
    assert_eq!(patient.names(record).await.unwrap(), ["report.txt"]);

    let replaced = add(patient, record, &second, &REPLACE()).await;
    assert!(matches!(replaced.files[0].1, Added::Replaced { old, .. } if old == item), "{replaced:?}");
    assert_eq!(patient.names(record).await.unwrap(), ["report.txt"]);
    // Now it is the second file's item, and no longer the first one's.
    fs::write(second.join("report.txt"), "tonsillitis, cured").unwrap();
    let changed = add(patient, record, &second, &AddOptions::default()).await;
    assert!(matches!(changed.files[0].1, Added::Replaced { .. }), "{changed:?}");
    refused(&add(patient, record, &first, &AddOptions::default()).await, "report.txt");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_device_may_replace_only_what_it_has_seen_as_it_is() {
    let world = World::start().await;
    let folder = two_visits();
    let path = folder.path().join("first/report.txt");
    let record = world.patient.vault.create_record("visits").await.unwrap();
    add(&world.patient, record, &path, &AddOptions::default()).await;

    let tablet = world.patient.new_device(&world.cloud).await;
    fs::write(&path, "sprained ankle, healed").unwrap();
    refused(&add(&tablet, record, &path, &AddOptions::default()).await, "report.txt");
    fs::write(&path, "sprained ankle").unwrap();
    let same = add(&tablet, record, &path, &AddOptions::default()).await;
    assert!(matches!(same.files[0].1, Added::Unchanged(_)), "{same:?}");
    fs::write(&path, "sprained ankle, healed").unwrap();
    let changed = add(&tablet.reopen(), record, &path, &AddOptions::default()).await;
    assert!(matches!(changed.files[0].1, Added::Replaced { .. }), "{changed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_under_two_names_replaces_what_it_was_under_each() {
    let world = World::start().await;
    let (patient, folder) = (&world.patient, two_visits());
    let record = patient.vault.create_record("visits").await.unwrap();
    let paths = ["first", "first/report.txt"].map(|path| folder.path().join(path));
    let below = |path: &Path| {
        let sources = Source::gather(&[path.to_owned()]).unwrap();
        sources.into_iter().map(|source| source.named("visits/first.txt")).collect::<Vec<_>>()
    };
    add(patient, record, &paths[0], &AddOptions::default()).await;
    patient.vault.add(record, below(&paths[0]), &AddOptions::default(), &Silent).await.unwrap();
    fs::write(&paths[1], "sprained ankle, healed").unwrap();
    let one = add(patient, record, &paths[0], &AddOptions::default()).await;
    let other = patient.vault.add(record, below(&paths[0]), &AddOptions::default(), &Silent).await.unwrap();
    for report in [one, other] {
        assert!(matches!(report.files[0].1, Added::Replaced { .. }), "{report:?}");
    }
    assert_eq!(patient.names(record).await.unwrap(), ["report.txt", "visits/first.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_without_a_path_never_takes_a_name_unasked() {
    let world = World::start().await;
    let patient = &world.patient;
    let record = patient.vault.create_record("dumps").await.unwrap();
    let item = patient.add_bytes(record, "clinic.sql", b"monday").await;
    assert_eq!(patient.add_bytes(record, "clinic.sql", b"monday").await, item);
    let other = patient.try_add(record, "clinic.sql", b"tuesday", &AddOptions::default()).await.unwrap();
    assert!(refused(&other, "clinic.sql").contains("--replace"));
    let asked = patient.try_add(record, "clinic.sql", b"tuesday", &REPLACE()).await.unwrap();
    assert!(matches!(asked.files[0].1, Added::Replaced { old, .. } if old == item), "{asked:?}");
    assert_eq!(patient.names(record).await.unwrap(), ["clinic.sql"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_content_may_be_sealed_under_another_suite_because_nothing_is_lost() {
    let world = World::start().await;
    let patient = &world.patient;
    let record = patient.vault.create_record("suites").await.unwrap();
    let item = patient.add_bytes(record, "note.txt", b"note").await;
    let options = AddOptions { suite: Some(cowl_domain::SuiteId::HybridRsa), ..AddOptions::default() };
    let again = patient.try_add(record, "note.txt", b"note", &options).await.unwrap();
    assert!(matches!(again.files[0].1, Added::Replaced { old, .. } if old == item), "{again:?}");
}
