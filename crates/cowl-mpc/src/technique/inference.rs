//! A published model under a rule for its outputs, compiled: the same on all three machines.

use cowl_domain::{OutputReceivers, OutputRule};
use cowl_model::graph::Telling;
use cowl_model::published::ProgramError;
use cowl_model::{Graph, PublishedModel};

use super::forecast::Forecast;
use super::program::InferenceProgram;
use crate::lowering::{LoweringError, Protocol};
use crate::nonlinear::FunctionSecretSharing;

/// Why a model cannot be run like that.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InferenceError {
    /// No program on these numbers, or under this rule.
    #[error(transparent)]
    Model(#[from] ProgramError),
    /// A layer that no protocol is there for.
    #[error("layer '{name}': {why}")]
    Layer {
        /// Its name.
        name: String,
        /// Why not.
        why: crate::Error,
    },
    /// Anything else that has no protocol.
    #[error(transparent)]
    Lowering(LoweringError),
}

/// A model that can be run.
pub struct Inference {
    /// The architecture with what is told of its outputs.
    pub graph: Graph,
    /// What the parties run.
    pub protocol: Protocol,
    /// As specifications name it.
    pub program: InferenceProgram,
}

impl Inference {
    /// Compiles a model, with function secret sharing in all layers.
    ///
    /// # Errors
    /// [`InferenceError`].
    pub fn new(model: &PublishedModel, rule: OutputRule) -> Result<Self, InferenceError> {
        let (graph, program) = model.program(telling(rule))?;
        let protocol = Protocol::new(program, &FunctionSecretSharing).map_err(|error| match error {
            LoweringError::Layer { layer, why } => {
                InferenceError::Layer { name: graph.layers()[layer.index()].name.clone(), why }
            }
            other => InferenceError::Lowering(other),
        })?;
        let program = InferenceProgram::new(model, rule, *protocol.plan().digest());
        Ok(Self { graph, protocol, program })
    }

    /// What a run takes whose output goes to `receivers`.
    pub fn forecast(&self, receivers: OutputReceivers) -> Forecast {
        Forecast::of(&self.graph, &self.protocol, receivers)
    }
}

fn telling(rule: OutputRule) -> Telling {
    match rule {
        OutputRule::Values => Telling::Values,
        OutputRule::Labels => Telling::Labels,
        OutputRule::Top(ranks) => Telling::Top(ranks as usize),
    }
}
