//! Layers with weights: one product in the clear at the model owner, nothing at the data owner.
//!
//! **Set-up**, once for (model owner, data owner, weights): the model owner and the dealer have a
//! [`SetupSeed`], from which the weight mask B comes. The model owner sends W − B to the data owner, who
//! keeps it. B is fresh for every set-up; other weights, or a change of them, are another set-up.
//!
//! **Each inference**: the data owner has a fresh input mask r from its seed. The dealer knows B and r and
//! shares B ∘ r: the data owner's share comes from its seed, the model owner's is written out, as long as the
//! layer's output. Ahead of time the data owner computes z₁ = −(W − B) ∘ r − [B ∘ r]₁. Online it sends its
//! share of the input plus r; the model owner, who so has x̂ = x + r, computes z₀ = W ∘ x̂ − [B ∘ r]₀ (plus
//! the bias). z₀ + z₁ = W ∘ x.
//!
//! This is Beaver's multiplication with one operand fixed and known to one party (as in Mishra, Lehmkuhl,
//! Srinivasan, Zheng, Popa, "Delphi", USENIX Security 2020, section 4, with a dealer in place of homomorphic
//! encryption).
//!
//! Ideal functionality: takes W from the model owner, shares of x; gives uniform shares of W ∘ x mod 2^k. The
//! model owner sees x̂, uniform because it never knows r; the data owner sees W − B, uniform because it never
//! knows B, once a set-up.
//!
//! Secure when the dealer colludes with neither, a set-up seed serves one set of weights, and r one
//! inference.

mod convolution;
mod dense;
mod kernel;

pub use convolution::{Axis, Convolution};
pub use dense::{Dense, Elementwise, Layout};

use std::sync::Arc;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::dealing::{CHUNK, Dealer, Delivery, KeySource, Seat, chunks};
use crate::error::Error;
use crate::prg::{Kernel, Lane, Seed, SeedStream};
use crate::ring::{Party, Ring, pack, unpack};

/// A map that is linear in each of two operands, over integers modulo 2³² and 2⁶⁴. In a layer with weights
/// they are the left operand.
pub trait Bilinear: Send + Sync {
    /// Numbers of the left operand.
    fn left(&self) -> usize;
    /// Numbers of the right operand.
    fn right(&self) -> usize;
    /// Numbers of the product.
    fn output(&self) -> usize;
    /// The product modulo 2³².
    fn narrow(&self, left: &[u32], right: &[u32]) -> Vec<u32>;
    /// The product modulo 2⁶⁴.
    fn wide(&self, left: &[u64], right: &[u64]) -> Vec<u64>;
}

/// Weights, their mask or their difference: as wide as the ring needs, wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub enum Weights {
    /// Modulo 2³².
    Narrow(Vec<u32>),
    /// Modulo a larger power of two.
    Wide(Vec<u64>),
}

impl Weights {
    /// Takes numbers modulo 2^k.
    pub fn new(ring: Ring, numbers: Vec<u64>) -> Self {
        if ring.bits() == 32 {
            let numbers = Zeroizing::new(numbers);
            Self::Narrow(numbers.iter().map(|number| *number as u32).collect())
        } else {
            Self::Wide(numbers)
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Narrow(numbers) => numbers.len(),
            Self::Wide(numbers) => numbers.len(),
        }
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// W − B.
    ///
    /// # Errors
    /// [`Error::Count`] when there are not equally many.
    pub fn minus(&self, mask: &Self) -> Result<Self, Error> {
        Error::count("a weight mask", self.len(), mask.len())?;
        match (self, mask) {
            (Self::Narrow(a), Self::Narrow(b)) => {
                Ok(Self::Narrow(a.iter().zip(b).map(|(a, b)| a.wrapping_sub(*b)).collect()))
            }
            (Self::Wide(a), Self::Wide(b)) => {
                Ok(Self::Wide(a.iter().zip(b).map(|(a, b)| a.wrapping_sub(*b)).collect()))
            }
            _ => Err(Error::Sizes { what: "weights of two rings" }),
        }
    }

    /// For the wire, and for the digest that is the weight commitment: k / 8 bytes a number.
    pub fn to_bytes(&self, ring: Ring) -> Vec<u8> {
        match self {
            Self::Narrow(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            Self::Wide(numbers) => pack(numbers.iter().copied(), ring.bits()),
        }
    }

    /// What [`Weights::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Error::Message`] for another length.
    pub fn from_bytes(ring: Ring, count: usize, bytes: &[u8]) -> Result<Self, Error> {
        if ring.bits() != 32 {
            return Ok(Self::Wide(unpack(bytes, count, ring.bits())?));
        }
        let (numbers, rest) = bytes.as_chunks::<4>();
        if numbers.len() != count || !rest.is_empty() {
            return Err(Error::Message { expected: 4 * count, found: bytes.len() });
        }
        Ok(Self::Narrow(numbers.iter().map(|number| u32::from_le_bytes(*number)).collect()))
    }

    fn times(&self, map: &dyn Bilinear, data: &[u64]) -> Vec<u64> {
        match self {
            Self::Narrow(weights) => {
                let data: Zeroizing<Vec<u32>> =
                    Zeroizing::new(data.iter().map(|number| *number as u32).collect());
                map.narrow(weights, &data).into_iter().map(u64::from).collect()
            }
            Self::Wide(weights) => map.wide(weights, data),
        }
    }
}

/// What everybody may know a set-up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SetupId(pub [u8; 16]);

/// What the dealer and the model owner share for one set-up: the weight mask's seed.
pub struct SetupSeed {
    stream: SeedStream,
}

impl SetupSeed {
    /// The seed must be fresh from the operating system, for one set of weights.
    pub fn new(kernel: Kernel, seed: &Seed) -> Self {
        Self { stream: SeedStream::new(kernel, seed) }
    }

    /// A block of a lane that no layer has: it tells nothing of the masks.
    pub fn id(&self) -> SetupId {
        let mut block = [0];
        self.stream.blocks(Lane::new(u32::MAX, u32::MAX), 0, &mut block);
        SetupId(block[0].to_le_bytes())
    }

    /// B of the layer at this lane.
    pub fn mask(&self, layer: &Linear, lane: Lane) -> Weights {
        self.numbers(layer.ring, lane, layer.map.left())
    }

    /// Masks for `count` numbers that belong to no layer's product.
    pub(crate) fn numbers(&self, ring: Ring, lane: Lane, count: usize) -> Weights {
        let reduced = |numbers: Vec<u64>| numbers.into_iter().map(|number| ring.reduce(number));
        match ring.bits() {
            32 => {
                let mut mask = Vec::with_capacity(count);
                for range in chunks(count, CHUNK) {
                    mask.extend(
                        self.stream.numbers(lane, range.start, range.len()).into_iter().map(|n| n as u32),
                    );
                }
                Weights::Narrow(mask)
            }
            _ => Weights::Wide(reduced(self.stream.numbers(lane, 0, count)).collect()),
        }
    }
}

/// Purposes of a layer's lanes.
mod purpose {
    pub(super) const INPUT: u32 = 0;
    pub(super) const PRODUCT: u32 = 1;
}

/// A layer with weights.
#[derive(Clone)]
pub struct Linear {
    ring: Ring,
    map: Arc<dyn Bilinear>,
}

impl Linear {
    /// Weights times data, as `map` has it.
    pub fn new(ring: Ring, map: Arc<dyn Bilinear>) -> Self {
        Self { ring, map }
    }

    /// The map.
    pub fn map(&self) -> &dyn Bilinear {
        &*self.map
    }

    /// Bytes of the correlation, exactly.
    pub fn key_bytes(&self, party: Party) -> u64 {
        match party {
            Party::ModelOwner => (self.map.output() * self.ring.bytes()) as u64,
            Party::DataOwner => 0,
        }
    }

    /// Bytes that the data owner sends.
    pub fn message_bytes(&self) -> usize {
        self.map.right() * self.ring.bytes()
    }

    /// Shares B ∘ r.
    ///
    /// # Errors
    /// [`Error::Count`] when the mask is not this layer's, [`Error::Delivery`].
    pub fn deal(
        &self,
        lane: Lane,
        mask: &Weights,
        dealer: &Dealer,
        delivery: &mut dyn Delivery,
    ) -> Result<(), Error> {
        Error::count("a weight mask", self.map.left(), mask.len())?;
        let bits = self.ring.bits();
        let r = dealer.own(Party::DataOwner, lane.plus(purpose::INPUT), 0..self.map.right(), bits);
        let products = mask.times(&*self.map, &r);
        for range in chunks(products.len(), CHUNK) {
            let others = dealer.own(Party::DataOwner, lane.plus(purpose::PRODUCT), range.clone(), bits);
            let shares = products[range].iter().zip(others).map(|(value, other)| value.wrapping_sub(other));
            delivery.deliver(Party::ModelOwner, &pack(shares, bits))?;
        }
        Ok(())
    }

    /// The data owner's share of the output, which needs no input: ahead of time.
    ///
    /// # Errors
    /// [`Error::Count`] when `difference` (W − B) is not this layer's.
    pub fn prepare(&self, lane: Lane, seat: &Seat, difference: &Weights) -> Result<Vec<u64>, Error> {
        Error::count("masked weights", self.map.left(), difference.len())?;
        let bits = self.ring.bits();
        let r = Zeroizing::new(seat.masks(lane.plus(purpose::INPUT), 0..self.map.right(), bits));
        let masked = difference.times(&*self.map, &r);
        let own = seat.masks(lane.plus(purpose::PRODUCT), 0..masked.len(), bits);
        let share = |(product, own): (u64, u64)| self.ring.reduce(product.wrapping_add(own).wrapping_neg());
        Ok(masked.into_iter().zip(own).map(share).collect())
    }

    /// What the data owner sends: its share of the input under r.
    ///
    /// # Errors
    /// [`Error::Count`] for another number of inputs.
    pub fn request(&self, lane: Lane, seat: &Seat, share: &[u64]) -> Result<Vec<u8>, Error> {
        Error::count("a layer's inputs", self.map.right(), share.len())?;
        let bits = self.ring.bits();
        let r = Zeroizing::new(seat.masks(lane.plus(purpose::INPUT), 0..share.len(), bits));
        Ok(pack(share.iter().zip(&*r).map(|(share, r)| share.wrapping_add(*r)), bits))
    }

    /// The model owner's share of the output, from its share of the input and what the data owner sent. The
    /// bias is the caller's to add.
    ///
    /// # Errors
    /// [`Error::Count`], [`Error::Message`], [`Error::KeysEnd`].
    pub fn answer(
        &self,
        weights: &Weights,
        share: &[u64],
        message: &[u8],
        keys: &mut dyn KeySource,
    ) -> Result<Vec<u64>, Error> {
        Error::count("a layer's weights", self.map.left(), weights.len())?;
        Error::count("a layer's inputs", self.map.right(), share.len())?;
        let mut hats = unpack(message, share.len(), self.ring.bits())?;
        hats.iter_mut().zip(share).for_each(|(hat, share)| *hat = self.ring.reduce(hat.wrapping_add(*share)));
        let mut output = weights.times(&*self.map, &hats);
        for range in chunks(output.len(), CHUNK) {
            let shares = unpack(keys.take(range.len() * self.ring.bytes())?, range.len(), self.ring.bits())?;
            let output = output[range].iter_mut().zip(shares);
            output.for_each(|(value, share)| *value = self.ring.reduce(value.wrapping_sub(share)));
        }
        Ok(output)
    }
}

#[cfg(test)]
mod tests;
