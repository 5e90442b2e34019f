//! Ed25519 signatures (RFC 8032), each bound to the purpose it was made for.
//!
//! What is signed is `"cowl-signature/v1"`, the context with its length (64 bits, big-endian), and the
//! message: a signature made for one purpose never verifies for another.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use data_encoding::HEXLOWER;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::absent::assert_absent;
use crate::secret::Secret;

const PREFIX: &[u8] = b"cowl-signature/v1";

/// The signature does not belong to this message, context and key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("bad signature")]
pub struct BadSignature;

/// The secret half of an Ed25519 key.
///
/// It can be neither printed, copied, compared nor serialized; [`SigningKey::expose_seed`] is the only
/// way out.
pub struct SigningKey {
    seed: Secret<32>,
    pair: Ed25519KeyPair,
}

assert_absent!(SigningKey: Clone, Copy, fmt::Debug, fmt::Display, PartialEq, AsRef<[u8]>);

impl SigningKey {
    /// Makes a key from fresh randomness.
    pub fn make() -> Self {
        Self::from_secret(Secret::make())
    }

    /// Restores a key from its seed (RFC 8032 §5.1.5: the 32-byte private key).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self::from_secret(Secret::new(*seed))
    }

    fn from_secret(seed: Secret<32>) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).expect("any 32 bytes are a seed");
        Self { seed, pair }
    }

    /// A copy of the seed, for the vault to seal.
    pub fn expose_seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(*self.seed.expose())
    }

    /// The public half.
    pub fn verifying_key(&self) -> VerifyingKey {
        let bytes = self.pair.public_key().as_ref();
        VerifyingKey(bytes.try_into().expect("an Ed25519 public key is 32 bytes"))
    }

    /// Signs a message for one purpose, which the context names.
    pub fn sign(&self, context: &'static str, message: &[u8]) -> Signature {
        self.sign_raw(&bound(context, message))
    }

    /// Plain Ed25519 over the message alone: only for formats of others that prescribe it.
    pub(crate) fn sign_raw(&self, message: &[u8]) -> Signature {
        let signature = self.pair.sign(message);
        Signature(signature.as_ref().try_into().expect("an Ed25519 signature is 64 bytes"))
    }
}

/// The public half of an Ed25519 key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifyingKey([u8; 32]);

impl VerifyingKey {
    /// Takes the encoded point; one that is no point, or has small order, verifies nothing.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The encoded point.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Checks that the holder of the signing key signed this message for this purpose.
    pub fn verify(&self, context: &str, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        self.verify_raw(&bound(context, message), signature)
    }

    pub(crate) fn verify_raw(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        if self.has_small_order() {
            return Err(BadSignature);
        }
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, &signature.0).map_err(|_| BadSignature)
    }

    /// Whether the point is one of the eight whose multiples collapse: a signature under such a key can
    /// fit many messages, so it binds its maker to none of them.
    fn has_small_order(&self) -> bool {
        let mut without_sign = self.0;
        without_sign[31] &= 0x7f;
        SMALL_ORDER.contains(&without_sign)
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature([u8; 64]);

impl Signature {
    /// Takes a signature as received; only verification tells its worth.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The 64 bytes (R ‖ S).
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&HEXLOWER.encode(&self.0))
    }
}

fn bound(context: &str, message: &[u8]) -> Vec<u8> {
    let length = (context.len() as u64).to_be_bytes();
    [PREFIX, &length, context.as_bytes(), message].concat()
}

/// The y coordinates of the points of order 1, 2, 4 and 8, with the two non-canonical encodings below
/// 2^255, sign bit cleared.
const SMALL_ORDER: [[u8; 32]; 7] = [
    small(0x00, 0x00, 0x00), // y = 0, order 4
    small(0x01, 0x00, 0x00), // y = 1, order 1
    small(0xec, 0xff, 0x7f), // y = -1, order 2
    small(0xed, 0xff, 0x7f), // y = p, that is 0
    small(0xee, 0xff, 0x7f), // y = p + 1, that is 1
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ], // order 8
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ], // order 8
];

const fn small(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}

#[cfg(test)]
mod tests;
