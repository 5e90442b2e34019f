//! Changes of a record: one transaction, signed by whoever makes it.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use cowl_api::types::{Commit, NewItem};
use cowl_crypto::digest::Digest;
use cowl_domain::{AdditiveHeader, ItemId, PartName, PartyKeys, Placement, RecordId};
use cowl_store::ledger::{self, Commit as Change};

use crate::accounts::DONE;
use crate::app::Shared;
use crate::extract::{Caller, Id, Json};
use crate::refusal::Refusal;
use crate::statements::{Observed, current_keys, matches, prove, prove_all};

/// Most bytes of an item's header.
const MAX_HEADER: usize = 64 * 1024;

pub(crate) async fn commit(
    State(app): State<Shared>,
    caller: Caller,
    Id(record): Id<RecordId>,
    Json(body): Json<Commit>,
) -> Result<StatusCode, Refusal> {
    let keys = current_keys(&app, &caller).await?;
    // A thousand signatures take tens of milliseconds: not on a thread that serves others.
    let checked = tokio::task::spawn_blocking(move || check(&record, body, &keys)).await;
    let (change, observed) = checked.map_err(|_| Refusal::internal())??;
    observed.check(&app).await?;
    app.ledger.commit(&caller, &record, &change, &app.act()).await?;
    Ok(DONE)
}

/// Every signature, and that every statement is about this record.
fn check(record: &RecordId, body: Commit, keys: &PartyKeys) -> Result<(Change, Observed), Refusal> {
    let removed: Result<Vec<ItemId>, _> = body.removed.iter().map(|text| text.parse()).collect();
    let items: Result<Vec<_>, _> =
        body.items.into_iter().map(|item| check_item(record, item, keys)).collect();
    let change = Change {
        items: items?,
        removed: removed?,
        epoch: body.epoch.as_ref().map(|blob| prove(blob, keys)).transpose()?,
        shares: prove_all(&body.shares, keys)?,
        head: body.head.as_ref().map(|blob| prove(blob, keys)).transpose()?,
    };
    let mut observed = Observed::default();
    for item in &change.items {
        observed.add(&*item.placement);
    }
    if let Some(epoch) = &change.epoch {
        matches("record", &epoch.record, record)?;
        observed.add(&**epoch);
    }
    if let Some(head) = &change.head {
        matches("record", &head.record, record)?;
        observed.add(&**head);
    }
    Ok((change, observed))
}

fn check_item(record: &RecordId, item: NewItem, keys: &PartyKeys) -> Result<ledger::NewItem, Refusal> {
    let placement = prove::<Placement>(&item.placement, keys)?;
    matches("record", &placement.record, record)?;
    matches("manifest", &placement.manifest, &Digest::of(&item.manifest.0))?;
    if !(1..=MAX_HEADER).contains(&item.header.0.len()) {
        return Err(Refusal::bad_request(format!("a header has 1 to {MAX_HEADER} bytes")));
    }
    let parts: Vec<PartName> = item.parts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    if AdditiveHeader::is_one(&item.header.0) {
        check_table(&item.header.0, &placement, &parts)?;
    }
    Ok(ledger::NewItem { placement, header: item.header.0, manifest: item.manifest.0, parts })
}

/// A sealed table of which the cloud could not find the parts is refused now, not when somebody asks about it.
fn check_table(header: &[u8], placement: &Placement, parts: &[PartName]) -> Result<(), Refusal> {
    let header =
        AdditiveHeader::from_bytes(header).map_err(|error| Refusal::bad_request(error.to_string()))?;
    let listed: BTreeSet<PartName> = header.parts.iter().map(|part| part.name).collect();
    let uploaded: BTreeSet<PartName> = parts.iter().copied().collect();
    if listed == uploaded && header.payload_size() == Some(placement.size) {
        Ok(())
    } else {
        Err(Refusal::bad_request(
            "the header of a sealed table does not name the parts that were uploaded for it",
        ))
    }
}
