//! How often somebody may try. The ledger counts, under pseudonyms, for all processes together.

use cowl_store::ledger::{LoginLimits, LoginOrigin, Throttle};

use crate::app::App;
use crate::config::SessionPolicy;
use crate::extract::ClientAddress;
use crate::refusal::Refusal;

/// Admits a registration, which counts against the address whether it succeeds or not.
pub(super) async fn admit_registration(app: &App, address: &ClientAddress) -> Result<(), Refusal> {
    let subject = app.secrets.subject("address", &address.0);
    let throttle = limits(&app.config.sessions).address;
    refuse_or_go_on(app.ledger.admit(&subject, &throttle, app.now()).await?)
}

/// Admits an attempt to log in.
pub(super) async fn admit_login(app: &App, origin: &LoginOrigin) -> Result<(), Refusal> {
    let limits = limits(&app.config.sessions);
    refuse_or_go_on(app.ledger.admit_login(origin, &limits, app.now()).await?)
}

fn refuse_or_go_on(wait: u64) -> Result<(), Refusal> {
    if wait == 0 { Ok(()) } else { Err(Refusal::too_many_requests(wait)) }
}

/// What the ledger counts attempts under.
pub(super) fn origin(app: &App, handle: &str, address: &ClientAddress) -> LoginOrigin {
    LoginOrigin {
        address: app.secrets.subject("address", &address.0),
        handle: app.secrets.subject("handle", handle),
        // A handle holds no slash.
        place: app.secrets.subject("place", &format!("{handle}/{}", address.0)),
    }
}

fn limits(policy: &SessionPolicy) -> LoginLimits {
    let throttle = |free| Throttle {
        free,
        first_wait: policy.first_wait_seconds,
        longest_wait: policy.longest_wait_seconds,
        forget_after: policy.forget_seconds,
    };
    LoginLimits {
        place: throttle(policy.free_attempts),
        address: throttle(policy.free_attempts_per_address),
        handle: throttle(policy.free_attempts_per_handle),
        know_place_for: know_place_for(policy),
    }
}

/// Seconds for which the place of a success is known.
pub(super) fn know_place_for(policy: &SessionPolicy) -> u64 {
    policy.know_place_days.saturating_mul(24 * 3600)
}
