//! Jobs, and the tables that they work on.

use std::fmt;

use bytes::Bytes;
use cowl_domain::{ItemId, JobId, JobState, RecordId};
use reqwest::RequestBuilder;
use reqwest::header::CONTENT_TYPE;

use super::call::Call;
use super::{Client, ClientError};
use crate::paths;
use crate::types::*;

/// No computation answers with more bytes.
const MAX_COMPUTATION: usize = 256 << 20;

/// What the caller is to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobRole {
    /// Asked for it.
    Asker,
    /// Owns what it works on.
    Opener,
}

impl fmt::Display for JobRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asker => "asker",
            Self::Opener => "opener",
        })
    }
}

/// Which jobs to list; by default all of the caller's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// In this role only.
    pub role: Option<JobRole>,
    /// In this state only.
    pub state: Option<JobState>,
    /// Behind this one.
    pub after: Option<JobId>,
    /// At most so many, 1 to 100.
    pub limit: Option<u32>,
}

impl Client {
    /// Asks for a job. Asking again with the same bytes is fine, so that a cut call can be repeated.
    pub async fn make_job(&self, body: &NewJob) -> Result<JobView, ClientError> {
        self.send(Call::post(paths::JOBS).freely(), body).await
    }

    /// Jobs that the caller asked for or is to open, oldest first, without their results.
    pub async fn jobs(&self, filter: &JobFilter) -> Result<JobPage, ClientError> {
        let call = Call::read(paths::JOBS).query("role", filter.role).query("state", filter.state);
        self.fetch(call.query("after", filter.after).query("limit", filter.limit)).await
    }

    /// One of them, with its results.
    pub async fn job(&self, job: &JobId) -> Result<JobView, ClientError> {
        self.fetch(Call::read(paths::JOB).with("job", job)).await
    }

    /// Takes back a job that the caller asked for.
    pub async fn withdraw_job(&self, job: &JobId) -> Result<(), ClientError> {
        self.touch(Call::delete(paths::JOB).with("job", job)).await
    }

    /// Consents to a job on what the caller owns.
    pub async fn consent_to_job(&self, job: &JobId, body: &NewConsent) -> Result<(), ClientError> {
        self.tell(Call::post(paths::CONSENT).with("job", job), body).await
    }

    /// Refuses a job on what the caller owns.
    pub async fn refuse_job(&self, job: &JobId, body: &JobRefusal) -> Result<(), ClientError> {
        self.tell(Call::post(paths::REFUSAL).with("job", job), body).await
    }

    /// Has the cloud compute for a job on what the caller owns, and waits for the answer's canonical bytes. The same
    /// call gives the same bytes.
    pub async fn compute_job(&self, job: &JobId) -> Result<Bytes, ClientError> {
        let call = Call::post(paths::COMPUTATION).with("job", job).freely();
        self.exchange(&call, MAX_COMPUTATION, |request| self.transfer(request)).await
    }

    /// Has the cloud score for a job on what the caller owns, by the weights that the caller made of it, and waits for the
    /// answer's canonical bytes.
    pub async fn score_job(&self, job: &JobId, weights: Vec<u8>) -> Result<Bytes, ClientError> {
        let (call, weights) =
            (Call::post(paths::COMPUTATION).with("job", job).freely(), Bytes::from(weights));
        let prepare = |request: RequestBuilder| {
            let request = self.transfer(request).header(CONTENT_TYPE, "application/octet-stream");
            request.body(weights.clone())
        };
        self.exchange(&call, MAX_COMPUTATION, prepare).await
    }

    /// Hands out what a job gave.
    pub async fn settle_job(&self, job: &JobId, body: &Settlement) -> Result<(), ClientError> {
        self.tell(Call::post(paths::SETTLEMENT).with("job", job), body).await
    }

    /// What queries need to know of a sealed table.
    pub async fn table(&self, record: &RecordId, item: &ItemId) -> Result<TableView, ClientError> {
        self.fetch(Call::read(paths::TABLE).with("record", record).with("item", item)).await
    }
}
