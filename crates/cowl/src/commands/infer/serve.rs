//! `cowl infer serve`

use std::collections::HashMap;
use std::sync::Mutex;

use cowl_domain::{ItemId, RecordId};
use cowl_vault::Vault;

use super::{Here, deal};
use crate::args::ServeArguments;
use crate::commands::Context;
use crate::failure::{Failure, Result};
use crate::infer::error::{InferError, name_of};
use crate::infer::model_owner::{Event, ModelOwner, Served, Shelf};
use crate::infer::peer::{Guests, Listener};
use crate::infer::serving::serve_all;
use crate::models::catalog;
use crate::models::gate::Grants;
use crate::models::grantees::Grantees;
use crate::size::{Size, count};

/// Serves models until the process is ended.
pub(super) fn serve(context: &Context, arguments: &ServeArguments) -> Result<()> {
    let mut here = Here::begin(context)?;
    here.look_up(context, std::slice::from_ref(&arguments.dealer.party), arguments.patience)?;
    let dealer = here.place(&arguments.dealer);
    let (served, models) = here.wait(load(context, &here.vault, arguments))?;
    let guests = guests(context, &here, arguments, models)?;
    let patience = arguments.patience.patience;
    let listener = Listener::bind(&here.keys().identity(), guests, &arguments.listen, patience)
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
        |link, peer| owner.serve(link, peer, &mut |event| tell(context, &peer.name, event)),
        |peer, error| match error {
            InferError::Unproven { .. } => context.output.warn(format_args!("{peer}: {error}")),
            _ => context.output.note(format_args!("{peer}: {error}")),
        },
    )?;
    Ok(())
}

fn tell(context: &Context, peer: &str, event: Event) {
    match event {
        Event::Ran { bundle, bytes, took } => {
            let ([sent, received], time) = (bytes.map(Size), took.as_secs_f64() * 1e3);
            let bundle = name_of(&bundle);
            context
                .output
                .note(format_args!("{peer}: run {bundle}: {sent} sent, {received} received, {time:.1} ms"));
        }
        Event::Dropped(bundles) => {
            let bundles = count(bundles, "bundle");
            context.output.note(format_args!("{peer}: {bundles} dropped: {peer} has lost the other half"));
        }
    }
}

/// Those who may run one of the models, now or later.
fn guests(
    context: &Context,
    here: &Here,
    arguments: &ServeArguments,
    models: Vec<(RecordId, ItemId)>,
) -> Result<Guests> {
    let without_comparing = arguments.patience.trust_first_use || context.settings.yes;
    let (vault, runtime) = (here.vault.clone(), here.runtime.handle().clone());
    let grantees = Grantees::new(vault, runtime, models, without_comparing, context.output);
    let known = here.wait(grantees.look())?;
    if known.is_empty() {
        context.output.note(
            "nobody may run what is served yet; whoever is given a grant is served from then on: \
             cowl grant make --to HANDLE --item MODEL --power compute --technique mpc --output labels --runs 100 \
             --purpose diagnosis",
        );
    }
    Ok(Guests::of(Box::new(grantees), known))
}

/// The models with their weights, and where they are.
async fn load(
    context: &Context,
    vault: &Vault,
    arguments: &ServeArguments,
) -> Result<(HashMap<ItemId, Served>, Vec<(RecordId, ItemId)>)> {
    let (mut served, mut places) = (HashMap::new(), Vec::new());
    for name in &arguments.models {
        let known = catalog::find(vault, name).await?;
        if !known.mine {
            return Err(Failure::usage(format!("'{name}' is {}'s to serve", known.owner)));
        }
        let progress = context.output.progress();
        let published = catalog::published(vault, &known.info, &*progress).await?;
        let weights = catalog::own_weights(vault, &known.info, &published.architecture, &*progress).await?;
        places.push((known.info.record, known.info.item));
        let name = known.info.label.name.clone();
        served.insert(known.info.item, Served { name, published: published.to_bytes(), weights });
    }
    Ok((served, places))
}
