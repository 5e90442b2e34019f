//! Splitting and merging.

use cowl_seal::payload::Cores;
use cowl_seal::split::{SplitPlan, merge};

use super::{BY, Table, times};
use crate::bench::random::Random;
use crate::bench::row::{Row, figure};
use crate::bench::timing::Clock;
use crate::columns::Columns;
use crate::failure::{Failure, Result};

/// Kilobytes, and the paper's milliseconds for splitting and merging.
const PUBLISHED: [(usize, f64, f64); 5] =
    [(64, 3.0, 5.0), (128, 2.0, 3.0), (256, 5.0, 6.0), (512, 6.4, 11.0), (1024, 7.0, 21.0)];

pub(super) fn table() -> Result<Table> {
    let heads = ["file KB", "split ms", "the paper", "ratio", "merge ms", "the paper", "ratio"];
    let mut columns = Columns::new(heads).right(0..7);
    let mut rows = Vec::new();
    for (kilobytes, split, merge) in PUBLISHED {
        let ours = measure(&Random::new(kilobytes as u64).bytes(kilobytes << 10))?;
        columns.row([
            kilobytes.to_string(),
            figure(ours.0),
            figure(split),
            times(split, ours.0),
            figure(ours.1),
            figure(merge),
            times(merge, ours.1),
        ]);
        for (verb, ours, paper) in [("split", ours.0, split), ("merge", ours.1, merge)] {
            let id = format!("paper.{verb}.{kilobytes}");
            rows.push(Row::new(id, format!("{verb} {kilobytes} KB"), "ms", ours).against(BY, paper));
        }
    }
    Ok(Table { title: "Splitting and merging", notes: NOTES, columns, rows })
}

/// Milliseconds of a core for both ways.
fn measure(payload: &[u8]) -> Result<(f64, f64)> {
    let (split, (checks, parts)) = Clock::Thread.median(RUNS, || {
        let plan = SplitPlan::draw(payload.len() as u64, &cowl_crypto::id::random_bytes());
        let parts: Vec<Vec<u8>> = plan.split(payload).into_iter().map(<[u8]>::to_vec).collect();
        (plan.check_parts(payload, Cores::One), parts)
    });
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let (joined, merged) = Clock::Thread.median(RUNS, || merge(&checks, &parts, Cores::One));
    if merged.is_ok_and(|merged| merged == payload) {
        Ok((split * 1e3, joined * 1e3))
    } else {
        Err(Failure::no("the parts do not join to what was split"))
    }
}

const RUNS: usize = 101;

const NOTES: &[&str] = &[
    "Ours in memory on one core: a random number of parts of random sizes, each copied out and hashed; before merging each",
    "hash is checked. The paper's parts are files, and it hashes none.",
];
