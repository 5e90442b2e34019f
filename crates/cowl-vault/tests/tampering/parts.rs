//! Chunks reordered, dropped, cut, duplicated, exchanged.

use cowl_api::paths::{PART, PARTS_BATCH};
use cowl_domain::{ItemId, RecordId};
use cowl_vault::view::CheckReport;
use cowl_vault::{Silent, Tampering};

use crate::assert_matches;
use crate::support::files::noise;
use crate::support::frames::{Frame, alter};
use crate::support::{World, tampering};

/// An item of several parts.
async fn several_parts(world: &World) -> (RecordId, ItemId) {
    let record = world.patient.vault.create_record("parts").await.unwrap();
    let item = world.patient.add_bytes(record, "noise.bin", &noise(1, 300_000)).await;
    (record, item)
}

fn alter_parts(world: &World, change: impl Fn(&mut Vec<Frame>) + Send + 'static) {
    world.patient.mallory.on_answer(PARTS_BATCH, move |_, answer| alter(answer, &change));
}

/// What comes of opening an item whose parts are changed on their way.
async fn open_with(change: impl Fn(&mut Vec<Frame>) + Send + 'static) -> (ItemId, Tampering) {
    let world = Box::pin(World::start()).await;
    let (record, item) = Box::pin(several_parts(&world)).await;
    alter_parts(&world, change);
    (item, tampering(Box::pin(world.patient.get(record, item)).await))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_part_is_named() {
    let (item, found) = open_with(|parts| {
        let mut bytes = parts[1].bytes.clone();
        bytes[7] ^= 1;
        parts[1] = parts[1].with_bytes(bytes);
    })
    .await;
    assert_eq!(found, Tampering::Part { item, index: 2 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_does_not_even_have_its_announced_hash_is_named() {
    let (item, found) = open_with(|parts| parts[1].bytes[7] ^= 1).await;
    assert_eq!(found, Tampering::Part { item, index: 2 });
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_in_another_order_are_refused() {
    let (item, found) = open_with(|parts| parts.swap(0, 1)).await;
    assert_eq!(found, Tampering::Part { item, index: 1 });
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_exchanged_their_names_are_refused() {
    let (item, found) = open_with(|parts| {
        let (first, second) = (parts[0].bytes.clone(), parts[1].bytes.clone());
        parts[0] = parts[0].with_bytes(second);
        parts[1] = parts[1].with_bytes(first);
    })
    .await;
    assert_eq!(found, Tampering::Part { item, index: 1 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_part_is_named() {
    let (item, found) = open_with(|parts| drop(parts.pop())).await;
    assert_matches!(found, Tampering::Part { item: named, .. } if named == item);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_part_is_named() {
    let (item, found) = open_with(|parts| {
        let shorter = parts[0].bytes[..parts[0].bytes.len() - 1].to_vec();
        parts[0] = parts[0].with_bytes(shorter);
    })
    .await;
    assert_eq!(found, Tampering::Part { item, index: 1 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_with_bytes_added_is_named() {
    let (item, found) = open_with(|parts| {
        let longer = [parts[0].bytes.as_slice(), b"more"].concat();
        parts[0] = parts[0].with_bytes(longer);
    })
    .await;
    assert_eq!(found, Tampering::Part { item, index: 1 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_given_twice_does_not_stand_in_for_another() {
    let (item, found) = open_with(|parts| parts[1] = parts[1].with_bytes(parts[0].bytes.clone())).await;
    assert_eq!(found, Tampering::Part { item, index: 2 });
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_two_items_are_not_exchanged() {
    let world = World::start().await;
    let record = world.patient.vault.create_record("parts").await.unwrap();
    let first = world.patient.add_bytes(record, "one.txt", b"one").await;
    world.patient.add_bytes(record, "two.txt", b"two").await;
    let items: Vec<ItemId> =
        world.patient.vault.items(record).await.unwrap().iter().map(|info| info.item).collect();
    alter_parts(&world, |parts| {
        let last = parts.len() - 1;
        let (a, b) = (parts[0].bytes.clone(), parts[last].bytes.clone());
        parts[0] = parts[0].with_bytes(b);
        parts[last] = parts[last].with_bytes(a);
    });
    let mut sink = |_, _| Ok(());
    let found = tampering(world.patient.vault.get_many(record, &items, &mut sink, &Silent).await);
    assert_matches!(found, Tampering::Part { index: 1, .. });
    assert!(items.contains(&first));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_item_with_a_changed_part_writes_nothing_behind_it() {
    let world = World::start().await;
    let record = world.patient.vault.create_record("large").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.bin");
    let content = noise(2, 34 << 20);
    std::fs::write(&path, &content).unwrap();
    let sources = cowl_vault::Source::gather(&[path]).unwrap();
    world.patient.vault.add(record, sources, &Default::default(), &Silent).await.unwrap();
    let item = world.patient.vault.items(record).await.unwrap()[0].item;
    let mut passed = 0;
    world.patient.mallory.on_answer(PART, move |_, answer| {
        passed += 1;
        if passed == 2 {
            answer.body[100] ^= 1;
        }
    });
    let mut written = Vec::new();
    let outcome = world.patient.vault.get(record, item, &mut written, &Silent).await;
    assert_eq!(tampering(outcome), Tampering::Part { item, index: 2 });
    assert!(written.len() < content.len() && content.starts_with(&written));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_finds_a_changed_segment_without_fetching_everything() {
    let world = World::start().await;
    let (record, item) = several_parts(&world).await;
    world.patient.mallory.on_answer(PART, |_, answer| {
        let last = answer.body.len() - 1;
        answer.body[last] ^= 1;
    });
    let report: CheckReport = world.patient.vault.check(record, None, &Silent).await.unwrap();
    assert!(report.faults.iter().any(|found| found.item == item), "{report:?}");
}
