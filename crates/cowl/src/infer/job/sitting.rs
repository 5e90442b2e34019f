//! One of the two who compute, from its consent to the dossier.

use std::sync::{Arc, mpsc};
use std::thread;

use cowl_crypto::digest::Digest;
use cowl_domain::{Signed, Verified};
use cowl_job::{ConsentStatement, Evidence, Failure, Plan, Seat, Settled, Unsettled};
use cowl_mpc::technique::{Computed, InferenceResult, check_agreement};
use minicbor::{Decode, Encode};
use tokio::sync::oneshot;

use super::handing::Handed;
use super::{Job, Kept, Notary, Offer, disagree, now, signed_consent};
use crate::infer::engine::Outcome;
use crate::infer::error::InferError;
use crate::infer::keys::Keys;
use crate::infer::peer::Link;
use crate::models::dossier::Dossier;

/// What each of the two says of a run behind it: [`Evidence`], signed.
#[derive(Encode, Decode)]
struct Testimony(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>);

/// One of the two at the table.
pub(crate) struct Sitting<'a> {
    pub(crate) job: Job,
    pub(crate) keys: &'a dyn Keys,
    pub(crate) notary: &'a dyn Notary,
    pub(crate) seat: Seat,
    /// Digest of the model owner's signed weight commitment.
    pub(crate) weights: Digest,
}

/// A job that has come to its end here; what the other says of it is to be heard.
pub(crate) struct Testified {
    plan: Plan,
    consents: Vec<Signed<ConsentStatement>>,
    settled: Settled,
    result: Option<InferenceResult>,
}

impl Sitting<'_> {
    /// This party's consent, if the grants cover the job now.
    ///
    /// # Errors
    /// [`InferError::Job`] says what is in the way.
    pub(crate) fn consent(&self) -> Result<Offer, InferError> {
        let check = self.notary.check(self.job.spec())?;
        self.job.consent(check, &self.keys.participant(self.seat), CONSENT_SECONDS)
    }

    /// Verifies the others' consents, records all of them, has `work` compute on this thread, and signs evidence.
    ///
    /// # Errors
    /// [`InferError::Job`] before `work` is called; its own error; [`InferError::Unsettled`].
    pub(crate) fn settle(
        &self,
        offer: Offer,
        others: [&[u8]; 2],
        work: impl FnOnce() -> Result<Outcome, InferError>,
    ) -> Result<(Outcome, Testified), InferError> {
        let Offer { planned, own } = offer;
        let others = [signed_consent(others[0])?, signed_consent(others[1])?];
        let consents = [std::slice::from_ref(own.signed()), &others].concat();
        let plan = planned.plan().clone();
        let consented = planned.consented(own, &others, now())?;
        let sink = Kept::default();
        let (begin, begun) = mpsc::channel();
        let (answer, answered) = oneshot::channel();
        let registry = self.job.registry(Arc::new(Handed::new(begin, answered)));
        let (notary, participant, to) = (self.notary, self.keys.participant(self.seat), &sink);
        let (worked, settled) = thread::scope(|scope| {
            // What waits for the start hears of a refusal by the registry's end.
            let desk = scope.spawn(move || notary.settle(&registry, consented, &participant, to));
            let worked = begun.recv().is_ok().then(work);
            if let Some(worked) = &worked {
                let _ = answer.send(self.computed(worked.as_ref()));
            }
            (worked, desk.join())
        });
        let settled =
            settled.map_err(|_| InferError::Unsettled("the job's thread has stopped".to_owned()))?;
        let (outcome, settled) = match (worked, settled) {
            (Some(Err(error)), _) => return Err(error),
            (Some(Ok(outcome)), Ok(settled)) => (outcome, settled),
            (_, Err(Unsettled::Refused(refusal))) => return Err(refusal.into()),
            (_, Err(error)) => return Err(InferError::Unsettled(error.to_string())),
            (None, Ok(_)) => return Err(InferError::Unsettled("nothing was computed".to_owned())),
        };
        let result = sink.take().map(|bytes| InferenceResult::from_bytes(&bytes)).transpose();
        let result = result.map_err(|error| InferError::Unsettled(error.to_string()))?;
        Ok((outcome, Testified { plan, consents, settled, result }))
    }

    fn computed(&self, worked: Result<&Outcome, &InferError>) -> Result<Computed, Failure> {
        let outcome = worked.map_err(|error| Failure::Declined { words: error.to_string() })?;
        Ok(Computed {
            bundle: outcome.bundle,
            weights: self.weights,
            transcript: outcome.transcript,
            outputs: outcome.results.clone(),
        })
    }

    /// Exchanges evidence with the other, checks that both say the same, and keeps the dossier.
    ///
    /// # Errors
    /// [`InferError::Evidence`] when the two do not agree; those of the connection and of the disk.
    pub(crate) fn prove(&self, link: &mut Link, testified: Testified) -> Result<(), InferError> {
        let Testified { plan, consents, settled, result } = testified;
        link.say(&Testimony(settled.evidence.to_bytes()))?;
        let Testimony(theirs) = link.hear("evidence of a run")?;
        let theirs = Signed::<Evidence>::from_bytes(&theirs).map_err(|error| unproven(&error))?;
        let evidence = vec![settled.evidence, theirs];
        self.check(&consents, &evidence)?;
        let (spec, program) = (self.job.spec.clone(), self.job.program.clone());
        self.notary.keep(&Dossier { spec, plan, program, consents, evidence, result })
    }

    fn check(
        &self,
        consents: &[Signed<ConsentStatement>],
        evidence: &[Signed<Evidence>],
    ) -> Result<(), InferError> {
        let consents = consents.iter().map(|one| self.verified(one)).collect::<Result<Vec<_>, _>>()?;
        let evidence = evidence.iter().map(|one| self.verified(one)).collect::<Result<Vec<_>, _>>()?;
        let agreed = check_agreement(&self.job.program, &self.job.spec, &evidence);
        let agreed = agreed.map_err(|error| unproven(&error))?;
        if agreed.proof.bundle != *self.job.spec.job.as_bytes() {
            return Err(unproven(&"its bundle was dealt for another job"));
        }
        agreed
            .attested
            .iter()
            .try_for_each(|attested| attested.check_consents(&consents).map_err(|error| unproven(&error)))
    }

    fn verified<T: cowl_domain::Statement>(&self, signed: &Signed<T>) -> Result<Verified<T>, InferError> {
        let keys = self.job.keys(signed.signer());
        Ok(signed.verify(keys.ok_or_else(|| disagree("a statement is of somebody else"))?)?)
    }
}

fn unproven(why: &dyn std::fmt::Display) -> InferError {
    InferError::Evidence(why.to_string())
}

/// How long a consent is good that is given for a run that begins at once.
const CONSENT_SECONDS: u64 = 600;
