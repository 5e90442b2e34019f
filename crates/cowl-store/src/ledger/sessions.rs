//! Log-in: attempts under way, those that lapsed, sessions.

use cowl_crypto::digest::Digest;
use cowl_domain::{Event, EventKind, PartyId, Timestamp};

use super::act::Act;
use super::connection::Ledger;
use super::log::{Told, append};
use super::sql::{Columns, all, args, execute, one, sql};
use super::throttle::{self, LoginOrigin, forgive};
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

/// A session that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Digest of its token.
    pub token: Digest,
    /// When it ends by itself.
    pub expires_at: Timestamp,
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
        self.transact(move |mut work| async move {
            let list = args![attempt, login.handle, login.party, login.state, expires_at];
            execute(work.on(), BEGIN, list).await?;
            work.commit().await
        })
        .await
    }

    /// Takes an attempt out: it is there once.
    ///
    /// # Errors
    /// [`crate::StoreError::NotFound`] when it was taken before, ran out or never was.
    pub async fn take_login(&self, attempt: &Digest, now: Timestamp) -> Result<LoginAttempt> {
        let row = self
            .transact(move |mut work| async move {
                let row = one(work.on(), TAKE, args![attempt, now]).await?;
                work.commit().await?;
                Ok(row)
            })
            .await?;
        Ok(LoginAttempt {
            handle: row.text("handle")?,
            party: row.maybe_fixed("party")?.map(PartyId::from_bytes),
            state: row.blob("state")?,
        })
    }

    /// Tells the party that a log-in under its handle was finished with a wrong message.
    ///
    /// # Errors
    /// [`crate::StoreError::Unavailable`].
    pub async fn login_refused(&self, party: &PartyId, act: &Act) -> Result<()> {
        self.transact(move |mut work| async move {
            append(&mut work, act, &[login_failed(*party, act)]).await?;
            work.commit().await
        })
        .await
    }

    /// Forgets at most `limit` attempts that were begun and never finished, tells the parties whose handles
    /// they named, and returns their number. Who guesses wrong sees it from the server's first answer and
    /// stays away: only the silence is left to be written down.
    ///
    /// # Errors
    /// [`crate::StoreError::Unavailable`].
    pub async fn lapse_logins(&self, limit: u32, act: &Act) -> Result<u32> {
        self.transact(move |mut work| async move {
            let rows = all(work.on(), LAPSE, args![act.now(), limit]).await?;
            let mut told = Vec::new();
            for row in &rows {
                told.extend(row.maybe_fixed("party")?.map(|id| login_failed(PartyId::from_bytes(id), act)));
            }
            append(&mut work, act, &told).await?;
            work.commit().await?;
            Ok(u32::try_from(rows.len()).unwrap_or(u32::MAX))
        })
        .await
    }

    /// Begins a session under the digest of its token. The limits forget what they held against its origin,
    /// and know its place for `know_place_for` seconds.
    ///
    /// # Errors
    /// [`crate::StoreError::NotFound`] when the account was deleted meanwhile.
    pub async fn logged_in(
        &self,
        party: &PartyId,
        origin: &LoginOrigin,
        know_place_for: u64,
        session: &NewSession,
        act: &Act,
    ) -> Result<()> {
        self.transact(move |mut work| async move {
            super::accounts::require_party(&mut work, party).await?;
            execute(work.on(), ADD, args![session.token, party, session.expires_at]).await?;
            forgive(&mut work, origin, know_place_for, act.now()).await?;
            let event = Event::new(EventKind::LoggedIn, act.now(), Some(*party));
            append(&mut work, act, &[Told::new(event)]).await?;
            work.commit().await
        })
        .await
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
        self.transact(move |mut work| async move {
            execute(work.on(), END, args![token]).await?;
            work.commit().await
        })
        .await
    }

    /// Forgets sessions, tickets and counts that have run out.
    ///
    /// # Errors
    /// [`crate::StoreError::Unavailable`].
    pub async fn sweep(&self, now: Timestamp) -> Result<()> {
        for statement in SWEEP.into_iter().chain(throttle::SWEEP) {
            self.transact(move |mut work| async move {
                execute(work.on(), statement, args![now]).await?;
                work.commit().await
            })
            .await?;
        }
        Ok(())
    }
}

fn login_failed(party: PartyId, act: &Act) -> Told {
    let mut event = Event::new(EventKind::LoginFailed, act.now(), None);
    event.subject = Some(party);
    Told::new(event)
}

const BEGIN: &str = sql!(
    "sessions.begin_login",
    "INSERT INTO login_attempt (attempt, handle, party, state, expires_at) VALUES ($1, $2, $3, $4, $5)"
);
const TAKE: &str = sql!(
    "sessions.take_login",
    "DELETE FROM login_attempt WHERE attempt = $1 AND expires_at > $2 RETURNING handle, party, state"
);
const LAPSE: &str = sql!(
    "sessions.lapse",
    "DELETE FROM login_attempt WHERE attempt IN "
    "(SELECT attempt FROM login_attempt WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2) RETURNING party"
);
const ADD: &str = sql!("sessions.add", "INSERT INTO session (token, party, expires_at) VALUES ($1, $2, $3)");
const FIND: &str = sql!("sessions.find", "SELECT party FROM session WHERE token = $1 AND expires_at > $2");
const END: &str = sql!("sessions.end", "DELETE FROM session WHERE token = $1");
const SWEEP: [&str; 2] = [
    sql!("sessions.sweep", "DELETE FROM session WHERE expires_at <= $1"),
    sql!("sessions.sweep_tickets", "DELETE FROM read_ticket WHERE expires_at <= $1"),
];
