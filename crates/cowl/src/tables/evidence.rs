//! What proves a job: whose evidence it is, about what, and whether a result is the one that it names.

use std::sync::Arc;

use async_trait::async_trait;
use cowl_crypto::digest::Digest;
use cowl_domain::Verified;
use cowl_domain::table::TableSchema;
use cowl_job::{Attested, Evidence, EvidenceError, JobItem, JobSpec, PortError, Technique};
use cowl_paillier::Timing;
use cowl_query::{Program, Query, ScoreProgram};
use cowl_tables::result::QueryResult;
use cowl_tables::technique::{
    AdditiveHe, AdditiveScore, CohortStore, QueryCloud, QueryProof, ScoreCloud, StoreError, TableKeys,
};
use cowl_tables::{CohortLedger, OpenerTable};
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
    let attested = verify_as(program, &evidence, &job.spec).map_err(|error| said(error.to_string()))?;
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

/// What the technique of a program says of evidence. For checking alone: it has no cloud and no keys.
fn verify_as(
    program: Program,
    evidence: &Verified<Evidence>,
    spec: &JobSpec,
) -> std::result::Result<Attested, EvidenceError> {
    let nowhere = Arc::new(Nowhere);
    let (minimum_cohort, timing) = (1, Timing::Constant);
    match program {
        Program::Figures(query) => AdditiveHe {
            query,
            schemas: Vec::new(),
            minimum_cohort,
            timing,
            cloud: nowhere.clone(),
            keys: nowhere.clone(),
            cohorts: nowhere,
        }
        .verify(evidence, spec),
        Program::Scores(request) => AdditiveScore {
            request,
            schema: no_table(),
            minimum_cohort,
            timing,
            cloud: nowhere.clone(),
            keys: nowhere.clone(),
            cohorts: nowhere,
        }
        .verify(evidence, spec),
    }
}

fn no_table() -> TableSchema {
    let none = Digest::of(b"");
    TableSchema { rows: 0, columns: Vec::new(), sets: Vec::new(), key: none, codebook: none }
}

/// Ports of somebody who only checks.
struct Nowhere;

fn nothing_here() -> PortError {
    PortError::Unavailable { detail: "evidence is checked here, nothing is computed".to_owned() }
}

#[async_trait]
impl QueryCloud for Nowhere {
    async fn answer(&self, _: &JobSpec, _: &Query) -> std::result::Result<Vec<u8>, PortError> {
        Err(nothing_here())
    }
}

#[async_trait]
impl ScoreCloud for Nowhere {
    async fn scores(&self, _: &JobSpec, _: &ScoreProgram) -> std::result::Result<Vec<u8>, PortError> {
        Err(nothing_here())
    }
}

#[async_trait]
impl TableKeys for Nowhere {
    async fn open(&self, _: &JobItem, _: &str) -> std::result::Result<Arc<OpenerTable>, PortError> {
        Err(nothing_here())
    }
}

#[async_trait]
impl CohortStore for Nowhere {
    async fn load(&self, _: &JobItem, _: u64) -> std::result::Result<CohortLedger, PortError> {
        Err(nothing_here())
    }

    async fn replace(
        &self,
        _: &JobItem,
        _: &CohortLedger,
        _: &CohortLedger,
    ) -> std::result::Result<(), StoreError> {
        Err(StoreError::Unavailable { detail: nothing_here().to_string() })
    }
}
