//! Evidence: what a seat says about a job that it ran, and the check that it is about that job.

use std::collections::BTreeSet;

use cowl_crypto::digest::Digest;
use cowl_domain::wire::{self, Statement};
use cowl_domain::{ItemId, JobId, PartyId, StatementError, Timestamp, Verified};
use minicbor::{Decode, Encode};

use crate::seat::Seat;
use crate::spec::{JobSpec, TechniqueId};
use crate::state::Running;

/// One of the consents under which a job ran.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ConsentRef {
    /// The seat.
    #[n(0)]
    pub seat: Seat,
    /// Who consented.
    #[n(1)]
    pub party: PartyId,
    /// Digest of the signed consent.
    #[cbor(n(2), with = "wire::fixed")]
    pub consent: Digest,
}

/// A salted digest of an input: fixes the content without saying anything of it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct InputCommitment {
    /// The item.
    #[n(0)]
    pub item: ItemId,
    /// [`commit_input`] of its content.
    #[cbor(n(1), with = "wire::fixed")]
    pub commitment: Digest,
}

/// One output.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct OutputDigest {
    /// Who gets it.
    #[n(0)]
    pub receiver: PartyId,
    /// The item of which it is a copy or a work-up; `None` where it is made of several.
    #[n(1)]
    pub derived_from: Option<ItemId>,
    /// BLAKE3 of its bytes.
    #[cbor(n(2), with = "wire::fixed")]
    pub digest: Digest,
    /// Its bytes.
    #[n(3)]
    pub size: u64,
}

/// The commitment to a content with this digest. The salt is random and stays with the seat.
pub fn commit_input(content: &Digest, salt: &[u8; 32]) -> Digest {
    Digest::derive("cowl/job-input/v1", &[salt.as_slice(), content.as_bytes()].concat())
}

/// What a seat says about a job that it ran.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Evidence {
    /// The job.
    #[n(0)]
    pub job: JobId,
    /// [`JobSpec::digest`].
    #[cbor(n(1), with = "wire::fixed")]
    pub spec: Digest,
    /// [`crate::Plan::digest`].
    #[cbor(n(2), with = "wire::fixed")]
    pub plan: Digest,
    /// How it was computed.
    #[n(3)]
    pub technique: TechniqueId,
    /// What was computed.
    #[cbor(n(4), with = "wire::fixed")]
    pub program: Digest,
    /// The seat that says so.
    #[n(5)]
    pub seat: Seat,
    /// Who takes it; signs the evidence.
    #[n(6)]
    pub party: PartyId,
    /// The consents of all seats.
    #[n(7)]
    pub consents: Vec<ConsentRef>,
    /// The inputs that this seat saw.
    #[n(8)]
    pub inputs: Vec<InputCommitment>,
    /// The outputs that this seat put somewhere.
    #[n(9)]
    pub outputs: Vec<OutputDigest>,
    /// What the technique adds: an attestation, the digest of a transcript.
    #[cbor(n(10), with = "minicbor::bytes")]
    pub proof: Vec<u8>,
    /// When it was done.
    #[n(11)]
    pub settled_at: Timestamp,
}

impl Statement for Evidence {
    const CONTEXT: &'static str = "cowl/evidence/v1";
    const NAME: &'static str = "evidence";
}

/// What a technique found while it ran; [`Running::testify`] makes evidence of it.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// The inputs that this seat saw.
    pub inputs: Vec<InputCommitment>,
    /// The outputs that this seat put somewhere.
    pub outputs: Vec<OutputDigest>,
    /// What the technique adds.
    pub proof: Vec<u8>,
}

impl Running {
    /// Evidence of this run: job, consents and program come from the run itself.
    pub fn testify(&self, findings: Findings, settled_at: Timestamp) -> Evidence {
        let spec = self.spec();
        let named = |consent: &Verified<crate::ConsentStatement>| ConsentRef {
            seat: consent.seat,
            party: consent.party,
            consent: consent.digest(),
        };
        Evidence {
            job: spec.job,
            spec: spec.digest(),
            plan: self.plan().digest(),
            technique: spec.technique.clone(),
            program: spec.program,
            seat: self.seat(),
            party: self.party(),
            consents: self.consents().iter().map(named).collect(),
            inputs: findings.inputs,
            outputs: findings.outputs,
            proof: findings.proof,
            settled_at,
        }
    }
}

/// Why evidence proves nothing about a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// It is not soundly signed.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// It names another signer than signed it.
    #[error("evidence of party {party} is signed by {signer}")]
    WrongSigner {
        /// Who is named.
        party: PartyId,
        /// Who signed.
        signer: PartyId,
    },
    /// It is about another job.
    #[error("the evidence is of job {found}, not of {expected}")]
    AnotherJob {
        /// The job at hand.
        expected: JobId,
        /// The job that it names.
        found: JobId,
    },
    /// It names the job, but another specification, technique or program.
    #[error("the evidence names another {what} than job {job} has")]
    AnotherSpecification {
        /// The job.
        job: JobId,
        /// What differs.
        what: &'static str,
    },
    /// It names no consent, or one twice, or not those at hand.
    #[error("the evidence does not name the consents of job {job}")]
    Consents {
        /// The job.
        job: JobId,
    },
    /// It names an item that is none of the job's, or one twice.
    #[error("the evidence names an input that job {job} does not have, or one twice: {item}")]
    ForeignInput {
        /// The job.
        job: JobId,
        /// The item.
        item: ItemId,
    },
    /// It names an output to somebody who is no receiver of the job.
    #[error("the evidence names an output to {receiver}, who is no receiver of job {job}")]
    ForeignOutput {
        /// The job.
        job: JobId,
        /// Who would have got it.
        receiver: PartyId,
    },
    /// What the technique demands beyond that is not there.
    #[error("the evidence of technique {technique} is not complete: {detail}")]
    Incomplete {
        /// The technique.
        technique: TechniqueId,
        /// What is missing.
        detail: &'static str,
    },
}

/// On what the worth of a piece of evidence rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Assurance {
    /// On the word of the party that signed it.
    Word,
    /// On the maker of trusted hardware.
    Hardware,
    /// On mathematics.
    Proof,
}

/// That a piece of evidence is about a job and was accepted by its technique. Only [`Attested::of`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    job: JobId,
    evidence: Digest,
    consents: Vec<ConsentRef>,
    assurance: Assurance,
}

impl Attested {
    /// Checks what holds for every technique: who signed, which job, specification and program, that inputs
    /// and outputs are the job's. A technique checks its proof, then calls this.
    ///
    /// # Errors
    /// [`EvidenceError`] says what does not fit.
    pub fn of(
        evidence: &Verified<Evidence>,
        spec: &JobSpec,
        assurance: Assurance,
    ) -> Result<Self, EvidenceError> {
        check_signer(evidence)?;
        check_names(evidence, spec)?;
        check_consents(evidence)?;
        check_inputs(evidence, spec)?;
        check_outputs(evidence, spec)?;
        let (job, consents) = (spec.job, evidence.consents.clone());
        Ok(Self { job, evidence: evidence.digest(), consents, assurance })
    }

    /// The job.
    pub fn job(&self) -> JobId {
        self.job
    }

    /// Digest of the signed evidence.
    pub fn evidence(&self) -> Digest {
        self.evidence
    }

    /// On what it rests.
    pub fn assurance(&self) -> Assurance {
        self.assurance
    }

    /// Checks that the job ran under just these consents.
    ///
    /// # Errors
    /// [`EvidenceError::Consents`].
    pub fn check_consents(
        &self,
        consents: &[Verified<crate::ConsentStatement>],
    ) -> Result<(), EvidenceError> {
        let shown: BTreeSet<_> =
            consents.iter().filter(|one| one.job == self.job).map(Verified::digest).collect();
        let named: BTreeSet<_> = self.consents.iter().map(|one| one.consent).collect();
        if shown == named { Ok(()) } else { Err(EvidenceError::Consents { job: self.job }) }
    }
}

fn check_signer(evidence: &Verified<Evidence>) -> Result<(), EvidenceError> {
    let (party, signer) = (evidence.party, evidence.signer());
    if party == signer { Ok(()) } else { Err(EvidenceError::WrongSigner { party, signer }) }
}

fn check_names(evidence: &Evidence, spec: &JobSpec) -> Result<(), EvidenceError> {
    let job = spec.job;
    if evidence.job != job {
        return Err(EvidenceError::AnotherJob { expected: job, found: evidence.job });
    }
    let differs = [
        ("technique", evidence.technique != spec.technique),
        ("program", evidence.program != spec.program),
        ("specification", evidence.spec != spec.digest()),
    ];
    match differs.iter().find(|(_, differs)| *differs) {
        Some((what, _)) => Err(EvidenceError::AnotherSpecification { job, what }),
        None => Ok(()),
    }
}

fn check_consents(evidence: &Evidence) -> Result<(), EvidenceError> {
    let mut places = BTreeSet::new();
    let unique = evidence.consents.iter().all(|one| places.insert((one.seat, one.party)));
    let own = places.contains(&(evidence.seat, evidence.party));
    if unique && own { Ok(()) } else { Err(EvidenceError::Consents { job: evidence.job }) }
}

fn check_inputs(evidence: &Evidence, spec: &JobSpec) -> Result<(), EvidenceError> {
    let mut left: BTreeSet<_> = spec.items.iter().map(|item| item.item).collect();
    match evidence.inputs.iter().find(|input| !left.remove(&input.item)) {
        Some(input) => Err(EvidenceError::ForeignInput { job: spec.job, item: input.item }),
        None => Ok(()),
    }
}

fn check_outputs(evidence: &Evidence, spec: &JobSpec) -> Result<(), EvidenceError> {
    match evidence.outputs.iter().find(|output| !spec.receivers.contains(&output.receiver)) {
        Some(output) => Err(EvidenceError::ForeignOutput { job: spec.job, receiver: output.receiver }),
        None => Ok(()),
    }
}
