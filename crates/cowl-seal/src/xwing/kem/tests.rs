//! Against the X-Wing of crate `hpke`.

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::{OpModeR, OpModeS, single_shot_open, single_shot_seal};
use proptest::prelude::*;

use super::*;

type Oracle = hpke::kem::XWing;

fn ours(seed: &[u8; 32]) -> PrivateKey {
    PrivateKey::from_bytes(seed).unwrap()
}

fn seal<K: Kem>(recipient: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let recipient = K::PublicKey::from_bytes(recipient).unwrap();
    let (key, sealed) = single_shot_seal::<ChaCha20Poly1305, HkdfSha256, K>(
        &OpModeS::Base,
        &recipient,
        b"info",
        b"text",
        b"aad",
    )
    .unwrap();
    (key.to_bytes().to_vec(), sealed)
}

fn open<K: Kem>(seed: &[u8], (key, sealed): &(Vec<u8>, Vec<u8>)) -> Result<Vec<u8>, HpkeError> {
    let secret = K::PrivateKey::from_bytes(seed)?;
    let key = K::EncappedKey::from_bytes(key)?;
    single_shot_open::<ChaCha20Poly1305, HkdfSha256, K>(
        &OpModeR::Base,
        &secret,
        &key,
        b"info",
        sealed,
        b"aad",
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_seed_stands_for_the_same_keys(seed: [u8; 32]) {
        let oracle = <Oracle as Kem>::PrivateKey::from_bytes(&seed).unwrap();
        prop_assert_eq!(ours(&seed).public.bytes.to_vec(), Oracle::sk_to_pk(&oracle).to_bytes().to_vec());
        prop_assert_eq!(ours(&seed).to_bytes().to_vec(), seed);
    }

    #[test]
    fn what_one_seals_the_other_opens(seed: [u8; 32]) {
        let recipient = ours(&seed).public.bytes.to_vec();
        prop_assert_eq!(open::<Oracle>(&seed, &seal::<XWing>(&recipient)).unwrap(), b"text");
        prop_assert_eq!(open::<XWing>(&seed, &seal::<Oracle>(&recipient)).unwrap(), b"text");
        prop_assert_eq!(open::<XWing>(&seed, &seal::<XWing>(&recipient)).unwrap(), b"text");
    }

    #[test]
    fn a_changed_encapsulation_opens_with_neither(seed: [u8; 32], at in 0..ENCAPSULATED_LENGTH, bit in 0..8u8) {
        let mut message = seal::<XWing>(ours(&seed).public.bytes.as_slice());
        message.0[at] ^= 1 << bit;
        // X25519 ignores the top bit of a share, X-Wing does not.
        prop_assert!(open::<XWing>(&seed, &message).is_err());
        prop_assert!(open::<Oracle>(&seed, &message).is_err());
    }

    #[test]
    fn the_same_public_keys_are_refused(at in 0..ML_KEM_LENGTH - 32, byte: u8) {
        let mut recipient = ours(&[9; 32]).public.bytes.to_vec();
        recipient[at] = byte;
        let oracle = <Oracle as Kem>::PublicKey::from_bytes(&recipient);
        prop_assert_eq!(PublicKey::from_bytes(&recipient).is_ok(), oracle.is_ok());
    }
}

#[test]
fn pairs_are_derived_as_the_oracle_derives_them() {
    let (oracle, _) = Oracle::derive_keypair(b"keying material of some length, 32");
    let (derived, public) = XWing::derive_keypair(b"keying material of some length, 32");
    assert_eq!(derived.to_bytes().as_slice(), oracle.to_bytes().as_slice());
    assert_eq!(public.to_bytes().as_slice(), Oracle::sk_to_pk(&oracle).to_bytes().as_slice());
}

#[test]
fn other_lengths_are_refused() {
    for length in [0, 31, 33, ENCAPSULATED_LENGTH - 1, RECIPIENT_LENGTH + 1] {
        let bytes = vec![0; length];
        assert!(PublicKey::from_bytes(&bytes).is_err() && EncappedKey::from_bytes(&bytes).is_err());
        assert!(PrivateKey::from_bytes(&bytes).is_err());
    }
}
