//! A plan again, from the codebook of a table that was sealed before.

use cowl_domain::table::{Codebook, Layout, SealedSet, SetCoding, TableSchema};

use super::{Extent, LayoutError, Range, SlotPlan};
use crate::Variable;

impl SlotPlan {
    /// The plan of one of a table's sets: its slots as the codebook has them, its ranges as they follow from the
    /// variables.
    ///
    /// # Errors
    /// [`LayoutError::OtherPlan`] when there is no such set, or its slots are narrower than the values need, or
    /// other in number.
    pub fn of_sealed(schema: &TableSchema, codebook: &Codebook, set: usize) -> Result<Self, LayoutError> {
        codebook.check(schema).map_err(|_| LayoutError::OtherPlan)?;
        let (Some(set), Some(coding)) = (schema.sets.get(set), codebook.sets.get(set)) else {
            return Err(LayoutError::OtherPlan);
        };
        let wide = |widths: &Vec<u16>| widths.iter().map(|width| u32::from(*width)).collect();
        let widths: Vec<Vec<u32>> = coding.slots.iter().map(wide).collect();
        let found: Vec<u32> = widths.iter().flatten().copied().collect();
        // Before anything is made whose size follows from the codebook.
        if slot_count(set, coding) + usize::from(coding.tags) != found.len() {
            return Err(LayoutError::OtherPlan);
        }
        let extents = extents(codebook, coding).ok_or(LayoutError::OtherPlan)?;
        // Wide enough for all slots in one: only names, ranges and tags are taken from this plan.
        const ANY: u32 = u32::MAX;
        let planned = match set.layout {
            Layout::Cells { .. } => Self::cells(&extents, schema.rows, ANY),
            Layout::Moments { .. } => Self::moments(&extents, schema.rows, ANY),
            Layout::Columns { rows } => Self::block(&extents, weight_of(&extents, &widths), rows, ANY),
        };
        let planned = planned.map_err(|_| LayoutError::OtherPlan)?;
        let needed = planned.widths.iter().flatten();
        let same_tags = planned.tags == usize::from(coding.tags);
        let fits = same_tags && needed.zip(&found).all(|(needed, found)| needed <= found);
        if fits { Ok(Self { widths, ..planned }) } else { Err(LayoutError::OtherPlan) }
    }
}

/// How many slots hold values.
fn slot_count(set: &SealedSet, coding: &SetCoding) -> usize {
    match set.layout {
        Layout::Cells { .. } => 2 * coding.variables.len(),
        Layout::Moments { .. } => crate::moment_count(coding.variables.len()),
        Layout::Columns { rows } => rows as usize,
    }
}

fn extents(codebook: &Codebook, coding: &SetCoding) -> Option<Vec<Extent>> {
    let extent = |place: &u16| {
        let variable = codebook.variables.get(usize::from(*place))?;
        let range = Range::new(variable.lowest, variable.highest);
        Some(Extent { name: variable.name.clone(), range })
    };
    coding.variables.iter().map(extent).collect()
}

/// The largest sum of coefficients for which the slots of a block were made.
fn weight_of(extents: &[Extent], widths: &[Vec<u32>]) -> u64 {
    let most = |extent: &Extent| extent.range.lowest.unsigned_abs().max(extent.range.highest.unsigned_abs());
    let largest = extents.iter().map(most).max().unwrap_or(1).max(1);
    let width = widths.iter().flatten().next().copied().unwrap_or(2);
    let tag = widths.iter().flatten().next_back().copied().unwrap_or(2);
    let room = ((1u128 << (width - 1)) - 1) / largest;
    // The tags' slots bound it as well.
    let tag_room = (1u128 << (tag - 1)) >> super::TAG_BITS;
    u64::try_from(room.min(tag_room)).unwrap_or(u64::MAX)
}

/// The variables of a sealed set, as [`crate::Moments::new`] takes them.
pub fn variables_of(codebook: &Codebook, coding: &SetCoding) -> Option<Vec<Variable>> {
    let variable = |place: &u16| {
        let variable = codebook.variables.get(usize::from(*place))?;
        Some(Variable { name: variable.name.clone(), decimals: variable.coding.decimals() })
    };
    coding.variables.iter().map(variable).collect()
}
