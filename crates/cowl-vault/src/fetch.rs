//! Fetching: tickets, parts, and content out of them.

use std::collections::HashMap;
use std::io::{Read, Write};

use bytes::Bytes;
use cowl_api::ProblemCode;
use cowl_api::client::ClientError;
use cowl_crypto::digest::{Digest, Hasher};
use cowl_domain::{ItemId, PartName, RecordId};
use cowl_imaging::container::ContainerError;
use cowl_seal::payload::{Cores, PartsError, PayloadOpener, plain_length};
use cowl_seal::split::{MergeError, PartCheck, PartJoiner, merge};
use rayon::prelude::*;
use tokio::sync::mpsc;

use crate::codec;
use crate::error::{Result, Tampering, VaultError};
use crate::open::{OpenItem, PlacedItem};
use crate::payload::{PayloadReader, is_bare};
use crate::progress::Progress;
use crate::record::Record;
use crate::vault::Vault;
use crate::view::{ItemInfo, ReadReport};

/// Items with the ticket to fetch their parts.
pub(crate) struct Opened {
    pub ticket: Vec<u8>,
    pub items: Vec<OpenItem>,
}

impl Vault {
    /// Asks to read items: the event is in the log from now on. Checks and opens what comes back.
    pub(crate) async fn open_for_reading(&self, record: &Record, items: &[ItemId]) -> Result<Opened> {
        let ticket = self.client.read_items(&record.id, items).await?;
        let mut placed = Vec::new();
        let (known, _) = self.verified_items(record).await?;
        let mut known: HashMap<ItemId, PlacedItem> =
            known.into_iter().map(|item| (item.placement.item, item)).collect();
        for id in items {
            let not_there = || VaultError::NotFound { what: "item", name: id.to_string() };
            placed.push(known.remove(id).ok_or_else(not_there)?);
        }
        let items = self.open_items(record, placed).await?;
        Ok(Opened { ticket: ticket.ticket.0, items })
    }

    /// Opens one item and writes its content out, the parts passing through memory one by one.
    ///
    /// # Errors
    /// [`Tampering`] names what does not fit; nothing is written behind the first byte that does not.
    pub async fn get(
        &self,
        record: RecordId,
        item: ItemId,
        out: &mut (dyn Write + Send),
        progress: &dyn Progress,
    ) -> Result<ReadReport> {
        let record = self.load_record(&record).await?;
        let opened = self.open_for_reading(&record, &[item]).await?;
        let open = opened.items.first().ok_or_else(|| VaultError::Bug("ticket without item".to_owned()))?;
        progress.begin(&open.manifest.label.name, open.manifest.content_size);
        self.write_content(&opened.ticket, open, out, progress).await?;
        progress.end();
        Ok(ReadReport { info: self.item_info(open).await?, bytes: open.manifest.content_size })
    }

    /// Opens many items at once and hands each over whole. For items of up to [`codec::WHOLE_LIMIT`] bytes.
    ///
    /// # Errors
    /// As [`Vault::get`]; also what `sink` returns.
    pub async fn get_many(
        &self,
        record: RecordId,
        items: &[ItemId],
        sink: &mut (dyn FnMut(ItemInfo, Vec<u8>) -> Result<()> + Send),
        progress: &dyn Progress,
    ) -> Result<u64> {
        let record = self.load_record(&record).await?;
        let opened = self.open_for_reading(&record, items).await?;
        let total: u64 = opened.items.iter().map(|open| open.manifest.content_size).sum();
        progress.begin("opening", total);
        for batch in batches(&opened.items) {
            let parts = self.fetch_whole(&opened.ticket, batch).await?;
            for (open, content) in open_batch(batch, &parts)? {
                progress.advance(content.len() as u64);
                sink(self.item_info(open).await?, content)?;
            }
        }
        progress.end();
        Ok(total)
    }

    /// The content of one small item.
    pub(crate) async fn content_of(&self, ticket: &[u8], open: &OpenItem) -> Result<Vec<u8>> {
        let batch = std::slice::from_ref(open);
        let parts = self.fetch_whole(ticket, batch).await?;
        let mut contents = open_batch(batch, &parts)?;
        contents.pop().map(|(_, content)| content).ok_or_else(|| VaultError::Bug("no content".to_owned()))
    }

    pub(crate) async fn fetch_whole(
        &self,
        ticket: &[u8],
        items: &[OpenItem],
    ) -> Result<HashMap<PartName, Bytes>> {
        let names: Vec<PartName> =
            items.iter().flat_map(|open| open.manifest.parts.iter().map(|part| part.name)).collect();
        let mut parts = HashMap::with_capacity(names.len());
        let mut stream = match self.client.fetch_parts(ticket, &names).await {
            Ok(stream) => stream,
            Err(error) => return Err(self.why_cut(ticket, items, &parts, error).await),
        };
        loop {
            match stream.next().await {
                Ok(Some((name, bytes))) => parts.insert(name, bytes),
                Ok(None) => return Ok(parts),
                Err(ClientError::BadAnswer { .. }) => return Err(first_without(items, &parts)),
                Err(other) => return Err(self.why_cut(ticket, items, &parts, other).await),
            };
        }
    }

    /// A stream of parts is cut where the server has none; asked for that part alone, it says why.
    async fn why_cut(
        &self,
        ticket: &[u8],
        items: &[OpenItem],
        parts: &HashMap<PartName, Bytes>,
        error: ClientError,
    ) -> VaultError {
        for open in items {
            for (index, part) in open.manifest.parts.iter().enumerate() {
                if parts.contains_key(&part.name) {
                    continue;
                }
                // The last byte is missing of a part that is gone, and of one that was cut.
                let last = part.size.saturating_sub(1)..part.size;
                let asked = self.client.fetch_part_range(ticket, &part.name, last).await;
                if let Err(lost) = asked.map_err(|e| part_error(open.manifest.item, index, e)) {
                    return lost;
                }
            }
        }
        error.into()
    }

    pub(crate) async fn write_content(
        &self,
        ticket: &[u8],
        open: &OpenItem,
        out: &mut (dyn Write + Send),
        progress: &dyn Progress,
    ) -> Result<()> {
        if open.manifest.content_size <= codec::WHOLE_LIMIT {
            let content = self.content_of(ticket, open).await?;
            progress.advance(content.len() as u64);
            return out.write_all(&content).map_err(VaultError::Stream);
        }
        let (send, receive) = mpsc::channel(PARTS_AHEAD);
        let parts: Vec<(PartName, u64)> =
            open.manifest.parts.iter().map(|part| (part.name, part.size)).collect();
        let item = open.manifest.item;
        let fetching = tokio::spawn(send_parts(self.client.clone(), ticket.to_vec(), item, parts, send));
        let written = tokio::task::block_in_place(|| copy_content(open, receive, out, progress));
        let fetched = fetching.await.map_err(|e| VaultError::Bug(e.to_string()))?;
        // A failed fetch shows as a missing part when written; the cause is the better message.
        fetched?;
        written
    }
}

/// Fetches the parts of an item in the manifest's order, a few ahead of the reader.
pub(crate) async fn send_parts(
    client: cowl_api::client::Client,
    ticket: Vec<u8>,
    item: ItemId,
    parts: Vec<(PartName, u64)>,
    send: mpsc::Sender<Vec<u8>>,
) -> Result<()> {
    for (index, (name, size)) in parts.into_iter().enumerate() {
        let fetched = client.fetch_part_range(&ticket, &name, 0..size).await;
        let bytes = fetched.map_err(|e| part_error(item, index, e))?;
        if send.send(bytes.to_vec()).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Why a part, counted from 0, does not come as it should.
pub(crate) fn part_error(item: ItemId, index: usize, error: ClientError) -> VaultError {
    match error.code() {
        Some(ProblemCode::PartLost) => VaultError::Lost { item, index: index + 1 },
        _ if matches!(error, ClientError::BadAnswer { .. }) => {
            Tampering::Part { item, index: index + 1 }.into()
        }
        _ => error.into(),
    }
}

/// The part that should have come next.
fn first_without(items: &[OpenItem], parts: &HashMap<PartName, Bytes>) -> VaultError {
    let missing = items.iter().find_map(|open| {
        let index = open.manifest.parts.iter().position(|part| !parts.contains_key(&part.name))?;
        Some(Tampering::Part { item: open.manifest.item, index: index + 1 })
    });
    missing.map_or_else(|| VaultError::Bug("a part too many was asked for".to_owned()), Into::into)
}

/// Joins, opens, decodes and writes; the digest of what was written must be the sealer's.
pub(crate) fn copy_content(
    open: &OpenItem,
    mut receive: mpsc::Receiver<Vec<u8>>,
    out: &mut (dyn Write + Send),
    progress: &dyn Progress,
) -> Result<()> {
    let id = open.manifest.item;
    let parts = std::iter::from_fn(|| receive.blocking_recv().map(Ok));
    let joined = PartJoiner::new(checks(open), parts);
    let opened = PayloadReader::of(open, joined, Cores::One).map_err(|e| read_error(id, e))?;
    let mut decoded = codec::reader(open.manifest.codec, opened)?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; COPY_BUFFER];
    let mut written = 0u64;
    loop {
        let length = decoded.read(&mut buffer).map_err(|e| content_error(open, e))?;
        if length == 0 {
            break;
        }
        hasher.update(&buffer[..length]);
        out.write_all(&buffer[..length]).map_err(VaultError::Stream)?;
        written += length as u64;
        progress.advance(length as u64);
    }
    let same = written == open.manifest.content_size && hasher.finalize() == open.manifest.content;
    if same { Ok(()) } else { Err(Tampering::Content(id).into()) }
}

/// Opens small items whose parts are all here, on all cores.
fn open_batch<'a>(
    items: &'a [OpenItem],
    parts: &HashMap<PartName, Bytes>,
) -> Result<Vec<(&'a OpenItem, Vec<u8>)>> {
    tokio::task::block_in_place(|| {
        items
            .par_iter()
            .with_max_len(1)
            .map(|open| open_content(open, parts).map(|content| (open, content)))
            .collect()
    })
}

/// Checks each part, opens the payload, decodes it, and checks the content against the sealer's digest.
pub(crate) fn open_content(open: &OpenItem, parts: &HashMap<PartName, Bytes>) -> Result<Vec<u8>> {
    let id = open.manifest.item;
    let coded = open_payload(open, parts)?;
    let decoded = codec::decode(open.manifest.codec, open.manifest.suite, &open.key, coded)?;
    let same =
        decoded.len() as u64 == open.manifest.content_size && Digest::of(&decoded) == open.manifest.content;
    if same { Ok(decoded) } else { Err(Tampering::Content(id).into()) }
}

/// The coded content of an item, out of its parts.
pub(crate) fn open_payload(open: &OpenItem, parts: &HashMap<PartName, Bytes>) -> Result<Vec<u8>> {
    let id = open.manifest.item;
    let missing = |index: usize| VaultError::from(Tampering::Part { item: id, index: index + 1 });
    let mut listed: Vec<&[u8]> = Vec::with_capacity(open.manifest.parts.len());
    for (index, entry) in open.manifest.parts.iter().enumerate() {
        listed.push(parts.get(&entry.name).ok_or_else(|| missing(index))?);
    }
    let refuse = || VaultError::from(Tampering::Content(id));
    if is_bare(open.manifest.suite) {
        return merge(&checks(open), &listed, Cores::One).map_err(|error| match error {
            MergeError::Mismatch(index) | MergeError::Missing(index) => missing(index),
            _ => refuse(),
        });
    }
    let length = plain_length(open.placement.size).map_err(|_| refuse())?;
    let mut plain = vec![0; usize::try_from(length).map_err(|_| refuse())?];
    match PayloadOpener::open_parts(&open.key, &checks(open), &listed, &mut plain, Cores::One) {
        Ok(()) => Ok(plain),
        Err(PartsError::Merge(MergeError::Mismatch(index) | MergeError::Missing(index))) => {
            Err(missing(index))
        }
        Err(_) => Err(refuse()),
    }
}

pub(crate) fn checks(open: &OpenItem) -> Vec<PartCheck> {
    open.manifest.parts.iter().map(|part| PartCheck { size: part.size, hash: part.hash }).collect()
}

/// What went wrong while content was read: a part, the payload, or what its sealer coded.
fn content_error(open: &OpenItem, error: std::io::Error) -> VaultError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<ContainerError>()) {
        Some(damage) => codec::damaged(open.manifest.codec, damage),
        None => read_error(open.manifest.item, error),
    }
}

/// What went wrong while a payload was read: a part, or the payload itself.
pub(crate) fn read_error(item: ItemId, error: std::io::Error) -> VaultError {
    let part = error.get_ref().and_then(|inner| inner.downcast_ref::<MergeError>());
    match part {
        Some(MergeError::Mismatch(index) | MergeError::Missing(index)) => {
            Tampering::Part { item, index: index + 1 }.into()
        }
        _ => Tampering::Content(item).into(),
    }
}

/// Cuts a list of items so that a batch's parts and contents fit into memory together.
fn batches(items: &[OpenItem]) -> Vec<&[OpenItem]> {
    let (mut batches, mut rest) = (Vec::new(), items);
    while !rest.is_empty() {
        let mut bytes = 0u64;
        let fits = rest.iter().take_while(|open| {
            // Content may be much larger than what it is stored in.
            bytes = bytes.saturating_add(open.placement.size.max(open.manifest.content_size));
            bytes <= BATCH_BYTES
        });
        let count = fits.count().max(1);
        let (batch, after) = rest.split_at(count);
        batches.push(batch);
        rest = after;
    }
    batches
}

/// Parts of a large item that are fetched ahead: 16 MiB each at the most.
pub(crate) const PARTS_AHEAD: usize = 2;
const COPY_BUFFER: usize = 1 << 20;
const BATCH_BYTES: u64 = 32 << 20;
