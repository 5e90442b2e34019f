//! Decryption modulo p² and q², eight ciphertexts at a time.

use cowl_paillier::{Ciphertexts, Error, LANES, Lanes, Pairs, Plaintext, Timing, Workspace};

use crate::factor::Factor;
use crate::key::SecretKey;

impl SecretKey {
    /// Decrypts a batch.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::NotAUnit`] for a number that shares a factor with n.
    pub fn decrypt(&self, ciphertexts: &Ciphertexts, timing: Timing) -> Result<Vec<Plaintext>, Error> {
        let public = self.public();
        let mut work = self.p.modulus.workspace();
        let mut plaintexts = Vec::with_capacity(ciphertexts.len());
        for (group, pairs) in ciphertexts.plain_groups(public)?.iter().enumerate() {
            let first = group * LANES;
            let count = LANES.min(ciphertexts.len() - first);
            let refused = |lane: usize| Error::NotAUnit { index: first + lane };
            let modulo_p = opened(&self.p, &mut work, pairs, count, timing).map_err(refused)?;
            let modulo_q = opened(&self.q, &mut work, pairs, count, timing).map_err(refused)?;
            let (joined, _) = self.join(&mut work, &modulo_p, &modulo_q);
            plaintexts.extend((0..count).map(|lane| Plaintext::from_lane(public, &joined, lane)));
        }
        Ok(plaintexts)
    }
}

/// The plaintexts modulo p: c^(p−1) = 1 + L·p, and L·(−q)⁻¹ is the plaintext. The place of one that is no unit if there
/// is one, for then the power is not 1 modulo p.
fn opened(
    factor: &Factor,
    work: &mut Workspace,
    ciphertexts: &Pairs,
    count: usize,
    timing: Timing,
) -> Result<Lanes, usize> {
    let base = factor.project(work, ciphertexts);
    let bits = factor.prime.bits();
    let mut power = factor.modulus.raise(work, &base, factor.order.as_words(), bits, timing);
    factor.modulus.leave_pairs(work, &mut power);
    let not_one = (0..count).find(|&lane| !power.low.is_one(lane));
    not_one.map_or(Ok(()), Err)?;
    factor.open(work, &mut power.high);
    Ok(power.high)
}
