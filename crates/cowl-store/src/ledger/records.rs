//! Records as their owners made them.

use cowl_domain::{Epoch, Event, EventKind, PartyId, RecordGenesis, RecordHead, RecordId, Timestamp};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::accounts::require_party;
use super::act::Act;
use super::connection::{Ledger, Work};
use super::log::{Told, append};
use super::sql::{Columns, all, args, execute, one, sql};
use super::standing::standing;
use crate::error::{Result, StoreError};
use crate::proven::Proven;

/// A record's statements, without its items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordRow {
    /// Identifier.
    pub record: RecordId,
    /// Its owner.
    pub owner: PartyId,
    /// Signed genesis.
    pub genesis: Vec<u8>,
    /// Signed epochs, first to newest.
    pub epochs: Vec<Vec<u8>>,
    /// Signed head.
    pub head: Vec<u8>,
}

impl Ledger {
    /// Makes an empty record.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the identifier is taken; [`StoreError::Refused`] when the statements
    /// do not belong together.
    pub async fn make_record(
        &self,
        genesis: &Proven<RecordGenesis>,
        epoch: &Proven<Epoch>,
        head: &Proven<RecordHead>,
        act: &Act,
    ) -> Result<()> {
        check_beginning(genesis, epoch, head)?;
        self.transact(move |mut work| async move {
            require_party(&mut work, &genesis.owner).await?;
            let (genesis_bytes, head_bytes) = (genesis.signed().to_bytes(), head.signed().to_bytes());
            let list = args![genesis.record, genesis.owner, genesis_bytes, head_bytes];
            if execute(work.on(), ADD, list).await? == 0 {
                return Err(StoreError::Conflict { what: "record" });
            }
            add_epoch(&mut work, epoch).await?;
            let mut event = Event::new(EventKind::RecordMade, act.now(), Some(genesis.owner));
            event.record = Some(genesis.record);
            event.statement = Some(genesis.verified().digest());
            append(&mut work, act, &[Told::new(event)]).await?;
            work.commit().await
        })
        .await
    }

    /// A record, for its owner and those with a live grant in it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for everybody else.
    pub async fn record(&self, caller: &PartyId, record: &RecordId, now: Timestamp) -> Result<RecordRow> {
        let mut on = self.reader().await?;
        standing(&mut on, caller, record, now).await?.required()?;
        let row = one(&mut on, FIND, args![record]).await?;
        record_row(&mut on, &row).await
    }

    /// The caller's own records, and those in which it has a live grant.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn records(&self, caller: &PartyId, now: Timestamp) -> Result<Vec<RecordRow>> {
        let mut on = self.reader().await?;
        let rows = all(&mut on, LIST, args![caller, now]).await?;
        let mut records = Vec::with_capacity(rows.len());
        for row in &rows {
            records.push(record_row(&mut on, row).await?);
        }
        Ok(records)
    }
}

/// Keeps an epoch; its number must be free.
pub(crate) async fn add_epoch(work: &mut Work, epoch: &Proven<Epoch>) -> Result<()> {
    let list = args![epoch.record, epoch.number, epoch.signed().to_bytes()];
    execute(work.on(), ADD_EPOCH, list).await.map(drop)
}

fn check_beginning(
    genesis: &Proven<RecordGenesis>,
    epoch: &Proven<Epoch>,
    head: &Proven<RecordHead>,
) -> Result<()> {
    let signers = [genesis.signer(), epoch.signer(), head.signer()];
    let one_owner = signers.iter().all(|signer| *signer == genesis.owner);
    let one_record = epoch.record == genesis.record && head.record == genesis.record;
    let begins = (epoch.number, head.sequence, head.epoch, head.items) == (0, 0, 0, 0);
    let empty = head.items_root == cowl_crypto::merkle::Hash::EMPTY;
    if one_owner && one_record && begins && empty {
        Ok(())
    } else {
        Err(StoreError::Refused { reason: "genesis, first epoch and first head do not belong together" })
    }
}

async fn record_row(on: &mut AnyConnection, row: &AnyRow) -> Result<RecordRow> {
    let record = RecordId::from_bytes(row.fixed("id")?);
    let epochs = all(on, EPOCHS, args![record]).await?;
    Ok(RecordRow {
        record,
        owner: PartyId::from_bytes(row.fixed("owner")?),
        genesis: row.blob("genesis")?,
        epochs: epochs.iter().map(|row| row.blob("signed")).collect::<Result<_>>()?,
        head: row.blob("head")?,
    })
}

const ADD: &str = sql!(
    "records.add",
    "INSERT INTO record (id, owner, genesis, head, sequence, epoch) VALUES ($1, $2, $3, $4, 0, 0) "
    "ON CONFLICT DO NOTHING"
);
const ADD_EPOCH: &str =
    sql!("records.add_epoch", "INSERT INTO epoch (record, number, signed) VALUES ($1, $2, $3)");
const FIND: &str = sql!("records.find", "SELECT id, owner, genesis, head FROM record WHERE id = $1");
const LIST: &str = sql!(
    "records.list",
    "SELECT id, owner, genesis, head FROM record WHERE deleted_at IS NULL AND (owner = $1 OR id IN "
    "(SELECT record FROM access_grant WHERE grantee = $1 AND revoked_at IS NULL "
    "AND (expires_at IS NULL OR expires_at > $2))) ORDER BY id"
);
const EPOCHS: &str = sql!("records.epochs", "SELECT signed FROM epoch WHERE record = $1 ORDER BY number");
