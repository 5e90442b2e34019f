//! The end of an account.

use cowl_domain::{Event, EventKind, GrantId, PartyId, RecordId};

use super::act::Act;
use super::connection::{Ledger, Work};
use super::log::{Told, append};
use super::sql::{Columns, all, args, execute, one, sql};
use super::uploads::release;
use crate::error::Result;

impl Ledger {
    /// Destroys an account: its records with all that is in them, its grants and jobs in both directions, its
    /// sessions, password and key store. What remains is the name with its keys, which stay in the log,
    /// so that nobody can take the name later. The parts' bytes go with the next collections.
    ///
    /// # Errors
    /// [`crate::StoreError::NotFound`].
    pub async fn delete_account(&self, party: &PartyId, act: &Act) -> Result<()> {
        self.transact(move |mut work| async move {
            let told = end_grants(&mut work, party, act).await?;
            for row in all(work.on(), RECORDS, args![party]).await? {
                let record = RecordId::from_bytes(row.fixed("id")?);
                empty_record(&mut work, party, &record, act).await?;
            }
            for statement in FORGET {
                execute(work.on(), *statement, args![party]).await?;
            }
            one(work.on(), CLOSE, args![party, act.now()]).await?;
            append(&mut work, act, &told).await?;
            work.commit().await
        })
        .await
    }
}

/// Ends the grants that the party gave or received, and tells the other side.
async fn end_grants(work: &mut Work, party: &PartyId, act: &Act) -> Result<Vec<Told>> {
    let mut told = vec![Told::new(Event::new(EventKind::AccountDeleted, act.now(), Some(*party)))];
    for row in all(work.on(), END_GRANTS, args![party, act.now()]).await? {
        let [owner, grantee] = [row.fixed("owner")?, row.fixed("grantee")?].map(PartyId::from_bytes);
        let mut event = Event::new(EventKind::GrantRevoked, act.now(), Some(*party));
        event.subject = Some(if owner == *party { grantee } else { owner });
        event.record = Some(RecordId::from_bytes(row.fixed("record")?));
        event.grant = Some(GrantId::from_bytes(row.fixed("id")?));
        told.push(Told::to_owner(event, owner));
    }
    Ok(told)
}

async fn empty_record(work: &mut Work, owner: &PartyId, record: &RecordId, act: &Act) -> Result<()> {
    execute(work.on(), CLOSE_RECORD, args![record, act.now()]).await?;
    for statement in EMPTY_RECORD {
        execute(work.on(), *statement, args![record]).await?;
    }
    let rows = all(work.on(), DROP_PARTS, args![record]).await?;
    release(work, owner, &rows, act.now()).await
}

const RECORDS: &str =
    sql!("deletion.records", "SELECT id FROM record WHERE owner = $1 AND deleted_at IS NULL ORDER BY id");
const END_GRANTS: &str = sql!(
    "deletion.end_grants",
    "UPDATE access_grant SET revoked_at = $2 WHERE (owner = $1 OR grantee = $1) AND revoked_at IS NULL "
    "RETURNING id, record, owner, grantee"
);
const CLOSE_RECORD: &str = sql!("deletion.close_record", "UPDATE record SET deleted_at = $2 WHERE id = $1");
const EMPTY_RECORD: &[&str] = &[
    sql!(
        "deletion.shares",
        "DELETE FROM share WHERE access_grant IN (SELECT id FROM access_grant WHERE record = $1)"
    ),
    sql!("deletion.tickets", "DELETE FROM read_ticket WHERE record = $1"),
    sql!("deletion.items", "DELETE FROM item WHERE record = $1"),
];
const DROP_PARTS: &str =
    sql!("deletion.drop_parts", "DELETE FROM part WHERE record = $1 RETURNING pack, length");
const FORGET: &[&str] = &[
    sql!("deletion.sessions", "DELETE FROM session WHERE party = $1"),
    sql!("deletion.read_tickets", "DELETE FROM read_ticket WHERE party = $1"),
    sql!("deletion.jobs", "DELETE FROM job WHERE asker = $1 OR owner = $1"),
    sql!("deletion.attempts", "DELETE FROM login_attempt WHERE party = $1"),
];
const CLOSE: &str = sql!(
    "deletion.close",
    "UPDATE party SET deleted_at = $2, email = NULL, opaque_record = NULL, key_store = NULL "
    "WHERE id = $1 AND deleted_at IS NULL RETURNING id"
);
