//! Reads: refused or written down, then served against a ticket.

use std::collections::HashMap;

use cowl_crypto::digest::Digest;
use cowl_domain::{Event, EventKind, ItemId, PartName, PartyId, RecordId, Timestamp};
use sqlx::any::AnyRow;

use super::act::Act;
use super::connection::{Ledger, Work};
use super::items::{ItemRow, item_row};
use super::log::{Told, append};
use super::sql::{Columns, all_in, args, execute, insert_many, one, optional, sql};
use crate::error::{Result, StoreError};
use crate::parts::PackKey;

/// Where a part lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartLocation {
    /// The part.
    pub part: PartName,
    /// Its item.
    pub item: ItemId,
    /// Its pack.
    pub pack: PackKey,
    /// First byte in the pack.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// BLAKE3 of its bytes.
    pub hash: Digest,
}

impl Ledger {
    /// Opens items for reading: writes an event an item, keeps the ticket's digest, returns the items in
    /// the order asked for.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when one of them is not there or not the caller's to read: then nothing
    /// is opened, and the refusal is in the log instead.
    pub async fn open_reads(
        &self,
        caller: &PartyId,
        record: &RecordId,
        items: &[ItemId],
        ticket: &Digest,
        expires_at: Timestamp,
        act: &Act,
    ) -> Result<Vec<ItemRow>> {
        self.transact(move |mut work| async move {
            let owner = owner_of(&mut work, record).await?;
            let readable = readable(&mut work, caller, record, items, act.now()).await?;
            let opened: Option<Vec<ItemRow>> = items.iter().map(|item| readable.get(item).cloned()).collect();
            let Some(opened) = opened else {
                refuse(work, *caller, *record, owner, act).await?;
                return Err(StoreError::NotFound);
            };
            keep_ticket(&mut work, caller, record, items, ticket, expires_at).await?;
            let told: Vec<Told> = items
                .iter()
                .map(|item| {
                    let mut event = Event::new(EventKind::ItemRead, act.now(), Some(*caller));
                    (event.record, event.item) = (Some(*record), Some(*item));
                    Told { event, owner }
                })
                .collect();
            append(&mut work, act, &told).await?;
            work.commit().await?;
            Ok(opened)
        })
        .await
    }

    /// Where a part lies, for the holder of a ticket who may still read its item.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn part_location(
        &self,
        caller: &PartyId,
        ticket: &Digest,
        part: &PartName,
        now: Timestamp,
    ) -> Result<PartLocation> {
        let mut on = self.reader().await?;
        location(&one(&mut on, LOCATE, args![ticket, caller, now, part]).await?)
    }

    /// As [`Ledger::part_location`] for the party of a session, and in one step with it: half the time of reading a
    /// short range was spent between the two.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], also when it is the session that is not there.
    pub async fn part_location_in_session(
        &self,
        session: &Digest,
        ticket: &Digest,
        part: &PartName,
        now: Timestamp,
    ) -> Result<(PartyId, PartLocation)> {
        let mut on = self.reader().await?;
        let row = one(&mut on, LOCATE_IN_SESSION, args![ticket, session, now, part]).await?;
        Ok((PartyId::from_bytes(row.fixed("party")?), location(&row)?))
    }

    /// As [`Ledger::part_location`], for many parts, in their order.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when one of them is.
    pub async fn part_locations(
        &self,
        caller: &PartyId,
        ticket: &Digest,
        parts: &[PartName],
        now: Timestamp,
    ) -> Result<Vec<PartLocation>> {
        let mut on = self.reader().await?;
        let rows = all_in(&mut on, LOCATE_MANY, "", || args![ticket, caller, now], parts).await?;
        let mut found = HashMap::with_capacity(rows.len());
        for row in &rows {
            let location = location(row)?;
            found.insert(location.part, location);
        }
        parts.iter().map(|part| found.get(part).cloned().ok_or(StoreError::NotFound)).collect()
    }
}

async fn owner_of(work: &mut Work, record: &RecordId) -> Result<Option<PartyId>> {
    let row = optional(work.on(), OWNER, args![record]).await?;
    row.map(|row| Ok(PartyId::from_bytes(row.fixed("owner")?))).transpose()
}

async fn readable(
    work: &mut Work,
    caller: &PartyId,
    record: &RecordId,
    items: &[ItemId],
    now: Timestamp,
) -> Result<HashMap<ItemId, ItemRow>> {
    let rows = all_in(work.on(), READABLE, "", || args![record, caller, now], items).await?;
    rows.iter().map(|row| item_row(row).map(|item| (item.item, item))).collect()
}

/// Writes the refusal. A record that is not there is refused in the same way and time as one that is
/// not the caller's.
async fn refuse(
    mut work: Work,
    caller: PartyId,
    record: RecordId,
    owner: Option<PartyId>,
    act: &Act,
) -> Result<()> {
    let mut event = Event::new(EventKind::ReadRefused, act.now(), Some(caller));
    event.record = Some(record);
    append(&mut work, act, &[Told { event, owner }]).await?;
    work.commit().await
}

async fn keep_ticket(
    work: &mut Work,
    caller: &PartyId,
    record: &RecordId,
    items: &[ItemId],
    ticket: &Digest,
    expires_at: Timestamp,
) -> Result<()> {
    execute(work.on(), ADD_TICKET, args![ticket, caller, record, expires_at]).await?;
    let mut each = items.to_vec();
    each.sort_unstable();
    each.dedup();
    insert_many(work.on(), ADD_TICKET_ITEMS, "", &each, |item, list| {
        list.push(ticket);
        list.push(item);
    })
    .await
    .map(drop)
}

pub(crate) fn location(row: &AnyRow) -> Result<PartLocation> {
    Ok(PartLocation {
        part: PartName::from_bytes(row.fixed("name")?),
        item: ItemId::from_bytes(row.fixed("item")?),
        pack: PackKey::from_bytes(row.fixed("pack")?),
        offset: row.number("start")?,
        length: row.number("length")?,
        hash: Digest::from_bytes(row.fixed("hash")?),
    })
}

const OWNER: &str = sql!("reads.owner", "SELECT owner FROM record WHERE id = $1 AND deleted_at IS NULL");
const READABLE: &str = sql!(
    "reads.readable",
    "SELECT i.item, i.placement, i.header, i.manifest, i.in_head FROM item i JOIN record r ON r.id = i.record "
    "WHERE i.record = $1 AND r.deleted_at IS NULL AND (r.owner = $2 OR EXISTS "
    "(SELECT 1 FROM access_grant g WHERE g.grantee = $2 AND g.record = i.record "
    "AND (g.item IS NULL OR g.item = i.item) AND g.powers & 1 = 1 "
    "AND g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > $3))) AND i.item IN"
);
const ADD_TICKET: &str = sql!(
    "reads.add_ticket",
    "INSERT INTO read_ticket (token, party, record, expires_at) VALUES ($1, $2, $3, $4)"
);
const ADD_TICKET_ITEMS: &str = sql!("reads.add_ticket_items", "INSERT INTO ticket_item (token, item)");

// Each step is a lookup by key. Whether the grant still lives is asked anew for every part, so that a
// revocation counts at once in all processes.
macro_rules! locate {
    ($name:literal, $caller:literal, $party:literal, $parts:literal) => {
        sql!(
            $name,
            "SELECT t.party, p.name, p.item, p.pack, p.start, p.length, p.hash FROM part p "
            "JOIN ticket_item ti ON ti.item = p.item AND ti.token = $1 "
            "JOIN read_ticket t ON t.token = ti.token AND t.record = p.record " $caller
            "JOIN record r ON r.id = p.record "
            "WHERE t.party = " $party " AND t.expires_at > $3 AND (r.owner = t.party OR EXISTS "
            "(SELECT 1 FROM access_grant g WHERE g.grantee = t.party AND g.record = p.record "
            "AND (g.item IS NULL OR g.item = p.item) AND g.powers & 1 = 1 "
            "AND g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > $3))) AND p.name " $parts
        )
    };
}
const LOCATE: &str = locate!("reads.locate", "", "$2", "= $4");
const LOCATE_MANY: &str = locate!("reads.locate_many", "", "$2", "IN");
const LOCATE_IN_SESSION: &str = locate!(
    "reads.locate_in_session",
    "JOIN session s ON s.token = $2 AND s.expires_at > $3 ",
    "s.party",
    "= $4"
);
