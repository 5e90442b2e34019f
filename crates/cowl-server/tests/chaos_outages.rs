//! What a server depends on goes away and comes back: it says so, keeps what it acknowledged, and goes on.
#![allow(clippy::unwrap_used)]

mod world;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use cowl_api::types::NewGrants;
use cowl_api::{Client, ClientConfig, ClientError, ProblemCode};
use cowl_domain::{Power, Scope};
use cowl_testkit::disk::SmallDisk;
use cowl_testkit::shared::SharedStores;
use cowl_testkit::wire::Wire;
use world::{
    OwnedRecord, Person, SealedItem, World, client_of, code, fresh, grant_of, revocation_of, sealed_parts,
};

/// The problem's text, for people; it must be of this code.
#[track_caller]
fn told<T: std::fmt::Debug>(outcome: Result<T, ClientError>, code: ProblemCode) -> String {
    let error = outcome.expect_err("this should have been refused");
    assert_eq!(error.code(), Some(code), "{error}");
    error.to_string()
}

async fn read_back(person: &Person, record: &OwnedRecord, item: &SealedItem) {
    let ticket = person.client.read_items(&record.id, &[item.id]).await.unwrap().ticket.0;
    let names: Vec<_> = item.parts.iter().map(|(name, _, _)| *name).collect();
    let parts = person.client.fetch_parts(&ticket, &names).await.unwrap().collect().await.unwrap();
    let expected: Vec<_> = item.parts.iter().map(|(name, _, bytes)| (*name, bytes.clone())).collect();
    assert_eq!(parts, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_bucket_a_server_still_revokes_and_takes_parts_again_when_it_is_back() {
    let Some(stores) = SharedStores::of_environment() else { return };
    let wire = Wire::to(stores.s3_address());
    let world = World::start_on(&stores.with_s3_at(wire.address())).await;
    let (owner, reader) = (world.person(&fresh("patient")).await, world.person(&fresh("reader")).await);
    let mut record = OwnedRecord::create(&owner).await;
    let before = record.add(&owner, &[10, 20_000]).await;
    let (grant, new) = grant_of(&owner, &record, Scope::Record, &reader, &[Power::Read], None);
    owner.client.make_grants(&NewGrants { grants: vec![new] }).await.unwrap();

    wire.cut();
    let item = SealedItem::new(record.id, &[30_000]);
    let refused = owner.client.upload_parts(&record.id, item.parts.clone()).await;
    let text = told(refused, ProblemCode::Unavailable);
    assert!(text.contains("the part store does not answer; nothing was acknowledged"), "{text}");
    told(world.client.ready().await, ProblemCode::Unavailable);
    assert_eq!(owner.client.items(&record.id, None, 10).await.unwrap().items.len(), 1);
    owner.client.revoke(&grant, &revocation_of(&owner, &record, grant)).await.unwrap();

    wire.mend();
    world.client.ready().await.unwrap();
    item.upload(&owner).await;
    let commit = record.adding(&owner, &[&item]);
    owner.client.commit(&record.id, &commit).await.unwrap();
    read_back(&owner, &record, &before).await;
    read_back(&owner, &record, &item).await;
    assert_eq!(code(reader.client.read_items(&record.id, &[item.id]).await), ProblemCode::NotFound);
    world.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_a_server_says_so_and_goes_on_when_it_is_back() {
    let Some(stores) = SharedStores::of_environment() else { return };
    let wire = Wire::to(stores.postgres_address());
    let world = World::start_on(&stores.with_postgres_at(wire.address())).await;
    let owner = world.person(&fresh("patient")).await;
    let mut record = OwnedRecord::create(&owner).await;
    let item = record.add(&owner, &[10, 20_000]).await;

    wire.cut();
    let text = told(owner.client.items(&record.id, None, 10).await, ProblemCode::Unavailable);
    assert!(text.contains("the database does not answer; nothing was acknowledged"), "{text}");
    told(owner.client.upload_parts(&record.id, sealed_parts(&[10])).await, ProblemCode::Unavailable);
    told(world.client.ready().await, ProblemCode::Unavailable);
    let health = reqwest::get(format!("{}/healthz", world.running.url())).await.unwrap();
    assert_eq!(health.status(), 200);

    // An outage lasts longer than the time for which a connection is taken to live.
    tokio::time::sleep(Duration::from_millis(300)).await;
    wire.mend();
    world.client.ready().await.unwrap();
    read_back(&owner, &record, &item).await;
    record.add(&owner, &[5]).await;
    world.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_a_server_says_so_and_goes_on_when_there_is_room() {
    let Some(disk) = SmallDisk::mount(8) else { return };
    let world = World::start_with(|config| config.data = disk.path().join("cloud")).await;
    let owner = world.person("patient").await;
    let mut record = OwnedRecord::create(&owner).await;
    let before = record.add(&owner, &[10, 20_000]).await;

    disk.fill();
    let item = SealedItem::new(record.id, &[300_000]);
    let refused = owner.client.upload_parts(&record.id, item.parts.clone()).await;
    let text = told(refused, ProblemCode::Unavailable);
    assert!(text.contains("no space is left for the part store; nothing was acknowledged"), "{text}");
    let mut refused = Ok(());
    while refused.is_ok() {
        refused = owner.client.read_items(&record.id, &[before.id]).await.map(drop);
    }
    let text = told(refused, ProblemCode::Unavailable);
    assert!(text.contains("no space is left for the database"), "{text}");

    disk.give_room();
    item.upload(&owner).await;
    let commit = record.adding(&owner, &[&item]);
    owner.client.commit(&record.id, &commit).await.unwrap();
    read_back(&owner, &record, &before).await;
    read_back(&owner, &record, &item).await;
    world.running.stop().await.unwrap();
}

const YEAR: u64 = 365 * 24 * 3600;

#[tokio::test(flavor = "multi_thread")]
async fn when_the_clock_jumps_people_log_in_again_and_nothing_else_is_lost() {
    let world = World::start().await;
    let (mut owner, reader) = (world.person("patient").await, world.person("reader").await);
    let mut record = OwnedRecord::create(&owner).await;
    let item = record.add(&owner, &[10]).await;
    let until = Some(world.now().plus_seconds(3600));
    let (_, lasting) = grant_of(&owner, &record, Scope::Record, &reader, &[Power::Read], None);
    let (_, ending) = grant_of(&owner, &record, Scope::Record, &reader, &[Power::Read], until);
    owner.client.make_grants(&NewGrants { grants: vec![lasting, ending] }).await.unwrap();
    for _ in 0..5 {
        reader.knock().await.unwrap();
    }

    world.clock.advance(YEAR);
    let text = told(owner.client.account().await, ProblemCode::Unauthenticated);
    assert!(text.contains("log in again"), "{text}");
    owner.client = world.client.with_token(&owner.log_in().await.unwrap().token.0);
    let ahead = record.add(&owner, &[20]).await;

    world.clock.set_back(YEAR);
    owner.client = world.client.with_token(&owner.log_in().await.unwrap().token.0);
    read_back(&owner, &record, &ahead).await;
    record.add(&owner, &[30]).await;
    world.clock.advance(2);
    let reader =
        Person { client: world.client.with_token(&reader.log_in().await.unwrap().token.0), ..reader };
    read_back(&reader, &record, &item).await;
    let before = world.client.checkpoint().await.unwrap();
    world.clock.set_back(10 * YEAR);
    owner.client = world.client.with_token(&owner.log_in().await.unwrap().token.0);
    record.add(&owner, &[40]).await;
    assert_ne!(world.client.checkpoint().await.unwrap(), before);
    world.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_stands_still_is_ended_and_holds_nobody_up() {
    let world = World::start_with(|config| {
        config.limits.stall_seconds = 1;
        config.limits.max_upload = 1_000_000;
        config.limits.upload_memory = 1_500_000;
    })
    .await;
    let wire = Wire::to(world.running.address());
    let owner = world.person("patient").await;
    let mut record = OwnedRecord::create(&owner).await;
    let token = owner.log_in().await.unwrap().token.0;
    let slow = client_of(&format!("http://{}", wire.address())).with_token(&token);

    wire.stand_still_after(100_000);
    let parts = sealed_parts(&[900_000]);
    let (id, upload) = (record.id, parts.clone());
    let uploading = tokio::spawn(async move { slow.upload_parts(&id, upload).await });
    // There is memory for one such upload only: the second is served once the first is given up.
    record.add(&owner, &[900_000]).await;
    assert_eq!(owner.client.items(&record.id, None, 10).await.unwrap().items.len(), 1);
    let stalled = uploading.await.unwrap().unwrap_err();
    let problem = stalled.code().is_none_or(|code| code == ProblemCode::BadRequest);
    assert!(problem, "{stalled}");
    assert_eq!(owner.client.account().await.unwrap().used, 900_000);
    wire.mend();
    owner.client.upload_parts(&record.id, parts).await.unwrap();
    world.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_trickles_is_ended() {
    let world = World::start_with(|config| config.limits.stall_seconds = 1).await;
    let owner = world.person("patient").await;
    let record = OwnedRecord::create(&owner).await;
    let token = serde_json::to_value(owner.log_in().await.unwrap().token).unwrap();
    let mut stream = TcpStream::connect(world.running.address()).unwrap();
    let (record, token) = (record.id, token.as_str().unwrap());
    let head = format!(
        "POST /v1/records/{record}/parts HTTP/1.1\r\nhost: cloud\r\nauthorization: Bearer {token}\r\n\
         content-length: 900000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = stream.try_clone().unwrap();
    let trickling = std::thread::spawn(move || {
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let mut told = vec![0; 4096];
    let length = answer.read(&mut told).unwrap();
    let told = String::from_utf8_lossy(&told[..length]).into_owned();
    assert!(told.starts_with("HTTP/1.1 400") && told.contains("too slow"), "{told}");
    answer.shutdown(std::net::Shutdown::Both).unwrap();
    trickling.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_cut_leaves_nothing_and_is_repeated() {
    let world = World::start().await;
    let wire = Wire::to(world.running.address());
    let owner = world.person("patient").await;
    let record = OwnedRecord::create(&owner).await;
    let token = owner.log_in().await.unwrap().token.0;
    let url = format!("http://{}", wire.address());
    let parts = sealed_parts(&[200_000, 300_000]);
    let names: Vec<_> = parts.iter().map(|(name, _, _)| *name).collect();

    wire.cut_after(250_000);
    let once = client_of(&url).with_token(&token);
    let cut = once.upload_parts(&record.id, parts.clone()).await;
    assert!(matches!(cut, Err(ClientError::Unreachable { .. })), "{cut:?}");
    assert!(owner.client.parts_known(&record.id, &names).await.unwrap().is_empty());
    assert_eq!(owner.client.account().await.unwrap().used, 0);
    wire.cut_after(250_000);
    let patient = Client::new(&ClientConfig::new(&url)).unwrap().with_token(&token);
    patient.upload_parts(&record.id, parts).await.unwrap();
    assert_eq!(owner.client.parts_known(&record.id, &names).await.unwrap().len(), 2);
    world.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_silent_is_given_up_by_its_clients() {
    let world = World::start().await;
    let wire = Wire::to(world.running.address());
    wire.stand_still_after(0);
    let mut config = ClientConfig::new(format!("http://{}", wire.address()));
    config.timeouts.request = Duration::from_millis(300);
    config.attempts = 2;
    let client = Client::new(&config).unwrap();
    let error = client.server().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("timed out"), "{error}");
    wire.mend();
    client.server().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_is_hung_up_on() {
    let world = World::start_with(|config| config.limits.head_seconds = 1).await;
    let mut stream = TcpStream::connect(world.running.address()).unwrap();
    stream.write_all(b"GET /v1/server HTTP/1.1\r\nhost: ").unwrap();
    world.client.server().await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(!String::from_utf8_lossy(&rest).contains("200"), "{rest:?}");
}
