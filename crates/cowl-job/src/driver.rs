//! Takes a job from consent to its end at one seat.

use cowl_domain::Signed;

use crate::consent::Participant;
use crate::evidence::{Attested, Evidence, EvidenceError};
use crate::ports::{ConsentLedger, Ports};
use crate::refusal::Refusal;
use crate::seat::Roster;
use crate::spec::JobSpec;
use crate::state::{Consented, Failed, Failure, Settled};
use crate::technique::{Registry, Technique};

/// Why a job gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsettled {
    /// It was not begun.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It was begun and came to no end.
    #[error(transparent)]
    Failed(#[from] Failed),
}

/// Runs jobs: records their consents, has the technique do its work, checks and signs the evidence.
#[derive(Clone, Copy)]
pub struct Driver<'a> {
    /// The techniques.
    pub registry: &'a Registry,
    /// Where used consents are remembered.
    pub ledger: &'a dyn ConsentLedger,
    /// The rest of the world.
    pub ports: Ports<'a>,
}

impl Driver<'_> {
    /// Runs this seat's part of a job.
    ///
    /// # Errors
    /// [`Unsettled::Refused`] before the first byte, [`Unsettled::Failed`] after it.
    pub async fn run(
        &self,
        consented: Consented,
        participant: &Participant<'_>,
    ) -> Result<Settled, Unsettled> {
        consented.check_participant(participant)?;
        let technique = self.registry.get(&consented.spec().technique)?;
        let (spec, roster) = (consented.spec().clone(), consented.roster().clone());
        let running = consented.start(self.ledger, self.ports.clock.now()).await?;
        let failed = |cause| Failed { job: spec.job, cause };
        let (outcome, evidence) = technique.run(running, self.ports).await.map_err(failed)?;
        let (evidence, attested) = sign(technique, &evidence, &spec, &roster, participant)
            .map_err(|error| failed(Failure::Evidence(error)))?;
        Ok(Settled { outcome, evidence, attested })
    }
}

/// Signs the evidence, and checks it as anybody else would.
fn sign(
    technique: &dyn Technique,
    evidence: &Evidence,
    spec: &JobSpec,
    roster: &Roster,
    participant: &Participant<'_>,
) -> Result<(Signed<Evidence>, Attested), EvidenceError> {
    let signed = Signed::sign(evidence, participant.party, participant.key_version, participant.signing);
    let keys = roster.keys(participant.seat, participant.party).expect("the participant's seat was checked");
    let attested = technique.verify(&signed.verify(keys)?, spec)?;
    Ok((signed, attested))
}
