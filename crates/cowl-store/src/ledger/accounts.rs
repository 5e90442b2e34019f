//! Parties: their accounts and their entries in the directory.

use cowl_crypto::digest::Digest;
use cowl_domain::{Event, EventKind, Handle, KeyBinding, PartyId, PartyKeys, Role, Signed};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::act::Act;
use super::connection::{Ledger, Work};
use super::log::{Told, append, append_open};
use super::sql::{Columns, all, args, damaged, execute, one, sql};
use crate::error::{Result, StoreError};
use crate::proven::Proven;

/// A party that registers.
#[derive(Debug, Clone)]
pub struct NewParty {
    /// Its first binding.
    pub binding: Proven<KeyBinding>,
    /// E-mail, if it wants to give one.
    pub email: Option<String>,
    /// OPAQUE registration record.
    pub opaque_record: Vec<u8>,
    /// The sealed key store.
    pub key_store: Vec<u8>,
    /// Bytes that it may store.
    pub quota: u64,
}

/// A party in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartyRow {
    /// Identifier.
    pub party: PartyId,
    /// Name.
    pub handle: Handle,
    /// What it says it is.
    pub role: Role,
    /// Its signed bindings, first to newest.
    pub bindings: Vec<Vec<u8>>,
    /// Log index of the newest binding.
    pub index: u64,
    /// Whether the account was deleted.
    pub deleted: bool,
}

/// What a party sees of its own account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Identifier.
    pub party: PartyId,
    /// Name.
    pub handle: Handle,
    /// E-mail, if given.
    pub email: Option<String>,
    /// Bytes stored in its records.
    pub used: u64,
    /// Bytes allowed.
    pub quota: u64,
}

/// What log-in needs of a party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Who.
    pub party: PartyId,
    /// OPAQUE registration record.
    pub opaque_record: Vec<u8>,
}

impl Ledger {
    /// Registers a party and returns the log index of its binding. Of many who want a handle one gets it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for a handle that is or was taken, or a party that is known.
    pub async fn register(&self, new: &NewParty) -> Result<u64> {
        self.transact(move |mut work| async move {
            let (binding, party) = (&new.binding, new.binding.keys.party);
            let role = binding.role.as_str();
            let list = args![
                party,
                binding.handle.as_str(),
                new.email,
                role,
                new.opaque_record,
                new.key_store,
                new.quota
            ];
            if execute(work.on(), ADD, list).await? == 0 {
                return Err(StoreError::Conflict { what: "handle" });
            }
            let index = add_binding(&mut work, binding).await?;
            work.commit().await?;
            Ok(index)
        })
        .await
    }

    /// A party of the directory, deleted ones too.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn party(&self, id: &PartyId) -> Result<PartyRow> {
        let mut on = self.reader().await?;
        let row = one(&mut on, FIND, args![id]).await?;
        party_row(&mut on, &row).await
    }

    /// The party with this handle.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn party_by_handle(&self, handle: &Handle) -> Result<PartyRow> {
        let mut on = self.reader().await?;
        let row = one(&mut on, FIND_BY_HANDLE, args![handle.as_str()]).await?;
        party_row(&mut on, &row).await
    }

    /// Parties whose handles begin with `prefix`, in the order of their handles, behind `after`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn parties(&self, prefix: &str, after: Option<&Handle>, limit: u32) -> Result<Vec<PartyRow>> {
        let mut on = self.reader().await?;
        // No character of a handle comes behind DEL.
        let list = args![prefix, format!("{prefix}\u{7f}"), after.map_or("", Handle::as_str), limit];
        let rows = all(&mut on, LIST, list).await?;
        let mut parties = Vec::with_capacity(rows.len());
        for row in &rows {
            parties.push(party_row(&mut on, row).await?);
        }
        Ok(parties)
    }

    /// What log-in needs of the party with this handle.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], for deleted accounts too.
    pub async fn credentials(&self, handle: &Handle) -> Result<Credentials> {
        let mut on = self.reader().await?;
        let row = one(&mut on, CREDENTIALS, args![handle.as_str()]).await?;
        Ok(Credentials {
            party: PartyId::from_bytes(row.fixed("id")?),
            opaque_record: row.blob("opaque_record")?,
        })
    }

    /// A party's own account.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn account(&self, party: &PartyId) -> Result<AccountRow> {
        let mut on = self.reader().await?;
        let row = one(&mut on, ACCOUNT, args![party]).await?;
        Ok(AccountRow {
            party: *party,
            handle: handle_of(&row)?,
            email: row.maybe_text("email")?,
            used: row.number("used")?,
            quota: row.number("quota")?,
        })
    }

    /// A party's sealed key store.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn key_store(&self, party: &PartyId) -> Result<Vec<u8>> {
        let mut on = self.reader().await?;
        one(&mut on, KEY_STORE, args![party]).await?.blob("key_store")
    }

    /// Changes password and key store together and ends all sessions but `keep`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn change_password(
        &self,
        party: &PartyId,
        opaque_record: &[u8],
        key_store: &[u8],
        keep: Option<&Digest>,
        act: &Act,
    ) -> Result<()> {
        self.transact(move |mut work| async move {
            one(work.on(), CHANGE_PASSWORD, args![party, opaque_record, key_store]).await?;
            let kept = keep.map_or(Vec::new(), |token| token.as_bytes().to_vec());
            execute(work.on(), END_OTHER_SESSIONS, args![party, kept]).await?;
            let event = Event::new(EventKind::PasswordChanged, act.now(), Some(*party));
            append(&mut work, act, &[Told::new(event)]).await?;
            work.commit().await
        })
        .await
    }

    /// Puts a party's next keys into the directory, with the key store that holds them, and returns the
    /// binding's log index.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] unless the version is the next one; [`StoreError::NotFound`].
    pub async fn change_keys(&self, binding: &Proven<KeyBinding>, key_store: &[u8]) -> Result<u64> {
        self.transact(move |mut work| async move {
            let party = binding.keys.party;
            // Locks the party, so that the version read next stays the newest.
            one(work.on(), CHANGE_KEY_STORE, args![party, key_store]).await?;
            let newest = one(work.on(), NEWEST_VERSION, args![party]).await?.number32("version")?;
            if newest.checked_add(1) != Some(binding.keys.version) {
                return Err(StoreError::Conflict { what: "key binding" });
            }
            let index = add_binding(&mut work, binding).await?;
            work.commit().await?;
            Ok(index)
        })
        .await
    }

    /// Sets how many bytes a party may store.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn set_quota(&self, party: &PartyId, bytes: u64) -> Result<()> {
        let mut on = self.reader().await?;
        one(&mut on, SET_QUOTA, args![party, bytes]).await.map(drop)
    }
}

/// Whether the party has an account. Keeps it from being deleted until the transaction ends.
pub(crate) async fn require_party(work: &mut Work, party: &PartyId) -> Result<()> {
    one(work.on(), HOLD, args![party]).await.map(drop)
}

/// The keys that a party has now.
pub(crate) async fn newest_keys(work: &mut Work, party: &PartyId) -> Result<PartyKeys> {
    let signed = one(work.on(), NEWEST_BINDING, args![party]).await?.blob("signed")?;
    // Only proven bindings are kept, so that the bytes need no second proof.
    let binding = Signed::<KeyBinding>::from_bytes(&signed).and_then(|signed| signed.dangerous_unverified());
    Ok(binding.map_err(|_| damaged("signed"))?.keys)
}

async fn add_binding(work: &mut Work, binding: &Proven<KeyBinding>) -> Result<u64> {
    let signed = binding.signed().to_bytes();
    let index = append_open(work, &signed).await?;
    execute(work.on(), ADD_BINDING, args![binding.keys.party, binding.keys.version, signed, index]).await?;
    Ok(index)
}

async fn party_row(on: &mut AnyConnection, row: &AnyRow) -> Result<PartyRow> {
    let party = PartyId::from_bytes(row.fixed("id")?);
    let rows = all(on, BINDINGS, args![party]).await?;
    let index = rows.last().ok_or_else(|| damaged("key_binding"))?.number("leaf")?;
    Ok(PartyRow {
        party,
        handle: handle_of(row)?,
        role: row.text("role")?.parse().map_err(|_| damaged("role"))?,
        bindings: rows.iter().map(|row| row.blob("signed")).collect::<Result<_>>()?,
        index,
        deleted: row.maybe_number("deleted_at")?.is_some(),
    })
}

fn handle_of(row: &AnyRow) -> Result<Handle> {
    row.text("handle")?.parse().map_err(|_| damaged("handle"))
}

const ADD: &str = sql!(
    "accounts.add",
    "INSERT INTO party (id, handle, email, role, opaque_record, key_store, quota) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING"
);
const ADD_BINDING: &str = sql!(
    "accounts.add_binding",
    "INSERT INTO key_binding (party, version, signed, leaf) VALUES ($1, $2, $3, $4)"
);
const FIND: &str = sql!("accounts.find", "SELECT id, handle, role, deleted_at FROM party WHERE id = $1");
const FIND_BY_HANDLE: &str =
    sql!("accounts.find_by_handle", "SELECT id, handle, role, deleted_at FROM party WHERE handle = $1");
const LIST: &str = sql!(
    "accounts.list",
    "SELECT id, handle, role, deleted_at FROM party "
    "WHERE handle >= $1 AND handle < $2 AND handle > $3 ORDER BY handle LIMIT $4"
);
const BINDINGS: &str =
    sql!("accounts.bindings", "SELECT signed, leaf FROM key_binding WHERE party = $1 ORDER BY version");
const NEWEST_VERSION: &str =
    sql!("accounts.newest_version", "SELECT MAX(version) AS version FROM key_binding WHERE party = $1");
const NEWEST_BINDING: &str = sql!(
    "accounts.newest_binding",
    "SELECT signed FROM key_binding WHERE party = $1 ORDER BY version DESC LIMIT 1"
);
const CREDENTIALS: &str = sql!(
    "accounts.credentials",
    "SELECT id, opaque_record FROM party WHERE handle = $1 AND deleted_at IS NULL"
);
const ACCOUNT: &str = sql!(
    "accounts.account",
    "SELECT handle, email, used, quota FROM party WHERE id = $1 AND deleted_at IS NULL"
);
const KEY_STORE: &str =
    sql!("accounts.key_store", "SELECT key_store FROM party WHERE id = $1 AND deleted_at IS NULL");
const CHANGE_PASSWORD: &str = sql!(
    "accounts.change_password",
    "UPDATE party SET opaque_record = $2, key_store = $3 WHERE id = $1 AND deleted_at IS NULL RETURNING id"
);
const CHANGE_KEY_STORE: &str = sql!(
    "accounts.change_key_store",
    "UPDATE party SET key_store = $2 WHERE id = $1 AND deleted_at IS NULL RETURNING id"
);
const END_OTHER_SESSIONS: &str =
    sql!("accounts.end_other_sessions", "DELETE FROM session WHERE party = $1 AND token <> $2");
const SET_QUOTA: &str = sql!(
    "accounts.set_quota",
    "UPDATE party SET quota = $2 WHERE id = $1 AND deleted_at IS NULL RETURNING id"
);
const HOLD: &str =
    sql!("accounts.hold", "UPDATE party SET used = used WHERE id = $1 AND deleted_at IS NULL RETURNING id");
