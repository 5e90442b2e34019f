//! A server and the people who use it: real client, real keys, real signatures; what is sealed is random.
//!
//! Not every test needs every helper.
#![allow(dead_code, unused_imports, clippy::unwrap_used, clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use cowl_api::service::Stop;
use cowl_api::{Client, ClientConfig, ClientError, ProblemCode};
use cowl_crypto::merkle::Hash;
use cowl_domain::{CheckpointRef, Timestamp};
use cowl_server::{Clock, Running, ServerConfig, start};
use cowl_testkit::shared::SharedStores;
pub(crate) use cowl_testkit::shared::fresh;
use tempfile::TempDir;

mod person;
mod process;
mod record;
mod table;

pub(crate) use person::Person;
pub(crate) use process::{Process, spawn};
pub(crate) use record::{OwnedRecord, SealedItem, compute_grant_of, grant_of, revocation_of, sealed_parts};
pub(crate) use table::{Asked, Study, Table, opened};

/// A clock that a test moves.
pub(crate) struct TestClock(AtomicU64);

impl TestClock {
    fn new() -> Arc<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        Arc::new(Self(AtomicU64::new(u64::try_from(now).unwrap())))
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub(crate) fn set_back(&self, seconds: u64) {
        self.0.fetch_sub(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A server in this process with a folder of its own.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) running: Running,
    pub(crate) client: Client,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(adjust: impl FnOnce(&mut ServerConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = ServerConfig::embedded(folder.path());
        adjust(&mut config);
        Self::start_as(config, folder).await
    }

    /// On PostgreSQL and S3, one of them at the end of a wire.
    pub(crate) async fn start_on(stores: &SharedStores) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = ServerConfig::read(&stores.configure(folder.path())).unwrap();
        Self::start_as(config, folder).await
    }

    async fn start_as(mut config: ServerConfig, folder: TempDir) -> Self {
        config.housekeeping.expiry_seconds = 1;
        let clock = TestClock::new();
        let running = start(config, clock.clone(), Stop::new()).await.unwrap();
        let client = client_of(&running.url());
        Self { folder, clock, running, client }
    }

    pub(crate) async fn person(&self, handle: &str) -> Person {
        Person::register(&self.client, handle).await
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The files of the part store that are packs, or were to be.
    pub(crate) fn packs(&self) -> Vec<PathBuf> {
        files_below(&self.folder.path().join("parts/packs"))
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// A configuration file in `folder` for a server on PostgreSQL and S3; `None`, said aloud, where there are none.
pub(crate) fn shared_stores(folder: &Path) -> Option<PathBuf> {
    SharedStores::of_environment().map(|stores| stores.configure(folder))
}

pub(crate) fn client_of(url: &str) -> Client {
    Client::new(&ClientConfig { attempts: 1, ..ClientConfig::new(url) }).unwrap()
}

/// The checkpoint of somebody who has seen nothing yet.
pub(crate) fn nothing_seen() -> CheckpointRef {
    CheckpointRef { size: 0, root: Hash::EMPTY }
}

#[track_caller]
pub(crate) fn code<T: std::fmt::Debug>(outcome: Result<T, ClientError>) -> ProblemCode {
    let error = outcome.expect_err("this should have been refused");
    error.code().unwrap_or_else(|| panic!("no problem but: {error}"))
}
