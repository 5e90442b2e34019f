//! The tables that may be asked about, and the names by which a query calls them.
//!
//! The name of an own table is sealed, and that of somebody else's is not known here. So what goes to the cloud
//! names tables `t1`, `t2` …, whatever the person who asks calls them.

use cowl_domain::{GrantId, Kind, Scope, SuiteId};
use cowl_query::{Catalog, GrantedTable, QueryTable};
use cowl_vault::Vault;
use cowl_vault::job::TableInfo;
use cowl_vault::view::GrantInfo;

use super::learns::AskedTable;
use crate::failure::{Failure, Result};

/// A table that the caller may ask about.
#[derive(Debug, Clone)]
pub(crate) struct KnownTable {
    pub(crate) info: TableInfo,
    /// Its name, where the caller may open its label.
    pub(crate) name: Option<String>,
    pub(crate) mine: bool,
    /// The grants by which the caller may ask; of an own table none is needed.
    pub(crate) grants: Vec<GrantInfo>,
}

impl KnownTable {
    /// The names by which it goes in queries where nothing else is said.
    fn usual_name(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("t_{}", &self.info.item.item.to_string()[..SHORT]))
    }

    fn goes_by(&self, text: &str) -> bool {
        let id = self.info.item.item.to_string();
        let by_grant = self.grants.iter().any(|grant| grant.grant.to_string().starts_with(text));
        let long_enough = text.len() >= SHORTEST;
        self.name.as_deref() == Some(text)
            || self.usual_name() == text
            || long_enough && (id.starts_with(text) || by_grant)
    }

    /// What to call it where people read.
    pub(crate) fn title(&self) -> String {
        self.usual_name()
    }

    /// As questions are shown that are about it.
    pub(crate) fn asked(&self) -> AskedTable<'_> {
        AskedTable { title: self.title(), schema: &self.info.schema }
    }
}

/// All tables that the caller may ask about: own ones first.
///
/// # Errors
/// Those of the cloud.
pub(crate) async fn known_tables(vault: &Vault) -> Result<Vec<KnownTable>> {
    let mut tables = own_tables(vault).await?;
    for grant in vault.grants_to_compute().await? {
        let Scope::Item(item) = grant.scope else { continue };
        if crate::models::catalog::runs_models(&grant) {
            continue;
        }
        if let Some(known) = tables.iter_mut().find(|table| table.info.item.item == item) {
            known.grants.push(grant);
            continue;
        }
        let info = vault.table(grant.record, item).await?;
        tables.push(KnownTable { info, name: None, mine: false, grants: vec![grant] });
    }
    Ok(tables)
}

async fn own_tables(vault: &Vault) -> Result<Vec<KnownTable>> {
    let mut tables = Vec::new();
    for record in vault.records().await?.iter().filter(|record| record.mine) {
        for item in vault.items(record.record).await? {
            if item.suite == SuiteId::Additive && item.label.kind == Kind::Table {
                let info = vault.table(record.record, item.item).await?;
                tables.push(KnownTable { info, name: Some(item.label.name), mine: true, grants: Vec::new() });
            }
        }
    }
    Ok(tables)
}

/// The table that a text names.
///
/// # Errors
/// When there is none, or more than one fits.
pub(crate) fn find<'a>(tables: &'a [KnownTable], text: &str) -> Result<&'a KnownTable> {
    let found: Vec<&KnownTable> = tables.iter().filter(|table| table.goes_by(text)).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(Failure::no(format!("there is no table '{text}' that you may ask about"))
            .with_hint("see what there is: cowl table list")),
        several => {
            Err(Failure::usage(format!("'{text}' fits {} tables; name one by its identifier", several.len())))
        }
    }
}

/// Tables under the names of one query.
pub(crate) struct Names<'a>(Vec<(String, &'a KnownTable)>);

impl<'a> Names<'a> {
    /// Usual names, and those that were given; the only table goes also as `t`.
    ///
    /// # Errors
    /// A name for a table that is not there, or for two.
    pub(crate) fn new(tables: &'a [KnownTable], given: &[String]) -> Result<Self> {
        let mut names: Vec<(String, &KnownTable)> = Vec::new();
        for text in given {
            let (name, table) = match text.split_once('=') {
                Some((name, table)) => (name.to_owned(), find(tables, table)?),
                None => ("t".to_owned(), find(tables, text)?),
            };
            if names.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                return Err(Failure::usage(format!("two tables are called '{name}'"))
                    .with_hint("give each a name of its own: --table NAME=TABLE"));
            }
            names.push((name, table));
        }
        for table in tables {
            let usual = table.usual_name();
            if !names.iter().any(|(known, _)| known.eq_ignore_ascii_case(&usual)) {
                names.push((usual, table));
            }
        }
        if let [only] = tables
            && !names.iter().any(|(known, _)| known.eq_ignore_ascii_case("t"))
        {
            names.push(("t".to_owned(), only));
        }
        Ok(Self(names))
    }

    /// The table of that name.
    pub(crate) fn table(&self, name: &str) -> Option<&'a KnownTable> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, table)| *table)
    }

    /// All names.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// What queries in SQL are checked against.
    pub(crate) fn catalog(&self) -> Catalog {
        let granted = |(name, table): &(String, &KnownTable)| GrantedTable {
            name: name.clone(),
            schema: table.info.schema.clone(),
        };
        Catalog { tables: self.0.iter().map(granted).collect() }
    }

    /// The tables of a program in its order; from now on it calls them `t1`, `t2` …
    pub(crate) fn anonymise(&self, named: &mut [QueryTable]) -> Vec<&'a KnownTable> {
        let tables =
            named.iter().map(|table| self.table(&table.name).expect("a query's tables are of its catalog"));
        let tables: Vec<&KnownTable> = tables.collect();
        for (table, number) in named.iter_mut().zip(1..) {
            table.name = wire_name(number);
        }
        tables
    }
}

/// What a query calls its table of this number, from 1, on its way to the cloud.
pub(crate) fn wire_name(number: usize) -> String {
    format!("t{number}")
}

/// One grant for each table that is somebody else's, and the fewest rows that figures may be about under all of
/// them. Of several grants on a table the one with the smallest groups is taken: that is what its owner allows.
///
/// # Errors
/// A table without a grant by this technique.
pub(crate) fn grants_for(tables: &[&KnownTable], technique: &str) -> Result<(Vec<GrantId>, u32)> {
    let (mut grants, mut minimum): (Vec<GrantId>, u32) = (Vec::new(), 1);
    for table in tables.iter().filter(|table| !table.mine) {
        let fitting = table.grants.iter().filter_map(|grant| {
            let terms = grant.compute.as_ref().filter(|terms| terms.technique == technique)?;
            Some((terms.minimum_cohort, grant.grant))
        });
        let (rows, grant) = fitting.min().ok_or_else(|| {
            Failure::no(format!("nobody has granted you to ask about table {}", table.title())).with_hint(
                format!(
                    "ask its owner: cowl grant request {} --power compute --technique {technique} …",
                    table.info.owner
                ),
            )
        })?;
        grants.push(grant);
        minimum = minimum.max(rows);
    }
    grants.sort_unstable();
    grants.dedup();
    Ok((grants, minimum))
}

/// Letters of an identifier in names.
const SHORT: usize = 8;
/// Letters of an identifier that name something.
const SHORTEST: usize = 4;
