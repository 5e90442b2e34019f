//! What proves an inference, as each party's device keeps it: the job, all consents, the evidence of all seats, and the
//! party's own result.

use cowl_crypto::digest::Digest;
use cowl_domain::{JobId, Signed, Verified, wire};
use cowl_job::{ConsentStatement, Evidence, JobSpec, Plan};
use cowl_mpc::technique::{Agreed, InferenceProgram, InferenceResult, check_agreement};
use cowl_vault::{Vault, VaultError};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::failure::{Failure, Result};

/// Everything that there is of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dossier {
    /// What was asked for.
    pub(crate) spec: JobSpec,
    /// What was consented to.
    pub(crate) plan: Plan,
    /// What was computed.
    pub(crate) program: InferenceProgram,
    /// The consents of all seats.
    pub(crate) consents: Vec<Signed<ConsentStatement>>,
    /// What the seats say of the run: model owner and data owner, and the dealer where it did.
    pub(crate) evidence: Vec<Signed<Evidence>>,
    /// The caller's own result, where it is a receiver.
    pub(crate) result: Option<InferenceResult>,
}

#[derive(Encode, Decode)]
struct Form {
    #[n(0)]
    spec: ByteVec,
    #[n(1)]
    plan: ByteVec,
    #[n(2)]
    program: ByteVec,
    #[n(3)]
    consents: Vec<ByteVec>,
    #[n(4)]
    evidence: Vec<ByteVec>,
    #[n(5)]
    result: Option<ByteVec>,
}

/// A run whose evidence holds.
pub(crate) struct ProvenRun {
    pub(crate) agreed: Agreed,
    pub(crate) evidence: Vec<Verified<Evidence>>,
    pub(crate) consents: Vec<Verified<ConsentStatement>>,
    /// Whether the caller has a result, and it is the one that its own evidence names.
    pub(crate) result: bool,
}

impl Dossier {
    /// The bytes that are kept.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        wire::encode(&Form {
            spec: self.spec.to_bytes().into(),
            plan: self.plan.to_bytes().into(),
            program: self.program.to_bytes().into(),
            consents: self.consents.iter().map(|one| one.to_bytes().into()).collect(),
            evidence: self.evidence.iter().map(|one| one.to_bytes().into()).collect(),
            result: self.result.as_ref().map(|result| result.to_bytes().into()),
        })
    }

    /// Reads what was kept.
    ///
    /// # Errors
    /// Says what does not hold together.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let form: Form = wire::decode("dossier of an inference", bytes).map_err(|error| damaged(&error))?;
        Ok(Self {
            spec: JobSpec::from_bytes(&form.spec).map_err(|error| damaged(&error))?,
            plan: Plan::from_bytes(&form.plan).map_err(|error| damaged(&error))?,
            program: InferenceProgram::from_bytes(&form.program).map_err(|error| damaged(&error))?,
            consents: statements(&form.consents)?,
            evidence: statements(&form.evidence)?,
            result: form
                .result
                .map(|bytes| InferenceResult::from_bytes(&bytes).map_err(|error| damaged(&error)))
                .transpose()?,
        })
    }

    /// Checks everything: who signed, that all consented to this plan of this job, that both who computed say the same,
    /// and that the caller's result is the one that its evidence names.
    ///
    /// # Errors
    /// Says what does not hold.
    pub(crate) async fn verify(&self, vault: &Vault) -> Result<ProvenRun> {
        let (mut consents, mut evidence) = (Vec::new(), Vec::new());
        for signed in &self.consents {
            consents.push(vault.verify_statement(signed).await.map_err(|error| unsound(&error))?);
        }
        for signed in &self.evidence {
            evidence.push(vault.verify_statement(signed).await.map_err(|error| unsound(&error))?);
        }
        self.check_consents(&consents)?;
        let agreed =
            check_agreement(&self.program, &self.spec, &evidence).map_err(|error| unsound(&error))?;
        for attested in &agreed.attested {
            attested.check_consents(&consents).map_err(|error| unsound(&error))?;
        }
        if evidence.iter().any(|one| one.plan != self.plan.digest()) {
            return Err(unsound(&"it is of another plan"));
        }
        if agreed.proof.bundle != *self.spec.job.as_bytes() {
            return Err(unsound(&"its bundle was dealt for another job"));
        }
        let result = self.check_result(vault, &agreed)?;
        Ok(ProvenRun { agreed, evidence, consents, result })
    }

    fn check_consents(&self, consents: &[Verified<ConsentStatement>]) -> Result<()> {
        let (job, spec, plan) = (self.spec.job, self.spec.digest(), self.plan.digest());
        let fits = |one: &Verified<ConsentStatement>| {
            one.party == one.signer()
                && (one.job, one.spec, one.plan) == (job, spec, plan)
                && one.peers == self.plan.seats
        };
        let given = |seat: &cowl_job::Assignment| {
            consents.iter().any(|one| (one.seat, one.party) == (seat.seat, seat.party))
        };
        if self.plan.job != job || self.plan.spec != spec || !consents.iter().all(fits) {
            return Err(unsound(&"a consent is to something else"));
        }
        match self.plan.seats.iter().find(|seat| !given(seat)) {
            Some(seat) => Err(unsound(&format!("the {} has not consented", seat.seat))),
            None => Ok(()),
        }
    }

    fn check_result(&self, vault: &Vault, agreed: &Agreed) -> Result<bool> {
        let Some(result) = &self.result else { return Ok(false) };
        let (bytes, me) = (result.to_bytes(), vault.party_id());
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        let named = agreed
            .outputs
            .iter()
            .any(|output| (output.receiver, output.digest, output.size) == (me, digest, size));
        if named { Ok(true) } else { Err(unsound(&"your result is not the one that it names")) }
    }
}

/// The dossier of a job, by its identifier or the beginning of it; `None` where this device has kept none.
///
/// # Errors
/// When more than one fits, or it does not open.
pub(crate) fn find(vault: &Vault, text: &str) -> Result<Option<Dossier>> {
    let jobs = vault.dossiers()?;
    let fits = |job: &&JobId| text.len() >= SHORTEST && job.to_string().starts_with(text);
    let mut found = jobs.iter().filter(fits);
    let (Some(job), None) = (found.next(), found.next()) else {
        return match jobs.iter().filter(fits).count() {
            0 => Ok(None),
            many => Err(Failure::usage(format!("'{text}' fits {many} runs; give more of the identifier"))),
        };
    };
    let bytes = vault.dossier(job).map_err(|error| match error {
        VaultError::Invalid(_) => damaged(&"it is not what was written"),
        other => other.into(),
    })?;
    let bytes = bytes.ok_or_else(|| VaultError::NotFound { what: "job", name: job.to_string() })?;
    Dossier::from_bytes(&bytes).map(Some)
}

fn statements<T: cowl_domain::Statement>(forms: &[ByteVec]) -> Result<Vec<Signed<T>>> {
    forms.iter().map(|bytes| Signed::from_bytes(bytes).map_err(|error| damaged(&error))).collect()
}

fn damaged(error: &dyn std::fmt::Display) -> Failure {
    Failure::no(format!("what was kept of this run is damaged: {error}"))
}

fn unsound(what: &dyn std::fmt::Display) -> Failure {
    Failure::no(format!("the evidence does not hold: {what}"))
        .with_hint("believe nothing of its result; run it again, and tell the other party")
}

/// Letters of an identifier that may stand for the whole.
const SHORTEST: usize = 4;
