//! What an inference adds to its evidence.

use cowl_crypto::digest::Digest;
use cowl_domain::wire::{self, WireError};
use minicbor::{Decode, Encode};

/// What one seat says of a run.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct InferenceProof {
    /// [`cowl_model::Graph::digest`].
    #[cbor(n(0), with = "wire::fixed")]
    pub architecture: Digest,
    /// The bundle that was used up.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub bundle: [u8; 16],
    /// What the two who compute know besides.
    #[n(2)]
    pub run: Option<RunProof>,
}

/// What the two who compute say of a run; both must say the same.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RunProof {
    /// The commitment to the weights.
    #[cbor(n(0), with = "wire::fixed")]
    pub weights: Digest,
    /// Digest of all messages.
    #[cbor(n(1), with = "wire::fixed")]
    pub transcript: Digest,
}

impl InferenceProof {
    /// Its canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads a proof.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        wire::decode("proof of an inference", bytes)
    }
}
