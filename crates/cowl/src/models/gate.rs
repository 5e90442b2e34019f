//! Grants at the door of a model owner that serves.

use std::sync::Arc;

use cowl_domain::GrantId;
use cowl_vault::Vault;
use cowl_vault::view::GrantInfo;
use tokio::runtime::Handle;

use super::permission;
use crate::infer::error::InferError;
use crate::infer::model_owner::Gate;
use crate::infer::peer::PeerKey;
use crate::infer::wire::Wanted;

/// Grants decide: asked anew for every set-up and every run, so that one that was taken back counts no more.
pub(crate) struct Grants {
    vault: Arc<Vault>,
    runtime: Handle,
}

impl Grants {
    /// A model owner's grants; `runtime` has the vault's connections.
    pub(crate) fn new(vault: Arc<Vault>, runtime: Handle) -> Self {
        Self { vault, runtime }
    }

    fn grant(
        &self,
        peer: &PeerKey,
        wanted: &Wanted,
        under: Option<GrantId>,
    ) -> Result<GrantInfo, InferError> {
        let not = |why: &dyn std::fmt::Display| InferError::NotGranted(why.to_string());
        let data_owner: cowl_domain::Handle = peer.name.parse().map_err(|error| not(&error))?;
        let asked = permission::Asked {
            model: wanted.model,
            owner: &self.vault.me().handle,
            data_owner: &data_owner,
            output: wanted.output,
            receivers: wanted.learns,
            under,
        };
        self.runtime.block_on(permission::find(&self.vault, &asked)).map_err(|failure| not(&failure))
    }
}

impl Gate for Grants {
    fn allows(&self, peer: &PeerKey, wanted: &Wanted, under: Option<GrantId>) -> Result<(), InferError> {
        let grant = self.grant(peer, wanted, under)?;
        match permission::left(&self.vault, &wanted.model, &grant) {
            Ok(Some(0)) => Err(InferError::NotGranted("the runs of the grant are used up".to_owned())),
            Ok(_) => Ok(()),
            Err(failure) => Err(InferError::NotGranted(failure.to_string())),
        }
    }

    fn count(&self, peer: &PeerKey, wanted: &Wanted, under: GrantId) -> Result<(), InferError> {
        let grant = self.grant(peer, wanted, Some(under))?;
        permission::use_up(&self.vault, &wanted.model, &grant)
            .map_err(|failure| InferError::NotGranted(failure.to_string()))
    }
}
