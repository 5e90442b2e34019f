//! The same life on every store, and two processes on one.
#![allow(clippy::unwrap_used)]

mod world;

use std::sync::Arc;

use cowl_api::ProblemCode;
use cowl_api::service::Stop;
use cowl_api::types::NewGrants;
use cowl_domain::{Power, Scope};
use cowl_server::{Running, ServerConfig, SystemClock, start};
use world::{OwnedRecord, Person, client_of, code, fresh, grant_of, revocation_of, shared_stores};

async fn serve(config: &ServerConfig) -> Running {
    start(config.clone(), Arc::new(SystemClock), Stop::new()).await.unwrap()
}

/// Everything that is stored is asked of the other process.
async fn live_on_two_processes(config: &ServerConfig) {
    let (one, other) = (serve(config).await, serve(config).await);
    let (here, there) = (client_of(&one.url()), client_of(&other.url()));
    let owner = Person::register(&here, &fresh("patient")).await;
    let reader = Person::register(&there, &fresh("radiologist")).await;
    let mut record = OwnedRecord::create(&owner).await;
    let item = record.add(&owner, &[100, 300_000]).await;
    let (grant, new) = grant_of(&owner, &record, Scope::Record, &reader, &[Power::Read], None);
    owner.client.make_grants(&NewGrants { grants: vec![new] }).await.unwrap();

    let ticket = reader.client.read_items(&record.id, &[item.id]).await.unwrap().ticket.0;
    let names: Vec<_> = item.parts.iter().map(|(name, _, _)| *name).collect();
    let parts = reader.client.fetch_parts(&ticket, &names).await.unwrap().collect().await.unwrap();
    let expected: Vec<_> = item.parts.iter().map(|(name, _, bytes)| (*name, bytes.clone())).collect();
    assert_eq!(parts, expected);
    let range = reader.client.fetch_part_range(&ticket, &names[1], 1000..200_000).await.unwrap();
    assert_eq!(range, item.parts[1].2.slice(1000..200_000));

    owner.client.revoke(&grant, &revocation_of(&owner, &record, grant)).await.unwrap();
    assert_eq!(code(reader.client.fetch_part_range(&ticket, &names[0], 0..1).await), ProblemCode::NotFound);
    assert_eq!(here.server().await.unwrap(), there.server().await.unwrap());
    assert_eq!(here.checkpoint().await.unwrap(), there.checkpoint().await.unwrap());
    count_attempts_together(&here, &there).await;
    one.stop().await.unwrap();
    other.stop().await.unwrap();
}

/// The limit on log-ins is one for all processes.
async fn count_attempts_together(here: &cowl_api::Client, there: &cowl_api::Client) {
    let handle = fresh("nobody");
    let (one, other) = (Person::unregistered(here, &handle), Person::unregistered(there, &handle));
    for _ in 0..2 {
        one.knock().await.unwrap();
        other.knock().await.unwrap();
    }
    one.knock().await.unwrap();
    assert_eq!(code(other.knock().await), ProblemCode::TooManyRequests);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_sqlite_and_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    live_on_two_processes(&ServerConfig::embedded(folder.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_postgresql_and_s3() {
    let folder = tempfile::tempdir().unwrap();
    if let Some(path) = shared_stores(folder.path()) {
        live_on_two_processes(&ServerConfig::read(&path).unwrap()).await;
    }
}
