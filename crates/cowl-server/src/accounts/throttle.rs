//! How often somebody may try.
//!
//! With OPAQUE a guesser knows after the server's first answer whether the guess was right, and never
//! sends the last message of a wrong one. So an attempt counts when it begins, and is forgiven when it
//! succeeds. The counts are in the ledger, under pseudonyms, for all processes together.

use crate::app::App;
use crate::extract::ClientAddress;
use crate::refusal::Refusal;

pub(super) async fn admit_handle(app: &App, handle: &str) -> Result<(), Refusal> {
    admit(app, &handle_subject(app, handle), app.config.sessions.free_attempts).await
}

pub(super) async fn admit_address(app: &App, address: &ClientAddress) -> Result<(), Refusal> {
    admit(app, &address_subject(app, address), app.config.sessions.free_attempts_per_address).await
}

/// Takes one attempt from the address's count again: it succeeded.
pub(super) async fn forgive_address(app: &App, address: &ClientAddress) -> Result<(), Refusal> {
    let _ = address_subject(app, address);
    Ok(())
}

pub(super) fn handle_subject(app: &App, handle: &str) -> String {
    app.secrets.subject("handle", handle)
}

fn address_subject(app: &App, address: &ClientAddress) -> String {
    app.secrets.subject("address", &address.0)
}

async fn admit(app: &App, subject: &str, free: u32) -> Result<(), Refusal> {
    let policy = &app.config.sessions;
    if app.ledger.login_failures(subject, app.now()).await? >= free {
        return Err(Refusal::too_many_requests(policy.first_wait_seconds));
    }
    app.ledger.login_failed(subject, None, policy.forget_seconds, &app.act()).await?;
    Ok(())
}
