//! An account begins and ends.

use axum::extract::State;
use axum::http::StatusCode;
use cowl_api::types::{Account, RegisterFinish, RegisterStart, RegisterStarted, Registered};
use cowl_crypto::opaque;
use cowl_domain::{KeyBinding, Signed};
use cowl_store::Proven;
use cowl_store::ledger::NewParty;

use super::throttle::admit_registration;
use super::{DONE, check_key_store, parse_handle};
use crate::app::Shared;
use crate::extract::{Caller, ClientAddress, Json};
use crate::refusal::Refusal;
use crate::statements::matches;

/// Longest e-mail address (RFC 5321 §4.5.3.1.3).
const MAX_EMAIL: usize = 254;
/// Longest DER of an RSA-3072 key, with room.
const MAX_RSA: usize = 1024;

pub(crate) async fn register_start(
    State(app): State<Shared>,
    address: ClientAddress,
    Json(body): Json<RegisterStart>,
) -> Result<Json<RegisterStarted>, Refusal> {
    let handle = parse_handle(&body.handle)?;
    admit_registration(&app, &address).await?;
    let response = opaque::registration_response(&app.secrets.opaque, &body.request.0, handle.as_str())?;
    Ok(Json(RegisterStarted { response: response.into() }))
}

pub(crate) async fn register_finish(
    State(app): State<Shared>,
    Json(body): Json<RegisterFinish>,
) -> Result<Json<Registered>, Refusal> {
    let party = new_party(&body, app.config.limits.quota)?;
    let id = party.binding.keys.party;
    app.ledger.register(&party).await?;
    let checkpoint = app.log.checkpoint(&app.ledger, &app.secrets.log_key).await?;
    Ok(Json(Registered { party: id.to_string(), checkpoint }))
}

fn new_party(body: &RegisterFinish, quota: u64) -> Result<NewParty, Refusal> {
    let handle = parse_handle(&body.handle)?;
    check_key_store(&body.key_store.0)?;
    body.email.as_deref().map_or(Ok(()), check_email)?;
    let binding = Proven::first_binding(Signed::<KeyBinding>::from_bytes(&body.binding.0)?)?;
    matches("handle", &binding.handle, &handle)?;
    check_rsa(&binding)?;
    Ok(NewParty {
        binding,
        email: body.email.clone(),
        opaque_record: opaque::registration_record(&body.upload.0)?,
        key_store: body.key_store.0.clone(),
        quota,
    })
}

fn check_email(email: &str) -> Result<(), Refusal> {
    let parts = email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    let plain = !email.chars().any(|c| c.is_control() || c.is_whitespace());
    let fits = parts && plain && email.len() <= MAX_EMAIL;
    if fits { Ok(()) } else { Err(Refusal::bad_request("this is not an e-mail address")) }
}

pub(super) fn check_rsa(binding: &KeyBinding) -> Result<(), Refusal> {
    let fits = binding.keys.rsa.as_ref().is_none_or(|der| (1..=MAX_RSA).contains(&der.len()));
    if fits { Ok(()) } else { Err(Refusal::bad_request("the RSA key is not one of 3072 bits")) }
}

pub(crate) async fn account(State(app): State<Shared>, caller: Caller) -> Result<Json<Account>, Refusal> {
    let row = app.ledger.account(&caller).await?;
    Ok(Json(Account {
        party: row.party.to_string(),
        handle: row.handle.to_string(),
        email: row.email,
        used: row.used,
        quota: row.quota,
    }))
}

pub(crate) async fn delete_account(State(app): State<Shared>, caller: Caller) -> Result<StatusCode, Refusal> {
    app.ledger.delete_account(&caller, &app.act()).await?;
    Ok(DONE)
}
