//! The log's routes.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use cowl_api::Blob;
use cowl_api::types::{BindingPage, EventPage, LogEntry, OpenLeaf, Proof};
use cowl_crypto::merkle::{Hash, OutOfRange, Tree};
use cowl_store::ledger;
use serde::Deserialize;

use crate::app::Shared;
use crate::extract::{Caller, Json, Parameters};
use crate::refusal::Refusal;

/// Most entries of a page.
const MAX_PAGE: u32 = 1000;

pub(crate) async fn checkpoint(State(app): State<Shared>) -> Result<impl IntoResponse, Refusal> {
    let note = app.log.checkpoint(&app.ledger, &app.secrets.log_key).await?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-store")], note))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Consistency {
    from: u64,
    to: u64,
}

pub(crate) async fn consistency(
    State(app): State<Shared>,
    Parameters(asked): Parameters<Consistency>,
) -> Result<Json<Proof>, Refusal> {
    prove(&app, asked.to, |tree| tree.consistency_proof(asked.from, asked.to)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Inclusion {
    index: u64,
    size: u64,
}

pub(crate) async fn inclusion(
    State(app): State<Shared>,
    Parameters(asked): Parameters<Inclusion>,
) -> Result<Json<Proof>, Refusal> {
    prove(&app, asked.size, |tree| tree.inclusion_proof(asked.index, asked.size)).await
}

async fn prove(
    app: &Shared,
    size: u64,
    proof: impl FnOnce(&Tree) -> Result<Vec<Hash>, OutOfRange>,
) -> Result<Json<Proof>, Refusal> {
    let hashes = app.log.with_tree(&app.ledger, size, proof).await?;
    let hashes = hashes.map_err(|error| Refusal::bad_request(error.to_string()))?;
    Ok(Json(Proof { hashes: hashes.iter().map(|hash| Blob::from(hash.as_bytes().as_slice())).collect() }))
}

/// A page of things that have an index in the log.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    after: Option<u64>,
    limit: Option<u32>,
}

impl Page {
    fn limit(&self) -> u32 {
        self.limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE)
    }
}

pub(crate) async fn events(
    State(app): State<Shared>,
    caller: Caller,
    Parameters(page): Parameters<Page>,
) -> Result<Json<EventPage>, Refusal> {
    let found = app.ledger.events_for(&caller, page.after, page.limit()).await?;
    let entry = |row: ledger::LogEntry| LogEntry {
        index: row.index,
        salt: Blob::from(row.salt.as_slice()),
        event: row.event.into(),
    };
    Ok(Json(EventPage { events: found.events.into_iter().map(entry).collect(), more: found.more }))
}

pub(crate) async fn bindings(
    State(app): State<Shared>,
    _: Caller,
    Parameters(page): Parameters<Page>,
) -> Result<Json<BindingPage>, Refusal> {
    let found = app.ledger.open_leaves(page.after, page.limit()).await?;
    let leaf = |row: ledger::OpenLeafRow| OpenLeaf { index: row.index, binding: row.binding.into() };
    Ok(Json(BindingPage { bindings: found.bindings.into_iter().map(leaf).collect(), more: found.more }))
}
