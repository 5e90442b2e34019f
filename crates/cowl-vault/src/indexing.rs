//! Search over own and granted items: a local index, fed from sealed text segments.
//!
//! Whoever adds items seals their text beside them, as an item of kind `index`; whoever holds a grant on
//! the record opens these segments and need not fetch the items. For items granted one by one the reader
//! takes the text out itself. The index lives in memory and, sealed, in the profile; the cloud sees padded
//! sizes and times.

use std::collections::HashSet;
use std::sync::LazyLock;

use cowl_crypto::digest::Digest;
use cowl_crypto::id::random_bytes;
use cowl_domain::{CodecId, ExtractError, ItemId, Kind, Label, RecordId, SuiteId, TextExtractor};

use crate::codec::WHOLE_LIMIT;
use crate::error::{Result, VaultError};
use crate::open::OpenItem;
use crate::progress::{Progress, Silent};
use crate::record::Record;
use crate::seal::{Coded, Part, SealedItem, Sealer};
use crate::search::{Index, SearchError, TextDocument, segment};
use crate::segments::{self, Sources};
use crate::text::Extractors;
use crate::vault::Vault;
use crate::view::SearchHit;

/// DICOM structured reports, which `cowl-imaging` reads.
struct StructuredReports;

impl TextExtractor for StructuredReports {
    fn extract(&self, kind: Kind, _: &str, content: &[u8]) -> std::result::Result<String, ExtractError> {
        match kind {
            Kind::Dicom => Ok(cowl_imaging::dicom::structured_report_text(content).unwrap_or_default()),
            _ => Ok(String::new()),
        }
    }
}

static EXTRACTORS: LazyLock<Extractors> =
    LazyLock::new(|| Extractors::new(vec![Box::new(StructuredReports)]).contained());

/// What search should know of an item.
pub(crate) struct Document {
    pub text: TextDocument,
    /// Why its content could not be read; it is found by its label only.
    pub unread: Option<ExtractError>,
}

/// What search should know of an item. A damaged file is still worth keeping.
pub(crate) fn document(record: RecordId, item: ItemId, label: &Label, content: &[u8]) -> Document {
    let (text, unread) = match EXTRACTORS.extract(label.kind, &label.name, content) {
        Ok(text) => (text, None),
        Err(error) => (String::new(), Some(error)),
    };
    let study = label.study.as_ref().map(|study| format!("{} {}", study.modality, study.description));
    let title: Vec<&str> = [Some(label.name.as_str()), label.description.as_deref(), study.as_deref()]
        .into_iter()
        .flatten()
        .filter(|text| !text.trim().is_empty())
        .collect();
    let text = TextDocument { item, record, title: title.join(" · "), date: label.date.clone(), text };
    Document { text, unread }
}

/// Seals texts as items of kind `index`.
pub(crate) fn seal_segments(
    sealer: &Sealer,
    texts: Vec<TextDocument>,
) -> Result<Vec<(SealedItem, Vec<Part>)>> {
    segments::in_segments(texts).iter().map(|texts| seal_segment(sealer, texts)).collect()
}

fn seal_segment(sealer: &Sealer, texts: &[TextDocument]) -> Result<(SealedItem, Vec<Part>)> {
    let bytes = segment::encode(texts).map_err(|e| VaultError::Bug(e.to_string()))?;
    let label = Label {
        name: "search segment".to_owned(),
        kind: Kind::Index,
        description: None,
        date: None,
        study: None,
        lossy: None,
        derived_from: None,
    };
    let coded = Coded {
        label,
        suite: SuiteId::Standard,
        codec: CodecId::NONE,
        content: Digest::of(&bytes),
        content_size: bytes.len() as u64,
        coded_size: bytes.len() as u64,
    };
    sealer.seal(ItemId::from_bytes(random_bytes()), &coded, bytes)
}

impl Vault {
    /// Finds items by words in them, misspelt or not, best first.
    ///
    /// # Errors
    /// Those of the server while the index is brought up to date.
    pub async fn search(&self, query: &str, limit: usize) -> Result<Vec<SearchHit>> {
        let (index, visible) = self.synced_index(&Silent).await?;
        let hits = tokio::task::block_in_place(|| index.search(query, limit.saturating_mul(4)))?;
        let shown = hits.into_iter().filter(|hit| visible.contains(&hit.item)).take(limit);
        Ok(shown
            .map(|hit| SearchHit {
                item: hit.item,
                record: hit.record,
                title: hit.title,
                date: hit.date,
                score: hit.score,
                snippet: hit.snippet.into_iter().map(|piece| (piece.text, piece.highlighted)).collect(),
            })
            .collect())
    }

    /// Brings the local index up to date.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn sync_index(&self, progress: &dyn Progress) -> Result<()> {
        self.synced_index(progress).await.map(|_| ())
    }

    /// The index, and the items that the caller may see at this moment.
    async fn synced_index(&self, progress: &dyn Progress) -> Result<(Index, HashSet<ItemId>)> {
        let mut index = self.load_index()?;
        let (mut visible, mut changed) = (HashSet::new(), false);
        for info in self.records().await? {
            let record = self.load_record(&info.record).await?;
            let (items, _) = self.verified_items(&record).await?;
            let open = self.open_sound(&record, items).await?;
            visible.extend(open.iter().map(|open| open.manifest.item));
            changed |= self.take_segments(&record, &open, &mut index, progress).await?;
        }
        changed |= drop_hidden(&mut index, &visible)?;
        if changed {
            let bytes = index.save()?;
            self.local_key.write(&self.profile, INDEX, &bytes)?;
        }
        Ok((index, visible))
    }

    fn load_index(&self) -> Result<Index> {
        let saved = self.local_key.read(&self.profile, INDEX)?;
        // An index of another version is built anew.
        let loaded = saved.and_then(|bytes| Index::load(&bytes).ok());
        loaded.map_or_else(|| Index::new().map_err(Into::into), Ok)
    }

    async fn take_segments(
        &self,
        record: &Record,
        open: &[OpenItem],
        index: &mut Index,
        progress: &dyn Progress,
    ) -> Result<bool> {
        let known: HashSet<ItemId> = index.segments().copied().collect();
        let whole = record.mine || !record.identities.is_empty();
        let sources = Sources::of(record, open);
        let due = |open: &&OpenItem| {
            let is_segment = open.manifest.label.kind == Kind::Index;
            let id = open.manifest.item;
            is_segment == whole && !known.contains(&id) && open.manifest.content_size <= WHOLE_LIMIT
        };
        let due: Vec<&OpenItem> = open.iter().filter(due).collect();
        if due.is_empty() {
            return Ok(false);
        }
        let ids: Vec<ItemId> = due.iter().map(|open| open.manifest.item).collect();
        let opened = self.open_for_reading(record, &ids).await?;
        progress.begin("indexing", ids.len() as u64);
        for open in &opened.items {
            let content = self.content_of(&opened.ticket, open).await?;
            let (id, label) = (open.manifest.item, &open.manifest.label);
            let documents = match label.kind {
                // A segment is untrusted bytes of whoever sealed it.
                Kind::Index => sources.sound(open, segment::decode(&content).unwrap_or_default()),
                _ => vec![document(record.id, id, label, &content).text],
            };
            index.add(id, &documents)?;
            progress.advance(1);
        }
        progress.end();
        index.commit()?;
        Ok(true)
    }
}

/// What was revoked or removed leaves the index.
fn drop_hidden(index: &mut Index, visible: &HashSet<ItemId>) -> Result<bool> {
    let hidden: Vec<ItemId> =
        index.segments().filter(|segment| !visible.contains(segment)).copied().collect();
    for segment in &hidden {
        index.remove_segment(*segment)?;
    }
    if !hidden.is_empty() {
        index.commit()?;
    }
    Ok(!hidden.is_empty())
}

impl From<SearchError> for VaultError {
    fn from(error: SearchError) -> Self {
        Self::Bug(error.to_string())
    }
}

const INDEX: &str = "index.sealed";
