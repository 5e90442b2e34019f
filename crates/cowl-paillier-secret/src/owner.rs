//! Encryption by the owner of the factors.

use std::sync::Arc;

use cowl_paillier::{
    Ciphertexts, Error, Exponents, FixedBase, KeptTables, LANES, Pairs, Plaintext, Table, TableName, Timing,
    Workspace, add_messages,
};
use crypto_bigint::{BoxedUint, RandomMod};
use getrandom::rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::factor::Factor;
use crate::key::SecretKey;

/// Encrypts with the factors' help: the same distribution as the textbook's c = (1 + m·n)·rⁿ, exactly, because the n-th
/// residues modulo p² are the subgroup of order p − 1, and a generator's power by a uniform exponent below p − 1 is
/// uniform in it; likewise modulo q².
pub struct OwnerEncryptor {
    key: Arc<SecretKey>,
    p: FixedBase,
    q: FixedBase,
}

impl OwnerEncryptor {
    /// Builds the tables, one for each factor. [`kept_encryptor`] keeps them.
    pub fn new(key: Arc<SecretKey>, timing: Timing) -> Self {
        let (p, q) = (table(&key.p, timing), table(&key.q, timing));
        Self { key, p, q }
    }

    /// The key.
    pub fn key(&self) -> &SecretKey {
        &self.key
    }

    /// Bytes of memory that the tables take.
    pub fn size(&self) -> usize {
        self.p.size() + self.q.size()
    }

    /// Encrypts a batch; eight at a time, best in multiples of 256.
    ///
    /// # Errors
    /// [`Error::PlaintextOutOfRange`].
    pub fn encrypt(&self, plaintexts: &[Plaintext], rng: &mut impl CryptoRng) -> Result<Ciphertexts, Error> {
        let groups = plaintexts.len().div_ceil(LANES);
        let mut work = self.key.p.modulus.workspace();
        let modulo_p = powers(&self.p, &self.key.p, &mut work, groups, rng);
        let modulo_q = powers(&self.q, &self.key.q, &mut work, groups, rng);
        let join = |(p, q): (Pairs, Pairs)| self.join(&mut work, &p, &q);
        let mut masks: Vec<Pairs> = modulo_p.into_iter().zip(modulo_q).map(join).collect();
        let public = self.key.public();
        add_messages(public, &mut public.modulus().workspace(), &mut masks, plaintexts)?;
        Ok(Ciphertexts::from_plain(public, plaintexts.len(), masks))
    }

    /// The number a + b·n modulo n² that is u + v·p modulo p² and s + t·q modulo q².
    fn join(&self, work: &mut Workspace, p: &Pairs, q: &Pairs) -> Pairs {
        let key = &self.key;
        // a = u + p·above_p = s + q·above_q.
        let (low, above_p) = key.join(work, &p.low, &q.low);
        let above_q = key.p.difference_over_other(work, &p.low, &q.low);
        let modulo_p = key.p.difference_over_other(work, &p.high, &above_p);
        let modulo_q = key.q.difference_over_other(work, &q.high, &above_q);
        let (high, _) = key.join(work, &modulo_p, &modulo_q);
        Pairs { low, high }
    }
}

impl Table for OwnerEncryptor {
    fn size(&self) -> usize {
        Self::size(self)
    }
}

/// The owner's encryptor of a key from those that are kept, built if it is not there.
pub fn kept_encryptor(
    tables: &KeptTables<OwnerEncryptor>,
    key: &Arc<SecretKey>,
    timing: Timing,
) -> Arc<OwnerEncryptor> {
    let name = TableName { key: key.public().digest(), length: None, timing };
    tables.get_or_build(name, || OwnerEncryptor::new(key.clone(), timing))
}

/// Powers of a generator of the n-th residues modulo p².
fn table(factor: &Factor, timing: Timing) -> FixedBase {
    let (modulus, mut work) = (&factor.modulus, factor.modulus.workspace());
    let mut base = modulus.zero_pairs();
    base.low = modulus.broadcast(&non_residue(factor));
    modulus.enter_pairs(&mut work, &mut base);
    // Its p-th power has order p − 1 modulo p² and is the same modulo p.
    let bits = factor.prime.bits();
    let lifted = modulus.raise(&mut work, &base, factor.prime.as_words(), bits, Timing::Constant);
    FixedBase::new(modulus, &lifted, bits, timing)
}

/// The smallest number that is no square modulo a safe prime: a generator, since it is not −1 either.
fn non_residue(factor: &Factor) -> BoxedUint {
    let (modulus, mut work) = (&factor.modulus, factor.modulus.workspace());
    let half = Zeroizing::new(factor.order.shr(1));
    for candidate in 2_u64.. {
        let number = BoxedUint::from_words([candidate]);
        let mut base = modulus.zero_pairs();
        base.low = modulus.broadcast(&number);
        modulus.enter_pairs(&mut work, &mut base);
        let mut power =
            modulus.raise(&mut work, &base, half.as_words(), factor.prime.bits(), Timing::Constant);
        modulus.leave_pairs(&mut work, &mut power);
        if !power.low.is_one(0) {
            return number;
        }
    }
    unreachable!("half of all numbers are no squares")
}

/// Uniform n-th residues modulo p², out of Montgomery form.
fn powers(
    table: &FixedBase,
    factor: &Factor,
    work: &mut Workspace,
    groups: usize,
    rng: &mut impl CryptoRng,
) -> Vec<Pairs> {
    let order = factor.order.as_nz_vartime().expect("a prime's predecessor is not zero");
    let mut exponents = Vec::with_capacity(groups);
    for _ in 0..groups {
        let mut eight = Exponents::zero(factor.prime.bits());
        for lane in 0..LANES {
            // Draws again until the number is below the order: the time tells about refused ones only.
            let exponent = Zeroizing::new(BoxedUint::random_mod_vartime(rng, order));
            eight.set(lane, exponent.as_words().iter().copied());
        }
        exponents.push(eight);
    }
    let mut powers = table.raise(&factor.modulus, work, &exponents);
    powers.iter_mut().for_each(|power| factor.modulus.leave_pairs(work, power));
    powers
}
