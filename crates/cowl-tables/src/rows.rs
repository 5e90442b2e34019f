//! Sets of rows of one table.

use cowl_domain::wire;
use minicbor::{Decode, Encode};

/// Which of a table's rows a query takes: one bit a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowSet {
    rows: u64,
    words: Vec<u64>,
}

const WORD: u64 = u64::BITS as u64;

impl RowSet {
    /// No row of a table of `rows` rows.
    pub fn none(rows: u64) -> Self {
        Self { rows, words: vec![0; rows.div_ceil(WORD) as usize] }
    }

    /// All rows.
    pub fn all(rows: u64) -> Self {
        Self::of(rows, 0..rows)
    }

    /// The rows with these numbers, from 0; numbers beyond the table are left out.
    pub fn of(rows: u64, taken: impl IntoIterator<Item = u64>) -> Self {
        let mut set = Self::none(rows);
        for row in taken {
            set.insert(row);
        }
        set
    }

    /// Takes one more row.
    pub fn insert(&mut self, row: u64) {
        if row < self.rows {
            self.words[(row / WORD) as usize] |= 1 << (row % WORD);
        }
    }

    /// Leaves a row out.
    pub fn remove(&mut self, row: u64) {
        if row < self.rows {
            self.words[(row / WORD) as usize] &= !(1 << (row % WORD));
        }
    }

    /// Whether a row is taken.
    pub fn contains(&self, row: u64) -> bool {
        row < self.rows && self.words[(row / WORD) as usize] & (1 << (row % WORD)) != 0
    }

    /// How many rows the table has.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// How many rows are taken.
    pub fn len(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// The rows that are taken, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.words.iter().zip(0u64..).flat_map(|(&word, place)| {
            let bits = std::iter::successors(Some(word), |left| Some(left & left.wrapping_sub(1)));
            bits.take_while(|left| *left != 0)
                .map(move |left| place * WORD + u64::from(left.trailing_zeros()))
        })
    }

    /// The rows that both take; both must be of one table.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        debug_assert_eq!(self.rows, other.rows, "rows of two tables");
        let words = self.words.iter().zip(&other.words).map(|(a, b)| a & b).collect();
        Self { rows: self.rows, words }
    }
}

#[derive(Encode, Decode)]
struct Form {
    #[n(0)]
    rows: u64,
    #[cbor(n(1), with = "minicbor::bytes")]
    bits: Vec<u8>,
}

impl RowSet {
    /// Its canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bits: Vec<u8> = self.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bits.truncate(self.rows.div_ceil(8) as usize);
        wire::encode(&Form { rows: self.rows, bits })
    }

    /// Reads its canonical bytes.
    ///
    /// # Errors
    /// [`wire::WireError`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, wire::WireError> {
        const WHAT: &str = "set of rows";
        let Form { rows, bits } = wire::decode(WHAT, bytes)?;
        if bits.len() as u64 != rows.div_ceil(8) {
            let detail = format!("{} bytes for {rows} rows", bits.len());
            return Err(wire::WireError::Malformed { what: WHAT, detail });
        }
        let word = |chunk: &[u8]| {
            let mut whole = [0; 8];
            whole[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(whole)
        };
        let set = Self { rows, words: bits.chunks(8).map(word).collect() };
        let beyond = rows % WORD != 0 && set.words.last().is_some_and(|last| last >> (rows % WORD) != 0);
        if beyond { Err(wire::WireError::NotCanonical { what: WHAT }) } else { Ok(set) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_set_of_rows_is_a_set(rows in 1u64..300, taken in prop::collection::btree_set(0u64..300, 0..60)) {
            let set = RowSet::of(rows, taken.iter().copied());
            let expected: BTreeSet<u64> = taken.into_iter().filter(|row| *row < rows).collect();
            prop_assert_eq!(set.iter().collect::<BTreeSet<_>>(), expected.clone());
            prop_assert_eq!(set.len(), expected.len() as u64);
            prop_assert_eq!(set.is_empty(), expected.is_empty());
            prop_assert!((0..320).all(|row| set.contains(row) == expected.contains(&row)));
            prop_assert_eq!(RowSet::from_bytes(&set.to_bytes()), Ok(set));
        }

        #[test]
        fn bytes_from_elsewhere_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = RowSet::from_bytes(&bytes);
        }
    }

    #[test]
    fn a_row_beyond_the_table_has_no_bit() {
        let mut bytes = RowSet::all(10).to_bytes();
        *bytes.last_mut().unwrap() |= 0x80;
        assert!(RowSet::from_bytes(&bytes).is_err());
    }
}
