//! Containers of secrets, and the derivation of one from another.

use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::absent::assert_absent;
use crate::id::fill_random;

/// `N` secret bytes: overwritten when dropped, never printed, copied or compared by accident.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Secret<const N: usize>([u8; N]);

assert_absent!(Secret<32>: Clone, Copy, std::fmt::Debug, std::fmt::Display, PartialEq);

impl<const N: usize> Secret<N> {
    /// Takes bytes that are already secret; the caller's copy stays its own to overwrite.
    pub fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// Fresh random bytes.
    pub fn make() -> Self {
        let mut secret = Self([0; N]);
        fill_random(&mut secret.0);
        secret
    }

    /// Copies a slice of exactly `N` bytes; `None` for any other length.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut secret = Self([0; N]);
        (bytes.len() == N).then(|| {
            secret.0.copy_from_slice(bytes);
            secret
        })
    }

    /// The secret bytes.
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }

    /// Compares in a time that does not depend on the bytes.
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// HKDF with SHA-256 (RFC 5869), extract and expand, to 32 bytes.
pub fn hkdf_sha256(ikm: &[u8], salt: &[u8], info: &[u8]) -> Secret<32> {
    let mut derived = Secret([0; 32]);
    Salt::new(HKDF_SHA256, salt)
        .extract(ikm)
        .expand(&[info], HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut derived.0))
        .expect("32 bytes are within HKDF-SHA-256's 8160");
    derived
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        HEXLOWER.decode(text.as_bytes()).unwrap()
    }

    #[test]
    fn derivation_agrees_with_rfc_5869() {
        // Appendix A.1 and A.3: the first 32 of their 42 bytes.
        let ikm = [0x0b; 22];
        let salt = hex("000102030405060708090a0b0c");
        let info = hex("f0f1f2f3f4f5f6f7f8f9");
        let first = hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
        let third = hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
        assert_eq!(hkdf_sha256(&ikm, &salt, &info).expose()[..], first[..]);
        assert_eq!(hkdf_sha256(&ikm, b"", b"").expose()[..], third[..]);
    }

    #[test]
    fn every_input_of_a_derivation_counts() {
        let all = [
            hkdf_sha256(b"key", b"salt", b"info"),
            hkdf_sha256(b"kez", b"salt", b"info"),
            hkdf_sha256(b"key", b"salz", b"info"),
            hkdf_sha256(b"key", b"salt", b"infp"),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(all.iter().skip(at + 1).all(|other| !one.ct_eq(other)));
        }
    }

    #[test]
    fn a_long_info_is_no_panic() {
        hkdf_sha256(b"key", &[1; 5000], &[2; 5000]);
    }

    #[test]
    fn equality_looks_at_every_byte() {
        let original = Secret::new([7; 16]);
        assert!(original.ct_eq(&Secret::new([7; 16])));
        for at in 0..16 {
            let mut bytes = [7; 16];
            bytes[at] ^= 1;
            assert!(!original.ct_eq(&Secret::new(bytes)));
        }
    }

    #[test]
    fn a_slice_of_another_length_is_no_secret() {
        assert!(Secret::<4>::from_slice(&[1, 2, 3, 4]).is_some_and(|it| it.expose() == &[1, 2, 3, 4]));
        assert!(Secret::<4>::from_slice(&[1, 2, 3]).is_none());
        assert!(Secret::<4>::from_slice(&[1, 2, 3, 4, 5]).is_none());
    }

    #[test]
    fn made_secrets_differ() {
        assert!(!Secret::<32>::make().ct_eq(&Secret::make()));
    }
}
