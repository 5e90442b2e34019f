//! `cowl infer stock`

use std::fmt;

use cowl_domain::OutputRule;
use cowl_mpc::Party;
use cowl_vault::Vault;
use serde::Serialize;

use super::Here;
use crate::args::StockArguments;
use crate::commands::Context;
use crate::failure::{Failure, Result};
use crate::infer::data_owner::{Asked, DataOwner, Others};
use crate::infer::halves::Orphans;
use crate::infer::model_owner::Place;
use crate::infer::recipe::Recipe;
use crate::infer::store::{Stock, sealed_bundle_length};
use crate::infer::wire::Leave;
use crate::models::{catalog, permission};
use crate::size::{Size, count};
use crate::style::GOOD;

/// What is there afterwards.
#[derive(Debug, Serialize)]
struct Stocked {
    set_up: String,
    model: String,
    owner: String,
    /// Runs that are ready here.
    ready: usize,
    /// What tells these weights from others.
    weights: String,
    /// Bytes of a run's bundle.
    bundle_bytes: Size,
    /// Bundles that were erased here, because their other half is gone.
    dropped_here: u64,
    /// Bundles that were erased at the model's owner, because their other half is gone.
    dropped_there: u64,
}

pub(super) fn stock(context: &Context, arguments: &StockArguments) -> Result<()> {
    let mut here = Here::begin(context)?;
    here.look_up(context, std::slice::from_ref(&arguments.dealer.party), arguments.patience)?;
    let (asked, leave, owner) = here.wait(ask(context, &here.vault, arguments))?;
    here.look_up(context, std::slice::from_ref(&owner), arguments.patience)?;
    let model_owner = Place { peer: here.other(&owner), address: arguments.at.clone() };
    let others = Others { model_owner, dealer: here.place(&arguments.dealer) };
    let (keys, notary) = (here.keys(), here.notary());
    let (folder, ledger) = (here.folder, here.ledger);
    let owner = DataOwner { keys, notary, folder, ledger, patience: arguments.patience.patience };
    let progress = context.output.progress();
    let agreed = owner.agree(&asked, &others, &*progress)?;
    let set_up = agreed.set_up.terms.id;
    let weights = agreed.set_up.commitment_digest().map(|digest| digest.to_string()).unwrap_or_default();
    if agreed.other_weights {
        context.output.warn(format_args!(
            "{} has other weights in '{}' than in the set-up before",
            others.model_owner.peer.name, agreed.set_up.terms.model
        ));
    }
    let orphans = owner.drop_orphans(&agreed, &others)?;
    tell_orphans(context, orphans, &others.model_owner.peer.name);
    let each = Party::BOTH.map(|seat| Size(sealed_bundle_length(agreed.computation.bundle_bytes(seat))));
    context.output.note(format_args!("a run takes {} here and {} at its model's owner", each[1], each[0]));
    owner.stock(&agreed, &others, &leave, arguments.runs.get(), &*progress)?;
    context.output.data(&Stocked {
        set_up: set_up.to_string(),
        model: agreed.set_up.terms.model.clone(),
        owner: others.model_owner.peer.name.clone(),
        ready: Stock::new(&owner.folder, set_up, Party::DataOwner).bundles()?.len(),
        weights,
        bundle_bytes: Size(agreed.computation.bundle_bytes(Party::DataOwner)),
        dropped_here: orphans.here,
        dropped_there: orphans.there,
    })
}

fn tell_orphans(context: &Context, orphans: Orphans, owner: &str) {
    if orphans.here > 0 {
        let here = count(orphans.here, "bundle");
        context.output.note(format_args!("{here} dropped here: {owner} has used or lost the other half"));
    }
    tell_dropped_there(context, orphans.there, owner);
}

/// Says how many bundles a model owner has dropped, if it has.
pub(super) fn tell_dropped_there(context: &Context, bundles: u64, owner: &str) {
    if bundles > 0 {
        let bundles = count(bundles, "bundle");
        context.output.note(format_args!("{bundles} dropped at {owner}: the other half is lost here"));
    }
}

/// What is to be run, by whose leave, and whose it is.
async fn ask(context: &Context, vault: &Vault, arguments: &StockArguments) -> Result<(Asked, Leave, String)> {
    let known = catalog::find(vault, &arguments.model).await?;
    if known.mine {
        return Err(Failure::usage("this model is your own: run it without others")
            .with_hint("the other side begins: cowl infer serve --model MODEL"));
    }
    let published = catalog::published(vault, &known.info, &*context.output.progress()).await?;
    let granted = known.grants.iter().find_map(|grant| grant.compute.as_ref()?.inference);
    let output = arguments.output.or(granted.map(|terms| terms.output)).unwrap_or(OutputRule::Labels);
    let leave = permission::leave(vault, &known, output, arguments.receives).await?;
    let recipe = Recipe { model: known.info.item, published: published.to_bytes(), output };
    Ok((Asked { recipe, learns: arguments.receives }, leave, known.owner.to_string()))
}

impl fmt::Display for Stocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, owner, ready, weights, bundle_bytes, .. } = self;
        let runs = count(*ready as u64, "run");
        let weights = &weights[..weights.len().min(16)];
        write!(
            f,
            "{GOOD}✓{GOOD:#} {runs} of {model} by {owner} ready, {bundle_bytes} each; weights {weights}"
        )
    }
}
