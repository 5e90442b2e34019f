//! Encrypted sums by group: the ciphertexts of a group's rows multiplied modulo n², on all cores.

use std::ops::Range;

use cowl_paillier::{Ciphertexts, GroupedSums, PublicKey};
use rayon::prelude::*;

use crate::answer::{Answer, EncryptedGroup, EncryptedSet};
use crate::pages::{CiphertextPages, PageError};
use crate::query::Query;
use crate::selection::Released;

/// The most sums of one answer: groups times ciphertexts. Each needs memory on every core.
const MOST_SUMS: usize = 1 << 17;

/// Why there are no sums.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SumsError {
    /// A stored page is not there.
    #[error(transparent)]
    Page(#[from] PageError),
    /// A stored ciphertext is none of this key: the stored table is damaged or forged.
    #[error("row {row}, ciphertext {column}: {source}")]
    Ciphertext {
        /// The row, from 0.
        row: u64,
        /// Which ciphertext of the row.
        column: u32,
        /// What is wrong with it.
        source: cowl_paillier::Error,
    },
    /// The arithmetic refused; ciphertexts of two keys were mixed.
    #[error(transparent)]
    Arithmetic(#[from] cowl_paillier::Error),
    /// A set was not handed in, or has another number of rows than the selection knows.
    #[error("the ciphertexts of set {0} are not at hand, or are of another table")]
    Set(u16),
    /// The asker's fault: more groups than one answer holds.
    #[error("the query makes more than {most} sums: group by fewer values, or use LIMIT")]
    TooManySums {
        /// How many there may be.
        most: usize,
    },
}

/// The answer to a query: for each released group the encrypted sums of the sets that the query needs.
///
/// `sets` gives the stored ciphertexts of a set by its place in the schema. What leaves is described by [`Answer`]:
/// no row's ciphertext does, unless a group has a single row, which no minimum above 1 lets through.
///
/// # Errors
/// [`SumsError`].
pub fn encrypted_sums<'a>(
    query: &Query,
    released: Released,
    key: &PublicKey,
    sets: impl Fn(u16) -> Option<&'a dyn CiphertextPages>,
) -> Result<Answer, SumsError> {
    let members = Members::of(&released);
    let Released { groups, suppressed } = released;
    let mut answers: Vec<EncryptedGroup> = groups
        .into_iter()
        .map(|group| EncryptedGroup { keys: group.keys, rows: group.rows.len() as u64, sets: Vec::new() })
        .collect();
    for set in query.sets() {
        let pages = sets(set).ok_or(SumsError::Set(set))?;
        let sums = sums_of_set(&members, key, pages).map_err(|error| error.unwrap_or(SumsError::Set(set)))?;
        for (answer, ciphertexts) in answers.iter_mut().zip(sums) {
            answer.sets.push(EncryptedSet { set, ciphertexts });
        }
    }
    Ok(Answer { query: query.digest(), groups: answers, suppressed })
}

/// Which group each row belongs to.
struct Members {
    groups: usize,
    of_rows: Vec<u32>,
}

/// The group of rows that are not taken.
const NO_GROUP: u32 = u32::MAX;

impl Members {
    /// The selection's rows, up to the last that it takes.
    fn of(released: &Released) -> Self {
        let last = released.groups.iter().flat_map(|group| &group.rows).max();
        let mut of_rows = vec![NO_GROUP; last.map_or(0, |row| *row as usize + 1)];
        for (place, group) in (0..).zip(&released.groups) {
            group.rows.iter().for_each(|row| of_rows[*row as usize] = place);
        }
        Self { groups: released.groups.len(), of_rows }
    }

    /// The rows of a range that are taken, each with its group.
    fn within(&self, rows: Range<u64>) -> impl Iterator<Item = (u64, usize)> {
        let end = rows.end.min(self.of_rows.len() as u64);
        let groups = &self.of_rows[rows.start.min(end) as usize..end as usize];
        let taken = (rows.start..).zip(groups).filter(|(_, group)| **group != NO_GROUP);
        taken.map(|(row, group)| (row, *group as usize))
    }
}

/// One column's pages that one core works through.
struct Task {
    column: u32,
    pages: Range<u64>,
}

/// For each group, the sums of all ciphertexts of a row. An error without a text is that of a set that does not fit.
fn sums_of_set(
    members: &Members,
    key: &PublicKey,
    pages: &dyn CiphertextPages,
) -> Result<Vec<Vec<u8>>, Option<SumsError>> {
    let columns = pages.columns() as usize;
    if members.of_rows.len() as u64 > pages.rows() || pages.rows_of_a_page() == 0 {
        return Err(None);
    }
    if members.groups.saturating_mul(columns) > MOST_SUMS {
        return Err(Some(SumsError::TooManySums { most: MOST_SUMS }));
    }
    let mut sums = vec![Vec::with_capacity(columns * key.ciphertext_bytes()); members.groups];
    for column in 0..pages.columns() {
        let ciphertexts = sum_of_column(members, key, pages, column).map_err(Some)?;
        for (sum, ciphertext) in sums.iter_mut().zip(ciphertexts.chunks_exact(key.ciphertext_bytes())) {
            sum.extend_from_slice(ciphertext);
        }
    }
    Ok(sums)
}

fn sum_of_column(
    members: &Members,
    key: &PublicKey,
    pages: &dyn CiphertextPages,
    column: u32,
) -> Result<Vec<u8>, SumsError> {
    let partial: Vec<Ciphertexts> = tasks(pages, column)
        .into_par_iter()
        .map(|task| sum_of_task(members, key, pages, &task))
        .collect::<Result<_, _>>()?;
    let mut partial = partial.into_iter();
    let Some(mut total) = partial.next() else { return Ok(Vec::new()) };
    for more in partial {
        total.add_assign(key, &more)?;
    }
    Ok(total.to_rows(key)?)
}

/// One task a core: each has sums of its own for all groups, which are added at the end.
fn tasks(pages: &dyn CiphertextPages, column: u32) -> Vec<Task> {
    let count = pages.rows().div_ceil(pages.rows_of_a_page());
    let share = count.div_ceil(rayon::current_num_threads() as u64).max(1);
    let starts = (0..count).step_by(usize::try_from(share).unwrap_or(usize::MAX));
    starts.map(|start| Task { column, pages: start..count.min(start + share) }).collect()
}

fn sum_of_task(
    members: &Members,
    key: &PublicKey,
    pages: &dyn CiphertextPages,
    task: &Task,
) -> Result<Ciphertexts, SumsError> {
    let (column, size, height) = (task.column, key.ciphertext_bytes(), pages.rows_of_a_page());
    let mut sums = GroupedSums::new(key, members.groups);
    for page in task.pages.clone() {
        let first = page * height;
        let mut taken = members.within(first..first.saturating_add(height)).peekable();
        if taken.peek().is_none() {
            continue;
        }
        let bytes = pages.page(column, page)?;
        for (row, group) in taken {
            let at = (row - first) as usize * size;
            let cell = bytes.get(at..at + size).ok_or(PageError::Missing { column, page })?;
            sums.add_row(cell, group).map_err(|source| SumsError::Ciphertext { row, column, source })?;
        }
    }
    Ok(sums.finish())
}
