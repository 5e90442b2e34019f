//! Arithmetic modulo an odd n and modulo its square.
//!
//! A number modulo n² is kept as a pair x = a + b·n with a and b of the length of n. Montgomery's reduction of the
//! product a·c modulo n yields r and q with a·c = r·R − q·n, hence
//!
//! ```text
//! (a + b·n)(c + d·n) = r·R + (a·d + b·c − q)·n   (mod n²)
//! ```
//!
//! and one more reduction, of a·d + b·c − q modulo n, gives the product over R: Montgomery multiplication modulo n²
//! in 5h² digit products instead of 8h², squaring in 3.5h² instead of 6h², where h is the digits of n, not of n².
//! The bounds hold because R is at least 2¹²·n: numbers below 2n stay below 2n without comparisons.

use crypto_bigint::{BoxedUint, ConcatenatingMul, NonZero};
use zeroize::{Zeroize, Zeroizing};

use crate::absent::assert_absent;
use crate::kernel::{BLOCK, DIGIT_BITS, DIGIT_MASK, Kernel, LANES, Octet};
use crate::lanes::{Lanes, Pairs};
use crate::number::{digits_of, number_of};

/// An odd modulus with what Montgomery arithmetic modulo it and modulo its square needs.
///
/// Overwritten when dropped: on the secret side it is a prime factor.
pub struct Modulus {
    pub(crate) kernel: Kernel,
    pub(crate) bits: u32,
    pub(crate) digits: Vec<u64>,
    /// −n⁻¹ mod 2⁵².
    inverse: u64,
    /// R² mod n.
    square_of_radix: Vec<u64>,
    /// R mod n², as a pair.
    one: [Vec<u64>; 2],
    /// R² mod n², as a pair.
    pair_square_of_radix: [Vec<u64>; 2],
}

assert_absent!(Modulus: Clone, std::fmt::Debug, PartialEq);

/// Room for intermediate results; overwritten when dropped.
pub struct Workspace {
    sum: Vec<Octet>,
    low: Lanes,
}

impl Drop for Workspace {
    fn drop(&mut self) {
        for octet in &mut self.sum {
            octet.0.zeroize();
        }
    }
}

impl Drop for Modulus {
    fn drop(&mut self) {
        self.digits.zeroize();
        self.inverse.zeroize();
        self.square_of_radix.zeroize();
        self.one.zeroize();
        self.pair_square_of_radix.zeroize();
    }
}

impl Modulus {
    /// Prepares an odd modulus of 1,024 to 4,096 bits that is a multiple of 512 bits long.
    ///
    /// # Panics
    /// When the number is even or of another length: the caller has checked it.
    pub fn new(n: &BoxedUint, kernel: Kernel) -> Self {
        let bits = n.bits();
        assert!(n.as_words()[0] & 1 == 1 && bits.is_multiple_of(512) && bits <= 4096, "an odd modulus");
        let count = digit_count(bits);
        let radix_bits = DIGIT_BITS * count as u32;
        let square = Zeroizing::new(n.concatenating_mul(n));
        let n = n.as_nz_vartime().expect("an odd number is not zero");
        let square = square.as_nz_vartime().expect("nor is its square");
        let power = |radices: u32| {
            let bits = radices * radix_bits;
            let power = BoxedUint::one_with_precision(2 * radix_bits + 64).shl(bits);
            pair(&Zeroizing::new(power.rem(square)), n, count)
        };
        let digits = digits_of(n.as_ref(), count);
        let square_of_radix = power(2);
        Self {
            kernel,
            bits,
            inverse: negated_inverse(digits[0]),
            square_of_radix: square_of_radix[0].clone(),
            one: power(1),
            pair_square_of_radix: square_of_radix,
            digits,
        }
    }

    /// Digits of a number modulo n.
    pub fn digit_count(&self) -> usize {
        self.digits.len()
    }

    /// Room for this modulus's intermediate results.
    pub fn workspace(&self) -> Workspace {
        Workspace { sum: vec![Octet::default(); 2 * self.digits.len()], low: self.zero() }
    }

    /// Zero in every lane.
    pub fn zero(&self) -> Lanes {
        Lanes::zero(self.digits.len())
    }

    /// Zero modulo n² in every lane.
    pub fn zero_pairs(&self) -> Pairs {
        Pairs::zero(self.digits.len())
    }

    /// One modulo n² in every lane, in Montgomery form.
    pub fn one(&self) -> Pairs {
        let [low, high] = &self.one;
        Pairs { low: Lanes::broadcast(low), high: Lanes::broadcast(high) }
    }

    /// R² modulo n² in every lane: multiplying by it takes numbers into Montgomery form.
    pub fn square_of_radix(&self) -> Pairs {
        let [low, high] = &self.pair_square_of_radix;
        Pairs { low: Lanes::broadcast(low), high: Lanes::broadcast(high) }
    }

    /// a = a·b/R modulo n.
    pub fn multiply(&self, work: &mut Workspace, a: &mut Lanes, b: &Lanes) {
        work.sum.fill(Octet::default());
        self.kernel.multiply_add(&mut work.sum, &a.0, &b.0);
        self.kernel.reduce(&mut work.sum, &self.digits, self.inverse, &mut a.0);
    }

    /// a = a·R modulo n: into Montgomery form.
    pub fn enter(&self, work: &mut Workspace, a: &mut Lanes) {
        self.multiply(work, a, &Lanes::broadcast(&self.square_of_radix));
    }

    /// a = a/R modulo n, below n: out of Montgomery form.
    pub fn leave(&self, work: &mut Workspace, a: &mut Lanes) {
        self.reduce_lanes(work, a);
        a.subtract_if_not_less(&self.digits);
    }

    /// Brings numbers below 2n below n.
    pub fn reduce_once(&self, a: &mut Lanes) {
        a.subtract_if_not_less(&self.digits);
    }

    fn reduce_lanes(&self, work: &mut Workspace, a: &mut Lanes) {
        let (low, high) = work.sum.split_at_mut(a.0.len());
        low.copy_from_slice(&a.0);
        high.fill(Octet::default());
        self.kernel.reduce(&mut work.sum, &self.digits, self.inverse, &mut a.0);
    }

    /// x = x·y/R modulo n².
    pub fn multiply_pairs(&self, work: &mut Workspace, x: &mut Pairs, y: &Pairs) {
        work.sum.fill(Octet::default());
        self.kernel.multiply_add(&mut work.sum, &x.low.0, &y.low.0);
        self.reduce_into_low(work);
        self.kernel.multiply_add(&mut work.sum, &x.low.0, &y.high.0);
        self.kernel.multiply_add(&mut work.sum, &x.high.0, &y.low.0);
        self.kernel.reduce(&mut work.sum, &self.digits, self.inverse, &mut x.high.0);
        std::mem::swap(&mut x.low, &mut work.low);
    }

    /// x = x²/R modulo n².
    pub fn square_pairs(&self, work: &mut Workspace, x: &mut Pairs) {
        self.kernel.square(&mut work.sum, &x.low.0);
        self.reduce_into_low(work);
        self.kernel.double(&mut x.low.0);
        self.kernel.multiply_add(&mut work.sum, &x.low.0, &x.high.0);
        self.kernel.reduce(&mut work.sum, &self.digits, self.inverse, &mut x.high.0);
        std::mem::swap(&mut x.low, &mut work.low);
    }

    /// x = x·R modulo n²: into Montgomery form.
    pub fn enter_pairs(&self, work: &mut Workspace, x: &mut Pairs) {
        self.multiply_pairs(work, x, &self.square_of_radix());
    }

    /// x = x/R modulo n², with both halves below n: out of Montgomery form.
    pub fn leave_pairs(&self, work: &mut Workspace, x: &mut Pairs) {
        let (low, high) = work.sum.split_at_mut(self.digits.len());
        low.copy_from_slice(&x.low.0);
        high.fill(Octet::default());
        self.reduce_into_low(work);
        add_digits(&mut work.sum, &x.high.0);
        self.kernel.reduce(&mut work.sum, &self.digits, self.inverse, &mut x.high.0);
        std::mem::swap(&mut x.low, &mut work.low);
        self.canonicalise(x);
    }

    /// Brings both halves below n; they stand for the same numbers modulo n².
    pub fn canonicalise(&self, x: &mut Pairs) {
        let carried = x.low.subtract_if_not_less(&self.digits);
        x.high.add_small(carried);
        x.high.subtract_if_not_less(&self.digits);
        x.high.subtract_if_not_less(&self.digits);
    }

    /// (a + b·m)/R modulo n² for numbers of twice the digits of n, where m = n·k and `k` is k·R modulo n: how a number
    /// modulo the square of a product is taken modulo the square of its factor n.
    pub fn project(&self, work: &mut Workspace, [a, b]: [&Lanes; 2], k: &Lanes) -> Pairs {
        let mut projected = self.zero_pairs();
        work.sum.copy_from_slice(&b.0);
        self.kernel.reduce(&mut work.sum, &self.digits, self.inverse, &mut projected.low.0);
        work.sum.copy_from_slice(&a.0);
        self.reduce_into_low(work);
        self.kernel.multiply_add(&mut work.sum, &projected.low.0, &k.0);
        self.kernel.reduce(&mut work.sum, &self.digits, self.inverse, &mut projected.high.0);
        std::mem::swap(&mut projected.low, &mut work.low);
        projected
    }

    /// a + b·c without reduction, in twice the digits.
    pub fn multiply_wide(&self, work: &mut Workspace, a: &Lanes, b: &Lanes, c: &Lanes) -> Lanes {
        work.sum.fill(Octet::default());
        self.kernel.multiply_add(&mut work.sum, &b.0, &c.0);
        add_digits(&mut work.sum, &a.0);
        let mut product = Lanes(work.sum.clone());
        product.add_small([0; LANES]);
        product
    }

    /// The same number in every lane.
    pub fn broadcast(&self, number: &BoxedUint) -> Lanes {
        Lanes::broadcast(&Zeroizing::new(digits_of(number, self.digits.len())))
    }

    /// Reduces the sum into the workspace's low half and leaves −q as the sum.
    fn reduce_into_low(&self, work: &mut Workspace) {
        self.kernel.reduce(&mut work.sum, &self.digits, self.inverse, &mut work.low.0);
    }

    /// The big number that a lane's digits are.
    pub fn number(&self, lanes: &Lanes, lane: usize) -> BoxedUint {
        let mut digits = Zeroizing::new(vec![0; self.digits.len()]);
        lanes.get(lane, &mut digits);
        number_of(&digits, self.bits)
    }
}

/// Digits for a modulus of so many bits: a multiple of the kernel's block, at least 12 bits longer.
const fn digit_count(bits: u32) -> usize {
    ((bits + 12) as usize).div_ceil(DIGIT_BITS as usize).next_multiple_of(BLOCK)
}

fn pair(number: &BoxedUint, n: &NonZero<BoxedUint>, count: usize) -> [Vec<u64>; 2] {
    let (high, low) = number.div_rem(n);
    let (high, low) = (Zeroizing::new(high), Zeroizing::new(low));
    [digits_of(&low, count), digits_of(&high, count)]
}

/// −n⁻¹ mod 2⁵², by Newton's iteration.
fn negated_inverse(n: u64) -> u64 {
    let mut inverse = 1_u64;
    for _ in 0..6 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(n.wrapping_mul(inverse)));
    }
    inverse.wrapping_neg() & DIGIT_MASK
}

fn add_digits(sum: &mut [Octet], other: &[Octet]) {
    for (sum, other) in sum.iter_mut().zip(other) {
        for lane in 0..LANES {
            sum.0[lane] = sum.0[lane].wrapping_add(other.0[lane]);
        }
    }
}
