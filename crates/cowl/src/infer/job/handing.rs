//! Between the technique, which drives a job, and the thread that has the connection.

use std::sync::{Arc, Mutex, PoisonError, mpsc};

use async_trait::async_trait;
use cowl_job::{Failure, ItemSink, ItemWriter, PortError, ResultItem, Running};
use cowl_mpc::bundle::BundleId;
use cowl_mpc::technique::{Computed, Parties};
use tokio::sync::oneshot;

/// Nobody computes: a job is planned only.
pub(super) struct Absent;

#[async_trait]
impl Parties for Absent {
    async fn hand_out(&self, _: &Running) -> Result<BundleId, Failure> {
        Err(dealt_before())
    }

    async fn compute(&self, _: &Running) -> Result<Computed, Failure> {
        Err(Failure::Declined { words: "this machine has planned the job and does not run it".to_owned() })
    }
}

/// Has the thread with the connection compute, once the consents are recorded, and waits for what it gives.
pub(super) struct Handed {
    begin: mpsc::Sender<()>,
    answered: Mutex<Option<oneshot::Receiver<Result<Computed, Failure>>>>,
}

impl Handed {
    pub(super) fn new(
        begin: mpsc::Sender<()>,
        answered: oneshot::Receiver<Result<Computed, Failure>>,
    ) -> Self {
        Self { begin, answered: Mutex::new(Some(answered)) }
    }

    fn take(&self) -> Option<oneshot::Receiver<Result<Computed, Failure>>> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait]
impl Parties for Handed {
    /// The dealer is not there at a run: its bundles were fetched before.
    async fn hand_out(&self, _: &Running) -> Result<BundleId, Failure> {
        Err(dealt_before())
    }

    async fn compute(&self, _: &Running) -> Result<Computed, Failure> {
        let gone = || Failure::Declined { words: "the thread with the connection is gone".to_owned() };
        let answered = self.take().ok_or_else(gone)?;
        self.begin.send(()).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

fn dealt_before() -> Failure {
    Failure::Declined { words: "bundles are dealt before a run, and not at it".to_owned() }
}

/// A result, kept in memory for its receiver: there is one at the most.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Option<Vec<u8>>>>);

impl Kept {
    pub(super) fn take(&self) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait]
impl ItemSink for Kept {
    async fn create(&self, _: &ResultItem) -> Result<Box<dyn ItemWriter>, PortError> {
        Ok(Box::new(Writer { bytes: Vec::new(), to: self.clone() }))
    }
}

struct Writer {
    bytes: Vec<u8>,
    to: Kept,
}

#[async_trait]
impl ItemWriter for Writer {
    async fn write(&mut self, piece: &[u8]) -> Result<(), PortError> {
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Result<(), PortError> {
        let Self { bytes, to } = *self;
        *to.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
        Ok(())
    }
}
