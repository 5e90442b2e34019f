//! The sealed search segments of an own record, kept in step with its items: the text of an item that goes leaves
//! with it, and many small segments become few.

use std::collections::{HashMap, HashSet};

use cowl_domain::{ItemId, Kind, PartyId};

use crate::codec::WHOLE_LIMIT;
use crate::error::Result;
use crate::open::OpenItem;
use crate::record::Record;
use crate::search::{TextDocument, segment};
use crate::vault::Vault;

/// Segments that go, and the texts in them that stay.
#[derive(Default)]
pub(crate) struct Rewrite {
    pub replaced: Vec<ItemId>,
    pub texts: Vec<TextDocument>,
}

/// Whose word counts on the text of which item: that of who sealed it, and that of the record's owner.
pub(crate) struct Sources {
    owner: PartyId,
    record: cowl_domain::RecordId,
    sealers: HashMap<ItemId, PartyId>,
}

impl Sources {
    /// Of these items.
    pub(crate) fn of(record: &Record, items: &[OpenItem]) -> Self {
        let text = items.iter().filter(|open| !is_segment(open));
        let sealers = text.map(|open| (open.manifest.item, open.origin.signer())).collect();
        Self { owner: record.owner.party(), record: record.id, sealers }
    }

    /// What a segment says of items that are there, as far as its sealer may.
    pub(crate) fn sound(&self, segment: &OpenItem, texts: Vec<TextDocument>) -> Vec<TextDocument> {
        let by = segment.origin.signer();
        let counts = |text: &TextDocument| {
            let sealer = self.sealers.get(&text.item);
            text.record == self.record && sealer.is_some_and(|sealer| by == self.owner || by == *sealer)
        };
        texts.into_iter().filter(counts).collect()
    }
}

impl Vault {
    /// Which segments have to be written anew when items leave an own record. Where there are many small ones,
    /// these are joined too.
    pub(crate) async fn rewrite_segments(&self, record: &Record, leaving: &[ItemId]) -> Result<Rewrite> {
        let (items, _) = self.verified_items(record).await?;
        let mut items = self.open_sound(record, items).await?;
        let leaving: HashSet<&ItemId> = leaving.iter().collect();
        items.retain(|open| !leaving.contains(&open.manifest.item));
        let sources = Sources::of(record, &items);
        let segments: Vec<OpenItem> = items.into_iter().filter(is_readable_segment).collect();
        let join = segments.iter().filter(|open| is_small(open)).count() > MANY;
        let wanted = |open: &OpenItem| !leaving.is_empty() || (join && is_small(open));
        let mut rewrite = Rewrite::default();
        for (open, texts) in self.read_segments(record, segments.into_iter().filter(wanted).collect()).await?
        {
            let before = texts.len();
            let kept = sources.sound(&open, texts);
            if kept.len() < before || (join && is_small(&open)) {
                rewrite.replaced.push(open.manifest.item);
                rewrite.texts.extend(kept);
            }
        }
        Ok(rewrite)
    }

    /// The texts of segments; one that is damaged says nothing.
    async fn read_segments(
        &self,
        record: &Record,
        segments: Vec<OpenItem>,
    ) -> Result<Vec<(OpenItem, Vec<TextDocument>)>> {
        let mut read = Vec::with_capacity(segments.len());
        if segments.is_empty() {
            return Ok(read);
        }
        let ids: Vec<ItemId> = segments.iter().map(|open| open.manifest.item).collect();
        let ticket = self.client.read_items(&record.id, &ids).await?.ticket.0;
        for open in segments {
            let content = self.content_of(&ticket, &open).await?;
            read.push((open, segment::decode(&content).unwrap_or_default()));
        }
        Ok(read)
    }
}

/// Texts as they are sealed together: no segment becomes too large to be read as a whole.
pub(crate) fn in_segments(texts: Vec<TextDocument>) -> Vec<Vec<TextDocument>> {
    let (mut groups, mut bytes) = (Vec::<Vec<TextDocument>>::new(), 0);
    for text in texts {
        let length = text.text.len() + text.title.len();
        match groups.last_mut() {
            Some(group) if bytes + length <= SEGMENT_TEXT => {
                group.push(text);
                bytes += length;
            }
            _ => {
                groups.push(vec![text]);
                bytes = length;
            }
        }
    }
    groups
}

/// Whether an item is a search segment.
pub(crate) fn is_segment(open: &OpenItem) -> bool {
    open.manifest.label.kind == Kind::Index
}

/// Whether an item is a segment that would better be part of a larger one.
pub(crate) fn is_small_segment(open: &OpenItem) -> bool {
    is_segment(open) && is_small(open)
}

fn is_readable_segment(open: &OpenItem) -> bool {
    is_segment(open) && open.manifest.content_size <= WHOLE_LIMIT
}

fn is_small(open: &OpenItem) -> bool {
    open.manifest.content_size < SMALL
}

/// More small segments than this are joined by the next addition.
pub(crate) const MANY: usize = 24;
/// Bytes of a segment, compressed and padded, below which it is small.
const SMALL: u64 = 256 << 10;
/// Bytes of text in one segment, before compression.
const SEGMENT_TEXT: usize = 16 << 20;
