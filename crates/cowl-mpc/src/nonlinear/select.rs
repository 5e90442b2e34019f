//! ReLU with truncation in two rounds; with a companion, the heart of MaxPool and ArgMax.
//!
//! Ideal functionality: for x of w bits with sign, mask r uniform, known to the dealer alone, s = shift, m =
//! w − s:
//! - *nearby*: y = ⌊x / 2^s⌋ + c mod 2^m with the carry c = 1 when (x mod 2^s) + (r mod 2^s) ≥ 2^s; gives
//!   max(y, 0) as a number modulo 2^k (y with sign). Both parties see x̂ = x + r mod 2^w.
//! - *faithful*: max(⌊x / 2^s⌋, 0).
//! - with a *companion* z modulo 2^k: also z where x ≥ 0, and 0 elsewhere.
//!
//! Right for −2^(w−1) ≤ x < 2^(w−1) (nearby: up to one unit of 2^s less).
//!
//! Round 1 opens x̂. The sign of ŷ − r′ (r′ = ⌊r / 2^s⌋, ŷ = ⌊x̂ / 2^s⌋) is highest bit ⊕ highest bit ⊕
//! borrow of the lower m − 1 bits, and the borrow is one comparison on the *truncated* ring (Boyle, Chandran,
//! Gilboa, Gupta, Ishai, Kumar, Rathee, "Function secret sharing for mixed-mode and fixed-point secure
//! computation", EUROCRYPT 2021, sections 4 and 6; Jawalkar, Gupta, Basu, Chandran, Gupta, Sharma, "Orca",
//! IEEE S&P 2024, section 4.2). Round 2 opens that bit d under a mask, and d·(ŷ − ρ) follows from shares of
//! products that the dealer knows (SIGMA, section 4: "select"). ρ is r′ or r′ − 2^m by the highest bits of x̂
//! and r: where d = 1 the value is not negative, so these two bits tell whether x + r wrapped.
//!
//! Secure when r, the masks of d and all shares are uniform and used once: both parties see two uniform
//! numbers a value.

use std::ops::Range;

use super::Rounding;
use super::opening::{Opening, OpeningBits, times};
use crate::comparison::Comparisons;
use crate::dealing::{CHUNK, Dealer, Delivery, KeySource, Seat, chunks};
use crate::error::Error;
use crate::prg::Lane;
use crate::protocol::{Gate, Turn};
use crate::ring::{Party, Ring, bit, low, mask, packed_bytes, signed};

/// Purposes of a layer's lanes.
mod purpose {
    pub(super) const VALUE: u32 = 0;
    pub(super) const COMPANION: u32 = 1;
    pub(super) const SIGN_ROOTS: u32 = 2;
    pub(super) const SIGN_MASKS: u32 = 3;
    pub(super) const CARRY_ROOTS: u32 = 4;
    pub(super) const CARRY_MASKS: u32 = 5;
    /// The shared values, one each.
    pub(super) const SHARED: u32 = 8;
    /// What a layer takes of them.
    pub(super) const ALL: u32 = 16;
}

/// The layer.
#[derive(Clone, Copy, Debug)]
pub struct Select {
    ring: Ring,
    count: usize,
    width: u32,
    shift: u32,
    rounding: Rounding,
    companion: bool,
}

/// What both parties know after the second round.
struct Seen {
    values: Vec<u64>,
    companions: Vec<u64>,
    signs: Vec<u8>,
    carries: Vec<u8>,
}

impl Select {
    /// Purposes that one layer needs.
    pub(super) const PURPOSES: u32 = purpose::ALL;

    /// ReLU after a truncation by `shift` bits, of values of `width` bits.
    ///
    /// # Errors
    /// [`Error::Sizes`] unless shift + 2 ≤ width ≤ k.
    pub fn relu(ring: Ring, count: usize, width: u32, shift: u32, rounding: Rounding) -> Result<Self, Error> {
        if width > ring.bits() || shift + 2 > width {
            return Err(Error::Sizes { what: "a ReLU's width and shift" });
        }
        // Nothing is cut, so nothing carries.
        let rounding = if shift == 0 { Rounding::Nearby } else { rounding };
        Ok(Self { ring, count, width, shift, rounding, companion: false })
    }

    /// max(x, 0), and the companion where x ≥ 0; inputs and outputs are all values, then all companions.
    pub(super) fn with_companion(ring: Ring, count: usize, width: u32) -> Result<Self, Error> {
        Ok(Self { companion: true, ..Self::relu(ring, count, width, 0, Rounding::Nearby)? })
    }

    fn faithful(&self) -> bool {
        self.rounding == Rounding::Faithful
    }

    /// Bits below the sign bit of what is compared, and how far it is shifted.
    fn compared(&self) -> (u32, u32) {
        let shift = if self.faithful() { 0 } else { self.shift };
        (self.width - shift - 1, shift)
    }

    fn signs(&self) -> Comparisons {
        Comparisons::new(self.compared().0, self.count, 1).expect("the width was checked")
    }

    fn carries(&self) -> Option<Comparisons> {
        let comparisons = || Comparisons::new(self.shift, self.count, 1).expect("the shift was checked");
        self.faithful().then(comparisons)
    }

    /// Of the masked value or of the mask: the bits that are compared.
    fn sign_point(&self, value: u64) -> u64 {
        let (bits, shift) = self.compared();
        low(value >> shift, bits)
    }

    fn top(&self, value: u64) -> u64 {
        bit(value, self.width - 1)
    }

    fn shared_values(&self) -> usize {
        5 + usize::from(self.companion) + 2 * usize::from(self.faithful())
    }

    /// What the dealer shares: the sign's mask, ρ for both highest bits, products of them, then those of
    /// companion and carry.
    fn correlation(&self, lane: Lane, dealer: &Dealer, range: Range<usize>) -> Vec<Vec<u64>> {
        let masks = dealer.masks(lane.plus(purpose::VALUE), range.clone(), self.width);
        let sign_masks = dealer.bit_masks(lane.plus(purpose::SIGN_MASKS), range.clone());
        let signs: Vec<u64> = masks.iter().zip(sign_masks).map(|(r, mask)| self.top(*r) ^ mask).collect();
        let high: Vec<u64> = masks.iter().map(|r| r >> self.shift).collect();
        let wrapped: Vec<u64> = masks
            .iter()
            .map(|r| (r >> self.shift).wrapping_sub(self.top(*r).unbounded_shl(self.width - self.shift)))
            .collect();
        let product =
            |of: &[u64]| signs.iter().zip(of).map(|(sign, value)| mask(*sign) & value).collect::<Vec<u64>>();
        let mut shared = vec![product(&wrapped), product(&high), wrapped, high];
        if self.companion {
            let masks = dealer.masks(lane.plus(purpose::COMPANION), range.clone(), self.ring.bits());
            shared.push(product(&masks));
        }
        if self.faithful() {
            let carries = dealer.bit_masks(lane.plus(purpose::CARRY_MASKS), range);
            shared.extend([product(&carries), carries]);
        }
        shared.insert(0, signs);
        shared
    }

    /// After the first round: compare, and hide what came out.
    fn compare(
        &self,
        lane: Lane,
        seat: &Seat,
        keys: &mut dyn KeySource,
        values: &[u64],
    ) -> Result<OpeningBits, Error> {
        let roots = lane.plus(purpose::SIGN_ROOTS);
        let signs = self.signs().evaluate(roots, seat, keys, |place, _| self.sign_point(values[place]))?;
        let masks = lane.plus(purpose::SIGN_MASKS);
        let hidden = OpeningBits::new(seat, masks, signs, |place| self.top(values[place]));
        let Some(comparisons) = self.carries() else { return Ok(hidden) };
        let roots = lane.plus(purpose::CARRY_ROOTS);
        let point = |place: usize, _| low(values[place], self.shift);
        let carries = comparisons.evaluate(roots, seat, keys, point)?;
        // A borrow is where the mask is not left of the value.
        Ok(hidden.and(OpeningBits::new(seat, lane.plus(purpose::CARRY_MASKS), carries, |_| 1)))
    }

    /// After the second round: nothing but sums.
    fn choose(
        &self,
        lane: Lane,
        seat: &Seat,
        keys: &mut dyn KeySource,
        seen: &Seen,
    ) -> Result<Vec<u64>, Error> {
        let mut chosen = Vec::with_capacity(self.outputs());
        let mut companions = Vec::new();
        for range in chunks(self.count, CHUNK) {
            let first = lane.plus(purpose::SHARED);
            let shared = seat.lanes_of_values(first, self.shared_values(), range.clone(), self.ring, keys)?;
            let places = range.clone().enumerate();
            chosen.extend(places.map(|(at, place)| self.value(seat.party(), seen, &shared, at, place)));
            if self.companion {
                let masks = seat.masks(lane.plus(purpose::COMPANION), range.clone(), self.ring.bits());
                companions.extend(range.enumerate().map(|(at, place)| {
                    let hat = seen.companions[place];
                    let products = [shared[0][at], masks[at], shared[5][at]];
                    self.ring.reduce(times(seat.party(), seen.signs[place], hat, products))
                }));
            }
        }
        chosen.append(&mut companions);
        Ok(chosen)
    }

    fn value(&self, party: Party, seen: &Seen, shared: &[Vec<u64>], at: usize, place: usize) -> u64 {
        let (hat, sign) = (seen.values[place], seen.signs[place]);
        let top = self.top(hat) as usize;
        let products = [shared[0][at], shared[3 + top][at], shared[1 + top][at]];
        let mut value = times(party, sign, hat >> self.shift, products);
        if self.faithful() {
            let carry = seen.carries[place];
            // sign · carry, both masked; the carry is what is seen of it minus its mask, or plus.
            let less = |share: u64| if carry == 1 { share } else { share.wrapping_neg() };
            let products = [shared[0][at], less(shared[6][at]), less(shared[5][at])];
            let both = times(party, sign, carry.into(), products);
            value = value.wrapping_sub(both);
        }
        self.ring.reduce(value)
    }
}

impl Gate for Select {
    fn inputs(&self) -> usize {
        self.count * (1 + usize::from(self.companion))
    }

    fn outputs(&self) -> usize {
        self.inputs()
    }

    fn key_bytes(&self, party: Party) -> u64 {
        let comparisons = self.signs().key_bytes() + self.carries().map_or(0, |carries| carries.key_bytes());
        let shared = self.count * self.shared_values() * self.ring.bytes();
        comparisons + party.index() as u64 * shared as u64
    }

    fn message_bytes(&self) -> Vec<usize> {
        let companions = if self.companion { self.count * self.ring.bytes() } else { 0 };
        let bits = self.count * (1 + usize::from(self.faithful()));
        vec![packed_bytes(self.count, self.width) + companions, packed_bytes(bits, 1)]
    }

    fn deal(&self, lane: Lane, dealer: &Dealer, delivery: &mut dyn Delivery) -> Result<(), Error> {
        let masks = |range| dealer.masks(lane.plus(purpose::VALUE), range, self.width);
        let signs = |range| masks(range).into_iter().map(|r| self.sign_point(r)).collect();
        self.signs().deal(lane.plus(purpose::SIGN_ROOTS), dealer, signs, delivery)?;
        if let Some(comparisons) = self.carries() {
            let carries = |range| masks(range).into_iter().map(|r| low(r, self.shift)).collect();
            comparisons.deal(lane.plus(purpose::CARRY_ROOTS), dealer, carries, delivery)?;
        }
        for range in chunks(self.count, CHUNK) {
            let shared = self.correlation(lane, dealer, range.clone());
            for (values, number) in shared.iter().zip(purpose::SHARED..) {
                dealer.share(lane.plus(number), range.start, values, self.ring, delivery)?;
            }
        }
        Ok(())
    }

    fn begin(&self, lane: Lane, seat: &Seat, shares: &[u64]) -> Result<Turn, Error> {
        Error::count("a ReLU's inputs", self.inputs(), shares.len())?;
        let (values, companions) = shares.split_at(self.count);
        let values = Opening::new(seat, lane.plus(purpose::VALUE), values.iter().copied(), self.width);
        let companions =
            Opening::new(seat, lane.plus(purpose::COMPANION), companions.iter().copied(), self.ring.bits());
        let gate = *self;
        Ok(Opening::exchange([values, companions], move |seat, keys, [values, companions]| {
            let hidden = gate.compare(lane, seat, keys, &values)?;
            Ok(hidden.exchange(move |seat, keys, mut signs| {
                let carries = signs.split_off(gate.count);
                gate.choose(lane, seat, keys, &Seen { values, companions, signs, carries }).map(Turn::Done)
            }))
        }))
    }

    fn ideal(&self, lane: Lane, dealer: &Dealer, inputs: &[u64]) -> Result<Vec<u64>, Error> {
        Error::count("a ReLU's inputs", self.inputs(), inputs.len())?;
        let masks = dealer.masks(lane.plus(purpose::VALUE), 0..self.count, self.width);
        let (values, companions) = inputs.split_at(self.count);
        let cut = |(x, r): (&u64, u64)| match self.rounding {
            Rounding::Faithful => signed(*x, self.width) >> self.shift,
            Rounding::Nearby => {
                let hat = low(x.wrapping_add(r), self.width);
                signed((hat >> self.shift).wrapping_sub(r >> self.shift), self.width - self.shift)
            }
        };
        let cut: Vec<i64> = values.iter().zip(masks).map(cut).collect();
        let chosen = companions.iter().zip(&cut).map(|(z, y)| if *y >= 0 { *z } else { 0 });
        let relu = cut.iter().map(|y| self.ring.reduce(*y.max(&0) as u64));
        Ok(relu.chain(chosen.map(|z| self.ring.reduce(z))).collect())
    }
}

#[cfg(test)]
mod tests;
