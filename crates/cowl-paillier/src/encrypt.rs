//! Encryption by everyone who has the public key.

use std::sync::Arc;

use crypto_bigint::BoxedUint;
use getrandom::rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::ciphertext::Ciphertexts;
use crate::error::Error;
use crate::fixed_base::{Exponents, FixedBase};
use crate::kernel::LANES;
use crate::key::{KeySize, PublicKey};
use crate::lanes::Pairs;
use crate::modulus::Workspace;
use crate::number::digits_of;
use crate::plaintext::{Plaintext, is_below};
use crate::timing::{Timing, VariableTime};

/// How long the secret exponents of h are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExponentLength {
    /// Half the length of n, as published (Damgård, Jurik and Nielsen, section 4.2): as hard to open as with
    /// exponents of full length if factoring n is hard, by the result on exponents of half length that they cite.
    #[default]
    HalfOfModulus,
    /// 448, 512 or 608 bits for n of 2,048, 3,072 or 4,096 bits: four times the security level.
    ///
    /// Assumes besides that powers of h with exponents so short cannot be told from powers with long ones, for which
    /// no attack is known that is faster than finding the exponent (square root of their number).
    Short,
}

impl ExponentLength {
    /// Bits of an exponent.
    pub const fn bits(self, size: KeySize) -> u32 {
        match (self, size) {
            (Self::HalfOfModulus, size) => size.bits() / 2,
            (Self::Short, KeySize::Bits2048) => 448,
            (Self::Short, KeySize::Bits3072) => 512,
            (Self::Short, KeySize::Bits4096) => 608,
        }
    }
}

/// Encrypts under a public key from a table of powers of h (Damgård, Jurik and Nielsen 2010):
/// c = (1 + m·n)·h^(n·a) mod n² for a random a.
///
/// Making one costs the table; keep it by [`PublicKey::digest`] for the next batch.
pub struct Encryptor {
    key: Arc<PublicKey>,
    table: FixedBase,
}

impl Encryptor {
    /// Builds the table.
    pub fn new(key: Arc<PublicKey>, length: ExponentLength, timing: Timing) -> Self {
        let base = key.residue_generator();
        let table = FixedBase::new(key.modulus(), &base, length.bits(key.size()), timing);
        Self { key, table }
    }

    /// The key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Bytes of memory that the table takes.
    pub fn size(&self) -> usize {
        self.table.size()
    }

    /// Encrypts a batch; eight at a time, best in multiples of 256.
    ///
    /// # Errors
    /// [`Error::PlaintextOutOfRange`].
    pub fn encrypt(&self, plaintexts: &[Plaintext], rng: &mut impl CryptoRng) -> Result<Ciphertexts, Error> {
        let mut work = self.key.modulus().workspace();
        let mut groups = self.masks(&mut work, plaintexts.len(), rng);
        add_messages(&self.key, &mut work, &mut groups, plaintexts)?;
        Ok(Ciphertexts::from_montgomery(&self.key, plaintexts.len(), groups))
    }

    /// The same plaintexts under fresh randomness, so that nobody can tell which ciphertext became which.
    ///
    /// # Errors
    /// [`Error::WrongKey`].
    pub fn rerandomise(
        &self,
        ciphertexts: &Ciphertexts,
        rng: &mut impl CryptoRng,
    ) -> Result<Ciphertexts, Error> {
        let mut work = self.key.modulus().workspace();
        let groups = self.masks(&mut work, ciphertexts.len(), rng);
        ciphertexts.add(&self.key, &Ciphertexts::from_montgomery(&self.key, ciphertexts.len(), groups))
    }

    /// Encryptions of zero.
    fn masks(&self, work: &mut Workspace, count: usize, rng: &mut impl CryptoRng) -> Vec<Pairs> {
        let bits = self.table.exponent_bits();
        let mut bytes = Zeroizing::new(vec![0; bits as usize / 8]);
        let mut exponents = Vec::with_capacity(count.div_ceil(LANES));
        for _ in 0..count.div_ceil(LANES) {
            let mut eight = Exponents::zero(bits);
            for lane in 0..LANES {
                rng.fill_bytes(&mut bytes);
                eight.set(lane, crate::number::words_of_bytes(&bytes));
            }
            exponents.push(eight);
        }
        self.table.raise(self.key.modulus(), work, &exponents)
    }
}

/// Encrypts as Paillier did in 1999: c = (1 + m·n)·rⁿ mod n² for r uniform among the units modulo n.
///
/// # Errors
/// [`Error::PlaintextOutOfRange`].
pub fn encrypt_textbook(
    key: &PublicKey,
    plaintexts: &[Plaintext],
    rng: &mut impl CryptoRng,
) -> Result<Ciphertexts, Error> {
    let (modulus, mut work) = (key.modulus(), key.modulus().workspace());
    // The exponent n is public, and every lane multiplies by the same power of its own base.
    let timing = Timing::Variable(VariableTime::of_public_numbers());
    let mut groups = Vec::with_capacity(plaintexts.len().div_ceil(LANES));
    for _ in 0..plaintexts.len().div_ceil(LANES) {
        let mut base = modulus.zero_pairs();
        for lane in 0..LANES {
            base.low.set(lane, &random_below(&modulus.digits, modulus.bits, rng));
        }
        modulus.enter_pairs(&mut work, &mut base);
        groups.push(modulus.raise(&mut work, &base, key.n().as_words(), modulus.bits, timing));
    }
    add_messages(key, &mut work, &mut groups, plaintexts)?;
    Ok(Ciphertexts::from_montgomery(key, plaintexts.len(), groups))
}

/// A uniform number from 1 to n − 1, in digits. That it shares no factor with n is as certain as that nobody factors n
/// by guessing.
fn random_below(n: &[u64], bits: u32, rng: &mut impl CryptoRng) -> Zeroizing<Vec<u64>> {
    let mut bytes = Zeroizing::new(vec![0; bits as usize / 8]);
    loop {
        rng.fill_bytes(&mut bytes);
        let number = BoxedUint::from_le_slice_vartime(&bytes);
        let digits = Zeroizing::new(digits_of(&number, n.len()));
        if is_below(&digits, n) && digits.iter().any(|&digit| digit != 0) {
            return digits;
        }
    }
}

/// Multiplies masks by 1 + m·n: adds m·low to the high half, in whatever power of R the mask is.
pub fn add_messages(
    key: &PublicKey,
    work: &mut Workspace,
    masks: &mut [Pairs],
    plaintexts: &[Plaintext],
) -> Result<(), Error> {
    let modulus = key.modulus();
    for (group, (mask, plaintexts)) in masks.iter_mut().zip(plaintexts.chunks(LANES)).enumerate() {
        let mut message = Plaintext::to_lanes(key, plaintexts, group * LANES)?;
        modulus.enter(work, &mut message);
        modulus.multiply(work, &mut message, &mask.low);
        mask.high.add(&message);
    }
    Ok(())
}
