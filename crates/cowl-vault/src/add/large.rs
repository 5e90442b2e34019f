//! One large file: it passes through memory part by part, under a journal.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use cowl_crypto::digest::{Digest, Hasher};
use cowl_domain::{CodecId, ItemId, Kind, Label, PartEntry, SuiteId};
use cowl_imaging::container::blocks::BlockPlan;
use cowl_imaging::container::{SAMPLE, sample_starts};
use cowl_seal::file_key::ItemKey;
use cowl_seal::payload::plain_length;

use super::Adding;
use super::held::Standing;
use crate::codec::{self, WHOLE_LIMIT};
use crate::error::{Result, VaultError};
use crate::journal::Journal;
use crate::record::Delta;
use crate::seal::Coded;
use crate::source::FileStamp;
use crate::upload::{Content, Length, Passed};
use crate::view::Added;

/// Content whose parts are in the cloud, but that is not yet an item.
pub(super) struct Arrived {
    pub item: ItemId,
    pub key: ItemKey,
    pub suite: SuiteId,
    pub label: Label,
    /// The beginning of the content.
    pub head: Vec<u8>,
    pub codec: CodecId,
    pub parts: Vec<PartEntry>,
    pub passed: Passed,
    /// The item that goes for it.
    pub replaces: Option<ItemId>,
}

impl Adding<'_> {
    pub(super) async fn add_large(&mut self, name: String, stamp: FileStamp) -> Result<()> {
        let replaces = match self.standing_of_large(&name, &stamp)? {
            Standing::Same(item) => {
                self.progress.advance(stamp.size);
                self.note(name, Some(stamp), Added::Unchanged(item));
                return Ok(());
            }
            Standing::Taken(reason) => return self.refuse(name, &stamp, reason),
            Standing::Replaces(old) => Some(old),
            Standing::Free => None,
        };
        let (head, samples) = tokio::task::block_in_place(|| look_into(&stamp))?;
        let label = self.options.label(name.clone(), &head);
        let suite = self.options.suite_for(&self.policy, label.kind);
        let plan = match self.plan_stream(suite, &head, Some(stamp.size), &samples) {
            Err(reason) => return self.refuse(name, &stamp, reason.to_string()),
            Ok(plan) => plan,
        };
        let (mut journal, passed) = match self.pass_file(&stamp, suite, plan).await {
            Err(VaultError::Stream(error)) => return self.refuse(name, &stamp, error.to_string()),
            outcome => outcome?,
        };
        let arrived = Arrived {
            item: journal.item,
            key: journal.key()?,
            suite: journal.suite,
            label,
            head,
            codec: journal.codec,
            parts: std::mem::take(&mut journal.parts),
            passed,
            replaces,
        };
        let added = self.commit_streamed(arrived).await?;
        journal.forget(self.vault)?;
        self.note(name, Some(stamp), added);
        Ok(())
    }

    /// The content is read only where the record has something of that size.
    fn standing_of_large(&self, name: &str, stamp: &FileStamp) -> Result<Standing> {
        let content = match self.held.has_size(name, stamp.size) {
            true => Some(tokio::task::block_in_place(|| digest_of(stamp.open()?))?),
            false => None,
        };
        Ok(self.held.standing(name, Some(stamp), content.as_ref(), self.options))
    }

    fn refuse(&mut self, name: String, stamp: &FileStamp, reason: String) -> Result<()> {
        self.progress.advance(stamp.size);
        self.note(name, None, Added::Refused(reason));
        Ok(())
    }

    /// How content that passes as a stream is coded, unless it cannot be taken in as wished.
    pub(super) fn plan_stream(
        &self,
        suite: SuiteId,
        head: &[u8],
        length: Option<u64>,
        samples: &[Vec<u8>],
    ) -> Result<Option<BlockPlan>> {
        match suite {
            // The scheme shuffles a whole image at once; a stream would carry its name and not be scrambled.
            SuiteId::ChaoticImage => Err(VaultError::Invalid(format!(
                "suite {suite} takes files of up to {} MiB; --suite standard takes any",
                WHOLE_LIMIT >> 20
            ))),
            SuiteId::Additive => Err(codec::not_for_files()),
            _ => codec::plan(self.options.codec, head, length, samples),
        }
    }

    /// Seals and uploads a file under its journal. One that has changed since it was cut starts anew.
    async fn pass_file(
        &self,
        stamp: &FileStamp,
        suite: SuiteId,
        plan: Option<BlockPlan>,
    ) -> Result<(Journal, Passed)> {
        let record = self.record().id;
        let codec = codec::id_of(plan.as_ref());
        let begin = || Journal::resume_or_begin(self.vault, record, suite, codec, stamp);
        let content = || -> Result<Content<File>> {
            Ok(Content { reader: stamp.open()?, length: Length::Known(stamp.size), plan: plan.clone() })
        };
        let mut journal = begin()?;
        let first = self.vault.seal_file(&record, &mut journal, content()?, self.progress).await;
        let passed = match first {
            Err(VaultError::Stale) => {
                journal.forget(self.vault)?;
                journal = begin()?;
                self.vault.seal_file(&record, &mut journal, content()?, self.progress).await?
            }
            outcome => outcome?,
        };
        Ok((journal, passed))
    }

    /// Makes an item of parts that are in the cloud.
    pub(super) async fn commit_streamed(&mut self, arrived: Arrived) -> Result<Added> {
        let replaces = arrived.replaces;
        let sealer = self.vault.sealer(self.record()).await?;
        let payload = arrived.parts.iter().map(|part| part.size).sum();
        let coded = Coded {
            label: arrived.label,
            suite: arrived.suite,
            codec: arrived.codec,
            content: arrived.passed.content,
            content_size: arrived.passed.bytes,
            coded_size: plain_length(payload).map_err(|e| VaultError::Bug(e.to_string()))?,
        };
        let origin = sealer.origin(arrived.item, &coded);
        let sealed = sealer.finish(arrived.item, 0, arrived.key, &coded, arrived.parts, origin)?;
        self.report.bytes += coded.content_size;
        self.report.stored += sealed.stored;
        self.report.parts += sealed.new.parts.len() as u64;
        let item = sealed.item;
        let items = vec![(item, sealed.placement, sealed.new)];
        let head = text_of(&coded.label, &arrived.head);
        let document = crate::indexing::document(sealer.record, item, &coded.label, head);
        let text = self.text_of(item, document);
        let delta = Delta { items, removed: replaces.into_iter().collect(), ..Delta::default() };
        self.store(delta, Vec::new(), vec![text]).await?;
        Ok(replaces.map_or(Added::Sealed(item), |old| Added::Replaced { new: item, old }))
    }
}

/// What search reads of large content: the beginning of a text, and of other kinds the label only.
fn text_of<'a>(label: &Label, head: &'a [u8]) -> &'a [u8] {
    if matches!(label.kind, Kind::Text | Kind::Csv) { head } else { &[] }
}

/// The beginning of a large file, and samples of all of it.
fn look_into(stamp: &FileStamp) -> Result<(Vec<u8>, Vec<Vec<u8>>)> {
    let mut file = stamp.open()?;
    let mut read = |start: u64, most: usize| -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        (&mut file).take(most as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let head = read(0, LABEL_HEAD).map_err(VaultError::Stream)?;
    let samples: io::Result<Vec<Vec<u8>>> =
        sample_starts(stamp.size).into_iter().map(|start| read(start, SAMPLE)).collect();
    samples.map(|samples| (head, samples)).map_err(VaultError::Stream)
}

/// The digest of all that comes.
pub(super) fn digest_of(mut reader: impl Read) -> Result<Digest> {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let length = reader.read(&mut buffer).map_err(VaultError::Stream)?;
        if length == 0 {
            return Ok(hasher.finalize());
        }
        hasher.update(&buffer[..length]);
    }
}

/// A DICOM header is looked for in this much of large content: that of thousands of frames takes megabytes.
pub(super) const LABEL_HEAD: usize = 8 << 20;
