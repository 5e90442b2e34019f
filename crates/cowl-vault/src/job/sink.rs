//! Results of jobs: items of a record of their receiver.
//!
//! Until it is complete, a result waits in a file that has no name, sealed under a key that is nowhere but in
//! memory: a job that fails leaves nothing, and a result may be larger than memory.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::sync::Arc;

use async_trait::async_trait;
use cowl_crypto::digest::{Digest, Hasher};
use cowl_crypto::id::random_bytes;
use cowl_domain::{CodecId, ItemId, Kind, Label, RecordId, SuiteId};
use cowl_job::{ItemSink, ItemWriter, PortError, ResultItem};
use cowl_seal::file_key::ItemKey;
use cowl_seal::payload::{Cores, OpenReader, PayloadSealer, SealWriter};
use cowl_seal::suite::Suite;

use super::unavailable;
use crate::error::{Result, VaultError};
use crate::indexing;
use crate::payload::Envelope;
use crate::progress::Silent;
use crate::record::Delta;
use crate::seal::Coded;
use crate::upload::{Content, Length};
use crate::vault::Vault;

/// Puts the results of jobs into one record: an own one, or one of their receiver with a grant to append.
pub struct RecordSink {
    vault: Arc<Vault>,
    record: RecordId,
}

impl RecordSink {
    /// A sink that leads to this record.
    pub fn new(vault: Arc<Vault>, record: RecordId) -> Self {
        Self { vault, record }
    }
}

#[async_trait]
impl ItemSink for RecordSink {
    async fn create(&self, result: &ResultItem) -> std::result::Result<Box<dyn ItemWriter>, PortError> {
        let record = self.vault.load_record(&self.record).await.map_err(unavailable)?;
        if record.owner.party() != result.receiver {
            return Err(unavailable(format!("record {} is not the receiver's", self.record)));
        }
        let spool = Spool::make(&self.vault).map_err(unavailable)?;
        let (vault, record) = (Arc::clone(&self.vault), self.record);
        Ok(Box::new(ResultWriter { vault, record, result: result.clone(), spool }))
    }
}

struct ResultWriter {
    vault: Arc<Vault>,
    record: RecordId,
    result: ResultItem,
    spool: Spool,
}

#[async_trait]
impl ItemWriter for ResultWriter {
    async fn write(&mut self, piece: &[u8]) -> std::result::Result<(), PortError> {
        tokio::task::block_in_place(|| self.spool.write(piece)).map_err(unavailable)
    }

    async fn commit(self: Box<Self>) -> std::result::Result<(), PortError> {
        let Self { vault, record, result, spool } = *self;
        vault.put_result(record, &result, spool).await.map_err(unavailable)
    }
}

/// A result so far.
struct Spool {
    key: ItemKey,
    file: SealWriter<File>,
    hasher: Hasher,
    size: u64,
}

/// A result that is complete.
struct Complete {
    content: Digest,
    size: u64,
    reader: OpenReader<File>,
}

impl Spool {
    fn make(vault: &Vault) -> Result<Self> {
        let key = ItemKey::make(Suite::Standard);
        let file = tempfile::tempfile_in(vault.profile.dir()).map_err(VaultError::Stream)?;
        let file = SealWriter::new(file, PayloadSealer::new(&key), Cores::One).map_err(VaultError::Stream)?;
        Ok(Self { key, file, hasher: Hasher::new(), size: 0 })
    }

    fn write(&mut self, piece: &[u8]) -> Result<()> {
        self.file.write_all(piece).map_err(VaultError::Stream)?;
        self.hasher.update(piece);
        self.size += piece.len() as u64;
        Ok(())
    }

    fn complete(self) -> std::io::Result<Complete> {
        let mut file = self.file.finish()?;
        file.rewind()?;
        let reader = OpenReader::new(file, &self.key, Cores::One)?;
        Ok(Complete { content: self.hasher.finalize(), size: self.size, reader })
    }
}

impl Vault {
    async fn put_result(&self, record: RecordId, result: &ResultItem, spool: Spool) -> Result<()> {
        let Complete { content, size, reader } =
            tokio::task::block_in_place(|| spool.complete()).map_err(VaultError::Stream)?;
        let mut target = self.target(self.load_record(&record).await?).await?;
        let sealer = self.sealer(target.record()).await?;
        let (item, key) = (ItemId::from_bytes(random_bytes()), ItemKey::make(Suite::Standard));
        let coded = Coded {
            label: label_of(result),
            suite: SuiteId::Standard,
            codec: CodecId::NONE,
            content,
            content_size: size,
            coded_size: size,
        };
        let reader: Box<dyn Read + Send> = Box::new(reader);
        let stream = Content { reader, length: Length::Known(size), plan: None };
        let (entries, _) =
            self.seal_stream(&record, Envelope::of(coded.suite, &key), stream, &Silent).await?;
        let origin = sealer.origin(item, &coded);
        let mut sealed = vec![sealer.finish(item, 0, key, &coded, entries, origin)?];
        let title = indexing::document(record, item, &coded.label, &[]).text;
        for (segment, parts) in indexing::seal_segments(&sealer, vec![title])? {
            self.upload(&record, parts).await?;
            sealed.push(segment);
        }
        let items = sealed.into_iter().map(|one| (one.item, one.placement, one.new)).collect();
        target.commit(self, Delta { items, ..Delta::default() }).await
    }
}

fn label_of(result: &ResultItem) -> Label {
    Label {
        name: format!("result {} of job {}", result.ordinal + 1, result.job),
        kind: Kind::Result,
        description: None,
        date: None,
        study: None,
        lossy: None,
        derived_from: result.derived_from,
    }
}
