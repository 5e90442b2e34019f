//! The log's leaves, the events under them, and who may read those.

use std::collections::BTreeSet;

use cowl_crypto::log::{open_leaf, salted_leaf};
use cowl_crypto::merkle::Hash;
use cowl_domain::{Event, PartyId, wire};

use super::act::Act;
use super::connection::{Ledger, Work};
use super::sql::{Columns, all, args, insert_many, one, sql};
use crate::error::Result;

/// An event with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Index of its leaf.
    pub index: u64,
    /// Salt of its leaf.
    pub salt: [u8; 16],
    /// Canonical event.
    pub event: Vec<u8>,
}

/// Events in the order of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// The events.
    pub events: Vec<LogEntry>,
    /// Whether more follow.
    pub more: bool,
}

/// A key binding with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenLeafRow {
    /// Index of its leaf.
    pub index: u64,
    /// Signed key binding.
    pub binding: Vec<u8>,
}

/// Open leaves in the order of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenLeafPage {
    /// The bindings.
    pub bindings: Vec<OpenLeafRow>,
    /// Whether more follow.
    pub more: bool,
}

/// An event on its way into the log, with the owner of the record in which it happened.
pub(crate) struct Told {
    pub(crate) event: Event,
    pub(crate) owner: Option<PartyId>,
}

impl Told {
    pub(crate) fn new(event: Event) -> Self {
        Self { event, owner: None }
    }

    pub(crate) fn to_owner(event: Event, owner: PartyId) -> Self {
        Self { event, owner: Some(owner) }
    }

    /// Actor, subject and record owner, each once.
    fn audience(&self) -> BTreeSet<PartyId> {
        [self.event.actor, self.event.subject, self.owner].into_iter().flatten().collect()
    }
}

impl Ledger {
    /// How many leaves the log has.
    ///
    /// # Errors
    /// [`crate::StoreError::Unavailable`].
    pub async fn log_size(&self) -> Result<u64> {
        let mut on = self.reader().await?;
        one(&mut on, sql!("log.size", "SELECT size FROM log_state WHERE id = 1"), args![])
            .await?
            .number("size")
    }

    /// The leaves from index `from` up to, not including, `to`; fewer where the log ends before.
    ///
    /// # Errors
    /// [`crate::StoreError::Unavailable`].
    pub async fn leaves(&self, from: u64, to: u64) -> Result<Vec<Hash>> {
        let mut on = self.reader().await?;
        let rows = all(&mut on, LEAVES, args![from, to]).await?;
        rows.iter().map(|row| Ok(Hash::from_bytes(row.fixed("hash")?))).collect()
    }

    /// The events that concern `party`, behind index `after`, at most `limit`.
    ///
    /// # Errors
    /// [`crate::StoreError::Unavailable`].
    pub async fn events_for(&self, party: &PartyId, after: Option<u64>, limit: u32) -> Result<EventPage> {
        let mut on = self.reader().await?;
        let list = args![party, behind(after), u64::from(limit) + 1];
        let mut rows = all(&mut on, EVENTS_FOR, list).await?;
        let more = cut(&mut rows, limit);
        let entry = |row: &sqlx::any::AnyRow| {
            Ok(LogEntry {
                index: row.number("position")?,
                salt: row.fixed("salt")?,
                event: row.blob("event")?,
            })
        };
        Ok(EventPage { events: rows.iter().map(entry).collect::<Result<_>>()?, more })
    }

    /// The open leaves behind index `after`, at most `limit`.
    ///
    /// # Errors
    /// [`crate::StoreError::Unavailable`].
    pub async fn open_leaves(&self, after: Option<u64>, limit: u32) -> Result<OpenLeafPage> {
        let mut on = self.reader().await?;
        let mut rows = all(&mut on, OPEN_LEAVES, args![behind(after), u64::from(limit) + 1]).await?;
        let more = cut(&mut rows, limit);
        let leaf = |row: &sqlx::any::AnyRow| {
            Ok(OpenLeafRow { index: row.number("leaf")?, binding: row.blob("signed")? })
        };
        Ok(OpenLeafPage { bindings: rows.iter().map(leaf).collect::<Result<_>>()?, more })
    }

    /// Appends an event that changes nothing else and returns its index.
    ///
    /// # Errors
    /// [`crate::StoreError::Unavailable`].
    pub async fn append_event(&self, event: &Event, act: &Act) -> Result<u64> {
        self.transact(move |mut work| async move {
            let index = append(&mut work, act, &[Told::new(event.clone())]).await?;
            work.commit().await?;
            Ok(index)
        })
        .await
    }
}

/// Appends events and returns the index of the first. The transaction's last step before its commit, and
/// called once in it: other writers wait from here on, and the act's salts must not repeat.
pub(crate) async fn append(work: &mut Work, act: &Act, told: &[Told]) -> Result<u64> {
    if told.is_empty() {
        return Ok(0);
    }
    let first = reserve(work, told.len() as u64).await?;
    let entries: Vec<Entry> =
        (0u64..).zip(told).map(|(n, told)| Entry::new(first + n, act.salt(n), told)).collect();
    insert_many(work.on(), ADD_LEAVES, "", &entries, |entry, list| {
        list.push(&entry.index);
        list.push(&entry.leaf);
    })
    .await?;
    insert_many(work.on(), ADD_EVENTS, "", &entries, |entry, list| {
        list.push(&entry.index);
        list.push(&entry.salt);
        list.push(&entry.event);
    })
    .await?;
    let readers: Vec<_> =
        entries.iter().flat_map(|entry| entry.audience.iter().map(|party| (*party, entry.index))).collect();
    insert_many(work.on(), ADD_AUDIENCE, "", &readers, |(party, index), list| {
        list.push(party);
        list.push(index);
    })
    .await?;
    Ok(first)
}

/// Appends a leaf that anybody may read and returns its index. As [`append`]: the last step.
pub(crate) async fn append_open(work: &mut Work, binding: &[u8]) -> Result<u64> {
    let index = reserve(work, 1).await?;
    let leaves = [(index, open_leaf(binding))];
    insert_many(work.on(), ADD_LEAVES, "", &leaves, |(index, leaf), list| {
        list.push(index);
        list.push(leaf);
    })
    .await?;
    Ok(index)
}

struct Entry {
    index: u64,
    salt: [u8; 16],
    event: Vec<u8>,
    leaf: Hash,
    audience: BTreeSet<PartyId>,
}

impl Entry {
    fn new(index: u64, salt: [u8; 16], told: &Told) -> Self {
        let event = wire::encode(&told.event);
        Self { index, salt, leaf: salted_leaf(&salt, &event), event, audience: told.audience() }
    }
}

async fn reserve(work: &mut Work, count: u64) -> Result<u64> {
    Ok(one(work.on(), GROW, args![count]).await?.number("size")? - count)
}

/// Indexes begin at 0, so that "behind nothing" is -1.
fn behind(after: Option<u64>) -> i64 {
    after.map_or(-1, |index| i64::try_from(index).unwrap_or(i64::MAX))
}

/// Takes away what was read beyond `limit`, and tells whether there was something.
pub(crate) fn cut<T>(rows: &mut Vec<T>, limit: u32) -> bool {
    let limit = limit as usize;
    let more = rows.len() > limit;
    rows.truncate(limit);
    more
}

const GROW: &str = sql!("log.grow", "UPDATE log_state SET size = size + $1 WHERE id = 1 RETURNING size");
const LEAVES: &str =
    sql!("log.leaves", "SELECT hash FROM log_leaf WHERE position >= $1 AND position < $2 ORDER BY position");
const ADD_LEAVES: &str = sql!("log.add_leaves", "INSERT INTO log_leaf (position, hash)");
const ADD_EVENTS: &str = sql!("log.add_events", "INSERT INTO log_event (position, salt, event)");
const ADD_AUDIENCE: &str = sql!("log.add_audience", "INSERT INTO event_audience (party, position)");
const EVENTS_FOR: &str = sql!(
    "log.events_for",
    "SELECT e.position, e.salt, e.event FROM event_audience a JOIN log_event e ON e.position = a.position "
    "WHERE a.party = $1 AND a.position > $2 ORDER BY a.position LIMIT $3"
);
const OPEN_LEAVES: &str =
    sql!("log.open_leaves", "SELECT leaf, signed FROM key_binding WHERE leaf > $1 ORDER BY leaf LIMIT $2");
