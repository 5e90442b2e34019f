//! Eight numbers beside each other, and pairs of them.

use zeroize::Zeroize;

use crate::kernel::{DIGIT_BITS, DIGIT_MASK, LANES, Octet};

/// Eight numbers modulo n, in digits. Values may be up to 2n until they are made canonical.
///
/// Overwritten when dropped: on the secret side these are residues modulo a prime factor.
#[derive(Clone)]
pub struct Lanes(pub(crate) Vec<Octet>);

impl Lanes {
    /// Eight zeros of so many digits.
    pub fn zero(digits: usize) -> Self {
        Self(vec![Octet::default(); digits])
    }

    /// The same number in every lane.
    pub fn broadcast(digits: &[u64]) -> Self {
        Self(digits.iter().map(|&digit| Octet([digit; LANES])).collect())
    }

    /// Puts a number into a lane.
    pub fn set(&mut self, lane: usize, digits: &[u64]) {
        for (octet, &digit) in self.0.iter_mut().zip(digits) {
            octet.0[lane] = digit;
        }
    }

    /// Copies a lane's number out.
    pub fn get(&self, lane: usize, digits: &mut [u64]) {
        for (digit, octet) in digits.iter_mut().zip(&self.0) {
            *digit = octet.0[lane];
        }
    }

    /// Adds, without reduction.
    pub fn add(&mut self, other: &Self) {
        let mut carry = [0; LANES];
        for (octet, other) in self.0.iter_mut().zip(&other.0) {
            for lane in 0..LANES {
                let digit = octet.0[lane] + other.0[lane] + carry[lane];
                octet.0[lane] = digit & DIGIT_MASK;
                carry[lane] = digit >> DIGIT_BITS;
            }
        }
    }

    /// Subtracts n where that leaves no negative number, in a time that does not depend on the numbers.
    /// Returns one where it did, zero where not.
    pub fn subtract_if_not_less(&mut self, n: &[u64]) -> [u64; LANES] {
        let mut borrow = [0_u64; LANES];
        for (octet, &digit) in self.0.iter().zip(n) {
            for lane in 0..LANES {
                borrow[lane] = octet.0[lane].wrapping_sub(digit).wrapping_sub(borrow[lane]) >> 63;
            }
        }
        let taken = borrow.map(|borrow| 1 - borrow);
        let mut borrow = [0_u64; LANES];
        for (octet, &digit) in self.0.iter_mut().zip(n) {
            for lane in 0..LANES {
                let subtrahend = digit & taken[lane].wrapping_neg();
                let difference = octet.0[lane].wrapping_sub(subtrahend).wrapping_sub(borrow[lane]);
                octet.0[lane] = difference & DIGIT_MASK;
                borrow[lane] = difference >> 63;
            }
        }
        taken
    }

    /// Adds a small number to each lane.
    pub fn add_small(&mut self, mut carry: [u64; LANES]) {
        for octet in &mut self.0 {
            for lane in 0..LANES {
                let digit = octet.0[lane] + carry[lane];
                octet.0[lane] = digit & DIGIT_MASK;
                carry[lane] = digit >> DIGIT_BITS;
            }
        }
    }

    /// The same numbers, each so many lanes further down.
    pub(crate) fn turned(&self, distance: usize) -> Self {
        Self(
            self.0
                .iter()
                .map(|octet| Octet(std::array::from_fn(|lane| octet.0[(lane + distance) % LANES])))
                .collect(),
        )
    }

    /// Subtracts another's numbers, which must not be greater.
    pub fn subtract(&mut self, other: &Self) {
        let mut borrow = [0_u64; LANES];
        for (octet, other) in self.0.iter_mut().zip(&other.0) {
            for lane in 0..LANES {
                let difference = octet.0[lane].wrapping_sub(other.0[lane]).wrapping_sub(borrow[lane]);
                octet.0[lane] = difference & DIGIT_MASK;
                borrow[lane] = difference >> 63;
            }
        }
    }

    /// Whether a lane holds one.
    pub fn is_one(&self, lane: usize) -> bool {
        let difference = |(index, octet): (usize, &Octet)| octet.0[lane] ^ u64::from(index == 0);
        self.0.iter().enumerate().map(difference).fold(0, |all, one| all | one) == 0
    }

    /// n − value for values up to n.
    pub fn subtract_from(&mut self, n: &[u64]) {
        let mut borrow = [0_u64; LANES];
        for (octet, &digit) in self.0.iter_mut().zip(n) {
            for lane in 0..LANES {
                let difference = digit.wrapping_sub(octet.0[lane]).wrapping_sub(borrow[lane]);
                octet.0[lane] = difference & DIGIT_MASK;
                borrow[lane] = difference >> 63;
            }
        }
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        for octet in &mut self.0 {
            octet.0.zeroize();
        }
    }
}

/// Eight numbers modulo n², each as low + high·n.
#[derive(Clone)]
pub struct Pairs {
    /// The numbers modulo n.
    pub low: Lanes,
    /// How often n fits, modulo n.
    pub high: Lanes,
}

impl Pairs {
    /// Eight zeros, each half of so many digits.
    pub fn zero(digits: usize) -> Self {
        Self { low: Lanes::zero(digits), high: Lanes::zero(digits) }
    }

    /// Puts a number into a lane, the digits of its low half first.
    pub(crate) fn set(&mut self, lane: usize, digits: &[u64]) {
        let (low, high) = digits.split_at(self.low.0.len());
        self.low.set(lane, low);
        self.high.set(lane, high);
    }

    /// Copies a lane's number out, the digits of its low half first.
    pub(crate) fn get(&self, lane: usize, digits: &mut [u64]) {
        let (low, high) = digits.split_at_mut(self.low.0.len());
        self.low.get(lane, low);
        self.high.get(lane, high);
    }

    /// Copies another's numbers without taking new memory.
    pub fn copy_from(&mut self, other: &Self) {
        self.low.0.copy_from_slice(&other.low.0);
        self.high.0.copy_from_slice(&other.high.0);
    }
}
