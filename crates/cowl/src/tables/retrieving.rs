//! The rows of an own table again, decrypted on this machine.

use std::collections::HashMap;
use std::fmt;
use std::io::Write;

use cowl_domain::table::{Column, ColumnRole, Layout, TableSchema};
use cowl_paillier::Timing;
use cowl_query::CiphertextPages;
use cowl_query::parquet::TableFile;
use cowl_tables::OpenerTable;
use cowl_tables::retrieve::{RetrievedRow, Retriever};
use cowl_vault::{Progress, Vault};
use serde::Serialize;

use super::catalog::KnownTable;
use super::desk::open_table;
use super::source::TableSource;
use crate::failure::{Failure, Result};
use crate::size::count;
use crate::style::{BAD, GOOD};

/// What was written.
#[derive(Debug, Serialize)]
pub(crate) struct FetchedRows {
    table: String,
    rows: u64,
    /// Secret columns that lie in no set of layout cells, so that their cells cannot be had.
    without: Vec<String>,
}

/// Where the cells of a column come from.
enum Place {
    /// The open column at this place among the open and token ones.
    Clear(usize),
    /// A secret column of a set.
    Secret { set: u16, column: u16 },
}

/// Writes the rows of an own table as CSV.
///
/// # Errors
/// Rows that are not as they were sealed; a table that was sealed for sums alone.
pub(crate) async fn write_rows(
    vault: &Vault,
    table: &KnownTable,
    out: &mut (dyn Write + Send),
    progress: &dyn Progress,
) -> Result<FetchedRows> {
    let item = &table.info.item;
    let reader = vault.reader(item.record, item.item).await?;
    let source = TableSource::new(reader);
    tokio::task::block_in_place(|| {
        let file = TableFile::open(source).map_err(|error| Failure::no(error.to_string()))?;
        let opened = open_table(vault, &file, item.item, "t")?;
        write_csv(&file, &opened, out, progress)
    })
    .map(|without| FetchedRows { table: table.title(), rows: table.info.schema.rows, without })
}

fn write_csv(
    file: &TableFile<TableSource>,
    table: &OpenerTable,
    out: &mut (dyn Write + Send),
    progress: &dyn Progress,
) -> Result<Vec<String>> {
    let schema = table.schema();
    let (places, without) = places(schema);
    if places.iter().all(|(_, place)| matches!(place, Place::Clear(_))) {
        return Err(Failure::no(
            "this table was sealed for sums alone: none of its secret cells can be had one by one",
        )
        .with_hint(
            "tables with a set of layout cells give their rows back; or keep the file: --keep-plain",
        ));
    }
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(places.iter().map(|(column, _)| &column.name)).map_err(std::io::Error::from)?;
    let sets: Vec<u16> = sets(&places);
    let retrievers: HashMap<u16, Retriever<'_>> = sets
        .iter()
        .map(|set| Ok((*set, Retriever::new(table, *set, Timing::Constant)?)))
        .collect::<std::result::Result<_, cowl_tables::retrieve::RetrieveError>>()
        .map_err(|error| Failure::no(error.to_string()))?;
    let rows_of_a_page = file.geometry().page_rows();
    progress.begin("decrypting", schema.rows.saturating_mul(file.geometry().ciphertext_bytes()));
    for page in 0..schema.rows.div_ceil(rows_of_a_page) {
        let decrypted = decrypt(file, &retrievers, page)?;
        let first = page * rows_of_a_page;
        let rows = rows_of_a_page.min(schema.rows - first);
        for at in 0..rows as usize {
            let row = first as usize + at;
            let cell = |(_, place): &(&Column, Place)| match place {
                Place::Clear(place) => table.clear().columns()[*place].cells[row].to_string(),
                Place::Secret { set, column } => {
                    let value = decrypted[set].get(at).and_then(|row| retrievers[set].text(row, *column));
                    value.unwrap_or_default()
                }
            };
            writer.write_record(places.iter().map(cell)).map_err(std::io::Error::from)?;
        }
        progress.advance(rows.saturating_mul(file.geometry().ciphertext_bytes()));
    }
    progress.end();
    writer.flush()?;
    Ok(without)
}

fn decrypt(
    file: &TableFile<TableSource>,
    retrievers: &HashMap<u16, Retriever<'_>>,
    page: u64,
) -> Result<HashMap<u16, Vec<RetrievedRow>>> {
    let of_set = |(set, retriever): (&u16, &Retriever<'_>)| {
        let pages = file.pages(*set).ok_or_else(|| Failure::no(format!("the table has no set {set}")))?;
        debug_assert_eq!(pages.rows_of_a_page(), file.geometry().page_rows());
        let rows = retriever.page(&pages, page).map_err(|error| Failure::no(error.to_string()))?;
        Ok((*set, rows))
    };
    retrievers.iter().map(of_set).collect()
}

/// Where each column comes from, tokens left out, and the columns that come from nowhere.
fn places(schema: &TableSchema) -> (Vec<(&Column, Place)>, Vec<String>) {
    let (mut found, mut without, mut clear) = (Vec::new(), Vec::new(), 0);
    for (place, column) in (0u16..).zip(&schema.columns) {
        match column.role {
            ColumnRole::Open => found.push((column, Place::Clear(clear))),
            ColumnRole::Secret => match set_with(schema, place) {
                Some(set) => found.push((column, Place::Secret { set, column: place })),
                None => without.push(column.name.clone()),
            },
            ColumnRole::Token | ColumnRole::Dropped => {}
        }
        clear += usize::from(column.role.is_clear());
    }
    (found, without)
}

/// A set that holds the cells of a column.
fn set_with(schema: &TableSchema, column: u16) -> Option<u16> {
    let holds = |set: &cowl_domain::table::SealedSet| {
        matches!(set.layout, Layout::Cells { .. }) && set.columns.contains(&column)
    };
    (0u16..).zip(&schema.sets).find(|(_, set)| holds(set)).map(|(place, _)| place)
}

fn sets(places: &[(&Column, Place)]) -> Vec<u16> {
    let set = |(_, place): &(&Column, Place)| match place {
        Place::Clear(_) => None,
        Place::Secret { set, .. } => Some(*set),
    };
    let sets: std::collections::BTreeSet<u16> = places.iter().filter_map(set).collect();
    sets.into_iter().collect()
}

impl fmt::Display for FetchedRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{GOOD}✓{GOOD:#} {} of {}, each as it was sealed", count(self.rows, "row"), self.table)?;
        if self.without.is_empty() {
            return Ok(());
        }
        write!(f, "\n{BAD}!{BAD:#} sealed for sums alone, so left out: {}", self.without.join(", "))
    }
}
