//! Real tables with a length of stay: the sample, and those that are at hand and may not be shipped.

use std::path::PathBuf;

use cowl_domain::table::ColumnRole;
use cowl_tables::coding::{ColumnChoice, PreparedTable, prepare};
use cowl_tables::import::{CsvOptions, RawTable, read_csv};

use crate::bench::random::Random;
use crate::failure::{Failure, Result};

/// A table, and which of its columns explain which.
#[derive(Debug, Clone, Copy)]
pub(super) struct RealTable {
    pub(super) name: &'static str,
    /// Of what, and how many.
    pub(super) what: &'static str,
    pub(super) target: &'static str,
    pub(super) predictors: &'static [&'static str],
    /// Where the target is the difference of two columns of the file.
    difference: Option<(&'static str, &'static str)>,
}

pub(super) const TABLES: [RealTable; 5] = [
    RealTable {
        name: "pn2012",
        what: "intensive care (PhysioNet 2012)",
        target: "LOS",
        predictors: &["Age", "SysABP", "Weight", "ICU", "MechVent"],
        difference: None,
    },
    RealTable {
        name: "whas500",
        what: "heart attacks (Worcester)",
        target: "los",
        predictors: &[
            "age", "gender", "hr", "sysbp", "diasbp", "bmi", "cvd", "afb", "sho", "chf", "av3", "miord",
            "mitype",
        ],
        difference: None,
    },
    RealTable {
        name: "rhc",
        what: "intensive care (SUPPORT)",
        target: "los",
        predictors: &[
            "cardiohx", "chfhx", "dementhx", "psychhx", "chrpulhx", "renalhx", "liverhx", "gibledhx",
            "malighx", "immunhx", "transhx", "amihx", "age", "sex",
        ],
        difference: Some(("dschdte", "sadmdte")),
    },
    RealTable {
        name: "medpar",
        what: "Medicare stays",
        target: "los",
        predictors: &["hmo", "white", "died", "age80", "type2", "type3"],
        difference: None,
    },
    RealTable {
        name: "azpro",
        what: "heart operations (Arizona)",
        target: "los",
        predictors: &["procedure", "sex", "age75", "admit"],
        difference: None,
    },
];

/// The open column that says what a row is for.
pub(super) const PART: &str = "part";
pub(super) const TRAINING: &str = "training";
const TEST: &str = "test";

impl RealTable {
    /// The table, every fifth row or so marked for testing. `None` where the file is not at hand.
    ///
    /// # Errors
    /// A file that is not the table.
    pub(super) fn read(&self) -> Result<Option<RawTable>> {
        let bytes = match self.name {
            "pn2012" => {
                include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/tables/pn2012.csv"))
                    .to_vec()
            }
            name => {
                let Some(folder) = std::env::var_os(FOLDER) else { return Ok(None) };
                match std::fs::read(PathBuf::from(folder).join(format!("{name}.csv"))) {
                    Ok(bytes) => bytes,
                    Err(_) => return Ok(None),
                }
            }
        };
        let marked = self.marked(&bytes).map_err(|error| self.unfit(&error))?;
        read_csv(&marked[..], &CsvOptions::default()).map(Some).map_err(|error| self.unfit(&error))
    }

    fn unfit(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::no(format!("{}.csv is not the table that this bench knows: {error}", self.name))
    }

    /// The file with the column [`PART`], and the target where it is a difference.
    fn marked(&self, bytes: &[u8]) -> std::result::Result<Vec<u8>, csv::Error> {
        let mut reader = csv::Reader::from_reader(bytes);
        let mut writer = csv::Writer::from_writer(Vec::new());
        let head = reader.headers()?.clone();
        let place = |name: &str| head.iter().position(|column| column == name);
        let ends = self.difference.map(|(later, earlier)| (place(later), place(earlier)));
        let new = [Some(PART), self.difference.map(|_| self.target)].into_iter().flatten();
        writer.write_record(head.iter().chain(new))?;
        let mut random = Random::new(1);
        for record in reader.records() {
            let record = record?;
            let part = if random.below(5) == 0 { TEST } else { TRAINING };
            let number = |at: Option<usize>| record.get(at?)?.trim().parse::<i64>().ok();
            let stay = ends.map(|(later, earlier)| match (number(later), number(earlier)) {
                (Some(later), Some(earlier)) => (later - earlier).to_string(),
                _ => String::new(),
            });
            writer.write_record(record.iter().chain([part]).chain(stay.as_deref()))?;
        }
        writer.into_inner().map_err(|error| error.into_error().into())
    }

    /// The columns of the model, secret; the part, open; all others dropped.
    ///
    /// # Errors
    /// A file that is not the table.
    pub(super) fn prepare(&self, table: &RawTable) -> Result<PreparedTable> {
        let secret = self.predictors.iter().chain([&self.target]);
        let mut choices: Vec<ColumnChoice> =
            secret.map(|name| ColumnChoice::new(*name, ColumnRole::Secret)).collect();
        choices.push(ColumnChoice::new(PART, ColumnRole::Open));
        prepare(table, &choices).map_err(|error| self.unfit(&error))
    }

    /// The query of the regression over the rows for training. Categories bring all their indicators.
    pub(super) fn sql(&self) -> String {
        let columns = self.predictors.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        let target = self.target;
        format!("SELECT enc_linreg(\"{target}\", {columns}) FROM stays WHERE {PART} = '{TRAINING}'")
    }
}

/// The environment variable that names the folder of real tables.
const FOLDER: &str = "COWL_BENCH_TABLES";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_split_into_four_fifths_and_one() {
        let table = TABLES[0].read().unwrap().unwrap();
        let prepared = TABLES[0].prepare(&table).unwrap();
        let training =
            prepared.clear[0].texts.iter().filter(|text| text.as_deref() == Some(TRAINING)).count();
        assert_eq!(prepared.rows, 1_000);
        assert!((760..840).contains(&training), "{training}");
    }

    #[test]
    fn a_difference_of_columns_becomes_the_target() {
        let rhc = TABLES.iter().find(|table| table.name == "rhc").unwrap();
        let marked = rhc.marked(b"sadmdte,dschdte,age\n10,17,5.5\n10,NA,\"6\"\n").unwrap();
        let lines: Vec<String> = String::from_utf8(marked).unwrap().lines().map(str::to_owned).collect();
        assert_eq!(lines[0], "sadmdte,dschdte,age,part,los");
        assert!(lines[1].ends_with(",7") && lines[2].ends_with(','), "{lines:?}");
    }
}
