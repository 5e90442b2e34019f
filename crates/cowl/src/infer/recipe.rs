//! What is computed: everything from which three machines make the same program without a word.

use cowl_domain::wire;
use cowl_domain::{ItemId, OutputRule};
use cowl_model::PublishedModel;
use cowl_model::published::PublishedError;
use cowl_mpc::technique::{Inference, InferenceError};
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
    /// A model that cannot be run, or not under this rule.
    #[error(transparent)]
    Inference(#[from] InferenceError),
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
    pub(crate) fn inference(&self) -> Result<Inference, RecipeError> {
        Ok(Inference::new(&self.published()?, self.output)?)
    }
}
