//! Grants, the shares that fulfil them, and their ends.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cowl_crypto::digest::Digest;
use cowl_domain::{
    Event, EventKind, Grant, GrantId, PartyId, Power, Powers, RecordId, Revocation, Scope, Share,
    ShareTarget, Timestamp,
};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::accounts::{newest_keys, require_party};
use super::act::Act;
use super::commits::{epoch_of, version_of};
use super::connection::{Ledger, Work};
use super::log::{Told, append};
use super::sql::{Columns, all, args, execute, one, sql};
use super::standing::{bits, lock_record};
use crate::error::{Result, StoreError};
use crate::proven::Proven;

/// A grant with what fulfils it.
#[derive(Debug, Clone)]
pub struct NewGrant {
    /// The grant, signed by the record's owner.
    pub grant: Proven<Grant>,
    /// Note, sealed to grantee and owner.
    pub note: Option<Vec<u8>>,
    /// Shares, signed by the record's owner.
    pub shares: Vec<Proven<Share>>,
}

/// A grant as one of its two sides sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRow {
    /// Identifier.
    pub grant_id: GrantId,
    /// Signed grant.
    pub grant: Vec<u8>,
    /// Sealed note.
    pub note: Option<Vec<u8>>,
    /// Signed shares; none for the grantee of a grant that has ended.
    pub shares: Vec<Vec<u8>>,
    /// Signed revocation.
    pub revocation: Option<Vec<u8>>,
    /// Whether all that it could open has been re-keyed after its end.
    pub rekeyed: bool,
}

impl Ledger {
    /// Makes grants, all or none.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when a record is not the owner's, a grantee or an item is not there;
    /// [`StoreError::Conflict`] when an identifier is taken, a grantee has other keys by now, or a share is
    /// of a version or epoch that is not the current one; [`StoreError::Refused`] when a grant and its shares do not fit together.
    pub async fn make_grants(&self, owner: &PartyId, grants: &[NewGrant], act: &Act) -> Result<()> {
        self.transact(move |mut work| async move {
            let told = add_grants(&mut work, owner, grants, act).await?;
            append(&mut work, act, &told).await?;
            work.commit().await
        })
        .await
    }

    /// The grants that `party` gave or received, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn grants(&self, party: &PartyId, now: Timestamp) -> Result<Vec<GrantRow>> {
        let mut on = self.reader().await?;
        let rows = all(&mut on, LIST, args![party]).await?;
        let mut shares = shares_of(&mut on, party).await?;
        rows.iter().map(|row| grant_row(row, &mut shares, party, now)).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is none of the party's; [`StoreError::Unavailable`].
    pub async fn grant(&self, party: &PartyId, grant: &GrantId, now: Timestamp) -> Result<GrantRow> {
        let mut on = self.reader().await?;
        let row = one(&mut on, ONE, args![party, grant]).await?;
        let shares = all(&mut on, SHARES_OF_ONE, args![grant]).await?;
        let shares = shares.iter().map(|row| row.blob("signed")).collect::<Result<_>>()?;
        grant_row(&row, &mut SharesByGrant::from([(*grant.as_bytes(), shares)]), party, now)
    }

    /// Ends a grant. From the moment this returns, no process serves its grantee under it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] unless the signer owns the grant; [`StoreError::Conflict`] when it was
    /// revoked before.
    pub async fn revoke(&self, revocation: &Proven<Revocation>, act: &Act) -> Result<()> {
        let owner = revocation.signer();
        self.transact(move |mut work| async move {
            let row = one(work.on(), FIND, args![revocation.grant, owner, revocation.record]).await?;
            let grantee = PartyId::from_bytes(row.fixed("grantee")?);
            let list = args![revocation.grant, revocation.signed().to_bytes(), act.now()];
            if execute(work.on(), REVOKE, list).await? == 0 {
                return Err(StoreError::Conflict { what: "grant" });
            }
            let mut event =
                event_of(EventKind::GrantRevoked, act, owner, grantee, revocation.record, revocation.grant);
            event.statement = Some(revocation.verified().digest());
            append(&mut work, act, &[Told::to_owner(event, owner)]).await?;
            work.commit().await
        })
        .await
    }

    /// Notes that all that an ended grant could open has been re-keyed. Saying so again is fine.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] unless `owner` gave it; [`StoreError::Refused`] while it lives.
    pub async fn rekeyed(&self, owner: &PartyId, grant: &GrantId, act: &Act) -> Result<()> {
        self.transact(move |mut work| async move {
            let row = one(work.on(), FIND_OWN, args![grant, owner]).await?;
            if !has_ended(&row, act.now())? {
                return Err(StoreError::Refused { reason: "the grant has not ended" });
            }
            if execute(work.on(), NOTE_REKEYED, args![grant]).await? == 0 {
                return Ok(());
            }
            let (grantee, record) = parties_of(&row)?;
            let event = event_of(EventKind::RekeyingDone, act, *owner, grantee, record, *grant);
            append(&mut work, act, &[Told::to_owner(event, *owner)]).await?;
            work.commit().await
        })
        .await
    }

    /// Writes the events of at most `limit` grants that ran out since this was last called, and returns
    /// their number. Grants end by themselves; this only tells those concerned.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn expire_grants(&self, limit: u32, act: &Act) -> Result<u32> {
        self.transact(move |mut work| async move {
            let rows = all(work.on(), NOTE_EXPIRED, args![act.now(), limit]).await?;
            let mut told = Vec::with_capacity(rows.len());
            for row in &rows {
                let owner = PartyId::from_bytes(row.fixed("owner")?);
                let grant = GrantId::from_bytes(row.fixed("id")?);
                let (grantee, record) = parties_of(row)?;
                let mut event = event_of(EventKind::GrantExpired, act, owner, grantee, record, grant);
                event.actor = None;
                told.push(Told::to_owner(event, owner));
            }
            append(&mut work, act, &told).await?;
            work.commit().await?;
            Ok(u32::try_from(told.len()).unwrap_or(u32::MAX))
        })
        .await
    }
}

/// Adds grants inside a transaction and returns their events.
pub(crate) async fn add_grants(
    work: &mut Work,
    owner: &PartyId,
    grants: &[NewGrant],
    act: &Act,
) -> Result<Vec<Told>> {
    let mut records: Vec<RecordId> = grants.iter().map(|new| new.grant.record).collect();
    records.sort_unstable();
    records.dedup();
    for record in &records {
        lock_record(work, record).await?;
        one(work.on(), OWNED, args![record, owner]).await?;
    }
    let keys = keys_of_grantees(work, grants).await?;
    let mut told = Vec::with_capacity(grants.len());
    for new in grants {
        if keys.get(&new.grant.grantee) != Some(&new.grant.grantee_keys) {
            return Err(StoreError::Conflict { what: "grantee's key binding" });
        }
        add_grant(work, owner, new, act).await?;
        let grant = &new.grant;
        let mut event = event_of(EventKind::GrantMade, act, *owner, grant.grantee, grant.record, grant.grant);
        event.item = grant.scope.item();
        event.statement = Some(grant.verified().digest());
        told.push(Told::to_owner(event, *owner));
    }
    Ok(told)
}

/// Digests of the keys that the grantees have now, and keep until the transaction ends: shares that were sealed
/// to older ones would open for nobody, or for who holds a lost key.
async fn keys_of_grantees(work: &mut Work, grants: &[NewGrant]) -> Result<BTreeMap<PartyId, Digest>> {
    let grantees: BTreeSet<PartyId> = grants.iter().map(|new| new.grant.grantee).collect();
    let mut keys = BTreeMap::new();
    for grantee in grantees {
        require_party(work, &grantee).await?;
        keys.insert(grantee, newest_keys(work, &grantee).await?.digest());
    }
    Ok(keys)
}

async fn add_grant(work: &mut Work, owner: &PartyId, new: &NewGrant, act: &Act) -> Result<()> {
    let grant = &new.grant;
    check_grant(owner, new, act)?;
    if let Scope::Item(item) = grant.scope {
        version_of(work, &grant.record, &item).await?.ok_or(StoreError::NotFound)?;
    }
    let list = args![
        grant.grant,
        grant.record,
        owner,
        grant.grantee,
        grant.scope.item(),
        bits(grant.powers),
        act.now(),
        grant.expires_at,
        grant.signed().to_bytes(),
        new.note
    ];
    if execute(work.on(), ADD, list).await? == 0 {
        return Err(StoreError::Conflict { what: "grant" });
    }
    if let Some(terms) = &grant.compute {
        let list = args![grant.grant, terms.technique, terms.minimum_cohort, terms.runs];
        execute(work.on(), ADD_TERMS, list).await?;
    }
    for share in &new.shares {
        add_share(work, share, &grant.record, owner, act.now()).await?;
    }
    Ok(())
}

fn check_grant(owner: &PartyId, new: &NewGrant, act: &Act) -> Result<()> {
    let grant = &new.grant;
    let shares_fit = new.shares.iter().all(|share| share.grant == grant.grant);
    if grant.signer() != *owner || !shares_fit || grant.grantee == *owner {
        return Err(StoreError::Refused {
            reason: "a grant is not the owner's, not to another, or has other shares",
        });
    }
    if grant.powers.is_empty_or_unknown() || grant.has_expired(act.now()) {
        return Err(StoreError::Refused { reason: "a grant allows nothing, or has ended already" });
    }
    if !grant.terms_fit() {
        return Err(StoreError::Refused {
            reason: "a grant has terms to compute exactly where it allows that",
        });
    }
    Ok(())
}

/// Adds a share to a grant of this owner and record that lives. Its target must be within the grant's
/// scope and current. The same share again is fine.
pub(crate) async fn add_share(
    work: &mut Work,
    share: &Proven<Share>,
    record: &RecordId,
    owner: &PartyId,
    now: Timestamp,
) -> Result<()> {
    if share.signer() != *owner {
        return Err(StoreError::Refused { reason: "a share is not signed by the owner" });
    }
    let row = one(work.on(), FIND, args![share.grant, owner, record]).await?;
    if has_ended(&row, now)? {
        return Err(StoreError::Conflict { what: "grant" });
    }
    if row.number("powers")? == bits(Powers::of([Power::Compute])) {
        return Err(StoreError::Refused { reason: "a grant that only allows to compute hands out no keys" });
    }
    let scope = row.maybe_fixed::<16>("item")?;
    let (item, number) = match share.target {
        ShareTarget::Epoch(epoch) if scope.is_none() && epoch <= epoch_of(work, record).await? => {
            (Vec::new(), epoch)
        }
        ShareTarget::Item(item, version) if scope.is_none_or(|one| one == *item.as_bytes()) => {
            if version_of(work, record, &item).await? != Some(version) {
                return Err(StoreError::Conflict { what: "item" });
            }
            (item.as_bytes().to_vec(), version)
        }
        _ => return Err(StoreError::Refused { reason: "a share opens what its grant does not cover" }),
    };
    execute(work.on(), ADD_SHARE, args![share.grant, item, number, share.signed().to_bytes()]).await.map(drop)
}

fn event_of(
    kind: EventKind,
    act: &Act,
    owner: PartyId,
    grantee: PartyId,
    record: RecordId,
    grant: GrantId,
) -> Event {
    let mut event = Event::new(kind, act.now(), Some(owner));
    event.subject = Some(grantee);
    event.record = Some(record);
    event.grant = Some(grant);
    event
}

/// Signed shares by grant.
type SharesByGrant = HashMap<[u8; 16], Vec<Vec<u8>>>;

/// Those of all grants of a party: one query, however many there are.
async fn shares_of(on: &mut AnyConnection, party: &PartyId) -> Result<SharesByGrant> {
    let mut shares = SharesByGrant::new();
    for row in all(on, SHARES, args![party]).await? {
        shares.entry(row.fixed("access_grant")?).or_default().push(row.blob("signed")?);
    }
    Ok(shares)
}

fn grant_row(row: &AnyRow, shares: &mut SharesByGrant, party: &PartyId, now: Timestamp) -> Result<GrantRow> {
    let id = row.fixed("id")?;
    let gave = row.fixed("owner")? == *party.as_bytes();
    let shown = gave || !has_ended(row, now)?;
    Ok(GrantRow {
        grant_id: GrantId::from_bytes(id),
        grant: row.blob("signed")?,
        note: row.maybe_blob("note")?,
        shares: shares.remove(&id).filter(|_| shown).unwrap_or_default(),
        revocation: row.maybe_blob("revocation")?,
        rekeyed: row.flag("rekeyed")?,
    })
}

pub(crate) fn has_ended(row: &AnyRow, now: Timestamp) -> Result<bool> {
    let revoked = row.maybe_number("revoked_at")?.is_some();
    Ok(revoked || row.maybe_number("expires_at")?.is_some_and(|end| end <= now.as_millis()))
}

fn parties_of(row: &AnyRow) -> Result<(PartyId, RecordId)> {
    Ok((PartyId::from_bytes(row.fixed("grantee")?), RecordId::from_bytes(row.fixed("record")?)))
}

const OWNED: &str = sql!("grants.owned", "SELECT id FROM record WHERE id = $1 AND owner = $2");
const ADD: &str = sql!(
    "grants.add",
    "INSERT INTO access_grant (id, record, owner, grantee, item, powers, made_at, expires_at, signed, note) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING"
);
const ADD_TERMS: &str = sql!(
    "grants.add_terms",
    "INSERT INTO compute_terms (access_grant, technique, minimum_cohort, runs) VALUES ($1, $2, $3, $4)"
);
const ADD_SHARE: &str = sql!(
    "grants.add_share",
    "INSERT INTO share (access_grant, item, number, signed) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
);
const FIND: &str = sql!(
    "grants.find",
    "SELECT grantee, item, powers, expires_at, revoked_at FROM access_grant "
    "WHERE id = $1 AND owner = $2 AND record = $3"
);
const FIND_OWN: &str = sql!(
    "grants.find_own",
    "SELECT grantee, record, expires_at, revoked_at FROM access_grant WHERE id = $1 AND owner = $2"
);
const LIST: &str = sql!(
    "grants.list",
    "SELECT id, owner, signed, note, expires_at, revoked_at, revocation, rekeyed FROM access_grant "
    "WHERE owner = $1 OR grantee = $1 ORDER BY made_at, id"
);
const ONE: &str = sql!(
    "grants.one",
    "SELECT id, owner, signed, note, expires_at, revoked_at, revocation, rekeyed FROM access_grant "
    "WHERE (owner = $1 OR grantee = $1) AND id = $2"
);
const SHARES_OF_ONE: &str =
    sql!("grants.shares_of_one", "SELECT signed FROM share WHERE access_grant = $1 ORDER BY item, number");
const SHARES: &str = sql!(
    "grants.shares",
    "SELECT s.access_grant, s.signed FROM access_grant g JOIN share s ON s.access_grant = g.id "
    "WHERE g.owner = $1 OR g.grantee = $1 ORDER BY s.access_grant, s.item, s.number"
);
const REVOKE: &str = sql!(
    "grants.revoke",
    "UPDATE access_grant SET revocation = $2, revoked_at = $3 WHERE id = $1 AND revoked_at IS NULL"
);
const NOTE_REKEYED: &str =
    sql!("grants.note_rekeyed", "UPDATE access_grant SET rekeyed = 1 WHERE id = $1 AND rekeyed = 0");
const NOTE_EXPIRED: &str = sql!(
    "grants.note_expired",
    "UPDATE access_grant SET expiry_noted = 1 WHERE expiry_noted = 0 AND revoked_at IS NULL AND id IN "
    "(SELECT id FROM access_grant WHERE expiry_noted = 0 AND revoked_at IS NULL AND expires_at <= $1 "
    "ORDER BY expires_at LIMIT $2) RETURNING id, owner, grantee, record"
);
