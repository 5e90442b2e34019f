//! What regressions leave over, row by row: for the owner of a table, who alone can decrypt its cells.
//!
//! The rows are fetched and decrypted on this machine. Nothing of them is asked of the cloud but the table itself.

use std::sync::Arc;

use cowl_domain::table::{Codebook, Layout};
use cowl_paillier::Timing;
use cowl_query::parquet::TableFile;
use cowl_query::{EngineLimits, Program, Query, SelectionEngine, SqliteEngine};
use cowl_tables::result::QueryResult;
use cowl_tables::retrieve::{RetrievedRow, Retriever};
use cowl_tables::{OpenerTable, Regression};
use cowl_vault::Vault;

use super::catalog::KnownTable;
use super::desk::open_table;
use super::source::TableSource;
use crate::failure::{Failure, Result};
use crate::report::{ResidualPlot, Residuals};

/// The residuals of each regression of a result, where it is about one table whose rows the caller may read; else none.
///
/// # Errors
/// Rows that are not as they were sealed.
pub(crate) async fn of_own_rows(
    vault: &Vault,
    program: &Program,
    tables: &[&KnownTable],
    result: &QueryResult,
) -> Result<Vec<ResidualPlot>> {
    let (Program::Figures(query), [table]) = (program, tables) else { return Ok(Vec::new()) };
    if !table.mine || result.regressions().next().is_none() {
        return Ok(Vec::new());
    }
    let item = &table.info.item;
    let source = TableSource::new(vault.reader(item.record, item.item).await?);
    tokio::task::block_in_place(|| {
        let file = TableFile::open(source).map_err(|error| Failure::no(error.to_string()))?;
        let opened = open_table(vault, &file, item.item, &query.tables[0].name)?;
        let groups = groups(query, &opened, result)?;
        let models = groups.iter().zip(&result.rows).flat_map(|(rows, row)| {
            let models = row.figures.iter().filter_map(cowl_tables::Figure::model);
            models.map(move |model| (rows, model))
        });
        models.filter_map(|(rows, model)| drawn(&file, &opened, model, rows).transpose()).collect()
    })
}

/// The rows of each group of a result, in its order; none where some groups were left out of it.
fn groups(query: &Query, table: &OpenerTable, result: &QueryResult) -> Result<Vec<Vec<u64>>> {
    let wrong = |error: cowl_query::EngineError| Failure::no(error.to_string());
    let engine =
        SqliteEngine::build(vec![Arc::clone(table.clear())], EngineLimits::default()).map_err(wrong)?;
    let released = engine.select(query).map_err(wrong)?.release(query, result.minimum_cohort);
    let groups: Vec<Vec<u64>> = released.groups.into_iter().map(|group| group.rows).collect();
    Ok(if groups.len() == result.rows.len() { groups } else { Vec::new() })
}

/// The residuals of a model in some rows; `None` where no set of layout cells has all of its variables.
fn drawn(
    file: &TableFile<TableSource>,
    table: &OpenerTable,
    model: &Regression,
    rows: &[u64],
) -> Result<Option<ResidualPlot>> {
    let names = std::iter::once(&model.target).chain(model.coefficients.iter().skip(1).map(|it| &it.name));
    let names: Vec<&str> = names.map(String::as_str).collect();
    let cells = |set: &u16| {
        let layout = table.schema().sets[usize::from(*set)].layout;
        matches!(layout, Layout::Cells { .. })
    };
    let mut sets = (0..table.schema().sets.len() as u16).filter(cells);
    let found = sets.find_map(|set| Some((set, Variables::of(table.codebook(), set, &names)?)));
    let Some((set, variables)) = found else { return Ok(None) };
    let values = values(file, table, set, &variables, rows)?;
    let values = values.iter().map(|row| (row[0], &row[1..]));
    Ok(Some(ResidualPlot { target: model.target.clone(), residuals: Residuals::of_cells(model, values) }))
}

/// The complete rows among some, as numbers: the target first.
fn values(
    file: &TableFile<TableSource>,
    table: &OpenerTable,
    set: u16,
    variables: &Variables,
    rows: &[u64],
) -> Result<Vec<Vec<f64>>> {
    let wrong = |error: cowl_tables::retrieve::RetrieveError| Failure::no(error.to_string());
    let retriever = Retriever::new(table, set, Timing::Constant).map_err(wrong)?;
    let pages = file.pages(set).ok_or_else(|| Failure::no(format!("the table has no set {set}")))?;
    let (of_a_page, mut found) = (file.geometry().page_rows(), Vec::new());
    for page in rows.chunk_by(|one, next| one / of_a_page == next / of_a_page) {
        let decrypted = retriever.page(&pages, page[0] / of_a_page).map_err(wrong)?;
        let row = |row: &u64| variables.numbers(decrypted.get((row % of_a_page) as usize)?);
        found.extend(page.iter().filter_map(row));
    }
    Ok(found)
}

/// Where the variables of a model lie in a set, and their decimals.
struct Variables(Vec<(usize, u8)>);

impl Variables {
    fn of(codebook: &Codebook, set: u16, names: &[&str]) -> Option<Self> {
        let places = &codebook.sets.get(usize::from(set))?.variables;
        let variable = |name: &&str| {
            let mut of_set = places.iter().map(|place| &codebook.variables[usize::from(*place)]).enumerate();
            let (place, variable) = of_set.find(|(_, variable)| variable.name == *name)?;
            Some((place, variable.coding.decimals()))
        };
        names.iter().map(variable).collect::<Option<_>>().map(Self)
    }

    fn numbers(&self, row: &RetrievedRow) -> Option<Vec<f64>> {
        let number = |(place, decimals): &(usize, u8)| {
            Some((*row.get(*place)?)? as f64 / 10f64.powi(i32::from(*decimals)))
        };
        self.0.iter().map(number).collect()
    }
}
