//! The ideal twin: a trusted party that computes in the clear.

use async_trait::async_trait;
use cowl_crypto::digest::Digest;
use cowl_domain::{PartyId, Power, Verified};
use cowl_job::{
    Assurance, Attested, Cost, Disclosure, Evidence, EvidenceError, Fact, Failure, Findings, InputCommitment,
    JobSpec, Machine, Opening, Outcome, OutputDigest, Plan, PortError, Ports, Refusal, ResultItem, Roster,
    Running, Seat, Spending, Technique, TechniqueId, commit_input,
};

use super::Subject;

/// The contents of the items, in the order of the specification, to the results for each receiver.
pub type IdealFunction = fn(&[Vec<u8>]) -> Vec<Vec<u8>>;

/// Computes a function as a trusted party would: it opens everything at the receiver's seat and hides nothing
/// there. What another technique hides, it must hide while giving the same results.
#[derive(Debug, Clone)]
pub struct IdealTwin {
    id: TechniqueId,
    program: Digest,
    power: Power,
    further_seats: Vec<Seat>,
    function: IdealFunction,
}

impl IdealTwin {
    /// The twin of a subject's technique, under the same name.
    pub fn new(subject: &Subject) -> Self {
        Self {
            id: subject.technique.id(),
            program: subject.program,
            power: subject.power,
            further_seats: subject.further_seats.clone(),
            function: subject.ideal,
        }
    }

    fn check(&self, spec: &JobSpec, roster: &Roster) -> Result<(), Refusal> {
        spec.check_shape()?;
        let technique = self.id.clone();
        if spec.program != self.program {
            return Err(Refusal::UnknownProgram { technique });
        }
        if spec.power != self.power {
            return Err(Refusal::WrongPower { technique, power: spec.power });
        }
        roster.require_exactly(&self.needed(spec, roster))
    }

    /// Owners and receivers by the specification; further seats are taken by whoever sits there.
    fn needed(&self, spec: &JobSpec, roster: &Roster) -> Vec<(Seat, PartyId)> {
        let owners = spec.items.iter().map(|item| (Seat::DataOwner, item.owner));
        let receivers = spec.receivers.iter().map(|receiver| (Seat::Receiver, *receiver));
        let nobody = PartyId::from_bytes([0; 16]);
        let further = self.further_seats.iter().map(|seat| {
            let sitting = roster.places().find(|(one, _)| one == seat);
            sitting.unwrap_or((*seat, nobody))
        });
        owners.chain(receivers).chain(further).collect()
    }
}

#[async_trait]
impl Technique for IdealTwin {
    fn id(&self) -> TechniqueId {
        self.id.clone()
    }

    fn plan(&self, spec: &JobSpec, roster: &Roster) -> Result<Plan, Refusal> {
        self.check(spec, roster)?;
        let told = |receiver: &PartyId| {
            let learner = Machine::Party(*receiver);
            let contents = spec.items.iter().map(|item| Fact::Content(item.item));
            contents.chain([Fact::Result]).map(move |fact| Disclosure { learner, fact }).collect::<Vec<_>>()
        };
        Ok(Plan {
            job: spec.job,
            spec: spec.digest(),
            seats: roster.assignments(),
            movements: Vec::new(),
            disclosures: spec.receivers.iter().flat_map(told).collect(),
            cost: Cost::default(),
            spending: Spending::default(),
        })
    }

    async fn run(&self, running: Running, ports: Ports<'_>) -> Result<(Outcome, Evidence), Failure> {
        let (mut outcome, mut findings) = (Outcome::default(), Findings::default());
        if running.seat() == Seat::Receiver {
            let contents = open_all(&running, ports, &mut outcome).await?;
            for (ordinal, result) in (0..).zip((self.function)(&contents)) {
                outcome.outputs.push(put(&running, ordinal, &result, ports).await?);
            }
        }
        let committed = |opening: &Opening| InputCommitment {
            item: opening.item,
            commitment: commit_input(&opening.content, &opening.salt),
        };
        findings.inputs = outcome.openings.iter().map(committed).collect();
        findings.outputs = outcome.outputs.clone();
        let evidence = running.testify(findings, ports.clock.now());
        Ok((outcome, evidence))
    }

    fn verify(&self, evidence: &Verified<Evidence>, spec: &JobSpec) -> Result<Attested, EvidenceError> {
        Attested::of(evidence, spec, Assurance::Word)
    }
}

async fn open_all(
    running: &Running,
    ports: Ports<'_>,
    outcome: &mut Outcome,
) -> Result<Vec<Vec<u8>>, PortError> {
    let mut contents = Vec::new();
    for granted in running.granted_to(running.party()) {
        let (mut reader, mut content) = (ports.source.open(granted).await?, Vec::new());
        while let Some(piece) = reader.next_piece().await? {
            content.extend(piece);
        }
        let (item, salt) = (granted.item().item, ports.salts.make_salt());
        outcome.openings.push(Opening { item, content: Digest::of(&content), salt });
        contents.push(content);
    }
    Ok(contents)
}

async fn put(
    running: &Running,
    ordinal: u32,
    result: &[u8],
    ports: Ports<'_>,
) -> Result<OutputDigest, PortError> {
    let (job, receiver) = (running.spec().job, running.party());
    let mut writer = ports.sink.create(&ResultItem { job, ordinal, receiver, derived_from: None }).await?;
    writer.write(result).await?;
    writer.commit().await?;
    Ok(OutputDigest { receiver, derived_from: None, digest: Digest::of(result), size: result.len() as u64 })
}
