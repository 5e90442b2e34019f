//! What evidence of a job over sealed tables proves with.

use cowl_crypto::digest::Digest;
use cowl_domain::wire::{self, WireError};
use cowl_job::JobSpec;
use minicbor::{Decode, Encode};

/// What the evidence of a query proves with: which query, or request for scores, over which placements, how many rows, how many tags fitted.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct QueryProof {
    /// Digest of the program.
    #[cbor(n(0), with = "wire::fixed")]
    pub query: Digest,
    /// The placements of the tables, in the query's order.
    #[n(1)]
    pub placements: Vec<PlacementDigest>,
    /// Rows that went into the answer.
    #[n(2)]
    pub rows: u64,
    /// Row tags that were compared.
    #[n(3)]
    pub tags: u64,
}

/// Digest of a signed placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct PlacementDigest(#[cbor(n(0), with = "wire::fixed")] pub Digest);

impl QueryProof {
    /// Of a job that was answered from so many rows.
    pub(super) fn of(spec: &JobSpec, rows: u64, tags: u64) -> Self {
        let placements = spec.items.iter().map(|item| PlacementDigest(item.placement)).collect();
        Self { query: spec.program, placements, rows, tags }
    }

    /// Its canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads a proof.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        wire::decode("proof of a query", bytes)
    }
}
