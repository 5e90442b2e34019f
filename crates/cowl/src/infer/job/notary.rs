//! What a party's device knows of grants, remembers of consents and keeps of evidence.

use std::sync::Arc;

use cowl_job::{
    Consented, Driver, GrantCheck, JobItem, JobSpec, Participant, Ports, Registry, Settled, SystemSalts,
    Unsettled,
};
use cowl_vault::{Vault, VaultError};

use super::Kept;
use crate::infer::error::InferError;
use crate::models::dossier::Dossier;

/// Checks, records and keeps; the vault does, or a bench's own.
pub(crate) trait Notary: Send + Sync {
    /// Checks that the grants which a job names cover it now.
    ///
    /// # Errors
    /// [`InferError::Job`] says what is not covered.
    fn check(&self, spec: &JobSpec) -> Result<GrantCheck, InferError>;

    /// Checks that an item of this party is what a job names.
    ///
    /// # Errors
    /// [`InferError::NotGranted`] when it has changed since.
    fn check_item(&self, item: &JobItem) -> Result<(), InferError>;

    /// Records the consents, durably, and runs the job to its end.
    ///
    /// # Errors
    /// [`Unsettled`].
    fn settle(
        &self,
        registry: &Registry,
        consented: Consented,
        participant: &Participant<'_>,
        sink: &Kept,
    ) -> Result<Settled, Unsettled>;

    /// Keeps what proves a run; on disk when it returns.
    ///
    /// # Errors
    /// Those of the disk.
    fn keep(&self, dossier: &Dossier) -> Result<(), InferError>;
}

/// The vault's.
pub(crate) struct VaultNotary {
    pub(crate) vault: Arc<Vault>,
    pub(crate) runtime: tokio::runtime::Handle,
}

impl Notary for VaultNotary {
    fn check(&self, spec: &JobSpec) -> Result<GrantCheck, InferError> {
        self.runtime.block_on(self.vault.check_job(spec)).map_err(|error| match error {
            VaultError::Job(refusal) => refusal.into(),
            other => other.into(),
        })
    }

    fn check_item(&self, item: &JobItem) -> Result<(), InferError> {
        let found = self.runtime.block_on(self.vault.job_item(item.record, item.item))?;
        if found == *item {
            return Ok(());
        }
        let text = "the model was sealed anew since this run was stocked: it needs to be stocked again";
        Err(InferError::NotGranted(text.to_owned()))
    }

    fn settle(
        &self,
        registry: &Registry,
        consented: Consented,
        participant: &Participant<'_>,
        sink: &Kept,
    ) -> Result<Settled, Unsettled> {
        let vault = &*self.vault;
        let ports = Ports { source: vault, sink, clock: vault, salts: &SystemSalts };
        let driver = Driver { registry, ledger: vault, ports };
        self.runtime.block_on(driver.run(consented, participant))
    }

    fn keep(&self, dossier: &Dossier) -> Result<(), InferError> {
        Ok(self.vault.keep_dossier(&dossier.spec.job, &dossier.to_bytes())?)
    }
}
