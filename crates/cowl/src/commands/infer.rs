//! `cowl infer …`

use std::sync::Arc;

use cowl_domain::PartyId;
use cowl_vault::Vault;
use cowl_vault::view::Trust;

use super::Context;
use crate::args::{InferCommand, PartyAt, PatienceArguments};
use crate::failure::{Failure, Result};
use crate::infer::job::{Notary, VaultNotary};
use crate::infer::keys::Keys;
use crate::infer::model_owner::Place;
use crate::infer::peer::PeerKey;
use crate::infer::store::{Folder, Ledger};
use crate::session;

mod deal;
pub(crate) mod page;
mod plan;
mod run;
mod serve;
mod status;
mod stock;

pub(super) fn run(context: &Context, command: InferCommand) -> Result<()> {
    match command {
        InferCommand::Deal(arguments) => deal::deal(context, &arguments),
        InferCommand::Serve(arguments) => serve::serve(context, &arguments),
        InferCommand::Stock(arguments) => stock::stock(context, &arguments),
        InferCommand::Run(arguments) => run::run(context, &arguments),
        InferCommand::Status(arguments) => status::status(context, &arguments),
    }
}

/// This party with its folder, and the others as the directory has them.
struct Here {
    vault: Arc<Vault>,
    /// The vault's connections live as long as this does.
    runtime: tokio::runtime::Runtime,
    folder: Folder,
    ledger: Ledger,
    others: Vec<PeerKey>,
}

impl Here {
    /// Unlocks the profile.
    fn begin(context: &Context) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let vault = Arc::new(runtime.block_on(session::unlock(context))?);
        let me = Vault::participant(&vault, cowl_job::Seat::Receiver);
        let folder = Folder::open(vault.profile().dir(), me.signing)?;
        let ledger = Ledger::open(&folder)?;
        Ok(Self { vault, runtime, folder, ledger, others: Vec::new() })
    }

    /// Looks more parties up.
    fn look_up(&mut self, context: &Context, names: &[String], patience: PatienceArguments) -> Result<()> {
        let without = patience.trust_first_use || context.settings.yes;
        for name in names {
            let found = self.runtime.block_on(look_up(&self.vault, name, without))?;
            self.others.push(found);
        }
        Ok(())
    }

    /// Looks up parties of a set-up: they were agreed to when it was made.
    fn look_up_agreed(&mut self, parties: impl IntoIterator<Item = PartyId>) -> Result<()> {
        for party in parties {
            let found = self.runtime.block_on(look_up(&self.vault, &party.to_string(), true))?;
            self.others.push(found);
        }
        Ok(())
    }

    /// Runs what waits for the network.
    fn wait<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.runtime.block_on(work)
    }

    /// What this device knows of grants and remembers of consents. Good for as long as this lives.
    fn notary(&self) -> Arc<dyn Notary> {
        Arc::new(VaultNotary { vault: self.vault.clone(), runtime: self.runtime.handle().clone() })
    }

    fn keys(&self) -> Arc<dyn Keys> {
        self.vault.clone()
    }

    /// The other of this name.
    fn other(&self, name: &str) -> PeerKey {
        let found = self.others.iter().find(|peer| peer.name == name || peer.party().to_string() == name);
        found.cloned().expect("everybody who is named was looked up")
    }

    fn place(&self, named: &PartyAt) -> Place {
        Place { peer: self.other(&named.party), address: named.address.clone() }
    }
}

/// A party whose fingerprint somebody has compared, or who is to be trusted without.
async fn look_up(vault: &Vault, name: &str, without_comparing: bool) -> Result<PeerKey> {
    let card = vault.party(name).await?;
    if card.trust == Trust::FirstUse && !without_comparing {
        let text = format!("nobody has compared the fingerprint of {} yet", card.handle);
        let hint = format!(
            "compare it: cowl party verify {} FINGERPRINT; or go without: --trust-first-use",
            card.handle
        );
        return Err(Failure::no(text).with_hint(hint));
    }
    Ok(PeerKey { name: card.handle.to_string(), keys: vault.party_keys(name).await? })
}
