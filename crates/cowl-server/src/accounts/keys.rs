//! A party's next keys.

use axum::extract::State;
use axum::http::StatusCode;
use cowl_api::types::NewBinding;
use cowl_domain::{KeyBinding, Signed};
use cowl_store::Proven;

use super::registration::check_rsa;
use super::{DONE, check_key_store};
use crate::app::Shared;
use crate::extract::{Caller, Json};
use crate::refusal::Refusal;
use crate::statements::newest_binding;

pub(crate) async fn next_keys(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<NewBinding>,
) -> Result<StatusCode, Refusal> {
    check_key_store(&body.key_store.0)?;
    let known = newest_binding(&app.ledger.party(&caller).await?)?;
    let next = Proven::next_binding(&known, Signed::<KeyBinding>::from_bytes(&body.binding.0)?)?;
    check_rsa(&next)?;
    app.ledger.change_keys(&next, &body.key_store.0).await?;
    Ok(DONE)
}
