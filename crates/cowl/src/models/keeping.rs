//! Both halves of a model as items of a record.
//!
//! The weights are sealed to their owner's own key before they become an item's content, so that not even a grant on the
//! whole record lets anybody else read them.

use cowl_crypto::digest::Digest;
use cowl_domain::{ItemId, RecordId, SuiteId};
use cowl_model::{Graph, Tensor, weights};
use cowl_seal::message;
use cowl_vault::view::Added;
use cowl_vault::{AddOptions, Progress, Source, Vault};
use zeroize::Zeroizing;

use super::reading::ReadModel;
use crate::failure::{Failure, Result};

/// The items of a model that was put into a record.
pub(crate) struct KeptModel {
    /// What whoever may run it reads.
    pub(crate) model: ItemId,
    /// For its owner alone.
    pub(crate) weights: ItemId,
}

/// What the weights of a model are called.
pub(crate) fn weights_name(model: &str) -> String {
    format!("{model}.weights")
}

/// Puts a model into a record: two items, of which grants let others read the one.
///
/// # Errors
/// A name that is taken; those of the vault.
pub(crate) async fn keep(
    vault: &Vault,
    record: RecordId,
    name: &str,
    model: &ReadModel,
    (description, replace): (Option<String>, bool),
    progress: &dyn Progress,
) -> Result<KeptModel> {
    if !replace {
        check_free(vault, record, name).await?;
    }
    let options =
        AddOptions { description, suite: Some(SuiteId::Standard), replace, ..AddOptions::default() };
    let sealed = tokio::task::block_in_place(|| seal_weights(vault, model));
    let sources =
        vec![Source::bytes(name, model.published.to_bytes()), Source::bytes(weights_name(name), sealed)];
    let report = vault.add(record, sources, &options, progress).await?;
    let item = |wanted: &str| {
        let found = report.files.iter().find(|(called, _)| called == wanted);
        match found.map(|(_, added)| added) {
            Some(Added::Sealed(item) | Added::Unchanged(item) | Added::Replaced { new: item, .. }) => {
                Ok(*item)
            }
            Some(Added::Refused(reason)) => Err(Failure::no(format!("{wanted} was not kept: {reason}"))),
            None => Err(Failure::no(format!("{wanted} was not kept"))),
        }
    };
    Ok(KeptModel { model: item(name)?, weights: item(&weights_name(name))? })
}

fn seal_weights(vault: &Vault, model: &ReadModel) -> Vec<u8> {
    let architecture = &model.published.architecture;
    let plain = Zeroizing::new(weights::to_bytes(architecture, &model.weights));
    let sealed = message::seal_to(&vault.own_recipient(), &context(architecture), &plain);
    [MAGIC, &sealed].concat()
}

/// Opens the weights of an architecture, which the caller has sealed. `item` is named when they do not open.
///
/// # Errors
/// When they are somebody else's, or of another architecture.
pub(crate) fn open_weights(
    vault: &Vault,
    item: ItemId,
    architecture: &Graph,
    content: &[u8],
) -> Result<Vec<Tensor<f32>>> {
    let sealed = content.strip_prefix(MAGIC).ok_or_else(|| Failure::no("these are no weights"))?;
    let plain = vault.open_own(item, &context(architecture), sealed)?;
    weights::from_bytes(architecture, &plain).map_err(|error| Failure::no(error.to_string()))
}

/// What sealed weights are bound to.
fn context(architecture: &Graph) -> Vec<u8> {
    let digest = Digest::from_bytes(architecture.digest());
    [b"cowl/model-weights/v1".as_slice(), digest.as_bytes()].concat()
}

/// With what the content of an item of weights begins; `cowl_vault::kind` knows it.
const MAGIC: &[u8] = b"cowl/sealed-weights/v1\n";

async fn check_free(vault: &Vault, record: RecordId, name: &str) -> Result<()> {
    let (items, weights) = (vault.items(record).await?, weights_name(name));
    match items.iter().find(|item| item.label.name == name || item.label.name == weights) {
        None => Ok(()),
        Some(taken) => Err(Failure::no(format!("the record holds a '{}' already", taken.label.name))
            .with_hint("give the model another name (--name), or let it take the place: --replace")),
    }
}
