//! Whether a query is allowed: roles, types and bounds, the same for queries in SQL and over the wire.

use std::collections::BTreeSet;

use cowl_crypto::digest::Digest;
use cowl_domain::table::{Column, ColumnRole, ColumnType, Layout, TableSchema, is_name};

use crate::clear::Cell;
use crate::limits::{DEEPEST_NESTING, MOST_CONDITIONS, MOST_OUTPUTS, MOST_TABLES, MOST_VALUES};
use crate::query::{Aggregate, AggregateFunction, ColumnRef, Condition, OrderKey, Output, Query, QueryTable};
use crate::refusal::QueryRefusal;

/// A table that queries may be about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantedTable {
    /// Its name in queries.
    pub name: String,
    /// Its schema.
    pub schema: TableSchema,
}

impl GrantedTable {
    /// The digest by which queries name the schema's version.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.schema.to_bytes())
    }
}

/// The tables that a grant covers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    /// Those tables, each under a name of its own.
    pub tables: Vec<GrantedTable>,
}

impl Catalog {
    pub(crate) fn find(&self, name: &str) -> Result<&GrantedTable, QueryRefusal> {
        let unknown = || QueryRefusal::UnknownTable(name.chars().take(80).collect());
        self.tables.iter().find(|table| table.name == name).ok_or_else(unknown)
    }

    fn tables_of(&self, query: &Query) -> Result<Vec<&TableSchema>, QueryRefusal> {
        query.tables.iter().map(|table| self.table_of(table)).collect()
    }

    pub(crate) fn table_of(&self, table: &QueryTable) -> Result<&TableSchema, QueryRefusal> {
        let granted = self.find(&table.name)?;
        if granted.digest() == table.schema {
            Ok(&granted.schema)
        } else {
            Err(QueryRefusal::OtherSchema(table.name.clone()))
        }
    }

    /// The table of a score, whose set must be one that scores are made of.
    pub(crate) fn scored_table(&self, table: &QueryTable, set: u16) -> Result<&TableSchema, QueryRefusal> {
        let schema = self.table_of(table)?;
        match schema.sets.get(usize::from(set)).map(|set| &set.layout) {
            Some(Layout::Columns { .. }) => Ok(schema),
            _ => Err(QueryRefusal::Malformed("a score is of a set in layout columns")),
        }
    }
}

impl Query {
    /// Whether the query is allowed over these tables.
    ///
    /// # Errors
    /// [`QueryRefusal`] names what is not.
    pub fn check(&self, catalog: &Catalog) -> Result<(), QueryRefusal> {
        at_most("tables", self.tables.len(), MOST_TABLES)?;
        at_most("keys and aggregates", self.outputs.len(), MOST_OUTPUTS)?;
        at_most("keys", self.keys.len(), MOST_OUTPUTS)?;
        at_most("steps of its order", self.order.len(), MOST_OUTPUTS)?;
        let check = Check { query: self, schemas: catalog.tables_of(self)? };
        check.tables()?;
        check.joins()?;
        check.keys()?;
        check.outputs()?;
        check.names()?;
        check.order()?;
        match &self.condition {
            Some(condition) => Weight::default().add(&check, condition, 1),
            None => Ok(()),
        }
    }
}

fn at_most(what: &'static str, found: usize, most: usize) -> Result<(), QueryRefusal> {
    if found <= most { Ok(()) } else { Err(QueryRefusal::TooLarge { what, most }) }
}

struct Check<'a> {
    query: &'a Query,
    schemas: Vec<&'a TableSchema>,
}

impl<'a> Check<'a> {
    fn tables(&self) -> Result<(), QueryRefusal> {
        if self.query.tables.is_empty() || self.query.joins.len() + 1 != self.query.tables.len() {
            return Err(QueryRefusal::Malformed("each table after the first has one join"));
        }
        let names: BTreeSet<&str> = self.query.tables.iter().map(|table| table.name.as_str()).collect();
        if names.len() == self.query.tables.len() {
            Ok(())
        } else {
            crate::refusal::not_allowed("a join of a table with itself", "join tables on their tokens")
        }
    }

    fn column(&self, at: ColumnRef) -> Result<&'a Column, QueryRefusal> {
        let schema = self.schemas.get(usize::from(at.table));
        schema
            .and_then(|schema| schema.columns.get(usize::from(at.column)))
            .ok_or(QueryRefusal::Malformed("it names a column that is not there"))
    }

    fn joins(&self) -> Result<(), QueryRefusal> {
        for (place, join) in (1..).zip(&self.query.joins) {
            if join.own.table != place || join.earlier.table >= place {
                return Err(QueryRefusal::Malformed("a join is not between its table and an earlier one"));
            }
            for side in [join.earlier, join.own] {
                self.expect_role(side, &[ColumnRole::Token], "a join", "tables are joined on token columns")?;
            }
        }
        Ok(())
    }

    fn expect_role(
        &self,
        at: ColumnRef,
        roles: &[ColumnRole],
        place: &'static str,
        instead: &'static str,
    ) -> Result<&'a Column, QueryRefusal> {
        let column = self.column(at)?;
        if roles.contains(&column.role) {
            return Ok(column);
        }
        Err(QueryRefusal::Role { column: column.name.clone(), role: column.role.as_str(), place, instead })
    }

    fn keys(&self) -> Result<(), QueryRefusal> {
        let unique: BTreeSet<&ColumnRef> = self.query.keys.iter().collect();
        if unique.len() != self.query.keys.len() {
            return Err(QueryRefusal::Malformed("a column stands twice in GROUP BY"));
        }
        let clear = [ColumnRole::Open, ColumnRole::Token];
        let instead = "groups are made by open and token columns";
        self.query
            .keys
            .iter()
            .try_for_each(|key| self.expect_role(*key, &clear, "GROUP BY", instead).map(drop))
    }

    fn outputs(&self) -> Result<(), QueryRefusal> {
        if self.query.outputs.is_empty() {
            return Err(QueryRefusal::Malformed("it asks for nothing"));
        }
        self.query.outputs.iter().try_for_each(|output| match output {
            Output::Key(place) => self.key_place(*place),
            Output::Count => Ok(()),
            Output::Aggregate(aggregate) => self.aggregate(aggregate),
        })
    }

    /// A name for each column or none at all; printable, and none twice.
    fn names(&self) -> Result<(), QueryRefusal> {
        let Some(names) = &self.query.names else { return Ok(()) };
        if names.len() != self.query.outputs.len() || names.iter().all(Option::is_none) {
            return Err(QueryRefusal::Malformed("it does not name its columns one by one"));
        }
        let mut seen = BTreeSet::new();
        match names.iter().flatten().find(|name| !is_name(name) || !seen.insert(*name)) {
            Some(_) => crate::refusal::not_allowed(
                "a name that is empty, too long, not printable, or given twice",
                "write AS name, each once",
            ),
            None => Ok(()),
        }
    }

    fn key_place(&self, place: u16) -> Result<(), QueryRefusal> {
        if usize::from(place) < self.query.keys.len() {
            Ok(())
        } else {
            Err(QueryRefusal::Malformed("it names a key that is not in GROUP BY"))
        }
    }

    fn order(&self) -> Result<(), QueryRefusal> {
        self.query.order.iter().try_for_each(|step| match step.by {
            OrderKey::Key(place) => self.key_place(place),
            OrderKey::Count => Ok(()),
        })
    }

    fn aggregate(&self, aggregate: &Aggregate) -> Result<(), QueryRefusal> {
        check_arguments(aggregate.function, &aggregate.columns)?;
        check_penalty(aggregate)?;
        for &column in &aggregate.columns {
            let instead = "aggregates are made of secret columns; open ones can be fetched";
            let at = ColumnRef { table: 0, column };
            self.expect_role(at, &[ColumnRole::Secret], "an aggregate", instead)?;
        }
        let schema = self.schemas[0];
        if serves(schema, aggregate.set, aggregate.function, &aggregate.columns) {
            Ok(())
        } else {
            Err(no_set(schema, aggregate.function, &aggregate.columns))
        }
    }
}

/// How much of conditions there is so far.
#[derive(Default)]
struct Weight {
    conditions: usize,
    values: usize,
}

impl Weight {
    fn add(&mut self, check: &Check<'_>, condition: &Condition, depth: usize) -> Result<(), QueryRefusal> {
        at_most("levels of conditions", depth, DEEPEST_NESTING)?;
        self.conditions += 1;
        at_most("conditions", self.conditions, MOST_CONDITIONS)?;
        match condition {
            Condition::All(parts) | Condition::Any(parts) => {
                if parts.len() < 2 {
                    return Err(QueryRefusal::Malformed("AND and OR have two sides or more"));
                }
                parts.iter().try_for_each(|part| self.add(check, part, depth + 1))
            }
            Condition::Not(inner) => self.add(check, inner, depth + 1),
            leaf => self.add_leaf(check, leaf),
        }
    }

    fn add_leaf(&mut self, check: &Check<'_>, leaf: &Condition) -> Result<(), QueryRefusal> {
        let (at, ordered) = match leaf {
            Condition::Compare { column, comparison, .. } => (*column, comparison.is_order()),
            Condition::OneOf { column, .. } | Condition::Missing(column) => (*column, false),
            Condition::Between { column, .. } | Condition::StartsWith { column, .. } => (*column, true),
            Condition::All(_) | Condition::Any(_) | Condition::Not(_) => return Ok(()),
        };
        let clear = [ColumnRole::Open, ColumnRole::Token];
        let instead = "conditions are about open and token columns";
        let column = check.expect_role(at, &clear, "WHERE", instead)?;
        if ordered && column.role == ColumnRole::Token {
            let instead = "tokens have no order: use =, <>, IN or IS NULL";
            return Err(QueryRefusal::Value { column: column.name.clone(), instead });
        }
        self.add_values(column, leaf)
    }

    fn add_values(&mut self, column: &Column, leaf: &Condition) -> Result<(), QueryRefusal> {
        let values: &[&Cell] = match leaf {
            Condition::Compare { value, .. } => &[value],
            Condition::Between { low, high, .. } => &[low, high],
            Condition::OneOf { values, .. } if values.is_empty() => {
                return Err(QueryRefusal::Malformed("an IN list is empty"));
            }
            Condition::OneOf { values, .. } => &values.iter().collect::<Vec<_>>(),
            Condition::StartsWith { prefix, .. } => return check_prefix(column, prefix),
            _ => &[],
        };
        self.values += values.len();
        at_most("values in its conditions", self.values, MOST_VALUES)?;
        values.iter().try_for_each(|value| check_value(column, value))
    }
}

fn check_value(column: &Column, value: &Cell) -> Result<(), QueryRefusal> {
    let number = matches!(column.kind, ColumnType::Integer | ColumnType::Binary | ColumnType::Decimal)
        && column.role == ColumnRole::Open
        && matches!(value, Cell::Integer(_) | Cell::Decimal { .. });
    let fits = *value != Cell::Null && (number || value.suits(column.role, column.kind));
    // A whole number in a decimal column has one form, that of a decimal, so that queries have one form, too.
    let one_form = match value {
        Cell::Integer(_) => column.kind != ColumnType::Decimal,
        Cell::Decimal { decimals, .. } => column.kind == ColumnType::Decimal || *decimals > 0,
        _ => true,
    };
    if fits && one_form && value.is_canonical() { Ok(()) } else { Err(unfit(column)) }
}

pub(crate) fn unfit(column: &Column) -> QueryRefusal {
    let instead = match (column.role, column.kind) {
        (ColumnRole::Token, _) => "a token is written X'…' in hexadecimal digits",
        (_, ColumnType::Integer | ColumnType::Decimal) => {
            "it holds numbers, of at most 15 digits with a point"
        }
        (_, ColumnType::Binary) => "it holds 0 and 1",
        (_, ColumnType::Date) => "it holds days, written 'YYYY-MM-DD'",
        (_, ColumnType::Category | ColumnType::Text) => "it holds texts, written '…'",
    };
    QueryRefusal::Value { column: column.name.clone(), instead }
}

fn check_prefix(column: &Column, prefix: &str) -> Result<(), QueryRefusal> {
    let text = matches!(column.kind, ColumnType::Category | ColumnType::Text | ColumnType::Date);
    if text && !prefix.is_empty() && !prefix.contains('\0') {
        Ok(())
    } else {
        Err(QueryRefusal::Value { column: column.name.clone(), instead: "LIKE 'beginning%' is for texts" })
    }
}

pub(crate) fn check_arguments(function: AggregateFunction, columns: &[u16]) -> Result<(), QueryRefusal> {
    let (fewest, most, takes) = match function {
        AggregateFunction::Sum
        | AggregateFunction::Average
        | AggregateFunction::Variance
        | AggregateFunction::StandardDeviation => (1, 1, "one column"),
        AggregateFunction::Covariance | AggregateFunction::Correlation => (2, 2, "two different columns"),
        AggregateFunction::LinearRegression => {
            (2, MOST_OUTPUTS, "a target and between 1 and 127 other columns, each once")
        }
        AggregateFunction::RidgeRegression => {
            (2, MOST_OUTPUTS, "a penalty, a target and between 1 and 127 other columns, each once")
        }
    };
    let distinct = columns.iter().collect::<BTreeSet<_>>().len() == columns.len();
    if distinct && (fewest..=most).contains(&columns.len()) {
        Ok(())
    } else {
        Err(QueryRefusal::Arguments { function: function.name(), takes })
    }
}

/// A penalty stands where there is a ridge regression, and is a number that is not negative.
fn check_penalty(aggregate: &Aggregate) -> Result<(), QueryRefusal> {
    let ridge = aggregate.function == AggregateFunction::RidgeRegression;
    let sound = match &aggregate.penalty {
        None => !ridge,
        Some(penalty @ Cell::Decimal { mantissa: 0.., .. }) => ridge && penalty.is_canonical(),
        Some(_) => false,
    };
    let takes = "a penalty of zero or more, e.g. enc_ridge(0.5, los, age), and no other function takes one";
    if sound { Ok(()) } else { Err(QueryRefusal::Arguments { function: aggregate.function.name(), takes }) }
}

fn serves(schema: &TableSchema, set: u16, function: AggregateFunction, columns: &[u16]) -> bool {
    let Some(set) = schema.sets.get(usize::from(set)) else { return false };
    let layout = match set.layout {
        Layout::Moments { .. } => true,
        Layout::Cells { .. } => function.is_linear(),
        Layout::Columns { .. } => false,
    };
    layout && columns.iter().all(|column| set.columns.contains(column))
}

/// The set from which an aggregate is had: of those that serve, the one with the fewest columns, because fewer columns
/// leave more rows complete; the first of several.
pub(crate) fn choose_set(
    schema: &TableSchema,
    function: AggregateFunction,
    columns: &[u16],
) -> Result<u16, QueryRefusal> {
    (0..)
        .zip(&schema.sets)
        .filter(|(place, _)| serves(schema, *place, function, columns))
        .min_by_key(|(_, set)| set.columns.len())
        .map(|(place, _)| place)
        .ok_or_else(|| no_set(schema, function, columns))
}

fn no_set(schema: &TableSchema, function: AggregateFunction, columns: &[u16]) -> QueryRefusal {
    let name = |place: &u16| schema.columns.get(usize::from(*place)).map_or("?", |it| it.name.as_str());
    QueryRefusal::NoSet {
        function: function.name(),
        columns: columns.iter().map(name).collect::<Vec<_>>().join(", "),
        layouts: if function.is_linear() { "moments or cells" } else { "moments" },
    }
}

/// A value in the one form that it has beside this column: whole numbers are decimals in a decimal column only.
pub(crate) fn literal_for(column: &Column, value: Cell) -> Cell {
    match value {
        Cell::Integer(number) if column.kind == ColumnType::Decimal => {
            Cell::decimal(number, 0).unwrap_or(Cell::Integer(number))
        }
        Cell::Decimal { mantissa, decimals: 0 } if column.kind != ColumnType::Decimal => {
            Cell::Integer(mantissa)
        }
        other => other,
    }
}
