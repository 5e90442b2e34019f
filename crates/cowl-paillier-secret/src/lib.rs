//! Paillier's secret side: key generation, decryption, and the owner's own encryption.
//!
//! The blind cloud never links this crate. Everything secret here is overwritten when dropped and has no `Debug`,
//! `Clone` or comparison. Running time and memory addresses do not depend on secrets unless the caller hands over a
//! [`VariableTime`](cowl_paillier::VariableTime).
//!
//! - [`SecretKey`]: made by [`SecretKey::generate`] from two safe primes, kept as bytes by its owner.
//! - [`SecretKey::decrypt`]: modulo p² and q², then the Chinese remainder theorem (Paillier 1999, section 7).
//! - [`OwnerEncryptor`]: ciphertexts distributed exactly as the textbook's, from fixed-base tables modulo p² and q².
#![deny(missing_docs)]

mod absent;
mod decrypt;
mod factor;
mod generate;
mod key;
mod owner;

pub use key::{SecretKey, SecretKeyError};
pub use owner::{OwnerEncryptor, kept_encryptor};
