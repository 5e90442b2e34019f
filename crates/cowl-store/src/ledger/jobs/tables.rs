//! Items that the cloud computes on: where their parts are, for the runner and for nobody else.

use cowl_crypto::digest::Digest;
use cowl_domain::{ItemId, JobId, PartyId, RecordId, Timestamp};
use sqlx::any::AnyRow;

use crate::error::{Result, StoreError};
use crate::ledger::connection::{Ledger, Work};
use crate::ledger::reads::{PartLocation, location};
use crate::ledger::sql::{Columns, all, args, one, optional, sql};

/// An item as the runner needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTable {
    /// Its record.
    pub record: RecordId,
    /// The item.
    pub item: ItemId,
    /// Digest of its signed placement: names this version of it.
    pub placement: Digest,
    /// Its header, with the order of the parts.
    pub header: Vec<u8>,
}

/// An item as those see it who may ask about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRow {
    /// Its owner.
    pub owner: PartyId,
    /// Signed placement.
    pub placement: Vec<u8>,
    /// As the runner needs it.
    pub stored: StoredTable,
}

impl Ledger {
    /// An item, for its owner and those with a live grant to read it or compute on it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for everybody else.
    pub async fn table(
        &self,
        caller: &PartyId,
        record: &RecordId,
        item: &ItemId,
        now: Timestamp,
    ) -> Result<TableRow> {
        let mut on = self.reader().await?;
        let row = one(&mut on, FIND, args![record, item, caller, now]).await?;
        Ok(TableRow {
            owner: PartyId::from_bytes(row.fixed("owner")?),
            placement: row.blob("signed")?,
            stored: stored(&row)?,
        })
    }

    /// Whether an item is still there in this version.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn has_placement(&self, record: &RecordId, item: &ItemId, placement: &Digest) -> Result<bool> {
        let mut on = self.reader().await?;
        Ok(optional(&mut on, HAS, args![record, item, placement]).await?.is_some())
    }

    /// Where the parts of an item lie now. No caller's rights are looked at: for the runner only.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the item has none.
    pub async fn parts_of_item(&self, record: &RecordId, item: &ItemId) -> Result<Vec<PartLocation>> {
        let mut on = self.reader().await?;
        let rows = all(&mut on, PARTS, args![record, item]).await?;
        if rows.is_empty() {
            return Err(StoreError::NotFound);
        }
        rows.iter().map(location).collect()
    }
}

/// Those that a job works on, in the order of its specification.
pub(super) async fn tables_of_job(work: &mut Work, job: &JobId) -> Result<Vec<StoredTable>> {
    all(work.on(), OF_JOB, args![job]).await?.iter().map(stored).collect()
}

fn stored(row: &AnyRow) -> Result<StoredTable> {
    Ok(StoredTable {
        record: RecordId::from_bytes(row.fixed("record")?),
        item: ItemId::from_bytes(row.fixed("item")?),
        placement: Digest::from_bytes(row.fixed("placement_digest")?),
        header: row.blob("header")?,
    })
}

// `powers & 5`: to read or to compute.
const FIND: &str = sql!(
    "tables.find",
    "SELECT r.owner, i.record, i.item, i.placement AS signed, i.placement_digest, i.header FROM item i "
    "JOIN record r ON r.id = i.record WHERE i.record = $1 AND i.item = $2 AND r.deleted_at IS NULL "
    "AND (r.owner = $3 OR EXISTS (SELECT 1 FROM access_grant g WHERE g.grantee = $3 AND g.record = i.record "
    "AND (g.item IS NULL OR g.item = i.item) AND g.powers & 5 <> 0 "
    "AND g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > $4)))"
);
const HAS: &str =
    sql!("tables.has", "SELECT item FROM item WHERE record = $1 AND item = $2 AND placement_digest = $3");
const PARTS: &str = sql!(
    "tables.parts",
    "SELECT name, item, pack, start, length, hash FROM part WHERE record = $1 AND item = $2"
);
const OF_JOB: &str = sql!(
    "tables.of_job",
    "SELECT i.record, i.item, i.placement_digest, i.header FROM job_item j "
    "JOIN item i ON i.record = j.record AND i.item = j.item WHERE j.job = $1 ORDER BY j.place"
);
