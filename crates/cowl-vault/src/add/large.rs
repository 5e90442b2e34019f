//! One large file: it passes through memory part by part, under a journal.

use std::io::Read;

use cowl_crypto::digest::{Digest, Hasher};
use cowl_domain::{CodecId, Label, SuiteId};

use super::Adding;
use crate::error::{Result, VaultError};
use crate::journal::Journal;
use crate::record::Delta;
use crate::seal::{Coded, SealedItem};
use crate::source::FileStamp;
use crate::upload::Passed;
use crate::view::Added;

impl Adding<'_> {
    pub(super) async fn add_large(&mut self, name: String, stamp: FileStamp) -> Result<()> {
        let record = self.record().id;
        let suite = self.options.suite.unwrap_or(SuiteId::Standard);
        if let Some(held) = self.held.get(&name).copied()
            && held.size == stamp.size
            && held.content == tokio::task::block_in_place(|| hash_file(&stamp))?
        {
            self.progress.advance(stamp.size);
            self.note(name, Some(stamp), Added::Unchanged(held.item));
            return Ok(());
        }
        if suite == SuiteId::ChaoticImage {
            // The scheme shuffles a whole image at once; a stream would carry its name and not be scrambled.
            let limit = crate::codec::WHOLE_LIMIT >> 20;
            self.progress.advance(stamp.size);
            self.note(name, None, Added::Refused(format!("suite {suite} takes files of up to {limit} MiB")));
            return Ok(());
        }
        let mut journal = Journal::resume_or_begin(self.vault, record, suite, &stamp)?;
        let passed = match self.vault.seal_file(&record, &mut journal, stamp.open()?, self.progress).await {
            Err(VaultError::Stale) => {
                journal.forget(self.vault)?;
                journal = Journal::resume_or_begin(self.vault, record, suite, &stamp)?;
                self.vault.seal_file(&record, &mut journal, stamp.open()?, self.progress).await?
            }
            other => other?,
        };
        let replaces = self.held.get(&name).map(|held| held.item);
        let label = self.options.label(name.clone(), &head_of(&stamp)?);
        let sealed = self.finish_large(&journal, label, &passed).await?;
        self.report.bytes += passed.bytes;
        self.report.stored += sealed.stored;
        self.report.parts += sealed.new.parts.len() as u64;
        let item = sealed.item;
        let items = vec![(item, sealed.placement, sealed.new)];
        self.commit(Delta { items, removed: replaces.into_iter().collect(), ..Delta::default() }).await?;
        journal.forget(self.vault)?;
        let added = replaces.map_or(Added::Sealed(item), |old| Added::Replaced { new: item, old });
        self.note(name, Some(stamp), added);
        Ok(())
    }

    async fn finish_large(&self, journal: &Journal, label: Label, passed: &Passed) -> Result<SealedItem> {
        let sealer = self.vault.sealer(self.record()).await?;
        let coded = Coded {
            label,
            suite: journal.suite,
            codec: CodecId::NONE,
            content: passed.content,
            content_size: passed.bytes,
            coded_size: journal.coded_size,
        };
        let origin = sealer.origin(journal.item, &coded);
        sealer.finish(journal.item, 0, journal.key()?, &coded, journal.parts.clone(), origin)
    }
}

fn head_of(stamp: &FileStamp) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    stamp.open()?.take(LABEL_HEAD).read_to_end(&mut head).map_err(VaultError::Stream)?;
    Ok(head)
}

fn hash_file(stamp: &FileStamp) -> Result<Digest> {
    let mut file = stamp.open()?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let length = file.read(&mut buffer).map_err(VaultError::Stream)?;
        if length == 0 {
            return Ok(hasher.finalize());
        }
        hasher.update(&buffer[..length]);
    }
}

/// A DICOM header is looked for in this much of a large file.
const LABEL_HEAD: u64 = 1 << 20;
