//! `cowl infer …`

use std::sync::Arc;

use cowl_vault::Vault;
use cowl_vault::view::Trust;

use super::Context;
use crate::args::{InferCommand, PartyAt, PatienceArguments};
use crate::block_on;
use crate::failure::{Failure, Result};
use crate::infer::keys::Keys;
use crate::infer::model_owner::Place;
use crate::infer::peer::PeerKey;
use crate::infer::store::{Folder, Ledger};
use crate::session;

mod deal;
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
    folder: Folder,
    ledger: Ledger,
    others: Vec<PeerKey>,
}

impl Here {
    /// Unlocks the profile and looks the others up, by handle or identifier.
    fn begin(context: &Context, others: &[String], patience: PatienceArguments) -> Result<Self> {
        let (vault, others) = block_on(async {
            let vault = session::unlock(context).await?;
            let mut found = Vec::new();
            for name in others {
                found.push(look_up(context, &vault, name, patience.trust_first_use).await?);
            }
            Ok((vault, found))
        })?;
        let folder = {
            let me = Vault::participant(&vault, cowl_job::Seat::Receiver);
            Folder::open(vault.profile().dir(), me.signing)?
        };
        let ledger = Ledger::open(&folder)?;
        Ok(Self { vault: Arc::new(vault), folder, ledger, others })
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
async fn look_up(context: &Context, vault: &Vault, name: &str, trust_first_use: bool) -> Result<PeerKey> {
    let card = vault.party(name).await?;
    if card.trust == Trust::FirstUse && !trust_first_use && !context.settings.yes {
        let text = format!("nobody has compared the fingerprint of {} yet", card.handle);
        let hint = format!(
            "compare it: cowl party verify {} FINGERPRINT; or go without: --trust-first-use",
            card.handle
        );
        return Err(Failure::no(text).with_hint(hint));
    }
    Ok(PeerKey { name: card.handle.to_string(), keys: vault.party_keys(name).await? })
}
