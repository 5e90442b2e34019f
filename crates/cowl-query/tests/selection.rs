//! SQLite finds the rows that an oracle finds, row by row.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic where it fails")]

#[allow(dead_code, reason = "each test file uses a part of the suite")]
mod conformance;

use std::sync::Arc;

use conformance::{case, catalog, check, granted, schema};
use cowl_query::{
    Catalog, Cell, ClearColumn, ClearTable, ClearTableError, EngineLimits, Group, Query, Selection,
    SqliteEngine, parse,
};
use proptest::prelude::*;

fn sqlite(tables: Vec<Arc<ClearTable>>) -> SqliteEngine {
    SqliteEngine::build(tables, EngineLimits::default()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_conforms((tables, query) in case()) {
        query.check(&catalog(&tables)).unwrap();
        check(sqlite, &tables, &query)?;
    }

    #[test]
    fn a_query_over_the_wire_is_the_same_query((tables, query) in case()) {
        let read = Query::from_bytes(&query.to_bytes(), &catalog(&tables)).unwrap();
        prop_assert_eq!(read.digest(), query.digest());
        prop_assert_eq!(read, query);
    }

    #[test]
    fn a_query_with_a_changed_byte_is_another_or_none(
        (tables, query) in case(), at in any::<prop::sample::Index>(), change in 1..=255u8,
    ) {
        let mut bytes = query.to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        if let Ok(read) = Query::from_bytes(&bytes, &catalog(&tables)) {
            prop_assert_ne!(read.digest(), query.digest());
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Query::from_bytes(&bytes, &Catalog { tables: vec![granted("stays", 3)] });
    }
}

fn group(ward: &str, rows: &[u64]) -> Group {
    Group { keys: vec![Cell::Text(ward.to_owned())], rows: rows.to_vec() }
}

fn wards() -> Selection {
    Selection::new(vec![group("C", &[8]), group("A", &[1, 0]), group("B", &[2, 3, 4]), group("D", &[5, 6])])
}

fn ask(tail: &str) -> Query {
    let sql = format!("SELECT ward, count(*) FROM stays GROUP BY ward {tail}");
    parse(&sql, &Catalog { tables: vec![granted("stays", 9)] }).unwrap()
}

#[test]
fn small_groups_are_left_out_before_the_limit_counts() {
    let released = wards().release(&ask("ORDER BY ward DESC LIMIT 2"), 2);
    assert_eq!(released.groups, [group("D", &[5, 6]), group("B", &[2, 3, 4])]);
    assert_eq!(released.suppressed, 1);
}

#[test]
fn groups_of_one_size_are_ordered_by_their_keys() {
    let released = wards().release(&ask("ORDER BY count(*) DESC"), 1);
    let sizes: Vec<_> = released.groups.iter().map(|it| it.rows.len()).collect();
    assert_eq!(sizes, [3, 2, 2, 1]);
    assert_eq!(released.groups[1], group("A", &[0, 1]));
}

#[test]
fn an_empty_group_is_left_out_even_when_no_minimum_is_asked() {
    let selection = Selection { groups: vec![Group { keys: vec![], rows: vec![] }] };
    let released = selection.release(&ask(""), 0);
    assert_eq!((released.groups.len(), released.suppressed), (0, 1));
}

#[test]
fn cells_that_are_not_of_their_column_are_named_by_column_and_row() {
    let mut columns: Vec<_> = (0..6).map(|place| ClearColumn { place, cells: vec![Cell::Null; 2] }).collect();
    columns[1].cells[1] = Cell::Text("13.2.2008".to_owned());
    let refused = ClearTable::new("stays", schema(2), columns.clone()).unwrap_err();
    assert_eq!(refused, ClearTableError::Cell { column: "admitted".to_owned(), row: 1 });
    columns.pop();
    let refused = ClearTable::new("stays", schema(2), columns).unwrap_err();
    assert_eq!(refused, ClearTableError::Columns { table: "stays".to_owned() });
}
