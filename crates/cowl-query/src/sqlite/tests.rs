use cowl_domain::table::{Column, ColumnRole, ColumnType, TableSchema};

use super::*;
use crate::clear::ClearColumn;
use crate::query::{ColumnRef, Comparison, Condition, Output};

fn table(rows: u64) -> ClearTable {
    let schema = TableSchema {
        rows,
        columns: vec![Column { name: "ward".into(), role: ColumnRole::Open, kind: ColumnType::Integer }],
        sets: vec![],
        key: Digest::of(b"key"),
        codebook: Digest::of(b"codebook"),
    };
    let cells = (0..rows).map(|row| Cell::Integer(row as i64)).collect();
    ClearTable::new("stays", schema, vec![ClearColumn { place: 0, cells }]).unwrap()
}

fn engine(rows: u64, limits: EngineLimits) -> Result<SqliteEngine, EngineError> {
    SqliteEngine::build(vec![Arc::new(table(rows))], limits)
}

fn query(rows: u64) -> Query {
    let schema = Digest::of(&table(rows).schema().to_bytes());
    let column = ColumnRef { table: 0, column: 0 };
    let value = Cell::Integer(3);
    Query {
        tables: vec![QueryTable { name: "stays".into(), schema }],
        joins: vec![],
        condition: Some(Condition::Compare { column, comparison: Comparison::Greater, value }),
        keys: vec![],
        outputs: vec![Output::Count],
        order: vec![],
        limit: None,
        names: None,
    }
}

#[test]
fn a_database_that_stands_denies_all_but_reading_its_tables() {
    let table = table(10);
    let rows: Vec<u32> = (0..10).collect();
    let seen = [Seen { table: &table, columns: vec![0], rows: &rows }];
    let database = Database::build(&seen, EngineLimits::default()).unwrap();
    for sql in [
        "ATTACH DATABASE ':memory:' AS other",
        "PRAGMA table_info(t0)",
        "PRAGMA query_only = OFF",
        "SELECT * FROM sqlite_schema",
        "SELECT * FROM pragma_table_info('t0')",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
        "INSERT INTO t0 VALUES (99, 1)",
        "UPDATE t0 SET c0 = 1",
        "DELETE FROM t0",
        "CREATE TABLE t1 (a)",
        "CREATE TEMP TABLE t1 (a)",
        "CREATE VIEW v AS SELECT 1",
        "DROP TABLE t0",
        "SELECT randomblob(1000000000)",
        "SELECT load_extension('x')",
        "SELECT count(*) FROM t0",
        "BEGIN",
        "VACUUM INTO 'file.db'",
    ] {
        let refused = database.connection.prepare(sql).and_then(|mut it| it.query([])?.next().map(drop));
        assert!(refused.is_err(), "{sql} was not denied");
    }
    assert!(database.connection.prepare("SELECT row FROM t0 WHERE c0 = 1").is_ok());
}

#[test]
fn a_query_that_takes_too_many_steps_is_ended() {
    let engine = engine(20_000, EngineLimits { steps: 2_000, ..EngineLimits::default() }).unwrap();
    let refused = engine.select(&query(20_000)).unwrap_err();
    assert!(matches!(refused, EngineError::Steps { most: 2_000 }), "{refused}");
}

#[test]
fn a_query_that_takes_too_long_is_ended() {
    let engine = engine(20_000, EngineLimits { time: Duration::ZERO, ..EngineLimits::default() }).unwrap();
    let refused = engine.select(&query(20_000)).unwrap_err();
    assert!(matches!(refused, EngineError::Time { .. }), "{refused}");
}

#[test]
fn the_steps_of_one_query_do_not_count_for_the_next() {
    let engine = engine(2_000, EngineLimits { steps: 40_000, ..EngineLimits::default() }).unwrap();
    for _ in 0..20 {
        assert_eq!(engine.select(&query(2_000)).unwrap().groups.len(), 1);
    }
}

#[test]
fn tables_larger_than_the_machine_takes_are_refused() {
    let refused = engine(1_000, EngineLimits { bytes: 100, ..EngineLimits::default() }).err().unwrap();
    assert!(matches!(refused, EngineError::TooLarge { most: 100, .. }), "{refused}");
}

#[test]
fn another_version_of_a_table_is_missing() {
    let engine = engine(10, EngineLimits::default()).unwrap();
    let refused = engine.select(&query(11)).unwrap_err();
    assert!(matches!(refused, EngineError::MissingTable(_)), "{refused}");
}

#[test]
fn rows_that_look_the_same_to_a_query_are_one_row_of_its_database() {
    let schema = table(20_000).schema().clone();
    let cells = (0..20_000).map(|row| Cell::Integer(row % 7)).collect();
    let alike = ClearTable::new("stays", schema, vec![ClearColumn { place: 0, cells }]).unwrap();
    let limits = EngineLimits { steps: 2_000, ..EngineLimits::default() };
    let engine = SqliteEngine::build(vec![Arc::new(alike)], limits).unwrap();
    let selection = engine.select(&query(20_000)).unwrap();
    let expected: Vec<u64> = (0..20_000).filter(|row| row % 7 > 3).collect();
    assert_eq!(selection.groups[0].rows, expected);
}
