//! Items: added, listed, opened, added again, removed, checked, exported.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use axum::http::Method;
use cowl_api::paths::PARTS;
use cowl_domain::{ItemId, Kind, RecordId};
use cowl_vault::view::Added;
use cowl_vault::{AddOptions, Silent, Source, VaultError};

use crate::assert_matches;
use crate::support::files::noise;
use crate::support::{Party, World, samples, tampering};

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_comes_back_byte_for_byte() {
    let world = World::start().await;
    let patient = &world.patient;
    let record = patient.vault.default_record().await.unwrap();
    let sources = Source::gather(&[samples()]).unwrap();
    let count = sources.len();
    let report = patient.vault.add(record, sources, &AddOptions::default(), &Silent).await.unwrap();
    assert!(report.files.iter().all(|(_, added)| matches!(added, Added::Sealed(_))), "{report:?}");
    let items = patient.vault.items(record).await.unwrap();
    assert_eq!((items.len(), report.files.len()), (count, count));

    let mut names = BTreeMap::new();
    let ids: Vec<_> = items.iter().map(|info| info.item).collect();
    let mut sink = |info: cowl_vault::view::ItemInfo, content| {
        names.insert(info.label.name, content);
        Ok(())
    };
    let total = patient.vault.get_many(record, &ids, &mut sink, &Silent).await.unwrap();
    for (name, content) in &names {
        assert!(*content == fs::read(samples().join(name)).unwrap(), "{name}");
    }
    assert_eq!(total, names.values().map(|content| content.len() as u64).sum::<u64>());
    let one = patient.get(record, items[0].item).await.unwrap();
    assert_eq!(one, names[&items[0].label.name]);
}

#[tokio::test(flavor = "multi_thread")]
async fn adding_a_folder_again_seals_only_what_has_changed() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("letters")).unwrap();
    for (name, text) in
        [("letters/a.txt", "dear colleague"), ("b.csv", "day,pulse\n1,62\n"), ("c.bin", "\0\u{1}")]
    {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let patient = world.patient;
    let record = patient.vault.create_record("folder").await.unwrap();
    let add = async |patient: &Party| {
        let sources = Source::gather(&[folder.path().to_owned()]).unwrap();
        patient.vault.add(record, sources, &AddOptions::default(), &Silent).await.unwrap()
    };
    add(&patient).await;
    patient.mallory.forget();
    let again = add(&patient).await;
    assert!(again.files.iter().all(|(_, added)| matches!(added, Added::Unchanged(_))), "{again:?}");
    assert!(patient.mallory.heard_on(&Method::POST, PARTS).is_empty());

    // A file that was touched only is read, but not sealed again.
    fs::write(folder.path().join("b.csv"), "day,pulse\n1,62\n").unwrap();
    // Another device knows nothing of this folder, but the record does.
    let second = patient.new_device(&world.cloud).await;
    assert_eq!(add(&second).await.bytes, 0);

    fs::write(folder.path().join("c.bin"), "\0\u{2}").unwrap();
    let changed = add(&patient).await;
    let replaced = changed.files.iter().filter(|(_, added)| matches!(added, Added::Replaced { .. }));
    assert_eq!(replaced.map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["c.bin"]);
    assert_eq!(patient.names(record).await.unwrap(), ["b.csv", "c.bin", "letters/a.txt"]);
    let item = patient.vault.find_item(Some(record), "c.bin").await.unwrap().item;
    assert_eq!(patient.get(record, item).await.unwrap(), b"\0\x02");
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_files_pipes_and_odd_names_are_taken_in() {
    let world = World::start().await;
    let record = world.patient.vault.create_record("odd").await.unwrap();
    let pipe = Source::reader("from a pipe.txt", Box::new(std::io::Cursor::new(b"through a pipe".to_vec())));
    let sources = vec![
        Source::bytes("empty", Vec::new()),
        Source::bytes("über/größe \u{1f40b}.txt", b"odd".to_vec()),
        pipe,
    ];
    world.patient.vault.add(record, sources, &AddOptions::default(), &Silent).await.unwrap();
    for (name, content) in
        [("empty", &b""[..]), ("über/größe \u{1f40b}.txt", b"odd"), ("from a pipe.txt", b"through a pipe")]
    {
        let info = world.patient.vault.find_item(Some(record), name).await.unwrap();
        assert_eq!(world.patient.get(record, info.item).await.unwrap(), content);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_say_what_the_owner_said_and_what_the_content_shows() {
    let world = World::start().await;
    let record = world.patient.vault.create_record("labels").await.unwrap();
    let options = AddOptions {
        description: Some("MRI, left knee".to_owned()),
        date: Some("2019-05-02".to_owned()),
        ..AddOptions::default()
    };
    let item = world.patient.add_with(record, "notes.md", b"# Knee\nintact", &options).await;
    let info = world.patient.vault.find_item(None, &item.to_string()[..8]).await.unwrap();
    assert_eq!(info.label.kind, Kind::Text);
    assert_eq!(info.label.description.as_deref(), Some("MRI, left knee"));
    assert_eq!(info.label.date.as_deref(), Some("2019-05-02"));
    assert_eq!((info.sealer.as_str(), info.version, info.appended), ("patient", 0, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_items_are_gone_and_only_the_owner_removes() {
    let world = World::start().await;
    let record = world.patient.vault.create_record("removal").await.unwrap();
    let item = world.patient.add_bytes(record, "a.txt", b"a").await;
    world.patient.share(record, &[], &world.radiologist).await;
    assert_matches!(world.radiologist.vault.remove(record, &[item]).await, Err(VaultError::Invalid(_)));
    world.patient.vault.remove(record, &[item]).await.unwrap();
    assert!(world.patient.names(record).await.unwrap().is_empty());
    for party in [&world.patient, &world.radiologist] {
        assert_matches!(
            party.get(record, item).await,
            Err(VaultError::NotFound { .. } | VaultError::Refused(_))
        );
    }
    assert_matches!(
        world.patient.vault.remove(record, &[item]).await,
        Err(VaultError::NotFound { what: "item", .. })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_finds_nothing_in_a_sound_record_and_a_flipped_byte_on_the_clouds_disk() {
    let world = World::start().await;
    let patient = &world.patient;
    let record = patient.vault.create_record("checked").await.unwrap();
    let item = patient.add_bytes(record, "noise.bin", &noise(5, 50_000)).await;
    let sound = patient.vault.check(record, None, &Silent).await.unwrap();
    assert!(sound.faults.is_empty() && sound.items == 2 && sound.bytes > 0, "{sound:?}");
    let sampled = patient.vault.check(record, Some(7), &Silent).await.unwrap();
    assert_eq!((sampled.parts, sampled.faults.len()), (7, 0));

    // Every pack loses a bit in each kilobyte, so that whatever segment is drawn is hit.
    for pack in world.cloud.packs() {
        let mut bytes = fs::read(&pack).unwrap();
        bytes.iter_mut().step_by(1000).for_each(|byte| *byte ^= 4);
        fs::write(&pack, bytes).unwrap();
    }
    let found = patient.vault.check(record, None, &Silent).await.unwrap();
    assert!(found.faults.iter().any(|found| found.item == item), "{found:?}");
    let named = tampering(patient.get(record, item).await);
    assert_matches!(named, cowl_vault::Tampering::Part { item: faulty, .. } if faulty == item);
}

/// Adds an item and yields it with the packs that hold it.
async fn add_and_find_packs(world: &World, record: RecordId, name: &str) -> (ItemId, Vec<PathBuf>) {
    let before = world.cloud.packs();
    let item = world.patient.add_bytes(record, name, &noise(name.len() as u64, 300_000)).await;
    let new = world.cloud.packs().into_iter().filter(|pack| !before.contains(pack)).collect();
    (item, new)
}

#[tokio::test(flavor = "multi_thread")]
async fn items_whose_packs_are_lost_or_cut_are_named_and_the_check_goes_on() {
    let world = World::start().await;
    let patient = &world.patient;
    let record = patient.vault.create_record("lost").await.unwrap();
    let (gone, of_gone) = add_and_find_packs(&world, record, "gone.bin").await;
    let (cut, of_cut) = add_and_find_packs(&world, record, "cut in half.bin").await;
    let (sound, _) = add_and_find_packs(&world, record, "sound.bin").await;
    of_gone.iter().for_each(|pack| fs::remove_file(pack).unwrap());
    for pack in of_cut {
        let file = fs::File::options().write(true).open(pack).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    }

    let report = patient.vault.check(record, None, &Silent).await.unwrap();
    for (item, name) in [(gone, "gone.bin"), (cut, "cut in half.bin")] {
        let found = report.faults.iter().find(|found| found.item == item).unwrap();
        assert_eq!(found.name.as_deref(), Some(name));
        assert!(found.fault.contains("has lost part"), "{}", found.fault);
        assert_matches!(patient.get(record, item).await, Err(VaultError::Lost { item: named, .. }) if named == item);
    }
    assert!(report.faults.iter().all(|found| found.item != sound), "{report:?}");
    assert_eq!(report.items, 6, "three items and the segments of the index beside them");
    assert_eq!(patient.get(record, sound).await.unwrap(), noise(9, 300_000));
    let mut sink = |_, _| Ok(());
    let many = patient.vault.get_many(record, &[sound, gone], &mut sink, &Silent).await;
    assert_matches!(many, Err(VaultError::Lost { item, .. }) if item == gone);
    assert_matches!(
        patient.vault.reader(record, gone).await.map(drop),
        Err(VaultError::Lost { item, index: 1 }) if item == gone
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_of_the_contract_is_not_taken_for_silence() {
    let world = World::start().await;
    world.patient.mallory.on_answer(cowl_api::paths::RECORDS, |_, answer| {
        answer.body = b"<html>please log in to the network</html>".to_vec();
    });
    assert_matches!(world.patient.vault.records().await, Err(VaultError::Senseless(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_opens_with_the_exported_identity_and_comes_in_again() {
    let world = World::start().await;
    let patient = &world.patient;
    let record = patient.vault.create_record("exported").await.unwrap();
    let item = patient.add_bytes(record, "letter.txt", b"dear colleague, dear colleague").await;
    let mut file = Vec::new();
    patient.vault.export_age(record, item, &[], &mut file, &Silent).await.unwrap();
    assert!(file.starts_with(b"age-encryption.org/v1\n"));
    let identity = patient.vault.export_identity().unwrap();
    let identities = cowl_seal::age::read_identities(&identity).unwrap();
    assert_eq!(cowl_seal::age::open(&identities, &file).unwrap(), b"dear colleague, dear colleague");

    let other = cowl_seal::age::read_identities(&world.attacker.vault.export_identity().unwrap()).unwrap();
    assert!(cowl_seal::age::open(&other, &file).is_err());

    let options = AddOptions { age_identity: Some(identity), ..AddOptions::default() };
    let again = patient.add_with(record, "came back.txt.age", &file, &options).await;
    let info = patient.vault.find_item(Some(record), "came back.txt").await.unwrap();
    assert_eq!(info.item, again);
    assert_eq!(patient.get(record, again).await.unwrap(), b"dear colleague, dear colleague");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_found_by_name_and_by_the_beginning_of_their_identifier() {
    let world = World::start().await;
    let heart = world.patient.vault.create_record("heart").await.unwrap();
    world.patient.vault.create_record("lung").await.unwrap();
    let vault = &world.patient.vault;
    assert_eq!(vault.find_record("heart").await.unwrap().record, heart);
    assert_eq!(vault.find_record(&heart.to_string()[..10]).await.unwrap().record, heart);
    assert_matches!(vault.find_record("liver").await, Err(VaultError::NotFound { what: "record", .. }));
    vault.create_record("heart").await.unwrap();
    assert_matches!(vault.find_record("heart").await, Err(VaultError::Invalid(_)));
    assert_eq!(vault.records().await.unwrap().len(), 3);
}
