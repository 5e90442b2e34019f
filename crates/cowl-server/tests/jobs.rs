//! A researcher asks, a hospital consents, the cloud computes on what it cannot open.
#![allow(clippy::unwrap_used)]

mod world;

use cowl_api::ProblemCode;
use cowl_api::client::{JobFilter, JobRole};
use cowl_api::types::{JobRefusal, NewGrants};
use cowl_domain::{Event, EventKind, JobState, Power, Scope, wire};
use cowl_query::{Answer, Cell, SCORES};
use world::{Person, Study, Table, World, code, grant_of, opened, revocation_of};

const BY_WARD: &str = "SELECT ward, count(*), enc_avg(los) FROM stays GROUP BY ward";

async fn study(world: &World, runs: Option<u32>) -> Study {
    Study::begin(world.person("hospital").await, world.person("researcher").await, runs).await
}

async fn events_of_jobs(person: &Person) -> Vec<EventKind> {
    let page = person.client.events(None, 1000).await.unwrap();
    let events = page.events.iter().map(|entry| wire::decode::<Event>("event", &entry.event.0).unwrap());
    events.filter(|event| event.job.is_some()).map(|event| event.kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_of_a_table_that_nobody_here_can_open_go_to_its_owner_and_figures_to_the_asker() {
    let world = World::start().await;
    let study = study(&world, None).await;
    let seen = study.asker.client.table(&study.record.id, &study.table.item.id).await.unwrap();
    assert_eq!((seen.schema.0, seen.rows), (study.table.schema.to_bytes(), 40));
    assert!(seen.proof.is_some());
    let asked = study.draft(BY_WARD);
    let view = study.ask(&asked).await.unwrap();
    assert_eq!((view.state.as_str(), view.minimum_cohort), ("planned", 10));
    let consent = study.consent(&asked, world.now()).await.unwrap();

    let job = asked.spec.job;
    let answer = study.owner.client.compute_job(&job).await.unwrap();
    let again = study.owner.client.compute_job(&job).await.unwrap();
    assert_eq!(answer, again, "the same request gives the same bytes");
    let answer = Answer::from_bytes(&answer).unwrap();
    assert_eq!((answer.query, answer.suppressed), (asked.query.digest(), 1));
    let groups: Vec<_> = answer
        .groups
        .iter()
        .map(|group| (group.keys[0].clone(), group.rows, opened(&group.sets[0].ciphertexts)))
        .collect();
    let ward = |name: &str| Cell::Text(name.to_owned());
    let expected = [(ward("A"), 25, (0..25).sum()), (ward("B"), 12, (25..37).sum())];
    assert_eq!(groups, expected, "ward C has three patients, and nothing of it leaves");

    study.owner.client.settle_job(&job, &study.settlement(&asked, consent)).await.unwrap();
    let settled = study.asker.client.job(&job).await.unwrap();
    assert_eq!(
        (settled.state.as_str(), settled.results[0].sealed.0.as_slice()),
        ("settled", &b"sealed figures"[..])
    );
    assert!(settled.evidence.is_some() && settled.consent.is_some());
    let steps = [EventKind::JobAsked, EventKind::JobConsented, EventKind::JobAnswered, EventKind::JobSettled];
    assert_eq!(events_of_jobs(&study.owner).await, steps);
    assert_eq!(events_of_jobs(&study.asker).await, steps);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_asks_about_its_own_table_without_a_grant() {
    let world = World::start().await;
    let study = study(&world, None).await;
    let mut asked = study.draft("SELECT ward, enc_sum(los) FROM stays GROUP BY ward");
    asked.spec.grants.clear();
    asked.spec.receivers = vec![study.owner.party()];
    assert_eq!(asked.send(&study.owner).await.unwrap().minimum_cohort, 1);
    study.consent(&asked, world.now()).await.unwrap();
    let answer = study.owner.client.compute_job(&asked.spec.job).await.unwrap();
    let answer = Answer::from_bytes(&answer).unwrap();
    assert_eq!((answer.groups.len(), answer.suppressed), (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_go_with_scores_alone_and_a_query_is_no_score() {
    let world = World::start().await;
    let study = study(&world, None).await;
    let asked = study.asked(BY_WARD).await;
    study.consent(&asked, world.now()).await.unwrap();
    let job = asked.spec.job;
    for weights in [vec![0x80], vec![0; 1 << 20]] {
        study.owner.client.score_job(&job, weights).await.unwrap_err();
    }
    study.owner.client.compute_job(&job).await.unwrap();
    // The bytes of a query are no request for scores, whatever the specification calls them.
    let mut scores = study.draft(BY_WARD);
    scores.spec.technique = SCORES.parse().unwrap();
    assert_eq!(code(study.ask(&scores).await), ProblemCode::QueryRefused);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_listed_by_role_and_state_without_their_results() {
    let world = World::start().await;
    let study = study(&world, None).await;
    let first = study.asked(BY_WARD).await;
    world.clock.advance(1);
    let second = study.asked(BY_WARD).await;
    let consent = study.consent(&first, world.now()).await.unwrap();
    study.owner.client.compute_job(&first.spec.job).await.unwrap();
    study.owner.client.settle_job(&first.spec.job, &study.settlement(&first, consent)).await.unwrap();
    let opener = JobFilter { role: Some(JobRole::Opener), ..JobFilter::default() };
    let page = study.owner.client.jobs(&opener).await.unwrap();
    assert_eq!(
        page.jobs.iter().map(|job| job.job.clone()).collect::<Vec<_>>(),
        [first.spec.job.to_string(), second.spec.job.to_string()]
    );
    assert!(page.jobs.iter().all(|job| job.results.is_empty() && job.evidence.is_none()));
    let waiting = JobFilter { state: Some(JobState::Planned), limit: Some(1), ..opener.clone() };
    let page = study.owner.client.jobs(&waiting).await.unwrap();
    assert_eq!((page.jobs.len(), page.jobs[0].job.as_str()), (1, second.spec.job.to_string().as_str()));
    let behind = JobFilter { after: Some(second.spec.job), ..JobFilter::default() };
    assert!(study.asker.client.jobs(&behind).await.unwrap().jobs.is_empty());
    assert!(study.asker.client.jobs(&opener).await.unwrap().jobs.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_reaches_the_asker_and_a_withdrawal_the_owner() {
    let world = World::start().await;
    let study = study(&world, Some(1)).await;
    let refused = study.asked(BY_WARD).await;
    let words = JobRefusal { words: b"sealed: too few patients".to_vec().into() };
    study.owner.client.refuse_job(&refused.spec.job, &words).await.unwrap();
    let view = study.asker.client.job(&refused.spec.job).await.unwrap();
    assert_eq!((view.state.as_str(), view.refusal), ("refused", Some(words.words)));
    // The one run that is allowed has come back.
    let withdrawn = study.asked(BY_WARD).await;
    study.asker.client.withdraw_job(&withdrawn.spec.job).await.unwrap();
    assert_eq!(study.owner.client.job(&withdrawn.spec.job).await.unwrap().state, "withdrawn");
    assert_eq!(code(study.consent(&withdrawn, world.now()).await), ProblemCode::Conflict);
    assert_eq!(code(study.asker.client.withdraw_job(&withdrawn.spec.job).await), ProblemCode::Conflict);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_ends_before_the_computation_ends_the_job() {
    let world = World::start().await;
    let study = study(&world, None).await;
    let asked = study.asked(BY_WARD).await;
    study.consent(&asked, world.now()).await.unwrap();
    let end = revocation_of(&study.owner, &study.record, study.grant);
    study.owner.client.revoke(&study.grant, &end).await.unwrap();
    assert_eq!(code(study.owner.client.compute_job(&asked.spec.job).await), ProblemCode::NotAllowed);
    let view = study.asker.client.job(&asked.spec.job).await.unwrap();
    assert_eq!((view.state.as_str(), view.failure.is_some()), ("failed", true));
    assert_eq!(events_of_jobs(&study.asker).await.last(), Some(&EventKind::JobFailed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_was_removed_ends_the_job() {
    let world = World::start().await;
    let mut study = study(&world, None).await;
    let asked = study.asked(BY_WARD).await;
    study.consent(&asked, world.now()).await.unwrap();
    study.record.remove(&study.owner, &study.table.item.id).await.unwrap();
    assert_eq!(code(study.owner.client.compute_job(&asked.spec.job).await), ProblemCode::NotAllowed);
    assert_eq!(study.asker.client.job(&asked.spec.job).await.unwrap().state, "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_may_look_at_the_schema_and_needs_another_grant_to_ask() {
    let world = World::start().await;
    let mut study = study(&world, None).await;
    study.asker = world.person("reader").await;
    let (_, read) = grant_of(&study.owner, &study.record, Scope::Record, &study.asker, &[Power::Read], None);
    study.owner.client.make_grants(&NewGrants { grants: vec![read] }).await.unwrap();
    study.asker.client.table(&study.record.id, &study.table.item.id).await.unwrap();
    let mut asked = study.draft(BY_WARD);
    asked.spec.grants.clear();
    assert_eq!(code(study.ask(&asked).await), ProblemCode::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_tables_that_was_lost_or_damaged_costs_time_only() {
    let world = World::start().await;
    let study = study(&world, None).await;
    let asked = study.asked(BY_WARD).await;
    study.consent(&asked, world.now()).await.unwrap();
    let answer = study.owner.client.compute_job(&asked.spec.job).await.unwrap();
    let folder = world.folder.path().join("tables");
    let kept: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = kept.as_slice() else { panic!("{kept:?}") };
    let mut bytes = std::fs::read(file).unwrap();
    let footer = bytes.len() - 100;
    bytes[footer] ^= 1;
    std::fs::write(file, bytes).unwrap();
    assert_eq!(code(study.owner.client.compute_job(&asked.spec.job).await), ProblemCode::NotATable);
    assert_eq!(study.owner.client.compute_job(&asked.spec.job).await.unwrap(), answer);
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(study.owner.client.compute_job(&asked.spec.job).await.unwrap(), answer);
}

const OF_VISITORS: &str =
    "SELECT count(*), enc_sum(stays.los) FROM stays JOIN visits ON stays.patient = visits.patient";

/// What the cloud has put together goes with the table.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_of_a_table_that_was_removed() {
    let world = World::start_with(|config| config.housekeeping.collection_seconds = 1).await;
    let mut study = study(&world, None).await;
    let asked = study.asked(BY_WARD).await;
    study.consent(&asked, world.now()).await.unwrap();
    study.owner.client.compute_job(&asked.spec.job).await.unwrap();
    let kept = || std::fs::read_dir(world.folder.path().join("tables")).unwrap().count();
    assert_eq!(kept(), 1);
    study.record.remove(&study.owner, &study.table.item.id).await.unwrap();
    while kept() > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tables_are_joined_by_tokens() {
    let world = World::start().await;
    let mut study = study(&world, None).await;
    let visits = Table::seal(study.record.id);
    let asked = study.joined(&visits, OF_VISITORS).await;
    study.consent(&asked, world.now()).await.unwrap();
    let answer = study.owner.client.compute_job(&asked.spec.job).await.unwrap();
    let answer = Answer::from_bytes(&answer).unwrap();
    assert_eq!((answer.groups[0].rows, opened(&answer.groups[0].sets[0].ciphertexts)), (40, (0..40).sum()));
}

/// Only the stored tokens show it, so it is the computation that is refused, and the owner learns why.
#[tokio::test(flavor = "multi_thread")]
async fn a_join_that_would_multiply_rows_is_refused_by_name() {
    let world = World::start().await;
    let mut study = study(&world, None).await;
    let visits = Table::of_patients(study.record.id, 20);
    let asked = study.joined(&visits, OF_VISITORS).await;
    study.consent(&asked, world.now()).await.unwrap();
    let refused = study.owner.client.compute_job(&asked.spec.job).await.unwrap_err();
    assert_eq!(refused.code(), Some(ProblemCode::QueryRefused));
    assert!(refused.to_string().contains("visits.patient"), "{refused}");
}
