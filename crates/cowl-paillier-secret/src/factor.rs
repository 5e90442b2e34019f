//! One prime factor and the constants that go with it.

use cowl_paillier::{Lanes, Modulus, Pairs, Workspace};
use crypto_bigint::BoxedUint;
use zeroize::Zeroizing;

use crate::absent::assert_absent;

/// A prime factor p of n = p·q.
pub(crate) struct Factor {
    pub(crate) prime: Zeroizing<BoxedUint>,
    /// p − 1.
    pub(crate) order: Zeroizing<BoxedUint>,
    pub(crate) modulus: Modulus,
    /// 2p in every lane.
    twice: Lanes,
    /// p in every lane.
    pub(crate) itself: Lanes,
    /// q·R mod p.
    other: Lanes,
    /// q⁻¹·R mod p.
    other_inverse: Lanes,
    /// (−q)⁻¹·R mod p, Paillier's µ for the generator 1 + n.
    opening: Lanes,
}

assert_absent!(Factor: Clone, std::fmt::Debug, PartialEq);

impl Factor {
    /// `None` when the numbers are not two different odd primes of one allowed length, as far as this notices.
    pub(crate) fn new(prime: &BoxedUint, other: &BoxedUint, modulus: Modulus) -> Option<Self> {
        let residue = Zeroizing::new(other.rem(prime.as_nz_vartime()?));
        let inverse = Zeroizing::new(residue.invert_odd_mod(prime.as_odd_vartime()?).into_option()?);
        let negated = Zeroizing::new(prime.wrapping_sub(&*inverse));
        let mut work = modulus.workspace();
        let mut entered = |number: &BoxedUint| {
            let mut lanes = modulus.broadcast(number);
            modulus.enter(&mut work, &mut lanes);
            lanes
        };
        let (other, other_inverse, opening) = (entered(&residue), entered(&inverse), entered(&negated));
        let itself = modulus.broadcast(prime);
        let mut twice = itself.clone();
        twice.add(&itself);
        let order = Zeroizing::new(prime.wrapping_sub(BoxedUint::one_with_precision(prime.bits_precision())));
        let prime = Zeroizing::new(prime.clone());
        Some(Self { prime, order, modulus, twice, itself, other, other_inverse, opening })
    }

    /// (x − y)·q⁻¹ mod p, below p, for x and y below 2p.
    pub(crate) fn difference_over_other(&self, work: &mut Workspace, x: &Lanes, y: &Lanes) -> Lanes {
        let mut difference = self.twice.clone();
        difference.subtract(y);
        difference.add(x);
        self.modulus.multiply(work, &mut difference, &self.other_inverse);
        self.modulus.reduce_once(&mut difference);
        difference
    }

    /// The ciphertext a + b·n modulo p², in Montgomery form.
    pub(crate) fn project(&self, work: &mut Workspace, ciphertext: &Pairs) -> Pairs {
        let mut projected = self.modulus.project(work, [&ciphertext.low, &ciphertext.high], &self.other);
        // The projection has divided by R.
        self.modulus.enter_pairs(work, &mut projected);
        self.modulus.enter_pairs(work, &mut projected);
        projected
    }

    /// The plaintext modulo p of (1 + L·p), given L.
    pub(crate) fn open(&self, work: &mut Workspace, logarithm: &mut Lanes) {
        self.modulus.multiply(work, logarithm, &self.opening);
        self.modulus.reduce_once(logarithm);
    }
}
