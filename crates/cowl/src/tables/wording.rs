//! A query in SQL again: for the people who are to consent to it.

use std::fmt;

use cowl_domain::table::TableSchema;
use cowl_query::{Aggregate, Cell, ColumnRef, Condition, OrderKey, Output, Program, Query};

use super::formula::Formula;

/// A program as people read it; `tables` are its own, in its order.
pub(crate) fn in_words(program: &Program, tables: Vec<(String, &TableSchema)>) -> String {
    match program {
        Program::Figures(query) => Wording::new(query, tables).to_string(),
        Program::Scores(request) => {
            let table = tables.first().map_or("?", |(name, _)| name.as_str());
            Formula { request, table }.to_string()
        }
    }
}

/// A query with the names of its tables and columns.
pub(crate) struct Wording<'a> {
    query: &'a Query,
    /// Names and schemas, in the query's order.
    tables: Vec<(String, &'a TableSchema)>,
}

impl<'a> Wording<'a> {
    /// `tables` are those of the query, in its order.
    pub(crate) fn new(query: &'a Query, tables: Vec<(String, &'a TableSchema)>) -> Self {
        Self { query, tables }
    }

    /// A column, with its table where there are several.
    pub(crate) fn column(&self, at: ColumnRef) -> String {
        let Some((table, schema)) = self.tables.get(usize::from(at.table)) else { return "?".to_owned() };
        let name = schema.columns.get(usize::from(at.column)).map_or("?", |column| column.name.as_str());
        match self.tables.len() {
            1 => identifier(name),
            _ => format!("{}.{}", identifier(table), identifier(name)),
        }
    }

    /// A column of the result.
    pub(crate) fn output(&self, output: &Output) -> String {
        match output {
            Output::Key(place) => self.key(*place),
            Output::Count => "count(*)".to_owned(),
            Output::Aggregate(aggregate) => self.aggregate(aggregate),
        }
    }

    fn key(&self, place: u16) -> String {
        self.query.keys.get(usize::from(place)).map_or_else(|| "?".to_owned(), |key| self.column(*key))
    }

    fn aggregate(&self, aggregate: &Aggregate) -> String {
        let columns = aggregate.columns.iter().map(|&column| self.column(ColumnRef { table: 0, column }));
        let penalty = aggregate.penalty.iter().map(literal);
        format!("{}({})", aggregate.function.name(), penalty.chain(columns).collect::<Vec<_>>().join(", "))
    }

    fn condition(&self, condition: &Condition) -> String {
        match condition {
            Condition::All(parts) => self.joined(parts, " AND "),
            Condition::Any(parts) => self.joined(parts, " OR "),
            Condition::Not(inner) => format!("NOT ({})", self.condition(inner)),
            Condition::Compare { column, comparison, value } => {
                format!("{} {} {}", self.column(*column), comparison.sign(), literal(value))
            }
            Condition::OneOf { column, values } => {
                let values: Vec<String> = values.iter().map(literal).collect();
                format!("{} IN ({})", self.column(*column), values.join(", "))
            }
            Condition::Between { column, low, high } => {
                format!("{} BETWEEN {} AND {}", self.column(*column), literal(low), literal(high))
            }
            Condition::Missing(column) => format!("{} IS NULL", self.column(*column)),
            Condition::StartsWith { column, prefix } => {
                format!("{} LIKE {}", self.column(*column), quoted(&format!("{prefix}%")))
            }
        }
    }

    fn joined(&self, parts: &[Condition], word: &str) -> String {
        let part = |part: &Condition| match part {
            Condition::All(_) | Condition::Any(_) => format!("({})", self.condition(part)),
            _ => self.condition(part),
        };
        parts.iter().map(part).collect::<Vec<_>>().join(word)
    }

    fn from(&self) -> String {
        let mut tables = self.tables.iter().map(|(name, _)| identifier(name));
        let mut text = tables.next().unwrap_or_default();
        for (table, join) in tables.zip(&self.query.joins) {
            text += &format!(" JOIN {table} ON {} = {}", self.column(join.earlier), self.column(join.own));
        }
        text
    }

    fn order(&self) -> String {
        let step = |step: &cowl_query::Order| {
            let by = match step.by {
                OrderKey::Key(place) => self.key(place),
                OrderKey::Count => "count(*)".to_owned(),
            };
            if step.descending { format!("{by} DESC") } else { by }
        };
        self.query.order.iter().map(step).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Wording<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query = self.query;
        let named = |(place, output): (usize, &Output)| {
            let given = query.names.as_ref().and_then(|names| names.get(place)?.as_deref());
            let output = self.output(output);
            given.map_or_else(|| output.clone(), |name| format!("{output} AS {}", identifier(name)))
        };
        let outputs: Vec<String> = query.outputs.iter().enumerate().map(named).collect();
        write!(f, "SELECT {} FROM {}", outputs.join(", "), self.from())?;
        query.condition.iter().try_for_each(|it| write!(f, " WHERE {}", self.condition(it)))?;
        if !query.keys.is_empty() {
            let keys: Vec<String> = query.keys.iter().map(|key| self.column(*key)).collect();
            write!(f, " GROUP BY {}", keys.join(", "))?;
        }
        if !query.order.is_empty() {
            write!(f, " ORDER BY {}", self.order())?;
        }
        query.limit.iter().try_for_each(|limit| write!(f, " LIMIT {limit}"))
    }
}

/// A name as SQL has it: in quotes where it is no plain word.
pub(crate) fn identifier(name: &str) -> String {
    let plain = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain && !RESERVED.iter().any(|word| word.eq_ignore_ascii_case(name)) {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A value as SQL has it.
pub(crate) fn literal(cell: &Cell) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Integer(_) | Cell::Decimal { .. } => cell.to_string(),
        Cell::Text(text) => quoted(text),
        Cell::Token(_) => format!("X'{cell}'"),
    }
}

/// Words of SQL that are no names without quotes.
const RESERVED: [&str; 22] = [
    "select", "from", "where", "group", "order", "by", "limit", "join", "on", "and", "or", "not", "in",
    "like", "between", "is", "null", "as", "case", "union", "having", "end",
];

#[cfg(test)]
mod tests {
    use cowl_crypto::digest::Digest;
    use cowl_domain::table::{Column, ColumnRole, ColumnType, Layout, SealedSet};
    use cowl_query::{Catalog, GrantedTable, parse};

    use super::*;

    fn granted(name: &str) -> GrantedTable {
        let column = |name: &str, role, kind| Column { name: name.to_owned(), role, kind };
        let columns = vec![
            column("ward", ColumnRole::Open, ColumnType::Category),
            column("admitted on", ColumnRole::Open, ColumnType::Date),
            column("patient", ColumnRole::Token, ColumnType::Text),
            column("weight", ColumnRole::Open, ColumnType::Decimal),
            column("los", ColumnRole::Secret, ColumnType::Integer),
            column("age", ColumnRole::Secret, ColumnType::Integer),
        ];
        let layout = Layout::Moments { ciphertexts: 1 };
        let sets = vec![SealedSet { name: "moments".to_owned(), layout, columns: vec![4, 5] }];
        let schema =
            TableSchema { rows: 9, columns, sets, key: Digest::of(b"key"), codebook: Digest::of(b"book") };
        GrantedTable { name: name.to_owned(), schema }
    }

    #[test]
    fn a_query_in_words_is_read_as_the_same_query() {
        let catalog = Catalog { tables: vec![granted("stays"), granted("other stays")] };
        for sql in [
            "SELECT count(*) FROM stays",
            "SELECT ward AS unit, count(*), enc_avg(los) AS \"mean stay\" FROM stays GROUP BY ward",
            "SELECT ward, count(*), enc_avg(los) FROM stays GROUP BY ward ORDER BY count(*) DESC, ward LIMIT 3",
            "SELECT enc_ridge(0.5, los, age) AS model FROM stays",
            "SELECT enc_linreg(los, age) FROM stays WHERE ward = 'O''Hara' AND \"admitted on\" >= '2008-01-01'",
            "SELECT enc_sum(los) FROM stays WHERE weight BETWEEN -0.5 AND 12.25 OR ward IN ('A', 'B') OR ward IS NULL",
            "SELECT enc_sum(los) FROM stays WHERE NOT (ward LIKE 'MI%') AND (ward <> 'A' OR weight < 3)",
            "SELECT count(*) FROM stays JOIN \"other stays\" ON stays.patient = \"other stays\".patient \
             WHERE \"other stays\".ward = 'A' AND stays.patient <> X'00112233445566778899aabbccddeeff'",
        ] {
            let query = parse(sql, &catalog).unwrap();
            let find = |name: &str| catalog.tables.iter().find(|table| table.name == name).unwrap();
            let tables = query.tables.iter().map(|table| (table.name.clone(), &find(&table.name).schema));
            let again = Wording::new(&query, tables.collect()).to_string();
            assert_eq!(parse(&again, &catalog).as_ref(), Ok(&query), "{again}");
        }
    }

    #[test]
    fn names_that_are_no_plain_words_stand_in_quotes() {
        assert_eq!(identifier("los"), "los");
        assert_eq!(identifier("a b"), "\"a b\"");
        assert_eq!(identifier("Order"), "\"Order\"");
        assert_eq!(identifier("say \"a\""), "\"say \"\"a\"\"\"");
    }
}
