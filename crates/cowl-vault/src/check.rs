//! Checking what the cloud holds, without fetching it all.
//!
//! Every statement, header and manifest is verified. Of the parts, as many as asked are drawn; of each a
//! random segment (64 KiB) of the payload is fetched and opened: its tag tells whether it is intact.

use cowl_domain::{ItemId, RecordId};
use cowl_seal::payload::{NONCE, PayloadOpener, SegmentSpan, plain_length};
use rand::Rng;
use rand::seq::IndexedRandom;

use crate::error::{Result, Tampering, VaultError};
use crate::open::OpenItem;
use crate::progress::Progress;
use crate::vault::Vault;
use crate::view::CheckReport;

impl Vault {
    /// Checks a record. `sample` segments are drawn at random over all items, or one an item without it.
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
                Err(VaultError::Tampered(fault)) => report.faults.push((id, fault.to_string())),
                Err(other) => return Err(other),
            }
        }
        let drawn = draw(&sound, sample);
        progress.begin("checking", drawn.len() as u64);
        for group in drawn.chunks(TICKET_ITEMS) {
            let ids: std::collections::BTreeSet<ItemId> =
                group.iter().map(|open| open.manifest.item).collect();
            let ids: Vec<ItemId> = ids.into_iter().collect();
            let ticket = self.client.read_items(&record.id, &ids).await?.ticket.0;
            for open in group {
                self.check_one(&ticket, open, &mut report).await?;
                progress.advance(1);
            }
        }
        progress.end();
        Ok(report)
    }

    async fn check_one(&self, ticket: &[u8], open: &OpenItem, report: &mut CheckReport) -> Result<()> {
        report.parts += 1;
        match self.check_segment(ticket, open).await {
            Ok(bytes) => report.bytes += bytes,
            Err(VaultError::Tampered(fault)) => report.faults.push((open.manifest.item, fault.to_string())),
            Err(VaultError::Refused(problem)) if problem.code == cowl_api::ProblemCode::NotFound => {
                report.faults.push((open.manifest.item, "the cloud no longer has a part of it".to_owned()));
            }
            Err(other) => return Err(other),
        }
        Ok(())
    }

    /// Fetches one random segment and opens it; yields how many bytes were fetched.
    async fn check_segment(&self, ticket: &[u8], open: &OpenItem) -> Result<u64> {
        let refuse = || VaultError::from(Tampering::Content(open.manifest.item));
        let plain = plain_length(open.placement.size).map_err(|_| refuse())?;
        let at = if plain == 0 { 0 } else { rand::rng().random_range(0..plain) };
        let span = SegmentSpan::covering(&(at..plain.min(at + 1)), plain).ok_or_else(refuse)?;
        let nonce = self.payload_range(ticket, open, 0..NONCE as u64).await?;
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| refuse())?;
        let sealed = self.payload_range(ticket, open, span.sealed.clone()).await?;
        PayloadOpener::new(&open.key, &nonce).open_range(&span, &sealed).map_err(|_| refuse())?;
        Ok(sealed.len() as u64 + NONCE as u64)
    }

    /// A range of the sealed payload, out of the parts that hold it.
    pub(crate) async fn payload_range(
        &self,
        ticket: &[u8],
        open: &OpenItem,
        range: std::ops::Range<u64>,
    ) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut start = 0;
        for part in &open.manifest.parts {
            let end = start + part.size;
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                let piece =
                    self.client.fetch_part_range(ticket, &part.name, from - start..to - start).await?;
                bytes.extend_from_slice(&piece);
            }
            start = end;
        }
        Ok(bytes)
    }
}

fn draw(items: &[OpenItem], sample: Option<usize>) -> Vec<&OpenItem> {
    match sample {
        None => items.iter().collect(),
        Some(count) => {
            let mut random = rand::rng();
            (0..count).filter_map(|_| items.choose(&mut random)).collect()
        }
    }
}

const TICKET_ITEMS: usize = 256;
