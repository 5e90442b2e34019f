//! Key generation. The sizes that people use take minutes in a test build, so the smallest is made once.

use std::sync::Arc;

use cowl_paillier::{Encryptor, ExponentLength, KeySize, Plaintext, Timing};
use cowl_paillier_secret::SecretKey;
use crypto_bigint::BoxedUint;
use crypto_primes::{Flavor, is_prime};
use getrandom::rand_core::{CryptoRng, Infallible, Rng, TryCryptoRng, TryRng};

use crate::keys::rng;

/// The same numbers on each run: for tests only.
struct Seeded(blake3::OutputReader);

impl TryRng for Seeded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.try_next_u64()? as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Seeded {}

fn assert_is_source(_: &impl CryptoRng) {}

#[test]
fn a_generated_key_has_safe_factors_and_works() {
    let mut seeded = Seeded(blake3::Hasher::new().update(b"key of a test").finalize_xof());
    assert_is_source(&seeded);
    let _ = seeded.next_u32();
    let key = Arc::new(SecretKey::generate(KeySize::Bits2048, &mut seeded));
    let bytes = key.to_bytes();
    let factors =
        [&bytes[4..132], &bytes[134..262]].map(|bytes| BoxedUint::from_be_slice(bytes, 1024).unwrap());
    assert!(factors.iter().all(|factor| factor.bits() == 1024 && is_prime(Flavor::Safe, factor)));
    assert_eq!(key.public().n().bits(), 2048);
    let encryptor = Encryptor::new(key.public().clone(), ExponentLength::default(), Timing::Constant);
    let sealed = encryptor.encrypt(&[Plaintext::from_u64(42)], &mut rng()).unwrap();
    let again = SecretKey::from_bytes(&bytes).unwrap();
    assert_eq!(again.decrypt(&sealed, Timing::Constant).unwrap()[0].words()[0], 42);
}
