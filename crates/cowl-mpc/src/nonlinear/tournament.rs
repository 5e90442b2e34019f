//! The largest of a group, or its place, by rounds of pairs: MaxPool, global maximum, ArgMax.
//!
//! Ideal functionality: for each group of numbers with sign, the largest, or the place (from 0) of the first
//! or last largest. Exact, whatever the masks. Right where differences within a group fit the width. Values
//! that are known to be narrow (behind a ReLU, say) may be compared with fewer bits, and cost less.
//!
//! Two rounds a level, ⌈log₂ size⌉ levels: max(a, b) = b + ReLU(a − b), and the places are the companion of
//! the same comparison. Secure as [`super::Select`] is; nothing but its openings is sent.

use super::select::Select;
use crate::dealing::{Dealer, Delivery, Seat};
use crate::error::Error;
use crate::prg::Lane;
use crate::protocol::{Gate, Turn};
use crate::ring::{Party, Ring, signed};

/// What is wanted of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Want {
    /// The largest number.
    Value,
    /// The place of the largest, the first of several.
    First,
    /// The place of the largest, the last of several.
    Last,
}

/// The layer. Inputs are group by group.
#[derive(Clone, Copy, Debug)]
pub struct Tournament {
    ring: Ring,
    groups: usize,
    size: usize,
    width: u32,
    want: Want,
}

/// Who is left: numbers and places, group by group.
struct Field {
    size: usize,
    values: Vec<u64>,
    places: Vec<u64>,
}

impl Tournament {
    /// Groups of `size`, compared by differences of `width` bits.
    ///
    /// # Errors
    /// [`Error::Sizes`] for empty groups or a width that is not from 2 to k.
    pub fn new(ring: Ring, groups: usize, size: usize, width: u32, want: Want) -> Result<Self, Error> {
        if size == 0 || !(2..=ring.bits()).contains(&width) {
            return Err(Error::Sizes { what: "a group's size or width" });
        }
        Ok(Self { ring, groups, size, width, want })
    }

    fn with_places(&self) -> bool {
        self.want != Want::Value
    }

    /// The selections, a level each, with their lanes.
    fn levels(&self, lane: Lane) -> impl Iterator<Item = (Lane, Select)> + '_ {
        let sizes = std::iter::successors(Some(self.size), |size| Some(size.div_ceil(2)));
        let sizes = sizes.take_while(|size| *size > 1);
        sizes.zip(0u32..).map(move |(size, level)| {
            (lane.plus(level * Select::PURPOSES), self.level(size).expect("the width was checked"))
        })
    }

    fn level(&self, size: usize) -> Result<Select, Error> {
        let pairs = self.groups * (size / 2);
        if self.with_places() {
            Select::with_companion(self.ring, pairs, self.width)
        } else {
            Select::relu(self.ring, pairs, self.width, 0, super::Rounding::Nearby)
        }
    }

    fn go_on(self, lane: Lane, seat: &Seat, field: Field) -> Result<Turn, Error> {
        if field.size == 1 {
            return Ok(Turn::Done(if self.with_places() { field.places } else { field.values }));
        }
        let pairs = self.groups * (field.size / 2);
        let mut differences = field.differences(&field.values, self.want);
        if self.with_places() {
            differences.extend(field.differences(&field.places, self.want));
        }
        let turn = self.level(field.size)?.begin(lane, seat, &differences)?;
        turn.and_then(seat, move |seat, chosen| {
            let (values, places) = chosen.split_at(pairs);
            let next = Field {
                size: field.size.div_ceil(2),
                values: field.winners(&field.values, values, self.want),
                places: field.winners(&field.places, places, self.want),
            };
            self.go_on(lane.plus(Select::PURPOSES), seat, next)
        })
    }
}

impl Field {
    /// Of each pair, the one that wins when both are equal, minus the other.
    fn differences(&self, of: &[u64], want: Want) -> Vec<u64> {
        let groups = of.chunks_exact(self.size);
        let pairs = groups.flat_map(|group| group.chunks_exact(2));
        pairs.map(|pair| favoured(pair, want).0.wrapping_sub(favoured(pair, want).1)).collect()
    }

    /// The other of each pair plus what was chosen of the difference; who has no partner goes on.
    fn winners(&self, of: &[u64], chosen: &[u64], want: Want) -> Vec<u64> {
        let mut chosen = chosen.iter();
        let mut winners = Vec::with_capacity(of.len().div_ceil(2));
        for pair in of.chunks_exact(self.size).flat_map(|group| group.chunks(2)) {
            winners.push(match pair {
                [_, _] => favoured(pair, want).1.wrapping_add(*chosen.next().unwrap_or(&0)),
                pair => pair[0],
            });
        }
        winners
    }
}

fn favoured(pair: &[u64], want: Want) -> (u64, u64) {
    if want == Want::Last { (pair[1], pair[0]) } else { (pair[0], pair[1]) }
}

impl Gate for Tournament {
    fn inputs(&self) -> usize {
        self.groups * self.size
    }

    fn outputs(&self) -> usize {
        self.groups
    }

    fn key_bytes(&self, party: Party) -> u64 {
        self.levels(Lane::new(0, 0)).map(|(_, level)| level.key_bytes(party)).sum()
    }

    fn message_bytes(&self) -> Vec<usize> {
        self.levels(Lane::new(0, 0)).flat_map(|(_, level)| level.message_bytes()).collect()
    }

    fn deal(&self, lane: Lane, dealer: &Dealer, delivery: &mut dyn Delivery) -> Result<(), Error> {
        self.levels(lane).try_for_each(|(lane, level)| level.deal(lane, dealer, delivery))
    }

    fn begin(&self, lane: Lane, seat: &Seat, shares: &[u64]) -> Result<Turn, Error> {
        Error::count("a tournament's inputs", self.inputs(), shares.len())?;
        let place = |number: usize| seat.party().public((number % self.size) as u64);
        let places = if self.with_places() { (0..shares.len()).map(place).collect() } else { Vec::new() };
        let turn = self.go_on(lane, seat, Field { size: self.size, values: shares.to_vec(), places })?;
        let ring = self.ring;
        turn.and_then(seat, move |_, output| {
            Ok(Turn::Done(output.into_iter().map(|share| ring.reduce(share)).collect()))
        })
    }

    fn ideal(&self, _: Lane, _: &Dealer, inputs: &[u64]) -> Result<Vec<u64>, Error> {
        Error::count("a tournament's inputs", self.inputs(), inputs.len())?;
        let larger = |a: (usize, u64), b: (usize, u64)| {
            let ahead = signed(a.1.wrapping_sub(b.1), self.width);
            if ahead > 0 || ahead == 0 && self.want != Want::Last { a } else { b }
        };
        let winner = |group: &[u64]| {
            let best = group.iter().copied().enumerate().reduce(larger).expect("groups are not empty");
            self.ring.reduce(if self.with_places() { best.0 as u64 } else { best.1 })
        };
        Ok(inputs.chunks_exact(self.size).map(winner).collect())
    }
}

#[cfg(test)]
mod tests;
