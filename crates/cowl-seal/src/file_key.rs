//! File keys: one per version of an item; everything else about the item is derived from it.

use cowl_crypto::digest::Digest;
use cowl_crypto::secret::{Secret, hkdf_sha256};

use crate::absent::assert_opaque;
use crate::suite::Suite;

/// The file key of an age file: 16 bytes (C2SP age, "file key").
pub struct FileKey(Secret<16>);

/// The file key of suite `hybrid-rsa`: 32 bytes.
pub struct FileKey32(Secret<32>);

/// The file key of an item, of either suite.
pub enum ItemKey {
    /// Suite `standard`.
    Standard(FileKey),
    /// Suite `hybrid-rsa`.
    HybridRsa(FileKey32),
}

assert_opaque!(FileKey, FileKey32, ItemKey);

macro_rules! file_key {
    ($name:ident, $length:literal) => {
        impl $name {
            /// A fresh key.
            pub fn make() -> Self {
                Self(Secret::make())
            }

            /// The key with these bytes.
            pub fn new(bytes: [u8; $length]) -> Self {
                Self(Secret::new(bytes))
            }

            /// The bytes of the key.
            pub fn expose(&self) -> &[u8; $length] {
                self.0.expose()
            }
        }
    };
}

file_key!(FileKey, 16);
file_key!(FileKey32, 32);

impl ItemKey {
    /// A fresh key for an item of this suite.
    pub fn make(suite: Suite) -> Self {
        match suite {
            Suite::Standard => Self::Standard(FileKey::make()),
            Suite::HybridRsa => Self::HybridRsa(FileKey32::make()),
        }
    }

    /// The key with these bytes; `None` unless there are as many as the suite asks for.
    pub fn from_slice(suite: Suite, bytes: &[u8]) -> Option<Self> {
        match suite {
            Suite::Standard => Secret::from_slice(bytes).map(|key| Self::Standard(FileKey(key))),
            Suite::HybridRsa => Secret::from_slice(bytes).map(|key| Self::HybridRsa(FileKey32(key))),
        }
    }

    /// The suite that the key belongs to.
    pub fn suite(&self) -> Suite {
        match self {
            Self::Standard(_) => Suite::Standard,
            Self::HybridRsa(_) => Suite::HybridRsa,
        }
    }

    /// The bytes of the key: 16 or 32.
    pub fn expose(&self) -> &[u8] {
        match self {
            Self::Standard(key) => key.expose(),
            Self::HybridRsa(key) => key.expose(),
        }
    }

    /// A public value that only this key yields, so that one header cannot open to two contents.
    /// It tells nothing about the key.
    pub fn commitment(&self) -> Digest {
        Digest::from_bytes(*self.derive(b"", COMMITMENT).expose())
    }

    /// The key under which the item's manifest is sealed ([`crate::sealed_box`]).
    pub fn manifest_key(&self) -> Secret<32> {
        self.derive(b"", MANIFEST)
    }

    /// The key of the header's MAC.
    pub(crate) fn mac_key(&self) -> Secret<32> {
        match self {
            Self::Standard(_) => self.derive(b"", b"header"),
            Self::HybridRsa(_) => self.derive(b"", b"cowl-hybrid-rsa/v1 header"),
        }
    }

    /// The key of the payload with this nonce.
    pub(crate) fn payload_key(&self, nonce: &[u8; 16]) -> Secret<32> {
        match self {
            Self::Standard(_) => self.derive(nonce, b"payload"),
            Self::HybridRsa(_) => self.derive(nonce, b"cowl-hybrid-rsa/v1 payload"),
        }
    }

    fn derive(&self, salt: &[u8], info: &[u8]) -> Secret<32> {
        hkdf_sha256(self.expose(), salt, info)
    }
}

impl From<FileKey> for ItemKey {
    fn from(key: FileKey) -> Self {
        Self::Standard(key)
    }
}

impl From<FileKey32> for ItemKey {
    fn from(key: FileKey32) -> Self {
        Self::HybridRsa(key)
    }
}

const COMMITMENT: &[u8] = b"cowl/commitment/v1";
const MANIFEST: &[u8] = b"cowl/manifest/v1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_derived_from_a_key_differs() {
        let key = ItemKey::make(Suite::Standard);
        let all = [
            *key.commitment().as_bytes(),
            *key.manifest_key().expose(),
            *key.mac_key().expose(),
            *key.payload_key(&[0; 16]).expose(),
            *key.payload_key(&[1; 16]).expose(),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(one));
        }
    }

    #[test]
    fn a_key_of_the_other_suite_is_not_taken() {
        for (suite, length) in [(Suite::Standard, 16), (Suite::HybridRsa, 32)] {
            assert!(ItemKey::from_slice(suite, &vec![7; length]).is_some_and(|key| key.suite() == suite));
            assert!(ItemKey::from_slice(suite, &vec![7; 48 - length]).is_none());
        }
    }

    #[test]
    fn commitments_tell_keys_apart() {
        let one = ItemKey::make(Suite::HybridRsa);
        let same = ItemKey::from_slice(Suite::HybridRsa, one.expose()).unwrap();
        assert_eq!(one.commitment(), same.commitment());
        assert_ne!(one.commitment(), ItemKey::make(Suite::HybridRsa).commitment());
    }
}
