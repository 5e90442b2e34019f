//! The technique `read`: the receiver opens the items themselves.
//!
//! It hides nothing from the receiver and everything from everybody else. The items lie sealed in the cloud, so
//! the owner's machine has nothing to do but to consent; the receiver's fetches, opens and keeps them.

use async_trait::async_trait;
use cowl_crypto::digest::{Digest, Hasher};
use cowl_domain::{Power, Verified};

use crate::evidence::{
    Assurance, Attested, Evidence, EvidenceError, Findings, InputCommitment, OutputDigest, commit_input,
};
use crate::grants::GrantedItem;
use crate::plan::{Cost, Disclosure, Fact, Form, Machine, Movement, Plan, Spending};
use crate::ports::{PortError, Ports, ResultItem};
use crate::refusal::Refusal;
use crate::seat::{Roster, Seat};
use crate::spec::{JobItem, JobSpec, TechniqueId};
use crate::state::{Failure, Opening, Outcome, Running};
use crate::technique::Technique;

/// Plain reading under a grant. Seats: every owner as data owner, every receiver as receiver.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadTechnique;

impl ReadTechnique {
    /// The one program of this technique: hand over what is there.
    pub fn program() -> Digest {
        Digest::derive("cowl/program/v1", b"read")
    }

    fn check(&self, spec: &JobSpec, roster: &Roster) -> Result<(), Refusal> {
        spec.check_shape()?;
        let technique = self.id();
        if spec.technique != technique {
            return Err(Refusal::UnknownTechnique { technique: spec.technique.clone() });
        }
        if spec.program != Self::program() {
            return Err(Refusal::UnknownProgram { technique });
        }
        if spec.power != Power::Read {
            return Err(Refusal::WrongPower { technique, power: spec.power });
        }
        let owners = spec.items.iter().map(|item| (Seat::DataOwner, item.owner));
        let receivers = spec.receivers.iter().map(|receiver| (Seat::Receiver, *receiver));
        roster.require_exactly(&owners.chain(receivers).collect::<Vec<_>>())
    }
}

#[async_trait]
impl Technique for ReadTechnique {
    fn id(&self) -> TechniqueId {
        "read".parse().expect("`read` keeps to the rules of names")
    }

    fn plan(&self, spec: &JobSpec, roster: &Roster) -> Result<Plan, Refusal> {
        self.check(spec, roster)?;
        let movements = movements(spec);
        let bytes = movements.iter().fold(0u64, |sum, one| sum.saturating_add(one.bytes));
        Ok(Plan {
            job: spec.job,
            spec: spec.digest(),
            seats: roster.assignments(),
            movements,
            disclosures: spec.items.iter().flat_map(|item| disclosures(spec, item)).collect(),
            cost: Cost { bytes, rounds: 1, compute_millis: 0 },
            spending: Spending { releases: released(spec), epsilon_millionths: None },
        })
    }

    async fn run(&self, running: Running, ports: Ports<'_>) -> Result<(Outcome, Evidence), Failure> {
        let (mut outcome, mut findings) = (Outcome::default(), Findings::default());
        if running.seat() == Seat::Receiver {
            for (ordinal, granted) in (0..).zip(running.granted_to(running.party())) {
                let output = copy(&running, granted, ordinal, ports).await?;
                let opening = Opening {
                    item: granted.item().item,
                    content: output.digest,
                    salt: ports.salts.make_salt(),
                };
                let commitment = commit_input(&opening.content, &opening.salt);
                findings.inputs.push(InputCommitment { item: opening.item, commitment });
                findings.outputs.push(output.clone());
                outcome.outputs.push(output);
                outcome.openings.push(opening);
            }
        }
        let evidence = running.testify(findings, ports.clock.now());
        Ok((outcome, evidence))
    }

    fn verify(&self, evidence: &Verified<Evidence>, spec: &JobSpec) -> Result<Attested, EvidenceError> {
        let attested = Attested::of(evidence, spec, Assurance::Word)?;
        let incomplete = |detail| Err(EvidenceError::Incomplete { technique: self.id(), detail });
        let expected: &[JobItem] = if evidence.seat == Seat::Receiver { &spec.items } else { &[] };
        if !evidence.inputs.iter().map(|input| input.item).eq(expected.iter().map(|item| item.item)) {
            return incomplete("the receiver, and nobody else, reads every item of the job once");
        }
        let of = |output: &OutputDigest| (output.receiver, output.derived_from);
        if !evidence.outputs.iter().map(of).eq(expected.iter().map(|item| (evidence.party, Some(item.item))))
        {
            return incomplete("each item read is one output to the receiver that read it");
        }
        Ok(attested)
    }
}

/// Sealed bytes go from the cloud to each receiver; nothing leaves the owner's machine.
fn movements(spec: &JobSpec) -> Vec<Movement> {
    let movement = |item: &JobItem, receiver| Movement {
        what: Fact::Content(item.item),
        from: Machine::Cloud,
        to: Machine::Party(receiver),
        form: Form::Sealed,
        bytes: item.size,
    };
    spec.items.iter().flat_map(|item| spec.receivers.iter().map(move |&to| movement(item, to))).collect()
}

/// Receivers learn the content; owner and cloud learn that it was read.
fn disclosures(spec: &JobSpec, item: &JobItem) -> Vec<Disclosure> {
    let mut found = vec![
        Disclosure { learner: Machine::Cloud, fact: Fact::Size(item.item) },
        Disclosure { learner: Machine::Cloud, fact: Fact::Use(item.item) },
        Disclosure { learner: Machine::Party(item.owner), fact: Fact::Use(item.item) },
    ];
    for &receiver in &spec.receivers {
        let facts = [Fact::Content(item.item), Fact::Size(item.item), Fact::Use(item.item)];
        found.extend(facts.map(|fact| Disclosure { learner: Machine::Party(receiver), fact }));
    }
    found
}

fn released(spec: &JobSpec) -> u32 {
    u32::try_from(spec.items.len().saturating_mul(spec.receivers.len())).unwrap_or(u32::MAX)
}

/// Copies one item into the sink. The writer is dropped on any error, and with it what was written.
async fn copy(
    running: &Running,
    granted: &GrantedItem,
    ordinal: u32,
    ports: Ports<'_>,
) -> Result<OutputDigest, PortError> {
    let (receiver, derived_from) = (running.party(), Some(granted.item().item));
    let mut reader = ports.source.open(granted).await?;
    let result = ResultItem { job: running.spec().job, ordinal, receiver, derived_from };
    let mut writer = ports.sink.create(&result).await?;
    let (mut hasher, mut size) = (Hasher::new(), 0u64);
    while let Some(piece) = reader.next_piece().await? {
        hasher.update(&piece);
        size = size.saturating_add(piece.len() as u64);
        writer.write(&piece).await?;
    }
    writer.commit().await?;
    Ok(OutputDigest { receiver, derived_from, digest: hasher.finalize(), size })
}
