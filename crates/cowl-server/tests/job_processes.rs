//! Jobs over several processes, and processes that die.
#![allow(clippy::unwrap_used)]

mod world;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cowl_api::ProblemCode;
use cowl_api::service::Stop;
use cowl_server::{Clock, Running, ServerConfig, SystemClock, start};
use tokio::task::JoinSet;
use world::{Person, Study, client_of, code, fresh, shared_stores, spawn};

const BY_WARD: &str = "SELECT ward, count(*), enc_avg(los) FROM stays GROUP BY ward";
/// How many jobs the grant allows.
const RUNS: u32 = 3;

async fn serve(config: &ServerConfig, folder: &str) -> Running {
    let mut config = config.clone();
    config.compute.folder = Some(config.data.join(folder));
    start(config, Arc::new(SystemClock), Stop::new()).await.unwrap()
}

/// The owner is here and the asker there; each process serves what the other has kept.
async fn jobs_on_two_processes(config: &ServerConfig) {
    let (one, other) = (serve(config, "tables-one").await, serve(config, "tables-other").await);
    let (here, there) = (client_of(&one.url()), client_of(&other.url()));
    let owner = Person::register(&here, &fresh("hospital")).await;
    let asker = Person::register(&there, &fresh("researcher")).await;
    let study = Study::begin(owner, asker, Some(RUNS)).await;
    let asked = asked_of_both(&study, &here, &there).await;
    let job = asked.spec.job;
    let consent = study.consent(&asked, SystemClock.now()).await.unwrap();
    let answer = study.owner.client.compute_job(&job).await.unwrap();
    let elsewhere = there.with_token(&study.owner.log_in().await.unwrap().token.0);
    assert_eq!(elsewhere.compute_job(&job).await.unwrap(), answer, "both processes compute the same bytes");
    elsewhere.settle_job(&job, &study.settlement(&asked, consent)).await.unwrap();
    assert_eq!(study.asker.client.job(&job).await.unwrap().state, "settled");
    one.stop().await.unwrap();
    other.stop().await.unwrap();
}

/// Many jobs at once at both processes: as many as the grant allows are taken. Returns one of them.
async fn asked_of_both(study: &Study, here: &cowl_api::Client, there: &cowl_api::Client) -> world::Asked {
    let token = study.asker.log_in().await.unwrap().token.0;
    let clients = [here.with_token(&token), there.with_token(&token)];
    let mut racers = JoinSet::new();
    for racer in 0..8 {
        let (client, asked) = (clients[racer % 2].clone(), study.draft(BY_WARD));
        let body = asked.body(&study.asker);
        racers.spawn(async move { client.make_job(&body).await.map(|_| asked) });
    }
    let (taken, refused): (Vec<_>, Vec<_>) = racers.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!(taken.len() as u32, RUNS);
    for outcome in refused {
        assert_eq!(code(outcome.map(|_| ())), ProblemCode::NotAllowed);
    }
    taken.into_iter().next().unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_go_their_way_over_two_processes_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    jobs_on_two_processes(&ServerConfig::embedded(folder.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_go_their_way_over_two_processes_on_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    if let Some(path) = shared_stores(folder.path()) {
        let config = ServerConfig::read(&path).unwrap();
        jobs_on_two_processes(&ServerConfig { data: folder.path().into(), ..config }).await;
    }
}

/// kill -9 while the cloud computes: the job waits, and the next request gives what the first would have given.
#[tokio::test(flavor = "multi_thread")]
async fn a_computation_that_was_killed_is_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [PathBuf::from("--data"), folder.path().into()];
    let (mut process, client) = spawn(&arguments);
    let owner = Person::register(&client, "hospital").await;
    let mut study = Study::begin(owner, Person::register(&client, "researcher").await, None).await;
    let asked = study.asked(BY_WARD).await;
    study.consent(&asked, SystemClock.now()).await.unwrap();
    let job = asked.spec.job;
    let mut answers = Vec::new();
    for milliseconds in [0, 3, 10, 30] {
        let owner = study.owner.client.clone();
        let computing = tokio::spawn(async move { owner.compute_job(&job).await });
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        drop(process);
        answers.extend(computing.await.unwrap().ok());
        let (next, client) = spawn(&arguments);
        process = next;
        study.owner.client = client.without_token();
        study.owner.client = client.with_token(&study.owner.log_in().await.unwrap().token.0);
        answers.push(study.owner.client.compute_job(&job).await.unwrap());
        std::fs::remove_dir_all(folder.path().join("tables")).unwrap();
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}
