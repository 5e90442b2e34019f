//! Evidence of an inference: what each seat must say, and that the two who computed say the same.

use std::collections::BTreeSet;

use cowl_crypto::digest::Digest;
use cowl_domain::Verified;
use cowl_job::{Assurance, Attested, Evidence, EvidenceError, JobSpec, OutputDigest, Seat};

use super::Mpc;
use super::program::InferenceProgram;
use super::proof::{InferenceProof, RunProof};

/// What both parties have said of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// Which bundle it used, and over which architecture it ran.
    pub proof: InferenceProof,
    /// What both know besides.
    pub run: RunProof,
    /// The digests of the results that receivers have put.
    pub outputs: Vec<OutputDigest>,
    /// That each piece of evidence is about the job, in the order in which it was given.
    pub attested: Vec<Attested>,
}

/// Checks one seat's evidence.
///
/// # Errors
/// [`EvidenceError`] says what does not fit.
pub fn verify(
    program: &InferenceProgram,
    evidence: &Verified<Evidence>,
    spec: &JobSpec,
) -> Result<Attested, EvidenceError> {
    let attested = Attested::of(evidence, spec, Assurance::Word)?;
    if program.digest() != spec.program {
        return incomplete("its program is not the one at hand");
    }
    let proof = read(evidence)?;
    if proof.architecture != program.architecture {
        return incomplete("its proof is of another architecture");
    }
    let owns = spec.items.iter().all(|item| item.owner == evidence.party);
    let seated = match evidence.seat {
        Seat::ModelOwner => owns,
        Seat::DataOwner | Seat::Dealer => !owns,
        _ => false,
    };
    if !seated {
        return incomplete("it is not of a seat that this party can have");
    }
    if proof.run.is_some() == (evidence.seat == Seat::Dealer) {
        return incomplete("a transcript is known to the two who compute, and to nobody else");
    }
    let receives = evidence.seat != Seat::Dealer && spec.receivers.contains(&evidence.party);
    let own = evidence.outputs.iter().all(|output| output.receiver == evidence.party);
    if !own || evidence.outputs.len() != usize::from(receives) {
        return incomplete("each receiver puts one result, for itself");
    }
    Ok(attested)
}

/// Checks that both who computed have signed evidence, that it holds, and that they say the same; a dealer's evidence
/// must name the same bundle.
///
/// # Errors
/// [`EvidenceError`] says what is missing or does not fit.
pub fn check_agreement(
    program: &InferenceProgram,
    spec: &JobSpec,
    evidence: &[Verified<Evidence>],
) -> Result<Agreed, EvidenceError> {
    let attested = evidence.iter().map(|one| verify(program, one, spec)).collect::<Result<Vec<_>, _>>()?;
    let of = |seat| evidence.iter().find(|one| one.seat == seat);
    let (Some(model), Some(data)) = (of(Seat::ModelOwner), of(Seat::DataOwner)) else {
        return incomplete("the evidence of one of the two who computed is missing");
    };
    // Each seat names its own consent first.
    let consents = |one: &Evidence| one.consents.iter().map(|it| it.consent).collect::<BTreeSet<Digest>>();
    if evidence.iter().any(|one| one.plan != model.plan || consents(one) != consents(model)) {
        return incomplete("the seats name other plans or consents");
    }
    let (ours, theirs) = (read(model)?, read(data)?);
    if ours != theirs {
        return incomplete("the two who computed name other weights, bundles or transcripts");
    }
    if let Some(dealer) = of(Seat::Dealer)
        && read(dealer)?.bundle != ours.bundle
    {
        return incomplete("the dealer names another bundle");
    }
    let Some(run) = ours.run.clone() else { return incomplete("it has no transcript") };
    let outputs = evidence.iter().flat_map(|one| one.outputs.iter().cloned()).collect();
    Ok(Agreed { proof: ours, run, outputs, attested })
}

fn read(evidence: &Evidence) -> Result<InferenceProof, EvidenceError> {
    InferenceProof::from_bytes(&evidence.proof).or_else(|_| incomplete("its proof is none of an inference"))
}

fn incomplete<T>(detail: &'static str) -> Result<T, EvidenceError> {
    Err(EvidenceError::Incomplete { technique: Mpc::name(), detail })
}
