//! The owner's side of a job: consent or refusal, the computation, what came out.

use cowl_domain::{EventKind, JobId, JobState, PartyId, Statement, Timestamp};

use super::asking::uncount;
use super::tables::tables_of_job;
use super::{JobRow, StoredTable, enter, job_row, job_rows, tell};
use crate::error::{Result, StoreError};
use crate::ledger::act::Act;
use crate::ledger::connection::{Ledger, Work};
use crate::ledger::sql::{Columns, all, args, execute, insert_many, one, sql};
use crate::proven::Proven;

/// What a job gave to one receiver, sealed to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobResult {
    /// The receiver.
    pub receiver: PartyId,
    /// The result.
    pub sealed: Vec<u8>,
}

/// What a job gave.
#[derive(Debug, Clone)]
pub struct NewSettlement<S: Statement> {
    /// What the owner says about the run.
    pub evidence: Proven<S>,
    /// One for each receiver.
    pub results: Vec<JobResult>,
}

impl Ledger {
    /// Keeps the owner's consent. The same consent again is fine.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] unless the signer owns what the job works on; [`StoreError::Conflict`] when the job
    /// waits no longer; [`StoreError::Refused`] when what it needs is gone, which ends it.
    pub async fn consent_to_job<S: Statement + Send + Sync>(
        &self,
        job: &JobId,
        consent: &Proven<S>,
        ends: Timestamp,
        act: &Act,
    ) -> Result<()> {
        self.transact(move |mut work| async move {
            let row = lock(&mut work, job, &consent.signer()).await?;
            let signed = consent.signed().to_bytes();
            if row.consent.as_ref() == Some(&signed) {
                return Ok(());
            }
            if row.state != JobState::Planned {
                return Err(StoreError::Conflict { what: "job" });
            }
            if let Some(reason) = gone(&mut work, job, act.now()).await? {
                return fail(work, &row, reason, act).await;
            }
            execute(work.on(), KEEP_CONSENT, args![job, signed, ends]).await?;
            enter(&mut work, job, JobState::Consented, act).await?;
            let statement = Some(consent.verified().digest());
            tell(work, act, &row, EventKind::JobConsented, |event| event.statement = statement).await
        })
        .await
    }

    /// Ends a job with the owner's no. It counts against its grants no longer.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] unless `owner` owns what it works on; [`StoreError::Conflict`] when it has come to its
    /// end.
    pub async fn refuse_job(&self, owner: &PartyId, job: &JobId, words: &[u8], act: &Act) -> Result<()> {
        self.transact(move |mut work| async move {
            let row = lock(&mut work, job, owner).await?;
            if !row.state.is_open() {
                return Err(StoreError::Conflict { what: "job" });
            }
            uncount(&mut work, job).await?;
            execute(work.on(), KEEP_REFUSAL, args![job, words]).await?;
            enter(&mut work, job, JobState::Refused, act).await?;
            tell(work, act, &row, EventKind::JobRefused, |_| ()).await
        })
        .await
    }

    /// What the cloud is to compute for a job to which its owner has consented, in the order of the specification. The
    /// computation is in the log from then on; asking again is fine.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] unless `owner` owns what it works on; [`StoreError::Refused`] without a consent, or
    /// when what the job needs is gone, which ends it; [`StoreError::Conflict`] when it has come to its end.
    pub async fn answer_job(
        &self,
        owner: &PartyId,
        job: &JobId,
        act: &Act,
    ) -> Result<(JobRow, Vec<StoredTable>)> {
        self.transact(move |mut work| async move {
            let row = lock(&mut work, job, owner).await?;
            match row.state {
                JobState::Planned => {
                    return Err(StoreError::Refused { reason: "the owner has not consented to this job" });
                }
                JobState::Consented | JobState::Running => {}
                _ => return Err(StoreError::Conflict { what: "job" }),
            }
            if let Some(reason) = gone(&mut work, job, act.now()).await? {
                return fail(work, &row, reason, act).await;
            }
            let tables = tables_of_job(&mut work, job).await?;
            if row.state == JobState::Consented {
                enter(&mut work, job, JobState::Running, act).await?;
                tell(work, act, &row, EventKind::JobAnswered, |_| ()).await?;
            }
            Ok((row, tables))
        })
        .await
    }

    /// Keeps what a job gave. The same evidence again is fine.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] unless the signer of the evidence owns what it works on; [`StoreError::Refused`] before
    /// the cloud has computed; [`StoreError::Conflict`] when the job has come to its end.
    pub async fn settle_job<S: Statement + Send + Sync>(
        &self,
        job: &JobId,
        settlement: &NewSettlement<S>,
        act: &Act,
    ) -> Result<()> {
        let NewSettlement { evidence, results } = settlement;
        self.transact(move |mut work| async move {
            let row = lock(&mut work, job, &evidence.signer()).await?;
            let signed = evidence.signed().to_bytes();
            if row.evidence.as_ref() == Some(&signed) {
                return Ok(());
            }
            match row.state {
                JobState::Planned | JobState::Consented => {
                    return Err(StoreError::Refused { reason: "nothing has been computed for this job yet" });
                }
                JobState::Running => {}
                _ => return Err(StoreError::Conflict { what: "job" }),
            }
            insert_many(work.on(), ADD_RESULTS, "", results, |result, list| {
                list.push(job);
                list.push(&result.receiver);
                list.push(&result.sealed);
            })
            .await?;
            execute(work.on(), KEEP_EVIDENCE, args![job, signed]).await?;
            enter(&mut work, job, JobState::Settled, act).await?;
            let statement = Some(evidence.verified().digest());
            tell(work, act, &row, EventKind::JobSettled, |event| event.statement = statement).await
        })
        .await
    }

    /// What a job of the caller's gave: all of it for the owner, a receiver's own otherwise.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn job_results(&self, caller: &PartyId, job: &JobId) -> Result<Vec<JobResult>> {
        let mut on = self.reader().await?;
        let result = |row: &sqlx::any::AnyRow| {
            let receiver = PartyId::from_bytes(row.fixed("receiver")?);
            Ok(JobResult { receiver, sealed: row.blob("sealed")? })
        };
        all(&mut on, RESULTS, args![job, caller]).await?.iter().map(result).collect()
    }
}

async fn lock(work: &mut Work, job: &JobId, owner: &PartyId) -> Result<JobRow> {
    job_row(&one(work.on(), LOCK_AS_OWNER, args![job, owner]).await?)
}

/// What a job needs and no longer has.
async fn gone(work: &mut Work, job: &JobId, now: Timestamp) -> Result<Option<&'static str>> {
    let row = one(work.on(), GONE, args![job, now]).await?;
    Ok(if row.number("items")? > 0 {
        Some("what the job works on was removed or sealed anew")
    } else if row.number("grants")? > 0 {
        Some("a grant that the job needs has ended")
    } else if row.number("consents")? > 0 {
        Some("the owner's consent has run out")
    } else {
        None
    })
}

/// Ends a job that can come to nothing; the refusal is for who wanted to go on with it.
async fn fail<T>(mut work: Work, job: &JobRow, reason: &'static str, act: &Act) -> Result<T> {
    execute(work.on(), KEEP_FAILURE, args![job.job, reason]).await?;
    enter(&mut work, &job.job, JobState::Failed, act).await?;
    tell(work, act, job, EventKind::JobFailed, |_| ()).await?;
    Err(StoreError::Refused { reason })
}

const LOCK_AS_OWNER: &str = job_rows!(
    "jobs.lock_as_owner",
    "UPDATE job SET changed_at = changed_at WHERE id = $1 AND owner = $2 RETURNING ",
    ""
);
const GONE: &str = sql!(
    "jobs.gone",
    "SELECT (SELECT count(*) FROM job_item j WHERE j.job = $1 AND NOT EXISTS (SELECT 1 FROM item i "
    "JOIN record r ON r.id = i.record WHERE i.record = j.record AND i.item = j.item "
    "AND i.placement_digest = j.placement AND r.deleted_at IS NULL)) AS items, "
    "(SELECT count(*) FROM job_grant j JOIN access_grant g ON g.id = j.access_grant WHERE j.job = $1 "
    "AND (g.revoked_at IS NOT NULL OR g.expires_at <= $2)) AS grants, "
    "(SELECT count(*) FROM job WHERE id = $1 AND consent_ends <= $2) AS consents"
);
const KEEP_CONSENT: &str =
    sql!("jobs.keep_consent", "UPDATE job SET consent = $2, consent_ends = $3 WHERE id = $1");
const KEEP_REFUSAL: &str = sql!("jobs.keep_refusal", "UPDATE job SET refusal = $2 WHERE id = $1");
const KEEP_FAILURE: &str = sql!("jobs.keep_failure", "UPDATE job SET failure = $2 WHERE id = $1");
const KEEP_EVIDENCE: &str = sql!("jobs.keep_evidence", "UPDATE job SET evidence = $2 WHERE id = $1");
const ADD_RESULTS: &str = sql!("jobs.add_results", "INSERT INTO job_result (job, receiver, sealed)");
const RESULTS: &str = sql!(
    "jobs.results",
    "SELECT r.receiver, r.sealed FROM job_result r JOIN job j ON j.id = r.job "
    "WHERE r.job = $1 AND (j.owner = $2 OR r.receiver = $2) ORDER BY r.receiver"
);
