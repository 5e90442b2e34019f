//! What is computed: everything from which three machines make the same program without a word.

use cowl_domain::wire;
use cowl_domain::{ItemId, OutputRule};
use cowl_model::published::{ProgramError, PublishedError};
use cowl_model::{Graph, Program, PublishedModel};
use cowl_mpc::technique::telling;
use minicbor::{Decode, Encode};

/// A model as its owner publishes it, and how much is told of its output. Nothing of it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Recipe {
    /// The item that has the model.
    #[n(0)]
    pub(crate) model: ItemId,
    /// [`PublishedModel::to_bytes`].
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) published: Vec<u8>,
    /// How much is told.
    #[n(2)]
    pub(crate) output: OutputRule,
}

/// Why a recipe makes no program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RecipeError {
    /// Not a recipe.
    #[error(transparent)]
    Wire(#[from] wire::WireError),
    /// Not a model.
    #[error(transparent)]
    Published(#[from] PublishedError),
    /// A model that cannot be compiled.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A rule for which there are no layers.
    #[error("'{0}' cannot be told of an output yet: labels, top-1 and values can")]
    Rule(OutputRule),
}

impl Recipe {
    /// Reads one; nothing in it is believed yet.
    ///
    /// # Errors
    /// [`RecipeError::Wire`].
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, RecipeError> {
        Ok(wire::decode("recipe", bytes)?)
    }

    /// Its canonical bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// The model, checked in full.
    ///
    /// # Errors
    /// [`RecipeError::Published`].
    pub(crate) fn published(&self) -> Result<PublishedModel, RecipeError> {
        Ok(PublishedModel::from_bytes(&self.published)?)
    }

    /// What all three compute, the telling of the output included.
    ///
    /// # Errors
    /// [`RecipeError`].
    pub(crate) fn program(&self) -> Result<(Graph, Program), RecipeError> {
        let rule = telling(self.output).ok_or(RecipeError::Rule(self.output))?;
        Ok(self.published()?.program(rule)?)
    }
}
