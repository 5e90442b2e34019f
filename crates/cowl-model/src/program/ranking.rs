//! The largest few of several numbers: a sorting network, less what the largest few do not need.

use crate::shape::ShapeError;
use crate::tensor::Tensor;

/// Comparisons that bring the `count` largest of `size` numbers to the front, the largest first: Batcher's
/// merge exchange (Knuth, TAOCP 3, algorithm 5.2.2M), pruned from its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ranking {
    size: usize,
    count: usize,
    levels: Vec<Vec<(usize, usize)>>,
}

impl Ranking {
    /// The `count` largest of `size`.
    pub fn new(size: usize, count: usize) -> Self {
        let mut wanted: Vec<bool> = (0..size).map(|place| place < count).collect();
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        for (upper, lower) in merge_exchange(size).into_iter().rev() {
            if wanted[upper] || wanted[lower] {
                (wanted[upper], wanted[lower]) = (true, true);
                pairs.push((upper, lower));
            }
        }
        let (mut depth, mut levels) = (vec![0; size], Vec::<Vec<(usize, usize)>>::new());
        for (upper, lower) in pairs.into_iter().rev() {
            let level = depth[upper].max(depth[lower]);
            (depth[upper], depth[lower]) = (level + 1, level + 1);
            levels.resize(levels.len().max(level + 1), Vec::new());
            levels[level].push((upper, lower));
        }
        Self { size, count, levels }
    }

    /// At least as many comparisons as ranking so many takes, whatever is wanted of them.
    pub(crate) fn most_comparisons(size: usize) -> usize {
        let levels = size.next_power_of_two().ilog2() as usize;
        size.saturating_mul(levels * (levels + 1)) / 4 + 1
    }

    /// Numbers that go in.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Numbers that come out.
    pub fn count(&self) -> usize {
        self.count
    }

    /// What is compared, a level behind the other: of each pair of places, the first gets the larger number. Of equal
    /// numbers both stay.
    pub fn levels(&self) -> &[Vec<(usize, usize)>] {
        &self.levels
    }

    /// How many comparisons.
    pub fn comparisons(&self) -> usize {
        self.levels.iter().map(Vec::len).sum()
    }

    /// The largest numbers of a line with the places that they came from.
    pub(crate) fn apply<N: PartialOrd + Copy>(&self, line: impl IntoIterator<Item = N>) -> Vec<(N, usize)> {
        let mut field: Vec<(N, usize)> = line.into_iter().zip(0..).collect();
        for &(upper, lower) in self.levels.iter().flatten() {
            if field[upper].0 < field[lower].0 {
                field.swap(upper, lower);
            }
        }
        field.truncate(self.count);
        field
    }

    /// The same of every line along an axis: the numbers, then their places as `place` makes numbers of them.
    pub(crate) fn along<N: PartialOrd + Copy>(
        &self,
        input: &Tensor<N>,
        axis: usize,
        place: impl Fn(usize) -> N,
    ) -> Result<Tensor<N>, ShapeError> {
        let inner = input.shape().strides()[axis];
        let mut data = Vec::new();
        for plane in input.data().chunks_exact((self.size * inner).max(1)) {
            let line = |at: usize| self.apply(plane[at..].iter().step_by(inner).copied());
            let found: Vec<Vec<(N, usize)>> = (0..inner).map(line).collect();
            for rank in 0..self.count {
                data.extend(found.iter().map(|line| line[rank].0));
            }
            for rank in 0..self.count {
                data.extend(found.iter().map(|line| place(line[rank].1)));
            }
        }
        Tensor::new(input.shape().with_size(axis, 2 * self.count)?, data)
    }
}

/// Pairs of places in an order in which they can be compared.
fn merge_exchange(size: usize) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let first = size.next_power_of_two() / 2;
    let mut sorted = first;
    while sorted > 0 {
        let (mut reach, mut remainder, mut distance) = (first, 0, sorted);
        loop {
            let fits = |place: &usize| place & sorted == remainder;
            pairs.extend(
                (0..size.saturating_sub(distance)).filter(fits).map(|place| (place, place + distance)),
            );
            if reach == sorted {
                break;
            }
            (distance, reach, remainder) = (reach - sorted, reach / 2, sorted);
        }
        sorted /= 2;
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_few_of_any_number_come_first_in_falling_order() {
        for size in 1..40usize {
            let line: Vec<i64> = (0..size).map(|at| (at as i64 * 7919 % 37) - 18).collect();
            let mut sorted = line.clone();
            sorted.sort_unstable_by(|one, other| other.cmp(one));
            for count in 1..=size {
                let found = Ranking::new(size, count).apply(line.iter().copied());
                assert!(found.iter().all(|&(value, place)| line[place] == value));
                let values: Vec<i64> = found.into_iter().map(|(value, _)| value).collect();
                assert_eq!(values, sorted[..count], "{count} of {size}");
            }
        }
    }

    #[test]
    fn the_largest_alone_takes_one_comparison_less_than_there_are_numbers() {
        for size in [2, 10, 58, 64] {
            let ranking = Ranking::new(size, 1);
            assert_eq!(ranking.comparisons(), size - 1);
            assert_eq!(ranking.levels().len(), size.next_power_of_two().ilog2() as usize);
            assert!(Ranking::new(size, size).comparisons() <= Ranking::most_comparisons(size));
        }
        assert!(Ranking::new(10, 3).comparisons() < Ranking::new(10, 10).comparisons());
    }
}
