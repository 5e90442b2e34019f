//! Names of tables and columns: FROM, joins, and what expressions point at.

use std::mem;

use sqlparser::ast::{
    BinaryOperator, Expr, Ident, Join as SqlJoin, JoinConstraint, JoinOperator, ObjectName, TableAlias,
    TableFactor, TableWithJoins,
};

use super::text::quote;
use crate::check::{Catalog, GrantedTable};
use crate::limits::MOST_TABLES;
use crate::query::{ColumnRef, Join, QueryTable};
use crate::refusal::{QueryRefusal, not_allowed};

const JOINS: &str = "write JOIN other ON a.token = b.token, with tokens that are unique in the joined table";
const TABLES: &str = "FROM takes granted tables by their names";

/// The tables of a query under the names that it gives them.
pub(super) struct Names<'a> {
    tables: Vec<(Ident, &'a GrantedTable)>,
}

impl<'a> Names<'a> {
    pub(super) fn of(
        from: Vec<TableWithJoins>,
        catalog: &'a Catalog,
    ) -> Result<(Self, Vec<Join>), QueryRefusal> {
        let mut from = from.into_iter();
        let Some(first) = from.next() else { return not_allowed("a SELECT without FROM", TABLES) };
        if from.next().is_some() {
            return not_allowed("a list of tables", JOINS);
        }
        if first.joins.len() >= MOST_TABLES {
            return Err(QueryRefusal::TooLarge { what: "tables", most: MOST_TABLES });
        }
        let mut names = Self { tables: vec![table(first.relation, catalog)?] };
        let joins = first.joins.into_iter().map(|it| names.join(it, catalog)).collect::<Result<_, _>>()?;
        Ok((names, joins))
    }

    fn join(&mut self, join: SqlJoin, catalog: &'a Catalog) -> Result<Join, QueryRefusal> {
        let constraint = match join.join_operator {
            JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) if !join.global => constraint,
            JoinOperator::CrossJoin(_) => return not_allowed("CROSS JOIN", JOINS),
            _ => return not_allowed("a join other than INNER", JOINS),
        };
        let own = u16::try_from(self.tables.len()).expect("at most a handful of tables");
        self.tables.push(table(join.relation, catalog)?);
        let JoinConstraint::On(Expr::BinaryOp { left, op: BinaryOperator::Eq, right }) = constraint else {
            return not_allowed("a join without ON a.token = b.token", JOINS);
        };
        let (Some(mut earlier), Some(mut joined)) = (self.column_of(&left)?, self.column_of(&right)?) else {
            return not_allowed("an expression in a join", JOINS);
        };
        if earlier.table == own {
            mem::swap(&mut earlier, &mut joined);
        }
        if joined.table == own && earlier.table < own {
            Ok(Join { earlier, own: joined })
        } else {
            not_allowed("a join that does not link its table to an earlier one", JOINS)
        }
    }

    /// The column that an expression is; `None` if it is something else.
    pub(super) fn column_of(&self, expression: &Expr) -> Result<Option<ColumnRef>, QueryRefusal> {
        match expression {
            Expr::Identifier(column) => self.find(None, column).map(Some),
            Expr::CompoundIdentifier(path) => match path.as_slice() {
                [table, column] => self.find(Some(table), column).map(Some),
                _ => not_allowed("a name of more than two parts", "write column or table.column"),
            },
            Expr::Nested(inner) => self.column_of(inner),
            _ => Ok(None),
        }
    }

    fn find(&self, table: Option<&Ident>, column: &Ident) -> Result<ColumnRef, QueryRefusal> {
        let mut found = (0..)
            .zip(&self.tables)
            .filter(|(_, (name, _))| table.is_none_or(|table| same(table, &name.value)))
            .flat_map(|(place, (_, granted))| {
                let columns = (0..).zip(&granted.schema.columns);
                columns.filter(|it| same(column, &it.1.name)).map(move |it| (place, it.0))
            });
        let (table, first) = found.next().ok_or_else(|| QueryRefusal::UnknownColumn(quote(&column.value)))?;
        if found.next().is_some() {
            return Err(QueryRefusal::Ambiguous(quote(&column.value)));
        }
        Ok(ColumnRef { table, column: first })
    }

    pub(super) fn table(&self, place: u16) -> &'a GrantedTable {
        self.tables[usize::from(place)].1
    }

    pub(super) fn name_of(&self, column: ColumnRef) -> String {
        self.table(column.table).schema.columns[usize::from(column.column)].name.clone()
    }

    pub(super) fn into_tables(self) -> Vec<QueryTable> {
        let table = |(_, granted): (Ident, &GrantedTable)| QueryTable {
            name: granted.name.clone(),
            schema: granted.digest(),
        };
        self.tables.into_iter().map(table).collect()
    }
}

/// Names in quotes are taken as they are, others whatever their case.
fn same(written: &Ident, name: &str) -> bool {
    written.value == name || (written.quote_style.is_none() && written.value.eq_ignore_ascii_case(name))
}

fn table(factor: TableFactor, catalog: &Catalog) -> Result<(Ident, &GrantedTable), QueryRefusal> {
    let TableFactor::Table {
        name,
        alias,
        args,
        with_hints,
        version,
        with_ordinality,
        partitions,
        json_path,
        sample,
        index_hints,
    } = factor
    else {
        return match factor {
            TableFactor::Derived { .. } => not_allowed("a subquery in FROM", TABLES),
            _ => not_allowed("anything but a table in FROM", TABLES),
        };
    };
    if args.is_some() {
        return not_allowed("a table function", TABLES);
    }
    if version.is_some()
        || with_ordinality
        || !partitions.is_empty()
        || json_path.is_some()
        || sample.is_some()
    {
        return not_allowed("a part or version of a table", TABLES);
    }
    if !with_hints.is_empty() || !index_hints.is_empty() {
        return not_allowed("a hint", TABLES);
    }
    let granted = find_table(&name, catalog)?;
    Ok((alias_or(alias, &granted.name)?, granted))
}

fn find_table<'a>(name: &ObjectName, catalog: &'a Catalog) -> Result<&'a GrantedTable, QueryRefusal> {
    let [part] = name.0.as_slice() else {
        return not_allowed("a table's name of several parts", TABLES);
    };
    let Some(name) = part.as_ident() else { return not_allowed("a table function", TABLES) };
    match catalog.tables.iter().find(|table| same(name, &table.name)) {
        Some(table) => Ok(table),
        None => catalog.find(&name.value),
    }
}

fn alias_or(alias: Option<TableAlias>, name: &str) -> Result<Ident, QueryRefusal> {
    match alias {
        None => Ok(Ident::new(name)),
        Some(alias) if alias.columns.is_empty() && alias.at.is_none() => Ok(alias.name),
        Some(_) => not_allowed("names of columns behind a table", "write table AS name"),
    }
}
