//! Paillier as one writes it with GMP: Montgomery powers, the Chinese remainder theorem for whoever has the factors.
//!
//! GMP's dispatcher does not know every new processor and may fall back to generic code, up to twice as slow.

use rug::{Complete, Integer, integer::IsPrime, rand::RandState};

use crate::Figure;
use crate::timing::micros;

const BY: &str = "GMP through rug 1";
const BATCH: usize = 16;

pub(crate) fn measure() -> Vec<Figure> {
    [2048, 3072].into_iter().flat_map(|bits| Keys::make(bits).measure()).collect()
}

struct Keys {
    bits: u32,
    n: Integer,
    squared: Integer,
    p: Factor,
    q: Factor,
    /// hⁿ mod n², for the scheme with short exponents.
    residue: Integer,
}

/// A prime factor and what decryption needs of it.
struct Factor {
    prime: Integer,
    squared: Integer,
    order: Integer,
    /// (L((1 + n)^(p−1) mod p²))⁻¹ mod p.
    opening: Integer,
}

impl Factor {
    fn new(prime: Integer, n: &Integer) -> Self {
        let squared = prime.clone().square();
        let order = (&prime - 1_u32).complete();
        let power = (n + 1_u32).complete().pow_mod(&order, &squared).expect("a positive exponent");
        let logarithm = (power - 1_u32) / &prime;
        let opening = logarithm.invert(&prime).expect("a prime modulus");
        Self { prime, squared, order, opening }
    }

    fn open(&self, ciphertext: &Integer) -> Integer {
        let power = (ciphertext % &self.squared)
            .complete()
            .pow_mod(&self.order, &self.squared)
            .expect("a positive exponent");
        (power - 1_u32) / &self.prime * &self.opening % &self.prime
    }
}

impl Keys {
    fn make(bits: u32) -> Self {
        let mut random = RandState::new();
        random.seed(&Integer::from(bits));
        let [p, q] = [0, 1].map(|_| prime(bits / 2, &mut random));
        let n = (&p * &q).complete();
        let squared = n.clone().square();
        let x = n.clone().random_below(&mut random);
        let h = n.clone() - x.square() % &n;
        let residue = h.pow_mod(&n, &squared).expect("a positive exponent");
        Self { bits, p: Factor::new(p, &n), q: Factor::new(q, &n), n, squared, residue }
    }

    fn measure(&self) -> Vec<Figure> {
        let mut random = RandState::new();
        let short = if self.bits == 2048 { 448 } else { 512 };
        let ciphertexts: Vec<Integer> =
            (0..BATCH as u32).map(|number| self.encrypt(number, short, &mut random)).collect();
        for (number, ciphertext) in (0_u32..).zip(&ciphertexts) {
            assert_eq!(self.decrypt(ciphertext), number, "GMP's ciphertexts open");
        }
        let mut each = |exponent: u32| {
            micros(BATCH, || {
                (0..BATCH as u32).for_each(|number| drop(self.encrypt(number, exponent, &mut random)))
            })
        };
        let (short, half) = (each(short), each(self.bits / 2));
        let mut random = RandState::new();
        let textbook =
            micros(4, || (0..4_u32).for_each(|number| drop(self.encrypt_textbook(number, &mut random))));
        let decrypt = micros(BATCH, || ciphertexts.iter().for_each(|it| drop(self.decrypt(it))));
        let add = micros(BATCH * 256, || {
            let mut sum = ciphertexts[0].clone();
            for _ in 0..256 {
                ciphertexts.iter().for_each(|it| sum = (&sum * it).complete() % &self.squared);
            }
            sum
        });
        let exponent = Integer::from((1_u64 << 31) + 7);
        let scalar = micros(BATCH, || {
            ciphertexts.iter().for_each(|it| drop(it.clone().pow_mod(&exponent, &self.squared)));
        });
        let figures = [
            ("encrypt-public", short),
            ("encrypt-public-half", half),
            ("encrypt-textbook", textbook),
            ("decrypt", decrypt),
            ("add", add),
            ("scalar", scalar),
        ];
        let figure = |(name, value)| {
            let of = format!("paillier.{name}.{}", self.bits);
            Figure { of, by: BY.into(), unit: "µs", value }
        };
        figures.map(figure).into()
    }

    fn encrypt(&self, number: u32, exponent_bits: u32, random: &mut RandState<'_>) -> Integer {
        let exponent = Integer::from(Integer::random_bits(exponent_bits, random));
        let mask = self.residue.clone().pow_mod(&exponent, &self.squared).expect("a positive exponent");
        (number * &self.n + Integer::from(1)) * mask % &self.squared
    }

    fn encrypt_textbook(&self, number: u32, random: &mut RandState<'_>) -> Integer {
        let mask =
            self.n.clone().random_below(random).pow_mod(&self.n, &self.squared).expect("a positive exponent");
        (number * &self.n + Integer::from(1)) * mask % &self.squared
    }

    fn decrypt(&self, ciphertext: &Integer) -> Integer {
        let (p, q) = (self.p.open(ciphertext), self.q.open(ciphertext));
        let inverse = self.p.prime.clone().invert(&self.q.prime).expect("two primes");
        let above = ((q - &p) * inverse).modulo(&self.q.prime);
        p + above * &self.p.prime
    }
}

fn prime(bits: u32, random: &mut RandState<'_>) -> Integer {
    loop {
        let mut candidate = Integer::from(Integer::random_bits(bits, random));
        candidate.set_bit(bits - 1, true).set_bit(bits - 2, true);
        let prime = candidate.next_prime();
        if prime.significant_bits() == bits && prime.is_probably_prime(25) != IsPrime::No {
            return prime;
        }
    }
}
