//! Collecting what nobody needs any more.
//!
//! Each step leaves a state from which the next run goes on, whatever the step at which a process dies,
//! and several processes may collect at the same time. An object is deleted only after the ledger has
//! *doomed* its pack: from then on no upload can claim it. The doomed row outlives the object by the grace
//! period, so that even a writer that slept that long is told off.

use bytes::Bytes;
use cowl_domain::Timestamp;

use crate::error::{Result, StoreError};
use crate::ledger::{Ledger, LivePart};
use crate::parts::{PackKey, PartStore};

/// When things are collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectionPolicy {
    /// How long an upload may wait for its commit, and an object for its upload to be made known, in
    /// seconds. Must exceed the longest upload and the difference of any two clocks.
    pub grace_seconds: u64,
    /// How long the object of a doomed pack stays, in seconds, for readers who have just been told its
    /// place.
    pub linger_seconds: u64,
    /// How long bytes that are dead may lie among living ones, in seconds; then their pack is copied
    /// without them, however few they are.
    pub erase_after_seconds: u64,
}

impl Default for CollectionPolicy {
    fn default() -> Self {
        Self { grace_seconds: 24 * 3600, linger_seconds: 300, erase_after_seconds: 30 * 24 * 3600 }
    }
}

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Parts that were uploaded and never committed.
    pub uploads_given_up: u64,
    /// Objects that no upload had made known.
    pub orphans: u64,
    /// Packs without a living part.
    pub dead_packs: u64,
    /// Packs copied without their dead parts.
    pub compacted: u64,
    /// Objects deleted (again, where a run before this one was cut short).
    pub deleted: u64,
}

/// Collects for one ledger and its part store.
#[derive(Debug, Clone)]
pub struct Collector {
    ledger: Ledger,
    parts: PartStore,
    policy: CollectionPolicy,
}

/// How many rows one transaction of a collection touches at most.
const BATCH: u32 = 500;

impl Collector {
    /// A collector.
    pub fn new(ledger: Ledger, parts: PartStore, policy: CollectionPolicy) -> Self {
        Self { ledger, parts, policy }
    }

    /// Collects once. `fresh_key` draws the random key of a new pack.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Full`]; what was done until then stays done.
    pub async fn run(
        &self,
        now: Timestamp,
        fresh_key: &mut (dyn FnMut() -> PackKey + Send),
    ) -> Result<Collected> {
        let mut collected = Collected::default();
        let grace = before(now, self.policy.grace_seconds);
        collected.uploads_given_up = self.give_up_uploads(grace, now).await?;
        collected.orphans = self.ledger.doom_orphans(&self.parts.list_older_than(grace).await?, now).await?;
        collected.compacted = self.compact(now, fresh_key).await?;
        collected.dead_packs = self.doom_dead_packs(now).await?;
        collected.deleted = self.delete_doomed(now).await?;
        Ok(collected)
    }

    async fn give_up_uploads(&self, grace: Timestamp, now: Timestamp) -> Result<u64> {
        let mut sum = 0;
        loop {
            let some = self.ledger.give_up_uploads(grace, BATCH, now).await?;
            sum += some;
            if some < u64::from(BATCH) {
                return Ok(sum);
            }
        }
    }

    async fn doom_dead_packs(&self, now: Timestamp) -> Result<u64> {
        let mut sum = 0;
        loop {
            let some = self.ledger.doom_dead_packs(BATCH, now).await?;
            sum += some;
            if some < u64::from(BATCH) {
                return Ok(sum);
            }
        }
    }

    async fn compact(&self, now: Timestamp, fresh_key: &mut (dyn FnMut() -> PackKey + Send)) -> Result<u64> {
        let died_before = before(now, self.policy.erase_after_seconds);
        let mut sum = 0;
        for thin in self.ledger.thin_packs(died_before, BATCH).await? {
            match self.compact_pack(thin.pack, fresh_key(), now).await {
                Ok(()) => sum += 1,
                // Another process has it, or its last part has just died.
                Err(StoreError::Conflict { .. } | StoreError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(sum)
    }

    async fn compact_pack(&self, old: PackKey, new: PackKey, now: Timestamp) -> Result<()> {
        let mut living = self.ledger.live_parts(old).await?;
        if living.is_empty() {
            return Err(StoreError::NotFound);
        }
        let ranges: Vec<_> = living.iter().map(|part| part.offset..part.offset + part.length).collect();
        let chunks: Vec<Bytes> = self.parts.ranges(old, &ranges).await?;
        lay_side_by_side(&mut living);
        let bytes = self.parts.put_pack(new, chunks).await?;
        self.ledger.parts_moved(old, new, bytes, &living, now).await
    }

    async fn delete_doomed(&self, now: Timestamp) -> Result<u64> {
        let mut deleted = 0;
        let forget = self.policy.linger_seconds.saturating_add(self.policy.grace_seconds);
        for doomed in self.ledger.doomed_packs(before(now, self.policy.linger_seconds)).await? {
            self.parts.delete(doomed.pack).await?;
            deleted += 1;
            if doomed.doomed_at <= before(now, forget) {
                self.ledger.forget_pack(doomed.pack).await?;
            }
        }
        Ok(deleted)
    }
}

fn lay_side_by_side(parts: &mut [LivePart]) {
    let mut offset = 0;
    for part in parts {
        part.offset = offset;
        offset += part.length;
    }
}

fn before(now: Timestamp, seconds: u64) -> Timestamp {
    Timestamp::from_millis(now.as_millis().saturating_sub(seconds.saturating_mul(1000)))
}
