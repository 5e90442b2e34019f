//! Cryptography that needs no decryption: hashes, signatures, fingerprints, the Merkle log and its
//! checkpoints, OPAQUE log-in, and the containers of secrets.
//!
//! Nothing in this crate opens a ciphertext, so a program that links only this crate (the server)
//! cannot read what was sealed. It performs no I/O, reads no clock, and knows nothing of what the bytes
//! mean. Randomness comes from the operating system by way of AWS-LC, and only in functions that say so
//! (`make`, [`id::random_bytes`], and the steps of [`opaque`]).
#![deny(missing_docs)]

mod absent;
pub mod digest;
pub mod fingerprint;
pub mod id;
pub mod log;
pub mod merkle;
pub mod opaque;
pub mod secret;
pub mod sign;
