//! The largest few of each group and their places, by a pruned sorting network: two rounds a level.
//!
//! Ideal functionality: for each group of numbers with sign, what `cowl_model::program::Ranking` computes: the
//! largest few in falling order, then their places, which count from 0 and have f bits behind the point. Exact,
//! whatever the masks. Right where differences within a group fit k bits.
//!
//! One comparison sorts a pair: with d = ReLU(a − b), the larger is b + d and the smaller a − d; the places follow as
//! the companion. Secure as [`super::Select`] is; nothing but its openings is sent.

use std::sync::Arc;

use cowl_model::program::Ranking;

use super::select::Select;
use crate::dealing::{Dealer, Delivery, Seat};
use crate::error::Error;
use crate::prg::Lane;
use crate::protocol::{Gate, Turn};
use crate::ring::{Party, Ring, signed};

/// The layer. Inputs are group by group.
#[derive(Clone, Debug)]
pub struct Top {
    ring: Ring,
    groups: usize,
    ranking: Arc<Ranking>,
}

/// All numbers of all groups and the places that they came from.
struct Field {
    values: Vec<u64>,
    places: Vec<u64>,
}

impl Top {
    /// The largest few of each group, as `ranking` has it.
    ///
    /// # Errors
    /// [`Error::Sizes`] for empty groups, none or too many wanted.
    pub fn new(ring: Ring, groups: usize, ranking: Ranking) -> Result<Self, Error> {
        if ranking.count() == 0 || ranking.count() > ranking.size() {
            return Err(Error::Sizes { what: "a group's size, or how many of it are wanted" });
        }
        Ok(Self { ring, groups, ranking: Arc::new(ranking) })
    }

    fn level(&self, pairs: &[(usize, usize)]) -> Select {
        let count = self.groups * pairs.len();
        Select::with_companion(self.ring, count, self.ring.bits()).expect("a ring's own width fits it")
    }

    /// The selections, a level each, with their lanes.
    fn levels(&self, lane: Lane) -> impl Iterator<Item = (Lane, Select)> + '_ {
        let levels = self.ranking.levels().iter().zip(0u32..);
        levels.map(move |(pairs, number)| (lane.plus(number * Select::PURPOSES), self.level(pairs)))
    }

    fn place(&self, number: usize) -> u64 {
        ((number % self.ranking.size()) as u64) << self.ring.fraction()
    }

    /// Of each group, the largest few and their places.
    fn front(&self, field: &Field) -> Vec<u64> {
        let size = self.ranking.size();
        let groups = field.values.chunks_exact(size).zip(field.places.chunks_exact(size));
        let few = |(values, places): (&[u64], &[u64])| {
            let values = values[..self.ranking.count()].iter();
            values.chain(&places[..self.ranking.count()]).map(|share| self.ring.reduce(*share)).collect()
        };
        groups.flat_map(|group| -> Vec<u64> { few(group) }).collect()
    }

    fn go_on(self, lane: Lane, seat: &Seat, level: usize, mut field: Field) -> Result<Turn, Error> {
        let Some(pairs) = self.ranking.levels().get(level) else {
            return Ok(Turn::Done(self.front(&field)));
        };
        let mut differences = self.differences(pairs, &field.values);
        differences.extend(self.differences(pairs, &field.places));
        let turn = self.level(pairs).begin(lane, seat, &differences)?;
        turn.and_then(seat, move |seat, chosen| {
            let pairs = &self.ranking.levels()[level];
            let (values, places) = chosen.split_at(self.groups * pairs.len());
            self.sort(pairs, &mut field.values, values);
            self.sort(pairs, &mut field.places, places);
            self.go_on(lane.plus(Select::PURPOSES), seat, level + 1, field)
        })
    }

    fn differences(&self, pairs: &[(usize, usize)], of: &[u64]) -> Vec<u64> {
        let groups = of.chunks_exact(self.ranking.size());
        groups.flat_map(|group| pairs.iter().map(|&(a, b)| group[a].wrapping_sub(group[b]))).collect()
    }

    /// `chosen` is a − b where the pair stays, and 0 where it changes places.
    fn sort(&self, pairs: &[(usize, usize)], of: &mut [u64], chosen: &[u64]) {
        let groups = of.chunks_exact_mut(self.ranking.size());
        for (group, chosen) in groups.zip(chosen.chunks_exact(pairs.len())) {
            for (&(a, b), kept) in pairs.iter().zip(chosen) {
                (group[a], group[b]) = (group[b].wrapping_add(*kept), group[a].wrapping_sub(*kept));
            }
        }
    }
}

impl Gate for Top {
    fn inputs(&self) -> usize {
        self.groups * self.ranking.size()
    }

    fn outputs(&self) -> usize {
        2 * self.groups * self.ranking.count()
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
        Error::count("a ranking's inputs", self.inputs(), shares.len())?;
        let places = (0..shares.len()).map(|number| seat.party().public(self.place(number))).collect();
        self.clone().go_on(lane, seat, 0, Field { values: shares.to_vec(), places })
    }

    fn ideal(&self, _: Lane, _: &Dealer, inputs: &[u64]) -> Result<Vec<u64>, Error> {
        Error::count("a ranking's inputs", self.inputs(), inputs.len())?;
        let places = (0..inputs.len()).map(|number| self.place(number)).collect();
        let mut field = Field { values: inputs.to_vec(), places };
        for first in (0..inputs.len()).step_by(self.ranking.size()) {
            for &(a, b) in self.ranking.levels().iter().flatten() {
                let [a, b] = [first + a, first + b];
                if signed(field.values[a].wrapping_sub(field.values[b]), self.ring.bits()) < 0 {
                    field.values.swap(a, b);
                    field.places.swap(a, b);
                }
            }
        }
        Ok(self.front(&field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nonlinear::two_parties::{agree, numbers, rings};

    #[test]
    fn the_largest_few_of_groups_and_their_places_are_found() {
        for (number, ring) in (0..).zip(rings()) {
            for (size, count) in [(1, 1), (2, 2), (10, 1), (10, 3), (13, 13)] {
                let gate = Top::new(ring, 3, Ranking::new(size, count)).unwrap();
                let inputs = numbers(ring, number, 3 * size, 20);
                let found = agree(&gate, ring, number, &inputs);
                for (group, found) in inputs.chunks(size).zip(found.chunks(2 * count)) {
                    let mut sorted: Vec<i64> = group.iter().map(|number| ring.signed(*number)).collect();
                    sorted.sort_unstable_by(|one, other| other.cmp(one));
                    let values: Vec<i64> = found[..count].iter().map(|number| ring.signed(*number)).collect();
                    assert_eq!(values, sorted[..count]);
                    let place = |place: &u64| (place >> ring.fraction()) as usize;
                    assert!(found[count..].iter().zip(found).all(|(at, value)| group[place(at)] == *value));
                }
            }
        }
    }

    #[test]
    fn more_than_there_are_cannot_be_had() {
        let ring = rings()[0];
        assert!(Top::new(ring, 1, Ranking::new(3, 4)).is_err());
        assert!(Top::new(ring, 1, Ranking::new(3, 0)).is_err());
    }
}
