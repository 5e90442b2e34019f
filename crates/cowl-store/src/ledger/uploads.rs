//! Parts that are durable but belong to no item yet.

use std::collections::{BTreeMap, BTreeSet};

use cowl_crypto::digest::Digest;
use cowl_domain::{PartName, PartyId, RecordId, Timestamp};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::connection::{Ledger, Work};
use super::sql::{Columns, all_in, args, execute, insert_many, one, optional, sql};
use super::standing::{Standing, standing};
use crate::error::{Result, StoreError};
use crate::parts::PackKey;

/// Where a part lies in the pack that was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadedPart {
    /// Its name.
    pub name: PartName,
    /// First byte in the pack.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// BLAKE3 of its bytes.
    pub hash: Digest,
}

impl Ledger {
    /// Whether `caller` may upload `bytes` for this record now: asked before they are received.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::QuotaExceeded`].
    pub async fn may_upload(
        &self,
        caller: &PartyId,
        record: &RecordId,
        bytes: u64,
        now: Timestamp,
    ) -> Result<()> {
        let mut on = self.reader().await?;
        let standing = uploader(&mut on, caller, record, now).await?;
        let row = one(&mut on, ROOM, args![standing.owner]).await?;
        let (used, quota) = (row.number("used")?, row.number("quota")?);
        if used.saturating_add(bytes) > quota { Err(no_room(&standing, used, quota, bytes)) } else { Ok(()) }
    }

    /// Makes the parts of a durable pack known. They count against the quota of the record's owner from
    /// now on. A part that the caller has uploaded before keeps its first place.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] unless the caller is the record's owner or may append to it;
    /// [`StoreError::Conflict`] when a name or the pack is taken; [`StoreError::QuotaExceeded`];
    /// [`StoreError::Refused`] when the parts do not lie in the pack.
    pub async fn parts_uploaded(
        &self,
        caller: &PartyId,
        record: &RecordId,
        pack: PackKey,
        pack_bytes: u64,
        parts: &[UploadedPart],
        now: Timestamp,
    ) -> Result<()> {
        check_layout(pack_bytes, parts)?;
        self.transact(move |mut work| async move {
            let standing = uploader(work.on(), caller, record, now).await?;
            if execute(work.on(), ADD_PACK, args![pack, pack_bytes, now]).await? == 0 {
                return Err(StoreError::Conflict { what: "pack" });
            }
            let live = add_parts(&mut work, caller, record, pack, parts, now).await?;
            execute(work.on(), SET_LIVE, args![pack, live, now]).await?;
            charge(&mut work, &standing, live).await?;
            work.commit().await
        })
        .await
    }

    /// Which of these parts are durable: those that the caller has uploaded for this record.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn parts_known(
        &self,
        caller: &PartyId,
        record: &RecordId,
        names: &[PartName],
    ) -> Result<Vec<PartName>> {
        let mut on = self.reader().await?;
        let rows = all_in(&mut on, KNOWN, "", || args![record, caller], names).await?;
        rows.iter().map(|row| Ok(PartName::from_bytes(row.fixed("name")?))).collect()
    }
}

/// Parts whose rows have just been deleted: their packs hold less, their owner has room again.
///
/// `rows` hold `pack` and `length`.
pub(crate) async fn release(work: &mut Work, owner: &PartyId, rows: &[AnyRow], now: Timestamp) -> Result<()> {
    let mut packs: BTreeMap<[u8; 16], u64> = BTreeMap::new();
    for row in rows {
        *packs.entry(row.fixed("pack")?).or_default() += row.number("length")?;
    }
    for (pack, bytes) in &packs {
        execute(work.on(), SHRINK_PACK, args![pack, bytes, now]).await?;
    }
    let freed: u64 = packs.values().sum();
    if freed > 0 {
        execute(work.on(), GIVE_BACK, args![owner, freed]).await?;
    }
    Ok(())
}

async fn uploader(
    on: &mut AnyConnection,
    caller: &PartyId,
    record: &RecordId,
    now: Timestamp,
) -> Result<Standing> {
    let standing = standing(on, caller, record, now).await?;
    if standing.may_append() { Ok(standing) } else { Err(StoreError::NotFound) }
}

/// Adds the parts and returns how many bytes of the pack they use.
async fn add_parts(
    work: &mut Work,
    caller: &PartyId,
    record: &RecordId,
    pack: PackKey,
    parts: &[UploadedPart],
    now: Timestamp,
) -> Result<u64> {
    let rows = insert_many(work.on(), ADD_PARTS, UNLESS_KNOWN, parts, |part, list| {
        list.push(&part.name);
        list.push(record);
        list.push(&pack);
        list.push(&part.offset);
        list.push(&part.length);
        list.push(&part.hash);
        list.push(caller);
        list.push(&now);
    })
    .await?;
    if rows.len() != parts.len() {
        return Err(StoreError::Conflict { what: "part" });
    }
    let mut live = 0;
    for row in rows {
        // A part that was known stays in its first pack.
        if row.fixed("pack")? == *pack.as_bytes() {
            live += row.number("length")?;
        }
    }
    Ok(live)
}

async fn charge(work: &mut Work, standing: &Standing, bytes: u64) -> Result<()> {
    if optional(work.on(), CHARGE, args![standing.owner, bytes]).await?.is_some() {
        return Ok(());
    }
    let row = one(work.on(), ROOM, args![standing.owner]).await?;
    Err(no_room(standing, row.number("used")?, row.number("quota")?, bytes))
}

/// How much an owner stores is nobody else's business.
fn no_room(standing: &Standing, used: u64, quota: u64, asked: u64) -> StoreError {
    if standing.is_owner() {
        StoreError::QuotaExceeded { used, quota, asked }
    } else {
        StoreError::Refused { reason: "the owner of this record has no room for it" }
    }
}

fn check_layout(pack_bytes: u64, parts: &[UploadedPart]) -> Result<()> {
    let inside = |part: &UploadedPart| {
        part.length > 0 && part.offset.checked_add(part.length).is_some_and(|end| end <= pack_bytes)
    };
    let names: BTreeSet<_> = parts.iter().map(|part| part.name).collect();
    if parts.iter().all(inside) && names.len() == parts.len() && !parts.is_empty() {
        Ok(())
    } else {
        Err(StoreError::Refused { reason: "the parts do not lie side by side in the pack" })
    }
}

const ROOM: &str = sql!("uploads.room", "SELECT used, quota FROM party WHERE id = $1");
const ADD_PACK: &str = sql!(
    "uploads.add_pack",
    "INSERT INTO pack (id, bytes, live, made_at) VALUES ($1, $2, 0, $3) ON CONFLICT DO NOTHING"
);
const ADD_PARTS: &str = sql!(
    "uploads.add_parts",
    "INSERT INTO part (name, record, pack, start, length, hash, uploaded_by, uploaded_at)"
);
// The newer time keeps a resumed upload from being collected before it is committed.
const UNLESS_KNOWN: &str = "ON CONFLICT (name) DO UPDATE SET uploaded_at = excluded.uploaded_at \
    WHERE part.item IS NULL AND part.record = excluded.record AND part.uploaded_by = excluded.uploaded_by \
    AND part.hash = excluded.hash AND part.length = excluded.length RETURNING pack, length";
const SET_LIVE: &str = sql!(
    "uploads.set_live",
    "UPDATE pack SET live = $2, dead_since = CASE WHEN $2 * 2 < bytes THEN $3 END WHERE id = $1"
);
const SHRINK_PACK: &str = sql!(
    "uploads.shrink_pack",
    "UPDATE pack SET live = live - $2, dead_since = COALESCE(dead_since, $3) WHERE id = $1"
);
const CHARGE: &str = sql!(
    "uploads.charge",
    "UPDATE party SET used = used + $2 WHERE id = $1 AND used + $2 <= quota RETURNING used"
);
const GIVE_BACK: &str = sql!("uploads.give_back", "UPDATE party SET used = used - $2 WHERE id = $1");
const KNOWN: &str =
    sql!("uploads.known", "SELECT name FROM part WHERE record = $1 AND uploaded_by = $2 AND name IN");
