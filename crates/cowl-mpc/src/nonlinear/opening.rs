//! Masked values that both parties see.

use crate::dealing::{CHUNK, KeySource, Seat, chunks};
use crate::error::Error;
use crate::prg::Lane;
use crate::protocol::Turn;
use crate::ring::{Party, low, pack, packed_bytes, unpack};

/// A party's shares of masked numbers of some width, until the other's come.
pub(super) struct Opening {
    shares: Vec<u64>,
    bits: u32,
}

impl Opening {
    /// Adds the masks of a lane to shares.
    pub(super) fn new(
        seat: &Seat,
        lane: Lane,
        shares: impl ExactSizeIterator<Item = u64>,
        bits: u32,
    ) -> Self {
        let mut shares: Vec<u64> = shares.collect();
        for range in chunks(shares.len(), CHUNK) {
            let masks = seat.masks(lane, range.clone(), bits);
            let masked = shares[range].iter_mut().zip(masks);
            masked.for_each(|(share, mask)| *share = low(share.wrapping_add(mask), bits));
        }
        Self { shares, bits }
    }

    /// A round that opens them all, in one message.
    pub(super) fn exchange<const N: usize>(
        openings: [Self; N],
        next: impl FnOnce(&Seat, &mut dyn KeySource, [Vec<u64>; N]) -> Result<Turn, Error> + Send + 'static,
    ) -> Turn {
        let messages = openings.iter().map(Self::message);
        let message = messages.reduce(|mut all, more| {
            all.extend(more);
            all
        });
        Turn::exchange(message.unwrap_or_default(), move |seat, keys, mut message| {
            let mut opened = [const { Vec::new() }; N];
            for (opened, opening) in opened.iter_mut().zip(openings) {
                let (now, later) = message.split_at(opening.bytes().min(message.len()));
                *opened = opening.open(now)?;
                message = later;
            }
            next(seat, keys, opened)
        })
    }

    fn bytes(&self) -> usize {
        packed_bytes(self.shares.len(), self.bits)
    }

    fn message(&self) -> Vec<u8> {
        pack(self.shares.iter().copied(), self.bits)
    }

    /// What is behind both parties' messages.
    fn open(mut self, message: &[u8]) -> Result<Vec<u64>, Error> {
        let expected = self.bytes();
        if message.len() != expected {
            return Err(Error::Message { expected, found: message.len() });
        }
        // A chunk's numbers end at the end of a byte.
        let messages = message.chunks(packed_bytes(CHUNK, self.bits));
        for (shares, message) in self.shares.chunks_mut(CHUNK).zip(messages) {
            let others = unpack(message, shares.len(), self.bits)?;
            let opened = shares.iter_mut().zip(others);
            opened.for_each(|(share, other)| *share = low(share.wrapping_add(other), self.bits));
        }
        Ok(self.shares)
    }
}

/// Bits that both parties see under a mask: a party's shares until the other's come.
pub(super) struct OpeningBits(Vec<u8>);

impl OpeningBits {
    /// Adds the masks of a lane to shares of bits; `flip` gives a public bit to be added to each.
    pub(super) fn new(seat: &Seat, lane: Lane, mut shares: Vec<u8>, flip: impl Fn(usize) -> u64) -> Self {
        for range in chunks(shares.len(), CHUNK) {
            let masks = seat.bit_masks(lane, range.clone());
            for ((share, mask), place) in shares[range.clone()].iter_mut().zip(masks).zip(range) {
                *share ^= mask ^ seat.party().public(flip(place)) as u8;
            }
        }
        Self(shares)
    }

    /// Both one behind the other.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The round that opens them.
    pub(super) fn exchange(
        self,
        next: impl FnOnce(&Seat, &mut dyn KeySource, Vec<u8>) -> Result<Turn, Error> + Send + 'static,
    ) -> Turn {
        Turn::exchange(self.message(), move |seat, keys, message| next(seat, keys, self.open(message)?))
    }

    fn message(&self) -> Vec<u8> {
        pack(self.0.iter().map(|bit| u64::from(*bit)), 1)
    }

    /// What is behind both parties' messages.
    fn open(mut self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let expected = packed_bytes(self.0.len(), 1);
        if message.len() != expected {
            return Err(Error::Message { expected, found: message.len() });
        }
        for (shares, message) in self.0.chunks_mut(CHUNK).zip(message.chunks(packed_bytes(CHUNK, 1))) {
            let others = unpack(message, shares.len(), 1)?;
            shares.iter_mut().zip(others).for_each(|(share, other)| *share ^= other as u8);
        }
        Ok(self.0)
    }
}

/// A share of a bit d that is seen under a mask, of which `mask` is a share.
pub(super) fn unmasked(party: Party, seen: u8, mask: u64) -> u64 {
    if seen == 1 { party.public(1).wrapping_sub(mask) } else { mask }
}

/// A share of d·(v̂ − ρ), where d is seen under a mask, v̂ is seen, and `[a, ρ, aρ]` are shares with a the
/// mask of d.
pub(super) fn times(party: Party, seen: u8, hat: u64, [a, rho, product]: [u64; 3]) -> u64 {
    let masked = a.wrapping_mul(hat).wrapping_sub(product);
    if seen == 1 { party.public(hat).wrapping_sub(rho).wrapping_sub(masked) } else { masked }
}
