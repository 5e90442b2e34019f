//! What nobody needs goes, and nothing else does.

use std::time::SystemTime;

use cowl_crypto::id::random_bytes;
use cowl_domain::{ItemId, Timestamp};
use cowl_store::ledger::Commit;
use cowl_store::{Collected, CollectionPolicy, Collector, PackKey, StoreError};

use super::{Placed, Stores, layout, noise};

const POLICY: CollectionPolicy =
    CollectionPolicy { grace_seconds: 1000, linger_seconds: 100, erase_after_seconds: 5000 };

async fn collect(stores: &Stores, now: Timestamp) -> Collected {
    let collector = Collector::new(stores.ledger.clone(), stores.parts.clone(), POLICY);
    collector.run(now, &mut || PackKey::from_bytes(random_bytes())).await.unwrap()
}

/// The time of the part store, which stamps its objects by its own clock.
fn real_now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    Timestamp::from_millis(u64::try_from(since.as_millis()).expect("not in this era"))
}

async fn packs(stores: &Stores) -> usize {
    stores.parts.list_older_than(real_now().plus_seconds(3600)).await.unwrap().len()
}

/// A pack that was put, but never made known because its process died, can be read by nobody and goes after
/// the grace period; a writer that wakes up later is told off.
pub async fn an_orphan_is_collected(stores: &Stores) {
    let owner = stores.register("owner").await;
    let record = stores.record_of(&owner).await;
    let parts = [(cowl_domain::PartName::from_bytes(random_bytes()), noise(100))];
    let pack = PackKey::from_bytes(random_bytes());
    stores.parts.put_pack(pack, vec![parts[0].1.clone()]).await.unwrap();
    assert_eq!(stores.ledger.parts_known(&owner.id(), &record.id, &[parts[0].0]).await.unwrap(), []);
    assert_eq!(collect(stores, real_now()).await, Collected::default(), "it may be on its way");
    let later = real_now().plus_seconds(1010);
    assert_eq!(collect(stores, later).await.orphans, 1);
    let late = stores.ledger.parts_uploaded(&owner.id(), &record.id, pack, 100, &layout(&parts), later).await;
    assert_eq!(late, Err(StoreError::Conflict { what: "pack" }));
    assert_eq!(collect(stores, later.plus_seconds(101)).await.deleted, 1);
    assert_eq!(packs(stores).await, 0);
    collect(stores, later.plus_seconds(1200)).await;
    assert_eq!(collect(stores, later.plus_seconds(1300)).await, Collected::default());
}

/// Parts that are never committed are given up after the grace period, with their quota.
pub async fn a_broken_off_upload_is_given_up(stores: &Stores) {
    let owner = stores.register("owner").await;
    let mut record = stores.record_of(&owner).await;
    let parts = stores.upload(&owner, &record.id, &[100, 200]).await.unwrap();
    stores.wait_seconds(900);
    // Sent again, it lives on.
    let pack = PackKey::from_bytes(random_bytes());
    stores.parts.put_pack(pack, parts.iter().map(|(_, bytes)| bytes.clone()).collect()).await.unwrap();
    let again = layout(&parts);
    stores.ledger.parts_uploaded(&owner.id(), &record.id, pack, 300, &again, stores.now()).await.unwrap();
    assert_eq!(stores.ledger.account(&owner.id()).await.unwrap().used, 300);
    stores.wait_seconds(200);
    assert_eq!(collect(stores, stores.now()).await.uploads_given_up, 0);
    stores.wait_seconds(1000);
    assert_eq!(collect(stores, stores.now()).await.uploads_given_up, 2);
    assert_eq!(stores.ledger.account(&owner.id()).await.unwrap().used, 0);
    let new = stores.new_item(&owner, &record, ItemId::from_bytes(random_bytes()), 0, &parts);
    let late = stores.commit(&owner, &mut record, Commit { items: vec![new], ..Commit::default() }).await;
    assert_eq!(late, Err(StoreError::Conflict { what: "part" }));
    stores.wait_seconds(101);
    collect(stores, stores.now()).await;
    assert_eq!(packs(stores).await, 0);
}

/// A pack that is mostly dead is copied without its dead parts; readers notice nothing.
pub async fn a_thin_pack_is_compacted(stores: &Stores) {
    let owner = stores.register("owner").await;
    let mut record = stores.record_of(&owner).await;
    let parts = stores.upload(&owner, &record.id, &[500, 70, 500, 80]).await.unwrap();
    let items = parts.chunks(2).map(|parts| Placed {
        item: ItemId::from_bytes(random_bytes()),
        parts: parts.iter().rev().cloned().collect(),
    });
    let items: Vec<Placed> = items.collect();
    for placed in &items {
        let new = stores.new_item(&owner, &record, placed.item, 0, &placed.parts);
        stores.commit(&owner, &mut record, Commit { items: vec![new], ..Commit::default() }).await.unwrap();
    }
    let remove = Commit { removed: vec![items[0].item], ..Commit::default() };
    stores.commit(&owner, &mut record, remove).await.unwrap();
    assert_eq!(collect(stores, stores.now()).await.compacted, 0, "more than half is alive");
    stores.wait_seconds(5001);
    assert_eq!(collect(stores, stores.now()).await.compacted, 1, "what is dead does not stay for ever");
    assert_eq!(packs(stores).await, 2, "readers may be on their way to the old one");
    assert_eq!(stores.read(&owner, &record.id, &items[1]).await.unwrap(), items[1].parts[0].1);
    stores.wait_seconds(101);
    collect(stores, stores.now()).await;
    assert_eq!(packs(stores).await, 1);
    assert_eq!(stores.read(&owner, &record.id, &items[1]).await.unwrap(), items[1].parts[0].1);
    let remove = Commit { removed: vec![items[1].item], ..Commit::default() };
    stores.commit(&owner, &mut record, remove).await.unwrap();
    assert_eq!(collect(stores, stores.now()).await.dead_packs, 1);
}
