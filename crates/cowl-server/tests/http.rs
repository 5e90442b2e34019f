//! What the server does for those who keep to the rules.
#![allow(clippy::unwrap_used)]

mod world;

use cowl_api::types::{AnswerRequest, Commit, NewGrants, NewRequest};
use cowl_api::{Client, ProblemCode};
use cowl_crypto::id::random_bytes;
use cowl_crypto::log::{open_checkpoint, open_leaf};
use cowl_crypto::merkle::{verify_consistency, verify_inclusion};
use cowl_crypto::sign::VerifyingKey;
use cowl_domain::{
    AccessRequest, CheckpointRef, Event, EventKind, GrantId, ItemId, ItemsRoot, KeyBinding, PartName, Power,
    Powers, Purpose, RecordHead, RequestAnswer, RequestId, Scope, Signed, Timestamp, wire,
};

use cowl_server::config::MetricsListener;
use world::{OwnedRecord, Person, SealedItem, World, code, grant_of, revocation_of};

async fn share(
    owner: &Person,
    record: &OwnedRecord,
    scope: Scope,
    grantee: &Person,
    powers: &[Power],
) -> GrantId {
    let (id, grant) = grant_of(owner, record, scope, grantee, powers, None);
    owner.client.make_grants(&NewGrants { grants: vec![grant] }).await.unwrap();
    id
}

async fn read_all(reader: &Person, item: &SealedItem) -> Vec<u8> {
    let ticket = reader.client.read_items(&item.placement.record, &[item.id]).await.unwrap();
    let names: Vec<_> = item.parts.iter().map(|(name, _, _)| *name).collect();
    let parts = reader.client.fetch_parts(&ticket.ticket.0, &names).await.unwrap().collect().await.unwrap();
    parts.into_iter().flat_map(|(_, bytes)| bytes).collect()
}

fn plain(item: &SealedItem) -> Vec<u8> {
    item.parts.iter().flat_map(|(_, _, bytes)| bytes.clone()).collect()
}

/// What the signed checkpoint of the server says, checked.
async fn checkpoint(client: &Client) -> CheckpointRef {
    let server = client.server().await.unwrap();
    let key = VerifyingKey::from_bytes(server.log_key.0.try_into().unwrap());
    let note = client.checkpoint().await.unwrap();
    let checkpoint = open_checkpoint(&note, &server.origin, &key).unwrap();
    CheckpointRef { size: checkpoint.size, root: checkpoint.root }
}

async fn events(person: &Person) -> Vec<(u64, [u8; 16], Event)> {
    let page = person.client.events(None, 1000).await.unwrap();
    let read = |entry: cowl_api::types::LogEntry| {
        let event = wire::decode("event", &entry.event.0).unwrap();
        (entry.index, entry.salt.0.try_into().unwrap(), event)
    };
    page.events.into_iter().map(read).collect()
}

#[tokio::test]
async fn a_record_is_stored_shared_read_and_taken_back() {
    let world = World::start().await;
    let (owner, reader) = (world.person("patient").await, world.person("radiologist").await);
    let mut record = OwnedRecord::create(&owner).await;
    let item = record.add(&owner, &[1, 70_000, 300]).await;
    assert_eq!(read_all(&owner, &item).await, plain(&item));

    let grant = share(&owner, &record, Scope::Record, &reader, &[Power::Read]).await;
    let seen = reader.client.records().await.unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].record, record.id.to_string());
    assert_eq!(reader.client.grants().await.unwrap()[0].shares.len(), 1);
    assert_eq!(read_all(&reader, &item).await, plain(&item));

    owner.client.revoke(&grant, &revocation_of(&owner, &record, grant)).await.unwrap();
    assert_eq!(code(reader.client.read_items(&record.id, &[item.id]).await), ProblemCode::NotFound);
    assert!(reader.client.records().await.unwrap().is_empty());
    owner.client.rekeyed(&grant).await.unwrap();
    assert!(owner.client.grants().await.unwrap()[0].rekeyed);
    let kinds: Vec<_> = events(&owner).await.into_iter().map(|(_, _, event)| event.kind).collect();
    for kind in [EventKind::ItemsAdded, EventKind::GrantMade, EventKind::ItemRead, EventKind::GrantRevoked] {
        assert!(kinds.contains(&kind), "{kind} is not among {kinds:?}");
    }
    world.running.stop().await.unwrap();
}

#[tokio::test]
async fn a_reader_of_one_item_sees_that_item_and_proof_that_it_is_the_newest() {
    let world = World::start().await;
    let (owner, reader) = (world.person("patient").await, world.person("insurer").await);
    let mut record = OwnedRecord::create(&owner).await;
    let (one, other) = (record.add(&owner, &[10]).await, record.add(&owner, &[20]).await);
    share(&owner, &record, Scope::Item(one.id), &reader, &[Power::Read]).await;

    let page = reader.client.items(&record.id, None, 100).await.unwrap();
    assert_eq!(page.items.len(), 1);
    let proof = page.items[0].proof.as_ref().unwrap();
    let head =
        Signed::<RecordHead>::from_bytes(&reader.client.record(&record.id).await.unwrap().head.0).unwrap();
    let head = head.verify(&owner.binding.keys).unwrap();
    let hashes: Vec<_> = proof.hashes.iter().map(|blob| hash(&blob.0)).collect();
    let leaf = ItemsRoot::leaf(&one.id, &one.digest(&owner));
    verify_inclusion(leaf, proof.index, head.items, &hashes, head.items_root).unwrap();

    assert_eq!(read_all(&reader, &one).await, plain(&one));
    assert_eq!(code(reader.client.read_items(&record.id, &[other.id]).await), ProblemCode::NotFound);
    let ticket = reader.client.read_items(&record.id, &[one.id]).await.unwrap();
    assert!(ticket.items[0].proof.is_some());
    let stolen = reader.client.fetch_part_range(&ticket.ticket.0, &other.parts[0].0, 0..1).await;
    assert_eq!(code(stolen), ProblemCode::NotFound);
}

fn hash(bytes: &[u8]) -> cowl_crypto::merkle::Hash {
    cowl_crypto::merkle::Hash::from_bytes(bytes.try_into().unwrap())
}

#[tokio::test]
async fn ranges_of_a_part_are_those_asked_for() {
    let world = World::start().await;
    let owner = world.person("patient").await;
    let mut record = OwnedRecord::create(&owner).await;
    let item = record.add(&owner, &[1000, 100_000]).await;
    let ticket = owner.client.read_items(&record.id, &[item.id]).await.unwrap().ticket.0;
    let (name, _, bytes) = &item.parts[1];
    for range in [0..1, 0..100_000, 99_999..100_000, 5_000..70_000] {
        let got = owner.client.fetch_part_range(&ticket, name, range.clone()).await.unwrap();
        assert_eq!(got, bytes.slice(range.start as usize..range.end as usize));
    }
    assert_eq!(
        code(owner.client.fetch_part_range(&ticket, name, 100_000..100_001).await),
        ProblemCode::BadRequest
    );
}

#[tokio::test]
async fn a_cut_upload_goes_on_where_it_was() {
    let world = World::start().await;
    let owner = world.person("patient").await;
    let mut record = OwnedRecord::create(&owner).await;
    let item = SealedItem::new(record.id, &[10, 20, 30]);
    let names: Vec<PartName> = item.parts.iter().map(|(name, _, _)| *name).collect();
    assert!(owner.client.parts_known(&record.id, &names).await.unwrap().is_empty());
    owner.client.upload_parts(&record.id, item.parts[..2].to_vec()).await.unwrap();
    let mut known = owner.client.parts_known(&record.id, &names).await.unwrap();
    known.sort_unstable();
    let mut expected = names[..2].to_vec();
    expected.sort_unstable();
    assert_eq!(known, expected);

    let commit = record.adding(&owner, &[&item]);
    assert_eq!(code(owner.client.commit(&record.id, &commit).await), ProblemCode::Conflict);
    owner.client.upload_parts(&record.id, item.parts.clone()).await.unwrap();
    owner.client.commit(&record.id, &commit).await.unwrap();
    assert_eq!(read_all(&owner, &item).await, plain(&item));
}

#[tokio::test]
async fn a_report_comes_back_through_an_append_grant() {
    let world = World::start().await;
    let (owner, reader) = (world.person("patient").await, world.person("radiologist").await);
    let mut record = OwnedRecord::create(&owner).await;
    record.add(&owner, &[10]).await;
    share(&owner, &record, Scope::Record, &reader, &[Power::Read, Power::Append]).await;

    let report = SealedItem::new(record.id, &[40]);
    report.upload(&reader).await;
    let commit = Commit {
        items: vec![report.body(&reader)],
        removed: Vec::new(),
        epoch: None,
        shares: Vec::new(),
        head: None,
    };
    reader.client.commit(&record.id, &commit).await.unwrap();
    let page = owner.client.items(&record.id, None, 100).await.unwrap();
    let row = page.items.iter().find(|row| row.item == report.id.to_string()).unwrap();
    assert!(row.appended);
    assert_eq!(read_all(&owner, &report).await, plain(&report));

    record.items.insert(report.id, report.digest(&reader));
    record.add(&owner, &[11]).await;
    let page = owner.client.items(&record.id, None, 100).await.unwrap();
    assert!(page.items.iter().all(|row| !row.appended));
}

#[tokio::test]
async fn items_are_paged_in_the_order_of_their_identifiers() {
    let world = World::start().await;
    let owner = world.person("patient").await;
    let mut record = OwnedRecord::create(&owner).await;
    let items: Vec<_> = (1..=5).map(|n| SealedItem::new(record.id, &[n])).collect();
    let parts = items.iter().flat_map(|item| item.parts.clone()).collect();
    owner.client.upload_parts(&record.id, parts).await.unwrap();
    let commit = record.adding(&owner, &items.iter().collect::<Vec<_>>());
    owner.client.commit(&record.id, &commit).await.unwrap();

    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = owner.client.items(&record.id, after.as_ref(), 2).await.unwrap();
        seen.extend(page.items.iter().map(|row| row.item.parse::<ItemId>().unwrap()));
        after = seen.last().copied();
        if !page.more {
            break;
        }
    }
    assert_eq!(seen, record.items.keys().copied().collect::<Vec<_>>());
    record.remove(&owner, &items[0].id).await.unwrap();
    assert_eq!(owner.client.items(&record.id, None, 100).await.unwrap().items.len(), 4);
}

#[tokio::test]
async fn the_log_proves_what_it_says() {
    let world = World::start().await;
    let owner = world.person("patient").await;
    let early = checkpoint(&owner.client).await;
    let mut record = OwnedRecord::create(&owner).await;
    record.checkpoint = early;
    record.add(&owner, &[10]).await;
    let late = checkpoint(&owner.client).await;
    assert!(late.size > early.size);
    let proof = owner.client.consistency(early.size, late.size).await.unwrap();
    verify_consistency(early.size, early.root, late.size, late.root, &proof).unwrap();

    for (index, salt, event) in events(&owner).await {
        let proof = owner.client.inclusion(index, late.size).await.unwrap();
        verify_inclusion(event.leaf(&salt), index, late.size, &proof, late.root).unwrap();
    }
    let bindings = owner.client.bindings(None, 100).await.unwrap().bindings;
    assert_eq!(bindings.len(), 1);
    let proof = owner.client.inclusion(bindings[0].index, late.size).await.unwrap();
    verify_inclusion(open_leaf(&bindings[0].binding.0), bindings[0].index, late.size, &proof, late.root)
        .unwrap();
    assert_eq!(code(owner.client.inclusion(late.size, late.size).await), ProblemCode::BadRequest);
    assert_eq!(code(owner.client.consistency(0, late.size + 1000).await), ProblemCode::BadRequest);
}

#[tokio::test]
async fn a_change_of_keys_is_in_the_directory_and_the_log() {
    let world = World::start().await;
    let (mut owner, other) = (world.person("patient").await, world.person("insurer").await);
    owner.change_keys().await;
    let entry = other.client.party("patient").await.unwrap();
    assert_eq!(entry, other.client.party(&owner.party().to_string()).await.unwrap());
    assert_eq!(entry.bindings.len(), 2);
    let newest =
        Signed::<KeyBinding>::from_bytes(&entry.bindings[1].0).unwrap().dangerous_unverified().unwrap();
    assert_eq!(newest.keys, owner.binding.keys);
    let leaves = other.client.bindings(None, 100).await.unwrap().bindings;
    assert!(leaves.iter().any(|leaf| leaf.index == entry.index && leaf.binding == entry.bindings[1]));
    OwnedRecord::create(&owner).await;
    owner.binding.keys.version = 0;
    let draft = OwnedRecord::draft();
    assert_eq!(code(owner.client.new_record(&draft.genesis(&owner)).await), ProblemCode::Conflict);
}

#[tokio::test]
async fn the_directory_is_paged_by_handle() {
    let world = World::start().await;
    let asking = world.person("zoe").await;
    for handle in ["bea", "ben", "bob"] {
        Person::unregistered(&world.client, handle).enroll().await.unwrap();
    }
    let page = asking.client.parties("b", None, 2).await.unwrap();
    let handles: Vec<_> = page.parties.iter().map(|entry| entry.handle.as_str()).collect();
    assert_eq!((handles, page.more), (vec!["bea", "ben"], true));
    let page = asking.client.parties("b", Some("ben"), 2).await.unwrap();
    assert_eq!((page.parties.len(), page.more), (1, false));
    assert_eq!(code(asking.client.party("nobody").await), ProblemCode::NotFound);
}

#[tokio::test]
async fn a_new_password_takes_the_place_of_the_old_one_and_ends_other_sessions() {
    let world = World::start().await;
    let mut owner = world.person("patient").await;
    let other_session = world.client.with_token(&owner.log_in().await.unwrap().token.0);
    other_session.account().await.unwrap();
    let begun_before = owner.begin_login(&owner.password.clone()).await.unwrap().unwrap();
    let old = owner.password.clone();
    owner.change_password(b"another password").await;
    assert_eq!(code(other_session.account().await), ProblemCode::Unauthenticated);
    owner.client.account().await.unwrap();
    assert!(owner.begin_login(&old).await.unwrap().is_none());
    assert_eq!(code(owner.client.login_finish(&begun_before).await), ProblemCode::WrongCredentials);
    owner.log_in().await.unwrap();
}

#[tokio::test]
async fn a_deleted_account_is_gone_but_its_keys_stay_known() {
    let world = World::start().await;
    let (owner, other) = (world.person("patient").await, world.person("insurer").await);
    let account = owner.client.account().await.unwrap();
    assert_eq!((account.handle.as_str(), account.email.as_deref()), ("patient", Some("patient@example.org")));
    owner.client.delete_account().await.unwrap();
    assert_eq!(code(owner.client.account().await), ProblemCode::Unauthenticated);
    assert!(owner.begin_login(&owner.password).await.unwrap().is_none());
    assert!(other.client.party(&owner.party().to_string()).await.unwrap().deleted);
}

#[tokio::test]
async fn a_request_is_answered_with_a_grant() {
    let world = World::start().await;
    let (owner, reader) = (world.person("patient").await, world.person("radiologist").await);
    let mut record = OwnedRecord::create(&owner).await;
    let item = record.add(&owner, &[10]).await;
    let request = AccessRequest {
        request: RequestId::from_bytes(random_bytes()),
        from: reader.party(),
        owner: owner.party(),
        item: Some(item.id),
        powers: Powers::of([Power::Read]),
        purpose: Purpose::Diagnosis,
        until: None,
        sealed_note: b"sealed words".to_vec(),
        made_at: Timestamp::from_millis(6),
    };
    reader.client.make_request(&NewRequest { request: reader.sign(&request) }).await.unwrap();
    assert_eq!(owner.client.requests().await.unwrap().len(), 1);

    let (grant, new) = grant_of(&owner, &record, Scope::Item(item.id), &reader, &[Power::Read], None);
    let answer = RequestAnswer {
        request: request.request,
        grants: vec![grant],
        answered_at: Timestamp::from_millis(7),
    };
    let body = AnswerRequest { answer: owner.sign(&answer), grants: vec![new] };
    assert_eq!(code(reader.client.answer(&request.request, &body).await), ProblemCode::NotAllowed);
    owner.client.answer(&request.request, &body).await.unwrap();
    assert!(reader.client.requests().await.unwrap()[0].answer.is_some());
    assert_eq!(read_all(&reader, &item).await, plain(&item));
}

#[tokio::test]
async fn operators_see_that_it_is_up_and_how_it_does() {
    let world = World::start().await;
    world.client.ready().await.unwrap();
    let get = async |path: &str| reqwest::get(format!("{}{path}", world.running.url())).await.unwrap();
    assert_eq!(get("/healthz").await.status(), 200);
    let document = get("/v1/openapi.json").await.text().await.unwrap();
    assert!(document.contains("/v1/records/{record}/commits"));
}

#[tokio::test]
async fn metrics_are_served_where_the_operator_wants_them_and_nowhere_else() {
    let free = "127.0.0.1:0".parse().unwrap();
    let world = World::start_with(|config| config.metrics = Some(MetricsListener { listen: free })).await;
    world.client.ready().await.unwrap();
    let get = async |url: &str| reqwest::get(url).await.unwrap();
    let metrics = world.running.metrics_url().unwrap();
    let text = get(&metrics).await.text().await.unwrap();
    assert!(text.contains("cowl_http_requests_total"), "{text}");
    assert_eq!(get(&format!("{}/metrics", world.running.url())).await.status(), 404);
    let elsewhere = metrics.replace("/metrics", "/v1/server");
    assert_eq!(get(&elsewhere).await.status(), 404);
    world.running.stop().await.unwrap();
    reqwest::get(&metrics).await.unwrap_err();
}

#[tokio::test]
async fn every_operation_of_the_document_is_served() {
    let world = World::start().await;
    let document = serde_json::to_value(cowl_api::openapi::document()).unwrap();
    let client = reqwest::Client::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let url = format!("{}{}", world.running.url(), path.replace(['{', '}'], ""));
            let method = method.to_uppercase().parse::<reqwest::Method>().unwrap();
            let status = client.request(method.clone(), url).send().await.unwrap().status();
            assert_ne!(status, 404, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_part_whose_pack_is_gone_is_answered_by_name_and_the_others_are_served() {
    let world = World::start().await;
    let owner = world.person("patient").await;
    let mut record = OwnedRecord::create(&owner).await;
    let lost = record.add(&owner, &[10, 20]).await;
    world.packs().iter().for_each(|pack| std::fs::remove_file(pack).unwrap());
    let kept = record.add(&owner, &[30]).await;
    let ticket = owner.client.read_items(&record.id, &[lost.id, kept.id]).await.unwrap().ticket.0;
    let fetched = owner.client.fetch_part_range(&ticket, &lost.parts[1].0, 0..20).await;
    assert_eq!(code(fetched), ProblemCode::PartLost);
    let names = [kept.parts[0].0, lost.parts[0].0];
    // A busy machine cuts the connection before the head of the answer is out.
    if let Ok(mut stream) = owner.client.fetch_parts(&ticket, &names).await {
        assert!(stream.next().await.is_err() || stream.next().await.is_err(), "the stream is cut, not wrong");
    }
    assert_eq!(owner.client.fetch_part_range(&ticket, &kept.parts[0].0, 0..30).await.unwrap().len(), 30);
}
