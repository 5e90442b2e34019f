//! Reading ranges of an item: only the segments that hold them are fetched and opened. Of large content that
//! was coded, the blocks that hold them; of a sealed table, whole parts.

use std::ops::Range;

use bytes::Bytes;
use cowl_api::client::Client;
use cowl_crypto::digest::Digest;
use cowl_domain::{CodecId, ItemId, PartName, RecordId, SuiteId};
use cowl_imaging::container::ContainerError;
use cowl_imaging::container::blocks::{BLOCKS_VERSION, BlockIndex, TRAILER, decode_block};
use cowl_seal::payload::{NONCE, PayloadOpener, SegmentSpan};
use cowl_seal::split::PartCheck;
use futures_util::future::try_join_all;

use crate::codec::has_blocks;
use crate::error::{Result, Tampering, VaultError};
use crate::fetch::part_error;
use crate::open::OpenItem;
use crate::payload::is_bare;
use crate::vault::Vault;

/// An item that was opened to read ranges of it. The log has one entry for all of them.
pub struct ItemReader {
    client: Client,
    ticket: Vec<u8>,
    open: OpenItem,
    /// `None` where the content stands as it is.
    opener: Option<PayloadOpener>,
    /// Where the blocks of coded content are.
    blocks: Option<BlockIndex>,
}

/// Bytes of one part.
struct Piece {
    part: PartName,
    /// Its place in the manifest, from 0.
    index: usize,
    range: Range<u64>,
}

impl Vault {
    /// Opens an item to read ranges of it: one whose content was stored as it is, or in blocks.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] for content that was coded as a whole; as [`Vault::get`].
    pub async fn reader(&self, record: RecordId, item: ItemId) -> Result<ItemReader> {
        let record = self.load_record(&record).await?;
        let opened = self.open_for_reading(&record, &[item]).await?;
        let open = opened.items.into_iter().next();
        let open = open.ok_or_else(|| VaultError::Bug("ticket without item".to_owned()))?;
        let codec = open.manifest.codec;
        if open.manifest.suite == SuiteId::ChaoticImage || !(codec == CodecId::NONE || has_blocks(codec)) {
            return Err(coded_as_a_whole());
        }
        let opener = match is_bare(open.manifest.suite) {
            true => None,
            false => Some(self.range_opener(&opened.ticket, &open).await?),
        };
        let mut reader =
            ItemReader { client: self.client.clone(), ticket: opened.ticket, open, opener, blocks: None };
        if codec != CodecId::NONE {
            reader.blocks = Some(reader.read_index().await?);
        }
        Ok(reader)
    }

    async fn range_opener(&self, ticket: &[u8], open: &OpenItem) -> Result<PayloadOpener> {
        let nonce = fetch(&self.client, ticket, open, 0..NONCE as u64).await?;
        let item = open.manifest.item;
        let nonce = nonce.first_chunk().ok_or(Tampering::Part { item, index: 1 })?;
        Ok(PayloadOpener::new(&open.key, nonce))
    }
}

impl ItemReader {
    /// Bytes of the content.
    pub fn length(&self) -> u64 {
        self.open.manifest.content_size
    }

    /// Digest of the signed placement of the version that is read.
    pub fn placement(&self) -> Digest {
        self.open.placement.digest()
    }

    /// The range around `offset` that is fetched and checked together, where the content stands as it is: a part.
    /// `None` for other content, and behind the end.
    pub fn part_around(&self, offset: u64) -> Option<Range<u64>> {
        let mut end = 0;
        let ranges = self.open.manifest.parts.iter().map(|part| {
            let start = end;
            end += part.size;
            start..end
        });
        if self.opener.is_some() {
            return None;
        }
        ranges.into_iter().find(|range| range.contains(&offset))
    }

    /// The bytes of the content in `range`, each authenticated.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] beyond the end; [`Tampering`] when the cloud's bytes are not those that were
    /// sealed.
    pub async fn read(&self, range: Range<u64>) -> Result<Vec<u8>> {
        let Some(blocks) = &self.blocks else { return self.read_coded(range).await };
        if range.start > range.end || range.end > self.length() {
            return Err(self.beyond_the_end());
        }
        let mut content = Vec::new();
        for (plain, place) in blocks.covering(range.clone()) {
            let block = decode_block(&self.read_coded(place).await?).map_err(|e| self.damaged(&e))?;
            let at = |offset: u64| (offset.clamp(plain.start, plain.end) - plain.start) as usize;
            content.extend_from_slice(&block[at(range.start)..at(range.end)]);
        }
        Ok(content)
    }

    /// A range of what was sealed: the content, or its blocks.
    async fn read_coded(&self, range: Range<u64>) -> Result<Vec<u8>> {
        let Some(opener) = &self.opener else {
            if range.start > range.end || range.end > self.open.manifest.coded_size {
                return Err(self.beyond_the_end());
            }
            return fetch_whole_parts(&self.client, &self.ticket, &self.open, range).await;
        };
        let span = SegmentSpan::covering(&range, self.open.manifest.coded_size);
        let span = span.ok_or_else(|| self.beyond_the_end())?;
        let sealed = fetch(&self.client, &self.ticket, &self.open, span.sealed.clone()).await?;
        let opened = opener.open_range(&span, &sealed);
        opened.map_err(|_| Tampering::Content(self.open.manifest.item).into())
    }

    /// The index of the blocks, which stands at the end.
    async fn read_index(&self) -> Result<BlockIndex> {
        let container = self.open.manifest.coded_size;
        if self.read_coded(0..1).await? != [BLOCKS_VERSION] {
            return Err(coded_as_a_whole());
        }
        let trailer = self.read_coded(container.saturating_sub(TRAILER)..container).await?;
        let trailer = *trailer.first_chunk().ok_or_else(|| self.damaged(&ContainerError::Damaged))?;
        let place = BlockIndex::place(container, trailer).map_err(|e| self.damaged(&e))?;
        let index =
            BlockIndex::read(container, &self.read_coded(place).await?).map_err(|e| self.damaged(&e))?;
        if index.length() == self.length() { Ok(index) } else { Err(self.damaged(&ContainerError::Damaged)) }
    }

    fn damaged(&self, error: &ContainerError) -> VaultError {
        crate::codec::damaged(self.open.manifest.codec, error)
    }

    fn beyond_the_end(&self) -> VaultError {
        VaultError::Invalid(format!("the content ends at byte {}", self.length()))
    }
}

fn coded_as_a_whole() -> VaultError {
    VaultError::Invalid("content that was coded as a whole is read as a whole".to_owned())
}

/// A range of the sealed payload.
pub(crate) async fn fetch(
    client: &Client,
    ticket: &[u8],
    open: &OpenItem,
    range: Range<u64>,
) -> Result<Bytes> {
    let sizes = open.manifest.parts.iter().map(|part| (part.name, part.size));
    let fetched = pieces(sizes, &range).into_iter().map(|piece| async move {
        let fetched = client.fetch_part_range(ticket, &piece.part, piece.range).await;
        fetched.map_err(|e| part_error(open.manifest.item, piece.index, e))
    });
    let mut fetched = try_join_all(fetched).await?;
    match fetched.len() {
        1 => Ok(fetched.remove(0)),
        _ => Ok(fetched.concat().into()),
    }
}

/// A range of a payload that stands as it is: the parts that it touches are fetched whole, because only whole parts
/// can be checked.
pub(crate) async fn fetch_whole_parts(
    client: &Client,
    ticket: &[u8],
    open: &OpenItem,
    range: Range<u64>,
) -> Result<Vec<u8>> {
    let sizes = open.manifest.parts.iter().map(|part| (part.name, part.size));
    let mut read = Vec::new();
    for Piece { part, index, range } in pieces(sizes, &range) {
        let entry = &open.manifest.parts[index];
        let fetched = client.fetch_part_range(ticket, &part, 0..entry.size).await;
        let bytes = fetched.map_err(|e| part_error(open.manifest.item, index, e))?;
        if !(PartCheck { size: entry.size, hash: entry.hash }).matches(&bytes) {
            return Err(Tampering::Part { item: open.manifest.item, index: index + 1 }.into());
        }
        read.extend_from_slice(&bytes[range.start as usize..range.end as usize]);
    }
    Ok(read)
}

/// The parts that a range of the payload touches, and where.
fn pieces(parts: impl Iterator<Item = (PartName, u64)>, range: &Range<u64>) -> Vec<Piece> {
    let mut end = 0;
    let touched = parts.enumerate().filter_map(|(index, (part, size))| {
        let start = end;
        end += size;
        let (from, to) = (range.start.max(start), range.end.min(end));
        (from < to).then(|| Piece { part, index, range: from - start..to - start })
    });
    touched.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(range: Range<u64>) -> Vec<(u8, Range<u64>)> {
        let parts = [(1, 10), (2, 5), (3, 20)].map(|(name, size)| (PartName::from_bytes([name; 16]), size));
        let pieces = pieces(parts.into_iter(), &range);
        pieces.into_iter().map(|piece| (piece.part.as_bytes()[0], piece.range)).collect()
    }

    #[test]
    fn a_range_is_cut_where_the_payload_was() {
        assert_eq!(touched(0..4), [(1, 0..4)]);
        assert_eq!(touched(8..17), [(1, 8..10), (2, 0..5), (3, 0..2)]);
        assert_eq!(touched(10..15), [(2, 0..5)]);
        assert_eq!(touched(34..35), [(3, 19..20)]);
        assert!(touched(35..40).is_empty());
    }
}
