//! Uploading: parts in random order, in requests of bounded size; large payloads as they are sealed.

use std::io::{self, Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use cowl_crypto::digest::{Digest, Hasher};
use cowl_crypto::id::random_bytes;
use cowl_domain::{PartEntry, PartName, RecordId, SuiteId};
use cowl_imaging::container::blocks::{BlockPlan, BlockWriter};
use cowl_seal::file_key::ItemKey;
use cowl_seal::payload::{Cores, PayloadSealer};
use cowl_seal::split::{PartCheck, PartJoiner, PartSplitter};
use rand::seq::SliceRandom;
use tokio::sync::mpsc;

use crate::error::{Result, VaultError};
use crate::fetch::{checks, read_error, send_parts};
use crate::journal::Journal;
use crate::open::OpenItem;
use crate::payload::{Envelope, PayloadReader, PayloadWriter};
use crate::progress::Progress;
use crate::record::Record;
use crate::seal::{Part, Sealer, part_entry};
use crate::vault::{Vault, now};

/// A stream being sealed: where its parts come out, and what is known when it has passed.
pub(crate) struct Stream {
    parts: mpsc::Receiver<(Vec<u8>, PartCheck)>,
    done: tokio::task::JoinHandle<io::Result<Passed>>,
}

/// What passed through a stream.
pub(crate) struct Passed {
    pub content: Digest,
    pub bytes: u64,
}

/// Content on its way into an envelope.
pub(crate) struct Content<R> {
    pub reader: R,
    pub length: Length,
    /// How it is coded; not at all without one.
    pub plan: Option<BlockPlan>,
}

/// How many bytes a stream should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// So many, or the file has changed meanwhile.
    Known(u64),
    /// A pipe ends when it ends.
    Open,
}

impl Vault {
    /// What sealing for this record needs, as of now.
    pub(crate) async fn sealer(&self, record: &Record) -> Result<Sealer> {
        let epoch = record.current_epoch();
        let recipient = |key: &cowl_domain::SealingKey| {
            cowl_seal::XWingRecipient::from_bytes(key.as_bytes()).map_err(|e| {
                VaultError::Invalid(format!("the record's owner or epoch has no usable key: {e}"))
            })
        };
        Ok(Sealer {
            party: self.party_id(),
            key_version: self.binding().keys.version,
            signing: Arc::new(crate::vault::signing_key(self.identity())),
            record: record.id,
            owner: recipient(&record.owner.keys().sealing)?,
            owner_rsa: record
                .owner
                .keys()
                .rsa
                .as_deref()
                .and_then(|der| cowl_seal::hybrid_rsa::RsaPublicKey::from_der(der).ok()),
            epoch: epoch.number,
            epoch_recipient: recipient(&epoch.recipient)?,
            checkpoint: self.checkpoint().await?,
            now: now(),
        })
    }

    /// Uploads parts in an order that says nothing. Durable when it returns.
    pub(crate) async fn upload(&self, record: &RecordId, mut parts: Vec<Part>) -> Result<()> {
        parts.shuffle(&mut rand::rng());
        let mut batch: Vec<Part> = Vec::new();
        let mut bytes = 0;
        for part in parts {
            if bytes + part.2.len() > REQUEST_BYTES && !batch.is_empty() {
                self.client.upload_parts(record, std::mem::take(&mut batch)).await?;
                bytes = 0;
            }
            bytes += part.2.len();
            batch.push(part);
        }
        if !batch.is_empty() {
            self.client.upload_parts(record, batch).await?;
        }
        Ok(())
    }

    /// Puts what a reader yields into its envelope and uploads the parts as they fall.
    pub(crate) async fn seal_stream(
        &self,
        record: &RecordId,
        envelope: Envelope,
        content: Content<impl Read + Send + 'static>,
        progress: &dyn Progress,
    ) -> Result<(Vec<PartEntry>, Passed)> {
        let mut stream = Stream::begin(envelope, random_bytes(), content);
        let mut entries = Vec::new();
        let mut batch = Vec::new();
        while let Some((bytes, check)) = stream.parts.recv().await {
            let entry = part_entry(check);
            progress.advance(bytes.len() as u64);
            batch.push((entry.name, entry.hash, Bytes::from(bytes)));
            entries.push(entry);
            if batch.iter().map(|part: &Part| part.2.len()).sum::<usize>() >= STREAM_BATCH {
                self.upload(record, std::mem::take(&mut batch)).await?;
            }
        }
        let passed = stream.finish().await?;
        self.upload(record, batch).await?;
        Ok((entries, passed))
    }

    /// Seals and uploads a file that can be taken up again where it was cut: what was sent is in a journal,
    /// and the same bytes are sealed under the same key or not at all.
    pub(crate) async fn seal_file(
        &self,
        record: &RecordId,
        journal: &mut Journal,
        content: Content<impl Read + Send + 'static>,
        progress: &dyn Progress,
    ) -> Result<Passed> {
        let arrived = self.arrived(record, journal).await?;
        let sealer = PayloadSealer::dangerous_with_nonce(&journal.key()?, journal.nonce);
        let mut stream = Stream::begin(Envelope::Sealed(sealer), journal.seed, content);
        let (mut batch, mut index) = (Vec::new(), 0);
        while let Some((bytes, check)) = stream.parts.recv().await {
            let entry = journal.take(index, check)?;
            index += 1;
            progress.advance(bytes.len() as u64);
            if arrived.contains(&entry.name) {
                continue;
            }
            batch.push((entry.name, entry.hash, Bytes::from(bytes)));
            if batch.iter().map(|part: &Part| part.2.len()).sum::<usize>() >= STREAM_BATCH {
                journal.store(self)?;
                self.upload(record, std::mem::take(&mut batch)).await?;
            }
        }
        journal.store(self)?;
        let passed = stream.finish().await?;
        self.upload(record, batch).await?;
        Ok(passed)
    }

    async fn arrived(
        &self,
        record: &RecordId,
        journal: &Journal,
    ) -> Result<std::collections::HashSet<PartName>> {
        let names: Vec<PartName> = journal.parts.iter().map(|part| part.name).collect();
        let mut arrived = std::collections::HashSet::new();
        for some in names.chunks(QUERY_PARTS) {
            arrived.extend(self.client.parts_known(record, some).await?);
        }
        Ok(arrived)
    }

    /// The coded content of a large item, as a reader that fetches its parts.
    pub(crate) fn read_coded(
        &self,
        ticket: &[u8],
        open: &OpenItem,
    ) -> Result<impl Read + Send + 'static + use<>> {
        let (send, mut receive) = mpsc::channel(2);
        let names: Vec<(PartName, u64)> =
            open.manifest.parts.iter().map(|part| (part.name, part.size)).collect();
        // A failed fetch ends the channel early, and the joiner names the part that is missing.
        let item = open.manifest.item;
        tokio::spawn(send_parts(self.client.clone(), ticket.to_vec(), item, names, send));
        let parts = std::iter::from_fn(move || receive.blocking_recv().map(Ok));
        let joined = PartJoiner::new(checks(open), parts);
        let key = ItemKey::from_slice(open.key.suite(), open.key.expose())
            .ok_or_else(|| VaultError::Bug("a key of wrong length".to_owned()))?;
        let suite = open.manifest.suite;
        Ok(LateOpen { key, suite, item: open.manifest.item, state: LateState::Closed(Some(joined)) })
    }
}

impl Stream {
    fn begin(envelope: Envelope, seed: [u8; 32], content: Content<impl Read + Send + 'static>) -> Self {
        let (send, parts) = mpsc::channel(1);
        let done = tokio::task::spawn_blocking(move || {
            let splitter = PartSplitter::new(&seed, |part, check| {
                send.blocking_send((part, check)).map_err(|_| io::Error::other("the upload has stopped"))
            });
            let mut writer = PayloadWriter::new(splitter, envelope)?;
            let passed = content.pass(&mut writer)?;
            writer.finish()?.finish()?;
            Ok(passed)
        });
        Self { parts, done }
    }

    async fn finish(self) -> Result<Passed> {
        drop(self.parts);
        self.done.await.map_err(|e| VaultError::Bug(e.to_string()))?.map_err(VaultError::Stream)
    }
}

impl<R: Read> Content<R> {
    /// Reads it to its end, and codes it on the way.
    fn pass(self, writer: &mut impl Write) -> io::Result<Passed> {
        let Self { reader, length, plan } = self;
        let passed = match plan {
            None => copy_hashed(reader, writer)?,
            Some(plan) => {
                let mut blocks = BlockWriter::new(writer, plan)?;
                let passed = copy_hashed(reader, &mut blocks)?;
                blocks.finish()?;
                passed
            }
        };
        length.check(passed.bytes)?;
        Ok(passed)
    }
}

impl Length {
    fn check(self, bytes: u64) -> io::Result<()> {
        match self {
            Self::Known(length) if length != bytes => {
                Err(io::Error::other("the file changed while it was read; add it again"))
            }
            _ => Ok(()),
        }
    }
}

fn copy_hashed(mut reader: impl Read, writer: &mut impl Write) -> io::Result<Passed> {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; COPY_BUFFER];
    let mut bytes = 0;
    loop {
        let read = match reader.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            outcome => outcome?,
        };
        if read == 0 {
            return Ok(Passed { content: hasher.finalize(), bytes });
        }
        hasher.update(&buffer[..read]);
        writer.write_all(&buffer[..read])?;
        bytes += read as u64;
    }
}

/// Opens a payload when it is first read, so that waiting for parts happens where reading happens.
struct LateOpen<R: Read> {
    key: ItemKey,
    suite: SuiteId,
    item: cowl_domain::ItemId,
    state: LateState<R>,
}

enum LateState<R: Read> {
    Closed(Option<R>),
    Open(PayloadReader<R>),
}

impl<R: Read> Read for LateOpen<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let refuse = |e| io::Error::other(read_error(self.item, e).to_string());
        loop {
            match &mut self.state {
                LateState::Open(reader) => return reader.read(out).map_err(refuse),
                LateState::Closed(inner) => {
                    let inner = inner.take().ok_or_else(|| io::Error::other("reading has failed before"))?;
                    let reader = PayloadReader::new(inner, self.suite, &self.key, Cores::All);
                    self.state = LateState::Open(reader.map_err(refuse)?);
                }
            }
        }
    }
}

/// Bytes of parts in one upload; the server takes twice as much.
const REQUEST_BYTES: usize = 32 << 20;
/// Parts of a stream that are gathered before they are sent.
const STREAM_BATCH: usize = 24 << 20;
const QUERY_PARTS: usize = 1000;
const COPY_BUFFER: usize = 1 << 20;
