//! How often somebody may try.
//!
//! With OPAQUE a guesser knows after the server's first answer whether the guess was right, and never
//! sends the last message of a wrong one. So an attempt counts when it begins, and success clears the
//! handle's count. The counts are in the ledger, under pseudonyms, for all processes together.
//!
//! After the free attempts each further one opens a window in which no other is admitted, and each window
//! is twice as long as the one before. The ledger counts atomically, and only the first of a window gets
//! through, so a crowd of attempts at once gains nothing.

use crate::app::App;
use crate::extract::ClientAddress;
use crate::refusal::Refusal;

pub(super) async fn admit_handle(app: &App, handle: &str) -> Result<(), Refusal> {
    admit(app, "handle", handle, app.config.sessions.free_attempts).await
}

pub(super) async fn admit_address(app: &App, address: &ClientAddress) -> Result<(), Refusal> {
    admit(app, "address", &address.0, app.config.sessions.free_attempts_per_address).await
}

/// What the ledger counts a handle's attempts under.
pub(super) fn handle_subject(app: &App, handle: &str) -> String {
    app.secrets.subject("handle", handle)
}

async fn admit(app: &App, kind: &str, name: &str, free: u32) -> Result<(), Refusal> {
    let (subject, window) =
        (app.secrets.subject(kind, name), app.secrets.subject(&format!("{kind}-window"), name));
    let begun = app.ledger.login_failures(&subject, app.now()).await?;
    if begun >= free {
        let further = begun - free;
        if count(app, &window, wait(app, further + 1)).await? > 1 {
            return Err(Refusal::too_many_requests(wait(app, further)));
        }
        count(app, &subject, app.config.sessions.forget_seconds).await?;
        return Ok(());
    }
    let begun = count(app, &subject, app.config.sessions.forget_seconds).await?;
    if begun >= free {
        count(app, &window, wait(app, 0)).await?;
    }
    if begun > free { Err(Refusal::too_many_requests(wait(app, 0))) } else { Ok(()) }
}

async fn count(app: &App, subject: &str, seconds: u64) -> Result<u32, Refusal> {
    Ok(app.ledger.login_failed(subject, None, seconds, &app.act()).await?)
}

/// Seconds after the `further`th attempt beyond the free ones.
fn wait(app: &App, further: u32) -> u64 {
    let policy = &app.config.sessions;
    policy.first_wait_seconds.saturating_mul(1 << further.min(32)).min(policy.longest_wait_seconds)
}
