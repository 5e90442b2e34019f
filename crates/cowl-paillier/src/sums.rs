//! Encrypted sums of many ciphertexts by group, in one pass over them.

use crate::ciphertext::{Ciphertexts, read_row, unit_pairs};
use crate::error::Error;
use crate::kernel::LANES;
use crate::key::PublicKey;
use crate::lanes::Pairs;
use crate::modulus::Workspace;

/// Adds ciphertexts up by group, whatever order they come in.
///
/// Each group keeps one ciphertext; a second that comes for the group waits with it as a pair until there are eight
/// pairs, of any groups, for the eight lanes. So the cost is one lane of a multiplication a ciphertext, and the memory
/// one ciphertext a group.
pub struct GroupedSums<'a> {
    key: &'a PublicKey,
    work: Workspace,
    groups: Vec<Group>,
    left: Pairs,
    right: Pairs,
    waiting: Vec<Waiting>,
    /// Where a row's digits are read to before they have their place.
    incoming: Vec<u64>,
}

#[derive(Default)]
struct Group {
    /// Digits of both halves, and the power of R that they are scaled by; empty while the group is.
    digits: Vec<u64>,
    scale: i64,
}

struct Waiting {
    group: usize,
    scale: i64,
}

impl<'a> GroupedSums<'a> {
    /// Sums for groups 0 … count − 1, all empty.
    pub fn new(key: &'a PublicKey, count: usize) -> Self {
        let mut groups = Vec::new();
        groups.resize_with(count, Group::default);
        Self {
            key,
            work: key.modulus().workspace(),
            groups,
            left: unit_pairs(key),
            right: unit_pairs(key),
            waiting: Vec::with_capacity(LANES),
            incoming: vec![0; 2 * key.modulus().digit_count()],
        }
    }

    /// Adds a ciphertext in the form of [`Ciphertexts::to_rows`] to a group.
    ///
    /// Looks at length and range only: a number that is no unit spoils its own group's sum, which the opener refuses.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::OutOfRange`] (as index 0).
    ///
    /// # Panics
    /// When there is no such group.
    pub fn add_row(&mut self, row: &[u8], group: usize) -> Result<(), Error> {
        let expected = self.key.ciphertext_bytes();
        if row.len() != expected {
            return Err(Error::Length { expected, found: row.len() });
        }
        let mut incoming = std::mem::take(&mut self.incoming);
        let read = read_row(self.key, row, &mut incoming);
        if read.is_some() {
            self.add_digits(&incoming, 0, group);
        }
        self.incoming = incoming;
        read.ok_or(Error::OutOfRange { index: 0 })
    }

    /// Adds all ciphertexts of a batch, each to the group of its place.
    ///
    /// # Errors
    /// [`Error::WrongKey`].
    ///
    /// # Panics
    /// When there is no such group.
    pub fn add_batch(&mut self, batch: &Ciphertexts, group_of: impl Fn(usize) -> usize) -> Result<(), Error> {
        batch.expect_key(self.key)?;
        let mut digits = std::mem::take(&mut self.incoming);
        for index in 0..batch.len() {
            batch.groups()[index / LANES].get(index % LANES, &mut digits);
            self.add_digits(&digits, batch.scale(), group_of(index));
        }
        self.incoming = digits;
        Ok(())
    }

    fn add_digits(&mut self, digits: &[u64], scale: i64, group: usize) {
        let kept = &mut self.groups[group];
        if kept.digits.is_empty() {
            kept.scale = scale;
            kept.digits.extend_from_slice(digits);
            return;
        }
        let place = self.waiting.len();
        self.left.set(place, &kept.digits);
        self.right.set(place, digits);
        self.waiting.push(Waiting { group, scale: kept.scale + scale - 1 });
        kept.digits.clear();
        if self.waiting.len() == LANES {
            self.multiply_waiting();
        }
    }

    fn multiply_waiting(&mut self) {
        self.key.modulus().multiply_pairs(&mut self.work, &mut self.left, &self.right);
        let mut products = vec![0; LANES * 2 * self.key.modulus().digit_count()];
        let done = std::mem::replace(&mut self.waiting, Vec::with_capacity(LANES));
        let rows = products.chunks_exact_mut(2 * self.key.modulus().digit_count());
        rows.take(done.len()).enumerate().for_each(|(lane, row)| self.left.get(lane, row));
        let rows = products.chunks_exact(2 * self.key.modulus().digit_count());
        for (row, done) in rows.zip(done) {
            self.add_digits(row, done.scale, done.group);
        }
    }

    /// The sums, in the order of the groups. An empty group has the ciphertext 1, which is an open zero.
    pub fn finish(mut self) -> Ciphertexts {
        while !self.waiting.is_empty() {
            self.multiply_waiting();
        }
        let modulus = self.key.modulus();
        let radix = modulus.square_of_radix();
        let mut results = Vec::with_capacity(self.groups.len().div_ceil(LANES));
        for groups in self.groups.chunks(LANES) {
            let mut sums = unit_pairs(self.key);
            let mut missing = [0; LANES];
            for (lane, group) in groups.iter().enumerate().filter(|(_, group)| !group.digits.is_empty()) {
                sums.set(lane, &group.digits);
                // One too much, so that the batch ends in Montgomery form and no scale is negative.
                missing[lane] = (1 - group.scale).unsigned_abs();
            }
            groups
                .iter()
                .enumerate()
                .filter(|(_, group)| group.digits.is_empty())
                .for_each(|(lane, _)| missing[lane] = 1);
            let factor = modulus.raise_open(&mut self.work, &radix, &missing);
            modulus.multiply_pairs(&mut self.work, &mut sums, &factor);
            results.push(sums);
        }
        Ciphertexts::from_montgomery(self.key, self.groups.len(), results)
    }
}
