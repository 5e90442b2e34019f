//! Who there is, with which keys.

use axum::extract::{Path, State};
use cowl_api::types::{PartyEntry, PartyPage};
use cowl_domain::{Handle, PartyId};
use cowl_store::StoreError;
use cowl_store::ledger::PartyRow;
use serde::Deserialize;

use super::parse_handle;
use crate::app::{App, Shared};
use crate::extract::{Caller, Json, Parameters};
use crate::refusal::Refusal;

const MAX_PAGE: u32 = 200;

pub(crate) async fn party(
    State(app): State<Shared>,
    _: Caller,
    Path(name): Path<String>,
) -> Result<Json<PartyEntry>, Refusal> {
    find(&app, &name).await.map(entry).map(Json)
}

/// By identifier first: a handle that looks like one must not stand before its owner.
async fn find(app: &App, name: &str) -> Result<PartyRow, Refusal> {
    if let Ok(id) = name.parse::<PartyId>() {
        match app.ledger.party(&id).await {
            Err(StoreError::NotFound) => {}
            other => return Ok(other?),
        }
    }
    let handle: Handle = name.parse().map_err(|_| Refusal::not_found())?;
    Ok(app.ledger.party_by_handle(&handle).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Search {
    #[serde(default)]
    prefix: String,
    after: Option<String>,
    limit: Option<u32>,
}

pub(crate) async fn parties(
    State(app): State<Shared>,
    _: Caller,
    Parameters(search): Parameters<Search>,
) -> Result<Json<PartyPage>, Refusal> {
    let after = search.after.as_deref().map(parse_handle).transpose()?;
    let limit = search.limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
    let mut rows = app.ledger.parties(&search.prefix, after.as_ref(), limit + 1).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    Ok(Json(PartyPage { parties: rows.into_iter().map(entry).collect(), more }))
}

fn entry(row: PartyRow) -> PartyEntry {
    PartyEntry {
        party: row.party.to_string(),
        handle: row.handle.to_string(),
        role: row.role.to_string(),
        bindings: row.bindings.into_iter().map(Into::into).collect(),
        index: row.index,
        deleted: row.deleted,
    }
}
