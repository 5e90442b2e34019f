//! `cowl table list` and `cowl table show`

use std::fmt;

use cowl_domain::Timestamp;
use cowl_domain::table::{Layout, TableSchema};
use cowl_query::{FIGURES, SCORES};
use cowl_vault::view::GrantInfo;
use serde::Serialize;

use crate::columns::{Columns, printable};
use crate::commands::{Context, items};
use crate::failure::Result;
use crate::moment::Moment;
use crate::session;
use crate::size::{Size, count};
use crate::style::{COMMAND, HEAD};
use crate::tables::catalog::{self, KnownTable};
use crate::tables::learns::role_in_words;

pub(super) async fn list(context: &Context) -> Result<()> {
    let vault = session::unlock(context).await?;
    let tables = catalog::known_tables(&vault).await?;
    context.output.data(&TableList { tables: tables.iter().map(TableRow::from).collect() })
}

pub(super) async fn show(context: &Context, text: &str) -> Result<()> {
    let vault = session::unlock(context).await?;
    let tables = catalog::known_tables(&vault).await?;
    let table = catalog::find(&tables, text)?;
    context.output.data(&ShownTable::from(table))
}

/// A table as it is printed.
#[derive(Debug, Serialize)]
struct TableRow {
    table: String,
    /// What queries call it where nothing else is said.
    name: String,
    owner: String,
    mine: bool,
    rows: u64,
    columns: usize,
    stored: Size,
    /// Of somebody else's table: the fewest rows that a figure may be about.
    minimum_cohort: Option<u32>,
    /// Whether a grant allows to score single rows of somebody else's table.
    scores: bool,
    /// Words of the owner, beside the grant.
    note: Option<String>,
    /// When the last grant to ask about it ends; absent where one never does.
    until: Option<Moment>,
}

impl From<&KnownTable> for TableRow {
    fn from(table: &KnownTable) -> Self {
        let KnownTable { info, mine, grants, .. } = table;
        let terms = || grants.iter().filter_map(|grant| grant.compute.as_ref());
        let figures = terms().filter(|terms| terms.technique == FIGURES);
        Self {
            table: info.item.item.to_string(),
            name: table.title(),
            owner: info.owner.to_string(),
            mine: *mine,
            rows: info.schema.rows,
            columns: info.schema.columns.len(),
            stored: Size(info.item.size),
            minimum_cohort: figures.map(|terms| terms.minimum_cohort).min(),
            scores: terms().any(|terms| terms.technique == SCORES),
            note: grants.iter().find_map(|grant| grant.note.clone()),
            until: last_end(grants).map(Moment::from),
        }
    }
}

/// `None` where one of them never ends.
fn last_end(grants: &[GrantInfo]) -> Option<Timestamp> {
    let ends: Option<Vec<Timestamp>> = grants.iter().map(|grant| grant.expires_at).collect();
    ends?.into_iter().max()
}

#[derive(Debug, Serialize)]
struct TableList {
    tables: Vec<TableRow>,
}

impl fmt::Display for TableList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tables.is_empty() {
            return write!(
                f,
                "no tables; seal one: {COMMAND}cowl table seal FILE{COMMAND:#}, or ask its owner: \
                 {COMMAND}cowl grant request OWNER --power compute --purpose research --note …{COMMAND:#}"
            );
        }
        let head = ["table", "name", "owner", "rows", "columns", "stored", "groups of", "note"];
        let mut table = Columns::new(head).right([3, 4, 5, 6]);
        for row in &self.tables {
            table.row([
                row.table[..items::SHORT].to_owned(),
                row.name.clone(),
                row.owner.clone(),
                row.rows.to_string(),
                row.columns.to_string(),
                row.stored.to_string(),
                row.minimum_cohort.map_or_else(|| "–".to_owned(), |minimum| format!("{minimum}+")),
                row.note.clone().unwrap_or_default(),
            ]);
        }
        table.fmt(f)
    }
}

/// All about one table.
#[derive(Debug, Serialize)]
struct ShownTable {
    #[serde(flatten)]
    row: TableRow,
    schema: Vec<ShownColumn>,
    sets: Vec<ShownSet>,
}

#[derive(Debug, Serialize)]
struct ShownColumn {
    name: String,
    role: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    /// In which sets it lies, if it is secret.
    sets: Vec<String>,
    #[serde(skip)]
    words: &'static str,
}

#[derive(Debug, Serialize)]
struct ShownSet {
    name: String,
    layout: &'static str,
    columns: Vec<String>,
}

impl From<&KnownTable> for ShownTable {
    fn from(table: &KnownTable) -> Self {
        let schema = &table.info.schema;
        Self { row: TableRow::from(table), schema: columns(schema), sets: sets(schema) }
    }
}

fn columns(schema: &TableSchema) -> Vec<ShownColumn> {
    let column = |(place, column): (u16, &cowl_domain::table::Column)| ShownColumn {
        name: column.name.clone(),
        role: column.role.as_str(),
        kind: column.kind.as_str(),
        sets: schema
            .sets
            .iter()
            .filter(|set| set.columns.contains(&place))
            .map(|set| set.name.clone())
            .collect(),
        words: role_in_words(column.role),
    };
    (0..).zip(&schema.columns).map(column).collect()
}

fn sets(schema: &TableSchema) -> Vec<ShownSet> {
    let name = |column: &u16| schema.columns.get(usize::from(*column)).map_or("?", |it| it.name.as_str());
    let set = |set: &cowl_domain::table::SealedSet| ShownSet {
        name: set.name.clone(),
        layout: layout(set.layout),
        columns: set.columns.iter().map(|column| name(column).to_owned()).collect(),
    };
    schema.sets.iter().map(set).collect()
}

const fn layout(layout: Layout) -> &'static str {
    match layout {
        Layout::Cells { .. } => "cells",
        Layout::Columns { .. } => "columns",
        Layout::Moments { .. } => "moments",
    }
}

impl fmt::Display for ShownTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { row, schema, sets } = self;
        writeln!(f, "table    {}", row.table)?;
        writeln!(f, "name     {}", printable(&row.name))?;
        writeln!(f, "owner    {}", row.owner)?;
        let columns = count(row.columns as u64, "column");
        writeln!(f, "size     {}, {columns}, {} in the cloud", count(row.rows, "row"), row.stored)?;
        row.note.iter().try_for_each(|note| writeln!(f, "note     {}", printable(note)))?;
        row.minimum_cohort
            .iter()
            .try_for_each(|minimum| writeln!(f, "terms    no figure about fewer than {minimum} rows"))?;
        if row.scores {
            writeln!(f, "terms    scores of single rows")?;
        }
        let mut table = Columns::new(["column", "type", "may stand in", "sets"]);
        for column in schema {
            let sets = column.sets.join(", ");
            table.row([column.name.clone(), column.kind.to_owned(), column.words.to_owned(), sets]);
        }
        write!(f, "\n{table}\n")?;
        for set in sets {
            let what = match set.layout {
                "moments" => "sums, means, variances, correlations, regressions, over complete rows of",
                "cells" => "sums and means, each over the rows that have it, of",
                _ => "scores of",
            };
            write!(
                f,
                "\n{HEAD}{}{HEAD:#}: {what} {}",
                printable(&set.name),
                printable(&set.columns.join(", "))
            )?;
        }
        Ok(())
    }
}
