//! A table cell by cell, a ciphertext each, as it was published; and packed, as it can be.

use cowl_paillier::{Encryptor, ExponentLength, Packing, Plaintext, Timing};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

use super::sealed::{fault, key_of_2048_bits};
use crate::bench::row::Row;
use crate::bench::timing::Clock;
use crate::failure::Result;

pub(super) fn rows() -> Result<Vec<Row>> {
    let key = key_of_2048_bits();
    let public = key.public();
    let encryptor = Encryptor::new(public.clone(), ExponentLength::HalfOfModulus, Timing::Constant);
    let cells: Vec<i64> = (0..CELLS as i64).map(|cell| cell * 37 % 5_000).collect();
    let plain: Vec<Plaintext> =
        cells[..ALONE].iter().map(|cell| Plaintext::from_i64(public, *cell)).collect();
    let (encrypting, sealed) =
        Clock::Thread.median(RUNS, || encryptor.encrypt(&plain, &mut UnwrapErr(SysRng)));
    let sealed = sealed.map_err(fault)?;
    let (decrypting, opened) = Clock::Thread.median(RUNS, || key.decrypt(&sealed, Timing::Constant));
    let opened = opened.map_err(fault)?;
    let same = opened.iter().zip(&cells).filter(|(opened, cell)| is_number(opened, **cell)).count();
    let packing = Packing::new(public.size(), 44, 20).map_err(fault)?;
    let (packed, _) = Clock::Thread.median(RUNS, || {
        let plain = packing.pack_all(public, &cells).map_err(fault)?;
        encryptor.encrypt(&plain, &mut UnwrapErr(SysRng)).map_err(fault)
    });
    let micros = |id: &str, what: &str, seconds: f64, count: usize| {
        let what = format!("{what}, 2048 bits, of one core's time");
        Row::new(format!("tables.cell.{id}"), what, "µs", seconds * 1e6 / count as f64)
    };
    Ok(vec![
        micros("encrypt", "encrypt a cell, a ciphertext each", encrypting, ALONE),
        micros("decrypt", "decrypt a cell, a ciphertext each", decrypting, ALONE),
        Row::new("tables.cell.accuracy", "cells that come back as they were", "share", share(same)),
        micros("encrypt-packed", "encrypt a cell, 31 to a ciphertext", packed, CELLS),
    ])
}

fn is_number(opened: &Plaintext, cell: i64) -> bool {
    let (first, rest) = opened.words().split_first().unwrap_or((&0, &[]));
    *first == cell.unsigned_abs() && rest.iter().all(|word| *word == 0)
}

fn share(same: usize) -> f64 {
    same as f64 / ALONE as f64
}

/// As many as fill 256 packed ciphertexts with 31 slots each.
const CELLS: usize = 256 * 31;
/// As many as get a ciphertext each.
const ALONE: usize = 512;
const RUNS: usize = 5;
