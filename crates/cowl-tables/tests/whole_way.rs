//! From a CSV file to a regression of a group that nobody decrypts row by row. In place of encryption stands its
//! ideal twin: plaintexts are added in the clear, as the cloud would add them under their ciphertexts.
#![allow(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]

use std::path::PathBuf;

use cowl_crypto::digest::Digest;
use cowl_crypto::secret::Secret;
use cowl_domain::table::{Codebook, ColumnRole, TableSchema};
use cowl_tables::coding::{
    ColumnChoice, LayoutChoice, PlannedSet, PreparedTable, SetChoice, plan_set, prepare,
};
use cowl_tables::import::{CsvOptions, MissingWords, RawTable, read_csv};
use cowl_tables::layout::{LayoutError, capacity, variables_of};
use cowl_tables::regression::fit;
use cowl_tables::{CohortLedger, Model, Moments, Regression, RowSet, SlotPlan, TagError, TagKey};
use num_bigint::BigInt;

const SAMPLE: &str = "../../samples/tables/pn2012.csv";

fn sample(missing: MissingWords) -> RawTable {
    let file = std::fs::File::open(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(SAMPLE)).unwrap();
    read_csv(file, &CsvOptions { missing, ..CsvOptions::default() }).unwrap()
}

fn prepared(table: &RawTable) -> PreparedTable {
    let open = ["death"].map(|name| ColumnChoice::new(name, ColumnRole::Open));
    let secret = ["Age", "SysABP", "Height", "Weight", "MechVent", "ICU", "LOS"]
        .map(|name| ColumnChoice::new(name, ColumnRole::Secret));
    prepare(table, &[&open[..], &secret[..]].concat()).unwrap()
}

/// A sealed table, but for the encryption.
struct Sealed {
    schema: TableSchema,
    codebook: Codebook,
    /// Plaintexts of each row.
    rows: Vec<Vec<BigInt>>,
    key: TagKey,
}

fn seal(table: &PreparedTable) -> Sealed {
    let columns = ["Age", "SysABP", "Height", "Weight", "MechVent", "ICU", "LOS"].map(String::from);
    let choice = SetChoice { name: "stay".into(), layout: LayoutChoice::Moments, columns: columns.into() };
    let planned: PlannedSet = plan_set(table, &choice, capacity(2_048)).unwrap();
    let key = TagKey::derive(&Secret::new([9; 32]), b"stay", planned.plan.slots(), planned.plan.tags());
    let row = |row| planned.plan.pack(row, &planned.values_of_row(table, row).unwrap(), &key).unwrap();
    let rows = (0..table.rows).map(row).collect();
    let codebook = Codebook { variables: table.variables.clone(), sets: vec![planned.coding] };
    let schema = TableSchema {
        rows: table.rows,
        columns: table.columns.clone(),
        sets: vec![planned.sealed],
        key: Digest::of(b"public key"),
        codebook: Digest::of(&codebook.to_bytes()),
    };
    Sealed { schema, codebook, rows, key }
}

impl Sealed {
    /// What the cloud does.
    fn add(&self, rows: impl IntoIterator<Item = u64>) -> Vec<BigInt> {
        let mut sums = vec![BigInt::ZERO; self.rows[0].len()];
        for row in rows {
            sums.iter_mut().zip(&self.rows[row as usize]).for_each(|(sum, plaintext)| *sum += plaintext);
        }
        sums
    }

    /// What the opener does, from the wire forms alone.
    fn open(&self, sums: &[BigInt], rows: &RowSet) -> Result<Moments, LayoutError> {
        let schema = TableSchema::from_bytes(&self.schema.to_bytes()).unwrap();
        let codebook = Codebook::from_bytes(&self.codebook.to_bytes(), &schema).unwrap();
        let plan = SlotPlan::of_sealed(&schema, &codebook, 0)?;
        let opened = plan.open(sums, &self.key, rows)?;
        Ok(Moments::from_slots(variables_of(&codebook, &codebook.sets[0]).unwrap(), &opened).unwrap())
    }
}

fn regress(moments: &Moments) -> Regression {
    let place = |name: &str| moments.place(name).unwrap();
    let predictors = ["Age", "SysABP", "Height", "Weight", "MechVent", "ICU=CSRU", "ICU=MICU", "ICU=SICU"];
    fit(moments, &Model::ordinary(place("LOS"), predictors.map(place).into())).unwrap()
}

/// What statsmodels says about the same table, from the references of `figures.rs`.
fn reference() -> serde_json::Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/references.json");
    let all: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    all["cases"].as_array().unwrap().iter().find(|case| case["name"] == "stays").unwrap()["statsmodels"]
        .clone()
}

#[test]
fn a_regression_of_all_rows_equals_statsmodels_to_nine_digits() {
    let sealed = seal(&prepared(&sample(MissingWords::default())));
    let all = RowSet::all(sealed.schema.rows);
    let found = regress(&sealed.open(&sealed.add(all.iter()), &all).unwrap());
    assert_eq!((found.rows, sealed.schema.rows - found.rows), (330, 670));
    let reference = reference();
    for (line, expected) in found.coefficients.iter().zip(reference["coefficients"].as_array().unwrap()) {
        let expected = expected.as_f64().unwrap();
        assert!((line.estimate - expected).abs() <= 1e-9 * expected.abs(), "{}", line.name);
    }
    let f = reference["f"].as_f64().unwrap();
    assert!((found.f.unwrap() - f).abs() <= 1e-9 * f);
}

#[test]
fn a_group_is_chosen_by_open_columns_and_its_figures_are_those_of_its_rows() {
    let table = prepared(&sample(MissingWords::with(["-1"])));
    let sealed = seal(&table);
    let died = table.clear[0].texts.iter().zip(0u64..).filter(|(text, _)| text.as_deref() == Some("1"));
    let group = RowSet::of(table.rows, died.map(|(_, row)| row));
    let moments = sealed.open(&sealed.add(group.iter()), &group).unwrap();
    let age = moments.place("Age").unwrap();
    let complete =
        group.iter().filter(|row| table.values.iter().all(|values| values[*row as usize].is_some()));
    let ages: Vec<_> = complete.map(|row| table.values[0][row as usize].unwrap()).collect();
    assert_eq!(moments.rows(), ages.len() as u64);
    assert_eq!(moments.mean(age).unwrap(), ages.iter().sum::<i64>() as f64 / ages.len() as f64);
}

#[test]
fn a_cloud_that_adds_other_rows_is_caught() {
    let sealed = seal(&prepared(&sample(MissingWords::default())));
    let group = RowSet::of(sealed.schema.rows, 100..400);
    let refused = |sums: &[BigInt]| sealed.open(sums, &group).unwrap_err();
    let mismatch = LayoutError::from(TagError::Mismatch);
    assert_eq!(refused(&sealed.add(101..400)), mismatch);
    assert_eq!(refused(&sealed.add(100..401)), mismatch);
    assert_eq!(refused(&sealed.add((100..400).chain([200]))), mismatch);
    assert_eq!(refused(&sealed.add((101..400).chain([7]))), mismatch);
    let mut forged = sealed.add(100..400);
    forged[0] += 1;
    assert_eq!(refused(&forged), mismatch);
    assert!(sealed.open(&sealed.add(100..400), &group).is_ok());
}

#[test]
fn the_ledger_counts_complete_rows_and_refuses_the_difference_of_two_regressions() {
    let table = prepared(&sample(MissingWords::default()));
    let variables: Vec<u16> = (0..table.variables.len() as u16).collect();
    let complete = table.complete_rows(&variables);
    let ledger = CohortLedger::new(table.rows, 10);
    let first = RowSet::of(table.rows, 0..500);
    let after = ledger.answer(&first.and(&complete), 10).unwrap();
    // Twelve rows more, of which fewer than ten are complete.
    let second = RowSet::of(table.rows, 0..512);
    assert!(second.and(&complete).len() < first.and(&complete).len() + 10);
    assert!(after.answer(&second.and(&complete), 10).is_err());
}
