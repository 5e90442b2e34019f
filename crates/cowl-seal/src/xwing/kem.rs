//! X-Wing (draft-connolly-cfrg-xwing-kem-10) as a KEM for HPKE, of AWS-LC's ML-KEM-768, X25519 and SHA3-256.
//!
//! Crate `hpke` has an X-Wing of its own. It expands the secret key anew for every message and has no vector
//! instructions, which makes it four to six times slower; here it is the oracle of the tests. Only the
//! expansion of a seed into keys, once an identity, is done by the crates that it is made of.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::agreement::{self, EphemeralPrivateKey, UnparsedPublicKey, X25519};
use aws_lc_rs::digest::{SHA3_256, digest};
use aws_lc_rs::kem::{DecapsulationKey, EncapsulationKey, ML_KEM_768};
use aws_lc_rs::rand::SystemRandom;
use hpke::hybrid_array::typenum::{Prod, Sum, U3, U32, U64, U1024};
use hpke::kem::{Kem, SharedSecret};
use hpke::rand_core::CryptoRng;
use hpke::{Deserializable, HpkeError, Serializable};
use ml_kem::{KeyExport, MlKem768};
use shake::Shake256;
use shake::digest::{ExtendableOutput, Update, XofReader};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use super::{ENCAPSULATED_LENGTH, RECIPIENT_LENGTH, SEED_LENGTH};

/// The KEM; HPKE's number for it is 0x647a.
pub(super) struct XWing;

/// ML-KEM encapsulation key, then X25519 public key.
#[derive(Clone)]
pub(super) struct PublicKey {
    ml_kem: Arc<EncapsulationKey>,
    bytes: Arc<[u8; RECIPIENT_LENGTH]>,
}

/// A seed, and the keys that it stands for.
#[derive(Clone)]
pub(super) struct PrivateKey {
    seed: Zeroizing<[u8; SEED_LENGTH]>,
    ml_kem: Arc<DecapsulationKey>,
    x25519: Arc<agreement::PrivateKey>,
    public: PublicKey,
}

/// ML-KEM ciphertext, then X25519 share.
#[derive(Clone)]
pub(super) struct EncappedKey([u8; ENCAPSULATED_LENGTH]);

impl PublicKey {
    fn x25519(&self) -> &[u8; X25519_LENGTH] {
        self.bytes.last_chunk().expect("the X25519 key stands at the end")
    }
}

impl Kem for XWing {
    type PublicKey = PublicKey;
    type PrivateKey = PrivateKey;
    type EncappedKey = EncappedKey;
    type NSecret = U32;

    const KEM_ID: u16 = 0x647a;

    fn sk_to_pk(sk: &PrivateKey) -> PublicKey {
        sk.public.clone()
    }

    fn derive_keypair(ikm: &[u8]) -> (PrivateKey, PublicKey) {
        let (seed, _) = hpke::kem::XWing::derive_keypair(ikm);
        let key = expand(Zeroizing::new(seed.to_bytes().into()));
        let public = key.public.clone();
        (key, public)
    }

    fn decap(
        sk: &PrivateKey,
        _no_sender: Option<&PublicKey>,
        encapsulated: &EncappedKey,
    ) -> Result<SharedSecret<Self>, HpkeError> {
        let (ciphertext, share) = encapsulated.0.split_at(CIPHERTEXT_LENGTH);
        let secret = sk.ml_kem.decapsulate(ciphertext.into()).map_err(|_| HpkeError::DecapError)?;
        let share_key = UnparsedPublicKey::new(&X25519, share);
        agreement::agree(&sk.x25519, share_key, HpkeError::DecapError, |agreed| {
            Ok(combine(secret.as_ref(), agreed, share, sk.public.x25519()))
        })
    }

    /// The randomness is AWS-LC's, not the caller's.
    fn encap_with_rng(
        pk: &PublicKey,
        _no_sender: Option<(&PrivateKey, &PublicKey)>,
        _unused: &mut impl CryptoRng,
    ) -> Result<(SharedSecret<Self>, EncappedKey), HpkeError> {
        let failed = |_| HpkeError::EncapError;
        let (ciphertext, secret) = pk.ml_kem.encapsulate().map_err(failed)?;
        let ephemeral = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new()).map_err(failed)?;
        let share = ephemeral.compute_public_key().map_err(failed)?;
        let recipient = UnparsedPublicKey::new(&X25519, pk.x25519());
        let shared = agreement::agree_ephemeral(ephemeral, recipient, HpkeError::EncapError, |agreed| {
            Ok(combine(secret.as_ref(), agreed, share.as_ref(), pk.x25519()))
        })?;
        let mut encapsulated = [0; ENCAPSULATED_LENGTH];
        encapsulated[..CIPHERTEXT_LENGTH].copy_from_slice(ciphertext.as_ref());
        encapsulated[CIPHERTEXT_LENGTH..].copy_from_slice(share.as_ref());
        Ok((shared, EncappedKey(encapsulated)))
    }
}

/// The draft's section 5.3: SHA3-256 of both secrets, the share, the recipient's X25519 key and the label.
fn combine(
    ml_kem: &[u8],
    x25519: &[u8],
    share: &[u8],
    recipient: &[u8; X25519_LENGTH],
) -> SharedSecret<XWing> {
    let mut input = Zeroizing::new(Vec::with_capacity(4 * X25519_LENGTH + LABEL.len()));
    for piece in [ml_kem, x25519, share, recipient, LABEL] {
        input.extend_from_slice(piece);
    }
    let mut secret = SharedSecret::default();
    secret.0.copy_from_slice(digest(&SHA3_256, &input).as_ref());
    secret
}

/// The draft's section 5.2: SHAKE-256 of the seed yields the seed of ML-KEM and the key of X25519.
fn expand(seed: Zeroizing<[u8; SEED_LENGTH]>) -> PrivateKey {
    let mut shaker = Shake256::default();
    shaker.update(&*seed);
    let mut stream = shaker.finalize_xof();
    let (mut ml_kem_seed, mut x25519) = (Zeroizing::new([0; 64]), Zeroizing::new([0; X25519_LENGTH]));
    stream.read(&mut *ml_kem_seed);
    stream.read(&mut *x25519);
    let (ml_kem, ml_kem_public) = expand_ml_kem(&ml_kem_seed);
    let x25519 =
        agreement::PrivateKey::from_private_key(&X25519, &*x25519).expect("32 bytes are an X25519 key");
    let x25519_public = x25519.compute_public_key().expect("every X25519 key has a public key");
    let mut bytes = [0; RECIPIENT_LENGTH];
    bytes[..ML_KEM_LENGTH].copy_from_slice(&ml_kem_public);
    bytes[ML_KEM_LENGTH..].copy_from_slice(x25519_public.as_ref());
    let public = decode(bytes).expect("a made key is in range");
    PrivateKey { seed, ml_kem: Arc::new(ml_kem), x25519: Arc::new(x25519), public }
}

/// AWS-LC takes an ML-KEM key in its expanded form only.
#[allow(deprecated)]
fn expand_ml_kem(seed: &[u8; 64]) -> (DecapsulationKey, [u8; ML_KEM_LENGTH]) {
    use ml_kem::ExpandedKeyEncoding;
    let key = ml_kem::DecapsulationKey::<MlKem768>::from_seed((*seed).into());
    let public = key.encapsulation_key().to_bytes().into();
    let expanded = Zeroizing::new(key.to_expanded_bytes().to_vec());
    let key = DecapsulationKey::new(&ML_KEM_768, &expanded).expect("an expanded key has its length");
    (key, public)
}

fn decode(bytes: [u8; RECIPIENT_LENGTH]) -> Result<PublicKey, HpkeError> {
    let ml_kem = &bytes[..ML_KEM_LENGTH];
    if !coefficients_are_in_range(&ml_kem[..ML_KEM_LENGTH - 32]) {
        return Err(HpkeError::ValidationError);
    }
    let ml_kem = EncapsulationKey::new(&ML_KEM_768, ml_kem).map_err(|_| HpkeError::ValidationError)?;
    Ok(PublicKey { ml_kem: Arc::new(ml_kem), bytes: Arc::new(bytes) })
}

/// FIPS 203, section 7.2, the modulus check: two coefficients of 12 bits in three bytes.
fn coefficients_are_in_range(encoded: &[u8]) -> bool {
    encoded.as_chunks::<3>().0.iter().all(|[low, middle, high]| {
        let first = u16::from(*low) | u16::from(middle & 0x0f) << 8;
        let second = u16::from(middle >> 4) | u16::from(*high) << 4;
        first < MODULUS && second < MODULUS
    })
}

impl Serializable for PublicKey {
    type OutputSize = Sum<U1024, Prod<U64, U3>>;

    fn write_exact(&self, out: &mut [u8]) {
        out.copy_from_slice(&*self.bytes);
    }
}

impl Deserializable for PublicKey {
    fn from_bytes(encoded: &[u8]) -> Result<Self, HpkeError> {
        decode(exactly(encoded)?)
    }
}

impl Serializable for PrivateKey {
    type OutputSize = U32;

    fn write_exact(&self, out: &mut [u8]) {
        out.copy_from_slice(&*self.seed);
    }
}

impl Deserializable for PrivateKey {
    fn from_bytes(encoded: &[u8]) -> Result<Self, HpkeError> {
        Ok(expand(Zeroizing::new(exactly(encoded)?)))
    }
}

impl Serializable for EncappedKey {
    type OutputSize = Sum<Sum<U1024, U64>, U32>;

    fn write_exact(&self, out: &mut [u8]) {
        out.copy_from_slice(&self.0);
    }
}

impl Deserializable for EncappedKey {
    fn from_bytes(encoded: &[u8]) -> Result<Self, HpkeError> {
        exactly(encoded).map(Self)
    }
}

fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N], HpkeError> {
    bytes.try_into().map_err(|_| HpkeError::IncorrectInputLength(N, bytes.len()))
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey")
    }
}

impl ConstantTimeEq for PrivateKey {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.seed.as_slice().ct_eq(other.seed.as_slice())
    }
}

const X25519_LENGTH: usize = 32;
const ML_KEM_LENGTH: usize = RECIPIENT_LENGTH - X25519_LENGTH;
const CIPHERTEXT_LENGTH: usize = ENCAPSULATED_LENGTH - X25519_LENGTH;
const MODULUS: u16 = 3329;
const LABEL: &[u8] = b"\\.//^\\";

#[cfg(test)]
mod tests;
