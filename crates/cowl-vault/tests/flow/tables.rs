//! Items of suite `additive`: whatever bytes they are, the cloud gets them as they are, and readers check every part.

use std::io::{Seek, Write};

use axum::http::Method;
use cowl_api::paths::{COMMITS, PARTS_BATCH};
use cowl_api::types::Commit;
use cowl_crypto::id::random_bytes;
use cowl_domain::{AdditiveHeader, ComputeTerms, ItemId, Power, Powers, RecordId, SuiteId};
use cowl_vault::view::{GrantState, ItemInfo};
use cowl_vault::{AddOptions, GrantSpec, NewTable, Silent, Tampering, VaultError};

use crate::assert_matches;
use crate::support::files::noise;
use crate::support::frames::{Frame, alter};
use crate::support::party::grant_spec;
use crate::support::{Party, World, tampering};

const LENGTH: usize = 900_000;

async fn add_table(party: &Party, record: RecordId, bytes: &[u8]) -> ItemInfo {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    let table = NewTable {
        item: ItemId::from_bytes(random_bytes()),
        name: "stays".to_owned(),
        description: None,
        date: None,
        file,
        size: bytes.len() as u64,
    };
    party.vault.add_table(record, table, &Silent).await.unwrap()
}

async fn with_table(world: &World) -> (RecordId, ItemInfo, Vec<u8>) {
    let (record, bytes) = (world.patient.vault.create_record("study").await.unwrap(), noise(3, LENGTH));
    let item = add_table(&world.patient, record, &bytes).await;
    (record, item, bytes)
}

fn to_compute(record: RecordId, item: ItemId, grantee: &str) -> GrantSpec {
    let terms =
        ComputeTerms { technique: "additive-he".to_owned(), minimum_cohort: 10, runs: None, inference: None };
    let powers = Powers::of([Power::Compute]);
    GrantSpec { powers, compute: Some(terms), ..grant_spec(record, &[item], grantee) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_stored_as_it_is_and_read_whole_or_in_ranges() {
    let world = World::start().await;
    let (record, item, bytes) = with_table(&world).await;
    assert_eq!((item.suite, item.size, item.stored), (SuiteId::Additive, LENGTH as u64, LENGTH as u64));
    assert!(world.patient.get(record, item.item).await.unwrap() == bytes);
    let reader = world.patient.vault.reader(record, item.item).await.unwrap();
    for range in [0..1, 4_095..70_000, 899_990..900_000, 0..900_000] {
        let (start, end) = (range.start as usize, range.end as usize);
        assert!(reader.read(range).await.unwrap() == bytes[start..end]);
    }
    assert!(reader.read(899_999..900_001).await.is_err());
    assert_matches!(world.patient.vault.check(record, None, &Silent).await.unwrap().faults.as_slice(), []);
    let commits = world.patient.mallory.heard_on(&Method::POST, COMMITS);
    let commit = commits.last().unwrap().0.json::<Commit>();
    let headers = commit.items.iter().map(|item| &item.header.0);
    let header = headers.filter_map(|header| AdditiveHeader::from_bytes(header).ok()).next().unwrap();
    assert_eq!(header.payload_size(), Some(LENGTH as u64));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_that_changed_on_its_way_is_caught_in_its_part() {
    let world = World::start().await;
    let (record, item, _) = with_table(&world).await;
    world.patient.mallory.on_answer(PARTS_BATCH, |_, answer| {
        alter(answer, |parts: &mut Vec<Frame>| {
            let mut bytes = parts[0].bytes.clone();
            bytes[7] ^= 1;
            parts[0] = parts[0].with_bytes(bytes);
        });
    });
    let found = tampering(world.patient.get(record, item.item).await);
    assert_eq!(found, Tampering::Part { item: item.item, index: 1 });
}

#[tokio::test(flavor = "multi_thread")]
async fn new_keys_leave_a_table_as_it_is() {
    let world = World::start().await;
    let (record, item, bytes) = with_table(&world).await;
    let key = world.patient.vault.codebook_key(&item.item).expose().to_vec();
    let read = world.patient.share(record, &[item.item], &world.insurer).await[0].grant;
    assert!(
        world.insurer.get(record, item.item).await.unwrap() == bytes,
        "its ciphertexts, as they lie there"
    );
    world.patient.vault.revoke(&[read]).await.unwrap();
    let report = world.patient.vault.rekey_pending(&Silent).await.unwrap();
    assert_eq!((report.items, report.bytes), (1, LENGTH as u64));
    assert!(world.insurer.get(record, item.item).await.is_err());
    assert!(world.patient.get(record, item.item).await.unwrap() == bytes);
    assert_eq!(world.patient.vault.items(record).await.unwrap()[0].version, 1);
    assert_eq!(world.patient.vault.codebook_key(&item.item).expose().to_vec(), key);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_compute_gets_no_key_and_ends_without_new_ones() {
    let world = World::start().await;
    let (record, item, _) = with_table(&world).await;
    let spec = to_compute(record, item.item, world.insurer.handle);
    let made = world.patient.vault.grant(&spec).await.unwrap();
    let received = world.insurer.vault.grants().await.unwrap();
    assert_eq!((&received[0].compute, received[0].state), (&spec.compute, GrantState::Active));
    assert!(world.insurer.vault.items(record).await.is_ok_and(|items| items.is_empty()));
    assert!(world.insurer.get(record, item.item).await.is_err());
    world.patient.vault.revoke(&[made[0].grant]).await.unwrap();
    let report = world.patient.vault.rekey_pending(&Silent).await.unwrap();
    assert_eq!((report.grants, report.items), (1, 0));
    assert_eq!(world.patient.vault.pending().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_go_with_the_power_to_compute_and_with_no_other() {
    let world = World::start().await;
    let (record, item, _) = with_table(&world).await;
    let good = to_compute(record, item.item, world.insurer.handle);
    let unbounded =
        ComputeTerms { technique: "additive-he".to_owned(), minimum_cohort: 0, runs: None, inference: None };
    for wrong in [
        GrantSpec { compute: None, ..good.clone() },
        GrantSpec { powers: Powers::of([Power::Read]), ..good.clone() },
        GrantSpec { compute: Some(unbounded), ..good },
    ] {
        assert_matches!(world.patient.vault.grant(&wrong).await, Err(VaultError::Invalid(_)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_goes_into_an_own_record_under_a_free_name_and_no_file_becomes_one_in_passing() {
    let world = World::start().await;
    let (record, _, _) = with_table(&world).await;
    let taken = world.patient.vault.check_table_name(record, "stays").await;
    assert_matches!(taken, Err(VaultError::Invalid(_)));
    let options = AddOptions { suite: Some(SuiteId::Additive), ..AddOptions::default() };
    let report = world.patient.try_add(record, "note.txt", b"note", &options).await.unwrap();
    assert_matches!(&report.files[0].1, cowl_vault::view::Added::Refused(why) if why.contains("cowl table seal"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_remembered_on_this_device() {
    let world = World::start().await;
    let item = ItemId::from_bytes([7; 16]);
    assert_eq!(world.patient.vault.remembered_answers(&item).unwrap(), None);
    world.patient.vault.remember_answers(&item, b"which rows").unwrap();
    let patient = world.patient.reopen();
    assert_eq!(patient.vault.remembered_answers(&item).unwrap().unwrap(), b"which rows");
    let file = patient.device.path().join(format!("answers-{item}.sealed"));
    let mut bytes = std::fs::read(&file).unwrap();
    assert!(!bytes.windows(5).any(|window| window == b"which"));
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&file, bytes).unwrap();
    assert_matches!(patient.vault.remembered_answers(&item), Err(VaultError::Invalid(_)));
}
