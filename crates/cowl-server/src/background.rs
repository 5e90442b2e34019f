//! Work that nobody waits for: grants run out, sessions end, packs that nothing refers to go.
//!
//! Every process does it. The ledger sees to it that nothing happens twice.

use std::sync::Arc;
use std::time::Duration;

use cowl_api::service::Stop;
use cowl_crypto::id::random_bytes;
use cowl_domain::JobState;
use cowl_store::{CollectionPolicy, Collector, PackKey, StoreError};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::app::{App, Shared};

/// Grants that end in one transaction.
const EXPIRY_BATCH: u32 = 500;
const JOBS: &str = "cowl_jobs";
/// Attempts to log in that lapse in one transaction.
const LAPSE_BATCH: u32 = 500;

/// Starts both loops; they end when `stop` is raised.
pub(crate) fn start(app: &Shared, stop: &Stop) -> Vec<JoinHandle<()>> {
    let pace = &app.config.housekeeping;
    vec![
        tokio::spawn(repeat(Arc::clone(app), stop.clone(), pace.expiry_seconds, expire)),
        tokio::spawn(repeat(Arc::clone(app), stop.clone(), pace.collection_seconds, collect)),
    ]
}

async fn repeat<W, F>(app: Shared, stop: Stop, seconds: u64, work: W)
where
    W: Fn(Shared) -> F,
    F: Future<Output = Result<(), StoreError>>,
{
    let mut ticks = interval(Duration::from_secs(seconds.max(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.raised() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = work(Arc::clone(&app)).await {
            tracing::warn!(%error, "work in the background failed and will be tried again");
        }
    }
}

async fn expire(app: Shared) -> Result<(), StoreError> {
    while app.ledger.expire_grants(EXPIRY_BATCH, &app.act()).await? == EXPIRY_BATCH {}
    while app.ledger.lapse_logins(LAPSE_BATCH, &app.act()).await? == LAPSE_BATCH {}
    app.ledger.sweep(app.now()).await?;
    app.metrics.tidy();
    Ok(())
}

async fn collect(app: Shared) -> Result<(), StoreError> {
    let collected = collector(&app).run(app.now(), &mut || PackKey::from_bytes(random_bytes())).await?;
    tracing::debug!(?collected, "collection");
    crate::tables::sweep(&app).await?;
    count_jobs(&app).await
}

/// How many jobs stand in each state, for those who watch whether owners' agents are there.
async fn count_jobs(app: &App) -> Result<(), StoreError> {
    let counted = app.ledger.jobs_by_state().await?;
    for state in JobState::ALL {
        let jobs = counted.iter().find(|(counted, _)| counted == state).map_or(0, |(_, jobs)| *jobs);
        metrics::gauge!(JOBS, "state" => state.as_str()).set(jobs as f64);
    }
    Ok(())
}

fn collector(app: &App) -> Collector {
    let pace = &app.config.housekeeping;
    let policy = CollectionPolicy {
        grace_seconds: pace.grace_seconds,
        linger_seconds: pace.linger_seconds,
        erase_after_seconds: pace.erase_after_seconds,
    };
    Collector::new(app.ledger.clone(), app.parts.clone(), policy)
}
