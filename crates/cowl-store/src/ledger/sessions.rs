//! Log-in: attempts under way, failures counted for all processes together, sessions.

use cowl_crypto::digest::Digest;
use cowl_domain::{Event, EventKind, PartyId, Timestamp};

use super::act::Act;
use super::connection::Ledger;
use super::log::{Told, append};
use super::sql::{Columns, args, execute, one, optional, sql};
use crate::error::Result;

/// A log-in between its first and its second message.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginAttempt {
    /// The handle that was given.
    pub handle: String,
    /// Its party; `None` where the server pretends that there is one.
    pub party: Option<PartyId>,
    /// OPAQUE's state of the server.
    pub state: Vec<u8>,
}

impl Ledger {
    /// Keeps an attempt under the digest of its random name.
    ///
    /// # Errors
    /// [`crate::StoreError::Unavailable`].
    pub async fn begin_login(
        &self,
        attempt: &Digest,
        login: &LoginAttempt,
        expires_at: Timestamp,
    ) -> Result<()> {
        let mut work = self.begin().await?;
        let list = args![attempt, login.handle, login.party, login.state, expires_at];
        execute(work.on(), BEGIN, list).await?;
        work.commit().await
    }

    /// Takes an attempt out: it is there once.
    ///
    /// # Errors
    /// [`crate::StoreError::NotFound`] when it was taken before, ran out or never was.
    pub async fn take_login(&self, attempt: &Digest, now: Timestamp) -> Result<LoginAttempt> {
        let mut work = self.begin().await?;
        let row = one(work.on(), TAKE, args![attempt, now]).await?;
        work.commit().await?;
        Ok(LoginAttempt {
            handle: row.text("handle")?,
            party: row.maybe_fixed("party")?.map(PartyId::from_bytes),
            state: row.blob("state")?,
        })
    }

    /// How often `subject`, a handle or an address, failed in its window.
    ///
    /// # Errors
    /// [`crate::StoreError::Unavailable`].
    pub async fn login_failures(&self, subject: &str, now: Timestamp) -> Result<u32> {
        let mut on = self.reader().await?;
        let row = optional(&mut on, FAILURES, args![subject, now]).await?;
        row.map_or(Ok(0), |row| row.number32("failures"))
    }

    /// Counts a failure, tells the party whose handle it was, and returns the count of the window, which
    /// begins with the first failure and lasts `window_seconds`.
    ///
    /// # Errors
    /// [`crate::StoreError::Unavailable`].
    pub async fn login_failed(
        &self,
        subject: &str,
        party: Option<&PartyId>,
        window_seconds: u64,
        act: &Act,
    ) -> Result<u32> {
        let mut work = self.begin().await?;
        let ends = act.now().plus_seconds(window_seconds);
        let failures =
            one(work.on(), COUNT_FAILURE, args![subject, ends, act.now()]).await?.number32("failures")?;
        if let Some(party) = party {
            let mut event = Event::new(EventKind::LoginFailed, act.now(), None);
            event.subject = Some(*party);
            append(&mut work, act, &[Told::new(event)]).await?;
        }
        work.commit().await?;
        Ok(failures)
    }

    /// Begins a session under the digest of its token and forgets the subject's failures.
    ///
    /// # Errors
    /// [`crate::StoreError::NotFound`] when the account was deleted meanwhile.
    pub async fn logged_in(
        &self,
        party: &PartyId,
        subject: &str,
        token: &Digest,
        expires_at: Timestamp,
        act: &Act,
    ) -> Result<()> {
        let mut work = self.begin().await?;
        super::accounts::require_party(&mut work, party).await?;
        execute(work.on(), ADD, args![token, party, expires_at]).await?;
        execute(work.on(), FORGET_FAILURES, args![subject]).await?;
        let event = Event::new(EventKind::LoggedIn, act.now(), Some(*party));
        append(&mut work, act, &[Told::new(event)]).await?;
        work.commit().await
    }

    /// Whose session this is.
    ///
    /// # Errors
    /// [`crate::StoreError::NotFound`] when it ended, ran out or never was.
    pub async fn session(&self, token: &Digest, now: Timestamp) -> Result<PartyId> {
        let mut on = self.reader().await?;
        Ok(PartyId::from_bytes(one(&mut on, FIND, args![token, now]).await?.fixed("party")?))
    }

    /// Ends a session; one that is not there is fine.
    ///
    /// # Errors
    /// [`crate::StoreError::Unavailable`].
    pub async fn end_session(&self, token: &Digest) -> Result<()> {
        let mut work = self.begin().await?;
        execute(work.on(), END, args![token]).await?;
        work.commit().await
    }

    /// Forgets sessions, attempts, tickets and counters that have run out.
    ///
    /// # Errors
    /// [`crate::StoreError::Unavailable`].
    pub async fn sweep(&self, now: Timestamp) -> Result<()> {
        for statement in SWEEP {
            let mut work = self.begin().await?;
            execute(work.on(), *statement, args![now]).await?;
            work.commit().await?;
        }
        Ok(())
    }
}

const BEGIN: &str = sql!(
    "sessions.begin_login",
    "INSERT INTO login_attempt (attempt, handle, party, state, expires_at) VALUES ($1, $2, $3, $4, $5)"
);
const TAKE: &str = sql!(
    "sessions.take_login",
    "DELETE FROM login_attempt WHERE attempt = $1 AND expires_at > $2 RETURNING handle, party, state"
);
const FAILURES: &str =
    sql!("sessions.failures", "SELECT failures FROM login_failure WHERE subject = $1 AND window_ends > $2");
const COUNT_FAILURE: &str = sql!(
    "sessions.count_failure",
    "INSERT INTO login_failure (subject, failures, window_ends) VALUES ($1, 1, $2) "
    "ON CONFLICT (subject) DO UPDATE SET "
    "failures = CASE WHEN login_failure.window_ends > $3 THEN login_failure.failures + 1 ELSE 1 END, "
    "window_ends = CASE WHEN login_failure.window_ends > $3 THEN login_failure.window_ends ELSE $2 END "
    "RETURNING failures"
);
const FORGET_FAILURES: &str =
    sql!("sessions.forget_failures", "DELETE FROM login_failure WHERE subject = $1");
const ADD: &str = sql!("sessions.add", "INSERT INTO session (token, party, expires_at) VALUES ($1, $2, $3)");
const FIND: &str = sql!("sessions.find", "SELECT party FROM session WHERE token = $1 AND expires_at > $2");
const END: &str = sql!("sessions.end", "DELETE FROM session WHERE token = $1");
const SWEEP: &[&str] = &[
    sql!("sessions.sweep", "DELETE FROM session WHERE expires_at <= $1"),
    sql!("sessions.sweep_attempts", "DELETE FROM login_attempt WHERE expires_at <= $1"),
    sql!("sessions.sweep_tickets", "DELETE FROM read_ticket WHERE expires_at <= $1"),
    sql!("sessions.sweep_failures", "DELETE FROM login_failure WHERE window_ends <= $1"),
];
