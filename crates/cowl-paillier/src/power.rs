//! Powers modulo n²: of eight bases at once by one exponent, or by an open exponent each.

use zeroize::Zeroize;

use crate::kernel::{LANES, Octet};
use crate::lanes::Pairs;
use crate::modulus::{Modulus, Workspace};
use crate::timing::Timing;

/// Bits of the shared exponent that one multiplication takes.
const SHARED_WINDOW: u32 = 5;
/// Bits of open exponents that one multiplication takes.
const OPEN_WINDOW: u32 = 3;

/// The powers 0 … 2ʷ − 1 of eight bases, digits of a power behind each other.
struct Powers {
    rows: Vec<Octet>,
    row_length: usize,
}

impl Drop for Powers {
    fn drop(&mut self) {
        for octet in &mut self.rows {
            octet.0.zeroize();
        }
    }
}

impl Powers {
    fn new(modulus: &Modulus, work: &mut Workspace, base: &Pairs, window: u32) -> Self {
        let row_length = 2 * modulus.digit_count();
        let mut powers = Self { rows: Vec::with_capacity(row_length << window), row_length };
        let mut power = modulus.one();
        powers.push(&power);
        power.copy_from(base);
        powers.push(&power);
        for _ in 2..1 << window {
            modulus.multiply_pairs(work, &mut power, base);
            powers.push(&power);
        }
        powers
    }

    fn push(&mut self, power: &Pairs) {
        self.rows.extend_from_slice(&power.low.0);
        self.rows.extend_from_slice(&power.high.0);
    }

    fn row(&self, index: usize) -> &[Octet] {
        &self.rows[index * self.row_length..][..self.row_length]
    }
}

/// The bits of `words` from `first` on, as many as `count`.
pub(crate) fn bits_at(words: &[u64], first: u32, count: u32) -> u64 {
    let (word, shift) = ((first / 64) as usize, first % 64);
    let low = words.get(word).map_or(0, |low| low >> shift);
    let high = words.get(word + 1).map_or(0, |high| if shift == 0 { 0 } else { high << (64 - shift) });
    (low | high) & ((1 << count) - 1)
}

impl Modulus {
    /// base^exponent modulo n², all in Montgomery form. The exponent, little-endian words of which `bits` count, may
    /// be secret; its length is not.
    pub fn raise(
        &self,
        work: &mut Workspace,
        base: &Pairs,
        exponent: &[u64],
        bits: u32,
        timing: Timing,
    ) -> Pairs {
        let powers = Powers::new(self, work, base, SHARED_WINDOW);
        let windows = bits.div_ceil(SHARED_WINDOW);
        let (mut result, mut factor) = (self.one(), self.zero_pairs());
        let mut row = vec![Octet::default(); powers.row_length];
        for window in (0..windows).rev() {
            if window + 1 < windows {
                for _ in 0..SHARED_WINDOW {
                    self.square_pairs(work, &mut result);
                }
            }
            let index = bits_at(exponent, window * SHARED_WINDOW, SHARED_WINDOW);
            match timing {
                Timing::Constant => self.kernel.select_shared(&powers.rows, index, &mut row),
                Timing::Variable(_) if index == 0 => continue,
                Timing::Variable(_) => row.copy_from_slice(powers.row(index as usize)),
            }
            let (low, high) = row.split_at(self.digit_count());
            factor.low.0.copy_from_slice(low);
            factor.high.0.copy_from_slice(high);
            self.multiply_pairs(work, &mut result, &factor);
        }
        row.iter_mut().for_each(|octet| octet.0.zeroize());
        result
    }

    /// Π baseᵢ^exponentᵢ modulo n² of many groups of lanes, lane by lane, for exponents that are no secret: the squarings
    /// are shared (Straus 1964; Handbook of Applied Cryptography, 14.88).
    pub fn raise_product(&self, work: &mut Workspace, terms: &[(Pairs, [u64; LANES])]) -> Pairs {
        let powers: Vec<_> =
            terms.iter().map(|(base, _)| Powers::new(self, work, base, OPEN_WINDOW)).collect();
        let all = terms.iter().flat_map(|(_, exponents)| exponents);
        let longest = all.map(|exponent| 64 - exponent.leading_zeros()).max().unwrap_or(0);
        let (mut result, mut factor) = (self.one(), self.zero_pairs());
        for window in (0..longest.div_ceil(OPEN_WINDOW)).rev() {
            for _ in 0..OPEN_WINDOW {
                self.square_pairs(work, &mut result);
            }
            for ((_, exponents), powers) in terms.iter().zip(&powers) {
                let index = exponents.map(|exponent| bits_at(&[exponent], window * OPEN_WINDOW, OPEN_WINDOW));
                powers.gather(&index, &mut factor);
                self.multiply_pairs(work, &mut result, &factor);
            }
        }
        result
    }

    /// baseᵢ^exponentᵢ modulo n², all in Montgomery form, for exponents that are no secret.
    pub fn raise_open(&self, work: &mut Workspace, base: &Pairs, exponents: &[u64; LANES]) -> Pairs {
        let powers = Powers::new(self, work, base, OPEN_WINDOW);
        let longest = exponents.iter().map(|exponent| 64 - exponent.leading_zeros()).max().unwrap_or(0);
        let windows = longest.div_ceil(OPEN_WINDOW);
        let (mut result, mut factor) = (self.one(), self.zero_pairs());
        for window in (0..windows).rev() {
            let index = exponents.map(|exponent| bits_at(&[exponent], window * OPEN_WINDOW, OPEN_WINDOW));
            powers.gather(&index, &mut factor);
            if window + 1 == windows {
                result.copy_from(&factor);
                continue;
            }
            for _ in 0..OPEN_WINDOW {
                self.square_pairs(work, &mut result);
            }
            self.multiply_pairs(work, &mut result, &factor);
        }
        result
    }
}

impl Powers {
    fn gather(&self, index: &[u64; LANES], factor: &mut Pairs) {
        let half = self.row_length / 2;
        for (lane, &index) in index.iter().enumerate() {
            let (low, high) = self.row(index as usize).split_at(half);
            for (to, from) in factor.low.0.iter_mut().zip(low).chain(factor.high.0.iter_mut().zip(high)) {
                to.0[lane] = from.0[lane];
            }
        }
    }
}
