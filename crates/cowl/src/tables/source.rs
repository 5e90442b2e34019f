//! A sealed table in the cloud as a file that is read at any place: part by part, each checked against its manifest.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use cowl_query::parquet::ReadAt;
use cowl_vault::ItemReader;
use tokio::runtime::Handle;

/// Where a part lies, and its bytes.
type ReadPart = (Range<u64>, Arc<Vec<u8>>);

/// Reads what it needs of a table, and keeps the parts that it read last.
pub(crate) struct TableSource {
    reader: ItemReader,
    runtime: Handle,
    parts: Mutex<VecDeque<ReadPart>>,
}

impl TableSource {
    /// Of an opened item, within a runtime.
    pub(crate) fn new(reader: ItemReader) -> Self {
        Self { reader, runtime: Handle::current(), parts: Mutex::default() }
    }

    fn part(&self, offset: u64) -> io::Result<ReadPart> {
        let range = self.reader.part_around(offset).ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut kept = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = kept.iter().find(|(known, _)| *known == range) {
            return Ok(found.clone());
        }
        let read = || self.runtime.block_on(self.reader.read(range.clone()));
        let bytes = Arc::new(tokio::task::block_in_place(read).map_err(io::Error::other)?);
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back((range.clone(), Arc::clone(&bytes)));
        Ok((range, bytes))
    }
}

impl ReadAt for TableSource {
    fn size(&self) -> u64 {
        self.reader.length()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut done = 0;
        while done < buffer.len() {
            let at = offset + done as u64;
            let (range, bytes) = self.part(at)?;
            let from = (at - range.start) as usize;
            let length = (bytes.len() - from).min(buffer.len() - done);
            buffer[done..done + length].copy_from_slice(&bytes[from..from + length]);
            done += length;
        }
        Ok(())
    }
}

/// Parts that are kept; each has 16 MiB at the most.
const KEPT: usize = 8;
