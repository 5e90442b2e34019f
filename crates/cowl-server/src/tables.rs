//! Sealed tables at the cloud: what may be known of one, and the sums over its ciphertexts.
//!
//! A table lies in the part store in pieces whose order its header tells. To look at its schema a few ranges are
//! enough ([`parts`]); to compute, the file is put together once and kept in a folder for the next time ([`files`]).
//! All of this blocks and takes cores, so it runs off the threads that serve requests, a bounded number of
//! computations at once ([`Runner`]). Nothing of it has to be kept: another process, or this one after a crash, makes
//! the same again.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::extract::{Path, State};
use cowl_api::types::TableView;
use cowl_crypto::digest::Digest;
use cowl_domain::table::TableSchema;
use cowl_domain::{AdditiveHeader, ItemId, RecordId};
use cowl_query::parquet::TableFile;
use cowl_store::StoreError;
use cowl_store::ledger::StoredTable;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::app::{App, Shared};
use crate::config::ComputePolicy;
use crate::extract::{Caller, Json};
use crate::refusal::Refusal;

mod compute;
mod engines;
mod failure;
mod files;
mod parts;
mod version;

use compute::Computation;
pub(crate) use compute::Work;
use engines::Engines;
use failure::TableFailure;
use files::TableFiles;
use parts::{PartReader, PartsSource};
use version::TableVersion;

const COMPUTING: &str = "cowl_jobs_computing";
const COMPUTED: &str = "cowl_job_computations_total";
const SECONDS: &str = "cowl_job_computation_seconds";
/// Footers that are read at once: one may be large, and a stranger's.
const LOOKS_AT_ONCE: usize = 4;
/// Tables of which the schema is kept in memory; beyond that all are dropped and read again when asked for.
const MAX_FACTS: usize = 128;

/// What computes in this process.
pub(crate) struct Runner {
    files: Arc<TableFiles>,
    engines: Arc<Engines>,
    permits: Arc<Semaphore>,
    looks: Arc<Semaphore>,
    waiting: AtomicUsize,
    most_waiting: usize,
    facts: Mutex<HashMap<Digest, Arc<TableFacts>>>,
}

/// What a table says of itself in clear.
pub(crate) struct TableFacts {
    pub(crate) schema: TableSchema,
    key: Vec<u8>,
}

impl Runner {
    /// Keeps files in `folder`.
    pub(crate) fn new(folder: PathBuf, policy: &ComputePolicy) -> Self {
        Self {
            files: Arc::new(TableFiles::new(folder, policy.cache_bytes)),
            engines: Arc::new(Engines::new(policy.engine_bytes)),
            permits: Arc::new(Semaphore::new(policy.at_once)),
            looks: Arc::new(Semaphore::new(LOOKS_AT_ONCE)),
            waiting: AtomicUsize::new(0),
            most_waiting: policy.queue,
            facts: Mutex::default(),
        }
    }

    /// A place among those that compute, after a wait for those before.
    async fn permit(&self) -> Result<OwnedSemaphorePermit, TableFailure> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let queue = Queue::enter(&self.waiting, self.most_waiting)?;
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        drop(queue);
        permit.map_err(|_| TableFailure::Busy)
    }

    fn known(&self, table: &StoredTable) -> Option<Arc<TableFacts>> {
        self.facts.lock().expect("no holder of this lock panics").get(&table.placement).cloned()
    }

    fn keep(&self, table: &StoredTable, facts: &Arc<TableFacts>) {
        let mut known = self.facts.lock().expect("no holder of this lock panics");
        if known.len() >= MAX_FACTS {
            known.clear();
        }
        known.insert(table.placement, Arc::clone(facts));
    }
}

/// A place in the queue; left when it is dropped, also by a request that was cut.
struct Queue<'a>(&'a AtomicUsize);

impl<'a> Queue<'a> {
    fn enter(waiting: &'a AtomicUsize, most: usize) -> Result<Self, TableFailure> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let queue = Self(waiting);
        if before < most { Ok(queue) } else { Err(TableFailure::Busy) }
    }
}

impl Drop for Queue<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(crate) async fn table(
    State(app): State<Shared>,
    caller: Caller,
    path: Result<Path<(String, String)>, axum::extract::rejection::PathRejection>,
) -> Result<Json<TableView>, Refusal> {
    let Path((record, item)) = path.map_err(|_| Refusal::not_found())?;
    let record: RecordId = record.parse().map_err(|_| Refusal::not_found())?;
    let item: ItemId = item.parse().map_err(|_| Refusal::not_found())?;
    let row = app.ledger.table(&caller, &record, &item, app.now()).await?;
    let facts = facts(&app, &row.stored).await?;
    let proof = match row.owner == caller.party {
        true => None,
        false => app.proofs.tree(&app, &caller, &record).await?.prove(&item),
    };
    Ok(Json(TableView {
        owner: row.owner.to_string(),
        placement: row.placement.into(),
        proof,
        schema: facts.schema.to_bytes().into(),
        key: facts.key.clone().into(),
        rows: facts.schema.rows,
    }))
}

/// What a table says of itself; read by a few ranges of its parts.
pub(crate) async fn facts(app: &App, table: &StoredTable) -> Result<Arc<TableFacts>, Refusal> {
    if let Some(known) = app.runner.known(table) {
        return Ok(known);
    }
    let reader = reader(app, table)?;
    let look = Arc::clone(&app.runner.looks).acquire_owned().await;
    let facts = blocking(move || {
        let _look = look;
        let source = Arc::new(PartsSource::new(reader)?);
        let opened = TableFile::open(Arc::clone(&source));
        let file = opened.map_err(|error| source.failure().unwrap_or_else(|| error.into()))?;
        Ok(TableFacts { schema: file.schema().clone(), key: file.key().to_bytes() })
    })
    .await?;
    let facts = Arc::new(facts);
    app.runner.keep(table, &facts);
    Ok(facts)
}

/// The canonical answer to a job over these tables.
pub(crate) async fn compute(app: &App, work: Work, tables: Vec<StoredTable>) -> Result<Vec<u8>, Refusal> {
    let readers: Vec<PartReader> = tables.iter().map(|table| reader(app, table)).collect::<Result<_, _>>()?;
    let permit = app.runner.permit().await?;
    let files = Arc::clone(&app.runner.files);
    let (limits, engines) = (app.config.compute.engine(), Arc::clone(&app.runner.engines));
    let computation = Computation { work, limits, engines };
    let answer = blocking(move || {
        let _at_work = AtWork::begin(permit);
        let open = |reader: &PartReader| Ok((TableVersion::from(&reader.table), files.open(reader)?));
        let answer = computation.run(readers.iter().map(open).collect::<Result<_, TableFailure>>()?);
        if answer.as_ref().is_err_and(TableFailure::is_of_a_file) {
            readers.iter().for_each(|reader| files.forget(&TableVersion::from(&reader.table)));
        }
        answer
    })
    .await?;
    metrics::counter!(COMPUTED).increment(1);
    Ok(answer)
}

/// Lets go of what is kept of tables that were removed or sealed anew: their owners want them gone.
pub(crate) async fn sweep(app: &App) -> Result<(), StoreError> {
    app.runner.facts.lock().expect("no holder of this lock panics").clear();
    for version in kept(&app.runner).await {
        let TableVersion { record, item, placement } = &version;
        if !app.ledger.has_placement(record, item, placement).await? {
            forget(&app.runner, version).await;
        }
    }
    Ok(())
}

/// The tables of which there is a file or an engine.
async fn kept(runner: &Runner) -> Vec<TableVersion> {
    let files = Arc::clone(&runner.files);
    let found = blocking(move || Ok(files.versions()?)).await;
    let mut versions = found.unwrap_or_else(|error| {
        tracing::warn!(%error, "the folder of tables cannot be read");
        Vec::new()
    });
    versions.extend(runner.engines.versions());
    versions
}

/// A file, or an engine of very many cells, takes its time to go.
async fn forget(runner: &Runner, version: TableVersion) {
    let (files, engines) = (Arc::clone(&runner.files), Arc::clone(&runner.engines));
    let gone = blocking(move || {
        files.forget(&version);
        engines.forget(&version);
        Ok(())
    });
    if let Err(error) = gone.await {
        tracing::warn!(%error, "a table is kept, though it should go");
    }
}

/// A computation under way. It holds its permit to the end of the work, though who asked may have gone.
struct AtWork {
    _permit: OwnedSemaphorePermit,
    started: Instant,
}

impl AtWork {
    fn begin(permit: OwnedSemaphorePermit) -> Self {
        metrics::gauge!(COMPUTING).increment(1.0);
        Self { _permit: permit, started: Instant::now() }
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        metrics::gauge!(COMPUTING).decrement(1.0);
        metrics::histogram!(SECONDS).record(self.started.elapsed().as_secs_f64());
    }
}

fn reader(app: &App, table: &StoredTable) -> Result<PartReader, TableFailure> {
    let header = AdditiveHeader::from_bytes(&table.header)?;
    Ok(PartReader {
        ledger: app.ledger.clone(),
        parts: app.parts.clone(),
        runtime: Handle::current(),
        table: table.clone(),
        header,
    })
}

/// Runs what blocks or takes cores off the threads that serve requests.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TableFailure> + Send + 'static,
) -> Result<T, TableFailure> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(TableFailure::Panicked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn more_computations_than_run_and_wait_are_refused() {
        let policy = ComputePolicy { at_once: 1, queue: 1, ..ComputePolicy::default() };
        let runner = Runner::new(PathBuf::new(), &policy);
        let first = runner.permit().await.unwrap();
        let second = runner.permit();
        tokio::pin!(second);
        assert!(futures_util::poll!(&mut second).is_pending());
        assert!(matches!(runner.permit().await, Err(TableFailure::Busy)));
        drop(first);
        let second = second.await.unwrap();
        let mut cut = Box::pin(runner.permit());
        assert!(futures_util::poll!(&mut cut).is_pending());
        drop(cut);
        drop(second);
        drop(runner.permit().await.unwrap());
        assert_eq!(runner.waiting.load(Ordering::Relaxed), 0, "who was cut waits no longer");
    }

    #[test]
    fn the_name_of_a_file_is_read_as_the_version_that_it_is_of() {
        let version = TableVersion {
            record: RecordId::from_bytes([1; 16]),
            item: ItemId::from_bytes([2; 16]),
            placement: Digest::of(b"placement"),
        };
        let name = version.to_string();
        assert_eq!(name.parse::<TableVersion>().unwrap(), version);
        for other in ["", "-", "--", &name[1..], &format!("{name}.abc.partial")] {
            assert!(other.parse::<TableVersion>().is_err(), "{other}");
        }
    }
}
