//! Products of two secret tensors: number by number, matrices, anything bilinear.
//!
//! Ideal functionality: gives x ∘ y mod 2^k, exact. Both parties see x + r and y + s mod 2^k, r and s uniform
//! and known to the dealer alone, who shares r ∘ s (Beaver, "Efficient multiparty protocols using circuit
//! randomization", CRYPTO 1991): x ∘ y = x̂ ∘ ŷ − x̂ ∘ s − r ∘ ŷ + r ∘ s. Secure when r, s and the shares are
//! uniform and used once.

use std::sync::Arc;

use super::opening::Opening;
use crate::dealing::{CHUNK, Dealer, Delivery, KeySource, Seat, chunks};
use crate::error::Error;
use crate::linear::Bilinear;
use crate::prg::Lane;
use crate::protocol::{Gate, Turn};
use crate::ring::{Party, Ring};

/// Purposes of a layer's lanes.
mod purpose {
    pub(super) const LEFT: u32 = 0;
    pub(super) const RIGHT: u32 = 1;
    pub(super) const PRODUCT: u32 = 2;
}

/// The layer. Inputs are all of the left operand, then all of the right.
#[derive(Clone)]
pub struct Product {
    ring: Ring,
    map: Arc<dyn Bilinear>,
}

impl Product {
    /// A product as `map` has it.
    pub fn new(ring: Ring, map: Arc<dyn Bilinear>) -> Self {
        Self { ring, map }
    }

    fn finish(
        &self,
        lane: Lane,
        seat: &Seat,
        keys: &mut dyn KeySource,
        left: &[u64],
        right: &[u64],
    ) -> Result<Vec<u64>, Error> {
        let bits = self.ring.bits();
        let (r, s) = (
            seat.masks(lane.plus(purpose::LEFT), 0..left.len(), bits),
            seat.masks(lane.plus(purpose::RIGHT), 0..right.len(), bits),
        );
        // The model owner takes x̂ ∘ (ŷ − s₀) − r₀ ∘ ŷ, the data owner x̂ ∘ (−s₁) − r₁ ∘ ŷ.
        let party = seat.party();
        let open: Vec<u64> = right.iter().zip(s).map(|(y, s)| party.public(*y).wrapping_sub(s)).collect();
        let (first, second) = (self.map.wide(left, &open), self.map.wide(&r, right));
        let mut output = Vec::with_capacity(first.len());
        for range in chunks(first.len(), CHUNK) {
            let products = seat.values(lane.plus(purpose::PRODUCT), range.clone(), self.ring, keys)?;
            output.extend(range.zip(products).map(|(place, product)| {
                self.ring.reduce(first[place].wrapping_sub(second[place]).wrapping_add(product))
            }));
        }
        Ok(output)
    }
}

impl Gate for Product {
    fn inputs(&self) -> usize {
        self.map.left() + self.map.right()
    }

    fn outputs(&self) -> usize {
        self.map.output()
    }

    fn key_bytes(&self, party: Party) -> u64 {
        (party.index() * self.outputs() * self.ring.bytes()) as u64
    }

    fn message_bytes(&self) -> Vec<usize> {
        vec![self.inputs() * self.ring.bytes()]
    }

    fn deal(&self, lane: Lane, dealer: &Dealer, delivery: &mut dyn Delivery) -> Result<(), Error> {
        let left = dealer.masks(lane.plus(purpose::LEFT), 0..self.map.left(), self.ring.bits());
        let right = dealer.masks(lane.plus(purpose::RIGHT), 0..self.map.right(), self.ring.bits());
        let products = self.map.wide(&left, &right);
        chunks(products.len(), CHUNK).try_for_each(|range| {
            let values = &products[range.clone()];
            dealer.share(lane.plus(purpose::PRODUCT), range.start, values, self.ring, delivery)
        })
    }

    fn begin(&self, lane: Lane, seat: &Seat, shares: &[u64]) -> Result<Turn, Error> {
        Error::count("a product's inputs", self.inputs(), shares.len())?;
        let (left, right) = shares.split_at(self.map.left());
        let bits = self.ring.bits();
        let left = Opening::new(seat, lane.plus(purpose::LEFT), left.iter().copied(), bits);
        let right = Opening::new(seat, lane.plus(purpose::RIGHT), right.iter().copied(), bits);
        let gate = self.clone();
        Ok(Opening::exchange([left, right], move |seat, keys, [left, right]| {
            gate.finish(lane, seat, keys, &left, &right).map(Turn::Done)
        }))
    }

    fn ideal(&self, _: Lane, _: &Dealer, inputs: &[u64]) -> Result<Vec<u64>, Error> {
        Error::count("a product's inputs", self.inputs(), inputs.len())?;
        let (left, right) = inputs.split_at(self.map.left());
        Ok(self.map.wide(left, right).into_iter().map(|value| self.ring.reduce(value)).collect())
    }
}

#[cfg(test)]
mod tests;
