//! `cowl infer serve`

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use cowl_domain::ItemId;
use cowl_vault::Vault;

use super::{Here, deal};
use crate::args::ServeArguments;
use crate::commands::Context;
use crate::failure::{Failure, Result};
use crate::infer::error::{InferError, name_of};
use crate::infer::model_owner::{ModelOwner, Served, Shelf};
use crate::infer::peer::{Listener, PeerKey};
use crate::infer::serving::serve_all;
use crate::models::catalog;
use crate::models::gate::Grants;
use crate::size::Size;

/// Serves models until the process is ended.
pub(super) fn serve(context: &Context, arguments: &ServeArguments) -> Result<()> {
    let mut here = Here::begin(context)?;
    here.look_up(context, std::slice::from_ref(&arguments.dealer.party), arguments.patience)?;
    let (served, grantees) = here.wait(load(context, &here.vault, arguments))?;
    here.look_up(context, &grantees, arguments.patience)?;
    let dealer = here.place(&arguments.dealer);
    let parties: Vec<PeerKey> = grantees.iter().map(|name| here.other(name)).collect();
    let patience = arguments.patience.patience;
    let listener = Listener::bind(&here.keys().identity(), parties, &arguments.listen, patience)
        .map_err(InferError::from)?;
    let gate = Box::new(Grants::new(here.vault.clone(), here.runtime.handle().clone()));
    let owner = ModelOwner {
        keys: here.keys(),
        notary: here.notary(),
        folder: here.folder,
        ledger: here.ledger,
        dealer,
        shelf: Shelf::new(served),
        gate,
        patience,
        working: Mutex::new(()),
    };
    deal::greet(context, "serving", &listener)?;
    serve_all(
        &listener,
        |link, peer| {
            owner.serve(link, peer, &mut |ended| {
                let (sent, received) = (Size(ended.outcome.sent), Size(ended.outcome.received));
                let (bundle, time) = (name_of(&ended.bundle), ended.outcome.took.as_secs_f64() * 1e3);
                let peer = &peer.name;
                if let Some(why) = &ended.unproven {
                    context
                        .output
                        .warn(format_args!("{peer}: run {bundle}: there is no evidence of it: {why}"));
                }
                context.output.note(format_args!(
                    "{peer}: run {bundle}: {sent} sent, {received} received, {time:.1} ms"
                ));
            })
        },
        |peer, error| context.output.note(format_args!("{peer}: {error}")),
    )?;
    Ok(())
}

/// The models with their weights, and who may run one of them now.
async fn load(
    context: &Context,
    vault: &Vault,
    arguments: &ServeArguments,
) -> Result<(HashMap<ItemId, Served>, Vec<String>)> {
    let (mut served, mut grantees) = (HashMap::new(), HashSet::new());
    for name in &arguments.models {
        let known = catalog::find(vault, name).await?;
        if !known.mine {
            return Err(Failure::usage(format!("'{name}' is {}'s to serve", known.owner)));
        }
        let progress = context.output.progress();
        let published = catalog::published(vault, &known.info, &*progress).await?;
        let weights = catalog::own_weights(vault, &known.info, &published.architecture, &*progress).await?;
        grantees.extend(known.grants.iter().map(|grant| grant.grantee.to_string()));
        let name = known.info.label.name.clone();
        served.insert(known.info.item, Served { name, published: published.to_bytes(), weights });
    }
    if grantees.is_empty() {
        return Err(Failure::no("nobody has a grant to run what is to be served").with_hint(
            "give one: cowl grant make --to HANDLE --item MODEL --power compute --output labels --runs 100 --purpose diagnosis",
        ));
    }
    Ok((served, grantees.into_iter().collect()))
}
