//! Downgrades: another suite, another header, another recipient.

use cowl_api::Blob;
use cowl_api::paths::ITEMS;
use cowl_api::types::{ItemPage, ItemRow};
use cowl_domain::{ItemId, RecordId, SuiteId};
use cowl_seal::file_key::ItemKey;
use cowl_seal::suite::{SealTo, Suite, seal_header};
use cowl_vault::{AddOptions, Tampering};

use crate::support::{World, tampering};

/// A record with one item of suite `standard` and one of suite `hybrid-rsa`.
async fn two_suites(world: &World) -> (RecordId, ItemId, ItemId) {
    let record = world.patient.vault.create_record("suites").await.unwrap();
    let standard = world.patient.add_bytes(record, "standard.txt", b"standard").await;
    let options = AddOptions { suite: Some(SuiteId::HybridRsa), ..AddOptions::default() };
    let hybrid = world.patient.add_with(record, "hybrid.txt", b"hybrid", &options).await;
    (record, standard, hybrid)
}

/// Has one item's row changed on its way to the patient.
fn alter_row(world: &World, item: ItemId, change: impl Fn(&mut ItemRow) + Send + 'static) {
    world.patient.mallory.alter(ITEMS, move |page: &mut ItemPage| {
        page.items.iter_mut().filter(|row| row.item == item.to_string()).for_each(&change);
    });
}

fn row_of(world: &World, item: ItemId) -> ItemRow {
    let answers = world.patient.mallory.heard_on(&axum::http::Method::GET, ITEMS);
    let rows = answers.into_iter().flat_map(|(_, answer)| answer.json::<ItemPage>().items);
    rows.filter(|row| row.item == item.to_string()).last().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_of_the_weaker_suite_does_not_stand_in_for_the_items_own() {
    let world = World::start().await;
    let (record, standard, hybrid) = two_suites(&world).await;
    world.patient.vault.items(record).await.unwrap();
    let other = row_of(&world, hybrid).header;
    alter_row(&world, standard, move |row| row.header = other.clone());
    assert_eq!(tampering(world.patient.vault.items(record).await), Tampering::Header(standard));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_with_the_attackers_key_in_it_is_refused() {
    let world = World::start().await;
    let (record, standard, _) = two_suites(&world).await;
    let (owner, attacker) = (world.patient.recipient(), world.attacker.recipient());
    let key = ItemKey::make(Suite::Standard);
    let header = seal_header(&key, &[SealTo::XWing(&owner), SealTo::XWing(&attacker)]).unwrap().encode();
    alter_row(&world, standard, move |row| row.header = header.clone().into());
    assert_eq!(tampering(world.patient.vault.items(record).await), Tampering::Header(standard));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_for_nobody_but_the_attacker_is_refused() {
    let world = World::start().await;
    let (record, standard, _) = two_suites(&world).await;
    let header =
        seal_header(&ItemKey::make(Suite::Standard), &[SealTo::XWing(&world.attacker.recipient())]).unwrap();
    let header = Blob(header.encode());
    alter_row(&world, standard, move |row| row.header = header.clone());
    assert_eq!(tampering(world.patient.vault.items(record).await), Tampering::Header(standard));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stanza_added_to_a_header_breaks_its_mac() {
    let world = World::start().await;
    let (record, standard, _) = two_suites(&world).await;
    alter_row(&world, standard, |row| {
        let text = String::from_utf8(row.header.0.clone()).unwrap();
        let added = "-> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc\nEmECAEcKN+n/Vs9SbWiV+Hu0r+E8R77DdWYyd83nw7U\n---";
        row.header = text.replacen("---", added, 1).into_bytes().into();
    });
    assert_eq!(tampering(world.patient.vault.items(record).await), Tampering::Header(standard));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_without_a_suite_is_refused() {
    let world = World::start().await;
    let (record, standard, _) = two_suites(&world).await;
    for garbage in [&b""[..], b"none", b"age-encryption.org/v1\n---\n", b"age-encryption.org/v0\n"] {
        world.patient.mallory.relent();
        alter_row(&world, standard, move |row| row.header = garbage.into());
        assert_eq!(tampering(world.patient.vault.items(record).await), Tampering::Header(standard));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_of_another_suite_does_not_open_in_this_place() {
    let world = World::start().await;
    let (record, standard, hybrid) = two_suites(&world).await;
    world.patient.vault.items(record).await.unwrap();
    let other = row_of(&world, hybrid).manifest;
    alter_row(&world, standard, move |row| row.manifest = other.clone());
    assert_eq!(tampering(world.patient.vault.items(record).await), Tampering::Manifest(standard));
}
