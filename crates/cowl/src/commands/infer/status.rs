//! `cowl infer status`

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use cowl_domain::PartyId;
use cowl_mpc::Party;
use cowl_vault::Vault;
use serde::Serialize;

use super::Here;
use super::stock::tell_dropped_there;
use crate::args::{PartyAt, StatusArguments};
use crate::columns::Columns;
use crate::commands::{Context, SHORT};
use crate::failure::Result;
use crate::infer::data_owner::DataOwner;
use crate::infer::dealer::Dealer;
use crate::infer::halves::There;
use crate::infer::store::{Folder, Part, SetUp, Stock};
use crate::models::{catalog, permission};

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
    let grants = here.wait(counted_grants(&here.vault))?;
    if arguments.ask {
        ask(context, here, &set_ups, &mut rows, arguments.patience);
    }
    context.output.data(&Status { set_ups: rows, grants })
}

/// Asks the model owners what they have, and has them drop what is good for nothing.
fn ask(context: &Context, here: Here, set_ups: &[SetUp], rows: &mut [Row], patience: Duration) {
    let asked: Vec<_> =
        set_ups.iter().map(|set_up| place_of(set_up).map(|place| here.place(&place))).collect();
    let (keys, notary, folder, ledger) = (here.keys(), here.notary(), here.folder, here.ledger);
    let owner = DataOwner { keys, notary, folder, ledger, patience };
    for ((row, set_up), place) in rows.iter_mut().zip(set_ups).zip(&asked) {
        let Some(place) = place else { continue };
        match owner.left_there(set_up.terms.id, place) {
            Ok(There { ready, dropped }) => {
                (row.ready_there, row.dropped_there) = (Some(ready), Some(dropped));
                tell_dropped_there(context, dropped, &row.model_owner);
            }
            Err(error) => context.output.warn(error),
        }
    }
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
    /// Bundles that were erased there just now, because their other half is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped_there: Option<u64>,
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
            dropped_there: None,
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

/// A grant in force to run an own model, as it is printed.
#[derive(Debug, Serialize)]
struct Granted {
    grant: String,
    model: String,
    /// Who may run it.
    grantee: String,
    /// What is told of the output.
    output: Option<String>,
    /// Runs that this device has counted.
    runs_made: u32,
    /// How many the grant allows; none where it sets no bound.
    runs_allowed: Option<u32>,
}

/// Who may run the caller's models, and how often they have done so.
async fn counted_grants(vault: &Vault) -> Result<Vec<Granted>> {
    let mut granted = Vec::new();
    for model in catalog::known_models(vault).await?.into_iter().filter(|model| model.mine) {
        for grant in model.grants {
            let terms = grant.compute.as_ref();
            granted.push(Granted {
                grant: grant.grant.to_string(),
                model: model.info.label.name.clone(),
                grantee: grant.grantee.to_string(),
                output: terms.and_then(|terms| terms.inference).map(|terms| terms.output.to_string()),
                runs_made: permission::made(vault, &model.info.item, &grant.grant)?,
                runs_allowed: terms.and_then(|terms| terms.runs),
            });
        }
    }
    Ok(granted)
}

#[derive(Debug, Serialize)]
struct Status {
    set_ups: Vec<Row>,
    /// Those that were given; those that were received are the owners' to count.
    grants: Vec<Granted>,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.set_ups.is_empty() {
            f.write_str("nothing is set up; begin with: cowl infer stock")?;
        } else {
            self.set_ups(f)?;
        }
        if self.grants.is_empty() { Ok(()) } else { self.grants(f) }
    }
}

impl Status {
    fn grants(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut columns = Columns::new(["grant", "model", "may be run by", "told", "runs made"]).right([4]);
        for Granted { grant, model, grantee, output, runs_made, runs_allowed } in &self.grants {
            columns.row([
                grant[..SHORT].to_owned(),
                model.clone(),
                grantee.clone(),
                output.clone().unwrap_or_default(),
                match runs_allowed {
                    Some(allowed) => format!("{runs_made} of {allowed}"),
                    None => runs_made.to_string(),
                },
            ]);
        }
        write!(f, "\n\n{columns}")
    }

    fn set_ups(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
        write!(f, "{columns}")
    }
}
