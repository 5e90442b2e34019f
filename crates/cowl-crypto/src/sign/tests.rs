use proptest::prelude::*;

use super::*;

/// RFC 8032 §7.1: seed, public key, message, signature.
const VECTORS: [[&str; 4]; 4] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
    [
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ],
];

fn hex<const N: usize>(text: &str) -> [u8; N] {
    HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

#[test]
fn plain_signatures_agree_with_rfc_8032() {
    for [seed, public, message, signature] in VECTORS {
        let key = SigningKey::from_seed(&hex(seed));
        let message = HEXLOWER.decode(message.as_bytes()).unwrap();
        let signature = Signature::from_bytes(hex(signature));
        assert_eq!(key.verifying_key().to_string(), public);
        assert_eq!(key.sign_raw(&message), signature);
        assert_eq!(key.verifying_key().verify_raw(&message, &signature), Ok(()));
    }
}

#[test]
fn the_signed_bytes_are_prefix_context_and_message() {
    let expected = b"cowl-signature/v1\0\0\0\0\0\0\0\x04cowlmessage";
    assert_eq!(bound("cowl", b"message"), expected);
    assert_eq!(key(1).sign("cowl", b"message"), key(1).sign_raw(expected));
}

#[test]
fn a_signature_serves_one_context() {
    let signature = key(1).sign("cowl/one", b"message");
    let public = key(1).verifying_key();
    assert_eq!(public.verify("cowl/one", b"message", &signature), Ok(()));
    assert_eq!(public.verify("cowl/two", b"message", &signature), Err(BadSignature));
    assert_eq!(public.verify("cowl/on", b"emessage", &signature), Err(BadSignature));
    assert_eq!(public.verify("", b"cowl/onemessage", &signature), Err(BadSignature));
    assert_eq!(public.verify_raw(b"message", &signature), Err(BadSignature));
}

#[test]
fn a_signature_serves_one_key() {
    let signature = key(1).sign("cowl/one", b"message");
    assert_eq!(key(2).verifying_key().verify("cowl/one", b"message", &signature), Err(BadSignature));
}

#[test]
fn every_byte_of_a_signature_counts() {
    let signature = key(1).sign("cowl/one", b"message");
    for at in 0..64 {
        let mut bytes = *signature.as_bytes();
        bytes[at] ^= 0x10;
        let damaged = Signature::from_bytes(bytes);
        assert_eq!(key(1).verifying_key().verify("cowl/one", b"message", &damaged), Err(BadSignature));
    }
}

#[test]
fn the_seed_restores_the_key() {
    let made = SigningKey::make();
    let restored = SigningKey::from_seed(&made.expose_seed());
    assert_eq!(restored.verifying_key(), made.verifying_key());
    assert_ne!(SigningKey::make().verifying_key(), made.verifying_key());
}

#[test]
fn a_signature_with_s_beyond_the_order_is_refused() {
    let signature = key(1).sign("cowl/one", b"message");
    let mut bytes = *signature.as_bytes();
    add_order(bytes.last_chunk_mut().unwrap());
    let malleated = Signature::from_bytes(bytes);
    assert_eq!(key(1).verifying_key().verify("cowl/one", b"message", &malleated), Err(BadSignature));
}

/// Adds the order of the base point to a little-endian scalar.
fn add_order(scalar: &mut [u8; 32]) {
    let order: [u8; 32] = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut carry = 0;
    for (byte, addend) in scalar.iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(addend) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
}

#[test]
fn points_of_small_order_verify_nothing() {
    for point in curve25519_dalek::constants::EIGHT_TORSION {
        let key = VerifyingKey::from_bytes(point.compress().to_bytes());
        assert!(key.has_small_order());
        // R = A and S = 0 fit wherever the challenge is a multiple of the point's order.
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(key.as_bytes());
        let forged = Signature::from_bytes(bytes);
        for message in 0..64 {
            assert_eq!(key.verify("cowl/one", &[message], &forged), Err(BadSignature));
        }
    }
}

#[test]
fn the_list_of_small_orders_holds_nothing_else() {
    for bytes in SMALL_ORDER {
        let point = curve25519_dalek::edwards::CompressedEdwardsY(bytes).decompress().unwrap();
        assert!(point.is_small_order());
    }
}

proptest! {
    #[test]
    fn what_is_signed_verifies(seed in any::<[u8; 32]>(), message in any::<Vec<u8>>()) {
        let key = SigningKey::from_seed(&seed);
        let signature = key.sign("cowl/test", &message);
        prop_assert_eq!(key.verifying_key().verify("cowl/test", &message, &signature), Ok(()));
        prop_assert!(!key.verifying_key().has_small_order());
    }

    #[test]
    fn arbitrary_keys_and_signatures_never_panic(
        key in any::<[u8; 32]>(),
        signature in any::<[[u8; 32]; 2]>(),
        message in any::<Vec<u8>>(),
    ) {
        let signature = Signature::from_bytes(signature.concat().try_into().unwrap());
        let verified = VerifyingKey::from_bytes(key).verify("cowl/test", &message, &signature);
        prop_assert_eq!(verified, Err(BadSignature));
    }
}
