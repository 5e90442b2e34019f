//! Records and their items.

use axum::extract::State;
use axum::http::StatusCode;
use cowl_api::types::{ItemPage, NewRecord, RecordView};
use cowl_domain::{Epoch, ItemId, RecordGenesis, RecordHead, RecordId};
use cowl_store::ledger::RecordRow;
use serde::Deserialize;

use crate::accounts::DONE;
use crate::app::Shared;
use crate::extract::{Caller, Id, Json, Parameters};
use crate::proofs::item_rows;
use crate::refusal::Refusal;
use crate::statements::{Observed, current_keys, matches, prove};

/// Most items of a page.
const MAX_PAGE: u32 = 1000;

pub(crate) async fn records(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<Vec<RecordView>>, Refusal> {
    let rows = app.ledger.records(&caller, app.now()).await?;
    Ok(Json(rows.into_iter().map(view).collect()))
}

pub(crate) async fn record(
    State(app): State<Shared>,
    caller: Caller,
    Id(record): Id<RecordId>,
) -> Result<Json<RecordView>, Refusal> {
    Ok(Json(view(app.ledger.record(&caller, &record, app.now()).await?)))
}

pub(crate) async fn new_record(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<NewRecord>,
) -> Result<StatusCode, Refusal> {
    let keys = current_keys(&app, &caller).await?;
    let genesis = prove::<RecordGenesis>(&body.genesis, &keys)?;
    let epoch = prove::<Epoch>(&body.epoch, &keys)?;
    let head = prove::<RecordHead>(&body.head, &keys)?;
    matches("owner", &genesis.owner, &caller.party)?;
    matches("record", &epoch.record, &genesis.record)?;
    matches("record", &head.record, &genesis.record)?;
    Observed::default().with(&*epoch).with(&*head).check(&app).await?;
    app.ledger.make_record(&genesis, &epoch, &head, &app.act()).await?;
    Ok(DONE)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    after: Option<String>,
    limit: Option<u32>,
}

pub(crate) async fn items(
    State(app): State<Shared>,
    caller: Caller,
    Id(record): Id<RecordId>,
    Parameters(page): Parameters<Page>,
) -> Result<Json<ItemPage>, Refusal> {
    let after = page.after.map(|text| text.parse::<ItemId>()).transpose()?;
    let limit = page.limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
    let found = app.ledger.items_page(&caller, &record, after.as_ref(), limit, app.now()).await?;
    let tree = if found.sees_all { None } else { Some(app.proofs.tree(&app, &caller, &record).await?) };
    Ok(Json(ItemPage { items: item_rows(found.items, tree.as_deref()), more: found.more }))
}

fn view(row: RecordRow) -> RecordView {
    RecordView {
        record: row.record.to_string(),
        owner: row.owner.to_string(),
        genesis: row.genesis.into(),
        epochs: row.epochs.into_iter().map(Into::into).collect(),
        head: row.head.into(),
    }
}
