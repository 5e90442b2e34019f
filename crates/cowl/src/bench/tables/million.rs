//! A million rows, summed by group through SQL on two cores.

use cowl_domain::table::ColumnRole;
use cowl_paillier::{ExponentLength, Timing, VariableTime};
use cowl_tables::Figure;
use cowl_tables::coding::{ColumnChoice, LayoutChoice, PreparedTable, prepare};
use cowl_tables::import::{CsvOptions, read_csv};
use cowl_tables::seal::Encryption;

use super::on_cores;
use super::sealed::{NAME, SealedTable, fault, one_set};
use crate::bench::random::Random;
use crate::bench::row::Row;
use crate::bench::timing::Clock;
use crate::failure::{Failure, Result};

pub(super) fn rows() -> Result<Vec<Row>> {
    let (table, expected) = table()?;
    on_cores(2, || measure(&table, &expected))
}

fn measure(table: &PreparedTable, expected: &[i64]) -> Result<Vec<Row>> {
    let quick = Timing::Variable(VariableTime::on_a_machine_of_the_owner_alone());
    let encryption = Encryption::Public(ExponentLength::Short, quick);
    let (sealing, sealed) =
        Clock::Wall.time(|| SealedTable::seal(table, one_set(table, LayoutChoice::Cells), encryption));
    let sealed = sealed?;
    let sql = format!("SELECT ward, enc_sum(los) FROM {NAME} WHERE admitted >= '2001-01-01' GROUP BY ward");
    let (asking, asked) = Clock::Wall.median(RUNS, || sealed.ask(&sql));
    let (query, answer) = asked?;
    let engine = sealed.engine()?;
    let (finding, found) = Clock::Wall.median(RUNS, || sealed.select(&engine, &query));
    let found = found?;
    let (adding, added) = Clock::Wall.median(RUNS, || sealed.sum(&query, found.clone()));
    added?;
    let (opening, opened) = Clock::Wall.time(|| sealed.open(&query, &answer));
    let sums: Vec<i64> = opened?.rows.iter().filter_map(|row| number(row.figures.last()?)).collect();
    if sums != expected {
        return Err(Failure::no("the opened sums are not those of the rows"));
    }
    let millions = ROWS as f64 * f64::from(sealed.ciphertexts()) / 1e6;
    let row = |id: &str, what: &str, unit: &str, ours: f64| {
        Row::new(format!("tables.million.{id}"), what, unit, ours)
    };
    let seconds = |id: &str, what: &str, ours: f64| row(id, what, "s", ours);
    Ok(vec![
        row(
            "sum",
            "ciphertexts added a second, from SQL to the answer, database built anew",
            "M/s",
            millions / asking,
        )
        .own_goal(2.0),
        row("sum-alone", "the same, the rows already found", "M/s", millions / adding),
        seconds("select", "find the rows of eight groups among a million, database standing", finding),
        seconds("open", "find them again, check the tags, open", opening),
        seconds("seal", "seal a million rows on two cores, variable time, short exponent", sealing),
    ])
}

fn number(figure: &Figure) -> Option<i64> {
    match figure {
        Figure::Number { value, .. } => Some(*value as i64),
        _ => None,
    }
}

/// The table, and the sums of its groups: all rows are of after the year 2000.
fn table() -> Result<(PreparedTable, Vec<i64>)> {
    let mut random = Random::new(3);
    let mut sums = vec![0; WARDS.len()];
    let mut text = String::from("ward,admitted,los\n");
    for _ in 0..ROWS {
        let (ward, month, day, los) =
            (random.below(WARDS.len()), random.below(12), random.below(28), random.below(90));
        sums[ward] += los as i64;
        text += &format!("{},2001-{:02}-{:02},{los}\n", WARDS[ward], month + 1, day + 1);
    }
    let read = read_csv(text.as_bytes(), &CsvOptions::default()).map_err(fault)?;
    let open = ["ward", "admitted"].map(|name| ColumnChoice::new(name, ColumnRole::Open));
    let secret = ColumnChoice::new("los", ColumnRole::Secret);
    let prepared = prepare(&read, &[&open[..], &[secret]].concat()).map_err(fault)?;
    Ok((prepared, sums))
}

const ROWS: usize = 1_000_000;
const WARDS: [&str; 8] = ["A", "B", "C", "D", "E", "F", "G", "H"];
const RUNS: usize = 3;
