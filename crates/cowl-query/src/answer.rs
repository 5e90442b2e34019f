//! What leaves the cloud: for each group its keys, how many rows it has, and sums of ciphertexts.

use cowl_crypto::digest::Digest;
use cowl_domain::wire::{self, WireError};
use minicbor::{Decode, Encode};

use crate::clear::Cell;

/// The encrypted sums of one sealed set over the rows of a group.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct EncryptedSet {
    /// The set's place in the schema of the query's first table.
    #[n(0)]
    pub set: u16,
    /// One ciphertext for each ciphertext of a row, behind each other.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub ciphertexts: Vec<u8>,
}

/// A group of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct EncryptedGroup {
    /// Its keys, in the order of the query's.
    #[n(0)]
    pub keys: Vec<Cell>,
    /// How many rows it has; the opener counts them again.
    #[n(1)]
    pub rows: u64,
    /// Sums, for each set that the query needs, in ascending order.
    #[n(2)]
    pub sets: Vec<EncryptedSet>,
}

/// The cloud's answer, for the opener.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Answer {
    /// The query's digest.
    #[cbor(n(0), with = "wire::fixed")]
    pub query: Digest,
    /// Groups in the query's order.
    #[n(1)]
    pub groups: Vec<EncryptedGroup>,
    /// How many groups had too few rows and are left out. For log and opener, not for the receiver.
    #[n(2)]
    pub suppressed: u64,
}

impl Answer {
    /// Reads an answer.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        wire::decode("answer", bytes)
    }

    /// Its canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }
}
