//! Batches of comparisons with a secret point, in chunks that fit a cache and over all cores.
//!
//! A key compares one secret point α with any number of points: shares of "α ≤ x" for each. See
//! [`crate::dpf`] for the function, its security and the key format; all points of a key are masked by the
//! same secret (Grotto, section 4), which is secure because the points differ by public constants.

use std::ops::Range;

use rayon::prelude::*;

use crate::dealing::{CHUNK, Dealer, Delivery, KeySource, Seat, chunks};
use crate::dpf::{Domain, TILE};
use crate::error::Error;
use crate::prg::Lane;
use crate::ring::Party;

/// Tiles below which a second core costs more than it brings.
const WORTH_SHARING: usize = 16;

/// So many keys, each asked at so many points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparisons {
    domain: Domain,
    keys: usize,
    points: usize,
}

impl Comparisons {
    /// Points of `bits` bits (1 to 64).
    ///
    /// # Errors
    /// [`Error::Sizes`] for other widths.
    pub fn new(bits: u32, keys: usize, points: usize) -> Result<Self, Error> {
        if !(1..=64).contains(&bits) {
            return Err(Error::Sizes { what: "a comparison's width" });
        }
        Ok(Self { domain: Domain::new(bits), keys, points })
    }

    /// Bytes of all keys.
    pub fn key_bytes(&self) -> u64 {
        (self.keys * self.domain.key_bytes()) as u64
    }

    /// Deals keys for secret points, which are asked for a chunk at a time.
    ///
    /// # Errors
    /// [`Error::Delivery`].
    pub fn deal(
        &self,
        lane: Lane,
        dealer: &Dealer,
        secret: impl Fn(Range<usize>) -> Vec<u64>,
        delivery: &mut dyn Delivery,
    ) -> Result<(), Error> {
        let mut words = Vec::new();
        for range in chunks(self.keys, CHUNK) {
            let points = secret(range.clone());
            words.resize(points.len() * self.domain.key_bytes(), 0);
            let tile_bytes = TILE * self.domain.key_bytes();
            let generate = |(tile, (words, points)): (usize, (&mut [u8], &[u64]))| {
                let [a, b] = dealer.roots(lane, range.start / TILE + tile);
                self.domain.generate(dealer.permutation(), [&a, &b], points, words);
            };
            words
                .par_chunks_mut(tile_bytes)
                .zip(points.par_chunks(TILE))
                .enumerate()
                .with_min_len(WORTH_SHARING)
                .for_each(generate);
            Party::BOTH.into_iter().try_for_each(|party| delivery.deliver(party, &words))?;
        }
        Ok(())
    }

    /// A share (0 or 1) of "the key's secret point ≤ the point", key by key, a key's points behind each
    /// other.
    ///
    /// `point` gives a key's point of some number.
    ///
    /// # Errors
    /// [`Error::KeysEnd`].
    pub fn evaluate(
        &self,
        lane: Lane,
        seat: &Seat,
        keys: &mut dyn KeySource,
        point: impl Fn(usize, usize) -> u64 + Sync,
    ) -> Result<Vec<u8>, Error> {
        let mut shares = vec![0; self.keys * self.points];
        for range in chunks(self.keys, CHUNK) {
            let words = keys.take(range.len() * self.domain.key_bytes())?;
            let shares = &mut shares[range.start * self.points..range.end * self.points];
            shares
                .par_chunks_mut((TILE * self.points).max(1))
                .zip(words.par_chunks(TILE * self.domain.key_bytes()))
                .enumerate()
                .with_min_len(WORTH_SHARING.div_ceil(self.points.max(1)))
                .for_each(|(tile, (shares, words))| {
                    self.evaluate_tile(lane, seat, range.start / TILE + tile, words, &point, shares);
                });
        }
        Ok(shares)
    }

    fn evaluate_tile(
        &self,
        lane: Lane,
        seat: &Seat,
        tile: usize,
        words: &[u8],
        point: &(impl Fn(usize, usize) -> u64 + Sync),
        shares: &mut [u8],
    ) {
        let roots = seat.roots(lane, tile);
        let keys = shares.len() / self.points;
        let mut at = [0; TILE];
        for number in 0..self.points {
            for (key, at) in at[..keys].iter_mut().enumerate() {
                *at = point(tile * TILE + key, number);
            }
            let reached = self.domain.reach(seat.permutation(), &roots, &at[..keys], words);
            for key in 0..keys {
                shares[key * self.points + number] = reached.not_right[key] as u8;
            }
        }
    }
}
