//! Small groups and differences of groups: what an opener refuses to open.
//!
//! A minimum cohort alone stops nobody who asks twice: the sum over a ward and the sum over the ward without one
//! patient differ by that patient (the tracker of Denning, Denning and Schwartz, ACM Transactions on Database
//! Systems 4, 1979). So the opener keeps, for each table and over all receivers, a *partition* of the rows: two
//! rows share a cell if every answered query took both or neither. Every answered sum is a sum over whole cells;
//! hence so is every linear combination of them, and no combination isolates fewer rows than the smallest cell
//! that was ever taken (Chin and Özsoyoğlu, IEEE Transactions on Software Engineering 8, 1982, audit queries the
//! same way). A query that would make a cell smaller than the minimum is refused. Rows that no query ever took
//! are in no answer, and their cell may be of any size.
//!
//! What it does not stop: what a receiver knows beforehand about rows of a group; conclusions from figures of a
//! group to its members, where all are alike; receivers that pool answers over two tables with the same patients.
//!
//! **Which rows a query takes** are those that contribute to its sums: a row with a missing value adds nothing to
//! the moments of its set, so two groups that differ by ten rows, nine of them incomplete, differ by one patient.
//! The caller hands in the selection *and* the set's complete rows ([`RowSet::and`]).

use std::collections::BTreeMap;

use cowl_domain::wire::{self, WireError};
use minicbor::{Decode, Encode};

use crate::rows::RowSet;

/// Why a query is not answered. Counts are of rows, and named: whoever reads them has the open columns anyway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CohortError {
    /// The group is smaller than the minimum.
    #[error("the group has {rows} complete rows, and {minimum} are the fewest that may be asked about")]
    SmallGroup {
        /// Rows of the group that contribute.
        rows: u64,
        /// The minimum.
        minimum: u64,
    },
    /// Together with queries that were answered, it would single out few rows.
    #[error(
        "compared with queries answered before, this one would single out {} rows, and {minimum} are the fewest; {}",
        .small.rows, nearest_in_words(.nearest.as_deref())
    )]
    Difference {
        /// The smallest of the groups that would be singled out.
        small: SmallCell,
        /// The minimum.
        minimum: u64,
        /// The nearest group that may be asked about, if there is one.
        nearest: Option<Box<NearestQuery>>,
    },
    /// Rows of another table.
    #[error("the query is about a table of {found} rows, the ledger about one of {expected}")]
    OtherTable {
        /// Rows of the ledger's table.
        expected: u64,
        /// Rows of the query's.
        found: u64,
    },
}

/// Rows that a query would single out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SmallCell {
    /// How many.
    pub rows: u64,
    /// Whether the query takes them, and not the others of their cell; else it leaves out just them.
    pub taken: bool,
}

/// A group near the one that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearestQuery {
    /// Its rows.
    pub rows: RowSet,
    /// How many rows it takes besides those of the refused query.
    pub added: u64,
    /// How many of the refused query's it leaves out.
    pub left_out: u64,
}

impl CohortError {
    /// What the asker is told: which query would be allowed, and no count of rows below the minimum.
    pub fn to_asker(&self) -> String {
        match self {
            Self::SmallGroup { minimum, .. } => format!(
                "the group has fewer than {minimum} complete rows, the fewest that may be asked about: leave out a \
                 condition, or group by less"
            ),
            Self::Difference { minimum, nearest, .. } => format!(
                "compared with queries answered before, this one would single out fewer than {minimum} rows; {}",
                nearest_in_words(nearest.as_deref())
            ),
            Self::OtherTable { .. } => self.to_string(),
        }
    }
}

fn nearest_in_words(nearest: Option<&NearestQuery>) -> String {
    match nearest {
        Some(NearestQuery { rows, added, left_out }) => format!(
            "the nearest group that is allowed has {} rows: {added} more and {left_out} of these left out",
            rows.len()
        ),
        None => "ask about a group that was answered before, or about all rows".to_owned(),
    }
}

/// The cell of rows that no answered query took.
const UNTAKEN: u32 = 0;

/// The partition of one table's rows by the queries answered so far. Persistent: a query gives a new ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CohortLedger {
    minimum: u64,
    queries: u64,
    /// The cell of each row: [`UNTAKEN`], or numbers from 1 in the order of their first rows.
    cells: Vec<u32>,
}

/// How a query meets one cell.
#[derive(Default, Clone, Copy)]
struct Meeting {
    taken: u64,
    left: u64,
}

impl CohortLedger {
    /// For a table of `rows` rows of which no group smaller than `minimum` may ever be singled out (at least 1).
    pub fn new(rows: u64, minimum: u64) -> Self {
        Self { minimum: minimum.max(1), queries: 0, cells: vec![UNTAKEN; rows as usize] }
    }

    /// How many rows the table has.
    pub fn rows(&self) -> u64 {
        self.cells.len() as u64
    }

    /// The fewest rows that an answer may be about.
    pub fn minimum(&self) -> u64 {
        self.minimum
    }

    /// How many queries were answered.
    pub fn queries(&self) -> u64 {
        self.queries
    }

    /// The sizes of the cells that queries took, ascending.
    pub fn taken_cells(&self) -> Vec<u64> {
        let mut sizes = BTreeMap::new();
        for &cell in self.cells.iter().filter(|cell| **cell != UNTAKEN) {
            *sizes.entry(cell).or_insert(0u64) += 1;
        }
        let mut sizes: Vec<u64> = sizes.into_values().collect();
        sizes.sort_unstable();
        sizes
    }

    /// The ledger after `group` was answered under a grant that asks for `minimum` rows at least; the table's own
    /// minimum holds if it is larger. Cells that other grants made smaller than this grant's minimum stay.
    ///
    /// # Errors
    /// [`CohortError`]: the query must not be answered.
    pub fn answer(&self, group: &RowSet, minimum: u64) -> Result<Self, CohortError> {
        let minimum = minimum.max(self.minimum);
        self.check_table(group)?;
        let rows = group.len();
        if rows < minimum {
            return Err(CohortError::SmallGroup { rows, minimum });
        }
        match self.smallest_made(group, minimum) {
            Some(small) => {
                let nearest = self.nearest(group, minimum).map(Box::new);
                Err(CohortError::Difference { small, minimum, nearest })
            }
            None => Ok(self.refined(group)),
        }
    }

    /// Answers as many groups of one query as may be: the largest first, so that the fewest rows go without.
    /// Says for each group whether it is answered, and why not.
    pub fn answer_groups(&self, groups: &[RowSet], minimum: u64) -> (Self, Vec<Result<(), CohortError>>) {
        let mut order: Vec<usize> = (0..groups.len()).collect();
        order.sort_by_key(|place| (std::cmp::Reverse(groups[*place].len()), *place));
        let mut ledger = self.clone();
        let mut answers = vec![Ok(()); groups.len()];
        for place in order {
            match ledger.answer(&groups[place], minimum) {
                Ok(next) => ledger = next,
                Err(why) => answers[place] = Err(why),
            }
        }
        (ledger, answers)
    }

    fn check_table(&self, group: &RowSet) -> Result<(), CohortError> {
        let (expected, found) = (self.rows(), group.rows());
        if expected == found { Ok(()) } else { Err(CohortError::OtherTable { expected, found }) }
    }

    /// How the query meets each cell, by the cells' numbers.
    fn meetings(&self, group: &RowSet) -> Vec<Meeting> {
        let mut meetings = vec![Meeting::default(); self.cells_in_use()];
        for (row, cell) in (0u64..).zip(&self.cells) {
            let meeting = &mut meetings[*cell as usize];
            match group.contains(row) {
                true => meeting.taken += 1,
                false => meeting.left += 1,
            }
        }
        meetings
    }

    /// Cells are numbered without gaps, so this many are enough.
    fn cells_in_use(&self) -> usize {
        self.cells.iter().max().map_or(1, |highest| *highest as usize + 1)
    }

    /// The smallest cell below the minimum that the query would make.
    fn smallest_made(&self, group: &RowSet, minimum: u64) -> Option<SmallCell> {
        let made = (0..).zip(self.meetings(group)).flat_map(|(cell, Meeting { taken, left })| {
            let split = taken > 0 && (left > 0 || cell == UNTAKEN);
            let taken = split.then_some(SmallCell { rows: taken, taken: true });
            let left = (split && cell != UNTAKEN).then_some(SmallCell { rows: left, taken: false });
            taken.into_iter().chain(left)
        });
        made.filter(|cell| cell.rows < minimum).min_by_key(|cell| cell.rows)
    }

    /// Takes each cell that would be cut too small whole or not at all, whichever changes fewer rows.
    fn nearest(&self, group: &RowSet, minimum: u64) -> Option<NearestQuery> {
        let too_small = |cell: u32, meeting: Meeting| {
            let split = meeting.taken > 0 && (meeting.left > 0 || cell == UNTAKEN);
            split && (meeting.taken < minimum || (cell != UNTAKEN && meeting.left < minimum))
        };
        let meetings = self.meetings(group);
        let mut near = NearestQuery { rows: group.clone(), added: 0, left_out: 0 };
        for (row, cell) in (0u64..).zip(&self.cells) {
            let meeting = meetings[*cell as usize];
            if !too_small(*cell, meeting) {
                continue;
            }
            let whole = *cell != UNTAKEN && meeting.left < meeting.taken;
            if whole && !group.contains(row) {
                near.rows.insert(row);
                near.added += 1;
            } else if !whole && group.contains(row) {
                near.rows.remove(row);
                near.left_out += 1;
            }
        }
        self.answer(&near.rows, minimum).is_ok().then_some(near)
    }

    fn refined(&self, group: &RowSet) -> Self {
        // For each cell the numbers of what the query leaves of it and takes from it, once a row of these has come.
        let mut numbers = vec![[UNTAKEN; 2]; self.cells_in_use()];
        let mut highest = UNTAKEN;
        let cells = (0u64..).zip(&self.cells).map(|(row, &cell)| {
            let taken = group.contains(row);
            if cell == UNTAKEN && !taken {
                return UNTAKEN;
            }
            let number = &mut numbers[cell as usize][usize::from(taken)];
            if *number == UNTAKEN {
                highest += 1;
                *number = highest;
            }
            *number
        });
        Self { minimum: self.minimum, queries: self.queries + 1, cells: cells.collect() }
    }
}

/// Rows one after the other that are in one cell.
#[derive(Encode, Decode)]
struct Run {
    #[n(0)]
    cell: u32,
    #[n(1)]
    rows: u64,
}

#[derive(Encode, Decode)]
struct Form {
    #[n(0)]
    minimum: u64,
    #[n(1)]
    queries: u64,
    #[n(2)]
    runs: Vec<Run>,
}

/// The most rows of a table that a ledger is kept of.
pub const MOST_ROWS: u64 = 1 << 30;

impl CohortLedger {
    /// Its canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut runs = Vec::<Run>::new();
        for &cell in &self.cells {
            match runs.last_mut() {
                Some(run) if run.cell == cell => run.rows += 1,
                _ => runs.push(Run { cell, rows: 1 }),
            }
        }
        wire::encode(&Form { minimum: self.minimum, queries: self.queries, runs })
    }

    /// Reads the canonical bytes of a ledger about a table of `rows` rows.
    ///
    /// # Errors
    /// [`WireError`] for anything else, also for cells that are numbered otherwise.
    pub fn from_bytes(bytes: &[u8], rows: u64) -> Result<Self, WireError> {
        const WHAT: &str = "cohort ledger";
        let form: Form = wire::decode(WHAT, bytes)?;
        let total = form.runs.iter().try_fold(0u64, |sum, run| sum.checked_add(run.rows));
        if total != Some(rows) || rows > MOST_ROWS {
            let detail = format!("it is not about {rows} rows");
            return Err(WireError::Malformed { what: WHAT, detail });
        }
        let cells =
            form.runs.iter().flat_map(|run| std::iter::repeat_n(run.cell, run.rows as usize)).collect();
        let ledger = Self { minimum: form.minimum, queries: form.queries, cells };
        let sound = ledger.minimum > 0 && ledger.is_numbered_in_order() && ledger.to_bytes() == bytes;
        if sound { Ok(ledger) } else { Err(WireError::NotCanonical { what: WHAT }) }
    }

    fn is_numbered_in_order(&self) -> bool {
        let mut highest = UNTAKEN;
        self.cells.iter().all(|&cell| {
            let follows = cell <= highest.saturating_add(1);
            highest = highest.max(cell);
            follows
        })
    }
}

#[cfg(test)]
mod tests;
