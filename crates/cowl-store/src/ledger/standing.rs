//! What somebody is to a record.

use cowl_domain::{PartyId, Power, Powers, RecordId, Timestamp};
use sqlx::AnyConnection;

use super::connection::Work;
use super::sql::{Columns, all, args, one, sql};
use crate::error::{Result, StoreError};

/// A caller's standing in a record that exists.
pub(crate) struct Standing {
    pub(crate) owner: PartyId,
    pub(crate) epoch: u32,
    caller: PartyId,
    /// Bits of the live grants on the whole record.
    record_powers: u64,
    /// Bits of the live grants on single items, together.
    item_powers: u64,
}

impl Standing {
    pub(crate) fn is_owner(&self) -> bool {
        self.owner == self.caller
    }

    /// Whether all items, future ones too, may be seen.
    pub(crate) fn sees_all(&self) -> bool {
        self.is_owner() || self.record_powers & bit(Power::Read) != 0
    }

    /// Whether items may be put in.
    pub(crate) fn may_append(&self) -> bool {
        self.is_owner() || self.record_powers & bit(Power::Append) != 0
    }

    /// [`StoreError::NotFound`] for those who have nothing to do with the record.
    pub(crate) fn required(self) -> Result<Self> {
        if self.is_owner() || self.record_powers | self.item_powers != 0 {
            Ok(self)
        } else {
            Err(StoreError::NotFound)
        }
    }
}

/// The caller's standing; [`StoreError::NotFound`] where there is no record.
pub(crate) async fn standing(
    on: &mut AnyConnection,
    caller: &PartyId,
    record: &RecordId,
    now: Timestamp,
) -> Result<Standing> {
    let row = one(on, RECORD, args![record]).await?;
    let mut standing = Standing {
        owner: PartyId::from_bytes(row.fixed("owner")?),
        epoch: row.number32("epoch")?,
        caller: *caller,
        record_powers: 0,
        item_powers: 0,
    };
    if !standing.is_owner() {
        for row in all(on, LIVE_POWERS, args![record, caller, now]).await? {
            let powers = row.number("powers")?;
            if row.flag("whole")? { standing.record_powers |= powers } else { standing.item_powers |= powers }
        }
    }
    Ok(standing)
}

/// Locks the record against other changes; [`StoreError::NotFound`] where there is none.
pub(crate) async fn lock_record(work: &mut Work, record: &RecordId) -> Result<()> {
    one(work.on(), LOCK, args![record]).await.map(drop)
}

/// Powers as the bits of a column; the statement that was signed is beside them.
pub(crate) fn bits(powers: Powers) -> u64 {
    powers.iter().fold(0, |bits, power| bits | bit(power))
}

const fn bit(power: Power) -> u64 {
    1 << power as u8
}

// Statements test for reading with `powers & 1`, for reading or computing with `powers & 5`.
const _: () = assert!(bit(Power::Read) == 1 && bit(Power::Compute) == 4);

const RECORD: &str =
    sql!("standing.record", "SELECT owner, epoch FROM record WHERE id = $1 AND deleted_at IS NULL");
const LIVE_POWERS: &str = sql!(
    "standing.live_powers",
    "SELECT DISTINCT powers, CASE WHEN item IS NULL THEN 1 ELSE 0 END AS whole FROM access_grant "
    "WHERE record = $1 AND grantee = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)"
);
const LOCK: &str = sql!(
    "standing.lock_record",
    "UPDATE record SET changes = changes + 1 WHERE id = $1 AND deleted_at IS NULL RETURNING id"
);
