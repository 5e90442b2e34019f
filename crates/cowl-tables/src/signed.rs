//! Signed integers as plaintexts modulo n: a negative one is n less its size.

use cowl_paillier::{Plaintext, PublicKey};
use num_bigint::{BigInt, BigUint, Sign};

/// n.
pub(crate) fn modulus(key: &PublicKey) -> BigUint {
    BigUint::from_bytes_be(&key.n().to_be_bytes())
}

/// The plaintext of an integer whose size is below n.
pub(crate) fn to_plaintext(value: &BigInt, modulus: &BigUint) -> Plaintext {
    Plaintext::from_words(match value.sign() {
        Sign::Minus => (modulus - value.magnitude()).to_u64_digits(),
        Sign::NoSign | Sign::Plus => value.magnitude().to_u64_digits(),
    })
}

/// The integer of least size that a plaintext stands for.
pub(crate) fn from_plaintext(plaintext: &Plaintext, modulus: &BigUint) -> BigInt {
    let bytes: Vec<u8> = plaintext.words().iter().flat_map(|word| word.to_le_bytes()).collect();
    let number = BigUint::from_bytes_le(&bytes);
    if &number + &number > *modulus {
        BigInt::from_biguint(Sign::Minus, modulus - number)
    } else {
        BigInt::from_biguint(Sign::Plus, number)
    }
}
