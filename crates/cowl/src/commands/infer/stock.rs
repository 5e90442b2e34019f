//! `cowl infer stock`

use std::fmt;

use cowl_mpc::Party;
use serde::Serialize;

use super::Here;
use crate::args::StockArguments;
use crate::commands::Context;
use crate::failure::Result;
use crate::infer::data_owner::{DataOwner, Others};
use crate::infer::store::Stock;
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
}

pub(super) fn stock(context: &Context, arguments: &StockArguments) -> Result<()> {
    let names = [arguments.owner.party.clone(), arguments.dealer.party.clone()];
    let here = Here::begin(context, &names, arguments.patience)?;
    let others = Others {
        model_owner: here.place(&arguments.owner),
        dealer: here.place(&arguments.dealer),
        learns: arguments.output_to,
    };
    let keys = here.keys();
    let (folder, ledger) = (here.folder, here.ledger);
    let owner = DataOwner { keys, folder, ledger, patience: arguments.patience.patience };
    let progress = context.output.progress();
    let agreed = owner.agree(&arguments.model, &others, &*progress)?;
    let set_up = agreed.set_up.terms.id;
    let weights = agreed.set_up.commitment_digest().map(|digest| digest.to_string()).unwrap_or_default();
    if agreed.other_weights {
        context.output.warn(format_args!(
            "{} has other weights in '{}' than in the set-up before",
            others.model_owner.peer.name, arguments.model
        ));
    }
    owner.stock(&agreed, &others, arguments.runs.get(), &*progress)?;
    context.output.data(&Stocked {
        set_up: set_up.to_string(),
        model: arguments.model.clone(),
        owner: others.model_owner.peer.name.clone(),
        ready: Stock::new(&owner.folder, set_up, Party::DataOwner).bundles()?.len(),
        weights,
        bundle_bytes: Size(agreed.computation.bundle_bytes(Party::DataOwner)),
    })
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
