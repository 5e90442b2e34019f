//! What proves a job: whose evidence it is, about what, and whether a result is the one that it names.

use cowl_crypto::digest::Digest;
use cowl_domain::Verified;
use cowl_job::{Attested, Evidence};
use cowl_query::Program;
use cowl_tables::result::QueryResult;
use cowl_tables::technique::{self, QueryProof};
use cowl_vault::Vault;
use cowl_vault::job::JobInfo;

use crate::failure::{Failure, Result};

/// Evidence of a settled job that holds.
pub(crate) struct Proven {
    pub(crate) evidence: Verified<Evidence>,
    pub(crate) attested: Attested,
    pub(crate) proof: QueryProof,
    /// Whether the caller has a result, and it is the one that the evidence names.
    pub(crate) result: bool,
}

/// Checks the evidence of a job, and with it the caller's result.
///
/// # Errors
/// What does not hold.
pub(crate) fn verify(vault: &Vault, job: &JobInfo) -> Result<Proven> {
    let said = |what: String| {
        Failure::no(format!("the evidence does not hold: {what}"))
            .with_hint("believe none of its figures; ask again, and check with 'cowl audit verify'")
    };
    let program = Program::decode(job.spec.technique.as_str(), &job.program).ok_or_else(|| {
        Failure::no(format!("technique {} is not known to this program", job.spec.technique))
    })?;
    let evidence = job.evidence.clone().ok_or_else(|| {
        Failure::no(format!("job {} is {}: there is no evidence of it", job.job, job.state))
    })?;
    let program = program.map_err(|error| said(error.to_string()))?;
    if program.digest() != job.spec.program {
        return Err(said("the question is not the one that its asker signed".to_owned()));
    }
    let technique = job.spec.technique.clone();
    let attested =
        technique::verify(&evidence, &job.spec, technique).map_err(|error| said(error.to_string()))?;
    let consents: Vec<_> = job.consent.iter().cloned().collect();
    attested.check_consents(&consents).map_err(|error| said(error.to_string()))?;
    let proof = QueryProof::from_bytes(&evidence.proof).map_err(|error| said(error.to_string()))?;
    let me = vault.party_id();
    let result = match &job.result {
        None => false,
        Some(bytes) => {
            let (digest, size) = (Digest::of(bytes), bytes.len() as u64);
            let named = |output: &cowl_job::OutputDigest| {
                (output.receiver, output.digest, output.size) == (me, digest, size)
            };
            if !evidence.outputs.iter().any(named) {
                return Err(said("your result is not the one that it names".to_owned()));
            }
            true
        }
    };
    Ok(Proven { evidence, attested, proof, result })
}

/// The caller's result, once the evidence says that it is its owner's.
///
/// # Errors
/// As [`verify`]; a result that is none.
pub(crate) fn checked_result(vault: &Vault, job: &JobInfo) -> Result<(QueryResult, Proven)> {
    let proven = verify(vault, job)?;
    let bytes = job.result.as_ref().ok_or_else(|| Failure::no("the job has no result for you"))?;
    let result = QueryResult::from_bytes(bytes)
        .map_err(|error| Failure::no(format!("{} sent what is no result: {error}", job.owner)))?;
    match result.query == job.spec.program {
        true => Ok((result, proven)),
        false => Err(Failure::no(format!("{} sent the result of another question", job.owner))),
    }
}
