//! Payloads and shares in memory, on one core.

use cowl_seal::payload::{Cores, PayloadOpener, PayloadSealer, sealed_length};
use cowl_seal::split::SplitPlan;
use cowl_seal::{ItemKey, Suite, XWingIdentity, shares};

use crate::bench::random::Random;
use crate::bench::row::Row;
use crate::bench::timing::Clock;
use crate::failure::{Failure, Result};

pub(super) fn rows() -> Result<Vec<Row>> {
    let plain = Random::new(1).bytes(LENGTH);
    let mut rows = suite_rows(Suite::Standard, &plain, 2.0)?;
    rows.extend(suite_rows(Suite::HybridRsa, &plain, 5.0)?);
    rows.push(shares_row());
    Ok(rows)
}

fn suite_rows(suite: Suite, plain: &[u8], goal: f64) -> Result<Vec<Row>> {
    let key = ItemKey::make(suite);
    let mut payload = vec![0; sealed_length(plain.len() as u64) as usize];
    let plan = SplitPlan::draw(payload.len() as u64, &cowl_crypto::id::random_bytes());
    let (sealing, checks) = Clock::Thread
        .median(RUNS, || PayloadSealer::new(&key).seal_parts(plain, &plan, &mut payload, Cores::One));
    let parts = plan.split(&payload);
    let mut opened = vec![0; plain.len()];
    let (opening, outcome) = Clock::Thread
        .median(RUNS, || PayloadOpener::open_parts(&key, &checks, &parts, &mut opened, Cores::One));
    if outcome.is_err() || opened != plain {
        return Err(Failure::no("other bytes came back"));
    }
    let row = |verb: &str, what: &str, seconds: f64| {
        let what = format!("{what}, suite {suite}, 256 MiB in memory, of one core's time");
        Row::new(format!("vault.{verb}.{suite}"), what, "GB/s", plain.len() as f64 / 1e9 / seconds)
            .own_goal(goal)
    };
    Ok(vec![
        row("seal", "seal and hash the parts", sealing),
        row("open", "check the parts and open", opening),
    ])
}

fn shares_row() -> Row {
    let grantee = XWingIdentity::make();
    let key = ItemKey::make(Suite::Standard);
    let (seconds, _) = Clock::Thread.median(3, || {
        for _ in 0..SHARES {
            std::hint::black_box(shares::wrap_item_key(grantee.recipient(), &key, b"grant, item"));
        }
    });
    let what = "wrap 1,000 file keys for a post-quantum recipient, of one core's time";
    Row::new("vault.share.wrap", what, "s", seconds)
}

const LENGTH: usize = 256 << 20;
const RUNS: usize = 5;
const SHARES: usize = 1_000;
