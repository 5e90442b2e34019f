//! What is computed: everything from which three machines make the same program without a word.

use cowl_domain::wire;
use cowl_model::graph::FormError;
use cowl_model::program::CompileError;
use cowl_model::ring::RingError;
use cowl_model::{Graph, Ring, Rounding};
use minicbor::{Decode, Encode};

/// An architecture and the choices that turn it into a program. Nothing of it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Recipe {
    /// [`Graph::to_bytes`].
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) architecture: Vec<u8>,
    /// The ring of all numbers.
    #[n(1)]
    pub(crate) ring: Ring,
    /// Whether truncation is faithful.
    #[n(2)]
    pub(crate) faithful: bool,
}

/// Why a recipe makes no program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RecipeError {
    /// Not a recipe.
    #[error(transparent)]
    Wire(#[from] wire::WireError),
    /// Not an architecture.
    #[error(transparent)]
    Form(#[from] FormError),
    /// A ring that is not on the menu.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// An architecture that cannot be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
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

    /// The architecture, checked in full.
    ///
    /// # Errors
    /// [`RecipeError::Form`].
    pub(crate) fn graph(&self) -> Result<Graph, RecipeError> {
        Ok(Graph::from_bytes(&self.architecture)?)
    }

    /// The program of all three.
    ///
    /// # Errors
    /// [`RecipeError`].
    pub(crate) fn program(&self, graph: &Graph) -> Result<cowl_model::Program, RecipeError> {
        let ring = Ring::new(self.ring.bits(), self.ring.fraction())?
            .with_weight_fraction(self.ring.weight_fraction())?;
        let rounding = if self.faithful { Rounding::Faithful } else { Rounding::Nearby };
        Ok(cowl_model::compile(graph, ring, rounding)?)
    }
}
