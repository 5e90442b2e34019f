//! 5,734 patients with 24 columns: with the intercept 25, hence 325 moments a row.

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
    let table = table()?;
    let mut rows = Vec::new();
    let mut sealed = None;
    let variable = Timing::Variable(VariableTime::on_a_machine_of_the_owner_alone());
    for (time, timing, goal) in [("constant", Timing::Constant, 3.0), ("variable", variable, 1.5)] {
        for (name, what, encryption) in [
            ("seal", "by the owner", Encryption::Owner(timing)),
            (
                "seal-public",
                "by the public key, short exponent",
                Encryption::Public(ExponentLength::Short, timing),
            ),
        ] {
            let (seconds, made) = on_cores(1, || seal(&table, encryption));
            let made = made?;
            let what =
                format!("{ROWS} patients, 325 moments in {} ciphertexts: seal {what}", made.ciphertexts());
            let what = format!("{what} in {time} time, 2048 bits, of one core's time");
            rows.push(Row::new(format!("tables.moments.{name}.{time}"), what, "s", seconds).own_goal(goal));
            sealed = Some(made);
        }
    }
    let sealed = sealed.ok_or_else(|| Failure::no("nothing was sealed"))?;
    rows.extend(on_cores(1, || sums(&sealed))?);
    Ok(rows)
}

fn seal(table: &PreparedTable, encryption: Encryption) -> (f64, Result<SealedTable>) {
    Clock::Thread.median(1, || SealedTable::seal(table, one_set(table, LayoutChoice::Moments), encryption))
}

fn sums(sealed: &SealedTable) -> Result<Vec<Row>> {
    let sql = sql();
    let (asking, asked) = Clock::Thread.median(RUNS, || sealed.ask(&sql));
    let (query, answer) = asked?;
    let (opening, opened) = Clock::Thread.median(RUNS, || sealed.open(&query, &answer));
    let used = match opened?.rows.first().and_then(|row| row.figures.first()) {
        Some(Figure::Regression { model, .. }) => model.rows,
        _ => return Err(Failure::no("the regression did not come out")),
    };
    let row = |id: &str, what: String, seconds: f64| {
        Row::new(format!("tables.moments.{id}"), what, "ms", seconds * 1e3)
    };
    let ask =
        format!("a regression of them in SQL: find {used} rows, add their ciphertexts, of one core's time");
    let open = "check its tags, open it, fit 24 coefficients exactly, of one core's time".to_owned();
    Ok(vec![row("sum", ask, asking).own_goal(50.0), row("open", open, opening)])
}

/// Made up, of the shape of a real one: half of the columns binary, half measured.
fn table() -> Result<PreparedTable> {
    let mut random = Random::new(2);
    let mut text = (0..COLUMNS).map(column).collect::<Vec<_>>().join(",") + ",ward\n";
    for _ in 0..ROWS {
        for place in 0..COLUMNS {
            let cell =
                if place % 2 == 0 { random.below(2).to_string() } else { random.below(3_000).to_string() };
            text += &cell;
            text.push(',');
        }
        text += if random.below(2) == 0 { "A\n" } else { "B\n" };
    }
    let read = read_csv(text.as_bytes(), &CsvOptions::default()).map_err(fault)?;
    let secret = (0..COLUMNS).map(|place| ColumnChoice::new(column(place), ColumnRole::Secret));
    let open = [ColumnChoice::new("ward", ColumnRole::Open)];
    prepare(&read, &secret.chain(open).collect::<Vec<_>>()).map_err(fault)
}

fn column(place: usize) -> String {
    format!("c{place}")
}

fn sql() -> String {
    let columns: Vec<String> = (0..COLUMNS).map(|place| column(COLUMNS - 1 - place)).collect();
    format!("SELECT enc_linreg({}) FROM {NAME}", columns.join(", "))
}

const ROWS: usize = 5_734;
const COLUMNS: usize = 24;
const RUNS: usize = 5;
