//! Many want what one can have.

use std::collections::BTreeMap;
use std::sync::Arc;

use cowl_crypto::id::random_bytes;
use cowl_domain::{ItemId, Power, Scope};
use cowl_store::ledger::Commit;
use cowl_store::{Ledger, StoreError};
use tokio::task::JoinSet;

use super::{Actor, Stores};

const RACERS: usize = 32;

fn fresh_item() -> ItemId {
    ItemId::from_bytes(random_bytes())
}

/// How many of the racers won, when the others were told of a conflict.
async fn winners(mut racers: JoinSet<Result<(), StoreError>>) -> usize {
    let mut won = 0;
    while let Some(result) = racers.join_next().await {
        match result.expect("a racer does not panic") {
            Ok(()) => won += 1,
            Err(StoreError::Conflict { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    won
}

fn alternating(stores: &Stores, second: &Ledger, racer: usize) -> Ledger {
    if racer.is_multiple_of(2) { stores.ledger.clone() } else { second.clone() }
}

/// Of many parties that register the same handle with two processes, one gets it.
pub async fn a_handle_has_one_winner(stores: &Stores) {
    let second = stores.second_ledger().await;
    let mut racers = JoinSet::new();
    for racer in 0..RACERS {
        let (ledger, party) = (alternating(stores, &second, racer), Actor::new("coveted").registration());
        racers.spawn(async move { ledger.register(&party).await.map(drop) });
    }
    assert_eq!(winners(racers).await, 1);
    assert_eq!(stores.ledger.log_size().await.unwrap(), 1);
    second.close().await;
}

/// Of many appends of the same item through two processes, one takes effect.
pub async fn an_item_has_one_winner(stores: &Stores) {
    let (owner, lab) = (stores.register("owner").await, stores.register("laboratory").await);
    let record = stores.record_of(&owner).await;
    stores.grant(&owner, &record, Scope::Record, &lab, Power::Append, None).await;
    let second = stores.second_ledger().await;
    let item = ItemId::from_bytes(random_bytes());
    let mut racers = JoinSet::new();
    for racer in 0..RACERS {
        let parts = stores.upload(&lab, &record.id, &[100]).await.unwrap();
        let items = vec![stores.new_item(&lab, &record, item, 0, &parts)];
        let (commit, act) = (Commit { items, ..Commit::default() }, stores.act());
        let (ledger, caller, record) = (alternating(stores, &second, racer), lab.id(), record.id);
        racers.spawn(async move { ledger.commit(&caller, &record, &commit, &act).await });
    }
    assert_eq!(winners(racers).await, 1);
    let page = stores.ledger.items_page(&owner.id(), &record.id, None, 10, stores.now()).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert!(page.items[0].appended);
    second.close().await;
}

/// Of many commits on the same head, one takes effect.
pub async fn a_head_has_one_winner(stores: &Stores) {
    let owner = Arc::new(stores.register("owner").await);
    let record = stores.record_of(&owner).await;
    let second = stores.second_ledger().await;
    let mut racers = JoinSet::new();
    for racer in 0..RACERS {
        let parts = stores.upload(&owner, &record.id, &[100]).await.unwrap();
        let new = stores.new_item(&owner, &record, ItemId::from_bytes(random_bytes()), 0, &parts);
        let items = [(new.placement.item, new.placement.verified().digest())].into();
        let head = Some(owner.head(record.id, 1, 0, &items));
        let (commit, act) = (Commit { items: vec![new], head, ..Commit::default() }, stores.act());
        let (ledger, caller, record) = (alternating(stores, &second, racer), owner.id(), record.id);
        racers.spawn(async move { ledger.commit(&caller, &record, &commit, &act).await });
    }
    assert_eq!(winners(racers).await, 1);
    assert_eq!(stores.ledger.item_placements(&record.id).await.unwrap().len(), 1);
    second.close().await;
}

/// Two processes that commit to a large record in turn, and to its removed, replaced and appended items, agree.
pub async fn commits_of_two_processes_follow_each_other(stores: &Stores) {
    let (owner, lab) = (stores.register("owner").await, stores.register("laboratory").await);
    let mut record = stores.record_of(&owner).await;
    stores.grant(&owner, &record, Scope::Record, &lab, Power::Append, None).await;
    let second = stores.second_ledger().await;
    let parts = stores.upload(&owner, &record.id, &[1; 150]).await.unwrap();
    let many = parts.chunks(1).map(|part| stores.new_item(&owner, &record, fresh_item(), 0, part)).collect();
    stores.commit(&owner, &mut record, Commit { items: many, ..Commit::default() }).await.unwrap();
    let mut versions = BTreeMap::new();
    for turn in 0..6 {
        let ledger = if turn % 2 == 0 { &stores.ledger } else { &second };
        let appended = stores.upload(&lab, &record.id, &[3]).await.unwrap();
        let appended = stores.new_item(&lab, &record, fresh_item(), 0, &appended);
        let append = Commit { items: vec![appended.clone()], ..Commit::default() };
        ledger.commit(&lab.id(), &record.id, &append, &stores.act()).await.unwrap();
        let parts = stores.upload(&owner, &record.id, &[2, 2]).await.unwrap();
        let mut ids = record.items.keys().copied();
        let (removed, replaced) = (ids.next().unwrap(), ids.nth(turn).unwrap());
        let new = stores.new_item(&owner, &record, fresh_item(), 0, &parts[..1]);
        let version = versions.entry(replaced).or_insert(0u32);
        *version += 1;
        let items = vec![new, stores.new_item(&owner, &record, replaced, *version, &parts[1..])];
        record.items.remove(&removed);
        let placed = items.iter().chain([&appended]);
        record.items.extend(placed.map(|new| (new.placement.item, new.placement.verified().digest())));
        let head = Some(owner.head(record.id, record.next, record.epoch, &record.items));
        let commit = Commit { items, removed: vec![removed], head, ..Commit::default() };
        ledger.commit(&owner.id(), &record.id, &commit, &stores.act()).await.unwrap();
        record.next += 1;
        let stored: BTreeMap<_, _> = second.item_placements(&record.id).await.unwrap().into_iter().collect();
        assert_eq!(stored, record.items);
    }
    second.close().await;
}

/// Writers of two processes leave a log without gaps, and each event once.
pub async fn the_log_has_no_gaps(stores: &Stores) {
    let owner = stores.register("owner").await;
    let second = stores.second_ledger().await;
    let mut racers = JoinSet::new();
    for racer in 0..RACERS {
        let (ledger, act, party) = (alternating(stores, &second, racer), stores.act(), owner.id());
        racers.spawn(async move { ledger.login_refused(&party, &act).await });
    }
    assert_eq!(winners(racers).await, RACERS);
    let size = stores.ledger.log_size().await.unwrap();
    assert_eq!(size, RACERS as u64 + 1);
    assert_eq!(stores.ledger.leaves(0, size + 5).await.unwrap().len() as u64, size);
    second.close().await;
}

/// Processes that start together migrate once.
pub async fn migrations_run_once(stores: &Stores) {
    let second = stores.second_ledger().await;
    let mut racers = JoinSet::new();
    for racer in 0..8 {
        let ledger = alternating(stores, &second, racer);
        racers.spawn(async move { ledger.migrate().await });
    }
    assert_eq!(winners(racers).await, 8);
    second.check_schema().await.unwrap();
    second.close().await;
}
