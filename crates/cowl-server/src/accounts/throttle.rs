//! How often somebody may try.
//!
//! With OPAQUE a guesser knows after the server's first answer whether the guess was right, and never
//! sends the last message of a wrong one. So an attempt counts when it begins, and is forgiven when it
//! succeeds. The counts are in the ledger, under pseudonyms, for all processes together.

use cowl_store::ledger::Throttle;

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
    Ok(app.ledger.forgive_one(&address_subject(app, address)).await?)
}

pub(super) fn handle_subject(app: &App, handle: &str) -> String {
    app.secrets.subject("handle", handle)
}

fn address_subject(app: &App, address: &ClientAddress) -> String {
    app.secrets.subject("address", &address.0)
}

async fn admit(app: &App, subject: &str, free: u32) -> Result<(), Refusal> {
    let policy = &app.config.sessions;
    let throttle = Throttle {
        free,
        first_wait: policy.first_wait_seconds,
        longest_wait: policy.longest_wait_seconds,
        forget_after: policy.forget_seconds,
    };
    match app.ledger.admit_login(subject, &throttle, app.now()).await? {
        0 => Ok(()),
        seconds => Err(Refusal::too_many_requests(seconds)),
    }
}
