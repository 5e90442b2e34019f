//! Opens sums with integers of its own: it shares no arithmetic with what it judges.
//!
//! Tests of another crate take this file in with `#[path]`.

use num_bigint::BigUint;

/// Paillier's decryption by Euler's function, with the factors of the test key of `vectors/paillier`.
pub(crate) fn opened(ciphertext: &[u8]) -> u64 {
    let secret = include_bytes!("../../../../vectors/paillier/secret-2048.cbor");
    let mut decoder = minicbor::Decoder::new(secret);
    decoder.array().unwrap();
    decoder.skip().unwrap();
    let p = BigUint::from_bytes_be(decoder.bytes().unwrap());
    let q = BigUint::from_bytes_be(decoder.bytes().unwrap());
    let n = &p * &q;
    let phi = (&p - 1_u8) * (&q - 1_u8);
    let (low, high) = ciphertext.split_at(ciphertext.len() / 2);
    let c = BigUint::from_bytes_le(low) + BigUint::from_bytes_le(high) * &n;
    let l = (c.modpow(&phi, &(&n * &n)) - 1_u8) / &n;
    let inverse = phi.modinv(&n).unwrap();
    u64::try_from(l * inverse % n).unwrap()
}
