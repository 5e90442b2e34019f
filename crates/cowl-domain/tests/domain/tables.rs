//! Schema, codebook and header of sealed tables: frozen forms, and what is refused.
//!
//! `cargo test -p cowl-domain --test domain -- --ignored write_frozen_tables` writes files that are missing.

use std::fs;
use std::path::PathBuf;

use cowl_crypto::digest::Digest;
use cowl_domain::*;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors/table")
}

fn column(name: &str, role: ColumnRole, kind: ColumnType) -> Column {
    Column { name: name.into(), role, kind }
}

fn schema() -> TableSchema {
    let set = |name: &str, layout, columns| SealedSet { name: name.into(), layout, columns };
    TableSchema {
        rows: 5_734,
        columns: vec![
            column("ward", ColumnRole::Open, ColumnType::Category),
            column("patient", ColumnRole::Token, ColumnType::Text),
            column("age", ColumnRole::Secret, ColumnType::Decimal),
            column("unit", ColumnRole::Secret, ColumnType::Category),
            column("admitted", ColumnRole::Secret, ColumnType::Date),
        ],
        sets: vec![
            set("model", Layout::Moments { ciphertexts: 1 }, vec![2, 3]),
            set("cells", Layout::Cells { ciphertexts: 1 }, vec![4]),
            set("score", Layout::Columns { rows: 3 }, vec![2]),
        ],
        key: Digest::of(b"public key"),
        codebook: Digest::of(b"sealed codebook"),
    }
}

fn codebook() -> Codebook {
    let decimal = |mantissa, decimals| Decimal { mantissa, decimals };
    let age = Coding::Standardised { centre: decimal(61_400, 3), spread: decimal(17, 0), decimals: 4 };
    let level = Coding::Level { level: "MICU".into(), reference: "CCU".into() };
    let variable = |name: &str, column, coding, lowest, highest, rounded| CodedVariable {
        name: name.into(),
        column,
        coding,
        lowest,
        highest,
        rounded,
    };
    let set = |variables: Vec<u16>, slots: Vec<Vec<u16>>| SetCoding { variables, slots, tags: 1 };
    Codebook {
        variables: vec![
            variable("age", 2, age, -36_118, 25_059, 5_734),
            variable("unit=MICU", 3, level, 0, 1, 0),
            variable("admitted", 4, Coding::Days, -9_131, 20_000, 0),
            variable("age in years", 2, Coding::Number { decimals: 1 }, 0, 1_040, 3),
        ],
        sets: vec![
            set(vec![0, 1], vec![vec![14, 30, 14, 44, 30, 14, 75]]),
            set(vec![2], vec![vec![14, 29, 75]]),
            set(vec![3], vec![vec![48, 48, 48, 100]]),
        ],
    }
}

fn header() -> AdditiveHeader {
    let part = |number: u8, size| PartEntry {
        name: PartName::from_bytes([number; 16]),
        size,
        hash: Digest::of(&[number]),
    };
    let key_header = b"age-encryption.org/v1\n-> X25519 stanza\n---\n".to_vec();
    AdditiveHeader { key_header, parts: vec![part(7, 8_000_000), part(2, 70_000)] }
}

fn frozen() -> [(&'static str, Vec<u8>); 3] {
    [
        ("schema.cbor", schema().to_bytes()),
        ("codebook.cbor", codebook().to_bytes()),
        ("additive-header", header().to_bytes()),
    ]
}

#[test]
fn decimals_are_written_with_all_their_digits() {
    let known =
        [(-5, 2, "-0.05"), (1_234, 0, "1234"), (1_234, 2, "12.34"), (1_200, 2, "12.00"), (0, 1, "0.0")];
    for (mantissa, decimals, text) in known {
        assert_eq!(Decimal { mantissa, decimals }.to_string(), text);
    }
    assert_eq!(Decimal { mantissa: i64::MIN, decimals: 19 }.to_string(), "-0.9223372036854775808");
}

#[test]
fn frozen_tables_are_read_and_written_as_ever() {
    for (name, bytes) in frozen() {
        assert_eq!(fs::read(folder().join(name)).unwrap(), bytes, "{name} is written otherwise");
    }
    assert_eq!(TableSchema::from_bytes(&schema().to_bytes()), Ok(schema()));
    assert_eq!(Codebook::from_bytes(&codebook().to_bytes(), &schema()), Ok(codebook()));
    assert_eq!(AdditiveHeader::from_bytes(&header().to_bytes()), Ok(header()));
}

#[test]
#[ignore = "writes files; run it by hand when a format gets a new version"]
fn write_frozen_tables_that_are_missing() {
    fs::create_dir_all(folder()).unwrap();
    for (name, bytes) in frozen() {
        let file = folder().join(name);
        if !file.exists() {
            fs::write(file, bytes).unwrap();
        }
    }
}

/// A changed byte may make another sound schema (the item's signature is what catches it), never a panic, and never
/// the same one again.
#[test]
fn no_change_of_a_byte_goes_unnoticed_or_panics() {
    let (schema, codebook) = (schema(), codebook());
    for (bytes, is_schema) in [(schema.to_bytes(), true), (codebook.to_bytes(), false)] {
        for place in 0..bytes.len() {
            for change in [0x01, 0x20, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[place] ^= change;
                let same = match is_schema {
                    true => TableSchema::from_bytes(&changed).is_ok_and(|it| it == schema),
                    false => Codebook::from_bytes(&changed, &schema).is_ok_and(|it| it == codebook),
                };
                assert!(!same);
            }
            assert!(TableSchema::from_bytes(&bytes[..place]).is_err());
        }
    }
}

fn refused(change: impl FnOnce(&mut TableSchema)) -> TableError {
    let mut schema = schema();
    change(&mut schema);
    TableSchema::from_bytes(&schema.to_bytes()).unwrap_err()
}

#[test]
fn a_schema_that_does_not_hold_together_is_refused_by_name() {
    assert_eq!(refused(|it| it.columns.clear()), TableError::ColumnCount(0));
    assert_eq!(refused(|it| it.columns[1].name = "ward".into()), TableError::Twice("ward".into()));
    assert_eq!(refused(|it| it.columns[1].name = " ".into()), TableError::Name { place: 1 });
    assert_eq!(refused(|it| it.columns[1].name = "a\u{7}".into()), TableError::Name { place: 1 });
    assert_eq!(refused(|it| it.columns[1].name = "n".repeat(201)), TableError::Name { place: 1 });
    assert_eq!(refused(|it| it.columns[0].role = ColumnRole::Dropped), TableError::Dropped("ward".into()));
    assert_eq!(refused(|it| it.sets[1].name = "model".into()), TableError::Twice("model".into()));
    for columns in [vec![], vec![0], vec![9], vec![3, 2], vec![2, 2]] {
        assert_eq!(refused(|it| it.sets[0].columns = columns), TableError::SetColumns("model".into()));
    }
    let empty = Layout::Columns { rows: 0 };
    assert_eq!(refused(|it| it.sets[0].layout = empty), TableError::SetRoom("model".into()));
}

#[test]
fn a_codebook_of_another_schema_is_refused() {
    let refused = |change: fn(&mut Codebook)| {
        let mut codebook = codebook();
        change(&mut codebook);
        let error = Codebook::from_bytes(&codebook.to_bytes(), &schema()).unwrap_err();
        assert!(matches!(error, TableError::Codebook(_) | TableError::Twice(_)), "{error}");
    };
    refused(|it| it.variables[1].name = "age".into());
    refused(|it| it.variables[0].column = 0);
    refused(|it| it.variables[0].column = 77);
    refused(|it| it.variables[0].lowest = 30_000);
    refused(|it| it.variables[3].coding = Coding::Number { decimals: 19 });
    refused(|it| {
        let spread = Decimal { mantissa: 0, decimals: 0 };
        it.variables[0].coding = Coding::Standardised { centre: spread, spread, decimals: 4 };
    });
    refused(|it| drop(it.sets.pop()));
    refused(|it| it.sets[0].variables = vec![0]);
    refused(|it| it.sets[0].variables = vec![0, 99]);
    refused(|it| it.sets[0].slots = vec![]);
    refused(|it| it.sets[0].slots[0][0] = 1);
    refused(|it| it.sets[0].slots[0][0] = 128);
    refused(|it| it.sets[0].slots.push(vec![20]));
    refused(|it| it.sets[2].slots[0].truncate(3));
}

#[test]
fn ciphertexts_of_a_set_are_counted_without_overflow() {
    assert_eq!(Layout::Moments { ciphertexts: 11 }.ciphertexts(5_734, 24), Some(63_074));
    assert_eq!(Layout::Columns { rows: 30 }.ciphertexts(61, 4), Some(12));
    assert_eq!(Layout::Cells { ciphertexts: 2 }.ciphertexts(u64::MAX, 1), None);
}
