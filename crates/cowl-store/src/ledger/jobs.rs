//! Jobs: what is asked of sealed items, and how far it has come.
//!
//! A job is a row whose state only moves forward; every step locks that row, so that of two processes one takes it.
//! Which states follow which is in [`asking`] and [`answering`].

use cowl_domain::{Event, EventKind, JobId, JobState, PartyId, RecordId, Timestamp};
use sqlx::any::AnyRow;

use super::act::Act;
use super::connection::{Ledger, Work};
use super::log::{Told, append, cut};
use super::sql::{Columns, all, args, damaged, execute, one, sql};
use crate::error::Result;

mod answering;
mod asking;
mod tables;

pub use answering::{JobResult, NewSettlement};
pub use asking::{JobTarget, NewJob};
pub use tables::{StoredTable, TableRow};

/// A job as asker and owner see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// Identifier.
    pub job: JobId,
    /// Where it stands.
    pub state: JobState,
    /// Who asked.
    pub asker: PartyId,
    /// Who owns what it works on.
    pub owner: PartyId,
    /// Signed specification.
    pub spec: Vec<u8>,
    /// The program.
    pub program: Vec<u8>,
    /// The fewest rows that a released figure may be about.
    pub minimum_cohort: u32,
    /// Signed consent.
    pub consent: Option<Vec<u8>>,
    /// Why it was refused, sealed to the asker.
    pub refusal: Option<Vec<u8>>,
    /// Why it failed.
    pub failure: Option<String>,
    /// Signed evidence.
    pub evidence: Option<Vec<u8>>,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When its state changed last.
    pub changed_at: Timestamp,
}

/// What a party is to the jobs that it wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobSide {
    /// Asker or owner.
    Either,
    /// It asked.
    Asker,
    /// It owns what they work on.
    Owner,
}

/// Jobs, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobPage {
    /// The jobs.
    pub jobs: Vec<JobRow>,
    /// Whether more follow.
    pub more: bool,
}

impl Ledger {
    /// A job of the caller's, on whichever side.
    ///
    /// # Errors
    /// [`crate::StoreError::NotFound`].
    pub async fn job(&self, caller: &PartyId, job: &JobId) -> Result<JobRow> {
        let mut on = self.reader().await?;
        job_row(&one(&mut on, FIND, args![job, caller]).await?)
    }

    /// The caller's jobs on one side or both, in one state or all, behind `after`, at most `limit`.
    ///
    /// # Errors
    /// [`crate::StoreError::NotFound`] when `after` is none of the caller's.
    pub async fn jobs(
        &self,
        caller: &PartyId,
        side: JobSide,
        state: Option<JobState>,
        after: Option<&JobId>,
        limit: u32,
    ) -> Result<JobPage> {
        let mut on = self.reader().await?;
        let (time, id) = match after {
            None => (-1, Vec::new()),
            Some(job) => {
                let row = one(&mut on, FIND, args![job, caller]).await?;
                (i64::try_from(row.number("asked_at")?).unwrap_or(i64::MAX), job.as_bytes().to_vec())
            }
        };
        let list = match side {
            JobSide::Either => LIST,
            JobSide::Asker => LIST_AS_ASKER,
            JobSide::Owner => LIST_AS_OWNER,
        };
        let state = state.map_or(-1, |state| state as i64);
        let mut rows = all(&mut on, list, args![caller, state, time, id, u64::from(limit) + 1]).await?;
        let more = cut(&mut rows, limit);
        Ok(JobPage { jobs: rows.iter().map(job_row).collect::<Result<_>>()?, more })
    }

    /// How many jobs stand in each state.
    ///
    /// # Errors
    /// [`crate::StoreError::Unavailable`].
    pub async fn jobs_by_state(&self) -> Result<Vec<(JobState, u64)>> {
        let mut on = self.reader().await?;
        let rows = all(&mut on, COUNT_BY_STATE, args![]).await?;
        rows.iter().map(|row| Ok((state_of(row)?, row.number("jobs")?))).collect()
    }
}

fn job_row(row: &AnyRow) -> Result<JobRow> {
    Ok(JobRow {
        job: JobId::from_bytes(row.fixed("id")?),
        state: state_of(row)?,
        asker: PartyId::from_bytes(row.fixed("asker")?),
        owner: PartyId::from_bytes(row.fixed("owner")?),
        spec: row.blob("spec")?,
        program: row.blob("program")?,
        minimum_cohort: row.number32("minimum_cohort")?,
        consent: row.maybe_blob("consent")?,
        refusal: row.maybe_blob("refusal")?,
        failure: row.maybe_text("failure")?,
        evidence: row.maybe_blob("evidence")?,
        asked_at: Timestamp::from_millis(row.number("asked_at")?),
        changed_at: Timestamp::from_millis(row.number("changed_at")?),
    })
}

fn state_of(row: &AnyRow) -> Result<JobState> {
    let code = row.number("state")?;
    JobState::ALL.iter().copied().find(|state| *state as u64 == code).ok_or_else(|| damaged("state"))
}

/// Writes what has happened to a job into the log, for asker and owner, and ends the transaction.
async fn tell(
    mut work: Work,
    act: &Act,
    job: &JobRow,
    kind: EventKind,
    adorn: impl FnOnce(&mut Event),
) -> Result<()> {
    let mut event = Event::new(kind, act.now(), Some(job.owner));
    event.subject = Some(job.asker);
    event.job = Some(job.job);
    let first = one(work.on(), FIRST_ITEM, args![job.job]).await?;
    event.record = Some(RecordId::from_bytes(first.fixed("record")?));
    adorn(&mut event);
    append(&mut work, act, &[Told::new(event)]).await?;
    work.commit().await
}

/// Moves a job on.
async fn enter(work: &mut Work, job: &JobId, state: JobState, act: &Act) -> Result<()> {
    execute(work.on(), ENTER, args![job, state as i64, act.now()]).await.map(drop)
}

/// A statement that yields what [`job_row`] reads.
macro_rules! job_rows {
    ($name:literal, $before:literal, $($after:literal)+) => {
        sql!(
            $name,
            $before
            "id, state, asker, owner, spec, program, minimum_cohort, consent, refusal, failure, evidence, asked_at, "
            "changed_at"
            $($after)+
        )
    };
}
use job_rows;

const FIND: &str =
    job_rows!("jobs.find", "SELECT ", " FROM job WHERE id = $1 AND (asker = $2 OR owner = $2)");
macro_rules! list {
    ($name:literal, $whose:literal) => {
        job_rows!(
            $name,
            "SELECT ",
            " FROM job WHERE " $whose " AND ($2 < 0 OR state = $2) "
            "AND (asked_at > $3 OR (asked_at = $3 AND id > $4)) ORDER BY asked_at, id LIMIT $5"
        )
    };
}
const LIST: &str = list!("jobs.list", "(asker = $1 OR owner = $1)");
const LIST_AS_ASKER: &str = list!("jobs.list_as_asker", "asker = $1");
const LIST_AS_OWNER: &str = list!("jobs.list_as_owner", "owner = $1");
const COUNT_BY_STATE: &str =
    sql!("jobs.count_by_state", "SELECT state, count(*) AS jobs FROM job GROUP BY state ORDER BY state");
const ENTER: &str = sql!("jobs.enter", "UPDATE job SET state = $2, changed_at = $3 WHERE id = $1");
const FIRST_ITEM: &str =
    sql!("jobs.first_item", "SELECT record FROM job_item WHERE job = $1 ORDER BY place LIMIT 1");
