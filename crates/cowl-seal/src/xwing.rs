//! Sealing to an X-Wing key (X25519 and ML-KEM-768 together): HPKE base mode, RFC 9180, with
//! HKDF-SHA256 and ChaCha20-Poly1305.
//!
//! Every use has an `info` of its own, so that what was sealed for one purpose opens for no other.

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use zeroize::Zeroizing;

use crate::absent::assert_opaque;

mod kem;
use kem::XWing;

/// A public key to which keys and messages are sealed (1216 bytes).
#[derive(Clone)]
pub struct XWingRecipient {
    key: PublicKey,
}

/// The secret key of an [`XWingRecipient`], made from a seed of 32 bytes.
pub struct XWingIdentity {
    // Boxed, so that moving the identity leaves no copies of the seed behind.
    key: Box<PrivateKey>,
    recipient: XWingRecipient,
}

assert_opaque!(XWingIdentity);

/// The bytes are no X-Wing public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an X-Wing public key of {RECIPIENT_LENGTH} bytes")]
pub struct BadRecipient;

/// What [`XWingIdentity::open`] found wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpenFailure {
    /// The encapsulated key has another length, or its X25519 share is of low order.
    Malformed,
    /// Sealed to another key, for another purpose, or changed.
    Closed,
}

impl XWingRecipient {
    /// Decodes the 1216 bytes of an X-Wing public key.
    ///
    /// # Errors
    /// [`BadRecipient`] for another length, coefficients out of range, or an X25519 key of low order.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadRecipient> {
        let share = bytes.last_chunk().ok_or(BadRecipient)?;
        if is_low_order(share) {
            return Err(BadRecipient);
        }
        PublicKey::from_bytes(bytes).map(|key| Self { key }).map_err(|_| BadRecipient)
    }

    /// The 1216 bytes of the key.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.key.to_bytes().to_vec()
    }

    /// Seals `plaintext`; the result is the encapsulated key ([`ENCAPSULATED_LENGTH`] bytes) and the
    /// ciphertext (16 bytes longer than the plaintext). `aad` is what the opener must know besides.
    pub(crate) fn seal(&self, info: &[u8], aad: &[u8], plaintext: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (encapsulated, ciphertext) = hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeS::Base,
            &self.key,
            info,
            plaintext,
            aad,
        )
        .expect("encapsulation to a decoded key cannot fail, and the first message is within the limit");
        (encapsulated.to_bytes().to_vec(), ciphertext)
    }
}

impl PartialEq for XWingRecipient {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for XWingRecipient {}

impl std::fmt::Debug for XWingRecipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "XWingRecipient({})", cowl_crypto::digest::Digest::of(&self.to_bytes()))
    }
}

impl XWingIdentity {
    /// A fresh key.
    pub fn make() -> Self {
        Self::from_seed(&Zeroizing::new(cowl_crypto::id::random_bytes()))
    }

    /// The key of a seed; every 32 bytes are one.
    pub fn from_seed(seed: &[u8; SEED_LENGTH]) -> Self {
        let key = PrivateKey::from_bytes(seed).expect("32 bytes are an X-Wing seed");
        let recipient = XWingRecipient { key: XWing::sk_to_pk(&key) };
        Self { key: Box::new(key), recipient }
    }

    /// The seed: whoever has it opens everything that was sealed to [`XWingIdentity::recipient`].
    pub fn expose_seed(&self) -> Zeroizing<[u8; SEED_LENGTH]> {
        Zeroizing::new(self.key.to_bytes().into())
    }

    /// The public key.
    pub fn recipient(&self) -> &XWingRecipient {
        &self.recipient
    }

    /// Opens what [`XWingRecipient::seal`] made with the same `info` and `aad`.
    pub(crate) fn open(
        &self,
        info: &[u8],
        aad: &[u8],
        encapsulated: &[u8],
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenFailure> {
        let share = encapsulated.last_chunk().ok_or(OpenFailure::Malformed)?;
        if is_low_order(share) {
            return Err(OpenFailure::Malformed);
        }
        let encapsulated = EncappedKey::from_bytes(encapsulated).map_err(|_| OpenFailure::Malformed)?;
        hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeR::Base,
            &self.key,
            &encapsulated,
            info,
            ciphertext,
            aad,
        )
        .map(Zeroizing::new)
        .map_err(|_| OpenFailure::Closed)
    }
}

/// Whether an X25519 public value yields the all-zero secret with every key. X-Wing leaves it open
/// whether to refuse these; age refuses them.
fn is_low_order(share: &[u8; 32]) -> bool {
    let mut value = *share;
    // X25519 ignores the top bit (RFC 7748, section 5).
    value[31] &= 0x7f;
    LOW_ORDER.contains(&value)
}

type PublicKey = <XWing as Kem>::PublicKey;
type PrivateKey = <XWing as Kem>::PrivateKey;
type EncappedKey = <XWing as Kem>::EncappedKey;

/// Bytes of a public key.
pub const RECIPIENT_LENGTH: usize = 1216;
/// Bytes of a seed.
pub const SEED_LENGTH: usize = 32;
/// Bytes of an encapsulated key: ML-KEM-768 ciphertext, then X25519 share.
pub const ENCAPSULATED_LENGTH: usize = 1120;

/// Encodings below 2²⁵⁵ of the points of order 1, 2, 4 and 8 on Curve25519 and its twist: 0, 1, two of
/// order 8, p − 1, p and p + 1.
const LOW_ORDER: [[u8; 32]; 7] = [
    [0; 32],
    little_endian(1, 0, 0),
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda,
        0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04,
        0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
    little_endian(0xec, 0xff, 0x7f),
    little_endian(0xed, 0xff, 0x7f),
    little_endian(0xee, 0xff, 0x7f),
];

const fn little_endian(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::agreement;

    use super::*;

    fn agrees(share: &[u8]) -> bool {
        let key = agreement::PrivateKey::from_private_key(&agreement::X25519, &[0x42; 32]).unwrap();
        let peer = agreement::UnparsedPublicKey::new(&agreement::X25519, share);
        agreement::agree(&key, peer, (), |_| Ok(())).is_ok()
    }

    #[test]
    fn the_listed_points_are_those_that_x25519_refuses() {
        for point in LOW_ORDER {
            let mut with_top_bit = point;
            with_top_bit[31] |= 0x80;
            assert!(is_low_order(&point) && is_low_order(&with_top_bit));
            assert!(!agrees(&point) && !agrees(&with_top_bit), "{point:02x?}");
        }
        let base = little_endian(9, 0, 0);
        assert!(!is_low_order(&base) && agrees(&base));
    }

    #[test]
    fn what_is_sealed_opens_for_the_same_purpose_only() {
        let identity = XWingIdentity::make();
        let (key, sealed) = identity.recipient().seal(b"purpose", b"place", b"secret");
        assert_eq!(key.len(), ENCAPSULATED_LENGTH);
        assert_eq!(identity.open(b"purpose", b"place", &key, &sealed).unwrap().as_slice(), b"secret");
        let closed = Err(OpenFailure::Closed);
        assert_eq!(identity.open(b"other", b"place", &key, &sealed).map(drop), closed);
        assert_eq!(identity.open(b"purpose", b"other", &key, &sealed).map(drop), closed);
        assert_eq!(XWingIdentity::make().open(b"purpose", b"place", &key, &sealed).map(drop), closed);
    }

    #[test]
    fn a_low_order_share_is_refused_as_key_and_as_encapsulation() {
        let identity = XWingIdentity::make();
        let (mut key, sealed) = identity.recipient().seal(b"", b"", b"");
        key[ENCAPSULATED_LENGTH - 32..].fill(0);
        assert_eq!(identity.open(b"", b"", &key, &sealed).map(drop), Err(OpenFailure::Malformed));
        let mut recipient = identity.recipient().to_bytes();
        recipient[RECIPIENT_LENGTH - 32..].fill(0);
        assert_eq!(XWingRecipient::from_bytes(&recipient), Err(BadRecipient));
    }

    #[test]
    fn keys_survive_their_bytes() {
        let identity = XWingIdentity::make();
        let again = XWingIdentity::from_seed(&identity.expose_seed());
        assert_eq!(identity.recipient(), again.recipient());
        assert_eq!(
            XWingRecipient::from_bytes(&identity.recipient().to_bytes()).as_ref(),
            Ok(identity.recipient())
        );
        for length in [0, 31, 32, 1215, 1217] {
            assert_eq!(XWingRecipient::from_bytes(&vec![1; length]), Err(BadRecipient));
        }
    }
}
