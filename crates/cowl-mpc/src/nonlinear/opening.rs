//! Masked values that both parties see.

use crate::dealing::Seat;
use crate::error::Error;
use crate::prg::Lane;
use crate::ring::{low, pack, unpack};

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
        let masks = seat.masks(lane, 0..shares.len(), bits);
        let shares = shares.zip(masks).map(|(share, mask)| low(share.wrapping_add(mask), bits)).collect();
        Self { shares, bits }
    }

    pub(super) fn message(&self) -> Vec<u8> {
        pack(self.shares.iter().copied(), self.bits)
    }

    /// What is behind both parties' messages.
    pub(super) fn open(&self, message: &[u8]) -> Result<Vec<u64>, Error> {
        let others = unpack(message, self.shares.len(), self.bits)?;
        Ok(self.shares.iter().zip(others).map(|(a, b)| low(a.wrapping_add(b), self.bits)).collect())
    }
}
