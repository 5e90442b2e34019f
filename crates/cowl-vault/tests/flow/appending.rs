//! What others append: taken into the owner's head, seen by every reader, re-keyed like all else.

use axum::http::Method;
use cowl_api::paths::{COMMITS, ITEMS};
use cowl_api::types::{Commit, ItemPage};
use cowl_domain::{ItemId, Power, Powers, RecordId};
use cowl_vault::{GrantSpec, Silent, VaultError};

use crate::assert_matches;
use crate::support::party::grant_spec;
use crate::support::{Party, World};

/// A record that the radiologist may read and append to, and the insurer may read.
async fn open_record(world: &World) -> RecordId {
    let record = world.patient.vault.create_record("shared").await.unwrap();
    world.patient.add_bytes(record, "own.txt", b"own").await;
    let powers = Powers::of([Power::Read, Power::Append]);
    let spec = GrantSpec { powers, ..grant_spec(record, &[], world.radiologist.handle) };
    world.patient.vault.grant(&spec).await.unwrap();
    world.patient.share(record, &[], &world.insurer).await;
    record
}

/// The radiologist's next items arrive with headers that open to nothing.
fn spoil_headers(radiologist: &Party) {
    radiologist.mallory.on_question(COMMITS, |question| {
        let mut commit: Commit = question.json();
        for item in &mut commit.items {
            let last = item.header.0.len() - 2;
            item.header.0[last] ^= 1;
        }
        question.body = serde_json::to_vec(&commit).unwrap();
        None
    });
}

async fn version_of(party: &Party, record: RecordId, item: ItemId) -> u32 {
    let items = party.vault.items(record).await.unwrap();
    items.iter().find(|info| info.item == item).unwrap().version
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_appended_is_seen_by_every_reader_after_the_owners_pending_work() {
    let world = World::start().await;
    let record = open_record(&world).await;
    let report = world.radiologist.add_bytes(record, "report.txt", b"no finding").await;
    assert_eq!(world.insurer.names(record).await.unwrap(), ["own.txt"]);
    // The report and the text of it for search.
    assert_eq!(world.patient.vault.pending().await.unwrap(), 2);

    let done = world.patient.vault.rekey_pending(&Silent).await.unwrap();
    assert_eq!((done.adopted, done.refused.len(), done.items), (2, 0, 0), "{done:?}");
    assert_eq!(world.patient.vault.pending().await.unwrap(), 0);
    assert_eq!(world.insurer.get(record, report).await.unwrap(), b"no finding");
    let info = world.insurer.vault.find_item(Some(record), "report.txt").await.unwrap();
    assert_eq!((info.appended, info.sealer.as_str()), (false, world.radiologist.handle));
    assert_eq!(world.insurer.vault.search("finding", 5).await.unwrap()[0].item, report);
    assert_eq!(world.patient.vault.rekey_pending(&Silent).await.unwrap().adopted, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_in_gets_new_keys_when_a_reader_leaves() {
    let world = World::start().await;
    let record = open_record(&world).await;
    let report = world.radiologist.add_bytes(record, "report.txt", b"no finding").await;
    let granted = world.patient.share(record, &[], &world.attacker).await[0].grant;
    world.patient.vault.revoke(&[granted]).await.unwrap();
    // Both in one pass: taken in, then re-keyed with all else.
    let done = world.patient.vault.rekey_pending(&Silent).await.unwrap();
    assert_eq!((done.grants, done.adopted, done.items), (1, 2, 4), "{done:?}");
    assert_eq!(version_of(&world.patient, record, report).await, 1);
    for reader in [&world.patient, &world.insurer, &world.radiologist] {
        assert_eq!(reader.get(record, report).await.unwrap(), b"no finding");
    }
    let info = world.patient.vault.find_item(Some(record), "report.txt").await.unwrap();
    assert_eq!(info.sealer.as_str(), world.radiologist.handle, "who sealed it survives");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sealed_to_an_epoch_that_has_ended_gets_new_keys_before_it_is_taken_in() {
    let world = World::start().await;
    let record = open_record(&world).await;
    let report = world.radiologist.add_bytes(record, "report.txt", b"late").await;
    let granted = world.patient.share(record, &[], &world.attacker).await[0].grant;
    world.patient.vault.revoke(&[granted]).await.unwrap();
    // The cloud keeps the report back until the record has its new epoch.
    world.patient.mallory.alter(ITEMS, |page: &mut ItemPage| page.items.retain(|row| !row.appended));
    assert_eq!(world.patient.vault.rekey_pending(&Silent).await.unwrap().adopted, 0);
    world.patient.mallory.relent();

    let done = world.patient.vault.rekey_pending(&Silent).await.unwrap();
    assert_eq!((done.adopted, done.items), (2, 2), "{done:?}");
    assert_eq!(version_of(&world.insurer, record, report).await, 1);
    assert_eq!(world.insurer.get(record, report).await.unwrap(), b"late");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_does_not_open_is_removed_by_name_and_keeps_no_other_out() {
    let world = World::start().await;
    let record = open_record(&world).await;
    let first = world.radiologist.add_bytes(record, "first.txt", b"first").await;
    spoil_headers(&world.radiologist);
    let spoilt = world.radiologist.add_bytes(record, "spoilt.txt", b"spoilt").await;
    world.radiologist.mallory.relent();
    let last = world.radiologist.add_bytes(record, "last.txt", b"last").await;
    // Until then it does not hide the rest from the owner.
    assert_eq!(world.patient.names(record).await.unwrap(), ["first.txt", "last.txt", "own.txt"]);

    let done = world.patient.vault.rekey_pending(&Silent).await.unwrap();
    assert_eq!(done.adopted, 4, "{done:?}");
    let named: Vec<(ItemId, &str)> = done.refused.iter().map(|one| (one.item, one.by.as_str())).collect();
    assert!(named.contains(&(spoilt, world.radiologist.handle)), "{done:?}");
    assert_eq!(world.insurer.names(record).await.unwrap(), ["first.txt", "last.txt", "own.txt"]);
    assert_eq!(world.insurer.get(record, first).await.unwrap(), b"first");
    assert_eq!(world.insurer.get(record, last).await.unwrap(), b"last");
    assert_eq!(world.patient.vault.pending().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_and_an_appender_at_once_lose_nothing() {
    let world = World::start().await;
    let record = open_record(&world).await;
    let second = world.patient.new_device(&world.cloud).await;
    for round in 0..3 {
        let (name, meanwhile) = (format!("report-{round}.txt"), format!("more-{round}.txt"));
        world.radiologist.add_bytes(record, &name, b"report").await;
        let (one, other, appended) = tokio::join!(
            world.patient.vault.rekey_pending(&Silent),
            second.vault.rekey_pending(&Silent),
            world.radiologist.add_bytes(record, &meanwhile, b"more"),
        );
        one.unwrap();
        other.unwrap();
        world.patient.vault.rekey_pending(&Silent).await.unwrap();
        assert!(world.insurer.get(record, appended).await.unwrap() == b"more");
    }
    assert_eq!(world.insurer.names(record).await.unwrap().len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_may_remove_what_was_appended_without_taking_it_in() {
    let world = World::start().await;
    let record = open_record(&world).await;
    let report = world.radiologist.add_bytes(record, "report.txt", b"unwanted").await;
    world.patient.vault.remove(record, &[report]).await.unwrap();
    assert_eq!(world.patient.names(record).await.unwrap(), ["own.txt"]);
    assert_matches!(
        world.patient.vault.remove(record, &[report]).await,
        Err(VaultError::NotFound { what: "item", .. })
    );
    assert!(world.patient.mallory.heard_on(&Method::POST, COMMITS).len() >= 2);
}
