//! The ledger's side of collecting what nobody needs any more.

use std::collections::{BTreeMap, HashSet};

use cowl_domain::{PartName, PartyId, Timestamp};
use sqlx::any::AnyRow;

use super::connection::{Ledger, Work};
use super::sql::{Columns, all, all_in, args, execute, one, sql};
use super::uploads::release;
use crate::error::{Result, StoreError};
use crate::parts::PackKey;

/// A pack whose object is to be deleted, or has been.
pub(crate) struct DoomedPack {
    pub(crate) pack: PackKey,
    pub(crate) doomed_at: Timestamp,
}

/// A pack with too many dead bytes in it.
pub(crate) struct ThinPack {
    pub(crate) pack: PackKey,
}

/// A part that is still needed, in a pack that is not.
pub(crate) struct LivePart {
    pub(crate) name: PartName,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

impl Ledger {
    /// Gives up at most `limit` parts that were uploaded before `before` and never committed.
    pub(crate) async fn give_up_uploads(&self, before: Timestamp, limit: u32, now: Timestamp) -> Result<u64> {
        self.transact(move |mut work| async move {
            let rows = all(work.on(), GIVE_UP, args![before, limit]).await?;
            let given_up = rows.len() as u64;
            for (owner, parts) in by_owner(&mut work, rows).await? {
                release(&mut work, &owner, &parts, now).await?;
            }
            work.commit().await?;
            Ok(given_up)
        })
        .await
    }

    /// Dooms packs without a part that is alive.
    pub(crate) async fn doom_dead_packs(&self, limit: u32, now: Timestamp) -> Result<u64> {
        self.transact(move |mut work| async move {
            let doomed = execute(work.on(), DOOM_DEAD, args![now, limit]).await?;
            work.commit().await?;
            Ok(doomed)
        })
        .await
    }

    /// Dooms those of the objects found in the part store that no upload has made known, and returns their
    /// number. From then on no upload can.
    pub(crate) async fn doom_orphans(&self, found: &[PackKey], now: Timestamp) -> Result<u64> {
        let mut on = self.reader().await?;
        let known = all_in(&mut on, KNOWN_PACKS, "", || args![], found).await?;
        drop(on);
        let known: HashSet<[u8; 16]> = known.iter().map(|row| row.fixed("id")).collect::<Result<_>>()?;
        let mut doomed = 0;
        for pack in found.iter().filter(|pack| !known.contains(pack.as_bytes())) {
            doomed += self
                .transact(move |mut work| async move {
                    let doomed = execute(work.on(), DOOM_ORPHAN, args![pack, now]).await?;
                    work.commit().await?;
                    Ok(doomed)
                })
                .await?;
        }
        Ok(doomed)
    }

    /// Packs doomed before `before`.
    pub(crate) async fn doomed_packs(&self, before: Timestamp) -> Result<Vec<DoomedPack>> {
        let mut on = self.reader().await?;
        let rows = all(&mut on, DOOMED, args![before]).await?;
        let doomed = |row: &AnyRow| {
            let doomed_at = Timestamp::from_millis(row.number("doomed_at")?);
            Ok(DoomedPack { pack: PackKey::from_bytes(row.fixed("id")?), doomed_at })
        };
        rows.iter().map(doomed).collect()
    }

    /// Forgets a doomed pack whose object is gone.
    pub(crate) async fn forget_pack(&self, pack: PackKey) -> Result<()> {
        self.transact(move |mut work| async move {
            execute(work.on(), FORGET, args![pack]).await?;
            work.commit().await
        })
        .await
    }

    /// Packs that are worth copying: less than half alive, or with parts that died before `died_before`.
    pub(crate) async fn thin_packs(&self, died_before: Timestamp, limit: u32) -> Result<Vec<ThinPack>> {
        let mut on = self.reader().await?;
        let rows = all(&mut on, THIN, args![died_before, limit]).await?;
        rows.iter().map(|row| Ok(ThinPack { pack: PackKey::from_bytes(row.fixed("id")?) })).collect()
    }

    /// The parts of a pack that are alive, in its order.
    pub(crate) async fn live_parts(&self, pack: PackKey) -> Result<Vec<LivePart>> {
        let mut on = self.reader().await?;
        let rows = all(&mut on, LIVE_PARTS, args![pack]).await?;
        let part = |row: &AnyRow| {
            Ok(LivePart {
                name: PartName::from_bytes(row.fixed("name")?),
                offset: row.number("start")?,
                length: row.number("length")?,
            })
        };
        rows.iter().map(part).collect()
    }

    /// Moves parts from `old` into `new`, which is durable, and dooms `old`. `parts` hold their places in
    /// `new`; those that died meanwhile stay dead.
    pub(crate) async fn parts_moved(
        &self,
        old: PackKey,
        new: PackKey,
        new_bytes: u64,
        parts: &[LivePart],
        now: Timestamp,
    ) -> Result<()> {
        self.transact(move |mut work| async move {
            execute(work.on(), ADD_PACK, args![new, new_bytes, now]).await?;
            let mut live = 0;
            for part in parts {
                let moved = execute(work.on(), MOVE, args![part.name, old, new, part.offset]).await?;
                live += moved * part.length;
            }
            // Another process has copied the same pack and was faster.
            if live == 0 {
                return Err(StoreError::Conflict { what: "pack" });
            }
            execute(work.on(), SET_LIVE, args![new, live, now]).await?;
            execute(work.on(), DOOM, args![old, now]).await?;
            work.commit().await
        })
        .await
    }
}

/// Deleted parts by the owner of their record.
async fn by_owner(work: &mut Work, rows: Vec<AnyRow>) -> Result<BTreeMap<PartyId, Vec<AnyRow>>> {
    let mut by_record: BTreeMap<[u8; 16], Vec<AnyRow>> = BTreeMap::new();
    for row in rows {
        by_record.entry(row.fixed("record")?).or_default().push(row);
    }
    let mut by_owner: BTreeMap<PartyId, Vec<AnyRow>> = BTreeMap::new();
    for (record, rows) in by_record {
        let owner = PartyId::from_bytes(one(work.on(), OWNER, args![record]).await?.fixed("owner")?);
        by_owner.entry(owner).or_default().extend(rows);
    }
    Ok(by_owner)
}

const OWNER: &str = sql!("collection.owner", "SELECT owner FROM record WHERE id = $1");
const GIVE_UP: &str = sql!(
    "collection.give_up",
    "DELETE FROM part WHERE item IS NULL AND name IN "
    "(SELECT name FROM part WHERE item IS NULL AND uploaded_at < $1 ORDER BY uploaded_at LIMIT $2) "
    "RETURNING pack, length, record"
);
const DOOM_DEAD: &str = sql!(
    "collection.doom_dead",
    "UPDATE pack SET doomed_at = $1 WHERE live = 0 AND doomed_at IS NULL AND id IN "
    "(SELECT id FROM pack WHERE dead_since IS NOT NULL AND live = 0 AND doomed_at IS NULL LIMIT $2)"
);
const KNOWN_PACKS: &str = sql!("collection.known_packs", "SELECT id FROM pack WHERE id IN");
const DOOM_ORPHAN: &str = sql!(
    "collection.doom_orphan",
    "INSERT INTO pack (id, bytes, live, made_at, dead_since, doomed_at) VALUES ($1, 0, 0, $2, $2, $2) "
    "ON CONFLICT DO NOTHING"
);
const DOOMED: &str = sql!(
    "collection.doomed",
    "SELECT id, doomed_at FROM pack WHERE doomed_at IS NOT NULL AND doomed_at <= $1 ORDER BY doomed_at"
);
const FORGET: &str =
    sql!("collection.forget", "DELETE FROM pack WHERE id = $1 AND doomed_at IS NOT NULL AND live = 0");
const THIN: &str = sql!(
    "collection.thin",
    "SELECT id FROM pack WHERE dead_since IS NOT NULL AND doomed_at IS NULL AND live > 0 "
    "AND (live * 2 < bytes OR dead_since < $1) ORDER BY dead_since LIMIT $2"
);
const LIVE_PARTS: &str =
    sql!("collection.live_parts", "SELECT name, start, length FROM part WHERE pack = $1 ORDER BY start");
const ADD_PACK: &str =
    sql!("collection.add_pack", "INSERT INTO pack (id, bytes, live, made_at) VALUES ($1, $2, 0, $3)");
const MOVE: &str =
    sql!("collection.move", "UPDATE part SET pack = $3, start = $4 WHERE name = $1 AND pack = $2");
const SET_LIVE: &str = sql!(
    "collection.set_live",
    "UPDATE pack SET live = $2, dead_since = CASE WHEN $2 * 2 < bytes THEN $3 END WHERE id = $1"
);
const DOOM: &str = sql!(
    "collection.doom",
    "UPDATE pack SET live = 0, dead_since = COALESCE(dead_since, $2), doomed_at = $2 WHERE id = $1"
);
