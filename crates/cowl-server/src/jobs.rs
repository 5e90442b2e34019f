//! Jobs: asked for, consented to, computed, settled.
//!
//! The asker's side is in [`asking`], the owner's in [`answering`]. What is here is for both.

use std::str::FromStr;

use axum::extract::State;
use cowl_api::types::{JobPage, JobResult, JobView};
use cowl_domain::{JobId, JobState};
use cowl_store::ledger::{self, JobRow, JobSide};
use serde::Deserialize;

use crate::app::Shared;
use crate::extract::{Caller, Id, Json, Parameters};
use crate::refusal::Refusal;

mod answering;
mod asking;

pub(crate) use answering::{answer, consent, refuse, settle};
pub(crate) use asking::{make_job, withdraw};

/// Most jobs of a page.
const MAX_PAGE: u32 = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    role: Option<String>,
    state: Option<String>,
    after: Option<String>,
    limit: Option<u32>,
}

pub(crate) async fn jobs(
    State(app): State<Shared>,
    caller: Caller,
    Parameters(page): Parameters<Page>,
) -> Result<Json<JobPage>, Refusal> {
    let unknown = || Refusal::bad_request("the query is not understood");
    let side = match page.role.as_deref() {
        None => JobSide::Either,
        Some("asker") => JobSide::Asker,
        Some("opener") => JobSide::Owner,
        Some(_) => return Err(unknown()),
    };
    let state = page.state.as_deref().map(JobState::from_str).transpose().map_err(|_| unknown())?;
    let after = page.after.map(|text| text.parse::<JobId>()).transpose()?;
    let limit = page.limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
    let found = app.ledger.jobs(&caller, side, state, after.as_ref(), limit).await?;
    let listed = |row| JobView { evidence: None, ..view(row, Vec::new()) };
    Ok(Json(JobPage { jobs: found.jobs.into_iter().map(listed).collect(), more: found.more }))
}

pub(crate) async fn job(
    State(app): State<Shared>,
    caller: Caller,
    Id(job): Id<JobId>,
) -> Result<Json<JobView>, Refusal> {
    let row = app.ledger.job(&caller, &job).await?;
    let results = app.ledger.job_results(&caller, &job).await?;
    Ok(Json(view(row, results)))
}

fn view(row: JobRow, results: Vec<ledger::JobResult>) -> JobView {
    let result =
        |it: ledger::JobResult| JobResult { receiver: it.receiver.to_string(), sealed: it.sealed.into() };
    JobView {
        job: row.job.to_string(),
        state: row.state.to_string(),
        asker: row.asker.to_string(),
        owner: row.owner.to_string(),
        spec: row.spec.into(),
        program: row.program.into(),
        minimum_cohort: row.minimum_cohort,
        consent: row.consent.map(Into::into),
        refusal: row.refusal.map(Into::into),
        failure: row.failure,
        results: results.into_iter().map(result).collect(),
        evidence: row.evidence.map(Into::into),
        asked_at: row.asked_at.as_millis(),
        changed_at: row.changed_at.as_millis(),
    }
}
