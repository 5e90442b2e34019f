//! What the server does not do, whoever asks.
#![allow(clippy::unwrap_used)]

mod world;

use bytes::Bytes;
use cowl_api::frames::FrameHeader;
use cowl_api::types::NewGrants;
use cowl_api::{ProblemCode, paths};
use cowl_crypto::digest::Digest;
use cowl_crypto::id::random_bytes;
use cowl_crypto::merkle::Hash;
use cowl_domain::{CheckpointRef, EventKind, GrantId, ItemId, PartName, Power, RecordId, Scope, wire};

use world::{OwnedRecord, SealedItem, World, code, grant_of, revocation_of, sealed_parts};

/// The answer to a raw request: status and body.
async fn raw(world: &World, method: &str, path: &str, token: Option<&[u8]>, body: &[u8]) -> (u16, String) {
    let url = format!("{}{path}", world.running.url());
    let mut request = reqwest::Client::new().request(method.parse().unwrap(), url).body(body.to_vec());
    if let Some(token) = token {
        let header = serde_json::to_value(cowl_api::Blob(token.to_vec())).unwrap();
        request = request.bearer_auth(header.as_str().unwrap());
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn not_there_and_not_yours_are_the_same_answer() {
    let world = World::start().await;
    let owner = world.person("patient").await;
    let stranger = world.person("stranger").await;
    let token = stranger.log_in().await.unwrap().token.0;
    let mut record = OwnedRecord::create(&owner).await;
    let item = record.add(&owner, &[10]).await;
    let ticket = owner.client.read_items(&record.id, &[item.id]).await.unwrap().ticket.0;
    let nowhere = RecordId::from_bytes(random_bytes());

    let mut answers = Vec::new();
    for id in [record.id.to_string(), nowhere.to_string(), "no-identifier".to_owned()] {
        answers.push(raw(&world, "GET", &format!("/v1/records/{id}"), Some(&token), b"").await);
        answers.push(raw(&world, "GET", &format!("/v1/records/{id}/items"), Some(&token), b"").await);
        let reads = serde_json::json!({ "items": [item.id.to_string()] }).to_string();
        answers.push(
            raw(&world, "POST", &format!("/v1/records/{id}/reads"), Some(&token), reads.as_bytes()).await,
        );
        answers.push(raw(&world, "POST", &format!("/v1/records/{id}/parts"), Some(&token), b"").await);
    }
    answers.push(raw(&world, "GET", "/v1/nothing", Some(&token), b"").await);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(answers[0].0, 404);

    let part = &item.parts[0].0;
    assert_eq!(code(stranger.client.fetch_part_range(&ticket, part, 0..1).await), ProblemCode::NotFound);
    assert_eq!(code(stranger.client.fetch_part_range(&[0; 32], part, 0..1).await), ProblemCode::NotFound);
    let grant = GrantId::from_bytes(random_bytes());
    assert_eq!(code(stranger.client.rekeyed(&grant).await), ProblemCode::NotFound);
}

#[tokio::test]
async fn nobody_is_served_without_a_session() {
    let world = World::start().await;
    let document = serde_json::to_value(cowl_api::openapi::document()).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let path = path.replace(['{', '}'], "");
            let (status, _) = raw(&world, &method.to_uppercase(), &path, None, b"{}").await;
            let open = operation.get("security").is_none();
            assert_eq!(status == 401, !open, "{method} {path} answers {status}");
            if !open {
                let (status, _) = raw(&world, &method.to_uppercase(), &path, Some(&[7; 32]), b"{}").await;
                assert_eq!(status, 401, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn a_revoked_reader_is_refused_at_once_even_with_a_ticket() {
    let world = World::start().await;
    let (owner, reader) = (world.person("patient").await, world.person("reader").await);
    let mut record = OwnedRecord::create(&owner).await;
    let item = record.add(&owner, &[10]).await;
    let (grant, new) = grant_of(&owner, &record, Scope::Record, &reader, &[Power::Read], None);
    owner.client.make_grants(&NewGrants { grants: vec![new] }).await.unwrap();
    let ticket = reader.client.read_items(&record.id, &[item.id]).await.unwrap().ticket.0;
    let part = item.parts[0].0;
    reader.client.fetch_part_range(&ticket, &part, 0..10).await.unwrap();

    owner.client.revoke(&grant, &revocation_of(&owner, &record, grant)).await.unwrap();
    assert_eq!(code(reader.client.fetch_part_range(&ticket, &part, 0..10).await), ProblemCode::NotFound);
    assert_eq!(code(reader.client.fetch_parts(&ticket, &[part]).await), ProblemCode::NotFound);
    assert!(reader.client.grants().await.unwrap().iter().all(|grant| grant.shares.is_empty()));
}

#[tokio::test]
async fn an_expired_grant_opens_nothing_and_leaves_one_event() {
    let world = World::start().await;
    let (owner, reader) = (world.person("patient").await, world.person("reader").await);
    let mut record = OwnedRecord::create(&owner).await;
    let item = record.add(&owner, &[10]).await;
    let until = Some(world.now().plus_seconds(3600));
    let (_, new) = grant_of(&owner, &record, Scope::Record, &reader, &[Power::Read], until);
    owner.client.make_grants(&NewGrants { grants: vec![new] }).await.unwrap();
    let ticket = reader.client.read_items(&record.id, &[item.id]).await.unwrap().ticket.0;

    world.clock.advance(3600);
    assert_eq!(
        code(reader.client.fetch_part_range(&ticket, &item.parts[0].0, 0..10).await),
        ProblemCode::NotFound
    );
    assert_eq!(code(reader.client.read_items(&record.id, &[item.id]).await), ProblemCode::NotFound);
    let expired = async || {
        let page = owner.client.events(None, 1000).await.unwrap();
        let kinds =
            page.events.iter().map(|entry| wire::decode::<cowl_domain::Event>("event", &entry.event.0));
        kinds.filter(|event| event.as_ref().unwrap().kind == EventKind::GrantExpired).count()
    };
    while expired().await == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    assert_eq!(expired().await, 1);
}

#[tokio::test]
async fn a_grant_that_has_expired_already_is_not_taken() {
    let world = World::start().await;
    let (owner, reader) = (world.person("patient").await, world.person("reader").await);
    let record = OwnedRecord::create(&owner).await;
    let (_, new) = grant_of(&owner, &record, Scope::Record, &reader, &[Power::Read], Some(world.now()));
    assert_eq!(
        code(owner.client.make_grants(&NewGrants { grants: vec![new] }).await),
        ProblemCode::BadRequest
    );
}

#[tokio::test]
async fn a_head_that_does_not_fit_the_items_is_not_taken() {
    let world = World::start().await;
    let owner = world.person("patient").await;
    let mut record = OwnedRecord::create(&owner).await;
    record.add(&owner, &[10]).await;
    let item = SealedItem::new(record.id, &[20]);
    item.upload(&owner).await;
    let good = record.adding(&owner, &[&item]);
    let head = record.head();

    let wrong = [
        cowl_domain::RecordHead { items_root: Hash::EMPTY, ..head.clone() },
        cowl_domain::RecordHead { sequence: head.sequence + 1, ..head.clone() },
        cowl_domain::RecordHead { sequence: head.sequence - 1, ..head.clone() },
        cowl_domain::RecordHead { items: head.items + 1, ..head.clone() },
        cowl_domain::RecordHead { epoch: 1, ..head.clone() },
    ];
    for head in wrong {
        let commit = cowl_api::types::Commit { head: Some(owner.sign(&head)), ..good.clone() };
        assert_eq!(code(owner.client.commit(&record.id, &commit).await), ProblemCode::Conflict, "{head:?}");
    }
    let headless = cowl_api::types::Commit { head: None, ..good.clone() };
    owner.client.commit(&record.id, &headless).await.unwrap_err();
    owner.client.commit(&record.id, &good).await.unwrap();
    assert_eq!(code(owner.client.commit(&record.id, &good).await), ProblemCode::Conflict);
}

#[tokio::test]
async fn statements_of_others_or_about_other_things_are_not_taken() {
    let world = World::start().await;
    let (owner, other) = (world.person("patient").await, world.person("stranger").await);
    let mut record = OwnedRecord::create(&owner).await;
    let elsewhere = OwnedRecord::create(&owner).await;
    let item = SealedItem::new(record.id, &[20]);
    item.upload(&owner).await;
    let good = record.adding(&owner, &[&item]);

    let with_item =
        |item: cowl_api::types::NewItem| cowl_api::types::Commit { items: vec![item], ..good.clone() };
    let foreign =
        with_item(cowl_api::types::NewItem { placement: other.sign(&item.placement), ..item.body(&owner) });
    assert_eq!(code(owner.client.commit(&record.id, &foreign).await), ProblemCode::NotAllowed);
    let swapped = with_item(cowl_api::types::NewItem { manifest: vec![1].into(), ..item.body(&owner) });
    assert_eq!(code(owner.client.commit(&record.id, &swapped).await), ProblemCode::BadRequest);
    assert_eq!(code(owner.client.commit(&elsewhere.id, &good).await), ProblemCode::BadRequest);
    let mut forged = good.clone();
    *forged.head.as_mut().unwrap().0.last_mut().unwrap() ^= 1;
    assert_eq!(code(owner.client.commit(&record.id, &forged).await), ProblemCode::BadRequest);
    other.client.commit(&record.id, &good).await.unwrap_err();
    owner.client.commit(&record.id, &good).await.unwrap();
}

#[tokio::test]
async fn a_checkpoint_that_the_log_never_had_is_not_taken() {
    let world = World::start().await;
    let owner = world.person("patient").await;
    for checkpoint in [
        CheckpointRef { size: 1, root: Hash::from_bytes([1; 32]) },
        CheckpointRef { size: 1_000_000, root: Hash::EMPTY },
        CheckpointRef { size: 0, root: Hash::from_bytes([0; 32]) },
    ] {
        let record = OwnedRecord { checkpoint, ..OwnedRecord::draft() };
        assert_eq!(code(owner.client.new_record(&record.genesis(&owner)).await), ProblemCode::BadRequest);
    }
}

#[tokio::test]
async fn a_login_message_serves_once_and_for_a_minute() {
    let world = World::start().await;
    let owner = world.person("patient").await;
    let finish = owner.begin_login(&owner.password).await.unwrap().unwrap();
    owner.client.login_finish(&finish).await.unwrap();
    assert_eq!(code(owner.client.login_finish(&finish).await), ProblemCode::WrongCredentials);
    let late = owner.begin_login(&owner.password).await.unwrap().unwrap();
    world.clock.advance(61);
    assert_eq!(code(owner.client.login_finish(&late).await), ProblemCode::WrongCredentials);
    let mut changed = owner.begin_login(&owner.password).await.unwrap().unwrap();
    changed.finalization.0[0] ^= 1;
    assert_eq!(code(owner.client.login_finish(&changed).await), ProblemCode::WrongCredentials);
}

#[tokio::test]
async fn an_old_token_is_refused() {
    let world = World::start().await;
    let owner = world.person("patient").await;
    owner.client.logout().await.unwrap();
    assert_eq!(code(owner.client.account().await), ProblemCode::Unauthenticated);
    let session = world.client.with_token(&owner.log_in().await.unwrap().token.0);
    session.account().await.unwrap();
    world.clock.advance(12 * 3600);
    assert_eq!(code(session.account().await), ProblemCode::Unauthenticated);
}

#[tokio::test]
async fn guessing_is_slowed_down_for_known_and_unknown_handles_alike() {
    let world = World::start().await;
    let known = world.person("patient").await;
    let unknown = world::Person::unregistered(&world.client, "nobody");
    for person in [&known, &unknown] {
        for _ in 0..5 {
            person.knock().await.unwrap();
        }
        for _ in 0..3 {
            assert_eq!(code(person.knock().await), ProblemCode::TooManyRequests);
        }
        world.clock.advance(2);
        person.knock().await.unwrap();
        assert_eq!(code(person.knock().await), ProblemCode::TooManyRequests);
        world.clock.advance(3);
        assert_eq!(code(person.knock().await), ProblemCode::TooManyRequests);
        world.clock.advance(1);
    }
    known.log_in().await.unwrap();
    for _ in 0..5 {
        known.knock().await.unwrap();
    }
    assert_eq!(code(known.knock().await), ProblemCode::TooManyRequests);
}

#[tokio::test]
async fn an_attempt_that_is_never_finished_is_in_the_log_of_its_account() {
    let world = World::start().await;
    let owner = world.person("patient").await;
    let failures = async || {
        let page = owner.client.events(None, 1000).await.unwrap();
        let events =
            page.events.iter().map(|entry| wire::decode::<cowl_domain::Event>("event", &entry.event.0));
        events.filter(|event| event.as_ref().unwrap().kind == EventKind::LoginFailed).count()
    };
    owner.log_in().await.unwrap();
    owner.knock().await.unwrap();
    assert_eq!(failures().await, 0);
    world.clock.advance(61);
    while failures().await == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert_eq!(failures().await, 1);
}

#[tokio::test]
async fn a_crowd_of_guesses_at_once_gains_nothing() {
    let world = World::start().await;
    let handle = "nobody";
    let guesses: Vec<_> = (0..40)
        .map(|_| {
            let guesser = world::Person::unregistered(&world.client, handle);
            tokio::spawn(async move { guesser.knock().await.is_ok() })
        })
        .collect();
    let mut admitted = 0;
    for guess in guesses {
        admitted += u32::from(guess.await.unwrap());
    }
    assert!(admitted <= 6, "{admitted} were admitted");
}

#[tokio::test]
async fn one_address_cannot_try_all_handles() {
    let world = World::start_with(|config| config.sessions.free_attempts_per_address = 3).await;
    for handle in ["anna", "bert", "carl"] {
        world::Person::unregistered(&world.client, handle).knock().await.unwrap();
    }
    let last = world::Person::unregistered(&world.client, "dora");
    assert_eq!(code(last.knock().await), ProblemCode::TooManyRequests);
    assert_eq!(code(last.enroll().await), ProblemCode::TooManyRequests);
}

#[tokio::test]
async fn a_crowd_elsewhere_does_not_keep_the_owner_out() {
    let world = World::start_with(|config| {
        config.address_header = Some("x-address".into());
        config.sessions.free_attempts_per_handle = 3;
    })
    .await;
    let owner = world.person("patient").await;
    let knock = async |address: &str| {
        let (_, request) = cowl_crypto::opaque::ClientLogin::start(b"a guess").unwrap();
        let body = cowl_api::types::LoginStart { handle: "patient".into(), request: request.into() };
        let url = format!("{}{}", world.running.url(), paths::LOGIN_START);
        let request = reqwest::Client::new().post(url).header("x-address", address).json(&body);
        request.send().await.unwrap().status().as_u16()
    };
    for (guess, expected) in [200, 200, 200, 429, 429].into_iter().enumerate() {
        assert_eq!(knock(&format!("192.0.2.{guess}")).await, expected);
    }
    owner.log_in().await.unwrap();
}

#[tokio::test]
async fn a_grant_for_keys_that_have_changed_since_is_a_conflict() {
    let world = World::start().await;
    let (owner, mut reader) = (world.person("patient").await, world.person("reader").await);
    let record = OwnedRecord::create(&owner).await;
    let (_, stale) = grant_of(&owner, &record, Scope::Record, &reader, &[Power::Read], None);
    reader.change_keys().await;
    let refused = owner.client.make_grants(&NewGrants { grants: vec![stale] }).await.unwrap_err();
    assert_eq!(refused.code(), Some(ProblemCode::Conflict));
    assert!(refused.to_string().contains("grantee's key binding"), "{refused}");
    let (_, fresh) = grant_of(&owner, &record, Scope::Record, &reader, &[Power::Read], None);
    owner.client.make_grants(&NewGrants { grants: vec![fresh] }).await.unwrap();
}

#[tokio::test]
async fn an_unknown_handle_is_answered_like_a_known_one() {
    let world = World::start().await;
    let known = world.person("patient").await;
    let unknown = world::Person::unregistered(&world.client, "nobody");
    assert!(known.begin_login(b"wrong").await.unwrap().is_none());
    assert!(unknown.begin_login(b"wrong").await.unwrap().is_none());
    let bodies = ["patient", "nobody"].map(|handle| {
        let (_, request) = cowl_crypto::opaque::ClientLogin::start(b"wrong").unwrap();
        serde_json::to_vec(&cowl_api::types::LoginStart { handle: handle.into(), request: request.into() })
            .unwrap()
    });
    let answers = [
        raw(&world, "POST", paths::LOGIN_START, None, &bodies[0]).await,
        raw(&world, "POST", paths::LOGIN_START, None, &bodies[1]).await,
    ];
    assert_eq!(answers[0].0, answers[1].0);
    assert_eq!(answers[0].1.len(), answers[1].1.len());
}

#[tokio::test]
async fn nobody_takes_a_handle_that_is_taken() {
    let world = World::start().await;
    world.person("patient").await;
    let second = world::Person::unregistered(&world.client, "patient");
    assert_eq!(code(second.enroll().await), ProblemCode::Conflict);
}

#[tokio::test]
async fn a_full_quota_takes_no_more_parts() {
    let world = World::start_with(|config| config.limits.quota = 1000).await;
    let owner = world.person("patient").await;
    let mut record = OwnedRecord::create(&owner).await;
    record.add(&owner, &[600]).await;
    let refused = owner.client.upload_parts(&record.id, sealed_parts(&[600])).await;
    assert_eq!(code(refused), ProblemCode::QuotaExceeded);
    assert_eq!(owner.client.account().await.unwrap().used, 600);
    assert_eq!(world.packs().len(), 1, "nothing of a refused upload remains");
    record.add(&owner, &[400]).await;
}

#[tokio::test]
async fn damaged_uploads_are_refused_by_name() {
    let world = World::start_with(|config| config.limits.max_upload = 100_000).await;
    let owner = world.person("patient").await;
    let token = owner.log_in().await.unwrap().token.0;
    let record = OwnedRecord::create(&owner).await;
    let path = format!("/v1/records/{}/parts", record.id);
    let name = PartName::from_bytes(random_bytes());
    let frame = |hash: Digest, length: u32| FrameHeader { name, hash, length }.to_bytes().to_vec();

    let changed = [frame(Digest::of(b"abc"), 3), b"abd".to_vec()].concat();
    let (status, body) = raw(&world, "POST", &path, Some(&token), &changed).await;
    assert_eq!(status, 400);
    assert!(body.contains("part-mismatch"), "{body}");
    for garbage in [b"".to_vec(), vec![0; 52], vec![255; 60], frame(Digest::of(b"abc"), 3), vec![1; 51]] {
        let (status, body) = raw(&world, "POST", &path, Some(&token), &garbage).await;
        assert_eq!(status, 400, "{body}");
    }
    let (status, _) = raw(&world, "POST", &path, Some(&token), &vec![0; 100_001]).await;
    assert_eq!(status, 413);
    let oversized = vec![(name, Digest::of(b""), Bytes::from(vec![0; 200_000]))];
    let refused = owner.client.upload_parts(&record.id, oversized).await;
    assert!(refused.is_err());
    assert!(owner.client.parts_known(&record.id, &[name]).await.unwrap().is_empty());
}

#[tokio::test]
async fn bodies_that_are_not_of_the_contract_are_refused_without_an_echo() {
    let world = World::start_with(|config| config.limits.max_body = 10_000).await;
    let owner = world.person("patient").await;
    let token = owner.log_in().await.unwrap().token.0;
    let deep = "[".repeat(5000);
    for body in ["", "{", "null", "[]", "{\"planted\":1}", "\u{0}", "{\"grants\":\"planted\"}", &deep] {
        let (status, answer) = raw(&world, "POST", paths::GRANTS, Some(&token), body.as_bytes()).await;
        assert_eq!(status, 400, "{body}");
        assert!(answer.contains("bad-request") && !answer.contains("planted"), "{answer}");
    }
    let (status, answer) = raw(&world, "POST", paths::GRANTS, Some(&token), &[b' '; 10_001]).await;
    assert_eq!(status, 413);
    assert!(answer.contains("too-large"));
    let (status, _) = raw(&world, "GET", "/v1/log/consistency?from=x&to=1", None, b"").await;
    assert_eq!(status, 400);
    let (status, _) = raw(&world, "PATCH", paths::GRANTS, Some(&token), b"").await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn of_many_who_commit_at_once_one_wins() {
    let world = World::start().await;
    let owner = world.person("patient").await;
    let record = OwnedRecord::create(&owner).await;
    let mut commits = Vec::new();
    for size in 1..=32 {
        let item = SealedItem::new(record.id, &[size]);
        item.upload(&owner).await;
        let mut branch = OwnedRecord {
            items: record.items.clone(),
            ..OwnedRecord { id: record.id, ..OwnedRecord::draft() }
        };
        commits.push(branch.adding(&owner, &[&item]));
    }
    let id = record.id;
    let tasks: Vec<_> = commits
        .into_iter()
        .map(|commit| {
            let client = owner.client.clone();
            tokio::spawn(async move { client.commit(&id, &commit).await })
        })
        .collect();
    let mut winners = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => winners += 1,
            error => assert_eq!(code(error), ProblemCode::Conflict),
        }
    }
    assert_eq!(winners, 1);
    assert_eq!(owner.client.items(&record.id, None, 100).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn an_item_that_is_not_there_cannot_be_read_with_one_that_is() {
    let world = World::start().await;
    let owner = world.person("patient").await;
    let mut record = OwnedRecord::create(&owner).await;
    let item = record.add(&owner, &[10]).await;
    let nowhere = ItemId::from_bytes(random_bytes());
    assert_eq!(code(owner.client.read_items(&record.id, &[item.id, nowhere]).await), ProblemCode::NotFound);
    assert_eq!(code(owner.client.read_items(&record.id, &[]).await), ProblemCode::BadRequest);
}
