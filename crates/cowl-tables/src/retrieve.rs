//! The rows of a sealed table again, for its owner: cells decrypted from a set of layout *cells*.
//!
//! The tags of each row are checked, so that what is shown is what was sealed, row by row.

use std::collections::BTreeSet;

use cowl_domain::table::{Codebook, Coding, Decimal, Layout};
use cowl_paillier::Timing;
use cowl_query::{CiphertextPages, PageError, day_since_1970};
use num_bigint::BigInt;
use rayon::prelude::*;

use crate::layout::{LayoutError, SlotPlan};
use crate::opener::OpenerTable;
use crate::tag::TagKey;

/// Why rows cannot be had again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RetrieveError {
    /// No set of layout *cells*: the owner sealed the table for sums alone.
    #[error(
        "set {0} does not hold single cells; only tables sealed with a set of layout cells give rows back"
    )]
    NotCells(u16),
    /// A page that is missing or damaged.
    #[error(transparent)]
    Page(#[from] PageError),
    /// Ciphertexts that are none of this key.
    #[error("the ciphertexts of row {row} do not open: {why}")]
    Ciphertexts {
        /// The first row of those that were opened together, from 0.
        row: u64,
        /// Why.
        why: cowl_paillier::Error,
    },
    /// A row that is not the one that was sealed there.
    #[error("row {row} is not as it was sealed: {why}")]
    Forged {
        /// The row, from 0.
        row: u64,
        /// Why.
        why: LayoutError,
    },
    /// A codebook that does not say where values lie.
    #[error(transparent)]
    Plan(LayoutError),
}

/// Decrypts the cells of one set.
pub struct Retriever<'a> {
    table: &'a OpenerTable,
    set: u16,
    plan: SlotPlan,
    tags: TagKey,
    timing: Timing,
}

/// One row: for each variable of the set its integer, or that it is missing.
pub type RetrievedRow = Vec<Option<i64>>;

impl<'a> Retriever<'a> {
    /// For the set at this place of the schema.
    ///
    /// # Errors
    /// [`RetrieveError::NotCells`]; [`RetrieveError::Plan`].
    pub fn new(table: &'a OpenerTable, set: u16, timing: Timing) -> Result<Self, RetrieveError> {
        let layout = table.schema().sets.get(usize::from(set)).map(|set| set.layout);
        if !matches!(layout, Some(Layout::Cells { .. })) {
            return Err(RetrieveError::NotCells(set));
        }
        let plan = SlotPlan::of_sealed(table.schema(), table.codebook(), usize::from(set));
        let plan = plan.map_err(RetrieveError::Plan)?;
        let tags = table.secrets().tag_key(set, &plan);
        Ok(Self { table, set, plan, tags, timing })
    }

    /// The rows of one page, decrypted on all cores.
    ///
    /// # Errors
    /// [`RetrieveError`] names the page or row; nothing of it may be shown then.
    pub fn page(&self, pages: &impl CiphertextPages, page: u64) -> Result<Vec<RetrievedRow>, RetrieveError> {
        let first = page * pages.rows_of_a_page();
        let columns: Vec<Vec<BigInt>> = (0..self.plan.ciphertexts() as u32)
            .map(|column| self.decrypt(&pages.page(column, page)?, first))
            .collect::<Result<_, _>>()?;
        let rows = columns.iter().map(Vec::len).min().unwrap_or(0);
        (0..rows).into_par_iter().map(|at| self.row(&columns, at, first + at as u64)).collect()
    }

    fn decrypt(&self, ciphertexts: &[u8], first: u64) -> Result<Vec<BigInt>, RetrieveError> {
        let opened = self.table.secrets().open(ciphertexts, self.timing);
        opened.map_err(|why| RetrieveError::Ciphertexts { row: first, why })
    }

    fn row(&self, columns: &[Vec<BigInt>], at: usize, row: u64) -> Result<RetrievedRow, RetrieveError> {
        let plaintexts: Vec<BigInt> = columns.iter().map(|column| column[at].clone()).collect();
        let values = self.plan.open_row(&plaintexts, &self.tags, row);
        let values = values.map_err(|why| RetrieveError::Forged { row, why })?;
        let cell = |pair: &[i128]| (pair[0] == 1).then(|| i64::try_from(pair[1]).ok()).flatten();
        Ok(values.chunks_exact(2).map(cell).collect())
    }

    /// The places, in the schema, of the columns that the set holds.
    pub fn columns(&self) -> BTreeSet<u16> {
        self.table.schema().sets[usize::from(self.set)].columns.iter().copied().collect()
    }

    /// A cell as it was read when the table was sealed, after rounding; `None` where it is missing.
    pub fn text(&self, row: &RetrievedRow, column: u16) -> Option<String> {
        let codebook = self.table.codebook();
        let places = &codebook.sets[usize::from(self.set)].variables;
        let of_column =
            places.iter().zip(row).filter(|(place, _)| variable(codebook, **place).column == column);
        let mut reference = None;
        for (place, value) in of_column {
            let value = (*value)?;
            match &variable(codebook, *place).coding {
                Coding::Number { decimals } => return Some(decimal(value, *decimals)),
                Coding::Days => return day_since_1970(value),
                Coding::Level { level, .. } if value == 1 => return Some(level.clone()),
                Coding::Level { reference: other, .. } => reference = Some(other.clone()),
                Coding::Standardised { centre, spread, decimals } => {
                    let unit = |it: &Decimal| it.mantissa as f64 / 10_f64.powi(it.decimals.into());
                    let score = value as f64 / 10_f64.powi((*decimals).into());
                    return Some((score * unit(spread) + unit(centre)).to_string());
                }
            }
        }
        reference
    }
}

fn variable(codebook: &Codebook, place: u16) -> &cowl_domain::table::CodedVariable {
    &codebook.variables[usize::from(place)]
}

/// `mantissa` · 10^−`decimals`, without zeros at its end.
fn decimal(mantissa: i64, decimals: u8) -> String {
    let text = Decimal { mantissa, decimals }.to_string();
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_were() {
        assert_eq!(decimal(1005, 1), "100.5");
        assert_eq!(decimal(-7, 3), "-0.007");
        assert_eq!(decimal(1000, 1), "100");
        assert_eq!(decimal(0, 2), "0");
    }
}
