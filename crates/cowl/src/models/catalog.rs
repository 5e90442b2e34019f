//! The models that the caller owns or may run, and their two halves.

use cowl_domain::{Handle, Kind};
use cowl_model::{Graph, PublishedModel, Tensor};
use cowl_vault::view::{GrantInfo, GrantState, ItemInfo};
use cowl_vault::{Progress, Vault};

use super::TECHNIQUE;
use super::keeping::{open_weights, weights_name};
use crate::failure::{Failure, Result};

/// The largest published model that is read: nearly all of it is the architecture.
const LARGEST_MODEL: u64 = cowl_model::published::LARGEST_MODEL as u64;

/// A model that the caller owns or may run.
#[derive(Debug, Clone)]
pub(crate) struct KnownModel {
    /// The item with the architecture.
    pub(crate) info: ItemInfo,
    /// Whose it is.
    pub(crate) owner: Handle,
    pub(crate) mine: bool,
    /// The grants in force by which others, or the caller, may run it.
    pub(crate) grants: Vec<GrantInfo>,
}

/// All models that the caller may see: own ones first.
///
/// # Errors
/// Those of the cloud.
pub(crate) async fn known_models(vault: &Vault) -> Result<Vec<KnownModel>> {
    let grants: Vec<GrantInfo> = vault.grants().await?.into_iter().filter(runs_models).collect();
    let mut models = Vec::new();
    for record in vault.records().await? {
        for info in vault.items(record.record).await? {
            if info.label.kind != Kind::Model {
                continue;
            }
            let covers = |grant: &&GrantInfo| {
                grant.record == info.record && grant.scope.item().is_none_or(|item| item == info.item)
            };
            let grants = grants.iter().filter(covers).cloned().collect();
            models.push(KnownModel { owner: record.owner.clone(), mine: record.mine, grants, info });
        }
    }
    models.sort_by_key(|model| !model.mine);
    Ok(models)
}

/// Whether a grant lets somebody run models, now.
pub(crate) fn runs_models(grant: &GrantInfo) -> bool {
    grant.state == GrantState::Active
        && grant.compute.as_ref().is_some_and(|terms| terms.technique == TECHNIQUE)
}

/// The model that a text names.
///
/// # Errors
/// When there is none, or more than one fits.
pub(crate) async fn find(vault: &Vault, text: &str) -> Result<KnownModel> {
    let goes_by = |model: &KnownModel| {
        let id = model.info.item.to_string();
        model.info.label.name == text || id == text || text.len() >= SHORTEST && id.starts_with(text)
    };
    let mut found: Vec<_> = known_models(vault).await?.into_iter().filter(goes_by).collect();
    match (found.pop(), found.len()) {
        (Some(one), 0) => Ok(one),
        (None, _) => Err(Failure::no(format!("there is no model '{text}' that you may run"))
            .with_hint("see what there is: cowl model list")),
        (Some(_), others) => {
            Err(Failure::usage(format!("'{text}' fits {} models; name one by its identifier", others + 1)))
        }
    }
}

/// The published half of a model: what whoever may run it can read.
///
/// # Errors
/// Those of the vault; an item that is no model.
pub(crate) async fn published(
    vault: &Vault,
    info: &ItemInfo,
    progress: &dyn Progress,
) -> Result<PublishedModel> {
    let no_model = |what: &dyn std::fmt::Display| {
        Failure::no(format!("'{}' of {} cannot be used as a model: {what}", info.label.name, info.sealer))
    };
    if info.label.kind != Kind::Model || info.size > LARGEST_MODEL {
        return Err(no_model(&"it is something else, or too large"));
    }
    let mut bytes = Vec::new();
    vault.get(info.record, info.item, &mut bytes, progress).await?;
    PublishedModel::from_bytes(&bytes).map_err(|error| no_model(&error))
}

/// The weights of an own model.
///
/// # Errors
/// When they are not there, or of another architecture.
pub(crate) async fn own_weights(
    vault: &Vault,
    info: &ItemInfo,
    architecture: &Graph,
    progress: &dyn Progress,
) -> Result<Vec<Tensor<f32>>> {
    let name = weights_name(&info.label.name);
    let found = vault.find_item(Some(info.record), &name).await?;
    if found.label.kind != Kind::Weights || found.size > 4 * architecture.weight_count() + OVERHEAD {
        return Err(Failure::no(format!("'{name}' is not the weights of '{}'", info.label.name))
            .with_hint("take the model in anew: cowl model import FILE.onnx --replace"));
    }
    let mut sealed = Vec::new();
    vault.get(found.record, found.item, &mut sealed, progress).await?;
    tokio::task::block_in_place(|| open_weights(vault, found.item, architecture, &sealed))
}

/// More than headers and seal add to the numbers of a model.
const OVERHEAD: u64 = 64 << 10;
/// Letters of an identifier that may stand for the whole.
const SHORTEST: usize = 4;
