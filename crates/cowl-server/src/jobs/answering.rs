//! The owner's side: consent or refusal, the computation, results and evidence.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use cowl_api::types::{JobRefusal, NewConsent, Settlement};
use cowl_domain::{JobId, PartyId, Signed};
use cowl_job::{Assurance, Attested, ConsentStatement, Evidence, JobSpec, Seat};
use cowl_query::SCORES;
use cowl_store::Proven;
use cowl_store::ledger::{JobResult, JobRow, NewSettlement};

use crate::accounts::DONE;
use crate::app::Shared;
use crate::extract::{Caller, Id, Json, Weights};
use crate::refusal::Refusal;
use crate::statements::{current_keys, matches, prove};
use crate::tables::{self, Work};

/// Most bytes of the sealed words of a refusal.
const MAX_WORDS: usize = 16 * 1024;
/// Most bytes of a sealed result.
const MAX_RESULT: usize = 8 * 1024 * 1024;

pub(crate) async fn consent(
    State(app): State<Shared>,
    caller: Caller,
    Id(job): Id<JobId>,
    Json(body): Json<NewConsent>,
) -> Result<StatusCode, Refusal> {
    let keys = current_keys(&app, &caller).await?;
    let row = own(&app, &caller, &job).await?;
    let consent = prove::<ConsentStatement>(&body.consent, &keys)?;
    matches("job", &consent.job, &job)?;
    matches("party", &consent.party, &caller.party)?;
    matches("seat", &consent.seat, &Seat::Opener)?;
    matches("specification", &consent.spec, &spec_of(&row)?.digest())?;
    if consent.expires_at <= app.now() {
        return Err(Refusal::bad_request("the consent has run out already"));
    }
    app.ledger.consent_to_job(&job, &consent, consent.expires_at, &app.act()).await?;
    Ok(DONE)
}

pub(crate) async fn refuse(
    State(app): State<Shared>,
    caller: Caller,
    Id(job): Id<JobId>,
    Json(body): Json<JobRefusal>,
) -> Result<StatusCode, Refusal> {
    if body.words.0.len() > MAX_WORDS {
        return Err(Refusal::too_large(format!("the words of a refusal have {MAX_WORDS} bytes at most")));
    }
    app.ledger.refuse_job(&caller, &job, &body.words.0, &app.act()).await?;
    Ok(DONE)
}

/// Computes while the owner waits. What comes out depends on job, tables and the owner's weights alone, so a request that
/// was cut is simply made again, and nothing has to be taken up after a crash.
pub(crate) async fn answer(
    State(app): State<Shared>,
    caller: Caller,
    Id(job): Id<JobId>,
    weights: Weights,
) -> Result<Response, Refusal> {
    let (row, stored) = app.ledger.answer_job(&caller, &job, &app.act()).await?;
    let work = work(&row, weights)?;
    let answer = tables::compute(&app, work, stored).await?;
    Ok(([(CONTENT_TYPE, "application/octet-stream")], answer).into_response())
}

fn work(row: &JobRow, Weights(weights): Weights) -> Result<Work, Refusal> {
    let query = row.program.clone();
    match (spec_of(row)?.technique.as_str(), weights.is_empty()) {
        (SCORES, false) => Ok(Work::Scores { request: query, weights }),
        (SCORES, true) => Err(Refusal::bad_request("scores need the weights that the owner makes of them")),
        (_, true) => Ok(Work::Sums { query, minimum: row.minimum_cohort }),
        (_, false) => Err(Refusal::bad_request("only scores take weights")),
    }
}

pub(crate) async fn settle(
    State(app): State<Shared>,
    caller: Caller,
    Id(job): Id<JobId>,
    Json(body): Json<Settlement>,
) -> Result<StatusCode, Refusal> {
    let keys = current_keys(&app, &caller).await?;
    let row = own(&app, &caller, &job).await?;
    let spec = spec_of(&row)?;
    let evidence = prove::<Evidence>(&body.evidence, &keys)?;
    check_evidence(&evidence, &spec, &row)?;
    let results = check_results(body, &spec)?;
    app.ledger.settle_job(&job, &NewSettlement { evidence, results }, &app.act()).await?;
    Ok(DONE)
}

/// A job of which the caller is the owner. To the asker, too, its owner's routes are not there.
async fn own(app: &Shared, caller: &Caller, job: &JobId) -> Result<JobRow, Refusal> {
    let row = app.ledger.job(caller, job).await?;
    if row.owner == caller.party { Ok(row) } else { Err(Refusal::not_found()) }
}

fn spec_of(row: &JobRow) -> Result<JobSpec, Refusal> {
    // The ledger takes proven specifications only, so the bytes need no second proof.
    Ok(Signed::<JobSpec>::from_bytes(&row.spec)?.dangerous_unverified()?)
}

/// Whether it is about this job as it was consented to. What it is worth is for those to judge who read it.
fn check_evidence(evidence: &Proven<Evidence>, spec: &JobSpec, row: &JobRow) -> Result<(), Refusal> {
    Attested::of(evidence.verified(), spec, Assurance::Word)
        .map_err(|error| Refusal::bad_request(error.to_string()))?;
    let kept = row.consent.as_deref().map(Signed::<ConsentStatement>::from_bytes).transpose()?;
    let kept = kept.map(|consent| consent.digest());
    if evidence.consents.iter().any(|named| Some(named.consent) == kept) {
        Ok(())
    } else {
        Err(Refusal::bad_request("the evidence does not name the consent under which the cloud computed"))
    }
}

fn check_results(body: Settlement, spec: &JobSpec) -> Result<Vec<JobResult>, Refusal> {
    let result = |it: cowl_api::types::JobResult| {
        if it.sealed.0.len() > MAX_RESULT {
            return Err(Refusal::too_large(format!("a result has {MAX_RESULT} bytes at most")));
        }
        Ok(JobResult { receiver: it.receiver.parse::<PartyId>()?, sealed: it.sealed.0 })
    };
    let results: Vec<JobResult> = body.results.into_iter().map(result).collect::<Result<_, Refusal>>()?;
    if results.iter().map(|result| result.receiver).eq(spec.receivers.iter().copied()) {
        Ok(results)
    } else {
        Err(Refusal::bad_request("a settlement has one result for each receiver of the job, in their order"))
    }
}
