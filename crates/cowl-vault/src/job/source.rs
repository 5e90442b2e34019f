//! Items for jobs: opened under the grant that was checked, in the version that the job names.

use std::io::{self, Write};

use async_trait::async_trait;
use cowl_domain::ItemId;
use cowl_job::{GrantedItem, ItemReader, ItemSource, JobItem, PortError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{port_error, unavailable};
use crate::codec::WHOLE_LIMIT;
use crate::error::{Result, VaultError};
use crate::fetch::{PARTS_AHEAD, copy_content, send_parts};
use crate::open::OpenItem;
use crate::progress::Silent;
use crate::vault::Vault;

#[async_trait]
impl ItemSource for Vault {
    async fn open(&self, granted: &GrantedItem) -> std::result::Result<Box<dyn ItemReader>, PortError> {
        let item = granted.item();
        // The keys of this vault open what is granted to its own party only.
        if granted.receiver() != self.party_id() {
            return Err(PortError::Missing { item: item.item });
        }
        let (ticket, open) = self.open_job_item(item).await.map_err(|error| port_error(item.item, error))?;
        if open.manifest.version != item.version || open.placement.digest() != item.placement {
            return Err(PortError::Changed { item: item.item });
        }
        if open.manifest.content_size > WHOLE_LIMIT {
            return Ok(Box::new(self.stream(ticket, open)));
        }
        let content = self.content_of(&ticket, &open).await.map_err(|error| port_error(item.item, error))?;
        Ok(Box::new(Whole(Some(content).filter(|content| !content.is_empty()))))
    }
}

impl Vault {
    async fn open_job_item(&self, item: &JobItem) -> Result<(Vec<u8>, OpenItem)> {
        let record = self.load_record(&item.record).await?;
        let not_there = || VaultError::NotFound { what: "item", name: item.item.to_string() };
        if record.owner.party() != item.owner {
            return Err(not_there());
        }
        let opened = self.open_for_reading(&record, &[item.item]).await?;
        Ok((opened.ticket, opened.items.into_iter().next().ok_or_else(not_there)?))
    }

    /// A large item, its parts passing through memory.
    fn stream(&self, ticket: Vec<u8>, open: OpenItem) -> Streamed {
        let item = open.manifest.item;
        let (send_part, receive_part) = mpsc::channel(PARTS_AHEAD);
        let parts = open.manifest.parts.iter().map(|part| (part.name, part.size)).collect();
        let fetching = tokio::spawn(send_parts(self.client.clone(), ticket, item, parts, send_part));
        let (send, pieces) = mpsc::channel(1);
        let opening = tokio::task::spawn_blocking(move || {
            copy_content(&open, receive_part, &mut PieceWriter(send), &Silent)
        });
        Streamed { item, pieces, work: vec![fetching, opening] }
    }
}

/// Content that was opened as a whole.
struct Whole(Option<Vec<u8>>);

#[async_trait]
impl ItemReader for Whole {
    async fn next_piece(&mut self) -> std::result::Result<Option<Vec<u8>>, PortError> {
        Ok(self.0.take())
    }
}

/// Content on its way: fetched by one task, opened by another, each ahead of the reader.
struct Streamed {
    item: ItemId,
    pieces: mpsc::Receiver<Vec<u8>>,
    /// A failed fetch shows as a missing part when opened; so the fetch is asked first.
    work: Vec<JoinHandle<Result<()>>>,
}

#[async_trait]
impl ItemReader for Streamed {
    async fn next_piece(&mut self) -> std::result::Result<Option<Vec<u8>>, PortError> {
        if let Some(piece) = self.pieces.recv().await {
            return Ok(Some(piece));
        }
        for task in self.work.drain(..) {
            task.await.map_err(unavailable)?.map_err(|error| port_error(self.item, error))?;
        }
        Ok(None)
    }
}

/// Hands on what is written; fails when nobody reads any more.
struct PieceWriter(mpsc::Sender<Vec<u8>>);

impl Write for PieceWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.blocking_send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
