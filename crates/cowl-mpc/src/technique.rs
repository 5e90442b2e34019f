//! The technique `mpc`: a model is run on an input, and neither party sees the other's.
//!
//! Three seats of three parties. The model owner, who owns the job's one item, brings the weights; the data owner brings
//! the input, which is no item; the dealer brings randomness and sees neither. The item is the published model, so that
//! its placement fixes architecture and ring; weights are fixed by their commitment, in the evidence. Each seat consents
//! and signs evidence of its own; what the two who compute say of the run must agree ([`check_agreement`]).
//!
//! Connections, keys and weights are behind [`Parties`].

mod agreement;
mod forecast;
mod inference;
mod ports;
mod program;
mod proof;
mod result;
mod told;

use std::sync::Arc;

use async_trait::async_trait;
use cowl_crypto::digest::Digest;
use cowl_domain::{PartyId, Power, Verified};
use cowl_job::{
    Attested, Cost, Disclosure, Evidence, EvidenceError, Fact, Failure, Findings, Form, JobSpec, Machine,
    Movement, Outcome, OutputDigest, Plan, Ports, Refusal, ResultItem, Roster, Running, Seat, Spending,
    Technique, TechniqueId,
};

pub use agreement::{Agreed, check_agreement, verify};
pub use forecast::{Forecast, LayerForecast, Sides, inference_receivers};
pub use inference::{Inference, InferenceError};
pub use ports::{Computed, Parties};
pub use program::{InferenceProgram, check_terms};
pub use proof::{InferenceProof, RunProof};
pub use result::{InferenceResult, ResultError, ResultTensor};
pub use told::Told;

/// One inference as a technique. Its registry is made for the job: a plan depends on the program.
pub struct Mpc {
    /// What is computed.
    pub program: InferenceProgram,
    /// What it takes.
    pub forecast: Forecast,
    /// The other machines, and this one's secrets.
    pub parties: Arc<dyn Parties>,
}

/// Who takes which seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seating {
    /// Brings the input.
    pub data_owner: PartyId,
    /// Brings the weights.
    pub model_owner: PartyId,
    /// Brings randomness.
    pub dealer: PartyId,
}

impl Seating {
    /// The seating of a job.
    ///
    /// # Errors
    /// [`Refusal::WrongItems`] unless there is one item, [`Refusal::SeatEmpty`], [`Refusal::SeatUnneeded`],
    /// [`Refusal::SeatsOfOneParty`].
    pub fn of(spec: &JobSpec, roster: &Roster) -> Result<Self, Refusal> {
        let [item] = spec.items.as_slice() else {
            return Err(Refusal::WrongItems { expected: 1, found: spec.items.len() });
        };
        let nobody = PartyId::from_bytes([0; 16]);
        let sitting = |seat| roster.places().find(|(one, _)| *one == seat).map_or(nobody, |(_, party)| party);
        let seating = Self {
            data_owner: sitting(Seat::DataOwner),
            model_owner: item.owner,
            dealer: sitting(Seat::Dealer),
        };
        let places = seating.places();
        roster.require_exactly(&places)?;
        for (place, (seat, party)) in places.iter().enumerate() {
            if let Some((other, _)) = places[..place].iter().find(|(_, known)| known == party) {
                return Err(Refusal::SeatsOfOneParty { party: *party, seat: *seat, other: *other });
            }
        }
        Ok(seating)
    }

    /// Seats and parties.
    pub fn places(&self) -> [(Seat, PartyId); 3] {
        [
            (Seat::DataOwner, self.data_owner),
            (Seat::ModelOwner, self.model_owner),
            (Seat::Dealer, self.dealer),
        ]
    }
}

impl Mpc {
    /// The name of the technique.
    pub fn name() -> TechniqueId {
        "mpc".parse().expect("`mpc` keeps to the rules of names")
    }

    fn check(&self, spec: &JobSpec, roster: &Roster) -> Result<Seating, Refusal> {
        spec.check_shape()?;
        let technique = Self::name();
        if spec.technique != technique {
            return Err(Refusal::UnknownTechnique { technique: spec.technique.clone() });
        }
        if spec.program != self.program.digest() {
            return Err(Refusal::UnknownProgram { technique });
        }
        if spec.power != Power::Compute {
            return Err(Refusal::WrongPower { technique, power: spec.power });
        }
        let seating = Seating::of(spec, roster)?;
        let takes_part = |party: &PartyId| [seating.data_owner, seating.model_owner].contains(party);
        match spec.receivers.iter().find(|receiver| !takes_part(receiver)) {
            Some(&party) => Err(Refusal::NotSeated { seat: Seat::DataOwner, party }),
            None => Ok(seating),
        }
    }

    fn movements(&self, spec: &JobSpec, seating: &Seating) -> Vec<Movement> {
        let (model, data, dealer) = (seating.model_owner, seating.data_owner, seating.dealer);
        let Forecast { dealt, sent, input_bytes, output_bytes, .. } = &self.forecast;
        // Shares of the output are sent by whoever does not receive it, or by both.
        let told = |party| if spec.receivers.contains(&party) { *output_bytes } else { 0 };
        let from_data = sent.data_owner.saturating_sub(input_bytes.saturating_add(told(model)));
        let from_model = sent.model_owner.saturating_sub(told(data));
        let moved = |what, from, to, form, bytes| Movement {
            what,
            from: Machine::Party(from),
            to: Machine::Party(to),
            form,
            bytes,
        };
        let mut movements = vec![
            moved(Fact::Correlations, dealer, model, Form::Sealed, dealt.model_owner),
            moved(Fact::Correlations, dealer, data, Form::Sealed, dealt.data_owner),
            moved(Fact::Input, data, model, Form::Shared, *input_bytes),
            moved(Fact::Intermediate, data, model, Form::Shared, from_data),
            moved(Fact::Intermediate, model, data, Form::Shared, from_model),
            moved(Fact::ParameterCommitment, model, data, Form::Clear, COMMITMENT_BYTES),
        ];
        movements.extend(spec.receivers.iter().map(|receiver| {
            let from = if *receiver == data { model } else { data };
            moved(Fact::Result, from, *receiver, Form::Shared, *output_bytes)
        }));
        movements
    }
}

const COMMITMENT_BYTES: u64 = 32;

fn disclosures(spec: &JobSpec, seating: &Seating) -> Vec<Disclosure> {
    let used = Fact::Use(spec.items[0].item);
    let mut found = Vec::new();
    for (_, party) in seating.places() {
        let learner = Machine::Party(party);
        found.extend([Fact::Program, Fact::Arithmetic, used].map(|fact| Disclosure { learner, fact }));
    }
    let data_owner = Machine::Party(seating.data_owner);
    found.push(Disclosure { learner: data_owner, fact: Fact::ParameterCommitment });
    let told = |receiver: &PartyId| Disclosure { learner: Machine::Party(*receiver), fact: Fact::Result };
    found.extend(spec.receivers.iter().map(told));
    found
}

#[async_trait]
impl Technique for Mpc {
    fn id(&self) -> TechniqueId {
        Self::name()
    }

    fn plan(&self, spec: &JobSpec, roster: &Roster) -> Result<Plan, Refusal> {
        let seating = self.check(spec, roster)?;
        let movements = self.movements(spec, &seating);
        let bytes = movements.iter().fold(0u64, |sum, one| sum.saturating_add(one.bytes));
        let Forecast { rounds, compute_millis, .. } = self.forecast;
        Ok(Plan {
            job: spec.job,
            spec: spec.digest(),
            seats: roster.assignments(),
            movements,
            disclosures: disclosures(spec, &seating).into_iter().collect(),
            cost: Cost { bytes, rounds, compute_millis },
            spending: Spending { releases: spec.receivers.len() as u32, epsilon_millionths: None },
        })
    }

    /// At the dealer's seat, hands out a bundle; at the others', computes, and puts the result where this party is a
    /// receiver. Nobody puts a result for somebody else: what each gets comes out at its own machine.
    async fn run(&self, running: Running, ports: Ports<'_>) -> Result<(Outcome, Evidence), Failure> {
        let (mut outcome, mut findings) = (Outcome::default(), Findings::default());
        let (bundle, run) = match running.seat() {
            Seat::Dealer => (self.parties.hand_out(&running).await?, None),
            _ => {
                let computed = self.parties.compute(&running).await?;
                let run = RunProof { weights: computed.weights, transcript: computed.transcript };
                if running.spec().receivers.contains(&running.party()) {
                    let outputs = computed.outputs.ok_or_else(|| kept_back(&running))?;
                    let result = InferenceResult::new(outputs, ports.salts.make_salt());
                    outcome.outputs.push(put(&running, &result, ports).await?);
                }
                (computed.bundle, Some(run))
            }
        };
        findings.outputs = outcome.outputs.clone();
        findings.proof =
            InferenceProof { architecture: self.program.architecture, bundle: bundle.0, run }.to_bytes();
        let evidence = running.testify(findings, ports.clock.now());
        Ok((outcome, evidence))
    }

    fn verify(&self, evidence: &Verified<Evidence>, spec: &JobSpec) -> Result<Attested, EvidenceError> {
        verify(&self.program, evidence, spec)
    }
}

/// The other of the two who compute is to blame.
fn kept_back(running: &Running) -> Failure {
    let other = if running.seat() == Seat::ModelOwner { Seat::DataOwner } else { Seat::ModelOwner };
    let party = running.roster().places().find(|(seat, _)| *seat == other);
    let party = party.map_or(running.party(), |(_, party)| party);
    Failure::Peer { party, detail: "it kept its share of the output back".to_owned() }
}

/// Puts this party's own result. Its digest says nothing of it: the bytes begin with a salt that only receivers have.
async fn put(running: &Running, result: &InferenceResult, ports: Ports<'_>) -> Result<OutputDigest, Failure> {
    let (job, receiver, bytes) = (running.spec().job, running.party(), result.to_bytes());
    let item = ResultItem { job, ordinal: 0, receiver, derived_from: None };
    let mut writer = ports.sink.create(&item).await?;
    writer.write(&bytes).await?;
    writer.commit().await?;
    Ok(OutputDigest { receiver, derived_from: None, digest: Digest::of(&bytes), size: bytes.len() as u64 })
}
