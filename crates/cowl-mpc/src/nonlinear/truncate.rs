//! Truncation of numbers with sign: one round and no comparison, or two rounds and one on the bits that are
//! cut.
//!
//! Ideal functionality, for x with |x| < 2^(k−2), mask r uniform and known to the dealer alone: *nearby*
//! gives ⌊x / 2^s⌋ + c with the carry c = 1 when (x mod 2^s) + (r mod 2^s) ≥ 2^s; *faithful* gives ⌊x / 2^s⌋.
//! Both parties see x + 2^(k−2) + r mod 2^k.
//!
//! With X = x + 2^(k−2) < 2^(k−1), whether X + r wraps is told by the highest bits of X̂ (seen) and r
//! (dealt): hence no comparison (Escudero, Ghosh, Keller, Rachuri, Scholl, "Improved primitives for MPC over
//! mixed arithmetic-binary circuits", CRYPTO 2020, section 5.1, without its error, for one bit of headroom;
//! Gupta, Kumaraswamy, Chandran, Gupta, "LLAMA", PETS 2022, section 5 has the faithful one with comparisons).
//! Outside of |x| < 2^(k−2) the result is wrong by a multiple of 2^(k−s): range analysis keeps values away
//! from there.
//!
//! Secure when r and the shares are uniform and used once.

use super::Rounding;
use super::opening::{Opening, OpeningBits, unmasked};
use crate::comparison::Comparisons;
use crate::dealing::{CHUNK, Dealer, Delivery, KeySource, Seat, chunks};
use crate::error::Error;
use crate::prg::Lane;
use crate::protocol::{Gate, Turn};
use crate::ring::{Party, Ring, bit, low, packed_bytes};

/// Purposes of a layer's lanes.
mod purpose {
    pub(super) const VALUE: u32 = 0;
    pub(super) const ROOTS: u32 = 1;
    pub(super) const MASKS: u32 = 2;
    pub(super) const SHARED: u32 = 8;
}

/// The layer.
#[derive(Clone, Copy, Debug)]
pub struct Truncate {
    ring: Ring,
    count: usize,
    shift: u32,
    rounding: Rounding,
}

impl Truncate {
    /// Cuts `shift` bits.
    ///
    /// # Errors
    /// [`Error::Sizes`] unless 1 ≤ shift ≤ k − 3.
    pub fn new(ring: Ring, count: usize, shift: u32, rounding: Rounding) -> Result<Self, Error> {
        if shift == 0 || shift + 3 > ring.bits() {
            return Err(Error::Sizes { what: "a truncation's shift" });
        }
        Ok(Self { ring, count, shift, rounding })
    }

    fn carries(&self) -> Option<Comparisons> {
        let comparisons = || Comparisons::new(self.shift, self.count, 1).expect("the shift was checked");
        (self.rounding == Rounding::Faithful).then(comparisons)
    }

    /// What makes every value positive.
    fn offset(&self) -> u64 {
        1 << (self.ring.bits() - 2)
    }

    fn top(&self, value: u64) -> u64 {
        bit(value, self.ring.bits() - 1)
    }

    /// ⌊r / 2^s⌋ as it is to be taken off where the highest bit of the masked value is 0, and where it is 1.
    fn removed(&self, mask: u64) -> [u64; 2] {
        let high = mask >> self.shift;
        [high.wrapping_sub(self.top(mask) << (self.ring.bits() - self.shift)), high]
    }

    fn shared_values(&self) -> usize {
        2 + usize::from(self.carries().is_some())
    }

    fn cut(
        &self,
        lane: Lane,
        seat: &Seat,
        keys: &mut dyn KeySource,
        hats: &[u64],
        carries: &[u8],
    ) -> Result<Vec<u64>, Error> {
        let party = seat.party();
        let mut output = Vec::with_capacity(self.count);
        for range in chunks(self.count, CHUNK) {
            let first = lane.plus(purpose::SHARED);
            let shared = seat.lanes_of_values(first, self.shared_values(), range.clone(), self.ring, keys)?;
            output.extend(range.enumerate().map(|(at, place)| {
                let public = (hats[place] >> self.shift).wrapping_sub(self.offset() >> self.shift);
                let removed = shared[self.top(hats[place]) as usize][at];
                let carry = carries.get(place).map_or(0, |&carry| unmasked(party, carry, shared[2][at]));
                self.ring.reduce(party.public(public).wrapping_sub(removed).wrapping_sub(carry))
            }));
        }
        Ok(output)
    }

    fn hidden_carries(
        &self,
        comparisons: &Comparisons,
        lane: Lane,
        seat: &Seat,
        keys: &mut dyn KeySource,
        hats: &[u64],
    ) -> Result<OpeningBits, Error> {
        let point = |place: usize, _| low(hats[place], self.shift);
        let not_right = comparisons.evaluate(lane.plus(purpose::ROOTS), seat, keys, point)?;
        Ok(OpeningBits::new(seat, lane.plus(purpose::MASKS), not_right, |_| 1))
    }
}

impl Gate for Truncate {
    fn inputs(&self) -> usize {
        self.count
    }

    fn outputs(&self) -> usize {
        self.count
    }

    fn key_bytes(&self, party: Party) -> u64 {
        let shared = self.count * self.shared_values() * self.ring.bytes();
        self.carries().map_or(0, |carries| carries.key_bytes()) + party.index() as u64 * shared as u64
    }

    fn message_bytes(&self) -> Vec<usize> {
        let carries = self.carries().map(|_| packed_bytes(self.count, 1));
        std::iter::once(self.count * self.ring.bytes()).chain(carries).collect()
    }

    fn deal(&self, lane: Lane, dealer: &Dealer, delivery: &mut dyn Delivery) -> Result<(), Error> {
        let masks = |range| dealer.masks(lane.plus(purpose::VALUE), range, self.ring.bits());
        if let Some(comparisons) = self.carries() {
            let secret = |range| masks(range).into_iter().map(|r| low(r, self.shift)).collect();
            comparisons.deal(lane.plus(purpose::ROOTS), dealer, secret, delivery)?;
        }
        for range in chunks(self.count, CHUNK) {
            let masks = masks(range.clone());
            for top in 0..2 {
                let values: Vec<u64> = masks.iter().map(|r| self.removed(*r)[top]).collect();
                let lane = lane.plus(purpose::SHARED + top as u32);
                dealer.share(lane, range.start, &values, self.ring, delivery)?;
            }
            if self.carries().is_some() {
                let values = dealer.bit_masks(lane.plus(purpose::MASKS), range.clone());
                dealer.share(lane.plus(purpose::SHARED + 2), range.start, &values, self.ring, delivery)?;
            }
        }
        Ok(())
    }

    fn begin(&self, lane: Lane, seat: &Seat, shares: &[u64]) -> Result<Turn, Error> {
        Error::count("a truncation's inputs", self.count, shares.len())?;
        let offset = seat.party().public(self.offset());
        let raised = shares.iter().map(|share| share.wrapping_add(offset));
        let values = Opening::new(seat, lane.plus(purpose::VALUE), raised, self.ring.bits());
        let gate = *self;
        Ok(Opening::exchange([values], move |seat, keys, [hats]| {
            let Some(comparisons) = gate.carries() else {
                return gate.cut(lane, seat, keys, &hats, &[]).map(Turn::Done);
            };
            let hidden = gate.hidden_carries(&comparisons, lane, seat, keys, &hats)?;
            Ok(hidden.exchange(move |seat, keys, carries| {
                gate.cut(lane, seat, keys, &hats, &carries).map(Turn::Done)
            }))
        }))
    }

    fn ideal(&self, lane: Lane, dealer: &Dealer, inputs: &[u64]) -> Result<Vec<u64>, Error> {
        Error::count("a truncation's inputs", self.count, inputs.len())?;
        let masks = dealer.masks(lane.plus(purpose::VALUE), 0..self.count, self.ring.bits());
        let cut = |(x, r): (&u64, u64)| {
            let floor = self.ring.signed(*x) >> self.shift;
            let carries = low(*x, self.shift) + low(r, self.shift) >= 1 << self.shift;
            self.ring
                .reduce((floor as u64).wrapping_add(u64::from(carries && self.rounding == Rounding::Nearby)))
        };
        Ok(inputs.iter().zip(masks).map(cut).collect())
    }
}

#[cfg(test)]
mod tests;
