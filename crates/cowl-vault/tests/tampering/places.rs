//! Names and places of items exchanged, rows left out, shown twice, or shown under another flag.

use axum::http::Method;
use cowl_api::paths::ITEMS;
use cowl_api::types::{ItemPage, ItemRow};
use cowl_domain::{ItemId, RecordId};
use cowl_vault::Tampering;

use crate::assert_matches;
use crate::support::{Party, World, tampering};

async fn two_items(world: &World) -> (RecordId, [ItemId; 2]) {
    let record = world.patient.vault.create_record("places").await.unwrap();
    let one = world.patient.add_bytes(record, "one.txt", b"one").await;
    let two = world.patient.add_bytes(record, "two.txt", b"two").await;
    (record, [one, two])
}

/// The rows of these items, so that a test can exchange what it likes.
fn alter_two(
    world: &World,
    items: [ItemId; 2],
    change: impl Fn(&mut ItemRow, &mut ItemRow) + Send + 'static,
) {
    world.patient.mallory.alter(ITEMS, move |page: &mut ItemPage| {
        let at = |item: ItemId| page.items.iter().position(|row| row.item == item.to_string()).unwrap();
        let (one, two) = (at(items[0]), at(items[1]));
        let (mut first, mut second) = (page.items[one].clone(), page.items[two].clone());
        change(&mut first, &mut second);
        (page.items[one], page.items[two]) = (first, second);
    });
}

fn alter_page(party: &Party, change: impl FnMut(&mut Vec<ItemRow>) + Send + 'static) {
    let mut change = change;
    party.mallory.alter(ITEMS, move |page: &mut ItemPage| change(&mut page.items));
}

#[tokio::test(flavor = "multi_thread")]
async fn items_do_not_exchange_their_names() {
    let world = World::start().await;
    let (record, items) = two_items(&world).await;
    alter_two(&world, items, |one, two| std::mem::swap(&mut one.placement, &mut two.placement));
    assert_matches!(
        tampering(world.patient.vault.items(record).await),
        Tampering::Misplaced { what: "placement", .. }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn items_do_not_exchange_everything_but_their_names() {
    let world = World::start().await;
    let (record, items) = two_items(&world).await;
    alter_two(&world, items, |one, two| {
        std::mem::swap(one, two);
        std::mem::swap(&mut one.item, &mut two.item);
    });
    assert_matches!(
        tampering(world.patient.vault.items(record).await),
        Tampering::Misplaced { what: "placement", .. }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn items_do_not_exchange_their_manifests() {
    let world = World::start().await;
    let (record, items) = two_items(&world).await;
    alter_two(&world, items, |one, two| std::mem::swap(&mut one.manifest, &mut two.manifest));
    assert_matches!(
        tampering(world.patient.vault.items(record).await),
        Tampering::Manifest(item) if items.contains(&item)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn items_do_not_exchange_their_headers() {
    let world = World::start().await;
    let (record, items) = two_items(&world).await;
    alter_two(&world, items, |one, two| std::mem::swap(&mut one.header, &mut two.header));
    assert_matches!(
        tampering(world.patient.vault.items(record).await),
        Tampering::Header(item) if items.contains(&item)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_of_another_record_of_the_same_owner_is_out_of_place() {
    let world = World::start().await;
    let (record, [one, _]) = two_items(&world).await;
    let other = world.patient.vault.create_record("other").await.unwrap();
    world.patient.add_bytes(other, "elsewhere.txt", b"elsewhere").await;
    world.patient.vault.items(other).await.unwrap();
    let page: ItemPage = world.patient.mallory.last_answer(&Method::GET, ITEMS).json();
    alter_page(&world.patient, move |rows| {
        let at = rows.iter().position(|row| row.item == one.to_string()).unwrap();
        rows[at] = ItemRow { item: rows[at].item.clone(), ..page.items[0].clone() };
    });
    assert_matches!(
        tampering(world.patient.vault.items(record).await),
        Tampering::Misplaced { what: "placement", .. }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_another_record_is_not_shown_for_this_one() {
    let world = World::start().await;
    let (record, _) = two_items(&world).await;
    let other = world.patient.vault.create_record("other").await.unwrap();
    world.patient.add_bytes(other, "elsewhere.txt", b"elsewhere").await;
    world.patient.mallory.on_question(ITEMS, move |question| {
        question.target = question.target.replace(&record.to_string(), &other.to_string());
        None
    });
    assert_matches!(
        tampering(world.patient.vault.items(record).await),
        Tampering::Misplaced { what: "placement", .. }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_left_out_of_the_list_is_missed() {
    let world = World::start().await;
    let (record, [one, _]) = two_items(&world).await;
    alter_page(&world.patient, move |rows| rows.retain(|row| row.item != one.to_string()));
    assert_eq!(tampering(world.patient.vault.items(record).await), Tampering::ItemsRoot(record));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_shown_twice_is_refused() {
    let world = World::start().await;
    let (record, _) = two_items(&world).await;
    alter_page(&world.patient, |rows| rows.push(rows.last().unwrap().clone()));
    assert_eq!(tampering(world.patient.vault.items(record).await), Tampering::ItemsRoot(record));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_in_another_order_is_refused() {
    let world = World::start().await;
    let (record, _) = two_items(&world).await;
    alter_page(&world.patient, |rows| rows.reverse());
    assert_eq!(tampering(world.patient.vault.items(record).await), Tampering::ItemsRoot(record));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_never_ends_is_refused() {
    let world = World::start().await;
    let (record, _) = two_items(&world).await;
    world.patient.vault.items(record).await.unwrap();
    let mut page: ItemPage = world.patient.mallory.last_answer(&Method::GET, ITEMS).json();
    page.more = true;
    let endless = world.patient.mallory.last_answer(&Method::GET, ITEMS).with_json(&page);
    world.patient.mallory.replay(ITEMS, endless);
    assert_eq!(tampering(world.patient.vault.items(record).await), Tampering::ItemsRoot(record));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_of_the_owner_flagged_as_somebody_elses_is_missed_in_the_list() {
    let world = World::start().await;
    let (record, [one, _]) = two_items(&world).await;
    alter_page(&world.patient, move |rows| {
        rows.iter_mut().for_each(|row| row.appended |= row.item == one.to_string());
    });
    assert_eq!(tampering(world.patient.vault.items(record).await), Tampering::ItemsRoot(record));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_the_record_misses_what_is_left_out() {
    let world = World::start().await;
    let (record, [one, _]) = two_items(&world).await;
    world.patient.share(record, &[], &world.radiologist).await;
    assert_eq!(world.radiologist.names(record).await.unwrap(), ["one.txt", "two.txt"]);
    alter_page(&world.radiologist, move |rows| rows.retain(|row| row.item != one.to_string()));
    assert_eq!(tampering(world.radiologist.vault.items(record).await), Tampering::ItemsRoot(record));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_one_item_wants_the_proof_that_it_stands_in_the_record() {
    let world = World::start().await;
    let (record, [one, _]) = two_items(&world).await;
    world.patient.share(record, &[one], &world.radiologist).await;
    assert_eq!(world.radiologist.names(record).await.unwrap(), ["one.txt"]);
    let changes: [fn(&mut ItemRow); 4] = [
        |row| row.proof = None,
        |row| row.proof.as_mut().unwrap().index += 1,
        |row| row.proof.as_mut().unwrap().hashes[0].0[0] ^= 1,
        |row| drop(row.proof.as_mut().unwrap().hashes.pop()),
    ];
    for change in changes {
        world.radiologist.mallory.relent();
        alter_page(&world.radiologist, move |rows| change(&mut rows[0]));
        assert_eq!(tampering(world.radiologist.vault.items(record).await), Tampering::ItemsRoot(record));
    }
}
