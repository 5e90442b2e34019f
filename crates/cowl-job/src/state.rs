//! The states of a job. Each is reached only from the one before, which it consumes.

use cowl_crypto::digest::Digest;
use cowl_domain::{ItemId, JobId, PartyId, Signed, Timestamp, Verified};

use crate::consent::{self, Consent, ConsentStatement, Participant};
use crate::evidence::{Attested, Evidence, EvidenceError, OutputDigest};
use crate::grants::GrantedItem;
use crate::plan::Plan;
use crate::ports::{ConsentLedger, ConsentUse, LedgerError, PortError};
use crate::refusal::Refusal;
use crate::seat::{Roster, Seat};
use crate::spec::JobSpec;

/// A job with its plan, for people to look at. [`crate::Registry::plan`] makes it.
#[derive(Debug, Clone)]
pub struct Planned {
    spec: JobSpec,
    roster: Roster,
    plan: Plan,
}

impl Planned {
    /// Binds the plan to what it was made of.
    pub(crate) fn new(spec: JobSpec, roster: Roster, plan: Plan) -> Result<Self, Refusal> {
        let fits = plan.job == spec.job && plan.spec == spec.digest() && plan.seats == roster.assignments();
        if fits {
            Ok(Self { spec, roster, plan })
        } else {
            Err(Refusal::ForeignPlan { technique: spec.technique })
        }
    }

    /// What was asked for.
    pub fn spec(&self) -> &JobSpec {
        &self.spec
    }

    /// Who takes part.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// What will happen.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Takes one's own consent and those of the others. Each seat must have consented, once, to just this.
    ///
    /// # Errors
    /// A [`Refusal`] that names the party and what its consent lacks.
    pub fn consented(
        self,
        own: Consent,
        others: &[Signed<ConsentStatement>],
        now: Timestamp,
    ) -> Result<Consented, Refusal> {
        let mut consents = Vec::with_capacity(others.len() + 1);
        for signed in std::iter::once(&own.signed).chain(others) {
            let verified = consent::verify(&self, signed, now)?;
            let (seat, party) = (verified.seat, verified.party);
            if consents.iter().any(|(_, one): &Recorded| (one.seat, one.party) == (seat, party)) {
                return Err(Refusal::ConsentTwice { seat, party });
            }
            consents.push((signed.clone(), verified));
        }
        let given = |place| consents.iter().any(|(_, one)| (one.seat, one.party) == place);
        if let Some((seat, party)) = self.roster.places().find(|place| !given(*place)) {
            return Err(Refusal::ConsentMissing { seat, party });
        }
        Ok(Consented { planned: self, own, consents })
    }
}

type Recorded = (Signed<ConsentStatement>, Verified<ConsentStatement>);

/// A job to which every seat has consented. [`Planned::consented`] makes it.
#[derive(Debug)]
pub struct Consented {
    planned: Planned,
    own: Consent,
    consents: Vec<Recorded>,
}

impl Consented {
    /// What was asked for.
    pub fn spec(&self) -> &JobSpec {
        &self.planned.spec
    }

    /// Who takes part.
    pub fn roster(&self) -> &Roster {
        &self.planned.roster
    }

    /// That `participant` is the one whose own consent is in here, with the key that the roster names.
    pub(crate) fn check_participant(&self, participant: &Participant<'_>) -> Result<(), Refusal> {
        let (seat, party) = (participant.seat, participant.party);
        if (seat, party) != (self.own.statement.seat, self.own.statement.party) {
            return Err(Refusal::NotSeated { seat, party });
        }
        participant.check_seat(self.roster())
    }

    /// Uses the consents up, durably, and begins.
    ///
    /// # Errors
    /// [`Refusal::ConsentExpired`], [`Refusal::ConsentUsed`] or [`Refusal::LedgerUnavailable`]; the consents
    /// are gone in any case.
    pub async fn start(self, ledger: &dyn ConsentLedger, now: Timestamp) -> Result<Running, Refusal> {
        for (_, consent) in &self.consents {
            consent::check_expiry(consent, now)?;
        }
        let uses: Vec<_> =
            self.consents.iter().map(|(signed, consent)| ConsentUse::new(signed, consent)).collect();
        ledger.record(&uses).await.map_err(refused)?;
        Ok(Running {
            seat: self.own.statement.seat,
            party: self.own.statement.party,
            granted: self.own.granted,
            consents: self.consents.into_iter().map(|(_, consent)| consent).collect(),
            planned: self.planned,
        })
    }
}

fn refused(error: LedgerError) -> Refusal {
    match error {
        LedgerError::AlreadyUsed { seat, party } => Refusal::ConsentUsed { seat, party },
        LedgerError::Unavailable { detail } => Refusal::LedgerUnavailable { detail },
    }
}

/// A job under way at one seat. Only [`Consented::start`] makes one, and only this can be run.
///
/// ```compile_fail,E0451
/// use cowl_domain::PartyId;
/// use cowl_job::{Planned, Running, Seat};
///
/// fn forge(planned: Planned, seat: Seat, party: PartyId) -> Running {
///     Running { planned, consents: Vec::new(), granted: Vec::new(), seat, party }
/// }
/// ```
#[derive(Debug)]
pub struct Running {
    planned: Planned,
    consents: Vec<Verified<ConsentStatement>>,
    granted: Vec<GrantedItem>,
    seat: Seat,
    party: PartyId,
}

impl Running {
    /// What was asked for.
    pub fn spec(&self) -> &JobSpec {
        &self.planned.spec
    }

    /// What was consented to.
    pub fn plan(&self) -> &Plan {
        &self.planned.plan
    }

    /// Who takes part.
    pub fn roster(&self) -> &Roster {
        &self.planned.roster
    }

    /// The seat that this machine takes.
    pub fn seat(&self) -> Seat {
        self.seat
    }

    /// Who takes it.
    pub fn party(&self) -> PartyId {
        self.party
    }

    /// The consents of all seats.
    pub fn consents(&self) -> &[Verified<ConsentStatement>] {
        &self.consents
    }

    /// The items that are granted to `receiver`, in the order of the specification.
    pub fn granted_to(&self, receiver: PartyId) -> impl Iterator<Item = &GrantedItem> {
        self.granted.iter().filter(move |granted| granted.receiver() == receiver)
    }
}

/// What opens an input commitment of the evidence. Stays with the seat that made it, for a dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The item.
    pub item: ItemId,
    /// Digest of its content.
    pub content: Digest,
    /// The salt.
    pub salt: [u8; 32],
}

/// What a job gave at one seat. It may speak of contents and stays there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// What went into the sink.
    pub outputs: Vec<OutputDigest>,
    /// What opens the commitments to the inputs.
    pub openings: Vec<Opening>,
}

/// A job that came to its end at one seat.
#[derive(Debug)]
pub struct Settled {
    /// What it gave.
    pub outcome: Outcome,
    /// What proves it, signed by this seat.
    pub evidence: Signed<Evidence>,
    /// That the technique accepts the evidence.
    pub attested: Attested,
}

/// A job that was begun and came to no end. It cannot be taken up again: plan it anew, under another
/// identifier and with fresh consents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("job {job} failed: {cause}")]
pub struct Failed {
    /// The job.
    pub job: JobId,
    /// Why.
    pub cause: Failure,
}

/// Why a job came to no end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// An item could not be read, or a result not put.
    #[error(transparent)]
    Port(#[from] PortError),
    /// A peer did not keep to the protocol.
    #[error("party {party} did not keep to the protocol: {detail}")]
    Peer {
        /// The peer.
        party: PartyId,
        /// What it did.
        detail: String,
    },
    /// This seat does not do what is asked: its own rules are against it.
    #[error("{words}")]
    Declined {
        /// Why, and what it would do; for the asker.
        words: String,
    },
    /// The technique's own evidence does not hold.
    #[error("the evidence does not hold: {0}")]
    Evidence(#[from] EvidenceError),
}
