//! `cowl infer status`

use std::collections::BTreeSet;
use std::fmt;

use cowl_domain::PartyId;
use cowl_mpc::Party;
use serde::Serialize;

use super::Here;
use crate::args::{PartyAt, StatusArguments};
use crate::columns::Columns;
use crate::commands::Context;
use crate::failure::Result;
use crate::infer::data_owner::DataOwner;
use crate::infer::dealer::Dealer;
use crate::infer::store::{Folder, Part, SetUp, Stock};

pub(super) fn status(context: &Context, arguments: &StatusArguments) -> Result<()> {
    let mut here = Here::begin(context)?;
    let set_ups = SetUp::all(&here.folder)?;
    let parties: BTreeSet<PartyId> = set_ups
        .iter()
        .flat_map(|set_up| [set_up.terms.model_owner, set_up.terms.data_owner, set_up.terms.dealer])
        .collect();
    here.look_up_agreed(parties)?;
    let mut rows = Vec::new();
    for set_up in &set_ups {
        rows.push(Row::new(&here, set_up)?);
    }
    if arguments.ask {
        let mut places = Vec::new();
        for set_up in &set_ups {
            places.push(place_of(set_up));
        }
        let asked: Vec<_> =
            places.iter().map(|place| place.as_ref().map(|place| here.place(place))).collect();
        let (keys, notary, folder, ledger) = (here.keys(), here.notary(), here.folder, here.ledger);
        let owner = DataOwner { keys, notary, folder, ledger, patience: arguments.patience };
        for ((row, set_up), place) in rows.iter_mut().zip(&set_ups).zip(&asked) {
            let Some(place) = place else { continue };
            match owner.left_there(set_up.terms.id, place) {
                Ok(left) => row.ready_there = Some(left),
                Err(error) => context.output.warn(error),
            }
        }
    }
    context.output.data(&Status { set_ups: rows })
}

/// Where a data owner's set-up has its model owner.
fn place_of(set_up: &SetUp) -> Option<PartyAt> {
    match &set_up.part {
        Part::DataOwner { model_owner_at, .. } => {
            Some(PartyAt { party: set_up.terms.model_owner.to_string(), address: model_owner_at.clone() })
        }
        _ => None,
    }
}

/// A set-up, as it is printed.
#[derive(Debug, Serialize)]
struct Row {
    set_up: String,
    model: String,
    /// `model-owner`, `data-owner` or `dealer`.
    role: &'static str,
    model_owner: String,
    data_owner: String,
    dealer: String,
    /// Runs that are ready here; at a dealer, bundles that neither party has fetched yet are counted by party.
    ready: usize,
    /// Runs that are ready at the model owner, where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    ready_there: Option<u64>,
    /// What tells these weights from others.
    weights: Option<String>,
}

impl Row {
    fn new(here: &Here, set_up: &SetUp) -> Result<Self> {
        let terms = &set_up.terms;
        let name = |party: PartyId| here.other(&party.to_string()).name;
        let (role, ready) = counted(&here.folder, set_up)?;
        Ok(Self {
            set_up: terms.id.to_string(),
            model: terms.model.clone(),
            role,
            model_owner: name(terms.model_owner),
            data_owner: name(terms.data_owner),
            dealer: name(terms.dealer),
            ready,
            ready_there: None,
            weights: set_up.commitment_digest().map(|digest| digest.to_string()),
        })
    }
}

fn counted(folder: &Folder, set_up: &SetUp) -> Result<(&'static str, usize)> {
    let id = set_up.terms.id;
    let stocked = |seat| Stock::new(folder, id, seat).bundles().map(|bundles| bundles.len());
    Ok(match &set_up.part {
        Part::ModelOwner { .. } => ("model-owner", stocked(Party::ModelOwner)?),
        Part::DataOwner { .. } => ("data-owner", stocked(Party::DataOwner)?),
        Part::Dealer { .. } => ("dealer", Dealer::left(folder, id)?.into_iter().sum()),
    })
}

#[derive(Debug, Serialize)]
struct Status {
    set_ups: Vec<Row>,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.set_ups.is_empty() {
            return f.write_str("nothing is set up; begin with: cowl infer stock");
        }
        let heads = ["model", "you are", "model owner", "data owner", "dealer", "ready", "there", "weights"];
        let mut columns = Columns::new(heads).right([5, 6]);
        for row in &self.set_ups {
            columns.row([
                row.model.clone(),
                row.role.replace('-', " "),
                row.model_owner.clone(),
                row.data_owner.clone(),
                row.dealer.clone(),
                row.ready.to_string(),
                row.ready_there.map_or_else(String::new, |left| left.to_string()),
                row.weights.as_ref().map_or_else(String::new, |digest| digest[..16].to_owned()),
            ]);
        }
        columns.fmt(f)
    }
}
