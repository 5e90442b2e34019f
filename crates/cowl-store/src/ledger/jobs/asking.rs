//! A job is asked for, or taken back.

use std::collections::BTreeMap;

use cowl_crypto::digest::Digest;
use cowl_domain::{EventKind, GrantId, ItemId, JobId, JobState, PartyId, RecordId, Statement};
use sqlx::any::AnyRow;

use super::{JobRow, enter, job_row, job_rows, tell};
use crate::error::{Result, StoreError};
use crate::ledger::act::Act;
use crate::ledger::connection::{Ledger, Work};
use crate::ledger::grants::has_ended;
use crate::ledger::sql::{Columns, args, execute, insert_many, one, optional, sql};
use crate::proven::Proven;

/// An item that a job works on, in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobTarget {
    /// Its record.
    pub record: RecordId,
    /// The item.
    pub item: ItemId,
    /// Its version.
    pub version: u32,
    /// Digest of its signed placement.
    pub placement: Digest,
}

/// What a signed specification says, as far as the ledger decides on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// The job.
    pub job: JobId,
    /// The owner of all that it works on.
    pub owner: PartyId,
    /// How it is computed.
    pub technique: String,
    /// What is computed.
    pub program: Vec<u8>,
    /// On what.
    pub targets: Vec<JobTarget>,
    /// By whose leave.
    pub grants: Vec<GrantId>,
    /// The most jobs of the asker that may wait for their owners.
    pub most_waiting: u32,
}

impl Ledger {
    /// Asks for a job in the name of who signed its specification, and counts it against the grants that it names.
    /// The same job again is fine, and counts once.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when an item or a grant is not there in this version, or not the asker's to name;
    /// [`StoreError::Refused`] when a grant has ended, allows another technique, is used up or not needed, or when too
    /// many jobs of the asker wait; [`StoreError::Conflict`] when the identifier is taken.
    pub async fn plan_job<S: Statement + Send + Sync>(
        &self,
        spec: &Proven<S>,
        new: &NewJob,
        act: &Act,
    ) -> Result<JobRow> {
        self.transact(move |work| async move {
            let mut asking = Asking { work, asker: spec.signer(), new, act };
            if let Some(known) = asking.known().await? {
                let same = known.spec == spec.signed().to_bytes() && known.program == new.program;
                return if same { Ok(known) } else { Err(StoreError::Conflict { what: "job" }) };
            }
            let minimum = asking.check_grants().await?;
            asking.check_waiting().await?;
            asking.add(spec.signed().to_bytes(), minimum).await?;
            let row = asking.known().await?.ok_or(StoreError::NotFound)?;
            let (statement, first) = (spec.verified().digest(), new.targets.first().map(|it| it.item));
            tell(asking.work, act, &row, EventKind::JobAsked, |event| {
                (event.actor, event.subject) = (Some(row.asker), Some(row.owner));
                (event.item, event.grant) = (first, new.grants.first().copied());
                event.statement = Some(statement);
            })
            .await?;
            Ok(row)
        })
        .await
    }

    /// Takes a job back that has not settled. It counts against its grants no longer if its owner had not consented.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] unless `asker` asked for it; [`StoreError::Conflict`] when it has come to its end.
    pub async fn withdraw_job(&self, asker: &PartyId, job: &JobId, act: &Act) -> Result<()> {
        self.transact(move |mut work| async move {
            let row = job_row(&one(work.on(), LOCK_AS_ASKER, args![job, asker]).await?)?;
            if !row.state.is_open() {
                return Err(StoreError::Conflict { what: "job" });
            }
            if row.state == JobState::Planned {
                uncount(&mut work, job).await?;
            }
            enter(&mut work, job, JobState::Withdrawn, act).await?;
            tell(work, act, &row, EventKind::JobWithdrawn, |event| {
                (event.actor, event.subject) = (Some(row.asker), Some(row.owner));
            })
            .await
        })
        .await
    }
}

/// The grants of a job no longer have it counted against them.
pub(super) async fn uncount(work: &mut Work, job: &JobId) -> Result<()> {
    execute(work.on(), UNCOUNT, args![job]).await.map(drop)
}

struct Asking<'a> {
    work: Work,
    asker: PartyId,
    new: &'a NewJob,
    act: &'a Act,
}

impl Asking<'_> {
    async fn known(&mut self) -> Result<Option<JobRow>> {
        let row = optional(self.work.on(), LOCK_AS_ASKER, args![self.new.job, self.asker]).await?;
        row.as_ref().map(job_row).transpose()
    }

    /// Checks grants and items, counts the job against the grants, and returns the largest of their minima.
    async fn check_grants(&mut self) -> Result<u32> {
        let mut named = BTreeMap::new();
        for grant in &self.new.grants {
            named.insert(*grant, self.grant(grant).await?);
        }
        for target in &self.new.targets {
            self.check_target(target).await?;
            let covered = named.values().any(|grant| grant.covers(target));
            if !covered && self.asker != self.new.owner {
                return Err(StoreError::NotFound);
            }
        }
        if named.values().any(|grant| !self.new.targets.iter().any(|target| grant.covers(target))) {
            return refused("the job names a grant that it does not need");
        }
        for grant in named.keys() {
            if execute(self.work.on(), COUNT, args![grant]).await? == 0 {
                return refused("a grant that the job names allows no further job");
            }
        }
        Ok(named.values().map(|grant| grant.minimum).max().unwrap_or(1))
    }

    async fn grant(&mut self, grant: &GrantId) -> Result<NamedGrant> {
        let list = args![grant, self.asker, self.new.owner];
        let row = one(self.work.on(), TERMS, list).await?;
        if has_ended(&row, self.act.now())? {
            return refused("a grant that the job names has ended");
        }
        if row.text("technique")? != self.new.technique {
            return refused("a grant that the job names allows another technique");
        }
        NamedGrant::of(&row)
    }

    async fn check_target(&mut self, target: &JobTarget) -> Result<()> {
        let JobTarget { record, item, version, placement } = target;
        let list = args![record, item, version, placement, self.new.owner];
        one(self.work.on(), TARGET, list).await.map(drop)
    }

    async fn check_waiting(&mut self) -> Result<()> {
        let waiting = one(self.work.on(), WAITING, args![self.asker, JobState::Planned as i64]).await?;
        if waiting.number("waiting")? >= u64::from(self.new.most_waiting) {
            return refused("too many of your jobs wait for their owners: take some back, or wait");
        }
        Ok(())
    }

    async fn add(&mut self, spec: Vec<u8>, minimum: u32) -> Result<()> {
        let NewJob { job, owner, program, targets, grants, .. } = self.new;
        let list =
            args![job, self.asker, owner, JobState::Planned as i64, spec, program, minimum, self.act.now()];
        if execute(self.work.on(), ADD, list).await? == 0 {
            return Err(StoreError::Conflict { what: "job" });
        }
        let places: Vec<_> = (0u32..).zip(targets).collect();
        insert_many(self.work.on(), ADD_ITEMS, "", &places, |(place, target), list| {
            list.push(job);
            list.push(place);
            list.push(&target.record);
            list.push(&target.item);
            list.push(&target.placement);
        })
        .await?;
        insert_many(self.work.on(), ADD_GRANTS, "ON CONFLICT DO NOTHING", grants, |grant, list| {
            list.push(job);
            list.push(grant);
        })
        .await
        .map(drop)
    }
}

/// What a named grant is about.
struct NamedGrant {
    record: RecordId,
    item: Option<ItemId>,
    minimum: u32,
}

impl NamedGrant {
    fn of(row: &AnyRow) -> Result<Self> {
        Ok(Self {
            record: RecordId::from_bytes(row.fixed("record")?),
            item: row.maybe_fixed("item")?.map(ItemId::from_bytes),
            minimum: row.number32("minimum_cohort")?,
        })
    }

    fn covers(&self, target: &JobTarget) -> bool {
        self.record == target.record && self.item.is_none_or(|item| item == target.item)
    }
}

fn refused<T>(reason: &'static str) -> Result<T> {
    Err(StoreError::Refused { reason })
}

const LOCK_AS_ASKER: &str = job_rows!(
    "jobs.lock_as_asker",
    "UPDATE job SET changed_at = changed_at WHERE id = $1 AND asker = $2 RETURNING ",
    ""
);
const TERMS: &str = sql!(
    "jobs.terms",
    "SELECT g.record, g.item, g.expires_at, g.revoked_at, t.technique, t.minimum_cohort FROM access_grant g "
    "JOIN compute_terms t ON t.access_grant = g.id WHERE g.id = $1 AND g.grantee = $2 AND g.owner = $3"
);
const TARGET: &str = sql!(
    "jobs.target",
    "SELECT i.item FROM item i JOIN record r ON r.id = i.record WHERE i.record = $1 AND i.item = $2 "
    "AND i.version = $3 AND i.placement_digest = $4 AND r.owner = $5 AND r.deleted_at IS NULL"
);
const COUNT: &str = sql!(
    "jobs.count",
    "UPDATE compute_terms SET used = used + 1 WHERE access_grant = $1 AND (runs IS NULL OR used < runs)"
);
const UNCOUNT: &str = sql!(
    "jobs.uncount",
    "UPDATE compute_terms SET used = used - 1 WHERE used > 0 AND access_grant IN "
    "(SELECT access_grant FROM job_grant WHERE job = $1)"
);
const WAITING: &str =
    sql!("jobs.waiting", "SELECT count(*) AS waiting FROM job WHERE asker = $1 AND state = $2");
const ADD: &str = sql!(
    "jobs.add",
    "INSERT INTO job (id, asker, owner, state, spec, program, minimum_cohort, asked_at, changed_at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT DO NOTHING"
);
const ADD_ITEMS: &str = sql!("jobs.add_items", "INSERT INTO job_item (job, place, record, item, placement)");
const ADD_GRANTS: &str = sql!("jobs.add_grants", "INSERT INTO job_grant (job, access_grant)");
