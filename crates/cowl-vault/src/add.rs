//! Adding: files become items. Small ones are sealed on all cores while the batch before them is on its
//! way and the one before that is committed; large files and pipes pass through memory part by part. A large file
//! can be taken up again where it was cut; a pipe cannot, and one that breaks off leaves nothing behind that anybody
//! sees.

mod age;
mod held;
mod large;
mod pipe;
mod target;
mod workshop;

use std::collections::HashSet;
use std::io::Cursor;
use std::sync::Arc;

use cowl_domain::{ItemId, RecordId, SealingPolicy, SuiteId};
use held::Held;
use rayon::prelude::*;
pub(crate) use target::Target;
use workshop::{NewContent, SealedContent, SealedFile, Workshop};

use crate::codec::{CodecChoice, WHOLE_LIMIT};
use crate::error::{Result, VaultError};
use crate::indexing::Document;
use crate::local::SeenFile;
use crate::progress::Progress;
use crate::record::{Delta, Record};
use crate::seal::Part;
use crate::search::TextDocument;
use crate::segments;
use crate::source::{FileStamp, Origin, Source};
use crate::vault::Vault;
use crate::view::{AddReport, Added};

/// How files are taken in.
#[derive(Debug, Clone, Default)]
pub struct AddOptions {
    /// In the owner's words, for every file of this call.
    pub description: Option<String>,
    /// The day that they are about, `YYYY-MM-DD`.
    pub date: Option<String>,
    /// How they are sealed; by the policy of the record unless said.
    pub suite: Option<SuiteId>,
    /// How they are coded.
    pub codec: CodecChoice,
    /// Opens `.age` files, so that their content is taken in; lines of an identity file.
    pub age_identity: Option<zeroize::Zeroizing<String>>,
    /// Whether what has the name of a file goes for it, wherever it came from. Otherwise it goes only for what this
    /// device has read from the same path before.
    pub replace: bool,
}

/// One addition under way.
struct Adding<'a> {
    vault: &'a Vault,
    target: Target<'a>,
    options: &'a AddOptions,
    policy: SealingPolicy,
    progress: &'a dyn Progress,
    held: Arc<Held>,
    /// Of an own record; too many are joined.
    small_segments: usize,
    report: AddReport,
    seen: Vec<SeenFile>,
    /// Its parts are at the cloud; it is committed while the next batch is on its way.
    uploaded: Option<Batch>,
}

/// Files that are stored together.
struct Batch {
    delta: Delta,
    files: Vec<(String, Option<FileStamp>, Added)>,
}

impl Vault {
    /// Adds files to a record: an own one, or one with a grant to append. What the record holds already under
    /// the same name, unchanged, is left alone; a file that has changed since it was read from the same path replaces
    /// what it was; of any other the name has to be free ([`AddOptions::replace`]).
    ///
    /// # Errors
    /// Those of the server; each file's own trouble is in the report instead.
    pub async fn add(
        &self,
        record: RecordId,
        sources: Vec<Source>,
        options: &AddOptions,
        progress: &dyn Progress,
    ) -> Result<AddReport> {
        let record = self.load_record(&record).await?;
        let policy = record.policy();
        let by_policy = options.suite.is_none() && record.mine && policy.names(SuiteId::HybridRsa);
        if by_policy || options.suite == Some(SuiteId::HybridRsa) {
            self.ensure_rsa().await?;
        }
        let target = self.target(record).await?;
        let (held, small_segments) = match &target {
            Target::Own(change) => self.held(&change.record).await?,
            Target::Appended(_) => (Held::default(), 0),
        };
        let mut adding = Adding {
            vault: self,
            target,
            options,
            policy,
            progress,
            held: Arc::new(held),
            small_segments,
            report: AddReport::default(),
            seen: Vec::new(),
            uploaded: None,
        };
        progress.begin("sealing", sources.iter().filter_map(Source::size).sum());
        // It holds an upload and a commit at once: too large for its callers' stacks.
        let outcome = Box::pin(adding.run(sources)).await;
        progress.end();
        // Of an addition that was cut, too: what has arrived is known by its path the next time.
        let Adding { report, seen, held, .. } = adding;
        let held: HashSet<ItemId> = held.ids().collect();
        self.change_state(|state| state.set_files(seen, &held))?;
        outcome.map(|()| report)
    }

    /// What an own record holds, and how many small search segments.
    async fn held(&self, record: &Record) -> Result<(Held, usize)> {
        let (items, _) = self.verified_items(record).await?;
        let open = self.open_sound(record, items).await?;
        let small = open.iter().filter(|open| segments::is_small_segment(open)).count();
        let items = open.into_iter().filter(|open| !segments::is_segment(open)).collect();
        Ok((Held::new(items, self.state().files_of(&record.id)), small))
    }
}

impl Adding<'_> {
    async fn run(&mut self, sources: Vec<Source>) -> Result<()> {
        let stored = self.store_all(sources).await;
        // Also of an addition that is cut: the parts are there, and only what is committed need not come again.
        let committed = self.commit_uploaded().await;
        stored.and(committed)
    }

    async fn store_all(&mut self, sources: Vec<Source>) -> Result<()> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        let mut running: Option<tokio::task::JoinHandle<Vec<SealedFile>>> = None;
        for source in self.without_unchanged(sources) {
            if source.size().is_none_or(|size| size > WHOLE_LIMIT) {
                if let Some(small) = self.add_streamed(source).await? {
                    batch.push(small);
                }
                continue;
            }
            bytes += source.size().unwrap_or(0);
            batch.push(source);
            if bytes >= BATCH_BYTES || batch.len() >= BATCH_FILES {
                running = self.turn(running, std::mem::take(&mut batch)).await?;
                bytes = 0;
            }
        }
        let last = self.turn(running, batch).await?;
        self.turn(last, Vec::new()).await.map(drop)
    }

    /// Starts sealing the next batch, and sends the one before it meanwhile.
    async fn turn(
        &mut self,
        running: Option<tokio::task::JoinHandle<Vec<SealedFile>>>,
        next: Vec<Source>,
    ) -> Result<Option<tokio::task::JoinHandle<Vec<SealedFile>>>> {
        let finished = match running {
            Some(handle) => Some(handle.await.map_err(|e| VaultError::Bug(e.to_string()))?),
            None => None,
        };
        let started = if next.is_empty() { None } else { Some(self.start(next).await?) };
        if let Some(files) = finished {
            let (batch, parts) = self.gather(files).await?;
            self.send(batch, parts).await?;
        }
        Ok(started)
    }

    /// Uploads a batch while the one before it is committed.
    async fn send(&mut self, batch: Batch, parts: Vec<Part>) -> Result<()> {
        let (vault, record) = (self.vault, self.record().id);
        let (uploaded, committed) = tokio::join!(vault.upload(&record, parts), self.commit_uploaded());
        committed?;
        uploaded?;
        self.uploaded = Some(batch);
        Ok(())
    }

    async fn commit_uploaded(&mut self) -> Result<()> {
        let Some(Batch { delta, files }) = self.uploaded.take() else { return Ok(()) };
        if !delta.items.is_empty() {
            self.target.commit(self.vault, delta).await?;
        }
        for (name, stamp, added) in files {
            self.note(name, stamp, added);
        }
        Ok(())
    }

    async fn start(&self, sources: Vec<Source>) -> Result<tokio::task::JoinHandle<Vec<SealedFile>>> {
        let sealer = self.vault.sealer(self.record()).await?;
        let workshop = Workshop {
            sealer,
            options: self.options.clone(),
            policy: self.policy.clone(),
            held: Arc::clone(&self.held),
        };
        Ok(tokio::task::spawn_blocking(move || {
            sources.into_par_iter().with_max_len(1).map(|source| workshop.seal_file(source)).collect()
        }))
    }

    fn record(&self) -> &Record {
        self.target.record()
    }

    /// Files whose stamp is the one of the last time are not even read, unless they may hold something that could
    /// not be opened then.
    fn without_unchanged(&mut self, sources: Vec<Source>) -> Vec<Source> {
        if self.options.age_identity.is_some() {
            return sources;
        }
        let mut rest = Vec::new();
        for source in sources {
            match self.held.untouched(&source, self.options) {
                Some(item) => {
                    self.progress.advance(source.size().unwrap_or(0));
                    self.report.files.push((source.name, Added::Unchanged(item)));
                }
                None => rest.push(source),
            }
        }
        rest
    }

    /// A pipe or a large file. A pipe that turns out small comes back as bytes.
    async fn add_streamed(&mut self, source: Source) -> Result<Option<Source>> {
        let Source { name, origin } = source;
        match origin {
            Origin::File(stamp) if self.options.name_inside(&name).is_some() => {
                let file = Box::new(stamp.open()?);
                self.add_pipe(name, Some(stamp), file).await
            }
            Origin::File(stamp) => self.add_large(name, stamp).await.map(|()| None),
            Origin::Reader(reader) => self.add_pipe(name, None, reader).await,
            Origin::Bytes(bytes) => self.add_pipe(name, None, Box::new(Cursor::new(bytes))).await,
        }
    }

    /// What sealed files change in the record, and the parts to be uploaded for it.
    async fn gather(&mut self, sealed: Vec<SealedFile>) -> Result<(Batch, Vec<Part>)> {
        let (mut parts, mut delta, mut texts, mut files) =
            (Vec::new(), Delta::default(), Vec::new(), Vec::new());
        for file in sealed {
            self.progress.advance(file.size);
            let added = match file.outcome {
                Err(reason) => Added::Refused(reason),
                Ok(SealedContent::Same(item)) => Added::Unchanged(item),
                Ok(SealedContent::New(new)) => {
                    let NewContent { sealed, parts: own, document, replaces } = *new;
                    self.report.bytes += file.size;
                    self.report.stored += sealed.stored;
                    self.report.parts += own.len() as u64;
                    parts.extend(own);
                    let item = sealed.item;
                    texts.push(self.text_of(item, document));
                    delta.removed.extend(replaces);
                    delta.items.push((item, sealed.placement, sealed.new));
                    replaces.map_or(Added::Sealed(item), |old| Added::Replaced { new: item, old })
                }
            };
            files.push((file.name, file.stamp, added));
        }
        if !delta.items.is_empty() {
            self.add_segments(&mut delta, &mut parts, texts).await?;
        }
        Ok((Batch { delta, files }, parts))
    }

    /// The search segments go with the items: the text of what goes leaves them in the same commit.
    async fn add_segments(
        &mut self,
        delta: &mut Delta,
        parts: &mut Vec<Part>,
        mut texts: Vec<TextDocument>,
    ) -> Result<()> {
        let own = matches!(self.target, Target::Own(_));
        if own && (!delta.removed.is_empty() || self.small_segments > segments::MANY) {
            // What is rewritten is what the cloud has, so all of it has to be there.
            self.commit_uploaded().await?;
            let rewrite = self.vault.rewrite_segments(self.record(), &delta.removed).await?;
            self.small_segments = self.small_segments.saturating_sub(rewrite.replaced.len());
            delta.removed.extend(rewrite.replaced);
            texts.extend(rewrite.texts);
        }
        let sealer = self.vault.sealer(self.record()).await?;
        for (sealed, own) in crate::indexing::seal_segments(&sealer, texts)? {
            self.small_segments += 1;
            parts.extend(own);
            delta.items.push((sealed.item, sealed.placement, sealed.new));
        }
        Ok(())
    }

    /// Uploads and commits what does not come in batches.
    async fn store(
        &mut self,
        mut delta: Delta,
        mut parts: Vec<Part>,
        texts: Vec<TextDocument>,
    ) -> Result<()> {
        self.add_segments(&mut delta, &mut parts, texts).await?;
        self.vault.upload(&self.record().id, parts).await?;
        self.target.commit(self.vault, delta).await
    }

    /// What search takes in; what it cannot is in the report.
    fn text_of(&mut self, item: ItemId, document: Document) -> TextDocument {
        self.report.unread.extend(document.unread.map(|_| item));
        document.text
    }

    fn note(&mut self, name: String, stamp: Option<FileStamp>, added: Added) {
        let item = match &added {
            Added::Sealed(item) | Added::Unchanged(item) | Added::Replaced { new: item, .. } => Some(*item),
            Added::Refused(_) => None,
        };
        if let (Some(item), Some(stamp)) = (item, stamp) {
            self.seen.push(SeenFile {
                record: self.record().id,
                path: stamp.path.to_string_lossy().into_owned(),
                size: stamp.size,
                modified_nanos: stamp.modified_nanos,
                inode: stamp.inode,
                item,
            });
        }
        self.report.files.push((name, added));
    }
}

const BATCH_BYTES: u64 = 24 << 20;
const BATCH_FILES: usize = 256;
