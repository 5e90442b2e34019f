//! Commits, quotas, accounts.

use cowl_crypto::id::random_bytes;
use cowl_domain::{ItemId, PartName, Power, Scope};
use cowl_store::StoreError;
use cowl_store::ledger::Commit;

use super::Stores;

/// When one item of a commit cannot be taken, none is, and the next try with the same parts succeeds.
pub async fn a_commit_is_all_or_nothing(stores: &Stores) {
    let owner = stores.register("owner").await;
    let mut record = stores.record_of(&owner).await;
    let parts = stores.upload(&owner, &record.id, &[10, 20]).await.unwrap();
    let good = stores.new_item(&owner, &record, ItemId::from_bytes(random_bytes()), 0, &parts);
    let never_uploaded = [(PartName::from_bytes(random_bytes()), super::noise(5))];
    let bad = stores.new_item(&owner, &record, ItemId::from_bytes(random_bytes()), 0, &never_uploaded);
    let log = stores.ledger.log_size().await.unwrap();
    let both = Commit { items: vec![good.clone(), bad], ..Commit::default() };
    let refused = stores.commit(&owner, &mut record, both).await;
    assert_eq!(refused, Err(StoreError::Conflict { what: "part" }));
    assert!(stores.ledger.item_placements(&record.id).await.unwrap().is_empty());
    assert_eq!(stores.ledger.log_size().await.unwrap(), log);
    stores.commit(&owner, &mut record, Commit { items: vec![good], ..Commit::default() }).await.unwrap();
}

/// A head that does not follow the stored one, or does not fit the items, is refused.
pub async fn a_stale_or_wrong_head_is_a_conflict(stores: &Stores) {
    let owner = stores.register("owner").await;
    let mut record = stores.record_of(&owner).await;
    let mut stale = record.clone();
    stores.put(&owner, &mut record, &[10]).await;
    let conflict = Err(StoreError::Conflict { what: "record head" });
    assert_eq!(stores.commit(&owner, &mut stale, Commit::default()).await, conflict);
    let mut wrong = record.clone();
    wrong.items.clear();
    assert_eq!(stores.commit(&owner, &mut wrong, Commit::default()).await, conflict);
    stores.commit(&owner, &mut record, Commit::default()).await.unwrap();
}

/// A re-keyed item has its next version only, and the bytes of the old one no longer count.
pub async fn rekeying_replaces_an_item(stores: &Stores) {
    let owner = stores.register("owner").await;
    let mut record = stores.record_of(&owner).await;
    let old = stores.put(&owner, &mut record, &[100, 200]).await;
    let epoch = owner.epoch(record.id, 1);
    stores.commit(&owner, &mut record, Commit { epoch: Some(epoch), ..Commit::default() }).await.unwrap();
    let parts = stores.upload(&owner, &record.id, &[50]).await.unwrap();
    let mut in_old_epoch = record.clone();
    in_old_epoch.epoch = 0;
    let stale = stores.new_item(&owner, &in_old_epoch, old.item, 1, &parts);
    let refused =
        stores.commit(&owner, &mut record, Commit { items: vec![stale], ..Commit::default() }).await;
    assert_eq!(refused, Err(StoreError::Conflict { what: "epoch" }));
    for (version, outcome) in [(2, Err(StoreError::Conflict { what: "item" })), (1, Ok(()))] {
        let next = stores.new_item(&owner, &record, old.item, version, &parts);
        let commit = Commit { items: vec![next], ..Commit::default() };
        assert_eq!(stores.commit(&owner, &mut record, commit).await, outcome);
    }
    assert_eq!(stores.ledger.account(&owner.id()).await.unwrap().used, 50);
    assert_eq!(stores.read(&owner, &record.id, &old).await, Err(StoreError::NotFound));
    let new = super::Placed { item: old.item, parts };
    assert_eq!(stores.read(&owner, &record.id, &new).await.unwrap(), new.parts[0].1);
}

/// What others append stands outside the head until the owner's next one takes it in.
pub async fn appended_items_wait_for_the_owner(stores: &Stores) {
    let (owner, lab) = (stores.register("owner").await, stores.register("laboratory").await);
    let mut record = stores.record_of(&owner).await;
    stores.put(&owner, &mut record, &[10]).await;
    stores.grant(&owner, &record, Scope::Record, &lab, Power::Append, None).await;
    let parts = stores.upload(&lab, &record.id, &[30]).await.unwrap();
    let new = stores.new_item(&lab, &record, ItemId::from_bytes(random_bytes()), 0, &parts);
    let leaf = (new.placement.item, new.placement.verified().digest());
    let append = Commit { items: vec![new.clone()], ..Commit::default() };
    stores.ledger.commit(&lab.id(), &record.id, &append, &stores.act()).await.unwrap();
    assert_eq!(stores.ledger.item_placements(&record.id).await.unwrap().len(), 1);
    let seen = stores.ledger.items_page(&lab.id(), &record.id, None, 10, stores.now()).await.unwrap();
    assert_eq!((seen.items.len(), seen.sees_all), (1, false), "who appends sees its own item only");
    stores.commit(&owner, &mut record, Commit::default()).await.unwrap();
    record.items.extend([leaf]);
    stores.commit(&owner, &mut record, Commit::default()).await.unwrap();
    assert_eq!(stores.ledger.item_placements(&record.id).await.unwrap().len(), 2);
    let replace = Commit { removed: vec![new.placement.item], ..Commit::default() };
    let refused = stores.ledger.commit(&lab.id(), &record.id, &replace, &stores.act()).await;
    assert!(matches!(refused, Err(StoreError::Refused { .. })));
}

/// Uploads beyond the quota are refused, and removing gives room again.
pub async fn quotas_hold(stores: &Stores) {
    let (owner, lab) = (stores.register("owner").await, stores.register("laboratory").await);
    let mut record = stores.record_of(&owner).await;
    stores.grant(&owner, &record, Scope::Record, &lab, Power::Append, None).await;
    stores.ledger.set_quota(&owner.id(), 1000).await.unwrap();
    let big = stores.put(&owner, &mut record, &[900]).await;
    let full = StoreError::QuotaExceeded { used: 900, quota: 1000, asked: 200 };
    assert_eq!(stores.upload(&owner, &record.id, &[200]).await, Err(full.clone()));
    assert_eq!(stores.ledger.may_upload(&owner.id(), &record.id, 200, stores.now()).await, Err(full));
    assert!(matches!(stores.upload(&lab, &record.id, &[200]).await, Err(StoreError::Refused { .. })));
    let remove = Commit { removed: vec![big.item], ..Commit::default() };
    stores.commit(&owner, &mut record, remove).await.unwrap();
    stores.put(&owner, &mut record, &[1000]).await;
}

/// Keys continue version by version, each an open leaf.
pub async fn keys_continue(stores: &Stores) {
    let owner = stores.register("owner").await;
    let first = owner.registration().binding;
    let next = owner.next_binding(&first);
    let index = stores.ledger.change_keys(&next, b"new store").await.unwrap();
    assert_eq!(index, 1);
    let again = stores.ledger.change_keys(&next, b"new store").await;
    assert_eq!(again, Err(StoreError::Conflict { what: "key binding" }));
    let row = stores.ledger.party_by_handle(&owner.handle).await.unwrap();
    assert_eq!((row.bindings.len(), row.index), (2, 1));
    let leaves = stores.ledger.open_leaves(None, 10).await.unwrap();
    assert_eq!(leaves.bindings[1].binding, next.signed().to_bytes());
    let hash = cowl_crypto::log::open_leaf(&next.signed().to_bytes());
    assert_eq!(stores.ledger.leaves(1, 2).await.unwrap(), [hash]);
    assert_eq!(stores.ledger.parties("own", None, 10).await.unwrap(), [row]);
    assert!(stores.ledger.parties("ox", None, 10).await.unwrap().is_empty());
}

/// A deleted account leaves its name, and nothing that could be read.
pub async fn a_deleted_account_leaves_its_name_only(stores: &Stores) {
    let (owner, reader) = (stores.register("owner").await, stores.register("reader").await);
    let mut record = stores.record_of(&owner).await;
    let item = stores.put(&owner, &mut record, &[100]).await;
    stores.grant(&owner, &record, Scope::Record, &reader, Power::Read, None).await;
    stores.read(&reader, &record.id, &item).await.unwrap();
    stores.ledger.delete_account(&owner.id(), &stores.act()).await.unwrap();
    assert_eq!(stores.read(&reader, &record.id, &item).await, Err(StoreError::NotFound));
    assert_eq!(stores.ledger.records(&reader.id(), stores.now()).await.unwrap(), []);
    assert!(stores.ledger.credentials(&owner.handle).await.is_err());
    assert!(stores.ledger.party(&owner.id()).await.unwrap().deleted);
    let again = super::Actor::new("owner").registration();
    assert_eq!(stores.ledger.register(&again).await, Err(StoreError::Conflict { what: "handle" }));
    assert_eq!(stores.ledger.delete_account(&owner.id(), &stores.act()).await, Err(StoreError::NotFound));
}
