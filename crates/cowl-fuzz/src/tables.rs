//! `cowl-tables`: files of tables, and what is stored of sealed ones.

use cowl_domain::table::{AdditiveHeader, Codebook, ColumnRole, ColumnType, TableSchema};
use cowl_tables::coding::{ColumnChoice, PreparedTable, prepare};
use cowl_tables::import::{CsvOptions, Limits, RawTable, read_csv};
use cowl_tables::{CohortLedger, RowSet, SlotPlan};

const LIMITS: Limits =
    Limits { bytes: 1 << 16, row_bytes: 1 << 14, cell_bytes: 1 << 10, rows: 2_000, columns: 40 };

/// A file in either way of writing decimals: read, looked at, and prepared as it was found.
pub fn csv(bytes: &[u8]) {
    for decimal_comma in [false, true] {
        let options = CsvOptions { decimal_comma, limits: LIMITS, ..CsvOptions::default() };
        let Ok(table) = read_csv(bytes, &options) else { continue };
        let choices: Vec<_> = (0..table.names().len()).map(|column| choice(&table, column)).collect();
        if let Ok(prepared) = prepare(&table, &choices) {
            check(&prepared);
        }
    }
}

fn choice(table: &RawTable, column: usize) -> ColumnChoice {
    let report = table.report(column);
    assert_eq!(report.present + report.missing_cells(), table.rows());
    let role = if report.kind == ColumnType::Text { ColumnRole::Open } else { ColumnRole::Secret };
    let is_number = matches!(report.kind, ColumnType::Integer | ColumnType::Decimal);
    // Every other column of numbers, so that one file tries both.
    ColumnChoice { standardise: is_number && column % 2 == 1, ..ColumnChoice::new(report.name, role) }
}

fn check(prepared: &PreparedTable) {
    for (variable, values) in prepared.variables.iter().zip(&prepared.values) {
        assert_eq!(values.len() as u64, prepared.rows);
        let range = variable.lowest..=variable.highest;
        assert!(values.iter().flatten().all(|value| range.contains(value)));
    }
}

/// A schema that codebooks are read for.
const SCHEMA: &[u8] = include_bytes!("../../../vectors/table/schema.cbor");

/// Schemas, codebooks, headers, sets of rows and ledgers.
pub fn forms(bytes: &[u8]) {
    if let Ok(schema) = TableSchema::from_bytes(bytes) {
        assert_eq!(schema.to_bytes(), bytes);
    }
    let schema = TableSchema::from_bytes(SCHEMA).expect("the vector is a schema");
    if let Ok(codebook) = Codebook::from_bytes(bytes, &schema) {
        assert_eq!(codebook.to_bytes(), bytes);
        for set in 0..schema.sets.len() {
            let _ = SlotPlan::of_sealed(&schema, &codebook, set);
        }
    }
    if let Ok(header) = AdditiveHeader::from_bytes(bytes) {
        assert_eq!(header.to_bytes(), bytes);
        assert!(header.payload_size().is_some());
    }
    if let Ok(rows) = RowSet::from_bytes(bytes) {
        assert_eq!(rows.to_bytes(), bytes);
    }
    if let Ok(ledger) = CohortLedger::from_bytes(bytes, LEDGER_ROWS) {
        assert_eq!(ledger.to_bytes(), bytes);
        let _ = ledger.answer(&RowSet::of(LEDGER_ROWS, 0..LEDGER_ROWS / 2), 1);
    }
}

/// Rows of the table that ledgers are read for.
pub const LEDGER_ROWS: u64 = 100;
