//! What an inference computes, as specifications name it.

use cowl_crypto::digest::Digest;
use cowl_domain::wire::{self, WireError};
use cowl_domain::{ComputeTerms, GrantId, OutputReceivers, OutputRule};
use cowl_job::Refusal;
use cowl_model::{PublishedModel, Rounding};
use minicbor::{Decode, Encode};

use super::Mpc;

/// Everything that decides what is computed, the weights and the input apart. All seats make the same one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct InferenceProgram {
    /// [`cowl_model::Graph::digest`].
    #[cbor(n(0), with = "wire::fixed")]
    pub architecture: Digest,
    /// k of the ring.
    #[n(1)]
    pub bits: u32,
    /// f of the ring.
    #[n(2)]
    pub fraction: u32,
    /// Bits behind the point of weights.
    #[n(3)]
    pub weight_fraction: u32,
    /// Whether truncation is faithful.
    #[n(4)]
    pub faithful: bool,
    /// What is told of the output.
    #[n(5)]
    pub output: OutputRule,
    /// Digest of the protocol that both run: layers, family, version of the formats.
    #[cbor(n(6), with = "wire::fixed")]
    pub protocol: Digest,
}

impl InferenceProgram {
    /// Of a model under a rule, run by the protocol of this digest.
    pub fn new(model: &PublishedModel, output: OutputRule, protocol: [u8; 32]) -> Self {
        Self {
            architecture: Digest::from_bytes(model.architecture.digest()),
            bits: model.ring.bits(),
            fraction: model.ring.fraction(),
            weight_fraction: model.ring.weight_fraction(),
            faithful: model.rounding == Rounding::Faithful,
            output,
            protocol: Digest::from_bytes(protocol),
        }
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`WireError`] for any other bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        wire::decode("program of an inference", bytes)
    }

    /// The digest by which specifications name it.
    pub fn digest(&self) -> Digest {
        Digest::derive("cowl/inference-program/v1", &self.to_bytes())
    }
}

/// Checks that a grant's terms allow to tell so much of an output to these.
///
/// # Errors
/// [`Refusal::TechniqueNotGranted`], [`Refusal::TermsExceeded`].
pub fn check_terms(
    grant: GrantId,
    terms: &ComputeTerms,
    output: OutputRule,
    receivers: OutputReceivers,
) -> Result<(), Refusal> {
    let technique = Mpc::name();
    if terms.technique != technique.as_str() {
        return Err(Refusal::TechniqueNotGranted { grant, technique });
    }
    let exceeded = |what: String| Err(Refusal::TermsExceeded { grant, what });
    let Some(allowed) = terms.inference else {
        return exceeded("any output of a model".to_owned());
    };
    if !output.is_within(allowed.output) {
        return exceeded(format!("to tell {output} of the output: {} at the most", allowed.output));
    }
    let missing = [
        (OutputReceivers::DataOwner, receivers.has_data_owner() && !allowed.receivers.has_data_owner()),
        (OutputReceivers::ModelOwner, receivers.has_model_owner() && !allowed.receivers.has_model_owner()),
    ];
    match missing.iter().find(|(_, missing)| *missing) {
        Some((who, _)) => exceeded(format!("the {} to get the output", who.as_str().replace('-', " "))),
        None => Ok(()),
    }
}
