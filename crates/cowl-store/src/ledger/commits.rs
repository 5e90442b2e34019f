//! Commits: a record's next state, all of it or none.

use std::sync::Arc;

use cowl_crypto::digest::Digest;
use cowl_domain::record::ItemsRoot;
use cowl_domain::{
    Epoch, Event, EventKind, ItemId, PartName, PartyId, Placement, RecordHead, RecordId, Share,
};

use super::act::Act;
use super::connection::{Ledger, Work};
use super::grants::add_share;
use super::heads::{Heads, Items};
use super::items::{placement_of, placements};
use super::log::{Told, append};
use super::records::add_epoch;
use super::sql::{Columns, all, all_in, args, execute, one, optional, sql};
use super::standing::{Standing, lock_record, standing};
use super::uploads::release;
use crate::error::{Result, StoreError};
use crate::proven::Proven;

/// An item that is new, or the next version of one that is there.
#[derive(Debug, Clone)]
pub struct NewItem {
    /// Its placement, signed by the caller.
    pub placement: Proven<Placement>,
    /// Its header.
    pub header: Vec<u8>,
    /// Its sealed manifest.
    pub manifest: Vec<u8>,
    /// Its parts, all uploaded by the caller for this record and not yet taken.
    pub parts: Vec<PartName>,
}

/// A change of a record.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// Items that are new or re-keyed.
    pub items: Vec<NewItem>,
    /// Items that go.
    pub removed: Vec<ItemId>,
    /// The next epoch, when one begins.
    pub epoch: Option<Proven<Epoch>>,
    /// Shares for grants that live on.
    pub shares: Vec<Proven<Share>>,
    /// The next head; `None` only from somebody who appends.
    pub head: Option<Proven<RecordHead>>,
}

impl Ledger {
    /// Brings a record to its next state.
    ///
    /// From its owner: with a head whose sequence is the next one and whose root is that of the items as
    /// they are then. Where that head counts more items than the owner's own, those that others appended
    /// first are taken in. From somebody with a live grant to append: new items only, outside the head.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for everybody else; [`StoreError::Conflict`] when the head, an item, an
    /// epoch, a grant or a part is not (or no longer) as the commit supposes; [`StoreError::Refused`]
    /// when the commit does not fit together.
    pub async fn commit(
        &self,
        caller: &PartyId,
        record: &RecordId,
        commit: &Commit,
        act: &Act,
    ) -> Result<()> {
        let items = self
            .transact(move |mut work| async move {
                lock_record(&mut work, record).await?;
                let standing = standing(work.on(), caller, record, act.now()).await?;
                if !standing.may_append() {
                    return Err(StoreError::NotFound);
                }
                let mut change = Change::new(work, *caller, *record, standing, act);
                let items = if change.standing.is_owner() {
                    Some(change.by_owner(commit, &self.heads).await?)
                } else {
                    change.by_appender(commit).await?;
                    None
                };
                change.finish(commit).await?;
                Ok(items)
            })
            .await?;
        if let (Some(items), Some(head)) = (items, &commit.head) {
            self.heads.keep(*record, Digest::of(&head.signed().to_bytes()), items);
        }
        Ok(())
    }
}

/// A commit on its way through the transaction.
struct Change<'a> {
    work: Work,
    caller: PartyId,
    record: RecordId,
    standing: Standing,
    /// The record's epoch, the commit's own included.
    epoch: u32,
    act: &'a Act,
    rekeyed: Vec<ItemId>,
    added: u64,
}

impl<'a> Change<'a> {
    fn new(work: Work, caller: PartyId, record: RecordId, standing: Standing, act: &'a Act) -> Self {
        Self { work, caller, record, epoch: standing.epoch, standing, act, rekeyed: Vec::new(), added: 0 }
    }

    /// Returns the items under the new head.
    async fn by_owner(&mut self, commit: &Commit, heads: &Heads) -> Result<Items> {
        let head = commit.head.as_ref().ok_or(refused("an owner's commit needs a head"))?;
        if head.record != self.record || head.signer() != self.caller {
            return Err(refused("the head is not of this record or not signed by its owner"));
        }
        let before = one(self.work.on(), HEAD, args![self.record]).await?.blob("head")?;
        let known = heads.find(&self.record, &Digest::of(&before));
        self.take_sequence(head).await?;
        if let Some(epoch) = &commit.epoch {
            self.begin_epoch(epoch).await?;
        }
        if head.epoch != self.epoch {
            return Err(conflict("epoch"));
        }
        for item in &commit.removed {
            self.remove(item).await?;
        }
        for item in &commit.items {
            self.place(item).await?;
        }
        for share in &commit.shares {
            add_share(&mut self.work, share, &self.record, &self.caller, self.act.now()).await?;
        }
        let items = match known {
            Some(known) => after(known, commit),
            None => placements(self.work.on(), &self.record).await?.into_iter().collect(),
        };
        self.take_in_appended(head, items).await
    }

    async fn by_appender(&mut self, commit: &Commit) -> Result<()> {
        let only_adds = commit.removed.is_empty()
            && commit.shares.is_empty()
            && commit.epoch.is_none()
            && commit.head.is_none()
            && commit.items.iter().all(|item| item.placement.version == 0);
        if !only_adds {
            return Err(refused("a grant to append allows new items only"));
        }
        for item in &commit.items {
            self.place(item).await?;
        }
        Ok(())
    }

    /// The one place where racing commits of an owner are told apart.
    async fn take_sequence(&mut self, head: &Proven<RecordHead>) -> Result<()> {
        let before = head.sequence.checked_sub(1).ok_or(conflict("record head"))?;
        let list = args![self.record, head.signed().to_bytes(), head.sequence, head.epoch, before];
        let taken = execute(self.work.on(), TAKE_SEQUENCE, list).await?;
        if taken == 1 { Ok(()) } else { Err(conflict("record head")) }
    }

    async fn begin_epoch(&mut self, epoch: &Proven<Epoch>) -> Result<()> {
        if epoch.record != self.record || epoch.signer() != self.caller {
            return Err(refused("the epoch is not of this record or not signed by its owner"));
        }
        if Some(epoch.number) != self.epoch.checked_add(1) {
            return Err(conflict("epoch"));
        }
        add_epoch(&mut self.work, epoch).await?;
        self.epoch = epoch.number;
        Ok(())
    }

    async fn remove(&mut self, item: &ItemId) -> Result<()> {
        if execute(self.work.on(), REMOVE, args![self.record, item]).await? == 0 {
            return Err(conflict("item"));
        }
        self.drop_parts(item).await
    }

    async fn place(&mut self, new: &NewItem) -> Result<()> {
        self.check(new)?;
        let placement = &new.placement;
        if placement.version == 0 {
            self.add(new).await?;
            self.added += 1;
        } else {
            self.replace(new).await?;
            self.rekeyed.push(placement.item);
        }
        self.take_parts(new).await
    }

    fn check(&self, new: &NewItem) -> Result<()> {
        let placement = &new.placement;
        if placement.record != self.record || placement.signer() != self.caller {
            return Err(refused("a placement is not of this record or not signed by the caller"));
        }
        if placement.manifest != Digest::of(&new.manifest) || placement.parts as usize != new.parts.len() {
            return Err(refused("a placement does not fit its manifest or its parts"));
        }
        // Nobody seals to an epoch that has ended.
        if placement.epoch != self.epoch { Err(conflict("epoch")) } else { Ok(()) }
    }

    async fn add(&mut self, new: &NewItem) -> Result<()> {
        let (placement, signed) = (&new.placement, new.placement.signed().to_bytes());
        let digest = placement.verified().digest();
        let in_head = self.standing.is_owner();
        let list = args![
            self.record,
            placement.item,
            signed,
            digest,
            new.header,
            new.manifest,
            self.caller,
            in_head
        ];
        if execute(self.work.on(), ADD, list).await? == 1 { Ok(()) } else { Err(conflict("item")) }
    }

    async fn replace(&mut self, new: &NewItem) -> Result<()> {
        let (placement, signed) = (&new.placement, new.placement.signed().to_bytes());
        let digest = placement.verified().digest();
        let before = placement.version - 1;
        let list = args![
            self.record,
            placement.item,
            before,
            placement.version,
            signed,
            digest,
            new.header,
            new.manifest,
            self.caller
        ];
        if execute(self.work.on(), REPLACE, list).await? == 0 {
            return Err(conflict("item"));
        }
        self.drop_parts(&placement.item).await
    }

    async fn drop_parts(&mut self, item: &ItemId) -> Result<()> {
        let rows = all(self.work.on(), DROP_PARTS, args![self.record, item]).await?;
        release(&mut self.work, &self.standing.owner, &rows, self.act.now()).await
    }

    async fn take_parts(&mut self, new: &NewItem) -> Result<()> {
        let placement = &new.placement;
        let first = || args![placement.item, placement.version, self.record, self.caller];
        let rows = all_in(self.work.on(), TAKE_PARTS, "RETURNING length", first, &new.parts).await?;
        if rows.len() != new.parts.len() {
            return Err(conflict("part"));
        }
        let mut size = 0;
        for row in rows {
            size += row.number("length")?;
        }
        if size == placement.size {
            Ok(())
        } else {
            Err(refused("a placement's size is not that of its parts"))
        }
    }

    /// Takes as many appended items into the head as it counts, and checks its root: a head that does
    /// not fit would lock every reader out.
    async fn take_in_appended(&mut self, head: &Proven<RecordHead>, mut items: Items) -> Result<Items> {
        let missing = head.items.checked_sub(items.len() as u64).ok_or(conflict("record head"))?;
        if missing > 0 {
            let appended = all(self.work.on(), FIRST_APPENDED, args![self.record, missing]).await?;
            for row in &appended {
                let (item, digest) = placement_of(row)?;
                execute(self.work.on(), TAKE_IN, args![self.record, item]).await?;
                items.insert(item, digest);
            }
        }
        let tree = ItemsRoot::new(items.iter().map(|(item, digest)| (*item, *digest)));
        let fits = tree.len() == head.items && tree.root() == head.items_root;
        if fits { Ok(items) } else { Err(conflict("record head")) }
    }

    async fn finish(mut self, commit: &Commit) -> Result<()> {
        let told = self.events(commit);
        append(&mut self.work, self.act, &told).await?;
        self.work.commit().await
    }

    fn events(&self, commit: &Commit) -> Vec<Told> {
        let head = commit.head.as_ref().map(|head| head.verified().digest());
        let mut events = Vec::new();
        if let Some(epoch) = &commit.epoch {
            events.push(Event {
                statement: Some(epoch.verified().digest()),
                ..self.event(EventKind::EpochBegun)
            });
        }
        if !commit.removed.is_empty() {
            let count = Some(commit.removed.len() as u64);
            events.push(Event { count, statement: head, ..self.event(EventKind::ItemsRemoved) });
        }
        if self.added > 0 {
            events.push(Event {
                count: Some(self.added),
                statement: head,
                ..self.event(EventKind::ItemsAdded)
            });
        }
        events.extend(
            self.rekeyed.iter().map(|item| Event { item: Some(*item), ..self.event(EventKind::ItemRekeyed) }),
        );
        events.into_iter().map(|event| Told::to_owner(event, self.standing.owner)).collect()
    }

    fn event(&self, kind: EventKind) -> Event {
        let mut event = Event::new(kind, self.act.now(), Some(self.caller));
        event.record = Some(self.record);
        event
    }
}

/// The items under a head after what an owner's commit does to them.
fn after(known: Arc<Items>, commit: &Commit) -> Items {
    let mut items = Arc::unwrap_or_clone(known);
    for item in &commit.removed {
        items.remove(item);
    }
    let placed = commit.items.iter().map(|new| (new.placement.item, new.placement.verified().digest()));
    items.extend(placed);
    items
}

const fn conflict(what: &'static str) -> StoreError {
    StoreError::Conflict { what }
}

const fn refused(reason: &'static str) -> StoreError {
    StoreError::Refused { reason }
}

/// The version of an item that is there.
pub(crate) async fn version_of(work: &mut Work, record: &RecordId, item: &ItemId) -> Result<Option<u32>> {
    let row = optional(work.on(), VERSION, args![record, item]).await?;
    row.map(|row| row.number32("version")).transpose()
}

/// The epoch of a record that is there.
pub(crate) async fn epoch_of(work: &mut Work, record: &RecordId) -> Result<u32> {
    one(work.on(), EPOCH, args![record]).await?.number32("epoch")
}

const HEAD: &str = sql!("commits.head", "SELECT head FROM record WHERE id = $1");
const TAKE_SEQUENCE: &str = sql!(
    "commits.take_sequence",
    "UPDATE record SET head = $2, sequence = $3, epoch = $4 WHERE id = $1 AND sequence = $5"
);
const REMOVE: &str = sql!("commits.remove", "DELETE FROM item WHERE record = $1 AND item = $2");
const ADD: &str = sql!(
    "commits.add",
    "INSERT INTO item (record, item, version, placement, placement_digest, header, manifest, placer, in_head, "
    "arrival) SELECT $1, $2, 0, $3, $4, $5, $6, $7, $8, changes FROM record WHERE id = $1 ON CONFLICT DO NOTHING"
);
const REPLACE: &str = sql!(
    "commits.replace",
    "UPDATE item SET version = $4, placement = $5, placement_digest = $6, header = $7, manifest = $8, "
    "placer = $9, in_head = 1 WHERE record = $1 AND item = $2 AND version = $3"
);
const DROP_PARTS: &str =
    sql!("commits.drop_parts", "DELETE FROM part WHERE record = $1 AND item = $2 RETURNING pack, length");
const TAKE_PARTS: &str = sql!(
    "commits.take_parts",
    "UPDATE part SET item = $1, version = $2 "
    "WHERE record = $3 AND uploaded_by = $4 AND item IS NULL AND name IN"
);
const FIRST_APPENDED: &str = sql!(
    "commits.first_appended",
    "SELECT item, placement_digest FROM item WHERE record = $1 AND in_head = 0 ORDER BY arrival, item LIMIT $2"
);
const TAKE_IN: &str = sql!("commits.take_in", "UPDATE item SET in_head = 1 WHERE record = $1 AND item = $2");
const VERSION: &str = sql!("commits.version", "SELECT version FROM item WHERE record = $1 AND item = $2");
const EPOCH: &str = sql!("commits.epoch", "SELECT epoch FROM record WHERE id = $1");
