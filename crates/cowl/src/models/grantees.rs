//! Who may run what is served: asked at the beginning, and again when somebody knocks whom nobody knows.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use cowl_domain::{Handle, ItemId, RecordId};
use cowl_vault::Vault;
use cowl_vault::view::{GrantInfo, Trust};
use tokio::runtime;

use super::catalog::runs_models;
use crate::failure::Result;
use crate::infer::peer::{GuestList, PeerKey};
use crate::output::Output;

/// Those who have a grant to run one of these models.
pub(crate) struct Grantees {
    vault: Arc<Vault>,
    runtime: runtime::Handle,
    models: Vec<(RecordId, ItemId)>,
    /// Whether parties are served whose fingerprints nobody has compared.
    without_comparing: bool,
    output: Output,
    told: Mutex<HashSet<String>>,
}

impl Grantees {
    /// Those of `models`; `runtime` has the vault's connections.
    pub(crate) fn new(
        vault: Arc<Vault>,
        runtime: runtime::Handle,
        models: Vec<(RecordId, ItemId)>,
        without_comparing: bool,
        output: Output,
    ) -> Self {
        Self { vault, runtime, models, without_comparing, output, told: Mutex::default() }
    }

    /// All who are to be served now. Of those who have a grant and are not, it is said once why.
    ///
    /// # Errors
    /// Those of the cloud.
    pub(crate) async fn look(&self) -> Result<Vec<PeerKey>> {
        // Fingerprints are compared, and grants taken back, by other processes.
        self.vault.catch_up()?;
        let grants = self.vault.grants().await?;
        let grantees: BTreeSet<&Handle> =
            grants.iter().filter(|grant| self.is_for_a_model(grant)).map(|grant| &grant.grantee).collect();
        let mut served = Vec::new();
        for grantee in grantees {
            let card = self.vault.party(grantee.as_str()).await?;
            if card.trust == Trust::FirstUse && !self.without_comparing {
                self.tell(format!(
                    "{grantee} has a grant and is not served: nobody has compared its fingerprint; \
                     compare it: cowl party verify {grantee} FINGERPRINT; or serve with --trust-first-use"
                ));
                continue;
            }
            let keys = self.vault.party_keys(grantee.as_str()).await?;
            served.push(PeerKey { name: grantee.to_string(), keys });
        }
        Ok(served)
    }

    fn is_for_a_model(&self, grant: &GrantInfo) -> bool {
        let covers = |(record, item): &(RecordId, ItemId)| {
            grant.record == *record && grant.scope.item().is_none_or(|one| one == *item)
        };
        runs_models(grant) && self.models.iter().any(covers)
    }

    fn tell(&self, text: String) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(text.clone()) {
            self.output.warn(text);
        }
    }
}

impl GuestList for Grantees {
    fn now(&self) -> Option<Vec<PeerKey>> {
        match self.runtime.block_on(self.look()) {
            Ok(served) => Some(served),
            Err(failure) => {
                self.output.warn(format_args!("who has a grant now cannot be found out: {failure}"));
                None
            }
        }
    }
}
