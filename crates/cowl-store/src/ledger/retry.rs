//! Transactions that the database breaks off for the sake of others are run again, within bounds.

use std::time::{Duration, Instant};

use cowl_crypto::id::random_bytes;

use super::connection::{Ledger, Work};
use crate::error::{Result, StoreError};

/// Most runs of one transaction.
const MOST_RUNS: u32 = 12;
/// No further run begins after this time: SQLite has waited long by itself before it says that it is busy.
const PATIENCE: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

impl Ledger {
    /// Runs a transaction, which `once` commits. A deadlock or a failed serialization has undone all of it,
    /// so it is run again.
    pub(crate) async fn transact<T, F>(&self, once: impl Fn(Work) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let run = || async {
            let work = self.begin().await?;
            once(work).await
        };
        while_contended(run).await
    }
}

async fn while_contended<T, F>(run: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let started = Instant::now();
    for earlier in 1..MOST_RUNS {
        match run().await {
            Err(StoreError::Contended { .. }) if started.elapsed() < PATIENCE => {
                tokio::time::sleep(pause(earlier)).await;
            }
            outcome => return outcome,
        }
    }
    run().await
}

/// Doubles with each run; the random half keeps rivals from meeting again.
fn pause(earlier: u32) -> Duration {
    let full = FIRST_PAUSE.saturating_mul(1 << earlier.min(10)).min(LONGEST_PAUSE);
    let [random] = random_bytes::<1>();
    full / 2 + full * u32::from(random) / 512
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const CONTENDED: StoreError = StoreError::Contended { what: "database" };

    async fn runs_until(outcomes: impl Fn(u32) -> Result<()>) -> (u32, Result<()>) {
        let runs = AtomicU32::new(0);
        let outcome = while_contended(|| async { outcomes(runs.fetch_add(1, Ordering::Relaxed) + 1) }).await;
        (runs.into_inner(), outcome)
    }

    #[tokio::test]
    async fn what_was_broken_off_is_run_again() {
        let third = |run| if run < 3 { Err(CONTENDED) } else { Ok(()) };
        assert_eq!(runs_until(third).await, (3, Ok(())));
    }

    #[tokio::test]
    async fn contention_without_end_is_reported() {
        assert_eq!(runs_until(|_| Err(CONTENDED)).await, (MOST_RUNS, Err(CONTENDED)));
    }

    #[tokio::test]
    async fn other_failures_are_not_run_again() {
        assert_eq!(runs_until(|_| Err(StoreError::NotFound)).await, (1, Err(StoreError::NotFound)));
    }
}
