//! Techniques: the suite that each of them passes, and the ideal twin that passes it too.
//!
//! A [`Subject`] says what a technique is to compute; [`conforms`] runs it at every seat of a [`Stage`] and
//! compares with what a trusted party would have given. Run it on the technique and on its [`IdealTwin`]: where
//! only the technique fails, the technique is wrong; where both do, the subject is.

mod memory;
mod stage;
mod twin;

use std::sync::Arc;

use cowl_crypto::digest::Digest;
use cowl_domain::{ItemId, JobId, Power, Signed};
use cowl_job::{
    Evidence, EvidenceError, Fact, Failure, Machine, Planned, Refusal, Seat, Settled, Technique, Unsettled,
};

pub use memory::{CountingSalts, FixedClock, MemoryLedger, MemorySink, MemorySource};
pub use stage::{NOW, Player, Stage, grant_to, grants_of};
pub use twin::{IdealFunction, IdealTwin};

/// A technique, and what is expected of it.
#[derive(Clone)]
pub struct Subject {
    /// The technique.
    pub technique: Arc<dyn Technique>,
    /// A program that it runs.
    pub program: Digest,
    /// The power under which it runs.
    pub power: Power,
    /// Seats beside data owners and receivers; each gets a party of its own.
    pub further_seats: Vec<Seat>,
    /// What a trusted party would give to each receiver.
    pub ideal: IdealFunction,
}

impl Subject {
    /// The same with the ideal twin in place of the technique.
    #[must_use]
    pub fn twin(&self) -> Self {
        let twin = IdealTwin::new(self);
        Self { technique: Arc::new(twin), ..self.clone() }
    }
}

/// Checks that the technique keeps what its trait promises.
///
/// # Panics
/// When it does not; the message says in what.
pub async fn conforms(subject: &Subject) {
    a_plan_depends_on_nothing_but_its_arguments(subject);
    a_roster_that_does_not_fit_is_refused(subject);
    another_program_or_power_is_refused(subject);
    every_receiver_gets_what_a_trusted_party_would_give(subject).await;
    evidence_is_worth_something_for_its_own_job_only(subject).await;
    only_those_whom_the_plan_names_open_contents(subject).await;
    a_second_run_under_the_same_consents_is_refused(subject).await;
    a_damaged_item_leaves_no_result(subject).await;
}

fn a_plan_depends_on_nothing_but_its_arguments(subject: &Subject) {
    let (here, there) = (Stage::new(subject), Stage::new(subject));
    let (one, other) = (here.planned(), there.planned());
    assert_eq!(one.plan(), other.plan(), "two machines made different plans of one job");
    let bytes = one.plan().to_bytes();
    assert_eq!(cowl_job::Plan::from_bytes(&bytes).as_ref(), Ok(one.plan()), "the plan is not canonical");
    for receiver in &one.spec().receivers {
        let learns = one.plan().disclosures.iter().any(|mark| mark.learner == Machine::Party(*receiver));
        assert!(learns, "a receiver learns nothing by the plan");
    }
}

fn a_roster_that_does_not_fit_is_refused(subject: &Subject) {
    let stage = Stage::new(subject);
    for absent in 0..stage.players.len() {
        let roster = stage.roster_without(absent);
        let refusal = stage.registry().plan(stage.spec.clone(), roster).expect_err("a plan without a seat");
        assert!(
            matches!(refusal, Refusal::SeatEmpty { .. }),
            "a seat was empty, and the refusal is: {refusal}"
        );
    }
    let refusal = stage.registry().plan(stage.spec.clone(), stage.roster_with_a_stranger());
    let refusal = refusal.expect_err("a plan with a stranger at the table");
    assert!(
        matches!(refusal, Refusal::SeatUnneeded { .. }),
        "a stranger sat there, and the refusal is: {refusal}"
    );
}

fn another_program_or_power_is_refused(subject: &Subject) {
    let stage = Stage::new(subject);
    let mut spec = stage.spec.clone();
    spec.program = Digest::of(b"a program that nobody has");
    let refusal = stage.registry().plan(spec, stage.roster()).expect_err("a plan for an unknown program");
    assert!(matches!(refusal, Refusal::UnknownProgram { .. }), "the refusal is: {refusal}");
    let mut spec = stage.spec.clone();
    spec.power = Power::Append;
    let refusal = stage.registry().plan(spec, stage.roster()).expect_err("a plan under the wrong power");
    assert!(matches!(refusal, Refusal::WrongPower { .. }), "the refusal is: {refusal}");
}

async fn every_receiver_gets_what_a_trusted_party_would_give(subject: &Subject) {
    let stage = Stage::new(subject);
    settle(&stage).await;
    let expected = (subject.ideal)(&stage.contents());
    for receiver in &stage.spec.receivers {
        assert_eq!(stage.sink.results_for(*receiver), expected, "a receiver got something else");
    }
    let results = stage.spec.receivers.len() * expected.len();
    assert_eq!(stage.sink.len(), results, "somebody who is no receiver got a result");
}

async fn evidence_is_worth_something_for_its_own_job_only(subject: &Subject) {
    let stage = Stage::new(subject);
    for (player, settled) in stage.players.iter().zip(settle(&stage).await) {
        let evidence =
            Signed::<Evidence>::from_bytes(&settled.evidence.to_bytes()).expect("evidence is canonical");
        let verified = evidence.verify(&player.keys).expect("evidence is signed by its seat");
        let attested = subject.technique.verify(&verified, &stage.spec).expect("evidence holds for its job");
        assert_eq!(attested, settled.attested, "evidence is judged differently elsewhere");
        let mut another = stage.spec.clone();
        another.job = JobId::from_bytes([0xee; 16]);
        let error = subject.technique.verify(&verified, &another).expect_err("evidence of another job");
        assert!(matches!(error, EvidenceError::AnotherJob { .. }), "the error is: {error}");
        let mut narrowed = stage.spec.clone();
        narrowed.items.truncate(1);
        let error = subject.technique.verify(&verified, &narrowed).expect_err("evidence of other items");
        assert!(matches!(error, EvidenceError::AnotherSpecification { .. }), "the error is: {error}");
    }
}

async fn only_those_whom_the_plan_names_open_contents(subject: &Subject) {
    let stage = Stage::new(subject);
    settle(&stage).await;
    let planned = stage.planned();
    for player in &stage.players {
        for item in player.source.opened() {
            let owns = stage.spec.items.iter().any(|one| one.item == item && one.owner == player.party());
            let told = planned.plan().discloses(Machine::Party(player.party()), Fact::Content(item));
            assert!(owns || told, "a {} opened an item of which the plan does not tell", player.seat);
        }
    }
}

async fn a_second_run_under_the_same_consents_is_refused(subject: &Subject) {
    let stage = Stage::new(subject);
    settle(&stage).await;
    let before = stage.sink.len();
    for player in &stage.players {
        let unsettled = stage.run(player, stage.planned()).await.expect_err("a second run");
        let refused = matches!(unsettled, Unsettled::Refused(Refusal::ConsentUsed { .. }));
        assert!(refused, "a second run ended otherwise: {unsettled}");
    }
    assert_eq!(stage.sink.len(), before, "a refused run put a result");
}

async fn a_damaged_item_leaves_no_result(subject: &Subject) {
    let mut stage = Stage::new(subject);
    let damaged: ItemId = stage.spec.items[0].item;
    for player in &mut stage.players {
        player.source.damage(damaged);
    }
    for player in stage.players.iter().filter(|player| player.seat == Seat::Receiver) {
        let unsettled = stage.run(player, stage.planned()).await.expect_err("a run over a damaged item");
        let Unsettled::Failed(failed) = unsettled else { panic!("refused, but it had begun: {unsettled}") };
        assert!(matches!(failed.cause, Failure::Port(_) | Failure::Peer { .. }), "the cause is: {failed}");
        assert_eq!(
            stage.sink.results_for(player.party()),
            Vec::<Vec<u8>>::new(),
            "a failed job left a result"
        );
    }
}

/// Runs every seat, all at once, as machines would.
async fn settle(stage: &Stage) -> Vec<Settled> {
    let planned: Planned = stage.planned();
    let runs = stage.players.iter().map(|player| stage.run(player, planned.clone()));
    let ended = futures_util::future::join_all(runs).await;
    ended
        .into_iter()
        .map(|one| one.unwrap_or_else(|unsettled| panic!("a seat did not settle: {unsettled}")))
        .collect()
}
