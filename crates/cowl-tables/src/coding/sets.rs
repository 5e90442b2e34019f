//! Sets: which secret columns are sealed together, and how they lie.

use cowl_domain::table::{ColumnRole, Layout, SealedSet, SetCoding};

use super::PreparedTable;
use crate::layout::{LayoutError, SlotPlan, cells_of_row, moments_of_row};

/// A layout as the owner chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayoutChoice {
    /// One row's cells side by side.
    Cells,
    /// One column's cells of many rows side by side, for scores whose coefficients' sizes sum up to `weight`.
    Columns {
        /// Σ|cᵢ| at most, in units of the coefficients' own scale.
        weight: u64,
    },
    /// 1, xᵢ, xᵢxⱼ of one row side by side.
    Moments,
}

/// A set as the owner chooses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetChoice {
    /// Its name.
    pub name: String,
    /// Its layout.
    pub layout: LayoutChoice,
    /// Its columns; a category brings all its indicators.
    pub columns: Vec<String>,
}

/// Why a set cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetError {
    /// A column that is not there.
    #[error("set '{set}' names '{column}', which is not a secret column of this table")]
    NotSecret {
        /// The set.
        set: String,
        /// The column.
        column: String,
    },
    /// No room.
    #[error("set '{set}': {why}")]
    Layout {
        /// The set.
        set: String,
        /// Why.
        why: LayoutError,
    },
}

/// A set, ready to be packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedSet {
    /// What the cloud sees.
    pub sealed: SealedSet,
    /// What the codebook says.
    pub coding: SetCoding,
    /// Its slots.
    pub plan: SlotPlan,
}

/// Plans a set for plaintexts of `capacity` bits ([`crate::layout::capacity`]).
///
/// # Errors
/// [`SetError`] names the column, or the slot that has no room.
pub fn plan_set(table: &PreparedTable, choice: &SetChoice, capacity: u32) -> Result<PlannedSet, SetError> {
    let columns = places(table, choice)?;
    let of_set = |variable: &u16| columns.contains(&table.variables[usize::from(*variable)].column);
    let variables: Vec<u16> = (0..table.variables.len() as u16).filter(of_set).collect();
    let extents = table.extents(&variables);
    let planned = match choice.layout {
        LayoutChoice::Cells => SlotPlan::cells(&extents, table.rows, capacity),
        LayoutChoice::Columns { weight } => SlotPlan::columns(&extents, weight, capacity),
        LayoutChoice::Moments => SlotPlan::moments(&extents, table.rows, capacity),
    };
    let plan = planned.map_err(|why| SetError::Layout { set: choice.name.clone(), why })?;
    let ciphertexts = plan.ciphertexts() as u32;
    let layout = match choice.layout {
        LayoutChoice::Cells => Layout::Cells { ciphertexts },
        LayoutChoice::Columns { .. } => Layout::Columns { rows: plan.slots() as u32 },
        LayoutChoice::Moments => Layout::Moments { ciphertexts },
    };
    let narrow = |widths: &Vec<u32>| widths.iter().map(|width| *width as u16).collect();
    let slots = plan.widths().iter().map(narrow).collect();
    let coding = SetCoding { variables, slots, tags: plan.tags() as u8 };
    Ok(PlannedSet { sealed: SealedSet { name: choice.name.clone(), layout, columns }, coding, plan })
}

fn places(table: &PreparedTable, choice: &SetChoice) -> Result<Vec<u16>, SetError> {
    let place = |name: &String| {
        let found = table.columns.iter().position(|it| it.name == *name && it.role == ColumnRole::Secret);
        found.map(|place| place as u16).ok_or_else(|| SetError::NotSecret {
            set: choice.name.clone(),
            column: name.chars().take(40).collect(),
        })
    };
    let mut places = choice.columns.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    places.sort_unstable();
    places.dedup();
    Ok(places)
}

impl PlannedSet {
    /// The slot values of one row, for the layouts *cells* and *moments*; of *columns*, `None`.
    pub fn values_of_row(&self, table: &PreparedTable, row: u64) -> Option<Vec<i128>> {
        let values = || table.row(row, &self.coding.variables);
        match self.sealed.layout {
            Layout::Cells { .. } => Some(cells_of_row(&values())),
            Layout::Moments { .. } => Some(moments_of_row(&values())),
            Layout::Columns { .. } => None,
        }
    }

    /// The slot values of one block of rows and one variable, for the layout *columns*; zero where a cell is
    /// missing, and in the last block behind the last row. The scores of such rows mean nothing: the opener leaves
    /// out all but the [`PreparedTable::complete_rows`].
    pub fn values_of_block(&self, table: &PreparedTable, variable: u16, block: u64) -> Option<Vec<i128>> {
        let Layout::Columns { rows } = self.sealed.layout else { return None };
        let first = block.checked_mul(rows.into())?;
        let values = table.values.get(usize::from(variable))?;
        let value = |row: u64| values.get(row as usize).copied().flatten().unwrap_or(0);
        Some((first..first + u64::from(rows)).map(|row| value(row).into()).collect())
    }
}
