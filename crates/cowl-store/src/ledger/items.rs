//! Items as the cloud has them, for those who may see them.

use cowl_crypto::digest::Digest;
use cowl_domain::{ItemId, PartyId, RecordId, Timestamp};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::connection::Ledger;
use super::log::cut;
use super::sql::{Columns, all, args, sql};
use super::standing::standing;
use crate::error::Result;

/// An item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemRow {
    /// Identifier.
    pub item: ItemId,
    /// Signed placement.
    pub placement: Vec<u8>,
    /// Header.
    pub header: Vec<u8>,
    /// Sealed manifest.
    pub manifest: Vec<u8>,
    /// Whether somebody else put it in and the owner's head does not hold it yet.
    pub appended: bool,
}

/// Items in the order of their identifiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemPage {
    /// The items.
    pub items: Vec<ItemRow>,
    /// Whether more follow.
    pub more: bool,
    /// Whether the caller sees the whole record; otherwise each item needs its proof of inclusion.
    pub sees_all: bool,
}

impl Ledger {
    /// Items behind `after`, at most `limit`: all for the owner and for readers of the record, otherwise
    /// those that the caller may open or has put in.
    ///
    /// # Errors
    /// [`crate::StoreError::NotFound`] for those who have nothing to do with the record.
    pub async fn items_page(
        &self,
        caller: &PartyId,
        record: &RecordId,
        after: Option<&ItemId>,
        limit: u32,
        now: Timestamp,
    ) -> Result<ItemPage> {
        let mut on = self.reader().await?;
        let standing = standing(&mut on, caller, record, now).await?.required()?;
        let behind = after.map_or(Vec::new(), |item| item.as_bytes().to_vec());
        let most = u64::from(limit) + 1;
        let mut rows = if standing.sees_all() {
            all(&mut on, PAGE, args![record, behind, most]).await?
        } else {
            all(&mut on, PAGE_OF_GRANTEE, args![record, behind, most, caller, now]).await?
        };
        let more = cut(&mut rows, limit);
        let items = rows.iter().map(item_row).collect::<Result<_>>()?;
        Ok(ItemPage { items, more, sees_all: standing.sees_all() })
    }

    /// The items of the record's head with their placements' digests: the leaves of its tree. Not for
    /// callers' eyes as such; proofs are made from it.
    ///
    /// # Errors
    /// [`crate::StoreError::Unavailable`].
    pub async fn item_placements(&self, record: &RecordId) -> Result<Vec<(ItemId, Digest)>> {
        placements(&mut *self.reader().await?, record).await
    }
}

/// As [`Ledger::item_placements`], inside a transaction.
pub(crate) async fn placements(on: &mut AnyConnection, record: &RecordId) -> Result<Vec<(ItemId, Digest)>> {
    let rows = all(on, PLACEMENTS, args![record]).await?;
    rows.iter().map(placement_of).collect()
}

/// Item and digest of its placement.
pub(crate) fn placement_of(row: &AnyRow) -> Result<(ItemId, Digest)> {
    Ok((ItemId::from_bytes(row.fixed("item")?), Digest::from_bytes(row.fixed("placement_digest")?)))
}

pub(crate) fn item_row(row: &AnyRow) -> Result<ItemRow> {
    Ok(ItemRow {
        item: ItemId::from_bytes(row.fixed("item")?),
        placement: row.blob("placement")?,
        header: row.blob("header")?,
        manifest: row.blob("manifest")?,
        appended: !row.flag("in_head")?,
    })
}

const PAGE: &str = sql!(
    "items.page",
    "SELECT item, placement, header, manifest, in_head FROM item "
    "WHERE record = $1 AND item > $2 ORDER BY item LIMIT $3"
);
const PAGE_OF_GRANTEE: &str = sql!(
    "items.page_of_grantee",
    "SELECT item, placement, header, manifest, in_head FROM item i "
    "WHERE record = $1 AND item > $2 AND (placer = $4 OR EXISTS (SELECT 1 FROM access_grant g "
    "WHERE g.grantee = $4 AND g.record = i.record AND g.item = i.item AND g.powers & 1 = 1 "
    "AND g.revoked_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > $5))) ORDER BY item LIMIT $3"
);
const PLACEMENTS: &str = sql!(
    "items.placements",
    "SELECT item, placement_digest FROM item WHERE record = $1 AND in_head = 1 ORDER BY item"
);
