//! Why a key, a ciphertext or a request is refused.

/// A public key that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Another length than the ones that exist.
    #[error("a modulus of {bits} bits: it must have 2048, 3072 or 4096")]
    Length {
        /// The length that was met.
        bits: u32,
    },
    /// An even number has no place here.
    #[error("the modulus is even, so it is not a product of two large primes")]
    Even,
    /// The generator is not between 1 and n, or shares a factor with n.
    #[error("the key's h is not a unit modulo n other than one")]
    Generator,
    /// Not the canonical bytes of a key.
    #[error("malformed key: {detail}")]
    Malformed {
        /// What the decoder met.
        detail: String,
    },
}

/// A ciphertext or a request that does not fit its key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Ciphertexts under different keys never meet.
    #[error("the ciphertexts are under key {found}, not {expected}: use the table's own key")]
    WrongKey {
        /// Digest of the key that works here.
        expected: crate::KeyDigest,
        /// Digest of the ciphertexts' key.
        found: crate::KeyDigest,
    },
    /// Bytes of another length: another modulus, or cut short.
    #[error("{found} bytes where ciphertexts of {expected} bytes each were expected")]
    Length {
        /// Bytes of one ciphertext under this key.
        expected: usize,
        /// Bytes that were given.
        found: usize,
    },
    /// A half of the ciphertext is not below n.
    #[error("ciphertext {index} is out of range: it was not made under this key, or damaged")]
    OutOfRange {
        /// Its place in the batch.
        index: usize,
    },
    /// It shares a factor with n: nobody who encrypts makes one.
    #[error("ciphertext {index} is not a unit modulo n: it was forged")]
    NotAUnit {
        /// Its place in the batch.
        index: usize,
    },
    /// Batches of different lengths.
    #[error("{left} ciphertexts cannot meet {right}: give batches of one length")]
    Counts {
        /// Length of the first batch.
        left: usize,
        /// Length of the second.
        right: usize,
    },
    /// A plaintext is not below n.
    #[error("plaintext {index} is not below the modulus: pack it into more ciphertexts")]
    PlaintextOutOfRange {
        /// Its place in the batch.
        index: usize,
    },
    /// Not the canonical bytes of a batch.
    #[error("malformed ciphertexts: {detail}")]
    Malformed {
        /// What the decoder met.
        detail: String,
    },
}
