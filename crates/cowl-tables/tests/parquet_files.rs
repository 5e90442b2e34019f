//! Parquet files of other programs, and sealed tables in the eyes of other programs.
#![allow(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]

#[allow(dead_code, reason = "each test file uses a part")]
mod sealed;

use std::fs::File;
use std::path::PathBuf;

use cowl_domain::table::ColumnType;
use cowl_tables::import::{Cell, ImportError, Limits, ParquetOptions, RawTable, read_parquet};
use sealed::{prepared, seal, sets};

fn read(name: &str, limits: Limits) -> Result<RawTable, ImportError> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    read_parquet(File::open(path).unwrap(), &ParquetOptions { limits, ..ParquetOptions::default() })
}

fn column(table: &RawTable, name: &str) -> Vec<String> {
    let cells = table.cells(table.column(name).unwrap());
    cells.map(|(_, cell)| if let Cell::Text(text) = cell { text.to_owned() } else { String::new() }).collect()
}

#[test]
fn a_file_of_another_program_is_read_as_its_csv_would_be() {
    for codec in ["snappy", "zstd"] {
        let table = read(&format!("mixed-{codec}.parquet"), Limits::default()).unwrap();
        assert_eq!(table.rows(), 4);
        assert_eq!(column(&table, "id"), ["1", "2", "3", "4"]);
        assert_eq!(column(&table, "age"), ["54.5", "", "61.25", ""]);
        assert_eq!(column(&table, "ward"), ["MICU", "CCU", "", "MICU"]);
        assert_eq!(column(&table, "admitted"), ["2008-02-29", "", "1969-12-31", "2012-01-01"]);
        assert_eq!(column(&table, "seen"), ["2008-02-29T12:30:05", "2009-01-01", "", ""]);
        assert_eq!(column(&table, "dose"), ["1.50", "-0.05", "", "12.00"]);
        assert_eq!(column(&table, "died"), ["true", "false", "", "false"]);
        assert_eq!(column(&table, "weight"), ["70.5", "", "0.1", "3"]);
        let kinds =
            ["id", "age", "admitted", "died"].map(|name| table.report(table.column(name).unwrap()).kind);
        let expected = [ColumnType::Integer, ColumnType::Decimal, ColumnType::Date, ColumnType::Binary];
        assert_eq!(kinds, expected);
    }
}

#[test]
fn what_no_table_has_is_refused_by_the_name_of_its_column() {
    let refused = read("nested.parquet", Limits::default()).unwrap_err();
    assert!(refused.to_string().contains("lists or structures"), "{refused}");
    let sealed = seal(&prepared(30), &sets()[1..2]);
    let refused = read_parquet(bytes::Bytes::from(sealed.file), &ParquetOptions::default()).unwrap_err();
    assert!(matches!(&refused, ImportError::NotTaken { column, .. } if column == "cells/0"), "{refused}");
}

#[test]
fn what_is_larger_than_the_limits_is_refused_before_it_is_read() {
    let refused = |limits| read("mixed-snappy.parquet", limits).unwrap_err().to_string();
    assert!(refused(Limits { rows: 3, ..Limits::default() }).contains("number of rows"));
    assert!(refused(Limits { columns: 3, ..Limits::default() }).contains("8 columns"));
    assert!(refused(Limits { bytes: 100, ..Limits::default() }).contains("the file"));
    assert!(refused(Limits { cell_bytes: 3, ..Limits::default() }).contains("column 'age'"));
}

#[test]
fn a_damaged_file_is_an_error() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/mixed-snappy.parquet");
    let whole = std::fs::read(path).unwrap();
    for length in [0, 3, 11, whole.len() / 2, whole.len() - 1] {
        let cut = bytes::Bytes::copy_from_slice(&whole[..length]);
        let refused = read_parquet(cut, &ParquetOptions::default()).unwrap_err();
        assert!(matches!(refused, ImportError::Parquet(_)), "{length} bytes: {refused}");
    }
}
