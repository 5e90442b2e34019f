//! Sealed tables as those see them who may ask about them.

use cowl_api::types::TableView;
use cowl_domain::table::TableSchema;
use cowl_domain::{Handle, ItemId, Placement, Power, RecordId, Signed};
use cowl_job::JobItem;

use crate::error::{Result, Tampering, VaultError};
use crate::record::{Record, misplaced};
use crate::vault::{Vault, now};
use crate::view::GrantInfo;

/// A table that the caller may ask about.
#[derive(Debug, Clone)]
pub struct TableInfo {
    /// As jobs name it.
    pub item: JobItem,
    /// Whose it is.
    pub owner: Handle,
    /// Its columns, by the cloud's word: the owner's machine compares before it opens anything.
    pub schema: TableSchema,
    /// The public key of its ciphertexts, by the cloud's word.
    pub key: Vec<u8>,
}

impl Vault {
    /// What the cloud knows of a sealed table.
    ///
    /// # Errors
    /// When there is none that the caller may ask about; a placement that its owner did not sign.
    pub async fn table(&self, record: RecordId, item: ItemId) -> Result<TableInfo> {
        let view = self.client.table(&record, &item).await.map_err(|error| match error.code() {
            Some(cowl_api::ProblemCode::NotFound) => {
                VaultError::NotFound { what: "table", name: item.to_string() }
            }
            _ => error.into(),
        })?;
        let loaded = self.load_record(&record).await?;
        let item = self.table_item(&loaded, item, &view).await?;
        let schema = TableSchema::from_bytes(&view.schema.0)
            .map_err(|error| VaultError::Senseless(format!("the schema of table {}: {error}", item.item)))?;
        Ok(TableInfo { item, owner: loaded.owner.handle().clone(), schema, key: view.key.0 })
    }

    /// The version of the table that its owner's head holds.
    async fn table_item(&self, record: &Record, item: ItemId, view: &TableView) -> Result<JobItem> {
        if record.mine {
            return self.job_item(record.id, item).await;
        }
        let signed = Signed::<Placement>::from_bytes(&view.placement.0)?;
        let signer = self.signer(&signed.signer(), &[signed.key_version()]).await?;
        let placement = signer.verify_statement(&signed)?;
        if (placement.record, placement.item) != (record.id, item) {
            return Err(misplaced("placement", item, placement.item));
        }
        let proof = view.proof.as_ref().ok_or(Tampering::ItemsRoot(record.id))?;
        record.check_item_proof(proof, item, &placement.digest())?;
        Ok(JobItem {
            record: record.id,
            owner: record.owner.party(),
            item,
            version: placement.version,
            placement: placement.digest(),
            size: placement.size,
        })
    }

    /// The grants in force by which the caller may have something computed, on single items.
    ///
    /// # Errors
    /// Those of [`Vault::grants`].
    pub async fn grants_to_compute(&self) -> Result<Vec<GrantInfo>> {
        let (me, at) = (self.me().handle, now());
        let mut grants = self.grants().await?;
        grants.retain(|grant| {
            grant.grantee == me
                && grant.powers.contains(Power::Compute)
                && grant.state == crate::view::GrantState::Active
                && grant.expires_at.is_none_or(|end| at < end)
        });
        Ok(grants)
    }
}
