//! Opening items: the read is written to the log first, then a ticket serves for their parts.

use axum::extract::State;
use cowl_api::types::{ReadRequest, ReadTicket};
use cowl_crypto::id::random_bytes;
use cowl_domain::{ItemId, RecordId};

use crate::app::Shared;
use crate::extract::{Caller, Id, Json, hash_ticket};
use crate::proofs::item_rows;
use crate::refusal::Refusal;

/// Most items of one read.
const MAX_ITEMS: usize = 10_000;

pub(crate) async fn open_reads(
    State(app): State<Shared>,
    caller: Caller,
    Id(record): Id<RecordId>,
    Json(body): Json<ReadRequest>,
) -> Result<Json<ReadTicket>, Refusal> {
    if !(1..=MAX_ITEMS).contains(&body.items.len()) {
        return Err(Refusal::bad_request(format!("a read names 1 to {MAX_ITEMS} items")));
    }
    let items: Vec<ItemId> = body.items.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    let ticket: [u8; 32] = random_bytes();
    let expires_at = app.now().plus_seconds(app.config.sessions.ticket_minutes.saturating_mul(60));
    let hash = hash_ticket(&ticket);
    let rows = app.ledger.open_reads(&caller, &record, &items, &hash, expires_at, &app.act()).await?;
    let owner = app.ledger.record(&caller, &record, app.now()).await?.owner;
    let tree =
        if owner == caller.party { None } else { Some(app.proofs.tree(&app, &caller, &record).await?) };
    Ok(Json(ReadTicket {
        ticket: ticket.as_slice().into(),
        expires_at: expires_at.as_millis(),
        items: item_rows(rows, tree.as_deref()),
    }))
}
