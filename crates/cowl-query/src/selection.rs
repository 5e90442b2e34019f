//! Which rows a query takes, by group; and the seam behind which engines find them.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::clear::{Cell, ClearTable};
use crate::query::{OrderKey, Query};

/// Finds the rows of a query. An engine reads open and token columns; it never sees a ciphertext.
///
/// Two engines give equal [`Selection`]s for equal tables and queries. That is what `tests/conformance` checks, and
/// what lets the opener, on whatever engine it has, compare its selection with the cloud's.
pub trait SelectionEngine {
    /// The groups of a query and their rows, before small groups are left out.
    ///
    /// # Errors
    /// [`EngineError`].
    fn select(&self, query: &Query) -> Result<Selection, EngineError>;
}

/// Why an engine found no rows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The asker's fault: a join that would take rows several times.
    #[error(
        "the join on '{table}.{column}' is not allowed: a token stands there twice, and it would multiply rows; join \
         tables in which it stands once"
    )]
    RowMultiplyingJoin {
        /// The joined table.
        table: String,
        /// Its token column.
        column: String,
    },
    /// The engine was not given a table, or another version of it.
    #[error("table '{0}' is not at hand in the version that the query is about")]
    MissingTable(String),
    /// The tables are larger than this engine takes.
    #[error("the tables have more than {most} {what}, the most that this machine takes")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        most: u64,
    },
    /// The query takes too many steps.
    #[error("the query takes more than {most} steps: ask about fewer rows or with fewer conditions")]
    Steps {
        /// The most steps of the engine's machine.
        most: u64,
    },
    /// The query takes too long.
    #[error("the query takes longer than {most:?}: ask about fewer rows or with fewer conditions")]
    Time {
        /// The longest time.
        most: std::time::Duration,
    },
    /// The engine's own fault.
    #[error("the engine failed: {0}")]
    Internal(String),
}

/// A group of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its keys, in the order of [`Query::keys`].
    pub keys: Vec<Cell>,
    /// Numbers of its rows in the query's first table, from 0, ascending, each once.
    pub rows: Vec<u64>,
}

/// The groups of a query in ascending order of their keys. Without keys, one group, which may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Those groups.
    pub groups: Vec<Group>,
}

/// What is left of a selection when small groups are out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// Groups in the query's order, at most its limit.
    pub groups: Vec<Group>,
    /// How many groups had too few rows. Not for the receiver.
    pub suppressed: u64,
}

impl Selection {
    /// Brings groups and their rows into order, so that all engines give the same.
    pub fn new(mut groups: Vec<Group>) -> Self {
        groups.iter_mut().for_each(|group| group.rows.sort_unstable());
        groups.sort_by(|a, b| a.keys.cmp(&b.keys));
        Self { groups }
    }

    /// Leaves out groups of fewer than `minimum` rows (at least 1), then orders and limits.
    ///
    /// In this order, because a limit that counted small groups would show that there are some.
    pub fn release(self, query: &Query, minimum: u64) -> Released {
        let all = self.groups.len();
        let large = |group: &Group| group.rows.len() as u64 >= minimum.max(1);
        let mut groups: Vec<Group> = self.groups.into_iter().filter(large).collect();
        let suppressed = (all - groups.len()) as u64;
        groups.sort_by(|a, b| compare(query, a, b));
        groups.truncate(query.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)));
        Released { groups, suppressed }
    }
}

/// Puts rows into groups as an engine finds them, all rows of a kind at once.
pub(crate) struct Grouping<'a> {
    /// For each key the table's place in the query, and the column.
    columns: Vec<(usize, &'a [Cell])>,
    /// Each group's place.
    places: HashMap<Vec<&'a Cell>, usize>,
    /// The groups of kinds of rows; `None` for those that are not taken.
    kinds: Vec<Option<usize>>,
    /// The keys of the row at hand; kept, so that a row costs no memory of its own.
    keys: Vec<&'a Cell>,
}

impl<'a> Grouping<'a> {
    /// No rows yet. `tables` are those of the query, which was checked; `kinds` is how many kinds of rows the first has.
    pub(crate) fn new(query: &Query, tables: &[&'a ClearTable], kinds: usize) -> Self {
        let column = |key: &crate::query::ColumnRef| {
            let table = usize::from(key.table);
            (table, tables[table].cells(key.column).expect("a checked query's keys are clear columns"))
        };
        let mut places = HashMap::new();
        if query.keys.is_empty() {
            places.insert(Vec::new(), 0);
        }
        let columns = query.keys.iter().map(column).collect();
        Self { columns, places, kinds: vec![None; kinds], keys: Vec::new() }
    }

    /// Takes all rows of a kind; `rows` are one of them, and those of the other tables that are joined to it.
    pub(crate) fn take(&mut self, kind: usize, rows: &[usize]) {
        self.keys.clear();
        self.keys.extend(self.columns.iter().map(|(table, cells)| &cells[rows[*table]]));
        let next = self.places.len();
        let place = match self.places.get(&self.keys) {
            Some(place) => *place,
            None => *self.places.entry(self.keys.clone()).or_insert(next),
        };
        self.kinds[kind] = Some(place);
    }

    /// The groups; `kinds` are those of all rows of the first table.
    pub(crate) fn finish(self, kinds: &[u32]) -> Selection {
        let mut rows = vec![Vec::new(); self.places.len()];
        for (row, kind) in (0..).zip(kinds) {
            if let Some(place) = self.kinds[*kind as usize] {
                rows[place].push(row);
            }
        }
        let group = |(keys, place): (Vec<&Cell>, usize)| {
            let keys = keys.into_iter().cloned().collect();
            Group { keys, rows: std::mem::take(&mut rows[place]) }
        };
        Selection::new(self.places.into_iter().map(group).collect())
    }
}

fn compare(query: &Query, a: &Group, b: &Group) -> Ordering {
    let step = |order: &crate::query::Order| {
        let ascending = match order.by {
            OrderKey::Key(place) => a.keys[usize::from(place)].cmp(&b.keys[usize::from(place)]),
            OrderKey::Count => a.rows.len().cmp(&b.rows.len()),
        };
        if order.descending { ascending.reverse() } else { ascending }
    };
    query.order.iter().map(step).find(|order| order.is_ne()).unwrap_or_else(|| a.keys.cmp(&b.keys))
}
