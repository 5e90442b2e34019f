//! Key stores: the secret keys of a party, sealed under its password's export key and the device secret.
//!
//! The server keeps the store. Neither the password alone nor the device secret alone opens it: the key
//! is HKDF-SHA-256(export key ‖ device secret, no salt, `cowl/key-store/v1 key`), where the export key
//! comes out of OPAQUE and the device secret never leaves the party's devices and recovery kit. The frame
//! is that of [`crate::sealed_box`] with `cowlkey` for `cowlbox`, info `cowl/key-store/v1 seal` and an
//! empty context; the content is a CBOR array: signing seed, X-Wing seed, PKCS #8 of the RSA key if any.

use cowl_crypto::secret::{Secret, hkdf_sha256};
use minicbor::{Decode, Encode};
use zeroize::{Zeroize, Zeroizing};

use crate::absent::assert_opaque;
use crate::hybrid_rsa::RsaSecretKey;
use crate::sealed_box::{BoxError, Format};
use crate::xwing::{XWingIdentity, XWingRecipient};

/// What a party's devices share and the server never has.
pub struct DeviceSecret(Secret<16>);

/// All secret keys of a party.
pub struct PartyIdentity {
    signing_seed: Secret<32>,
    sealing: XWingIdentity,
    rsa: Option<RsaSecretKey>,
}

/// The secret key of an epoch of a record: it opens the headers of every item of that epoch.
pub struct EpochIdentity(XWingIdentity);

assert_opaque!(DeviceSecret, PartyIdentity, EpochIdentity);

/// Why a key store does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyStoreError {
    /// Another format, or cut short.
    #[error("not a key store")]
    NoKeyStore,
    /// A later version of the format.
    #[error("key store of version {0}, which is not known here")]
    Version(u8),
    /// Another password or device secret, or changed.
    #[error("the key store does not open with this password and device secret")]
    Closed,
    /// It opens, but what is inside are no keys: a fault of the program that sealed it.
    #[error("the key store holds no valid keys")]
    Content,
}

impl DeviceSecret {
    /// A fresh secret.
    pub fn make() -> Self {
        Self(Secret::make())
    }

    /// The secret with these bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Secret::new(bytes))
    }

    /// Its bytes, for the recovery kit and for another device.
    pub fn expose(&self) -> &[u8; 16] {
        self.0.expose()
    }
}

impl PartyIdentity {
    /// Fresh keys, without RSA.
    pub fn make() -> Self {
        Self { signing_seed: Secret::make(), sealing: XWingIdentity::make(), rsa: None }
    }

    /// An identity of keys that are there already.
    pub fn from_keys(signing_seed: Secret<32>, sealing: XWingIdentity, rsa: Option<RsaSecretKey>) -> Self {
        Self { signing_seed, sealing, rsa }
    }

    /// The same identity with an RSA key, for suite `hybrid-rsa`.
    #[must_use]
    pub fn with_rsa(self, rsa: RsaSecretKey) -> Self {
        Self { rsa: Some(rsa), ..self }
    }

    /// The seed of the Ed25519 key that signs.
    pub fn expose_signing_seed(&self) -> &Secret<32> {
        &self.signing_seed
    }

    /// The key to which others seal.
    pub fn sealing(&self) -> &XWingIdentity {
        &self.sealing
    }

    /// The RSA key, if one was needed so far.
    pub fn rsa(&self) -> Option<&RsaSecretKey> {
        self.rsa.as_ref()
    }

    /// Seals the keys. After a change of password the new export key seals them anew.
    pub fn seal(&self, export_key: &[u8], device_secret: &DeviceSecret) -> Vec<u8> {
        let content = Content {
            signing_seed: *self.signing_seed.expose(),
            sealing_seed: *self.sealing.expose_seed(),
            rsa: self.rsa.as_ref().map(|key| key.expose_pkcs8().to_vec()),
        };
        let plain = Zeroizing::new(minicbor::to_vec(&content).expect("a vector takes all bytes"));
        FORMAT.seal(&store_key(export_key, device_secret), b"", &plain)
    }

    /// Opens what [`PartyIdentity::seal`] made.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    pub fn open(
        sealed: &[u8],
        export_key: &[u8],
        device_secret: &DeviceSecret,
    ) -> Result<Self, KeyStoreError> {
        let plain = FORMAT.open(&store_key(export_key, device_secret), b"", sealed)?;
        let content: Content = minicbor::decode(&plain).map_err(|_| KeyStoreError::Content)?;
        let rsa = content.rsa.as_deref().map(RsaSecretKey::from_pkcs8).transpose();
        Ok(Self {
            signing_seed: Secret::new(content.signing_seed),
            sealing: XWingIdentity::from_seed(&content.sealing_seed),
            rsa: rsa.map_err(|_| KeyStoreError::Content)?,
        })
    }
}

impl EpochIdentity {
    /// A fresh identity.
    pub fn make() -> Self {
        Self(XWingIdentity::make())
    }

    /// The identity of a seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(XWingIdentity::from_seed(seed))
    }

    /// The seed: whoever has it opens every item of the epoch.
    pub fn expose_seed(&self) -> Zeroizing<[u8; 32]> {
        self.0.expose_seed()
    }

    /// The public key to which the epoch's items are sealed.
    pub fn recipient(&self) -> &XWingRecipient {
        self.0.recipient()
    }

    /// The secret key itself, to open headers with.
    pub fn identity(&self) -> &XWingIdentity {
        &self.0
    }
}

impl From<BoxError> for KeyStoreError {
    fn from(error: BoxError) -> Self {
        match error {
            BoxError::NoBox => Self::NoKeyStore,
            BoxError::Version(version) => Self::Version(version),
            BoxError::Closed => Self::Closed,
        }
    }
}

/// What is inside, version 1.
#[derive(Encode, Decode)]
struct Content {
    #[cbor(n(0), with = "minicbor::bytes")]
    signing_seed: [u8; 32],
    #[cbor(n(1), with = "minicbor::bytes")]
    sealing_seed: [u8; 32],
    #[cbor(n(2), with = "minicbor::bytes")]
    rsa: Option<Vec<u8>>,
}

impl Drop for Content {
    fn drop(&mut self) {
        self.signing_seed.zeroize();
        self.sealing_seed.zeroize();
        self.rsa.zeroize();
    }
}

/// The device secret stands last and has a fixed length, so the two cannot be divided otherwise.
fn store_key(export_key: &[u8], device_secret: &DeviceSecret) -> Secret<32> {
    let both = Zeroizing::new([export_key, device_secret.expose()].concat());
    hkdf_sha256(&both, b"", b"cowl/key-store/v1 key")
}

const FORMAT: Format = Format { magic: b"cowlkey", info: b"cowl/key-store/v1 seal" };

#[cfg(test)]
mod tests;
