//! Models that are run without being shown, as the command line deals with them.
//!
//! On the model owner's side: [`reading`] takes an ONNX file apart, [`numbers`] chooses the ring, [`keeping`] puts both
//! halves into a record, [`permission`] says what grants allow and counts runs, [`gate`] asks it at each request,
//! [`grantees`] says who is served at all. On everybody's: [`catalog`] finds models, [`layers`] draws them, [`dossier`]
//! keeps and checks what proves a run.

use cowl_domain::{ComputeTerms, ItemId, Kind, Power, Powers, RecordId};
use cowl_vault::Vault;

use crate::failure::{Failure, Result};

pub(crate) mod catalog;
pub(crate) mod dossier;
pub(crate) mod gate;
pub(crate) mod grantees;
pub(crate) mod keeping;
pub(crate) mod layers;
pub(crate) mod numbers;
pub(crate) mod permission;
pub(crate) mod reading;

/// The technique of two-party inference.
pub(crate) const TECHNIQUE: &str = "mpc";

/// The powers of a grant with these terms: whoever may run a model reads its architecture.
///
/// # Errors
/// When the terms are for a model and an item is none.
pub(crate) async fn powers(
    vault: &Vault,
    record: RecordId,
    items: &[ItemId],
    powers: Powers,
    terms: Option<&ComputeTerms>,
) -> Result<Powers> {
    if terms.is_none_or(|terms| terms.technique != TECHNIQUE) {
        return Ok(powers);
    }
    for item in items {
        let info = vault.find_item(Some(record), &item.to_string()).await?;
        if info.label.kind != Kind::Model {
            let (name, kind) = (&info.label.name, info.label.kind);
            return Err(Failure::usage(format!("'{name}' is no model, but of kind {kind}"))
                .with_hint("see what there is: cowl model list"));
        }
    }
    Ok(Powers::of(powers.iter().chain([Power::Read])))
}
