//! Log-ins that were begun and never finished: they failed, and the account's owner learns of it.
//!
//! Who guesses a password sees from the server's first answer that it was wrong, and stays away. Only the
//! silence is left to be written down. The queue lives in the process that gave the answer; what is in it
//! when that process is killed is lost, the limits on log-in are not.

use std::collections::VecDeque;
use std::sync::Mutex;

use cowl_crypto::digest::Digest;
use cowl_domain::Timestamp;
use cowl_store::StoreError;

use crate::app::App;

/// Most attempts that are remembered; the limits on log-in keep their number far below.
const MAX_ATTEMPTS: usize = 100_000;

/// Attempts in the order in which their time runs out.
#[derive(Default)]
pub(crate) struct Unfinished(Mutex<VecDeque<(Timestamp, Digest)>>);

impl Unfinished {
    pub(super) fn add(&self, deadline: Timestamp, attempt: Digest) {
        let mut queue = self.0.lock().expect("no holder of this lock panics");
        if queue.len() < MAX_ATTEMPTS {
            queue.push_back((deadline, attempt));
        }
    }

    fn next_due(&self, now: Timestamp) -> Option<Digest> {
        let mut queue = self.0.lock().expect("no holder of this lock panics");
        let due = queue.front().is_some_and(|(deadline, _)| *deadline <= now);
        if due { queue.pop_front().map(|(_, attempt)| attempt) } else { None }
    }
}

/// Writes an event for every attempt whose time has run out and that nobody finished.
pub(crate) async fn record_unfinished(app: &App) -> Result<(), StoreError> {
    while let Some(attempt) = app.unfinished.next_due(app.now()) {
        match app.ledger.take_login(&attempt, app.now()).await {
            Ok(attempt) => record_failure(app, &attempt).await?,
            Err(StoreError::NotFound) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

/// Tells the party whose handle it was; unknown handles concern nobody.
pub(super) async fn record_failure(
    app: &App,
    attempt: &cowl_store::ledger::LoginAttempt,
) -> Result<(), StoreError> {
    let Some(party) = &attempt.party else { return Ok(()) };
    // The count that limits attempts was taken when this one began; this one is for the event alone.
    let subject = app.secrets.subject("failed", &attempt.handle);
    app.ledger.login_failed(&subject, Some(party), 1, &app.act()).await.map(drop)
}
