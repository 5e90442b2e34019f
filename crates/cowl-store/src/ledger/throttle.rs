//! Limits on attempts, counted for all processes together when an attempt begins.
//!
//! With OPAQUE a guesser knows from the first answer whether the guess was right, and never sends the last
//! message of a wrong one: who counted failures would count nothing.

use cowl_domain::Timestamp;

use super::connection::{Ledger, Work};
use super::sql::{Columns, args, execute, one, optional, sql};
use crate::error::Result;

/// How many attempts are free, and how long each further one waits. All times in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// Attempts without a wait.
    pub free: u32,
    /// The wait after the last free attempt; each further attempt doubles it.
    pub first_wait: u64,
    /// The longest wait.
    pub longest_wait: u64,
    /// After this time from the first attempt on, all are forgotten.
    pub forget_after: u64,
}

impl Throttle {
    /// Seconds from the last of so many attempts until the next.
    fn wait(&self, attempts: u32) -> u64 {
        match attempts.checked_sub(self.free) {
            None => 0,
            Some(further) => self.first_wait.saturating_mul(1 << further.min(32)).min(self.longest_wait),
        }
    }
}

/// Where an attempt to log in comes from: pseudonyms, so that the database holds neither names nor addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginOrigin {
    /// The client's address.
    pub address: String,
    /// The handle that it names.
    pub handle: String,
    /// Both together.
    pub place: String,
}

/// The limits on log-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginLimits {
    /// Of one handle from one address. Success clears the count.
    pub place: Throttle,
    /// Of one address for all handles. Success takes its own attempt back.
    pub address: Throttle,
    /// Of one handle from all addresses where it was never logged in before, or long ago.
    pub handle: Throttle,
    /// For how many seconds after a success a place is known.
    pub know_place_for: u64,
}

impl Ledger {
    /// Admits one attempt of `subject` and counts it, or says how many seconds it must wait: 0 is admitted.
    /// What must wait is not counted.
    ///
    /// # Errors
    /// [`crate::StoreError::Unavailable`].
    pub async fn admit(&self, subject: &str, throttle: &Throttle, now: Timestamp) -> Result<u64> {
        self.transact(move |work| admit_all(work, vec![(subject.to_owned(), *throttle)], now)).await
    }

    /// As [`Ledger::admit`], for an attempt to log in. Who guesses from elsewhere cannot hold up an owner at a
    /// place from which it has logged in before.
    ///
    /// # Errors
    /// [`crate::StoreError::Unavailable`].
    pub async fn admit_login(
        &self,
        origin: &LoginOrigin,
        limits: &LoginLimits,
        now: Timestamp,
    ) -> Result<u64> {
        self.transact(move |mut work| async move {
            let mut subjects =
                vec![(origin.address.clone(), limits.address), (origin.place.clone(), limits.place)];
            if !is_known(&mut work, &origin.place, now).await? {
                subjects.push((origin.handle.clone(), limits.handle));
            }
            admit_all(work, subjects, now).await
        })
        .await
    }
}

/// What a success does to the counts, inside its transaction.
pub(crate) async fn forgive(
    work: &mut Work,
    origin: &LoginOrigin,
    know_place_for: u64,
    now: Timestamp,
) -> Result<()> {
    execute(work.on(), FORGIVE_ONE, args![origin.address]).await?;
    // At a known place nothing was counted against the handle.
    if !is_known(work, &origin.place, now).await? {
        execute(work.on(), FORGIVE_ONE, args![origin.handle]).await?;
    }
    execute(work.on(), FORGET, args![origin.place]).await?;
    execute(work.on(), KNOW_PLACE, args![origin.place, now.plus_seconds(know_place_for)]).await.map(drop)
}

async fn is_known(work: &mut Work, place: &str, now: Timestamp) -> Result<bool> {
    Ok(optional(work.on(), IS_KNOWN, args![place, now]).await?.is_some())
}

/// Counts all or none: an attempt that one limit refuses is not held against the others.
async fn admit_all(mut work: Work, mut subjects: Vec<(String, Throttle)>, now: Timestamp) -> Result<u64> {
    // Always in the same order, so that two attempts cannot wait for each other.
    subjects.sort_by(|one, other| one.0.cmp(&other.0));
    let mut longest = Refusal::default();
    let mut counts = Vec::with_capacity(subjects.len());
    for (subject, throttle) in &subjects {
        let count = Count::lock(&mut work, subject, throttle, now).await?;
        longest.consider(count.remaining(throttle, now), count.last_at == now);
        counts.push(count);
    }
    if longest.seconds > 0 {
        if longest.clock_went_back {
            work.commit().await?;
        }
        return Ok(longest.seconds);
    }
    for ((subject, throttle), count) in subjects.iter().zip(&counts) {
        let end = if count.attempts == 0 { now.plus_seconds(throttle.forget_after) } else { count.forget_at };
        execute(work.on(), COUNT, args![subject, count.attempts.saturating_add(1), now, end]).await?;
    }
    work.commit().await?;
    Ok(0)
}

#[derive(Default)]
struct Refusal {
    seconds: u64,
    clock_went_back: bool,
}

impl Refusal {
    fn consider(&mut self, seconds: u64, clock_went_back: bool) {
        self.seconds = self.seconds.max(seconds);
        self.clock_went_back |= seconds > 0 && clock_went_back;
    }
}

/// A subject's count, locked.
struct Count {
    attempts: u32,
    last_at: Timestamp,
    forget_at: Timestamp,
}

impl Count {
    /// Times that lie ahead, because the clock was set back, are taken to be now: nobody waits for a clock.
    async fn lock(work: &mut Work, subject: &str, throttle: &Throttle, now: Timestamp) -> Result<Self> {
        let latest_end = now.plus_seconds(throttle.forget_after);
        let row = one(work.on(), LOCK, args![subject, now, latest_end]).await?;
        let forget_at = Timestamp::from_millis(row.number("forget_at")?);
        let attempts = if forget_at <= now { 0 } else { row.number32("attempts")? };
        Ok(Self { attempts, last_at: Timestamp::from_millis(row.number("last_at")?), forget_at })
    }

    fn remaining(&self, throttle: &Throttle, now: Timestamp) -> u64 {
        let until = self.last_at.plus_seconds(throttle.wait(self.attempts));
        until.as_millis().saturating_sub(now.as_millis()).div_ceil(1000)
    }
}

const LOCK: &str = sql!(
    "throttle.lock",
    "INSERT INTO throttle (subject, attempts, last_at, forget_at) VALUES ($1, 0, $2, $3) "
    "ON CONFLICT (subject) DO UPDATE SET "
    "last_at = CASE WHEN throttle.last_at > $2 THEN $2 ELSE throttle.last_at END, "
    "forget_at = CASE WHEN throttle.forget_at > $3 THEN $3 ELSE throttle.forget_at END "
    "RETURNING attempts, last_at, forget_at"
);
const COUNT: &str = sql!(
    "throttle.count",
    "UPDATE throttle SET attempts = $2, last_at = $3, forget_at = $4 WHERE subject = $1"
);
const FORGIVE_ONE: &str = sql!(
    "throttle.forgive_one",
    "UPDATE throttle SET attempts = attempts - 1 WHERE subject = $1 AND attempts > 0"
);
const FORGET: &str = sql!("throttle.forget", "DELETE FROM throttle WHERE subject = $1");
const IS_KNOWN: &str =
    sql!("throttle.is_known", "SELECT subject FROM known_place WHERE subject = $1 AND forget_at > $2");
const KNOW_PLACE: &str = sql!(
    "throttle.know_place",
    "INSERT INTO known_place (subject, forget_at) VALUES ($1, $2) "
    "ON CONFLICT (subject) DO UPDATE SET forget_at = excluded.forget_at"
);
/// What [`Ledger::sweep`] deletes here.
pub(crate) const SWEEP: [&str; 2] = [
    sql!("throttle.sweep", "DELETE FROM throttle WHERE forget_at <= $1"),
    sql!("throttle.sweep_places", "DELETE FROM known_place WHERE forget_at <= $1"),
];

#[cfg(test)]
mod tests {
    use super::*;

    const THROTTLE: Throttle = Throttle { free: 5, first_wait: 2, longest_wait: 900, forget_after: 3600 };

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits = [0, 4, 5, 6, 7, 13, 14, 50, u32::MAX].map(|attempts| THROTTLE.wait(attempts));
        assert_eq!(waits, [0, 0, 2, 4, 8, 512, 900, 900, 900]);
    }
}
