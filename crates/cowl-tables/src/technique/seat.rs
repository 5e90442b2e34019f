//! The opener's seat, the only one of techniques over sealed tables: what they check, plan, hand over and prove alike.

use cowl_crypto::digest::Digest;
use cowl_domain::{Power, Verified};
use cowl_job::{
    Assurance, Attested, Cost, Disclosure, Evidence, EvidenceError, Fact, Failure, Findings, Form, JobSpec,
    Machine, Movement, Outcome, OutputDigest, Plan, PortError, Ports, Refusal, ResultItem, Roster, Running,
    Seat, Spending, TechniqueId,
};

use super::QueryProof;
use crate::opener::OpenError;
use crate::result::QueryResult;

/// Bytes that move, about.
pub(super) struct Traffic {
    pub(super) program: u64,
    pub(super) ciphertexts: u64,
    pub(super) result: u64,
}

/// Whether the specification is one of this technique and program, over so many tables of one owner, who has the seat.
pub(super) fn check(
    spec: &JobSpec,
    roster: &Roster,
    technique: TechniqueId,
    program: Digest,
    tables: usize,
) -> Result<(), Refusal> {
    spec.check_shape()?;
    if spec.technique != technique {
        return Err(Refusal::UnknownTechnique { technique: spec.technique.clone() });
    }
    if spec.program != program {
        return Err(Refusal::UnknownProgram { technique });
    }
    if spec.power != Power::Compute {
        return Err(Refusal::WrongPower { technique, power: spec.power });
    }
    if spec.items.len() != tables {
        return Err(Refusal::WrongItems { expected: tables, found: spec.items.len() });
    }
    let owner = spec.items[0].owner;
    if let Some(other) = spec.items.iter().find(|item| item.owner != owner) {
        return Err(Refusal::OtherOwner { item: other.item, owner: other.owner });
    }
    roster.require_exactly(&[(Seat::Opener, owner)])
}

/// The plan of a job that was checked. `more` is what is disclosed beyond what all jobs over tables disclose.
pub(super) fn plan(
    spec: &JobSpec,
    roster: &Roster,
    traffic: &Traffic,
    compute_millis: u64,
    more: impl IntoIterator<Item = Disclosure>,
) -> Plan {
    let movements = movements(spec, traffic);
    let bytes = movements.iter().fold(0u64, |sum, one| sum.saturating_add(one.bytes));
    Plan {
        job: spec.job,
        spec: spec.digest(),
        seats: roster.assignments(),
        movements,
        disclosures: disclosures(spec).into_iter().chain(more).collect(),
        cost: Cost { bytes, rounds: 2, compute_millis },
        spending: Spending { releases: spec.receivers.len() as u32, epsilon_millionths: None },
    }
}

fn movements(spec: &JobSpec, traffic: &Traffic) -> Vec<Movement> {
    let (owner, item) = (Machine::Party(spec.items[0].owner), spec.items[0].item);
    let asked = Movement {
        what: Fact::Program,
        from: owner,
        to: Machine::Cloud,
        form: Form::Clear,
        bytes: traffic.program,
    };
    let added = Movement {
        what: Fact::Sums(item),
        from: Machine::Cloud,
        to: owner,
        form: Form::Encrypted,
        bytes: traffic.ciphertexts,
    };
    let results = spec.receivers.iter().map(|receiver| Movement {
        what: Fact::Result,
        from: owner,
        to: Machine::Party(*receiver),
        form: Form::Sealed,
        bytes: traffic.result,
    });
    [asked, added].into_iter().chain(results).collect()
}

fn disclosures(spec: &JobSpec) -> Vec<Disclosure> {
    let opener = Machine::Party(spec.items[0].owner);
    let mut found = vec![
        Disclosure { learner: Machine::Cloud, fact: Fact::Program },
        Disclosure { learner: opener, fact: Fact::Program },
        Disclosure { learner: opener, fact: Fact::Result },
        Disclosure { learner: opener, fact: Fact::Sums(spec.items[0].item) },
    ];
    for item in &spec.items {
        let facts = [Fact::Size(item.item), Fact::Use(item.item)];
        found.extend(facts.map(|fact| Disclosure { learner: Machine::Cloud, fact }));
        found.push(Disclosure { learner: opener, fact: Fact::Use(item.item) });
    }
    for receiver in spec.receivers.iter().map(|receiver| Machine::Party(*receiver)) {
        let facts = [Fact::Program, Fact::Result, Fact::Use(spec.items[0].item)];
        found.extend(facts.map(|fact| Disclosure { learner: receiver, fact }));
    }
    found
}

/// Puts the result for each receiver, and testifies to it.
pub(super) async fn hand_over(
    running: &Running,
    ports: &Ports<'_>,
    result: &QueryResult,
    proof: &QueryProof,
) -> Result<(Outcome, Evidence), Failure> {
    let (spec, bytes) = (running.spec(), result.to_bytes());
    let (mut outcome, mut findings) = (Outcome::default(), Findings::default());
    for (ordinal, receiver) in (0..).zip(&spec.receivers) {
        let result = ResultItem { job: spec.job, ordinal, receiver: *receiver, derived_from: None };
        let mut writer = ports.sink.create(&result).await?;
        writer.write(&bytes).await?;
        writer.commit().await?;
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        outcome.outputs.push(OutputDigest { receiver: *receiver, derived_from: None, digest, size });
    }
    findings.outputs = outcome.outputs.clone();
    findings.proof = proof.to_bytes();
    let evidence = running.testify(findings, ports.clock.now());
    Ok((outcome, evidence))
}

/// Whether evidence is the owner's word on this job: program, placements and receivers. The same for all techniques on
/// sealed tables, and without cloud or keys: anybody can.
///
/// # Errors
/// [`EvidenceError`] says what does not fit.
pub fn verify(
    evidence: &Verified<Evidence>,
    spec: &JobSpec,
    technique: TechniqueId,
) -> Result<Attested, EvidenceError> {
    let attested = Attested::of(evidence, spec, Assurance::Word)?;
    let incomplete = |detail| Err(EvidenceError::Incomplete { technique, detail });
    if evidence.seat != Seat::Opener || spec.items.iter().any(|item| item.owner != evidence.party) {
        return incomplete("it is not the owner's, as opener");
    }
    let Ok(proof) = QueryProof::from_bytes(&evidence.proof) else {
        return incomplete("its proof is none of a query");
    };
    let placements = proof.placements.iter().map(|placement| placement.0);
    if proof.query != spec.program || !placements.eq(spec.items.iter().map(|item| item.placement)) {
        return incomplete("its proof is of another query, or of other versions of the tables");
    }
    if !evidence.outputs.iter().map(|output| output.receiver).eq(spec.receivers.iter().copied()) {
        return incomplete("each receiver gets one result");
    }
    Ok(attested)
}

/// What did not open, as the job's end. What is the cloud's fault is not told to the asker.
pub(super) fn declined(error: OpenError) -> Failure {
    if error.is_the_clouds_fault() {
        return Failure::Port(PortError::Unavailable { detail: error.to_string() });
    }
    Failure::Declined { words: error.to_asker() }
}
