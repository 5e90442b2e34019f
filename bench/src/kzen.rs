//! Crate `kzen-paillier` over GMP.

use curv::BigInt;
use curv::arithmetic::traits::Zero;
use kzen_paillier::{
    Add, Decrypt, DecryptionKey, Encrypt, EncryptionKey, KeyGeneration, Mul, Paillier, RawCiphertext,
    RawPlaintext,
};

use crate::Figure;
use crate::timing::micros;

const BY: &str = "kzen-paillier 0.4.3";
const BATCH: usize = 16;

pub(crate) fn measure() -> Vec<Figure> {
    [2048, 3072].into_iter().flat_map(of_bits).collect()
}

fn of_bits(bits: usize) -> Vec<Figure> {
    let (public, secret): (EncryptionKey, DecryptionKey) = Paillier::keypair_with_modulus_size(bits).keys();
    let plain = |number: u64| RawPlaintext::from(BigInt::from(number));
    let ciphertexts: Vec<RawCiphertext<'static>> =
        (0..BATCH as u64).map(|number| Paillier::encrypt(&public, plain(number))).collect();
    let opened: RawPlaintext<'_> = Paillier::decrypt(&secret, ciphertexts[0].clone());
    assert!(opened.0.is_zero(), "the crate's ciphertexts open");
    let numbers = || 0..BATCH as u64;
    let textbook = micros(BATCH, || {
        numbers().for_each(|number| drop::<RawCiphertext<'_>>(Paillier::encrypt(&public, plain(number))));
    });
    let owner = micros(BATCH, || {
        numbers().for_each(|number| drop::<RawCiphertext<'_>>(Paillier::encrypt(&secret, plain(number))));
    });
    let decrypt = micros(BATCH, || {
        ciphertexts.iter().for_each(|it| drop::<RawPlaintext<'_>>(Paillier::decrypt(&secret, it.clone())));
    });
    let add = micros(BATCH * 16, || {
        for _ in 0..16 {
            ciphertexts.iter().for_each(|it| {
                drop::<RawCiphertext<'_>>(Paillier::add(&public, it.clone(), ciphertexts[0].clone()));
            });
        }
    });
    let scalar = micros(BATCH, || {
        ciphertexts.iter().for_each(|it| {
            drop::<RawCiphertext<'_>>(Paillier::mul(&public, it.clone(), plain((1 << 31) + 7)));
        });
    });
    let figures = [
        ("encrypt-textbook", textbook),
        ("encrypt-owner", owner),
        ("decrypt", decrypt),
        ("add", add),
        ("scalar", scalar),
    ];
    let figure =
        |(name, value)| Figure { of: format!("paillier.{name}.{bits}"), by: BY.into(), unit: "µs", value };
    figures.map(figure).into()
}
