//! Rows that look the same to a query. Conditions, keys and joins see a row through the columns that they name, so
//! rows with equal cells in all of these are taken together or left together: one row of each *kind* is enough for an
//! engine to look at.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rayon::prelude::*;

use crate::clear::{Cell, ClearTable};

/// Rows that one core works on at a time.
const CHUNK: usize = 1 << 16;
/// Up to so many pairs of codes are looked up in a table instead of being hashed.
const MOST_PAIRS: usize = 1 << 20;
const NONE: u32 = u32::MAX;

/// A column with a number for each different cell, in the order of their first rows.
#[derive(Debug, PartialEq, Eq)]
struct Codes {
    of_rows: Vec<u32>,
    count: u32,
}

/// The numbers of all columns of a table.
pub(super) struct TableCodes {
    rows: usize,
    columns: Vec<(u16, Codes)>,
}

/// The kinds of a table's rows, in the order of their first rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kinds {
    /// For each kind its first row.
    pub(super) first: Vec<u32>,
    /// For each row its kind.
    pub(super) of_rows: Vec<u32>,
}

impl TableCodes {
    /// Rows must be countable with 32 bits.
    pub(super) fn of(table: &ClearTable) -> Self {
        let code = |column: &crate::clear::ClearColumn| (column.place, Codes::of(&column.cells));
        let rows = usize::try_from(table.schema().rows).expect("a table in memory");
        Self { rows, columns: table.columns().iter().map(code).collect() }
    }

    /// The kinds of rows as seen through columns, by their places in the schema.
    pub(super) fn kinds(&self, places: &[u16]) -> Kinds {
        let wanted = self.columns.iter().filter(|(place, _)| places.contains(place));
        let mut columns = wanted.map(|(_, codes)| codes);
        let Some(first) = columns.next() else { return Kinds::all_alike(self.rows) };
        let pairs = columns
            .fold(None, |so_far: Option<Codes>, more| Some(so_far.as_ref().unwrap_or(first).with(more)));
        match pairs {
            Some(codes) => Kinds::new(codes.of_rows, codes.count),
            None => Kinds::new(first.of_rows.clone(), first.count),
        }
    }
}

impl Kinds {
    fn all_alike(rows: usize) -> Self {
        Self { first: (0..rows.min(1) as u32).collect(), of_rows: vec![0; rows] }
    }

    fn new(of_rows: Vec<u32>, count: u32) -> Self {
        let mut first = Vec::with_capacity(count as usize);
        for (row, kind) in (0..).zip(&of_rows) {
            if *kind as usize == first.len() {
                first.push(row);
            }
        }
        Self { first, of_rows }
    }
}

impl Codes {
    /// Chunks have numbers of their own first; then each chunk's new cells get the next numbers of all.
    fn of(cells: &[Cell]) -> Self {
        let chunks: Vec<(Vec<&Cell>, Vec<u32>)> = cells.par_chunks(CHUNK).map(code_chunk).collect();
        let mut numbers: HashMap<&Cell, u32> = HashMap::new();
        let renumbered: Vec<Vec<u32>> = chunks
            .iter()
            .map(|(distinct, _)| distinct.iter().map(|cell| next_number(&mut numbers, *cell)).collect())
            .collect();
        let mut of_rows = vec![0; cells.len()];
        of_rows.par_chunks_mut(CHUNK).zip(&chunks).zip(&renumbered).for_each(|((codes, chunk), numbers)| {
            codes.iter_mut().zip(&chunk.1).for_each(|(code, local)| *code = numbers[*local as usize]);
        });
        Self { of_rows, count: numbers.len() as u32 }
    }

    /// A number for each different pair of this column's and the other's.
    fn with(&self, other: &Self) -> Self {
        let pairs = (self.count as usize).saturating_mul(other.count as usize);
        let rows = self.of_rows.iter().zip(&other.of_rows);
        if pairs > MOST_PAIRS {
            let mut numbers = HashMap::new();
            let of_rows = rows.map(|pair| next_number(&mut numbers, pair)).collect();
            return Self { of_rows, count: numbers.len() as u32 };
        }
        let (mut numbers, mut count) = (vec![NONE; pairs], 0);
        let of_rows = rows
            .map(|(own, others)| {
                let number = &mut numbers[(own * other.count + others) as usize];
                if *number == NONE {
                    *number = count;
                    count += 1;
                }
                *number
            })
            .collect();
        Self { of_rows, count }
    }
}

fn code_chunk(cells: &[Cell]) -> (Vec<&Cell>, Vec<u32>) {
    let (mut numbers, mut distinct) = (HashMap::new(), Vec::new());
    let codes = cells.iter().map(|cell| {
        let number = next_number(&mut numbers, cell);
        if number as usize == distinct.len() {
            distinct.push(cell);
        }
        number
    });
    let codes = codes.collect();
    (distinct, codes)
}

fn next_number<T: std::hash::Hash + Eq>(numbers: &mut HashMap<T, u32>, value: T) -> u32 {
    let next = numbers.len() as u32;
    match numbers.entry(value) {
        Entry::Occupied(known) => *known.get(),
        Entry::Vacant(new) => *new.insert(next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(cells: impl IntoIterator<Item = i64>) -> Codes {
        Codes::of(&cells.into_iter().map(Cell::Integer).collect::<Vec<_>>())
    }

    #[test]
    fn equal_cells_have_equal_numbers_in_the_order_of_their_first_rows() {
        assert_eq!(numbers([7, 7, 3, 9, 3]), Codes { of_rows: vec![0, 0, 1, 2, 1], count: 3 });
    }

    #[test]
    fn numbers_do_not_depend_on_where_chunks_end() {
        let cells = |row: usize| (row / 5) as i64 % 20_011;
        let codes = numbers((0..3 * CHUNK).map(cells));
        assert_eq!(codes.count, 20_011);
        assert!(codes.of_rows.iter().enumerate().all(|(row, code)| i64::from(*code) == cells(row)));
    }

    #[test]
    fn pairs_of_many_numbers_are_numbered_as_those_of_few() {
        let rows = 2_000;
        let (few, many) = (numbers((0..rows).map(|row| row % 3)), numbers(0..rows));
        assert!(few.count as usize * (many.count as usize) < MOST_PAIRS);
        assert_eq!(few.with(&many), many, "each row is its own kind");
        let alike = numbers((0..rows).map(|row| row % 1_999)).with(&many);
        assert!(alike.count as usize * (many.count as usize) > MOST_PAIRS);
        assert_eq!(alike, many);
        assert_eq!(few.with(&few), few);
    }

    #[test]
    fn without_columns_all_rows_are_of_one_kind() {
        assert_eq!(Kinds::all_alike(3), Kinds { first: vec![0], of_rows: vec![0; 3] });
        assert_eq!(Kinds::all_alike(0), Kinds { first: vec![], of_rows: vec![] });
    }
}
