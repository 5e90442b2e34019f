//! Keys, random sources and small encryptions for the tests.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use cowl_paillier::{Ciphertexts, Encryptor, ExponentLength, Kernel, Plaintext, Timing, VariableTime};
use cowl_paillier_secret::SecretKey;
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

pub(crate) const SIZES: [u32; 3] = [2048, 3072, 4096];

pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors/paillier")
}

pub(crate) fn vector(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

pub(crate) fn kernels() -> Vec<Kernel> {
    let mut kernels = vec![Kernel::best(), Kernel::portable()];
    kernels.dedup();
    kernels
}

pub(crate) fn secret(bits: u32, kernel: Kernel) -> Arc<SecretKey> {
    Arc::new(SecretKey::from_bytes_with_kernel(&vector(&format!("secret-{bits}.cbor")), kernel).unwrap())
}

pub(crate) fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

pub(crate) fn variable() -> Timing {
    Timing::Variable(VariableTime::on_a_machine_of_the_owner_alone())
}

/// One 2,048-bit key and its encryptor for all tests that need no other.
pub(crate) struct Fixture {
    pub(crate) key: Arc<SecretKey>,
    pub(crate) encryptor: Encryptor,
}

pub(crate) fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let key = secret(2048, Kernel::best());
        let encryptor = Encryptor::new(key.public().clone(), ExponentLength::Short, Timing::Constant);
        Fixture { key, encryptor }
    })
}

impl Fixture {
    pub(crate) fn sealed(&self, values: &[i64]) -> Ciphertexts {
        let plaintexts: Vec<_> =
            values.iter().map(|&value| Plaintext::from_i64(self.key.public(), value)).collect();
        self.encryptor.encrypt(&plaintexts, &mut rng()).unwrap()
    }

    pub(crate) fn opened(&self, ciphertexts: &Ciphertexts) -> Vec<Vec<u64>> {
        let opened = self.key.decrypt(ciphertexts, Timing::Constant).unwrap();
        opened.iter().map(|plaintext| plaintext.words().to_vec()).collect()
    }

    /// The words that a signed number has modulo n.
    pub(crate) fn words(&self, value: i128) -> Vec<u64> {
        let magnitude = value.unsigned_abs();
        let mut words = vec![0; 32];
        (words[0], words[1]) = (magnitude as u64, (magnitude >> 64) as u64);
        if value >= 0 {
            return words;
        }
        let n = self.key.public().n();
        let mut borrow = 0;
        for (word, &n) in words.iter_mut().zip(n.as_words()) {
            let difference = i128::from(n) - i128::from(*word) - borrow;
            borrow = i128::from(difference < 0);
            *word = difference as u64;
        }
        words
    }
}
