//! A change of password: a new registration of the same account.

use axum::extract::State;
use axum::http::StatusCode;
use cowl_api::types::{PasswordFinish, PasswordStart, RegisterStarted};
use cowl_crypto::opaque;

use super::{DONE, check_key_store};
use crate::app::Shared;
use crate::extract::{Caller, Json};
use crate::refusal::Refusal;

pub(crate) async fn password_start(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<PasswordStart>,
) -> Result<Json<RegisterStarted>, Refusal> {
    let handle = app.ledger.account(&caller).await?.handle;
    let response = opaque::registration_response(&app.secrets.opaque, &body.request.0, handle.as_str())?;
    Ok(Json(RegisterStarted { response: response.into() }))
}

pub(crate) async fn password_finish(
    State(app): State<Shared>,
    caller: Caller,
    Json(body): Json<PasswordFinish>,
) -> Result<StatusCode, Refusal> {
    check_key_store(&body.key_store.0)?;
    let record = opaque::registration_record(&body.upload.0)?;
    let keep = Some(&caller.session);
    app.ledger.change_password(&caller, &record, &body.key_store.0, keep, &app.act()).await?;
    Ok(DONE)
}
