//! Checking what the cloud holds, without fetching it all.
//!
//! Every statement, header and manifest is verified. Of every part, or of as many as asked and drawn at
//! random, a random segment (64 KiB) of the payload is fetched and opened: its tag tells whether it is
//! intact. What is wrong with an item is noted, and the check goes on.

use std::collections::BTreeSet;
use std::ops::Range;

use cowl_domain::{ItemId, RecordId};
use cowl_seal::payload::{NONCE, PayloadOpener, SEALED_SEGMENT, SEGMENT, SegmentSpan, plain_length};
use futures_util::future::join_all;
use rand::Rng;
use rand::seq::IndexedRandom;

use crate::error::{Result, Tampering, VaultError};
use crate::open::OpenItem;
use crate::payload::is_bare;
use crate::progress::Progress;
use crate::range::{fetch, fetch_whole_parts};
use crate::vault::Vault;
use crate::view::{CheckReport, Fault};

/// A part to be looked at.
#[derive(Clone)]
struct Drawn<'a> {
    open: &'a OpenItem,
    /// Where it lies in the payload.
    range: Range<u64>,
}

impl Vault {
    /// Checks a record: a random segment of every part, or of `sample` parts drawn at random over all items.
    ///
    /// # Errors
    /// Those of the server; faults of single items are in the report instead.
    pub async fn check(
        &self,
        record: RecordId,
        sample: Option<usize>,
        progress: &dyn Progress,
    ) -> Result<CheckReport> {
        let record = self.load_record(&record).await?;
        let (placed, _) = self.verified_items(&record).await?;
        let mut report = CheckReport::default();
        let mut sound = Vec::new();
        for item in placed {
            report.items += 1;
            let id = item.placement.item;
            match self.open_items(&record, vec![item]).await {
                Ok(open) => sound.extend(open),
                Err(error) => report.note(id, None, fault(error)?),
            }
        }
        let drawn = draw(&sound, sample);
        progress.begin("checking", drawn.len() as u64);
        for group in drawn.chunks(TICKET_PARTS) {
            let ids: BTreeSet<ItemId> = group.iter().map(|drawn| drawn.open.manifest.item).collect();
            let ids: Vec<ItemId> = ids.into_iter().collect();
            let ticket = self.client.read_items(&record.id, &ids).await?.ticket.0;
            for few in group.chunks(AT_ONCE) {
                self.check_parts(&ticket, few, &mut report).await?;
                progress.advance(few.len() as u64);
            }
        }
        progress.end();
        Ok(report)
    }

    async fn check_parts(&self, ticket: &[u8], few: &[Drawn<'_>], report: &mut CheckReport) -> Result<()> {
        let outcomes = join_all(few.iter().map(|drawn| self.check_segment(ticket, drawn))).await;
        for (drawn, outcome) in few.iter().zip(outcomes) {
            report.parts += 1;
            let manifest = &drawn.open.manifest;
            match outcome {
                Ok(bytes) => report.bytes += bytes,
                Err(error) => {
                    report.note(manifest.item, Some(manifest.label.name.clone()), fault(error)?);
                }
            }
        }
        Ok(())
    }

    /// Fetches one random segment of a part and opens it, or all of a part that stands as it is; yields how many
    /// bytes were fetched.
    async fn check_segment(&self, ticket: &[u8], drawn: &Drawn<'_>) -> Result<u64> {
        let open = drawn.open;
        if is_bare(open.manifest.suite) {
            let part = fetch_whole_parts(&self.client, ticket, open, drawn.range.clone()).await?;
            return Ok(part.len() as u64);
        }
        let refuse = || VaultError::from(Tampering::Content(open.manifest.item));
        let plain = plain_length(open.placement.size).map_err(|_| refuse())?;
        let at = segment_within(&drawn.range).min(plain);
        let span = SegmentSpan::covering(&(at..plain.min(at + 1)), plain).ok_or_else(refuse)?;
        let nonce = fetch(&self.client, ticket, open, 0..NONCE as u64).await?;
        let nonce = nonce.first_chunk().ok_or_else(refuse)?;
        let sealed = fetch(&self.client, ticket, open, span.sealed.clone()).await?;
        PayloadOpener::new(&open.key, nonce).open_range(&span, &sealed).map_err(|_| refuse())?;
        Ok((sealed.len() + NONCE) as u64)
    }
}

impl CheckReport {
    /// The first fault of an item says enough.
    fn note(&mut self, item: ItemId, name: Option<String>, fault: String) {
        if self.faults.iter().all(|known| known.item != item) {
            self.faults.push(Fault { item, name, fault });
        }
    }
}

/// What is wrong with one item, unless it is wrong with all.
fn fault(error: VaultError) -> Result<String> {
    match error {
        VaultError::Tampered(fault) => Ok(fault.to_string()),
        VaultError::Lost { .. } => Ok(error.to_string()),
        VaultError::Refused(problem) if problem.code == cowl_api::ProblemCode::NotFound => {
            Ok("the cloud no longer has a part of it".to_owned())
        }
        other => Err(other),
    }
}

/// The first byte of the content of a segment that reaches into a random place of this range of a payload.
fn segment_within(part: &Range<u64>) -> u64 {
    let at = if part.is_empty() { part.start } else { rand::rng().random_range(part.clone()) };
    at.saturating_sub(NONCE as u64) / SEALED_SEGMENT as u64 * SEGMENT as u64
}

fn draw(items: &[OpenItem], sample: Option<usize>) -> Vec<Drawn<'_>> {
    let all: Vec<Drawn<'_>> = items.iter().flat_map(parts_of).collect();
    match sample {
        None => all,
        Some(count) => {
            let mut random = rand::rng();
            (0..count).filter_map(|_| all.choose(&mut random).cloned()).collect()
        }
    }
}

fn parts_of(open: &OpenItem) -> impl Iterator<Item = Drawn<'_>> {
    open.manifest.parts.iter().scan(0, move |start, part| {
        let range = *start..*start + part.size;
        *start = range.end;
        Some(Drawn { open, range })
    })
}

/// Parts that are read against one ticket; the log has an entry for each item of it.
const TICKET_PARTS: usize = 256;
const AT_ONCE: usize = 8;
