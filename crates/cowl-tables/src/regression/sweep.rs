//! The inverse of a symmetric integer matrix, exact, without fractions.
//!
//! The sweep operator (Goodnight, The American Statistician 33, 1979) with the division-free pivoting of Bareiss
//! (Mathematics of Computation 22, 1968): after pivot k every entry is a minor of the matrix, hence an integer,
//! and the division by the pivot before leaves no rest. Swept over all pivots, what stands there is the adjugate;
//! the last pivot is the determinant. p³/2 products of integers that grow to p times the bits of the entries.

use num_bigint::BigInt;
use num_traits::{One, Signed, Zero};

/// A symmetric matrix of integers, its upper half kept.
pub(super) struct Symmetric {
    size: usize,
    entries: Vec<BigInt>,
}

impl Symmetric {
    pub(super) fn new(size: usize, entry: impl Fn(usize, usize) -> BigInt) -> Self {
        let places = (0..size).flat_map(|row| (row..size).map(move |column| (row, column)));
        Self { size, entries: places.map(|(row, column)| entry(row, column)).collect() }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    fn index(&self, row: usize, column: usize) -> usize {
        let (low, high) = (row.min(column), row.max(column));
        low * (2 * self.size - low + 1) / 2 + (high - low)
    }

    pub(super) fn at(&self, row: usize, column: usize) -> &BigInt {
        &self.entries[self.index(row, column)]
    }

    /// This matrix times a vector.
    pub(super) fn times(&self, vector: &[BigInt]) -> Vec<BigInt> {
        (0..self.size).map(|row| vector.iter().enumerate().map(|(i, x)| self.at(row, i) * x).sum()).collect()
    }

    /// vᵀ · this · v.
    pub(super) fn form(&self, vector: &[BigInt]) -> BigInt {
        dot(&self.times(vector), vector)
    }
}

pub(super) fn dot(left: &[BigInt], right: &[BigInt]) -> BigInt {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}

/// The inverse: `adjugate / determinant`.
pub(super) struct Inverse {
    pub(super) adjugate: Symmetric,
    pub(super) determinant: BigInt,
}

/// Why there is no inverse.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoInverse {
    /// Column `place` is a linear combination of the columns `of` before it; of none when it is zero.
    Dependent { place: usize, of: Vec<usize> },
    /// The matrix has a negative direction at `place`: no sums of squares look like that.
    Indefinite { place: usize },
}

/// Inverts a positive definite matrix.
pub(super) fn invert(mut matrix: Symmetric) -> Result<Inverse, NoInverse> {
    let mut before = BigInt::one();
    for place in 0..matrix.size {
        let pivot = matrix.at(place, place).clone();
        if pivot.is_zero() {
            let of = (0..place).filter(|&earlier| !matrix.at(earlier, place).is_zero()).collect();
            return Err(NoInverse::Dependent { place, of });
        }
        if pivot.is_negative() {
            return Err(NoInverse::Indefinite { place });
        }
        sweep(&mut matrix, place, &pivot, &before);
        before = pivot;
    }
    Ok(Inverse { adjugate: matrix, determinant: before })
}

/// One pivot. Entries between a swept and an unswept column change their sign when mirrored, others do not;
/// the upper half holds the entry (swept, unswept).
fn sweep(matrix: &mut Symmetric, pivot_place: usize, pivot: &BigInt, before: &BigInt) {
    let column: Vec<BigInt> = (0..matrix.size).map(|row| matrix.at(row, pivot_place).clone()).collect();
    for row in 0..matrix.size {
        if row == pivot_place {
            continue;
        }
        for other in row..matrix.size {
            if other == pivot_place {
                continue;
            }
            // (row, k) times (k, other): the second factor is mirrored when `other` was swept.
            let product = &column[row] * &column[other];
            let mirrored = other < pivot_place;
            let index = matrix.index(row, other);
            let scaled = pivot * &matrix.entries[index];
            matrix.entries[index] = if mirrored { scaled + product } else { scaled - product } / before;
        }
    }
    // Rows above were (swept, unswept) and are now (swept, swept); rows below are now (swept, unswept).
    for row in 0..pivot_place {
        let index = matrix.index(row, pivot_place);
        matrix.entries[index] = -std::mem::take(&mut matrix.entries[index]);
    }
    let index = matrix.index(pivot_place, pivot_place);
    matrix.entries[index] = before.clone();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// XᵀX of a few rows.
    fn gram(rows: &[Vec<i64>]) -> Symmetric {
        let entry = |i: usize, j: usize| rows.iter().map(|row| BigInt::from(row[i]) * row[j]).sum();
        Symmetric::new(rows[0].len(), entry)
    }

    proptest! {
        #[test]
        fn a_matrix_times_its_adjugate_is_its_determinant(
            rows in (1usize..6).prop_flat_map(|size| prop::collection::vec(prop::collection::vec(-1_000i64..1_000, size), size + 2))
        ) {
            let matrix = gram(&rows);
            if let Ok(inverse) = invert(gram(&rows)) {
                for j in 0..matrix.size() {
                    let column: Vec<_> = (0..matrix.size()).map(|i| inverse.adjugate.at(i, j).clone()).collect();
                    for (i, found) in matrix.times(&column).into_iter().enumerate() {
                        let expected = if i == j { inverse.determinant.clone() } else { BigInt::zero() };
                        prop_assert_eq!(found, expected);
                    }
                }
            }
        }

        #[test]
        fn a_column_that_others_determine_is_found(a in -9i64..10, b in -9i64..10, rows in prop::collection::vec((-99i64..99, -99i64..99), 4..9)) {
            let rows: Vec<_> = rows.iter().map(|&(x, y)| vec![x, y, a * x + b * y]).collect();
            let found = invert(gram(&rows)).err();
            let dependent = matches!(found, Some(NoInverse::Dependent { .. }));
            prop_assert!(dependent);
        }
    }

    #[test]
    fn a_dependent_column_names_those_that_determine_it() {
        let rows = [[1, 0, 5, 2], [0, 1, 7, 3], [2, 2, 1, 10], [1, -1, 0, -1]].map(Vec::from);
        let expected = NoInverse::Dependent { place: 3, of: vec![0, 1] };
        assert_eq!(invert(gram(&rows)).err(), Some(expected));
    }

    #[test]
    fn sums_that_no_rows_have_are_told_apart() {
        let matrix = Symmetric::new(2, |i, j| BigInt::from(if i == j { 1 } else { 2 }));
        assert_eq!(invert(matrix).err(), Some(NoInverse::Indefinite { place: 1 }));
    }
}
