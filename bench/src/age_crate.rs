//! Crate `age`: one buffer sealed to an X25519 recipient and opened again, on one core.

use std::error::Error;
use std::hint::black_box;
use std::io::{Read, Write};
use std::time::Instant;

use age::x25519::Identity;

use crate::Figure;

const BY: &str = "crate age 0.12";
const LENGTH: usize = 256 << 20;
const RUNS: usize = 3;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

pub(crate) fn measure() -> Result<Vec<Figure>> {
    let identity = Identity::generate();
    let clear = noise();
    let sealed = seal(&identity, &clear)?;
    if open(&identity, &sealed)? != clear {
        return Err("the crate gives other bytes back".into());
    }
    let seal_rate = rate(|| seal(&identity, &clear))?;
    let open_rate = rate(|| open(&identity, &sealed))?;
    let figure = |of: &str, value| Figure { of: of.into(), by: BY.into(), unit: "GB/s", value };
    Ok(vec![figure("vault.seal.standard", seal_rate), figure("vault.open.standard", open_rate)])
}

fn seal(identity: &Identity, clear: &[u8]) -> Result<Vec<u8>> {
    let recipient = identity.to_public();
    let recipients = std::iter::once(&recipient as &dyn age::Recipient);
    let encryptor = age::Encryptor::with_recipients(recipients)?;
    let mut sealed = Vec::with_capacity(clear.len() + clear.len() / 1024);
    let mut writer = encryptor.wrap_output(&mut sealed)?;
    writer.write_all(clear)?;
    writer.finish()?;
    Ok(sealed)
}

fn open(identity: &Identity, sealed: &[u8]) -> Result<Vec<u8>> {
    let decryptor = age::Decryptor::new(sealed)?;
    let mut clear = Vec::with_capacity(sealed.len());
    decryptor.decrypt(std::iter::once(identity as &dyn age::Identity))?.read_to_end(&mut clear)?;
    Ok(clear)
}

/// Gigabytes of clear text a second: the median of the runs. The caller has warmed up.
fn rate(run: impl Fn() -> Result<Vec<u8>>) -> Result<f64> {
    let mut rates = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let started = Instant::now();
        black_box(run()?);
        rates.push(LENGTH as f64 / 1e9 / started.elapsed().as_secs_f64());
    }
    rates.sort_by(f64::total_cmp);
    Ok(rates[RUNS / 2])
}

/// A xorshift sequence: no cipher cares what it is fed.
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..LENGTH / 8).flat_map(|_| step()).collect()
}
