//! Older states shown as the newest: of the record, of one item, of everything.

use axum::http::Method;
use cowl_api::paths::{ITEMS, RECORD};
use cowl_api::types::{ItemPage, ItemRow, RecordView};
use cowl_domain::{ItemId, RecordId};
use cowl_vault::{Silent, Tampering};

use crate::assert_matches;
use crate::support::mallory::Answer;
use crate::support::{World, tampering};

/// A record with two items that was shared with the radiologist, who has opened it.
async fn shared(world: &World) -> (RecordId, ItemId) {
    let record = world.patient.vault.create_record("shared").await.unwrap();
    let item = world.patient.add_bytes(record, "one.txt", b"one").await;
    world.patient.add_bytes(record, "two.txt", b"two").await;
    world.patient.share(record, &[], &world.radiologist).await;
    assert_eq!(world.radiologist.get(record, item).await.unwrap(), b"one");
    (record, item)
}

/// Record and items as the radiologist was last shown them.
fn shown_last(world: &World) -> [Answer; 2] {
    [RECORD, ITEMS].map(|route| world.radiologist.mallory.last_answer(&Method::GET, route))
}

fn show_again(world: &World, [record, items]: [Answer; 2]) {
    world.radiologist.mallory.replay(RECORD, record);
    world.radiologist.mallory.replay(ITEMS, items);
}

/// A grant to the insurer is taken back and everything is re-keyed.
async fn rekey(world: &World, record: RecordId) {
    let granted = world.patient.share(record, &[], &world.insurer).await;
    world.patient.vault.revoke(&[granted[0].grant]).await.unwrap();
    world.patient.vault.rekey_pending(&Silent).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_not_rolled_back_to_before_an_item_was_added() {
    let world = World::start().await;
    let (record, _) = shared(&world).await;
    let old = shown_last(&world);
    world.patient.add_bytes(record, "three.txt", b"three").await;
    assert_eq!(world.radiologist.names(record).await.unwrap().len(), 3);
    show_again(&world, old);
    assert_matches!(
        tampering(world.radiologist.vault.items(record).await),
        Tampering::RolledBack { what: "the record", .. }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_command_on_the_device_does_not_forget_what_was_seen() {
    let world = World::start().await;
    let (record, _) = shared(&world).await;
    let old = shown_last(&world);
    world.patient.add_bytes(record, "three.txt", b"three").await;
    assert_eq!(world.radiologist.names(record).await.unwrap().len(), 3);
    show_again(&world, old);
    let radiologist = world.radiologist.reopen();
    assert_matches!(
        tampering(radiologist.vault.items(record).await),
        Tampering::RolledBack { what: "the record", .. }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_is_not_shown_an_older_state_either() {
    let world = World::start().await;
    let (record, _) = shared(&world).await;
    let old = world.patient.mallory.last_answer(&Method::GET, RECORD);
    world.patient.add_bytes(record, "three.txt", b"three").await;
    world.patient.mallory.replay(RECORD, old);
    let added = world.patient.try_add(record, "four.txt", b"four", &Default::default()).await;
    assert_matches!(tampering(added), Tampering::RolledBack { what: "the record", .. });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_item_does_not_come_back() {
    let world = World::start().await;
    let (record, item) = shared(&world).await;
    let old: ItemPage = world.radiologist.mallory.last_answer(&Method::GET, ITEMS).json();
    world.patient.vault.remove(record, &[item]).await.unwrap();
    world.radiologist.mallory.alter(ITEMS, move |page: &mut ItemPage| page.items = old.items.clone());
    assert_eq!(tampering(world.radiologist.vault.items(record).await), Tampering::ItemsRoot(record));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_re_keying_is_not_undone() {
    let world = World::start().await;
    let (record, item) = shared(&world).await;
    let old = shown_last(&world);
    rekey(&world, record).await;
    assert_eq!(world.radiologist.get(record, item).await.unwrap(), b"one");
    show_again(&world, old);
    assert_matches!(
        tampering(world.radiologist.vault.items(record).await),
        Tampering::RolledBack { what: "the record", .. }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_not_rolled_back_to_its_version_before_a_re_keying() {
    let world = World::start().await;
    let (record, item) = shared(&world).await;
    let old = row_of(&shown_last(&world)[1], item);
    rekey(&world, record).await;
    world.radiologist.mallory.alter(ITEMS, move |page: &mut ItemPage| {
        page.items.iter_mut().filter(|row| row.item == old.item).for_each(|row| *row = old.clone());
    });
    assert_eq!(tampering(world.radiologist.vault.items(record).await), Tampering::ItemsRoot(record));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_version_does_not_hide_beside_the_new_one() {
    let world = World::start().await;
    let (record, item) = shared(&world).await;
    let old = row_of(&shown_last(&world)[1], item);
    rekey(&world, record).await;
    for before in [true, false] {
        let old = old.clone();
        world.radiologist.mallory.relent();
        world.radiologist.mallory.alter(ITEMS, move |page: &mut ItemPage| {
            let at = page.items.iter().position(|row| row.item == old.item).unwrap();
            page.items.insert(at + usize::from(!before), old.clone());
        });
        assert_eq!(tampering(world.radiologist.vault.items(record).await), Tampering::ItemsRoot(record));
    }
}

fn row_of(answer: &Answer, item: ItemId) -> ItemRow {
    let page: ItemPage = answer.json();
    page.items.into_iter().find(|row| row.item == item.to_string()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_epoch_is_not_offered_as_the_newest() {
    let world = World::start().await;
    let (record, _) = shared(&world).await;
    rekey(&world, record).await;
    world.patient.mallory.alter(RECORD, |view: &mut RecordView| drop(view.epochs.pop()));
    let added = world.patient.try_add(record, "late.txt", b"late", &Default::default()).await;
    assert_matches!(tampering(added), Tampering::RolledBack { what: "the epoch", .. });
}

#[tokio::test(flavor = "multi_thread")]
async fn two_states_under_one_number_are_a_fork() {
    let world = World::start().await;
    let (record, _) = shared(&world).await;
    let other = world.cloud.fork().await;
    world.patient.add_bytes(record, "here.txt", b"here").await;
    assert_eq!(world.radiologist.names(record).await.unwrap().len(), 3);
    // The owner's second device is led to a copy of the cloud and adds something else there.
    let second = world.patient.new_device(&other).await;
    second.add_bytes(record, "there.txt", b"there").await;
    world.radiologist.mallory.lead_to(&other);
    let found = tampering(world.radiologist.reopen().vault.items(record).await);
    assert_matches!(found, Tampering::Forked(_) | Tampering::Log(_) | Tampering::RolledBack { .. });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_restored_from_an_old_copy_is_noticed() {
    let world = World::start().await;
    let (record, _) = shared(&world).await;
    let old = world.cloud.fork().await;
    world.patient.add_bytes(record, "three.txt", b"three").await;
    world.patient.vault.audit_verify().await.unwrap();
    let patient = world.patient.reopen();
    patient.mallory.lead_to(&old);
    assert_matches!(tampering(patient.vault.items(record).await), Tampering::RolledBack { .. });
    assert_matches!(
        tampering(patient.vault.audit_verify().await),
        Tampering::RolledBack { what: "the log", .. }
    );
}
