//! How fast payloads are sealed, split, hashed and opened, on one core and on all.
//!
//! `cargo run --release -p cowl-seal --example throughput [MIB]`
#![allow(clippy::print_stdout, reason = "it is what the program is for")]

use std::time::Instant;

use cowl_seal::payload::{Cores, PayloadOpener, PayloadSealer, SegmentSpan, sealed_length};
use cowl_seal::split::{PartCheck, SplitPlan};
use cowl_seal::{ItemKey, Suite, XWingIdentity, shares};

fn main() {
    let mib = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(256);
    let plaintext: Vec<u8> = (0..mib << 20).map(|at: usize| (at ^ (at >> 9)) as u8).collect();
    for suite in [Suite::Standard, Suite::HybridRsa] {
        measure_suite(suite, &plaintext);
    }
    measure_shares();
}

fn measure_suite(suite: Suite, plaintext: &[u8]) {
    let key = ItemKey::make(suite);
    let mut payload = vec![1; sealed_length(plaintext.len() as u64) as usize];
    let mut opened = vec![1; plaintext.len()];
    let plan = SplitPlan::draw(payload.len() as u64, &[7; 32]);
    for (cores, name) in [(Cores::One, "one core"), (Cores::All, "all cores")] {
        let mut checks = Vec::new();
        rate(&format!("{suite}: seal and hash the parts, {name}"), plaintext.len(), || {
            checks = PayloadSealer::new(&key).seal_parts(plaintext, &plan, &mut payload, cores);
        });
        rate(&format!("{suite}: check the parts and open, {name}"), plaintext.len(), || {
            let parts = plan.split(&payload);
            PayloadOpener::open_parts(&key, &checks, &parts, &mut opened, cores)
                .expect("it is what was sealed");
        });
    }
    assert_eq!(opened, plaintext);
    rate(&format!("{suite}: hash only, one core"), payload.len(), || {
        std::hint::black_box(plan.split(&payload).into_iter().map(PartCheck::of).collect::<Vec<_>>());
    });
    measure_range(&key, &payload, plaintext.len() as u64);
}

fn measure_range(key: &ItemKey, payload: &[u8], length: u64) {
    let nonce = payload.first_chunk().expect("a payload begins with its nonce");
    let opener = PayloadOpener::new(key, nonce);
    let range = length / 3..(length / 3 + (512 << 10)).min(length);
    let span = SegmentSpan::covering(&range, length).expect("the range is within the payload");
    let start = Instant::now();
    for _ in 0..100 {
        let sealed = &payload[span.sealed.start as usize..span.sealed.end as usize];
        std::hint::black_box(opener.open_range(&span, sealed).expect("it is what was sealed"));
    }
    println!("{}: open a range of 512 KiB: {:.3} ms", key.suite(), start.elapsed().as_secs_f64() * 10.0);
}

fn measure_shares() {
    let grantee = XWingIdentity::make();
    let keys: Vec<ItemKey> = (0..1000).map(|_| ItemKey::make(Suite::Standard)).collect();
    let start = Instant::now();
    let wrapped: Vec<_> =
        keys.iter().map(|key| shares::wrap_item_key(grantee.recipient(), key, b"grant 1, item 1")).collect();
    println!("1,000 shares to one grantee, one core: {:.3} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    for stanza in &wrapped {
        shares::unwrap_item_key(&grantee, stanza, Suite::Standard, b"grant 1, item 1")
            .expect("it was sealed to it");
    }
    println!("1,000 shares opened, one core: {:.3} s", start.elapsed().as_secs_f64());
}

/// The best of several runs.
fn rate(what: &str, bytes: usize, mut work: impl FnMut()) {
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        work();
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{what}: {:.2} GB/s", bytes as f64 / best / 1e9);
}
