//! Grants, reads, requests, and who learns what.

use cowl_crypto::digest::Digest;
use cowl_crypto::id::random_bytes;
use cowl_crypto::log::salted_leaf;
use cowl_domain::{
    AccessRequest, Event, EventKind, GrantId, ItemId, PartName, Power, Powers, Purpose, RecordId,
    RequestAnswer, RequestId, Scope, wire,
};
use cowl_store::StoreError;
use cowl_store::ledger::{Commit, NewGrant};

use super::{Actor, OwnRecord, Stores};

/// A revoked grant opens nothing more: no new read, and no part against a ticket from before, in no process.
pub async fn revocation_bites_at_once(stores: &Stores) {
    let (owner, reader) = (stores.register("owner").await, stores.register("reader").await);
    let mut record = stores.record_of(&owner).await;
    let item = stores.put(&owner, &mut record, &[100]).await;
    let grant = stores.grant(&owner, &record, Scope::Record, &reader, Power::Read, None).await;
    let ticket = Digest::of(b"ticket");
    open(stores, &reader, &record, item.item, &ticket).await;
    assert_eq!(stores.fetch(&reader, &ticket, &item.parts[0].0).await.unwrap(), item.parts[0].1);
    let second = stores.second_ledger().await;
    second.revoke(&owner.revocation(&grant.grant), &stores.act()).await.unwrap();
    let names = [item.parts[0].0];
    for ledger in [&stores.ledger, &second] {
        let batch = ledger.part_locations(&reader.id(), &ticket, &names, stores.now()).await;
        assert_eq!(batch, Err(StoreError::NotFound));
    }
    assert_eq!(stores.fetch(&reader, &ticket, &names[0]).await, Err(StoreError::NotFound));
    assert_eq!(stores.read(&reader, &record.id, &item).await, Err(StoreError::NotFound));
    let seen = &stores.ledger.grants(&reader.id(), stores.now()).await.unwrap()[0];
    assert!(seen.shares.is_empty() && seen.revocation.is_some());
    second.close().await;
}

/// A grant that was made for keys which its grantee has changed since is refused, and nothing of it stays.
pub async fn a_grant_names_the_keys_of_today(stores: &Stores) {
    let (owner, reader) = (stores.register("owner").await, stores.register("reader").await);
    let record = stores.record_of(&owner).await;
    let grant = owner.grant(record.id, Scope::Record, &reader, Powers::of([Power::Read]), None);
    let share = owner.share(&grant, record.epoch);
    let stale = [NewGrant { grant, note: None, shares: vec![share] }];
    let next = reader.next_binding(&reader.registration().binding);
    stores.ledger.change_keys(&next, b"new store").await.unwrap();
    let refused = stores.ledger.make_grants(&owner.id(), &stale, &stores.act()).await;
    assert_eq!(refused, Err(StoreError::Conflict { what: "grantee's key binding" }));
    assert!(stores.ledger.grants(&reader.id(), stores.now()).await.unwrap().is_empty());
}

async fn open(stores: &Stores, reader: &Actor, record: &OwnRecord, item: ItemId, ticket: &Digest) {
    let (until, act) = (stores.now().plus_seconds(60), stores.act());
    let opened = stores.ledger.open_reads(&reader.id(), &record.id, &[item], ticket, until, &act).await;
    assert_eq!(opened.unwrap()[0].item, item);
}

/// A grant ends when it says; a ticket when it says; the end is told once, and re-keying after it.
pub async fn grants_and_tickets_run_out(stores: &Stores) {
    let (owner, reader) = (stores.register("owner").await, stores.register("reader").await);
    let mut record = stores.record_of(&owner).await;
    let item = stores.put(&owner, &mut record, &[100]).await;
    let end = stores.now().plus_seconds(1000);
    let grant = stores.grant(&owner, &record, Scope::Item(item.item), &reader, Power::Read, Some(end)).await;
    let early = stores.ledger.rekeyed(&owner.id(), &grant.grant.grant, &stores.act()).await;
    assert!(matches!(early, Err(StoreError::Refused { .. })));
    let ticket = Digest::of(b"ticket");
    open(stores, &reader, &record, item.item, &ticket).await;
    stores.wait_seconds(60);
    assert_eq!(stores.fetch(&reader, &ticket, &item.parts[0].0).await, Err(StoreError::NotFound));
    stores.read(&reader, &record.id, &item).await.unwrap();
    stores.wait_seconds(1000);
    assert_eq!(stores.read(&reader, &record.id, &item).await, Err(StoreError::NotFound));
    assert_eq!(stores.ledger.expire_grants(10, &stores.act()).await.unwrap(), 1);
    assert_eq!(stores.ledger.expire_grants(10, &stores.act()).await.unwrap(), 0);
    stores.ledger.rekeyed(&owner.id(), &grant.grant.grant, &stores.act()).await.unwrap();
    assert!(stores.ledger.grants(&owner.id(), stores.now()).await.unwrap()[0].rekeyed);
}

/// Whoever has a grant on one item sees and opens that one only.
pub async fn an_item_grant_opens_one_item(stores: &Stores) {
    let (owner, reader) = (stores.register("owner").await, stores.register("reader").await);
    let mut record = stores.record_of(&owner).await;
    let shared = stores.put(&owner, &mut record, &[100]).await;
    let other = stores.put(&owner, &mut record, &[100]).await;
    stores.grant(&owner, &record, Scope::Item(shared.item), &reader, Power::Read, None).await;
    let page = stores.ledger.items_page(&reader.id(), &record.id, None, 10, stores.now()).await.unwrap();
    assert_eq!((page.items.len(), page.sees_all), (1, false));
    stores.read(&reader, &record.id, &shared).await.unwrap();
    assert_eq!(stores.read(&reader, &record.id, &other).await, Err(StoreError::NotFound));
    let both = [shared.item, other.item];
    let (ticket, until) = (Digest::of(b"both"), stores.now().plus_seconds(60));
    let open = stores.ledger.open_reads(&reader.id(), &record.id, &both, &ticket, until, &stores.act()).await;
    assert_eq!(open, Err(StoreError::NotFound));
    assert!(stores.fetch(&reader, &ticket, &shared.parts[0].0).await.is_err(), "nothing is opened by halves");
}

/// To a stranger, what is not there and what is not its own are the same.
pub async fn not_there_is_not_yours(stores: &Stores) {
    let (owner, stranger) = (stores.register("owner").await, stores.register("stranger").await);
    let mut record = stores.record_of(&owner).await;
    let item = stores.put(&owner, &mut record, &[100]).await;
    let grantee = stores.register("grantee").await;
    let grant = stores.grant(&owner, &record, Scope::Record, &grantee, Power::Read, None).await;
    let nowhere = OwnRecord { id: RecordId::from_bytes(random_bytes()), ..record.clone() };
    let nothing = GrantId::from_bytes(random_bytes());
    for (record, grant) in [(&record, grant.grant.grant), (&nowhere, nothing)] {
        let answers = strangers_answers(stores, &stranger, record, item.item, grant).await;
        assert!(answers.iter().all(|answer| *answer == Err(StoreError::NotFound)), "{answers:?}");
    }
    for part in [item.parts[0].0, PartName::from_bytes(random_bytes())] {
        let none = stores.ledger.parts_known(&stranger.id(), &record.id, &[part]).await.unwrap();
        assert_eq!(none, []);
        let ticket = Digest::of(b"no ticket");
        let at = stores.ledger.part_location(&stranger.id(), &ticket, &part, stores.now()).await;
        assert_eq!(at, Err(StoreError::NotFound));
    }
}

async fn strangers_answers(
    stores: &Stores,
    stranger: &Actor,
    record: &OwnRecord,
    item: ItemId,
    grant: GrantId,
) -> Vec<Result<(), StoreError>> {
    let (ledger, caller, act) = (&stores.ledger, stranger.id(), stores.act());
    let (ticket, until) = (Digest::from_bytes(random_bytes()), stores.now().plus_seconds(60));
    let accomplice =
        stores.register(&format!("accomplice-{}", cowl_crypto::id::encode_id(&random_bytes()))).await;
    let mut theft = stranger.grant(record.id, Scope::Record, &accomplice, Powers::of([Power::Read]), None);
    let grants = [NewGrant { grant: theft.clone(), note: None, shares: vec![stranger.share(&theft, 0)] }];
    let made = ledger.make_grants(&caller, &grants, &act).await;
    theft = stranger.prove(&cowl_domain::Grant { grant, ..(*theft).clone() });
    vec![
        made,
        ledger.record(&caller, &record.id, act.now()).await.map(drop),
        ledger.items_page(&caller, &record.id, None, 10, act.now()).await.map(drop),
        ledger.may_upload(&caller, &record.id, 1, act.now()).await,
        stores.upload(stranger, &record.id, &[10]).await.map(drop),
        ledger.commit(&caller, &record.id, &Commit::default(), &act).await,
        ledger.open_reads(&caller, &record.id, &[item], &ticket, until, &act).await.map(drop),
        ledger.revoke(&stranger.revocation(&theft), &act).await,
        ledger.rekeyed(&caller, &grant, &act).await,
    ]
}

/// Reads and refusals are in the log, for reader and owner and nobody else; each leaf fits its event.
pub async fn reads_are_told_to_those_concerned(stores: &Stores) {
    let (owner, reader) = (stores.register("owner").await, stores.register("reader").await);
    let stranger = stores.register("stranger").await;
    let mut record = stores.record_of(&owner).await;
    let item = stores.put(&owner, &mut record, &[100]).await;
    stores.grant(&owner, &record, Scope::Record, &reader, Power::Read, None).await;
    stores.read(&reader, &record.id, &item).await.unwrap();
    stores.read(&stranger, &record.id, &item).await.unwrap_err();
    use EventKind::{GrantMade, ItemRead, ItemsAdded, ReadRefused, RecordMade};
    let expected = [RecordMade, ItemsAdded, GrantMade, ItemRead, ReadRefused];
    assert_eq!(kinds(stores, &owner).await, expected);
    assert_eq!(kinds(stores, &reader).await, [GrantMade, ItemRead]);
    assert_eq!(kinds(stores, &stranger).await, [ReadRefused]);
    let page = stores.ledger.events_for(&owner.id(), Some(4), 1).await.unwrap();
    assert!(page.more && page.events.len() == 1 && page.events[0].index > 4);
}

async fn kinds(stores: &Stores, party: &Actor) -> Vec<EventKind> {
    let page = stores.ledger.events_for(&party.id(), None, 100).await.unwrap();
    let mut kinds = Vec::new();
    for entry in page.events {
        let leaf = stores.ledger.leaves(entry.index, entry.index + 1).await.unwrap();
        assert_eq!(leaf, [salted_leaf(&entry.salt, &entry.event)]);
        kinds.push(wire::decode::<Event>("event", &entry.event).unwrap().kind);
    }
    kinds
}

/// A request is answered once, with the grants that the answer names.
pub async fn requests_are_answered_once(stores: &Stores) {
    let (owner, reader) = (stores.register("owner").await, stores.register("reader").await);
    let record = stores.record_of(&owner).await;
    let request = reader.prove(&AccessRequest {
        request: RequestId::from_bytes(random_bytes()),
        from: reader.id(),
        owner: owner.id(),
        item: None,
        powers: Powers::of([Power::Read]),
        purpose: Purpose::SecondOpinion,
        until: None,
        sealed_note: b"note".to_vec(),
        made_at: stores.now(),
    });
    stores.ledger.make_request(&request, &stores.act()).await.unwrap();
    let grant = owner.grant(record.id, Scope::Record, &reader, Powers::of([Power::Read]), None);
    let answer =
        RequestAnswer { request: request.request, grants: vec![grant.grant], answered_at: stores.now() };
    let (share, answer) = (owner.share(&grant, 0), owner.prove(&answer));
    let grants = [NewGrant { grant, note: None, shares: vec![share] }];
    let unnamed = stores.ledger.answer_request(&answer, &[], &stores.act()).await;
    assert!(matches!(unnamed, Err(StoreError::Refused { .. })));
    stores.ledger.answer_request(&answer, &grants, &stores.act()).await.unwrap();
    let again = stores.ledger.answer_request(&answer, &grants, &stores.act()).await;
    assert!(matches!(again, Err(StoreError::Conflict { .. })));
    let rows = stores.ledger.requests(&reader.id()).await.unwrap();
    assert_eq!(rows[0].answer, Some(answer.signed().to_bytes()));
    assert_eq!(stores.ledger.grants(&reader.id(), stores.now()).await.unwrap()[0].shares.len(), 1);
    assert_eq!(stores.ledger.records(&reader.id(), stores.now()).await.unwrap().len(), 1);
}
