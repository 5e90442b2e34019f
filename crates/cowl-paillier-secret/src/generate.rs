//! Key generation.

use cowl_paillier::{Kernel, KeySize};
use crypto_bigint::{BoxedUint, ConcatenatingMul, ConcatenatingSquare, NonZero, RandomMod};
use crypto_primes::hazmat::{SetBits, SmallFactorsSieveFactory};
use crypto_primes::{Flavor, is_prime, sieve_and_find};
use getrandom::rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::key::SecretKey;

impl SecretKey {
    /// Makes a key of two safe primes of half the modulus's length and a fresh h = −x² mod n.
    ///
    /// With safe primes p = 2p' + 1 and q = 2q' + 1 a random square has order p'q', so h has order 2p'q', the largest
    /// there is, unless x is ±1 modulo a factor, which is looked for. Takes seconds (2,048 bits) to minutes (4,096).
    /// The random source must be the operating system's, or in tests one with a fixed seed.
    pub fn generate(size: KeySize, rng: &mut impl CryptoRng) -> Self {
        let bits = size.bits() / 2;
        let p = safe_prime(bits, rng);
        loop {
            let q = safe_prime(bits, rng);
            if are_far_apart(&p, &q)
                && let Some(h) = full_order(&p, &q, rng)
                && let Ok(key) = Self::new(&p, &q, &h, Kernel::best())
            {
                return key;
            }
        }
    }
}

/// A safe prime whose two highest bits are set, so that a product of two has exactly twice the bits.
fn safe_prime(bits: u32, rng: &mut impl CryptoRng) -> Zeroizing<BoxedUint> {
    let factory = SmallFactorsSieveFactory::<BoxedUint>::new(Flavor::Safe, bits, SetBits::TwoMsb)
        .expect("safe primes of this length exist");
    let prime = sieve_and_find(rng, factory, |_, candidate| is_prime(Flavor::Safe, candidate))
        .expect("the sieve's parameters are right")
        .expect("the sieve goes on until it has found one");
    Zeroizing::new(prime)
}

/// Whether the difference has all but a hundred bits, against Fermat's factoring (FIPS 186-5, A.1.1).
fn are_far_apart(p: &BoxedUint, q: &BoxedUint) -> bool {
    let difference = Zeroizing::new(if p > q { p.wrapping_sub(q) } else { q.wrapping_sub(p) });
    difference.bits() > p.bits() - 100
}

/// h = −x² mod n for a random x, of full order; `None` in the vanishing case of another.
fn full_order(p: &BoxedUint, q: &BoxedUint, rng: &mut impl CryptoRng) -> Option<BoxedUint> {
    let n = NonZero::new(p.concatenating_mul(q)).into_option()?;
    let x = Zeroizing::new(BoxedUint::random_mod_vartime(rng, &n));
    let square = Zeroizing::new(x.concatenating_square().rem(&n));
    for factor in [p, q] {
        let residue = Zeroizing::new(square.rem(factor.as_nz_vartime()?));
        if residue.bits() < 2 {
            return None;
        }
    }
    Some(n.as_ref().wrapping_sub(&*square))
}
