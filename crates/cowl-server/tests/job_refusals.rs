//! What an asker that cheats gets out of the cloud, and what comes of damage: a refusal by name.
#![allow(clippy::unwrap_used)]

mod world;

use cowl_api::types::{NewConsent, NewJob, Settlement};
use cowl_api::{Problem, ProblemCode};
use cowl_crypto::digest::Digest;
use cowl_crypto::id::random_bytes;
use cowl_domain::{GrantId, ItemId, JobId, Power, RecordId, Timestamp};
use cowl_query::{Aggregate, AggregateFunction, ColumnRef, Comparison, Condition, Output};
use world::{Asked, Study, Table, World, code};

const BY_WARD: &str = "SELECT ward, count(*), enc_avg(los) FROM stays GROUP BY ward";

async fn study(world: &World, runs: Option<u32>) -> Study {
    Study::begin(world.person("hospital").await, world.person("researcher").await, runs).await
}

/// A job whose program is as the asker changed it, named by the specification as it should be.
fn changed(study: &Study, change: impl FnOnce(&mut Asked)) -> Asked {
    let mut asked = study.draft(BY_WARD);
    change(&mut asked);
    asked.spec.program = asked.query.digest();
    asked
}

async fn problem(study: &Study, asked: &Asked) -> Problem {
    match study.ask(asked).await {
        Err(cowl_api::ClientError::Problem(problem)) => problem,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_and_tables_of_others_are_as_those_that_are_not_there() {
    let world = World::start().await;
    let study = study(&world, None).await;
    let stranger = world.person("stranger").await;
    let asked = study.asked(BY_WARD).await;
    let nothing = || JobId::from_bytes(random_bytes());
    for job in [asked.spec.job, nothing()] {
        let consent = stranger.sign(&study.consent_to(&asked, world.now().plus_seconds(60)));
        let settlement = Settlement { results: Vec::new(), evidence: Vec::new().into() };
        let words = cowl_api::types::JobRefusal { words: b"no".to_vec().into() };
        let client = &stranger.client;
        let answers = [
            client.job(&job).await.unwrap_err(),
            client.withdraw_job(&job).await.unwrap_err(),
            client.consent_to_job(&job, &NewConsent { consent }).await.unwrap_err(),
            client.refuse_job(&job, &words).await.unwrap_err(),
            client.compute_job(&job).await.unwrap_err(),
            client.settle_job(&job, &settlement).await.unwrap_err(),
        ];
        assert!(answers.iter().all(|answer| *answer == Problem::not_found().into()), "{answers:?}");
    }
    for (record, item) in [
        (study.record.id, study.table.item.id),
        (study.record.id, ItemId::from_bytes(random_bytes())),
        (RecordId::from_bytes(random_bytes()), study.table.item.id),
    ] {
        let refused = stranger.client.table(&record, &item).await.unwrap_err();
        assert_eq!(refused, Problem::not_found().into());
    }
    // With the grant of another, with none, and with one that is not there.
    for grants in [vec![study.grant], vec![], vec![GrantId::from_bytes(random_bytes())]] {
        let mut stolen = study.draft(BY_WARD);
        (stolen.spec.grants, stolen.spec.receivers) = (grants, vec![stranger.party()]);
        assert_eq!(stolen.send(&stranger).await.unwrap_err(), Problem::not_found().into());
    }
    assert!(stranger.client.jobs(&Default::default()).await.unwrap().jobs.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_asker_does_nothing_that_is_the_owners() {
    let world = World::start().await;
    let study = study(&world, None).await;
    let asked = study.asked(BY_WARD).await;
    let (job, client) = (asked.spec.job, &study.asker.client);
    assert_eq!(code(client.compute_job(&job).await), ProblemCode::NotFound);
    let forged = study.asker.sign(&study.consent_to(&asked, world.now().plus_seconds(60)));
    assert_eq!(
        code(client.consent_to_job(&job, &NewConsent { consent: forged }).await),
        ProblemCode::NotFound
    );
    study.consent(&asked, world.now()).await.unwrap();
    assert_eq!(code(client.compute_job(&job).await), ProblemCode::NotFound);
    assert_eq!(code(study.owner.client.withdraw_job(&job).await), ProblemCode::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_specification_that_is_not_the_callers_own_is_refused() {
    let world = World::start().await;
    let study = study(&world, None).await;
    let rival = world.person("rival").await;
    let asked = study.draft(BY_WARD);
    let refused = |outcome| code::<cowl_api::types::JobView>(outcome);
    // Signed by another, for another, for two.
    assert_eq!(refused(rival.client.make_job(&asked.body(&study.asker)).await), ProblemCode::NotAllowed);
    for receivers in [vec![rival.party()], vec![study.asker.party(), rival.party()], vec![]] {
        let other = changed(&study, |asked| asked.spec.receivers = receivers);
        assert_eq!(refused(study.ask(&other).await), ProblemCode::BadRequest);
    }
    // Another technique, another power, no item, one item twice, one of another owner.
    type Change = fn(&mut Asked);
    let changes: [Change; 5] = [
        |asked| asked.spec.technique = "mpc".parse().unwrap(),
        |asked| asked.spec.power = Power::Read,
        |asked| asked.spec.items.clear(),
        |asked| asked.spec.items = vec![asked.spec.items[0].clone(), asked.spec.items[0].clone()],
        |asked| asked.query.tables.clear(),
    ];
    for change in changes {
        let outcome = study.ask(&changed(&study, change)).await;
        assert!(matches!(refused(outcome), ProblemCode::BadRequest | ProblemCode::QueryRefused));
    }
    let another = changed(&study, |asked| asked.spec.items[0].owner = study.asker.party());
    assert_eq!(refused(study.ask(&another).await), ProblemCode::NotFound);
    let stale = changed(&study, |asked| asked.spec.items[0].placement = Digest::of(b"another version"));
    assert_eq!(refused(study.ask(&stale).await), ProblemCode::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_other_than_the_one_that_was_signed_is_refused() {
    let world = World::start().await;
    let study = study(&world, None).await;
    let asked = study.draft(BY_WARD);
    let spec = study.asker.sign(&asked.spec);
    let other = study.draft("SELECT enc_sum(los) FROM stays").query.to_bytes();
    let good = asked.query.to_bytes();
    let deep = [vec![0x81; 100_000], vec![0x00]].concat();
    let mut extended = good.clone();
    extended.push(0);
    for program in [other, deep, extended, good[..good.len() - 1].to_vec(), Vec::new(), b"SELECT 1".to_vec()]
    {
        let body = NewJob { spec: spec.clone(), program: program.into() };
        let refused = code(study.asker.client.make_job(&body).await);
        assert!(matches!(refused, ProblemCode::BadRequest | ProblemCode::QueryRefused), "{refused:?}");
    }
    let body = NewJob { spec, program: good.into() };
    study.asker.client.make_job(&body).await.unwrap();
}

/// Whatever the asker's own program says: the query is checked against the stored schema.
#[tokio::test(flavor = "multi_thread")]
async fn queries_outside_what_is_allowed_are_refused_with_what_would_be() {
    let world = World::start().await;
    let study = study(&world, None).await;
    let secret = ColumnRef { table: 0, column: 2 };
    let by_secret = changed(&study, |asked| asked.query.keys = vec![secret]);
    let where_secret = changed(&study, |asked| {
        let value = cowl_query::Cell::Integer(3);
        let comparison = Comparison::Equal;
        asked.query.condition = Some(Condition::Compare { column: secret, comparison, value });
    });
    let variance = changed(&study, |asked| {
        let function = AggregateFunction::Variance;
        asked.query.outputs =
            vec![Output::Aggregate(Aggregate { function, set: 0, columns: vec![2], penalty: None })];
    });
    let nowhere = changed(&study, |asked| asked.query.keys = vec![ColumnRef { table: 0, column: 9 }]);
    let other_schema = changed(&study, |asked| asked.query.tables[0].schema = Digest::of(b"another schema"));
    for asked in [&by_secret, &where_secret, &variance, &nowhere, &other_schema] {
        assert_eq!(problem(&study, asked).await.code, ProblemCode::QueryRefused);
    }
    assert!(problem(&study, &by_secret).await.detail.contains("'los' is secret"));
    assert!(problem(&study, &variance).await.detail.contains("layout moments"));
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_that_ended_or_are_used_up_are_refused() {
    let world = World::start().await;
    let study = study(&world, Some(1)).await;
    study.asked(BY_WARD).await;
    let used_up = study.draft(BY_WARD);
    assert_eq!(code(study.ask(&used_up).await), ProblemCode::NotAllowed);
    let short = study.give(None, Some(world.now().plus_seconds(60))).await;
    let with_short = |sql| {
        let mut asked = study.draft(sql);
        asked.spec.grants = vec![short];
        asked
    };
    study.ask(&with_short(BY_WARD)).await.unwrap();
    world.clock.advance(61);
    // The used up grant still lives, so the table may be seen.
    assert_eq!(code(study.ask(&with_short(BY_WARD)).await), ProblemCode::NotAllowed);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_happens_before_its_turn_or_twice() {
    let world = World::start().await;
    let study = study(&world, None).await;
    let asked = study.asked(BY_WARD).await;
    let (job, client) = (asked.spec.job, &study.owner.client);
    assert_eq!(code(client.compute_job(&job).await), ProblemCode::NotAllowed);
    let expired = study.owner.sign(&study.consent_to(&asked, Timestamp::from_millis(9)));
    let outcome = client.consent_to_job(&job, &NewConsent { consent: expired }).await;
    assert_eq!(code(outcome), ProblemCode::BadRequest);
    let other = study.draft("SELECT enc_sum(los) FROM stays");
    let mut elsewhere = study.consent_to(&other, world.now().plus_seconds(60));
    elsewhere.job = job;
    let consent = study.owner.sign(&elsewhere);
    assert_eq!(code(client.consent_to_job(&job, &NewConsent { consent }).await), ProblemCode::BadRequest);
    let consent = study.consent(&asked, world.now()).await.unwrap();
    assert_eq!(code(study.consent(&asked, world.now()).await), ProblemCode::Conflict);
    let settlement = study.settlement(&asked, consent);
    assert_eq!(code(client.settle_job(&job, &settlement).await), ProblemCode::NotAllowed);
    client.compute_job(&job).await.unwrap();
    for wrong in wrong_settlements(&study, &asked, consent) {
        assert_eq!(code(client.settle_job(&job, &wrong).await), ProblemCode::BadRequest);
    }
    client.settle_job(&job, &settlement).await.unwrap();
    client.settle_job(&job, &settlement).await.unwrap();
    let mut other = study.evidence(&asked, consent);
    other.settled_at = world.now();
    let other = Settlement { evidence: study.owner.sign(&other), ..settlement };
    assert_eq!(code(client.settle_job(&job, &other).await), ProblemCode::Conflict);
    assert_eq!(code(client.compute_job(&job).await), ProblemCode::Conflict);
}

/// Evidence under another consent, of another job; no result, one for another.
fn wrong_settlements(study: &Study, asked: &Asked, consent: Digest) -> Vec<Settlement> {
    let good = || study.settlement(asked, consent);
    let evidence = study.evidence(asked, consent);
    let of_another = cowl_job::Evidence { job: JobId::from_bytes([7; 16]), ..evidence };
    let mut for_another = good();
    for_another.results[0].receiver = study.owner.party().to_string();
    vec![
        study.settlement(asked, Digest::of(b"another consent")),
        Settlement { evidence: study.owner.sign(&of_another), ..good() },
        Settlement { results: Vec::new(), ..good() },
        for_another,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_is_no_table_is_refused_by_name() {
    let world = World::start().await;
    let (owner, asker) = (world.person("hospital").await, world.person("researcher").await);
    let noise: Vec<u8> = (0..50_000u32).map(|n| (n * 7 % 251) as u8).collect();
    let study = Study::with_table(owner, asker, None, |record| Table::of_bytes(record, &noise)).await;
    assert_eq!(problem(&study, &study.draft(BY_WARD)).await.code, ProblemCode::NotATable);
    // An item of another suite.
    let mut study = study;
    study.table.item = study.record.add(&study.owner, &[100]).await;
    study.grant = study.give(None, None).await;
    assert_eq!(problem(&study, &study.draft(BY_WARD)).await.code, ProblemCode::NotATable);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_beyond_what_the_operator_allows_are_refused_by_name() {
    type Bound = fn(&mut cowl_server::ServerConfig);
    let bounds: [Bound; 2] =
        [|config| config.compute.cache_bytes = 1000, |config| config.compute.selection_bytes = 1000];
    for bound in bounds {
        let world = World::start_with(bound).await;
        let study = study(&world, None).await;
        let asked = study.asked(BY_WARD).await;
        study.consent(&asked, world.now()).await.unwrap();
        let refused = study.owner.client.compute_job(&asked.spec.job).await;
        assert_eq!(code(refused), ProblemCode::TooLarge);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_buries_an_owner_under_jobs() {
    let world = World::start_with(|config| config.compute.most_waiting = 1).await;
    let study = study(&world, None).await;
    let first = study.asked(BY_WARD).await;
    assert_eq!(code(study.ask(&study.draft(BY_WARD)).await), ProblemCode::NotAllowed);
    study.asker.client.withdraw_job(&first.spec.job).await.unwrap();
    study.asked(BY_WARD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_does_not_name_the_parts_is_not_taken_in() {
    let world = World::start().await;
    let owner = world.person("hospital").await;
    let mut record = world::OwnedRecord::create(&owner).await;
    let mut table = Table::seal(record.id).item;
    let mut header = cowl_domain::AdditiveHeader::from_bytes(&table.header).unwrap();
    header.parts.pop();
    table.header = header.to_bytes();
    table.upload(&owner).await;
    let commit = record.adding(&owner, &[&table]);
    assert_eq!(code(owner.client.commit(&record.id, &commit).await), ProblemCode::BadRequest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_was_changed_or_lost_is_named() {
    for lose in [false, true] {
        let world = World::start().await;
        let study = study(&world, None).await;
        let asked = study.asked(BY_WARD).await;
        study.consent(&asked, world.now()).await.unwrap();
        let packs = world.packs();
        let pack = packs.iter().max_by_key(|path| std::fs::metadata(path).unwrap().len()).unwrap();
        let whole = std::fs::read(pack).unwrap();
        let mut damaged = whole.clone();
        // Among the ciphertexts: all but the hash of the part looks as it did.
        damaged[whole.len() / 2] ^= 1;
        std::fs::write(pack, damaged).unwrap();
        if lose {
            std::fs::remove_file(pack).unwrap();
        }
        assert_eq!(code(study.owner.client.compute_job(&asked.spec.job).await), ProblemCode::PartLost);
        std::fs::write(pack, whole).unwrap();
        study.owner.client.compute_job(&asked.spec.job).await.unwrap();
    }
}
