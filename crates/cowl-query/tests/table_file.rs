//! Files of sealed tables: what was written is read, by the reference reader too, and nothing else is.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic where it fails")]

#[allow(dead_code, reason = "the tables of the suite are used here, its oracle is not")]
mod conformance;

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use ::parquet::data_type::AsBytes;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::Field;
use conformance::{clear_table, schema};
use cowl_crypto::digest::Digest;
use cowl_domain::table::TableSchema;
use cowl_paillier::PublicKey;
use cowl_query::parquet::{
    FileSource, Geometry, ReadAt, TableFile, TableFileError, TableFileWriter, TableHead,
};
use cowl_query::{Cell, CiphertextPages, ClearColumn, ClearTable};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const CODEBOOK: &[u8] = b"a sealed codebook";
const OPENER: &[u8] = b"sealed secrets";
/// Ciphertext columns of the suite's three sets.
const COLUMNS: [u32; 3] = [2, 1, 2];

fn key() -> PublicKey {
    PublicKey::from_bytes(include_bytes!("../../../vectors/paillier/public-2048.cbor")).unwrap()
}

/// The suite's table with digests that hold and tokens of the length that files have.
fn sealed(table: &ClearTable, key: &PublicKey) -> ClearTable {
    let schema = TableSchema {
        key: Digest::from_bytes(*key.digest().as_bytes()),
        codebook: Digest::of(CODEBOOK),
        ..table.schema().clone()
    };
    let longer = |cell: &Cell| match cell {
        Cell::Token(bytes) => Cell::Token(bytes.iter().copied().cycle().take(16).collect()),
        other => other.clone(),
    };
    let column = |column: &ClearColumn| ClearColumn {
        place: column.place,
        cells: column.cells.iter().map(longer).collect(),
    };
    ClearTable::new(table.name(), schema, table.columns().iter().map(column).collect()).unwrap()
}

/// Bytes that stand for the ciphertext of a row or block.
fn ciphertext(set: usize, column: u32, number: u64, bytes: usize) -> Vec<u8> {
    Digest::of(&[set as u8, column as u8, number as u8, (number >> 8) as u8]).as_bytes().repeat(bytes / 32)
}

fn write(table: &ClearTable, key: &PublicKey) -> Vec<u8> {
    let head = TableHead { key, sealed_codebook: CODEBOOK, sealed_opener: OPENER, columns: &COLUMNS };
    let mut writer = TableFileWriter::new(Vec::new(), table, head).unwrap();
    for group in 0..writer.geometry().groups() {
        let geometry = writer.geometry();
        let column = |set: usize, column| -> Vec<u8> {
            let numbers = geometry.ciphertexts_of(group, set);
            numbers.flat_map(|number| ciphertext(set, column, number, key.ciphertext_bytes())).collect()
        };
        let sets: Vec<Vec<Vec<u8>>> =
            (0..3).map(|set| (0..COLUMNS[set]).map(|at| column(set, at)).collect()).collect();
        writer.write_group(&sets).unwrap();
    }
    writer.finish().unwrap()
}

/// Everything that is read from a file.
#[derive(Debug, PartialEq)]
struct Contents {
    table: ClearTable,
    opener: Vec<u8>,
    ciphertexts: Vec<Vec<Vec<u8>>>,
}

fn contents(bytes: impl ReadAt) -> Result<Contents, String> {
    let file = TableFile::open(bytes).map_err(|error| error.to_string())?;
    let table = file.clear_table("stays").map_err(|error| error.to_string())?;
    let mut ciphertexts = Vec::new();
    for set in 0..file.schema().sets.len() as u16 {
        let pages = file.pages(set).unwrap();
        for column in 0..pages.columns() {
            let count = pages.rows().div_ceil(pages.rows_of_a_page());
            let pages: Result<Vec<_>, _> = (0..count).map(|page| pages.page(column, page)).collect();
            let pages = pages.map_err(|error| error.to_string())?;
            ciphertexts.push(pages.into_iter().map(Cow::into_owned).collect());
        }
    }
    Ok(Contents { table, opener: file.sealed_opener().to_vec(), ciphertexts })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_table_is_read_as_it_was_written(table in clear_table("stays", 80)) {
        let (key, bytes) = (key(), 512);
        let table = sealed(&table, &key);
        let read = contents(write(&table, &key)).unwrap();
        prop_assert_eq!(&read.table, &table);
        prop_assert_eq!(read.opener, OPENER);
        let rows = table.schema().rows;
        for (at, (set, column)) in [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1)].into_iter().enumerate() {
            let count = if set == 2 { rows.div_ceil(20) } else { rows };
            let expected: Vec<u8> = (0..count).flat_map(|row| ciphertext(set, column, row, bytes)).collect();
            prop_assert_eq!(read.ciphertexts[at].concat(), expected);
        }
    }

    #[test]
    fn any_bytes_are_no_table_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let footer = [b"PAR1", bytes.as_slice(), &(bytes.len() as u32).to_le_bytes(), b"PAR1"].concat();
        prop_assert!(TableFile::open(bytes).is_err());
        prop_assert!(TableFile::open(footer).is_err());
    }
}

/// A table of the suite with some rows; the same one every time.
fn example(rows: usize) -> ClearTable {
    let mut runner = TestRunner::deterministic();
    let strategy =
        clear_table("stays", 200).prop_filter("long enough", move |it| it.schema().rows as usize >= rows);
    let table = strategy.new_tree(&mut runner).unwrap().current();
    let cut =
        |column: &ClearColumn| ClearColumn { place: column.place, cells: column.cells[..rows].to_vec() };
    ClearTable::new("stays", schema(rows as u64), table.columns().iter().map(cut).collect()).unwrap()
}

#[test]
fn a_file_on_a_disk_is_the_same_table() {
    let key = key();
    let bytes = write(&sealed(&example(70), &key), &key);
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, &bytes).unwrap();
    let source = Arc::new(FileSource::new(file).unwrap());
    assert_eq!(contents(source).unwrap(), contents(bytes).unwrap());
}

#[test]
fn the_reference_reader_reads_the_same_cells_and_ciphertexts() {
    let key = key();
    let table = sealed(&example(50), &key);
    let reader = SerializedFileReader::new(bytes::Bytes::from(write(&table, &key))).unwrap();
    let mut rows = 0;
    for (at, row) in reader.get_row_iter(None).unwrap().enumerate() {
        let fields: Vec<(String, Field)> = row.unwrap().into_columns();
        for (column, (name, field)) in table.columns().iter().zip(&fields) {
            assert_eq!(*name, table.schema().columns[usize::from(column.place)].name);
            assert_eq!(as_cell(field), column.cells[at], "row {at} of {name}");
        }
        for (place, (set, column)) in [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1)].into_iter().enumerate() {
            let expected = (set < 2 || at < 3).then(|| ciphertext(set, column, at as u64, 512));
            let found = match &fields[6 + place].1 {
                Field::Null => None,
                Field::Bytes(bytes) => Some(bytes.data().to_vec()),
                other => panic!("a ciphertext is {other:?}"),
            };
            assert_eq!(found, expected, "row {at} of {}", fields[6 + place].0);
        }
        rows += 1;
    }
    assert_eq!(rows, 50);
}

fn as_cell(field: &Field) -> Cell {
    match field {
        Field::Null => Cell::Null,
        Field::Bool(bit) => Cell::Integer(i64::from(*bit)),
        Field::Long(number) => Cell::Integer(*number),
        Field::Double(number) => {
            let text = format!("{number:.6}");
            Cell::decimal(text.replace('.', "").parse().unwrap(), 6).unwrap()
        }
        Field::Date(days) => Cell::Text(cowl_query::day_since_1970(i64::from(*days)).unwrap()),
        Field::Str(text) => Cell::Text(text.clone()),
        Field::Bytes(bytes) => Cell::Token(bytes.as_bytes().to_vec()),
        other => panic!("a cell is {other:?}"),
    }
}

#[test]
fn a_table_of_several_row_groups_is_read_by_place() {
    let key = key();
    let cells = |place: u16| ClearColumn { place, cells: vec![Cell::Null; 70_000] };
    let mut schema = schema(70_000);
    schema.sets.truncate(0);
    let table = ClearTable::new("stays", schema, (0..6).map(cells).collect()).unwrap();
    let table = sealed(&table, &key);
    let head = TableHead { key: &key, sealed_codebook: CODEBOOK, sealed_opener: OPENER, columns: &[] };
    let mut writer = TableFileWriter::new(Vec::new(), &table, head).unwrap();
    assert_eq!(writer.next_rows(), Some(0..65_536));
    writer.write_group(&[]).unwrap();
    assert!(matches!(writer.write_group(&[vec![]]), Err(TableFileError::Ciphertexts { .. })));
    writer.write_group(&[]).unwrap();
    assert!(matches!(writer.write_group(&[]), Err(TableFileError::Rows { .. })));
    assert_eq!(contents(writer.finish().unwrap()).unwrap().table, table);
}

/// No byte is without meaning: a file with another byte is refused, or is another table, which the digests of its
/// parts and its rows' tags give away.
#[test]
fn a_flipped_byte_is_refused_or_makes_another_table() {
    let key = key();
    let bytes = write(&sealed(&example(21), &key), &key);
    let original = contents(bytes.clone()).unwrap();
    let geometry = Geometry::of(original.table.schema(), 512, &COLUMNS).unwrap();
    assert_eq!(geometry.groups(), 1);
    let inside = inside_ciphertexts(&bytes);
    let (mut refused, mut other) = (0, 0);
    // Of the bytes inside ciphertexts, which are all alike to a reader, some.
    for at in (0..bytes.len()).filter(|at| !inside[*at] || at % 61 == 0) {
        let mut forged = bytes.clone();
        forged[at] ^= 1 << (at % 8);
        match contents(forged) {
            Err(_) => refused += 1,
            Ok(read) => {
                assert_ne!(read, original, "byte {at} says nothing");
                other += 1;
            }
        }
    }
    assert!(refused > 1_000 && other > 100, "{refused} refused, {other} others");
}

/// Which bytes of a file belong to ciphertexts.
fn inside_ciphertexts(bytes: &[u8]) -> Vec<bool> {
    let all =
        (0..3).flat_map(|set| (0..2).flat_map(move |column| (0..21).map(move |row| (set, column, row))));
    let blocks: HashSet<Vec<u8>> = all.map(|(set, column, row)| ciphertext(set, column, row, 32)).collect();
    let mut inside = vec![false; bytes.len()];
    let mut at = 0;
    while at + 32 <= bytes.len() {
        let found = blocks.contains(&bytes[at..at + 32]);
        inside[at..at + if found { 32 } else { 1 }].fill(found);
        at += if found { 32 } else { 1 };
    }
    inside
}

#[test]
fn a_file_that_is_cut_short_is_refused() {
    let key = key();
    let bytes = write(&sealed(&example(21), &key), &key);
    for length in (0..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
        assert!(contents(bytes[..length].to_vec()).is_err(), "{length} bytes");
        assert!(contents(bytes[bytes.len() - length..].to_vec()).is_err(), "the last {length} bytes");
    }
    assert!(contents([bytes.as_slice(), &[0]].concat()).is_err());
}

#[test]
fn a_writer_refuses_what_a_file_cannot_hold() {
    let key = key();
    let table = sealed(&example(21), &key);
    let head = TableHead { key: &key, sealed_codebook: CODEBOOK, sealed_opener: OPENER, columns: &COLUMNS };
    let refused =
        |head, table: &ClearTable| TableFileWriter::new(Vec::new(), table, head).map(drop).unwrap_err();
    assert!(matches!(
        refused(TableHead { sealed_codebook: b"x", ..head }, &table),
        TableFileError::Damaged(_)
    ));
    assert!(matches!(refused(TableHead { columns: &[1, 1, 2], ..head }, &table), TableFileError::Damaged(_)));
    let mut schema = table.schema().clone();
    schema.columns[0].name = "both/1".to_owned();
    let renamed = ClearTable::new("stays", schema, table.columns().to_vec()).unwrap();
    assert_eq!(refused(head, &renamed), TableFileError::Twice("both/1".to_owned()));
    let mut writer = TableFileWriter::new(Vec::new(), &table, head).unwrap();
    let short = vec![vec![vec![0; 512]; 2], vec![vec![0; 512]], vec![vec![0; 512]; 2]];
    assert!(matches!(writer.write_group(&short), Err(TableFileError::Ciphertexts { set: 0, .. })));
    assert!(matches!(writer.finish(), Err(TableFileError::Rows { found: 0, .. })));
}
