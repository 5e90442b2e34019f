//! SQL for SQLite, made of numbers: tables are `t0`, `t1`, columns `c0`, `c1`, values are bound.

use std::fmt::Write;

use rusqlite::ToSql;

use crate::query::{ColumnRef, Condition, Query};

/// Whether SQLite speaks of one of the loaded tables.
pub(super) fn is_table(name: &str) -> bool {
    name.strip_prefix('t')
        .is_some_and(|place| !place.is_empty() && place.bytes().all(|it| it.is_ascii_digit()))
}

/// Columns have no type, so that SQLite keeps cells as they are.
pub(super) fn create_table(place: usize, columns: &[u16]) -> String {
    let columns: String = columns.iter().map(|column| format!(", c{column}")).collect();
    format!("CREATE TABLE t{place} (row INTEGER PRIMARY KEY{columns})")
}

pub(super) fn insert(place: usize, columns: usize) -> String {
    let values = ", ?".repeat(columns);
    format!("INSERT INTO t{place} VALUES (?{values})")
}

/// The statement that gives the row of each of the query's tables, and the values to bind.
pub(super) fn of(query: &Query) -> (String, Vec<&dyn ToSql>) {
    let mut sql = String::from("SELECT ");
    for at in 0..query.tables.len() {
        let comma = if at == 0 { "" } else { ", " };
        write!(sql, "{comma}t{at}.row").expect(WRITES);
    }
    sql.push_str(" FROM t0");
    for (at, join) in (1..).zip(&query.joins) {
        let (own, earlier) = (name(join.own), name(join.earlier));
        // CROSS keeps SQLite from turning the order round: the first table is read once, the others are looked up.
        write!(sql, " CROSS JOIN t{at} ON {own} = {earlier}").expect(WRITES);
    }
    let mut values = Vec::new();
    if let Some(condition) = &query.condition {
        sql.push_str(" WHERE ");
        add_condition(condition, &mut sql, &mut values);
    }
    (sql, values)
}

const WRITES: &str = "writing to a String cannot fail";

fn name(column: ColumnRef) -> String {
    format!("t{}.c{}", column.table, column.column)
}

/// The depth of the recursion is that of a checked query.
fn add_condition<'a>(condition: &'a Condition, sql: &mut String, values: &mut Vec<&'a dyn ToSql>) {
    sql.push('(');
    match condition {
        Condition::All(parts) => add_parts(parts, " AND ", sql, values),
        Condition::Any(parts) => add_parts(parts, " OR ", sql, values),
        Condition::Not(inner) => {
            sql.push_str("NOT ");
            add_condition(inner, sql, values);
        }
        Condition::Compare { column, comparison, value } => {
            values.push(value);
            write!(sql, "{} {} ?", name(*column), comparison.sign()).expect(WRITES);
        }
        Condition::OneOf { column, values: list } => {
            values.extend(list.iter().map(|value| value as &dyn ToSql));
            write!(sql, "{} IN (?{})", name(*column), ", ?".repeat(list.len() - 1)).expect(WRITES);
        }
        Condition::Between { column, low, high } => {
            values.push(low);
            values.push(high);
            write!(sql, "{} BETWEEN ? AND ?", name(*column)).expect(WRITES);
        }
        Condition::Missing(column) => write!(sql, "{} IS NULL", name(*column)).expect(WRITES),
        Condition::StartsWith { column, prefix } => {
            values.push(prefix);
            let length = prefix.chars().count();
            write!(sql, "substr({}, 1, {length}) = ?", name(*column)).expect(WRITES);
        }
    }
    sql.push(')');
}

fn add_parts<'a>(parts: &'a [Condition], word: &str, sql: &mut String, values: &mut Vec<&'a dyn ToSql>) {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            sql.push_str(word);
        }
        add_condition(part, sql, values);
    }
}
