//! One suite for every pair of database and part store.
//!
//! Each behaviour is a function over [`Stores`]; `cowl-store`'s tests run all of them over SQLite with a
//! folder, and over PostgreSQL with S3 where these are at hand.
#![allow(clippy::unwrap_used, reason = "these are tests, if not marked as such")]

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use cowl_crypto::digest::Digest;
use cowl_crypto::id::random_bytes;
use cowl_domain::{ItemId, PartName, Power, Powers, RecordId, Scope, Timestamp};
use cowl_store::ledger::{Commit, NewGrant, NewItem, UploadedPart};
use cowl_store::{Act, Ledger, PackKey, PartStore, StoreConfig, StoreError};

mod actor;
pub mod collection;
pub mod durability;
pub mod jobs;
pub mod logins;
pub mod races;
pub mod sharing;
pub mod writing;

pub use actor::Actor;

/// A fresh, migrated store under test.
#[derive(Debug)]
pub struct Stores {
    /// Where it lives, to open it a second time.
    pub config: StoreConfig,
    /// Its ledger.
    pub ledger: Ledger,
    /// Its parts.
    pub parts: PartStore,
    clock: AtomicU64,
}

/// A record as its owner knows it.
#[derive(Debug, Clone)]
pub struct OwnRecord {
    /// Identifier.
    pub id: RecordId,
    /// Sequence of the next head.
    pub next: u64,
    /// Current epoch.
    pub epoch: u32,
    /// Items of the head with the digests of their placements.
    pub items: std::collections::BTreeMap<ItemId, Digest>,
}

/// An item that was put in.
#[derive(Debug, Clone)]
pub struct Placed {
    /// Identifier.
    pub item: ItemId,
    /// Names and bytes of its parts.
    pub parts: Vec<(PartName, Bytes)>,
}

impl Stores {
    /// Opens and migrates the store.
    pub async fn open(config: StoreConfig) -> Result<Self, StoreError> {
        let ledger = Ledger::connect(&config.database).await?;
        ledger.migrate().await?;
        let parts = PartStore::open(&config.parts).await?;
        Ok(Self { config, ledger, parts, clock: AtomicU64::new(1_700_000_000_000) })
    }

    /// A second process on the same store.
    pub async fn second_ledger(&self) -> Ledger {
        Ledger::connect(&self.config.database).await.expect("the database was reached before")
    }

    /// The time of the test, which goes on by a millisecond a look.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.fetch_add(1, Ordering::Relaxed))
    }

    /// Lets time pass.
    pub fn wait_seconds(&self, seconds: u64) {
        self.clock.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    /// An act now.
    pub fn act(&self) -> Act {
        Act::new(self.now(), random_bytes())
    }

    /// A registered party.
    pub async fn register(&self, handle: &str) -> Actor {
        let actor = Actor::new(handle);
        self.ledger.register(&actor.registration()).await.expect("a fresh handle is free");
        actor
    }

    /// An empty record.
    pub async fn record_of(&self, owner: &Actor) -> OwnRecord {
        let record = RecordId::from_bytes(random_bytes());
        let (genesis, epoch) = (owner.genesis(record), owner.epoch(record, 0));
        let head = owner.head(record, 0, 0, &Default::default());
        self.ledger.make_record(&genesis, &epoch, &head, &self.act()).await.expect("a fresh record");
        OwnRecord { id: record, next: 1, epoch: 0, items: Default::default() }
    }

    /// Uploads parts of these sizes as one pack.
    pub async fn upload(
        &self,
        by: &Actor,
        record: &RecordId,
        sizes: &[usize],
    ) -> Result<Vec<(PartName, Bytes)>, StoreError> {
        let parts: Vec<_> =
            sizes.iter().map(|size| (PartName::from_bytes(random_bytes()), noise(*size))).collect();
        let pack = PackKey::from_bytes(random_bytes());
        let bytes = self.parts.put_pack(pack, parts.iter().map(|(_, bytes)| bytes.clone()).collect()).await?;
        let layout = layout(&parts);
        self.ledger.parts_uploaded(&by.id(), record, pack, bytes, &layout, self.now()).await?;
        Ok(parts)
    }

    /// A new item of these parts, ready to be committed.
    pub fn new_item(
        &self,
        by: &Actor,
        record: &OwnRecord,
        item: ItemId,
        version: u32,
        parts: &[(PartName, Bytes)],
    ) -> NewItem {
        let manifest = noise(40).to_vec();
        let size = parts.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        let placement = by.placement(record, item, version, &manifest, size, parts.len());
        let parts = parts.iter().map(|(name, _)| *name).collect();
        NewItem { placement, header: b"header".to_vec(), manifest, parts }
    }

    /// Uploads and commits one new item as its record's owner.
    pub async fn put(&self, owner: &Actor, record: &mut OwnRecord, sizes: &[usize]) -> Placed {
        let parts = self.upload(owner, &record.id, sizes).await.expect("an owner may upload");
        let item = ItemId::from_bytes(random_bytes());
        let new = self.new_item(owner, record, item, 0, &parts);
        let commit = Commit { items: vec![new], ..Commit::default() };
        self.commit(owner, record, commit).await.expect("an owner may commit");
        Placed { item, parts }
    }

    /// Adds the head that follows from the commit's items, and commits.
    pub async fn commit(
        &self,
        owner: &Actor,
        record: &mut OwnRecord,
        mut commit: Commit,
    ) -> Result<(), StoreError> {
        let mut after = record.clone();
        after.epoch = commit.epoch.as_ref().map_or(record.epoch, |epoch| epoch.number);
        after.items.retain(|item, _| !commit.removed.contains(item));
        for new in &commit.items {
            after.items.insert(new.placement.item, new.placement.verified().digest());
        }
        commit.head = Some(owner.head(record.id, record.next, after.epoch, &after.items));
        self.ledger.commit(&owner.id(), &record.id, &commit, &self.act()).await?;
        after.next += 1;
        *record = after;
        Ok(())
    }

    /// Grants powers.
    pub async fn grant(
        &self,
        owner: &Actor,
        record: &OwnRecord,
        scope: Scope,
        grantee: &Actor,
        power: Power,
        expires_at: Option<Timestamp>,
    ) -> NewGrant {
        let grant = owner.grant(record.id, scope, grantee, Powers::of([power]), expires_at);
        let share = owner.share(&grant, record.epoch);
        let new = NewGrant { grant, note: None, shares: vec![share] };
        self.ledger
            .make_grants(&owner.id(), std::slice::from_ref(&new), &self.act())
            .await
            .expect("a fresh grant");
        new
    }

    /// Opens one item and reads its first part.
    pub async fn read(
        &self,
        reader: &Actor,
        record: &RecordId,
        placed: &Placed,
    ) -> Result<Bytes, StoreError> {
        let ticket = Digest::from_bytes(random_bytes());
        let until = self.now().plus_seconds(60);
        self.ledger.open_reads(&reader.id(), record, &[placed.item], &ticket, until, &self.act()).await?;
        self.fetch(reader, &ticket, &placed.parts[0].0).await
    }

    /// Fetches a part against a ticket.
    pub async fn fetch(&self, reader: &Actor, ticket: &Digest, part: &PartName) -> Result<Bytes, StoreError> {
        let at = self.ledger.part_location(&reader.id(), ticket, part, self.now()).await?;
        self.parts.range(at.pack, at.offset..at.offset + at.length).await
    }
}

/// Where parts lie that were put side by side.
pub fn layout(parts: &[(PartName, Bytes)]) -> Vec<UploadedPart> {
    let mut offset = 0;
    let place = |(name, bytes): &(PartName, Bytes)| {
        let length = bytes.len() as u64;
        let part = UploadedPart { name: *name, offset, length, hash: Digest::of(bytes) };
        offset += length;
        part
    };
    parts.iter().map(place).collect()
}

/// Random bytes, as ciphertext looks.
pub fn noise(size: usize) -> Bytes {
    let mut bytes = Vec::with_capacity(size + 31);
    let (seed, mut counter) = (random_bytes::<32>(), 0u64);
    while bytes.len() < size {
        counter += 1;
        bytes.extend_from_slice(Digest::of_parts(&[&seed, &counter.to_be_bytes()]).as_bytes());
    }
    bytes.truncate(size);
    Bytes::from(bytes)
}
