//! Where everything lies in a file, as it follows from the schema: row groups, pages, lengths.

use std::ops::Range;

use cowl_domain::table::{Layout, TableSchema};

use super::footer::page_header;
use super::levels;

/// Bytes of the ciphertexts of a page: what is read at once.
const PAGE_BYTES: u64 = 128 << 10;
/// Bytes of the ciphertexts of a row group: what a writer holds in memory.
const GROUP_BYTES: u64 = 32 << 20;
/// The most rows of a row group.
const GROUP_ROWS: u64 = 1 << 16;
/// The fewest rows of a page; with fewer, headers would cost.
const FEWEST_ROWS: u64 = 8;

/// The ciphertext columns of one sealed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetShape {
    /// How many there are: ciphertexts of a row, or variables of a set in layout *columns*.
    pub columns: u32,
    /// How many ciphertexts a column has: rows, or blocks of rows. A column of blocks has them in its first rows.
    pub count: u64,
    /// Whether there are fewer than rows.
    pub(super) optional: bool,
}

/// How a table is cut into row groups and pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Geometry {
    rows: u64,
    ciphertext_bytes: u64,
    page_rows: u64,
    group_rows: u64,
    sets: Vec<SetShape>,
}

/// A page: how many rows, and how many of them have a ciphertext.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) rows: u64,
    pub(super) count: u64,
}

impl Geometry {
    /// The geometry of a table whose ciphertexts have so many bytes. `columns` says for each set how many ciphertext
    /// columns it has; `None` where that is not what the schema says.
    pub fn of(schema: &TableSchema, ciphertext_bytes: usize, columns: &[u32]) -> Option<Self> {
        if schema.sets.len() != columns.len() {
            return None;
        }
        let shape = |(layout, columns): (Layout, u32)| {
            let (expected, count) = match layout {
                Layout::Cells { ciphertexts } | Layout::Moments { ciphertexts } => (ciphertexts, schema.rows),
                Layout::Columns { rows } => (columns, schema.rows.div_ceil(rows.max(1).into())),
            };
            let optional = matches!(layout, Layout::Columns { .. });
            (expected == columns && columns > 0).then_some(SetShape { columns, count, optional })
        };
        let sets = schema.sets.iter().map(|set| set.layout).zip(columns.iter().copied());
        let sets: Vec<SetShape> = sets.map(shape).collect::<Option<_>>()?;
        let ciphertext_bytes = ciphertext_bytes as u64;
        let row_bytes = sets.iter().map(|set| u64::from(set.columns) * ciphertext_bytes).sum::<u64>().max(1);
        let most = (PAGE_BYTES / ciphertext_bytes.max(1)).min(GROUP_BYTES / row_bytes);
        let page_rows = 1 << most.clamp(FEWEST_ROWS, GROUP_ROWS).ilog2();
        let pages = (GROUP_BYTES / (page_rows * row_bytes)).clamp(1, GROUP_ROWS / page_rows);
        Some(Self { rows: schema.rows, ciphertext_bytes, page_rows, group_rows: page_rows * pages, sets })
    }

    /// Rows of a page of ciphertexts.
    pub fn page_rows(&self) -> u64 {
        self.page_rows
    }

    /// Bytes of a ciphertext.
    pub fn ciphertext_bytes(&self) -> u64 {
        self.ciphertext_bytes
    }

    /// The sealed sets.
    pub fn sets(&self) -> &[SetShape] {
        &self.sets
    }

    /// How many row groups there are.
    pub fn groups(&self) -> u64 {
        self.rows.div_ceil(self.group_rows)
    }

    /// The rows of a row group.
    pub fn rows_of(&self, group: u64) -> Range<u64> {
        let start = group.saturating_mul(self.group_rows).min(self.rows);
        start..start.saturating_add(self.group_rows).min(self.rows)
    }

    /// Which ciphertexts of a set's columns stand in a row group: the rows or blocks with these numbers.
    pub fn ciphertexts_of(&self, group: u64, set: usize) -> Range<u64> {
        let (Range { start, end }, count) = (self.rows_of(group), self.sets[set].count);
        start.min(count)..end.min(count)
    }

    /// The pages of one of a set's columns in a row group.
    pub(super) fn pages(&self, group: u64, set: usize) -> impl Iterator<Item = Page> + use<> {
        let (Range { start, end }, count, height) =
            (self.rows_of(group), self.sets[set].count, self.page_rows);
        (start..end).step_by(height as usize).map(move |first| {
            let rows = height.min(end - first);
            Page { rows, count: count.saturating_sub(first).min(rows) }
        })
    }

    /// What stands in a page before its ciphertexts: header and levels.
    pub(super) fn page_head(&self, set: usize, page: Page) -> Vec<u8> {
        let levels =
            if self.sets[set].optional { levels::of_first(page.count, page.rows) } else { Vec::new() };
        let mut head = page_header(page.rows, levels.len() as u64 + page.count * self.ciphertext_bytes);
        head.extend_from_slice(&levels);
        head
    }

    pub(super) fn page_bytes(&self, set: usize, page: Page) -> u64 {
        self.page_head(set, page).len() as u64 + page.count * self.ciphertext_bytes
    }

    /// Bytes of one of a set's column chunks in a row group.
    pub(super) fn chunk_bytes(&self, group: u64, set: usize) -> u64 {
        // At most three kinds of pages: full ones, one that is partly filled, empty ones; the last may be shorter.
        let mut known: Vec<(Page, u64)> = Vec::new();
        self.pages(group, set)
            .map(|page| match known.iter().find(|(kind, _)| *kind == page) {
                Some((_, bytes)) => *bytes,
                None => {
                    let bytes = self.page_bytes(set, page);
                    known.push((page, bytes));
                    bytes
                }
            })
            .sum()
    }

    /// The row group of a page, counted from the column's first, and its place in there.
    pub(super) fn place_of(&self, page: u64) -> (u64, u64) {
        let pages = self.group_rows / self.page_rows;
        (page / pages, page % pages)
    }
}
