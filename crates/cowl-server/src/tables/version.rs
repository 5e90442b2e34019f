//! Which table, in which version, something is kept of.

use std::fmt;
use std::str::FromStr;

use cowl_crypto::digest::Digest;
use cowl_domain::{ItemId, RecordId};
use cowl_store::ledger::StoredTable;

/// One version of one table. Its text is the name of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TableVersion {
    pub(super) record: RecordId,
    pub(super) item: ItemId,
    pub(super) placement: Digest,
}

impl From<&StoredTable> for TableVersion {
    fn from(table: &StoredTable) -> Self {
        Self { record: table.record, item: table.item, placement: table.placement }
    }
}

impl fmt::Display for TableVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.record, self.item, self.placement)
    }
}

/// The text is none of a version.
#[derive(Debug)]
pub(super) struct NoVersion;

impl FromStr for TableVersion {
    type Err = NoVersion;

    fn from_str(text: &str) -> Result<Self, NoVersion> {
        let mut pieces = text.splitn(3, '-');
        let mut next = || pieces.next().ok_or(NoVersion);
        let (record, item, placement) = (next()?, next()?, next()?);
        Ok(Self {
            record: record.parse().map_err(|_| NoVersion)?,
            item: item.parse().map_err(|_| NoVersion)?,
            placement: placement.parse().map_err(|_| NoVersion)?,
        })
    }
}
