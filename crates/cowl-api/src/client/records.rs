//! Records, their items, and reads.

use cowl_domain::{ItemId, RecordId};

use super::call::Call;
use super::{Client, ClientError};
use crate::paths;
use crate::types::*;

impl Client {
    /// The records that the caller owns or has a grant for.
    pub async fn records(&self) -> Result<Vec<RecordView>, ClientError> {
        self.fetch(Call::read(paths::RECORDS)).await
    }

    /// Makes a record.
    pub async fn new_record(&self, body: &NewRecord) -> Result<(), ClientError> {
        self.tell(Call::post(paths::RECORDS), body).await
    }

    /// One record.
    pub async fn record(&self, record: &RecordId) -> Result<RecordView, ClientError> {
        self.fetch(Call::read(paths::RECORD).with("record", record)).await
    }

    /// Items in the order of their identifiers, behind `after`; `limit` is 1 to 1000.
    pub async fn items(
        &self,
        record: &RecordId,
        after: Option<&ItemId>,
        limit: u32,
    ) -> Result<ItemPage, ClientError> {
        let call = Call::read(paths::ITEMS).with("record", record).query("after", after);
        self.fetch(call.query("limit", Some(limit))).await
    }

    /// Changes a record: all or nothing, durable when this returns.
    pub async fn commit(&self, record: &RecordId, body: &Commit) -> Result<(), ClientError> {
        self.tell(Call::post(paths::COMMITS).with("record", record), body).await
    }

    /// Announces that the caller is about to open these items; the log has it from then on.
    pub async fn read_items(&self, record: &RecordId, items: &[ItemId]) -> Result<ReadTicket, ClientError> {
        let body = ReadRequest { items: items.iter().map(ToString::to_string).collect() };
        self.send(Call::post(paths::READS).with("record", record), &body).await
    }
}
