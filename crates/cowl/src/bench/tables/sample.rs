//! A few rows of a real table, what is stored of them, and what it opens as.

use cowl_paillier::{Encryptor, ExponentLength, Plaintext, Timing};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

use super::real::TABLES;
use super::sealed::{fault, key_of_2048_bits};
use crate::columns::Columns;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::style::{HEAD, QUIET};

/// Prints them; nothing for a program that reads along.
///
/// # Errors
/// Cells that do not come back.
pub(super) fn print(output: Output) -> Result<()> {
    if output.is_json() {
        return Ok(());
    }
    let table = TABLES[0];
    let raw = table.read()?.ok_or_else(|| Failure::no("the sample is in the program"))?;
    let prepared = table.prepare(&raw)?;
    let key = key_of_2048_bits();
    let encryptor = Encryptor::new(key.public().clone(), ExponentLength::HalfOfModulus, Timing::Constant);
    let mut columns =
        Columns::new(["row", "cell", "in clear", "its ciphertext of 512 bytes, the first 16", "opened"])
            .right([0, 2, 4]);
    for row in (0..prepared.rows).filter(|row| is_complete(&prepared.values, *row)).take(ROWS) {
        for (variable, values) in prepared.variables.iter().zip(&prepared.values) {
            let value = values[row as usize].unwrap_or_default();
            let plain = [Plaintext::from_i64(key.public(), value)];
            let sealed = encryptor.encrypt(&plain, &mut UnwrapErr(SysRng)).map_err(fault)?;
            let stored = sealed.to_rows(key.public()).map_err(fault)?;
            let opened = key.decrypt(&sealed, Timing::Constant).map_err(fault)?;
            let opened = opened.first().and_then(|it| it.words().first().copied()).unwrap_or_default();
            columns.row([
                row.to_string(),
                variable.name.clone(),
                scaled(value, variable.coding.decimals()),
                stored[..16].iter().map(|byte| format!("{byte:02x}")).collect(),
                scaled(opened as i64, variable.coding.decimals()),
            ]);
        }
    }
    output.text(&format!("{HEAD}{}, cell by cell{HEAD:#}", table.what))?;
    output.text(&format!(
        "{QUIET}as published: each cell a ciphertext of its own, fetched and opened{QUIET:#}"
    ))?;
    output.text(&columns)
}

fn is_complete(values: &[Vec<Option<i64>>], row: u64) -> bool {
    values.iter().all(|values| values[row as usize].is_some())
}

fn scaled(value: i64, decimals: u8) -> String {
    format!("{:.*}", usize::from(decimals), value as f64 / 10_f64.powi(decimals.into()))
}

/// How many rows are shown.
const ROWS: usize = 3;
