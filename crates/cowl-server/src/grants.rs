//! Grants: made, listed, ended.

use axum::extract::State;
use axum::http::StatusCode;
use cowl_api::types::{GrantView, NewGrant, NewGrants, RevokeGrant};
use cowl_crypto::digest::Digest;
use cowl_domain::{Grant, GrantId, PartyKeys, Revocation, Share, Timestamp};
use cowl_store::Proven;
use cowl_store::ledger::{self, GrantRow};

use crate::accounts::DONE;
use crate::app::Shared;
use crate::extract::{Caller, Id, Json};
use crate::refusal::Refusal;
use crate::statements::{Observed, current_keys, matches, prove, prove_all};

/// Most bytes of a sealed note.
const MAX_NOTE: usize = 16 * 1024;
/// Most bytes of the stanza in a share.
const MAX_SEALED: usize = 8 * 1024;

pub(crate) async fn grants(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<Vec<GrantView>>, Refusal> {
    let rows = app.ledger.grants(&caller, app.now()).await?;
    Ok(Json(rows.into_iter().map(view).collect()))
}

pub(crate) async fn grant(
    State(app): State<Shared>,
    caller: Caller,
    Id(grant): Id<GrantId>,
) -> Result<Json<GrantView>, Refusal> {
    Ok(Json(view(app.ledger.grant(&caller, &grant, app.now()).await?)))
}

pub(crate) async fn make_grants(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<NewGrants>,
) -> Result<StatusCode, Refusal> {
    let keys = current_keys(&app, &caller).await?;
    let (grants, observed) = check_all(body.grants, keys, app.now()).await?;
    observed.check(&app).await?;
    app.ledger.make_grants(&caller, &grants, &app.act()).await?;
    Ok(DONE)
}

/// Checks grants off the threads that serve requests.
pub(crate) async fn check_all(
    grants: Vec<NewGrant>,
    keys: PartyKeys,
    now: Timestamp,
) -> Result<(Vec<ledger::NewGrant>, Observed), Refusal> {
    let checked = tokio::task::spawn_blocking(move || {
        let grants: Vec<_> =
            grants.into_iter().map(|grant| check(grant, &keys, now)).collect::<Result<_, _>>()?;
        let mut observed = Observed::default();
        grants.iter().for_each(|grant: &ledger::NewGrant| observed.add(&*grant.grant));
        Ok((grants, observed))
    });
    checked.await.map_err(|_| Refusal::internal())?
}

fn check(new: NewGrant, keys: &PartyKeys, now: Timestamp) -> Result<ledger::NewGrant, Refusal> {
    let grant = prove::<Grant>(&new.grant, keys)?;
    if grant.powers.is_empty_or_unknown() {
        return Err(Refusal::bad_request("a grant allows nothing, or something that is not known here"));
    }
    if !grant.terms_fit() {
        let terms =
            "a grant has terms to compute exactly where it allows that: technique, smallest group, most jobs";
        return Err(Refusal::bad_request(terms));
    }
    if grant.has_expired(now) {
        return Err(Refusal::bad_request("a grant has expired already"));
    }
    let note = new.note.map(|note| note.0);
    matches("note", &grant.note, &note.as_deref().map(Digest::of))?;
    if note.as_ref().is_some_and(|note| note.len() > MAX_NOTE) {
        return Err(Refusal::too_large(format!("a note has {MAX_NOTE} bytes at most")));
    }
    let shares = check_shares(&grant, &new.shares, keys)?;
    Ok(ledger::NewGrant { grant, note, shares })
}

fn check_shares(
    grant: &Proven<Grant>,
    blobs: &[cowl_api::Blob],
    keys: &PartyKeys,
) -> Result<Vec<Proven<Share>>, Refusal> {
    let shares = prove_all::<Share>(blobs, keys)?;
    for share in &shares {
        matches("grant", &share.grant, &grant.grant)?;
        if share.sealed.len() > MAX_SEALED {
            return Err(Refusal::too_large(format!("a share seals {MAX_SEALED} bytes at most")));
        }
    }
    Ok(shares)
}

pub(crate) async fn revoke(
    State(app): State<Shared>,
    caller: Caller,
    Id(grant): Id<GrantId>,
    Json(body): Json<RevokeGrant>,
) -> Result<StatusCode, Refusal> {
    let keys = current_keys(&app, &caller).await?;
    let revocation = prove::<Revocation>(&body.revocation, &keys)?;
    matches("grant", &revocation.grant, &grant)?;
    Observed::default().with(&*revocation).check(&app).await?;
    app.ledger.revoke(&revocation, &app.act()).await?;
    Ok(DONE)
}

pub(crate) async fn rekeyed(
    State(app): State<Shared>,
    caller: Caller,
    Id(grant): Id<GrantId>,
) -> Result<StatusCode, Refusal> {
    app.ledger.rekeyed(&caller, &grant, &app.act()).await?;
    Ok(DONE)
}

fn view(row: GrantRow) -> GrantView {
    GrantView {
        grant_id: row.grant_id.to_string(),
        grant: row.grant.into(),
        note: row.note.map(Into::into),
        shares: row.shares.into_iter().map(Into::into).collect(),
        revocation: row.revocation.map(Into::into),
        rekeyed: row.rekeyed,
    }
}
