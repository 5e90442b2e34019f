//! Jobs: counted, consented to, computed, settled, each once and in this order.

use std::sync::Arc;

use cowl_crypto::digest::Digest;
use cowl_crypto::id::random_bytes;
use cowl_domain::{
    ComputeTerms, Event, EventKind, Grant, GrantId, JobId, JobState, Power, Powers, RecordId, Scope,
    ShareTarget, Timestamp, wire,
};
use cowl_job::{JobItem, JobSpec, TechniqueId};
use cowl_store::ledger::{Commit, JobResult, JobRow, JobSide, JobTarget, NewGrant, NewJob, NewSettlement};
use cowl_store::{Ledger, Proven, StoreError};
use tokio::task::JoinSet;

use super::{Actor, OwnRecord, Placed, Stores, noise};

const TECHNIQUE: &str = "additive-he";

/// An owner with one sealed table, and somebody with a grant to compute on it.
struct Case<'a> {
    stores: &'a Stores,
    owner: Actor,
    asker: Actor,
    record: OwnRecord,
    table: Placed,
    grant: Proven<Grant>,
}

impl<'a> Case<'a> {
    async fn new(stores: &'a Stores, runs: Option<u32>) -> Self {
        let (owner, asker) = (stores.register("hospital").await, stores.register("researcher").await);
        let mut record = stores.record_of(&owner).await;
        let table = stores.put(&owner, &mut record, &[100]).await;
        let grant = to_compute(&owner, &record, Scope::Item(table.item), &asker, TECHNIQUE, runs);
        let case = Self { stores, owner, asker, record, table, grant };
        case.give(case.grant.clone()).await.unwrap();
        case
    }

    async fn give(&self, grant: Proven<Grant>) -> Result<(), StoreError> {
        let new = NewGrant { grant, note: None, shares: Vec::new() };
        self.stores.ledger.make_grants(&self.owner.id(), &[new], &self.stores.act()).await
    }

    /// The specification of a fresh job, and what the ledger reads of it.
    fn job(&self, grants: &[GrantId]) -> (JobSpec, NewJob) {
        let placement = self.record.items[&self.table.item];
        let item = JobItem {
            record: self.record.id,
            owner: self.owner.id(),
            item: self.table.item,
            version: 0,
            placement,
            size: 100,
        };
        let target = JobTarget { record: item.record, item: item.item, version: 0, placement };
        let spec = JobSpec {
            job: JobId::from_bytes(random_bytes()),
            technique: TECHNIQUE.parse::<TechniqueId>().unwrap(),
            program: Digest::of(b"query"),
            power: Power::Compute,
            items: vec![item],
            grants: grants.to_vec(),
            receivers: vec![self.asker.id()],
        };
        let new = NewJob {
            job: spec.job,
            owner: self.owner.id(),
            technique: TECHNIQUE.to_owned(),
            program: b"query".to_vec(),
            targets: vec![target],
            grants: grants.to_vec(),
            most_waiting: 100,
        };
        (spec, new)
    }

    async fn ask_with(&self, by: &Actor, grants: &[GrantId]) -> Result<JobRow, StoreError> {
        let (spec, new) = self.job(grants);
        self.stores.ledger.plan_job(&by.prove(&spec), &new, &self.stores.act()).await
    }

    async fn ask(&self) -> Result<JobRow, StoreError> {
        self.ask_with(&self.asker, &[self.grant.grant]).await
    }

    async fn planned(&self) -> JobId {
        self.ask().await.unwrap().job
    }

    async fn consent(&self, job: &JobId) -> Result<(), StoreError> {
        let ends = self.stores.now().plus_seconds(600);
        self.consent_until(job, ends).await
    }

    /// Any statement will do: the ledger keeps what the server has checked.
    async fn consent_until(&self, job: &JobId, ends: Timestamp) -> Result<(), StoreError> {
        let consent = self.owner.prove(&self.job(&[]).0);
        self.stores.ledger.consent_to_job(job, &consent, ends, &self.stores.act()).await
    }

    async fn answer(&self, job: &JobId) -> Result<(), StoreError> {
        self.stores.ledger.answer_job(&self.owner.id(), job, &self.stores.act()).await.map(drop)
    }

    async fn settle(&self, job: &JobId) -> Result<(), StoreError> {
        let results = vec![JobResult { receiver: self.asker.id(), sealed: b"sealed figures".to_vec() }];
        let settlement = NewSettlement { evidence: self.owner.prove(&self.job(&[]).0), results };
        self.stores.ledger.settle_job(job, &settlement, &self.stores.act()).await
    }

    async fn refuse(&self, job: &JobId) -> Result<(), StoreError> {
        self.stores.ledger.refuse_job(&self.owner.id(), job, b"sealed words", &self.stores.act()).await
    }

    async fn withdraw(&self, job: &JobId) -> Result<(), StoreError> {
        self.stores.ledger.withdraw_job(&self.asker.id(), job, &self.stores.act()).await
    }

    async fn state(&self, job: &JobId) -> JobState {
        self.stores.ledger.job(&self.asker.id(), job).await.unwrap().state
    }

    async fn events(&self, of: &Actor) -> Vec<Event> {
        let page = self.stores.ledger.events_for(&of.id(), None, 1000).await.unwrap();
        let read = |bytes: &[u8]| wire::decode::<Event>("event", bytes).unwrap();
        page.events.iter().map(|entry| read(&entry.event)).filter(|event| event.job.is_some()).collect()
    }
}

fn to_compute(
    owner: &Actor,
    record: &OwnRecord,
    scope: Scope,
    grantee: &Actor,
    technique: &str,
    runs: Option<u32>,
) -> Proven<Grant> {
    let grant = owner.grant(record.id, scope, grantee, Powers::of([Power::Compute]), None);
    let technique = technique.to_owned();
    let compute = Some(ComputeTerms { technique, minimum_cohort: 10, runs, inference: None });
    owner.prove(&Grant { compute, ..(*grant).clone() })
}

#[track_caller]
fn is_refused<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
    assert!(matches!(outcome, Err(StoreError::Refused { .. })), "{outcome:?}");
}

const CONFLICT: Result<(), StoreError> = Err(StoreError::Conflict { what: "job" });

/// Asked for, consented to, computed, settled; both sides see it and are told of each step.
pub async fn a_job_goes_its_way(stores: &Stores) {
    let case = Case::new(stores, None).await;
    let asked = case.ask().await.unwrap();
    assert_eq!((asked.state, asked.minimum_cohort), (JobState::Planned, 10));
    let job = asked.job;
    case.consent(&job).await.unwrap();
    let (_, tables) = stores.ledger.answer_job(&case.owner.id(), &job, &stores.act()).await.unwrap();
    let [table] = tables.as_slice() else { panic!("one table") };
    assert_eq!((table.item, table.header.as_slice()), (case.table.item, b"header".as_slice()));
    let parts = stores.ledger.parts_of_item(&table.record, &table.item).await.unwrap();
    assert_eq!(parts.iter().map(|part| part.part).collect::<Vec<_>>(), [case.table.parts[0].0]);
    case.answer(&job).await.unwrap();
    case.settle(&job).await.unwrap();
    assert_eq!(case.state(&job).await, JobState::Settled);
    for party in [&case.owner, &case.asker] {
        let row = stores.ledger.job(&party.id(), &job).await.unwrap();
        assert!(row.consent.is_some() && row.evidence.is_some() && row.refusal.is_none());
        assert_eq!(stores.ledger.job_results(&party.id(), &job).await.unwrap()[0].sealed, b"sealed figures");
        let kinds: Vec<_> = case.events(party).await.iter().map(|event| event.kind).collect();
        let steps =
            [EventKind::JobAsked, EventKind::JobConsented, EventKind::JobAnswered, EventKind::JobSettled];
        assert_eq!(kinds, steps, "each step is told once, a repeated computation not again");
    }
}

/// No step is taken twice, or before its turn, or after the end.
pub async fn a_job_moves_forward_only(stores: &Stores) {
    let case = Case::new(stores, None).await;
    let job = case.planned().await;
    is_refused(case.answer(&job).await);
    is_refused(case.settle(&job).await);
    case.consent(&job).await.unwrap();
    assert_eq!(case.consent(&job).await, CONFLICT, "a second consent");
    is_refused(case.settle(&job).await);
    case.answer(&job).await.unwrap();
    assert_eq!(case.consent(&job).await, CONFLICT);
    case.settle(&job).await.unwrap();
    let after = [
        case.settle(&job).await,
        case.answer(&job).await,
        case.refuse(&job).await,
        case.withdraw(&job).await,
        case.consent(&job).await,
    ];
    assert!(after.iter().all(|outcome| *outcome == CONFLICT), "{after:?}");
    for end in [JobState::Refused, JobState::Withdrawn] {
        let job = case.planned().await;
        match end {
            JobState::Refused => case.refuse(&job).await.unwrap(),
            _ => case.withdraw(&job).await.unwrap(),
        }
        assert_eq!(case.state(&job).await, end);
        let after = [case.consent(&job).await, case.answer(&job).await, case.settle(&job).await];
        assert!(after.iter().all(|outcome| *outcome == CONFLICT), "{after:?}");
    }
}

/// The same job again is the same job; another one under its name is none.
pub async fn a_job_is_asked_for_once(stores: &Stores) {
    let case = Case::new(stores, Some(1)).await;
    let (spec, new) = case.job(&[case.grant.grant]);
    let proven = case.asker.prove(&spec);
    let first = stores.ledger.plan_job(&proven, &new, &stores.act()).await.unwrap();
    assert_eq!(stores.ledger.plan_job(&proven, &new, &stores.act()).await, Ok(first));
    let other = NewJob { program: b"another query".to_vec(), ..new.clone() };
    let conflict = Err(StoreError::Conflict { what: "job" });
    assert_eq!(stores.ledger.plan_job(&proven, &other, &stores.act()).await, conflict);
    let rival = stores.register("rival").await;
    let grant = to_compute(&case.owner, &case.record, Scope::Record, &rival, TECHNIQUE, None);
    case.give(grant.clone()).await.unwrap();
    let theirs = NewJob { grants: vec![grant.grant], ..new };
    let outcome = stores.ledger.plan_job(&rival.prove(&spec), &theirs, &stores.act()).await;
    assert_eq!(outcome, conflict);
    assert_eq!(case.events(&case.owner).await.len(), 1);
}

/// To a stranger a job, a table and a grant that are there are as those that are not.
pub async fn strangers_learn_nothing_of_jobs(stores: &Stores) {
    let case = Case::new(stores, None).await;
    let stranger = stores.register("stranger").await;
    let ledger = &stores.ledger;
    for job in [case.planned().await, JobId::from_bytes(random_bytes())] {
        let consent = stranger.prove(&case.job(&[]).0);
        let settlement = NewSettlement { evidence: consent.clone(), results: Vec::new() };
        let (me, ends) = (stranger.id(), stores.now().plus_seconds(60));
        let answers = [
            ledger.job(&me, &job).await.map(drop),
            ledger.jobs(&me, JobSide::Either, None, Some(&job), 10).await.map(drop),
            ledger.consent_to_job(&job, &consent, ends, &stores.act()).await,
            ledger.refuse_job(&me, &job, b"no", &stores.act()).await,
            ledger.withdraw_job(&me, &job, &stores.act()).await,
            ledger.answer_job(&me, &job, &stores.act()).await.map(drop),
            ledger.settle_job(&job, &settlement, &stores.act()).await,
        ];
        assert!(answers.iter().all(|answer| *answer == Err(StoreError::NotFound)), "{answers:?}");
        assert!(ledger.job_results(&me, &job).await.unwrap().is_empty());
    }
    for grants in [vec![], vec![case.grant.grant], vec![GrantId::from_bytes(random_bytes())]] {
        assert_eq!(case.ask_with(&stranger, &grants).await, Err(StoreError::NotFound));
    }
    let (record, item) = (case.record.id, case.table.item);
    for record in [record, RecordId::from_bytes(random_bytes())] {
        let table = ledger.table(&stranger.id(), &record, &item, stores.now()).await;
        assert_eq!(table, Err(StoreError::NotFound));
    }
    let (asker, owner) = (case.asker.id(), case.owner.id());
    assert!(ledger.table(&asker, &record, &item, stores.now()).await.is_ok());
    assert!(ledger.table(&owner, &record, &item, stores.now()).await.is_ok());
    // What the asker may not do, though it sees the job.
    let job = case.planned().await;
    assert_eq!(ledger.answer_job(&asker, &job, &stores.act()).await.map(drop), Err(StoreError::NotFound));
    let consent = case.asker.prove(&case.job(&[]).0);
    let forged = ledger.consent_to_job(&job, &consent, stores.now().plus_seconds(60), &stores.act()).await;
    assert_eq!(forged, Err(StoreError::NotFound));
    assert_eq!(ledger.withdraw_job(&owner, &job, &stores.act()).await, Err(StoreError::NotFound));
}

/// Ended grants, other techniques, grants that are not needed, versions that are not there.
pub async fn grants_bound_what_may_be_asked(stores: &Stores) {
    let mut case = Case::new(stores, None).await;
    let other = to_compute(&case.owner, &case.record, Scope::Record, &case.asker, "mpc", None);
    let short = to_compute(&case.owner, &case.record, Scope::Record, &case.asker, TECHNIQUE, None);
    let expires_at = Some(stores.now().plus_seconds(50));
    let short = case.owner.prove(&Grant { expires_at, ..(*short).clone() });
    let elsewhere = stores.put(&case.owner, &mut case.record, &[10]).await;
    let unneeded =
        to_compute(&case.owner, &case.record, Scope::Item(elsewhere.item), &case.asker, TECHNIQUE, None);
    for grant in [&other, &short, &unneeded] {
        case.give(grant.clone()).await.unwrap();
    }
    is_refused(case.ask_with(&case.asker, &[other.grant]).await);
    is_refused(case.ask_with(&case.asker, &[case.grant.grant, unneeded.grant]).await);
    assert_eq!(case.ask_with(&case.asker, &[unneeded.grant]).await, Err(StoreError::NotFound));
    assert_eq!(case.ask_with(&case.asker, &[]).await, Err(StoreError::NotFound));
    assert!(case.ask_with(&case.asker, &[short.grant]).await.is_ok());
    stores.wait_seconds(60);
    is_refused(case.ask_with(&case.asker, &[short.grant]).await);
    assert!(case.ask_with(&case.owner, &[]).await.is_ok(), "an owner needs no grant");
    let (spec, new) = case.job(&[case.grant.grant]);
    let mut stale = new.clone();
    stale.targets[0].version = 1;
    let mut swapped = new;
    swapped.targets[0].placement = Digest::of(b"another placement");
    for new in [stale, swapped] {
        let outcome = stores.ledger.plan_job(&case.asker.prove(&spec), &new, &stores.act()).await;
        assert_eq!(outcome, Err(StoreError::NotFound));
    }
    let end = case.owner.revocation(&case.grant);
    stores.ledger.revoke(&end, &stores.act()).await.unwrap();
    is_refused(case.ask().await);
}

/// Of many jobs asked for at once in two processes, as many are taken as the grant allows.
pub async fn runs_are_counted_under_races(stores: &Stores) {
    const RUNS: usize = 3;
    let case = Case::new(stores, Some(RUNS as u32)).await;
    let second = stores.second_ledger().await;
    let mut racers = JoinSet::new();
    for racer in 0..8 {
        let (spec, new) = case.job(&[case.grant.grant]);
        let (spec, act) = (case.asker.prove(&spec), stores.act());
        let ledger: Ledger = if racer % 2 == 0 { stores.ledger.clone() } else { second.clone() };
        let new = Arc::new(new);
        racers.spawn(async move { ledger.plan_job(&spec, &new, &act).await });
    }
    let outcomes = racers.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), RUNS, "{outcomes:?}");
    outcomes.into_iter().filter(Result::is_err).for_each(is_refused);
    second.close().await;
}

/// A job that was refused, or taken back before the owner's consent, does not use a grant up.
pub async fn runs_come_back_when_nothing_was_computed(stores: &Stores) {
    let case = Case::new(stores, Some(1)).await;
    let job = case.planned().await;
    is_refused(case.ask().await);
    case.withdraw(&job).await.unwrap();
    let job = case.planned().await;
    case.refuse(&job).await.unwrap();
    let job = case.planned().await;
    case.consent(&job).await.unwrap();
    case.withdraw(&job).await.unwrap();
    is_refused(case.ask().await);
}

/// A revoked grant, a table sealed anew, and a consent that ran out each end a job, and both sides are told.
pub async fn what_is_gone_ends_a_job(stores: &Stores) {
    let mut case = Case::new(stores, None).await;
    let [late, rekeyed, revoked] = [case.planned().await, case.planned().await, case.planned().await];
    let soon = stores.now().plus_seconds(5);
    case.consent_until(&late, soon).await.unwrap();
    case.consent(&rekeyed).await.unwrap();
    stores.wait_seconds(10);
    is_refused(case.answer(&late).await);
    let end = case.owner.revocation(&case.grant);
    let parts = stores.upload(&case.owner, &case.record.id, &[100]).await.unwrap();
    let anew = stores.new_item(&case.owner, &case.record, case.table.item, 1, &parts);
    let commit = Commit { items: vec![anew], ..Commit::default() };
    let owner = &case.owner;
    stores.commit(owner, &mut case.record, commit).await.unwrap();
    is_refused(case.answer(&rekeyed).await);
    stores.ledger.revoke(&end, &stores.act()).await.unwrap();
    is_refused(case.consent(&revoked).await);
    for job in [late, rekeyed, revoked] {
        assert_eq!(case.state(&job).await, JobState::Failed);
        assert!(stores.ledger.job(&case.asker.id(), &job).await.unwrap().failure.is_some());
    }
    let failed = |events: Vec<Event>| events.iter().filter(|it| it.kind == EventKind::JobFailed).count();
    assert_eq!(failed(case.events(&case.asker).await), 3);
    assert_eq!(failed(case.events(&case.owner).await), 3);
}

/// Nobody can bury an owner under jobs.
pub async fn waiting_jobs_are_bounded(stores: &Stores) {
    let case = Case::new(stores, None).await;
    let ask = async || {
        let (spec, mut new) = case.job(&[case.grant.grant]);
        new.most_waiting = 2;
        stores.ledger.plan_job(&case.asker.prove(&spec), &new, &stores.act()).await
    };
    let first = ask().await.unwrap().job;
    ask().await.unwrap();
    is_refused(ask().await);
    case.consent(&first).await.unwrap();
    ask().await.unwrap();
}

/// Pages hold the jobs of one side in one state, oldest first.
pub async fn jobs_are_listed_by_side_and_state(stores: &Stores) {
    let case = Case::new(stores, None).await;
    let own = case.ask_with(&case.owner, &[]).await.unwrap().job;
    let mut asked = Vec::new();
    for _ in 0..3 {
        asked.push(case.planned().await);
    }
    case.consent(&asked[1]).await.unwrap();
    let list = async |actor: &Actor, side, state, after: Option<&JobId>, limit| {
        let page = stores.ledger.jobs(&actor.id(), side, state, after, limit).await.unwrap();
        (page.jobs.iter().map(|row| row.job).collect::<Vec<_>>(), page.more)
    };
    let (asker, owner) = (&case.asker, &case.owner);
    assert_eq!(list(asker, JobSide::Either, None, None, 10).await, (asked.clone(), false));
    assert_eq!(list(asker, JobSide::Owner, None, None, 10).await, (vec![], false));
    assert_eq!(list(owner, JobSide::Asker, None, None, 10).await, (vec![own], false));
    let all = [vec![own], asked.clone()].concat();
    assert_eq!(list(owner, JobSide::Either, None, None, 10).await, (all, false));
    let waiting = Some(JobState::Planned);
    assert_eq!(list(owner, JobSide::Owner, waiting, None, 2).await, (vec![own, asked[0]], true));
    assert_eq!(list(owner, JobSide::Owner, waiting, Some(&asked[0]), 2).await, (vec![asked[2]], false));
    let counted = stores.ledger.jobs_by_state().await.unwrap();
    assert_eq!(counted, [(JobState::Planned, 3), (JobState::Consented, 1)]);
}

/// It carries no share, opens no item, and its terms stand exactly where it allows to compute.
pub async fn a_grant_to_compute_opens_nothing(stores: &Stores) {
    let case = Case::new(stores, None).await;
    let read = stores.read(&case.asker, &case.record.id, &case.table).await;
    assert_eq!(read, Err(StoreError::NotFound));
    let page = stores.ledger.items_page(&case.asker.id(), &case.record.id, None, 10, stores.now()).await;
    assert!(page.unwrap().items.is_empty());
    let fresh = || GrantId::from_bytes(random_bytes());
    let grant = case.owner.prove(&Grant { grant: fresh(), ..(*case.grant).clone() });
    let target = ShareTarget::Item(case.table.item, 0);
    let share = cowl_domain::Share { grant: grant.grant, target, sealed: noise(40).to_vec() };
    let shares = vec![case.owner.prove(&share)];
    let with_key = NewGrant { grant, note: None, shares };
    is_refused(stores.ledger.make_grants(&case.owner.id(), &[with_key], &stores.act()).await);
    let no_terms = Grant { grant: fresh(), compute: None, ..(*case.grant).clone() };
    let needless = Grant { grant: fresh(), powers: Powers::of([Power::Read]), ..(*case.grant).clone() };
    for grant in [no_terms, needless] {
        is_refused(case.give(case.owner.prove(&grant)).await);
    }
}

/// With an account go the jobs that it asked for, and those on what it owned.
pub async fn a_deleted_account_takes_its_jobs(stores: &Stores) {
    let case = Case::new(stores, None).await;
    let job = case.planned().await;
    case.consent(&job).await.unwrap();
    case.answer(&job).await.unwrap();
    case.settle(&job).await.unwrap();
    stores.ledger.delete_account(&case.asker.id(), &stores.act()).await.unwrap();
    assert_eq!(stores.ledger.job(&case.owner.id(), &job).await, Err(StoreError::NotFound));
    assert!(stores.ledger.job_results(&case.owner.id(), &job).await.unwrap().is_empty());
}
