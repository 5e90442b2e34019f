//! Functions by straight pieces in two rounds: sigmoid, tanh, exp, reciprocal, GELU, clip, leaky ReLU, |x| …
//!
//! Ideal functionality: for knots c₁ < c₂ < … and lines (a₀, b₀), (a₁, b₁) …, gives aᵢ·x + bᵢ mod 2^k, where
//! i is the number of knots that are ≤ x; exact, whatever the mask. Right where |x − cᵢ| < 2^(k−1) for all i.
//! Truncation is a layer of its own behind it. Both parties see x + r mod 2^k.
//!
//! One key a value serves all knots: x ≥ cᵢ is a comparison of x̂ − cᵢ with the same secret r (Storrier,
//! Vadapalli, Lyons, Henry, "Grotto: screaming fast (2+1)-PC for Z_2^n via (2,2)-DPFs", CCS 2023, sections 4
//! and 5). Round 2 opens all the bits dᵢ under masks; the sum of dᵢ·((aᵢ − aᵢ₋₁)·x + bᵢ − bᵢ₋₁) follows from
//! shares of each bit's mask and of its product with r.
//!
//! Secure when r, masks and shares are uniform and used once. Knots and lines are public.

use std::ops::Range;
use std::sync::Arc;

use super::opening::{Opening, OpeningBits, times, unmasked};
use crate::comparison::Comparisons;
use crate::dealing::{CHUNK, Dealer, Delivery, KeySource, Seat, chunks};
use crate::dpf::TILE;
use crate::error::Error;
use crate::prg::Lane;
use crate::protocol::{Gate, Turn};
use crate::ring::{Party, Ring, bit, low, mask, packed_bytes};

/// Purposes of a layer's lanes.
mod purpose {
    pub(super) const VALUE: u32 = 0;
    pub(super) const ROOTS: u32 = 1;
    pub(super) const MASKS: u32 = 2;
    pub(super) const MASK_SHARES: u32 = 3;
    pub(super) const PRODUCTS: u32 = 4;
}

/// slope · x + offset
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Taken modulo 2^k.
    pub slope: i64,
    /// Taken modulo 2^k.
    pub offset: i64,
}

/// The layer.
#[derive(Clone, Debug)]
pub struct Piecewise {
    ring: Ring,
    count: usize,
    knots: Arc<[u64]>,
    first: Line,
    /// What each knot adds to the slope and the offset.
    steps: Arc<[(u64, u64)]>,
}

/// What both parties know after the second round.
struct Seen {
    values: Vec<u64>,
    bits: Vec<u8>,
}

impl Piecewise {
    /// Line i holds from knot i−1 on, below knot i.
    ///
    /// # Errors
    /// [`Error::Sizes`] unless knots ascend, at least one, and there is one line more.
    pub fn new(ring: Ring, count: usize, knots: &[i64], lines: &[Line]) -> Result<Self, Error> {
        let ascending = knots.windows(2).all(|pair| pair[0] < pair[1]);
        if knots.is_empty() || !ascending || lines.len() != knots.len() + 1 {
            return Err(Error::Sizes { what: "a piecewise function's knots and lines" });
        }
        let difference = |a: i64, b: i64| (b as u64).wrapping_sub(a as u64);
        let steps = lines.windows(2).map(|pair| {
            (difference(pair[0].slope, pair[1].slope), difference(pair[0].offset, pair[1].offset))
        });
        let knots = knots.iter().map(|knot| *knot as u64).collect();
        Ok(Self { ring, count, knots, first: lines[0], steps: steps.collect() })
    }

    fn comparisons(&self) -> Comparisons {
        Comparisons::new(self.ring.bits() - 1, self.count, self.knots.len())
            .expect("rings have 32 bits or more")
    }

    /// The values of a chunk; all knots of them are worked on together.
    fn chunk(&self) -> usize {
        (CHUNK / self.knots.len()).next_multiple_of(TILE)
    }

    fn top(&self, value: u64) -> u64 {
        bit(value, self.ring.bits() - 1)
    }

    fn lower(&self, value: u64) -> u64 {
        low(value, self.ring.bits() - 1)
    }

    /// Places of a range's bits.
    fn bits_of(&self, range: &Range<usize>) -> Range<usize> {
        range.start * self.knots.len()..range.end * self.knots.len()
    }

    fn compare(
        &self,
        lane: Lane,
        seat: &Seat,
        keys: &mut dyn KeySource,
        values: &[u64],
    ) -> Result<OpeningBits, Error> {
        let moved = |place: usize, knot: usize| values[place].wrapping_sub(self.knots[knot]);
        let point = |place: usize, knot: usize| self.lower(moved(place, knot));
        let not_right = self.comparisons().evaluate(lane.plus(purpose::ROOTS), seat, keys, point)?;
        let top = |place: usize| self.top(moved(place / self.knots.len(), place % self.knots.len()));
        Ok(OpeningBits::new(seat, lane.plus(purpose::MASKS), not_right, top))
    }

    fn sum(
        &self,
        lane: Lane,
        seat: &Seat,
        keys: &mut dyn KeySource,
        shares: &[u64],
        seen: &Seen,
    ) -> Result<Vec<u64>, Error> {
        let mut output = Vec::with_capacity(self.count);
        for range in chunks(self.count, self.chunk()) {
            let bits = self.bits_of(&range);
            let bit_masks = seat.values(lane.plus(purpose::MASK_SHARES), bits.clone(), self.ring, keys)?;
            let products = seat.values(lane.plus(purpose::PRODUCTS), bits, self.ring, keys)?;
            let masks = seat.masks(lane.plus(purpose::VALUE), range.clone(), self.ring.bits());
            for (at, place) in range.enumerate() {
                let bits = self.bits_of(&(at..at + 1));
                let shared = [&bit_masks[bits.clone()], &products[bits]];
                output.push(self.value(seat.party(), shares[place], masks[at], shared, seen, place));
            }
        }
        Ok(output)
    }

    fn value(
        &self,
        party: Party,
        share: u64,
        own_mask: u64,
        [bit_masks, products]: [&[u64]; 2],
        seen: &Seen,
        place: usize,
    ) -> u64 {
        let hat = seen.values[place];
        let bits = &seen.bits[self.bits_of(&(place..place + 1))];
        let start = (self.first.slope as u64).wrapping_mul(share);
        let mut sum = start.wrapping_add(party.public(self.first.offset as u64));
        for (knot, (slope, offset)) in self.steps.iter().enumerate() {
            let chosen = times(party, bits[knot], hat, [bit_masks[knot], own_mask, products[knot]]);
            let one = unmasked(party, bits[knot], bit_masks[knot]);
            sum = sum.wrapping_add(slope.wrapping_mul(chosen)).wrapping_add(offset.wrapping_mul(one));
        }
        self.ring.reduce(sum)
    }
}

impl Gate for Piecewise {
    fn inputs(&self) -> usize {
        self.count
    }

    fn outputs(&self) -> usize {
        self.count
    }

    fn key_bytes(&self, party: Party) -> u64 {
        let shared = 2 * self.count * self.knots.len() * self.ring.bytes();
        self.comparisons().key_bytes() + party.index() as u64 * shared as u64
    }

    fn message_bytes(&self) -> Vec<usize> {
        vec![self.count * self.ring.bytes(), packed_bytes(self.count * self.knots.len(), 1)]
    }

    fn deal(&self, lane: Lane, dealer: &Dealer, delivery: &mut dyn Delivery) -> Result<(), Error> {
        let masks = |range| dealer.masks(lane.plus(purpose::VALUE), range, self.ring.bits());
        let secret = |range| masks(range).into_iter().map(|r| self.lower(r)).collect();
        self.comparisons().deal(lane.plus(purpose::ROOTS), dealer, secret, delivery)?;
        for range in chunks(self.count, self.chunk()) {
            let bits = self.bits_of(&range);
            let masks = masks(range);
            let mask_of = |place: usize| masks[place / self.knots.len()];
            let mut bit_masks = dealer.bit_masks(lane.plus(purpose::MASKS), bits.clone());
            bit_masks.iter_mut().enumerate().for_each(|(place, bit)| *bit ^= self.top(mask_of(place)));
            let products: Vec<u64> =
                bit_masks.iter().enumerate().map(|(place, bit)| mask(*bit) & mask_of(place)).collect();
            let mask_shares = lane.plus(purpose::MASK_SHARES);
            dealer.share(mask_shares, bits.start, &bit_masks, self.ring, delivery)?;
            dealer.share(lane.plus(purpose::PRODUCTS), bits.start, &products, self.ring, delivery)?;
        }
        Ok(())
    }

    fn begin(&self, lane: Lane, seat: &Seat, shares: &[u64]) -> Result<Turn, Error> {
        Error::count("a function's inputs", self.count, shares.len())?;
        let values = Opening::new(seat, lane.plus(purpose::VALUE), shares.iter().copied(), self.ring.bits());
        let (gate, shares) = (self.clone(), shares.to_vec());
        Ok(Opening::exchange([values], move |seat, keys, [values]| {
            let hidden = gate.compare(lane, seat, keys, &values)?;
            Ok(hidden.exchange(move |seat, keys, bits| {
                gate.sum(lane, seat, keys, &shares, &Seen { values, bits }).map(Turn::Done)
            }))
        }))
    }

    fn ideal(&self, _: Lane, _: &Dealer, inputs: &[u64]) -> Result<Vec<u64>, Error> {
        Error::count("a function's inputs", self.count, inputs.len())?;
        let value = |x: &u64| {
            let mut line = (self.first.slope as u64, self.first.offset as u64);
            for (knot, (slope, offset)) in self.knots.iter().zip(&*self.steps) {
                let reached = mask(1 ^ self.top(x.wrapping_sub(*knot)));
                line = (line.0.wrapping_add(slope & reached), line.1.wrapping_add(offset & reached));
            }
            self.ring.reduce(line.0.wrapping_mul(*x).wrapping_add(line.1))
        };
        Ok(inputs.iter().map(value).collect())
    }
}

#[cfg(test)]
mod tests;
