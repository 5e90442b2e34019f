//! Powers of one base by many exponents, from a table of its powers.
//!
//! The table holds base^(j·2^(w·i)) for all j < 2ʷ and all windows i, so that a power is one multiplication a window
//! and no squaring (Brickell, Gordon, McCurley, Wilson, EUROCRYPT 1992).

use zeroize::{Zeroize, Zeroizing};

use crate::absent::assert_absent;
use crate::kernel::{LANES, Octet};
use crate::lanes::Pairs;
use crate::modulus::{Modulus, Workspace};
use crate::power::bits_at;
use crate::timing::Timing;

/// No table takes more memory, in bytes.
pub const LARGEST_TABLE: usize = 32 << 20;
/// Bits of an exponent a multiplication where every row is read.
const CONSTANT_WINDOW: u32 = 7;
/// Bits of an exponent a multiplication where one row is read.
const VARIABLE_WINDOW: u32 = 9;
/// Octets of exponents that share a window's rows while these are in the cache.
const SHARING: usize = 32;

/// Eight exponents, little-endian words; overwritten when dropped.
pub struct Exponents(Vec<[u64; LANES]>);

impl Exponents {
    /// Room for exponents of so many bits, all zero.
    pub fn zero(bits: u32) -> Self {
        Self(vec![[0; LANES]; bits.div_ceil(64) as usize])
    }

    /// Sets a lane's exponent.
    ///
    /// # Panics
    /// When there are more words than room.
    pub fn set(&mut self, lane: usize, words: impl IntoIterator<Item = u64>) {
        for (index, word) in words.into_iter().enumerate() {
            self.0[index][lane] = word;
        }
    }

    fn window(&self, first: u32, count: u32) -> [u64; LANES] {
        let word = (first / 64) as usize;
        std::array::from_fn(|lane| {
            let low = self.0.get(word).map_or(0, |low| low[lane]);
            let high = self.0.get(word + 1).map_or(0, |high| high[lane]);
            bits_at(&[low, high], first % 64, count)
        })
    }
}

impl Drop for Exponents {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The table of one base; overwritten when dropped.
pub struct FixedBase {
    timing: Timing,
    window: u32,
    windows: u32,
    exponent_bits: u32,
    /// Where every row is read: for a window, for a digit, the digits of all rows, eight to an octet.
    /// Where one row is read: for a window, for a row, its digits.
    words: Vec<Octet>,
}

assert_absent!(FixedBase: Clone, std::fmt::Debug, PartialEq);
assert_absent!(Exponents: Clone, std::fmt::Debug, PartialEq);

impl Drop for FixedBase {
    fn drop(&mut self) {
        self.words.iter_mut().for_each(|octet| octet.0.zeroize());
    }
}

impl FixedBase {
    /// Makes the table for exponents of up to `exponent_bits`. `base` is in Montgomery form in every lane.
    pub fn new(modulus: &Modulus, base: &Pairs, exponent_bits: u32, timing: Timing) -> Self {
        let row = row_words(modulus);
        let mut window = match timing {
            Timing::Constant => CONSTANT_WINDOW,
            Timing::Variable(_) => VARIABLE_WINDOW,
        };
        while bytes(row, window, exponent_bits) > LARGEST_TABLE {
            window -= 1;
        }
        let windows = exponent_bits.div_ceil(window);
        let words = vec![Octet::default(); bytes(row, window, exponent_bits) / size_of::<Octet>()];
        let mut table = Self { timing, window, windows, exponent_bits, words };
        table.fill(modulus, base);
        table
    }

    /// Bytes that the table takes.
    pub fn size(&self) -> usize {
        self.words.len() * size_of::<Octet>()
    }

    /// Bits of the longest exponent.
    pub fn exponent_bits(&self) -> u32 {
        self.exponent_bits
    }

    fn rows(&self) -> usize {
        1 << self.window
    }

    /// Eight windows at a time, one a lane.
    fn fill(&mut self, modulus: &Modulus, base: &Pairs) {
        let mut work = modulus.workspace();
        let mut next = base.clone();
        for first in (0..self.windows).step_by(LANES) {
            let mut bases = modulus.one();
            for lane in 0..LANES {
                copy_lane(&next, &mut bases, lane);
                for _ in 0..self.window {
                    modulus.square_pairs(&mut work, &mut next);
                }
            }
            let mut power = modulus.one();
            for row in 0..self.rows() {
                self.store(modulus, first, row, &power);
                modulus.multiply_pairs(&mut work, &mut power, &bases);
            }
        }
    }

    fn store(&mut self, modulus: &Modulus, first: u32, row: usize, power: &Pairs) {
        let rows = self.rows();
        for (half, lanes) in [&power.low, &power.high].into_iter().enumerate() {
            for (digit, octet) in lanes.0.iter().enumerate() {
                let digit = half * half_words(modulus) + digit;
                for lane in 0..LANES.min((self.windows - first) as usize) {
                    let window = first as usize + lane;
                    let at = match self.timing {
                        Timing::Constant => (window * row_words(modulus) + digit) * rows + row,
                        Timing::Variable(_) => (window * rows + row) * row_words(modulus) + digit,
                    };
                    self.words[at / LANES].0[at % LANES] = octet.0[lane];
                }
            }
        }
    }

    /// base^exponent for each exponent, in Montgomery form.
    pub fn raise(&self, modulus: &Modulus, work: &mut Workspace, exponents: &[Exponents]) -> Vec<Pairs> {
        let mut results = Vec::with_capacity(exponents.len());
        let mut factors = vec![modulus.zero_pairs(); SHARING];
        for sharing in exponents.chunks(SHARING) {
            let start = results.len();
            results.resize_with(start + sharing.len(), || modulus.one());
            for window in 0..self.windows {
                let index = |exponents: &Exponents| exponents.window(window * self.window, self.window);
                let indices = Zeroizing::new(sharing.iter().map(index).collect::<Vec<_>>());
                self.select(modulus, window as usize, &indices, &mut factors);
                for (result, factor) in results[start..].iter_mut().zip(&factors) {
                    modulus.multiply_pairs(work, result, factor);
                }
            }
        }
        results
    }

    fn select(&self, modulus: &Modulus, window: usize, indices: &[[u64; LANES]], factors: &mut [Pairs]) {
        let of_a_window = row_words(modulus) * self.rows() / LANES;
        let table = &self.words[window * of_a_window..][..of_a_window];
        match self.timing {
            Timing::Constant => {
                let (low, high) = table.split_at(of_a_window / 2);
                let (mut lows, mut highs): (Vec<_>, Vec<_>) =
                    factors.iter_mut().map(|factor| (&mut factor.low.0[..], &mut factor.high.0[..])).unzip();
                let count = indices.len();
                modulus.kernel.select_each(low, self.rows(), indices, &mut lows[..count]);
                modulus.kernel.select_each(high, self.rows(), indices, &mut highs[..count]);
            }
            Timing::Variable(_) => {
                let of_a_half = half_words(modulus) / LANES;
                for (index, factor) in indices.iter().zip(factors) {
                    let half = |half: usize| {
                        let row = |lane: usize| {
                            &table[(2 * index[lane] as usize + half) * of_a_half..][..of_a_half]
                        };
                        std::array::from_fn(row)
                    };
                    modulus.kernel.gather_rows(half(0), &mut factor.low.0);
                    modulus.kernel.gather_rows(half(1), &mut factor.high.0);
                }
            }
        }
    }
}

/// Words of half a row, filled up to whole octets.
fn half_words(modulus: &Modulus) -> usize {
    modulus.digit_count().next_multiple_of(LANES)
}

fn row_words(modulus: &Modulus) -> usize {
    2 * half_words(modulus)
}

const fn bytes(row_words: usize, window: u32, exponent_bits: u32) -> usize {
    (row_words << window) * exponent_bits.div_ceil(window) as usize * size_of::<u64>()
}

fn copy_lane(from: &Pairs, to: &mut Pairs, lane: usize) {
    let from = from.low.0.iter().chain(&from.high.0);
    for (to, from) in to.low.0.iter_mut().chain(&mut to.high.0).zip(from) {
        to.0[lane] = from.0[lane];
    }
}
