//! X25519 recipients: `age1…` and `AGE-SECRET-KEY-1…` (C2SP age, "The X25519 recipient type").

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
use cowl_crypto::secret::{Secret, hkdf_sha256};
use zeroize::Zeroizing;

use super::header::Stanza;
use super::{BadStanza, base64, wrap};
use crate::absent::assert_opaque;
use crate::file_key::FileKey;

/// A public key of Curve25519.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct X25519Recipient(pub(super) [u8; 32]);

/// A secret scalar of Curve25519.
pub struct X25519Identity {
    scalar: Secret<32>,
    recipient: X25519Recipient,
}

assert_opaque!(X25519Identity);

/// The recipient's key is a point of low order: nothing can be sealed to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the X25519 recipient is a point of low order")]
pub struct LowOrder;

impl X25519Recipient {
    /// The recipient with this public key.
    pub fn from_bytes(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The public key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Wraps a file key.
    ///
    /// # Errors
    /// [`LowOrder`].
    pub fn wrap(&self, file_key: &FileKey) -> Result<Stanza, LowOrder> {
        let ephemeral = X25519Identity::make();
        let share = ephemeral.recipient.0;
        let shared = agree(&ephemeral.scalar, &self.0).ok_or(LowOrder)?;
        let body = wrap::wrap(&wrapping_key(&shared, &share, &self.0), file_key);
        Ok(Stanza::with_arg(TAG, base64::encode(&share), body))
    }
}

impl X25519Identity {
    /// A fresh identity.
    pub fn make() -> Self {
        Self::from_scalar(Secret::make())
    }

    /// The identity with this scalar; every 32 bytes are one.
    pub fn from_scalar(scalar: Secret<32>) -> Self {
        let public = private_key(&scalar).compute_public_key().expect("every scalar has a public key");
        let recipient = X25519Recipient(public.as_ref().try_into().expect("public keys have 32 bytes"));
        Self { scalar, recipient }
    }

    /// The scalar.
    pub fn expose_scalar(&self) -> &[u8; 32] {
        self.scalar.expose()
    }

    /// The public key.
    pub fn recipient(&self) -> X25519Recipient {
        self.recipient
    }

    /// The file key if this stanza wraps it for this identity.
    pub(super) fn unwrap(&self, stanza: &Stanza) -> Result<Option<FileKey>, BadStanza> {
        if stanza.tag != TAG {
            return Ok(None);
        }
        let [share] = stanza.args.as_slice() else { return Err(BadStanza) };
        let share = base64::decode_array(share).ok_or(BadStanza)?;
        let body = stanza.body.as_slice().try_into().map_err(|_| BadStanza)?;
        let shared = agree(&self.scalar, &share).ok_or(BadStanza)?;
        Ok(wrap::unwrap(&wrapping_key(&shared, &share, &self.recipient.0), body))
    }
}

/// `None` for the all-zero secret of a low-order point.
fn agree(scalar: &Secret<32>, peer: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
    let peer = UnparsedPublicKey::new(&X25519, peer);
    agreement::agree(&private_key(scalar), peer, (), |shared| {
        let shared = shared.try_into().expect("X25519 yields 32 bytes");
        Ok(Zeroizing::new(shared))
    })
    .ok()
}

fn private_key(scalar: &Secret<32>) -> PrivateKey {
    PrivateKey::from_private_key(&X25519, scalar.expose()).expect("every 32 bytes are an X25519 scalar")
}

fn wrapping_key(shared: &[u8; 32], share: &[u8; 32], recipient: &[u8; 32]) -> Secret<32> {
    let salt = [share.as_slice(), recipient].concat();
    hkdf_sha256(shared, &salt, b"age-encryption.org/v1/X25519")
}

const TAG: &str = "X25519";
