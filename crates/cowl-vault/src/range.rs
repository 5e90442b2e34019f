//! Reading ranges of an item: only the segments that hold them are fetched and opened.

use std::ops::Range;

use bytes::Bytes;
use cowl_api::client::Client;
use cowl_domain::{CodecId, ItemId, PartName, RecordId, SuiteId};
use cowl_seal::payload::{NONCE, PayloadOpener, SegmentSpan};
use futures_util::future::try_join_all;

use crate::error::{Result, Tampering, VaultError};
use crate::open::OpenItem;
use crate::vault::Vault;

/// An item that was opened to read ranges of it. The log has one entry for all of them.
pub struct ItemReader {
    client: Client,
    ticket: Vec<u8>,
    open: OpenItem,
    opener: PayloadOpener,
}

/// Bytes of one part.
struct Piece {
    part: PartName,
    range: Range<u64>,
}

impl Vault {
    /// Opens an item whose content was stored as it is: where a codec is between, a range of the content is
    /// not a range of the payload.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] for content that was coded; as [`Vault::get`].
    pub async fn reader(&self, record: RecordId, item: ItemId) -> Result<ItemReader> {
        let record = self.load_record(&record).await?;
        let opened = self.open_for_reading(&record, &[item]).await?;
        let open = opened.items.into_iter().next();
        let open = open.ok_or_else(|| VaultError::Bug("ticket without item".to_owned()))?;
        if open.manifest.codec != CodecId::NONE || open.manifest.suite == SuiteId::ChaoticImage {
            return Err(VaultError::Invalid("content that was coded is read as a whole".to_owned()));
        }
        let nonce = fetch(&self.client, &opened.ticket, &open, 0..NONCE as u64).await?;
        let nonce = nonce.first_chunk().ok_or(Tampering::Part { item, index: 1 })?;
        let opener = PayloadOpener::new(&open.key, nonce);
        Ok(ItemReader { client: self.client.clone(), ticket: opened.ticket, open, opener })
    }
}

impl ItemReader {
    /// Bytes of the content.
    pub fn length(&self) -> u64 {
        self.open.manifest.content_size
    }

    /// The bytes of the content in `range`, each authenticated.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] beyond the end; [`Tampering`] when the cloud's bytes are not those that were
    /// sealed.
    pub async fn read(&self, range: Range<u64>) -> Result<Vec<u8>> {
        let span = SegmentSpan::covering(&range, self.length())
            .ok_or_else(|| VaultError::Invalid(format!("the content ends at byte {}", self.length())))?;
        let sealed = fetch(&self.client, &self.ticket, &self.open, span.sealed.clone()).await?;
        let opened = self.opener.open_range(&span, &sealed);
        opened.map_err(|_| Tampering::Content(self.open.manifest.item).into())
    }
}

/// A range of the sealed payload.
async fn fetch(client: &Client, ticket: &[u8], open: &OpenItem, range: Range<u64>) -> Result<Bytes> {
    let sizes = open.manifest.parts.iter().map(|part| (part.name, part.size));
    let fetched = pieces(sizes, &range)
        .into_iter()
        .map(|piece| async move { client.fetch_part_range(ticket, &piece.part, piece.range).await });
    let mut fetched = try_join_all(fetched).await?;
    match fetched.len() {
        1 => Ok(fetched.remove(0)),
        _ => Ok(fetched.concat().into()),
    }
}

/// The parts that a range of the payload touches, and where.
fn pieces(parts: impl Iterator<Item = (PartName, u64)>, range: &Range<u64>) -> Vec<Piece> {
    let mut end = 0;
    let touched = parts.filter_map(|(part, size)| {
        let start = end;
        end += size;
        let (from, to) = (range.start.max(start), range.end.min(end));
        (from < to).then(|| Piece { part, range: from - start..to - start })
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
