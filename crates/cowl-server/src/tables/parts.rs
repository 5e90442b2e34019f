//! The parts of a sealed table in their order, read from a thread that may block.

use std::io;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use cowl_crypto::digest::Digest;
use cowl_domain::{AdditiveHeader, PartEntry, PartName};
use cowl_query::parquet::ReadAt;
use cowl_store::ledger::{PartLocation, StoredTable};
use cowl_store::{Ledger, PartStore, StoreError};
use futures_util::{Stream, StreamExt, stream};
use tokio::runtime::Handle;

use super::failure::TableFailure;

/// Parts that are fetched ahead.
const AHEAD: usize = 3;

/// Reads the parts of one table.
#[derive(Clone)]
pub(super) struct PartReader {
    pub(super) ledger: Ledger,
    pub(super) parts: PartStore,
    pub(super) runtime: Handle,
    pub(super) table: StoredTable,
    pub(super) header: AdditiveHeader,
}

impl PartReader {
    /// Bytes of the table's file.
    pub(super) fn size(&self) -> u64 {
        self.header.payload_size().expect("the header was checked when it was read")
    }

    /// Hands whole parts to `take` in their order, each compared with its hash.
    ///
    /// # Errors
    /// [`TableFailure::Part`] names the part that is missing or was changed.
    pub(super) fn for_each(
        &self,
        mut take: impl FnMut(&[u8]) -> Result<(), TableFailure>,
    ) -> Result<(), TableFailure> {
        let places = self.locate()?;
        let mut parts = std::pin::pin!(self.fetch_all(&places));
        while let Some(part) = self.runtime.block_on(parts.next()) {
            let (entry, bytes) = part?;
            if Digest::of(&bytes) != entry.hash {
                return Err(TableFailure::Part(entry.name));
            }
            take(&bytes)?;
        }
        Ok(())
    }

    fn fetch_all<'a>(
        &'a self,
        places: &'a [PartLocation],
    ) -> impl Stream<Item = Result<(&'a PartEntry, Bytes), TableFailure>> + 'a {
        let fetch = move |(entry, place): (&'a PartEntry, &'a PartLocation)| async move {
            Ok((entry, self.fetch(place, 0..place.length).await?))
        };
        stream::iter(self.header.parts.iter().zip(places)).map(fetch).buffered(AHEAD)
    }

    /// Where the parts lie now, in the order of the header.
    fn locate(&self) -> Result<Vec<PartLocation>, TableFailure> {
        let known = self.ledger.parts_of_item(&self.table.record, &self.table.item);
        let known = self.runtime.block_on(known)?;
        let place = |entry: &PartEntry| {
            let found = known.iter().find(|place| place.part == entry.name && place.length == entry.size);
            found.cloned().ok_or(TableFailure::Part(entry.name))
        };
        self.header.parts.iter().map(place).collect()
    }

    /// A range of a part; asks anew where it is when its pack has just been compacted.
    async fn fetch(&self, place: &PartLocation, range: Range<u64>) -> Result<Bytes, TableFailure> {
        let mut place = place.clone();
        loop {
            let stored = place.offset + range.start..place.offset + range.end;
            match self.parts.range(place.pack, stored).await {
                Err(StoreError::NotFound) => {
                    let now = self.now_at(&place.part).await?;
                    if now == place {
                        return Err(TableFailure::Part(place.part));
                    }
                    place = now;
                }
                Err(StoreError::Corrupt { .. }) => return Err(TableFailure::Part(place.part)),
                outcome => return Ok(outcome?),
            }
        }
    }

    async fn now_at(&self, part: &PartName) -> Result<PartLocation, TableFailure> {
        let known = self.ledger.parts_of_item(&self.table.record, &self.table.item).await?;
        known.into_iter().find(|place| place.part == *part).ok_or(TableFailure::Part(*part))
    }
}

/// A table's file as it lies in its parts: for a look at its footer. Ranges are not compared with hashes.
pub(super) struct PartsSource {
    reader: PartReader,
    /// Where each part begins in the file.
    starts: Vec<u64>,
    places: Vec<PartLocation>,
    /// Why the last reading failed: readers of files pass on its text only.
    failed: Mutex<Option<TableFailure>>,
}

impl PartsSource {
    pub(super) fn new(reader: PartReader) -> Result<Self, TableFailure> {
        let places = reader.locate()?;
        let starts = places.iter().scan(0, |next, place| {
            let start = *next;
            *next += place.length;
            Some(start)
        });
        Ok(Self { starts: starts.collect(), places, failed: Mutex::default(), reader })
    }

    fn fail(&self, failure: TableFailure) -> io::Error {
        let error = io::Error::other(failure.to_string());
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        error
    }

    /// Why a reading failed, if one did.
    pub(super) fn failure(&self) -> Option<TableFailure> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ReadAt for PartsSource {
    fn size(&self) -> u64 {
        self.reader.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64).filter(|end| *end <= self.size());
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut at = offset;
        while at < end {
            let part = self.starts.partition_point(|start| *start <= at) - 1;
            let (start, place) = (self.starts[part], &self.places[part]);
            let range = at - start..(end - start).min(place.length);
            let bytes = self.reader.runtime.block_on(self.reader.fetch(place, range));
            let bytes = bytes.map_err(|failure| self.fail(failure))?;
            let to = (at - offset) as usize;
            buffer[to..to + bytes.len()].copy_from_slice(&bytes);
            at += bytes.len() as u64;
        }
        Ok(())
    }
}
