//! How many comparisons a core deals and evaluates, with keys in memory.

use std::time::Instant;

use cowl_mpc::bundle::{BundleId, Draw};
use cowl_mpc::dealing::{Delivery, Seat};
use cowl_mpc::nonlinear::{Family, FunctionSecretSharing, Rounding};
use cowl_mpc::prg::{Lane, Permutation, Seed, SeedStream};
use cowl_mpc::protocol::{Gate, Turn};
use cowl_mpc::{Error, Kernel, Party, Ring};

use crate::bench::row::Row;
use crate::failure::{Failure, Result};

const COUNT: usize = 1 << 18;
const REPEATS: usize = 40;
/// Comparisons of one party, and keys for both, a second and core, in millions.
const GOALS: [f64; 2] = [20.0, 8.0];

/// Keys in memory that was reserved before.
struct Kept([Vec<u8>; 2]);

impl Delivery for Kept {
    fn deliver(&mut self, party: Party, bytes: &[u8]) -> std::result::Result<(), Error> {
        self.0[party.index()].extend_from_slice(bytes);
        Ok(())
    }
}

/// Both rates, on one core.
///
/// # Errors
/// Those of the system.
pub(super) fn rows() -> Result<Vec<Row>> {
    let failed = |error: &dyn std::fmt::Display| Failure::no(error.to_string());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().map_err(|error| failed(&error))?;
    let [evaluated, dealt] = pool.install(measure).map_err(|error| failed(&error))?;
    let kernel = Kernel::best().name();
    let evaluating = format!("ReLU of 32 bits a core, keys in memory, the slower party ({kernel})");
    let dealing = format!("keys for a ReLU of 32 bits a core, both parties' ({kernel})");
    Ok(vec![
        Row::new("infer.relu-rate", evaluating, "M/s", evaluated).own_goal(GOALS[0]),
        Row::new("infer.dealer-rate", dealing, "M/s", dealt).own_goal(GOALS[1]),
    ])
}

/// Evaluations and dealings a second, in millions.
fn measure() -> std::result::Result<[f64; 2], Error> {
    let (kernel, ring) = (Kernel::best(), Ring::new(32, 12)?);
    let gate = FunctionSecretSharing.relu(ring, COUNT, ring.bits(), ring.fraction(), Rounding::Nearby)?;
    let lane = Lane::new(0, 0);
    let seeds = || [1, 2].map(|byte| Seed::from_bytes([byte; 16]));
    let dealer = Draw::known(BundleId([0; 16]), [3; 16], seeds()).dealer(kernel);
    let mut kept = Kept(Party::BOTH.map(|party| Vec::with_capacity(gate.key_bytes(party) as usize)));
    let dealing = average(|| {
        kept.0.iter_mut().for_each(Vec::clear);
        gate.deal(lane, &dealer, &mut kept)
    })?;
    let shares = vec![5; COUNT];
    let mut slowest = 0f64;
    for party in Party::BOTH {
        let stream = SeedStream::new(kernel, &seeds()[party.index()]);
        let seat = Seat::new(party, Permutation::new(kernel, &[3; 16]), stream);
        let took = average(|| evaluate(&*gate, lane, &seat, &kept.0[party.index()], &shares))?;
        slowest = slowest.max(took);
    }
    Ok([slowest, dealing].map(|seconds| COUNT as f64 / seconds / 1e6))
}

/// One party's whole work for a layer; the other's messages are zeros.
fn evaluate(
    gate: &dyn Gate,
    lane: Lane,
    seat: &Seat,
    mut keys: &[u8],
    shares: &[u64],
) -> std::result::Result<(), Error> {
    let mut turn = gate.begin(lane, seat, shares)?;
    while let Turn::Exchange(exchange) = turn {
        let message = vec![0; exchange.expected()];
        turn = exchange.receive(seat, &mut keys, &message)?;
    }
    Ok(())
}

/// The average of many runs, in seconds: the clock of processor time moves in steps of some milliseconds.
fn average(mut run: impl FnMut() -> std::result::Result<(), Error>) -> std::result::Result<f64, Error> {
    run()?;
    let (begun, by_day) = (processor_time(), Instant::now());
    for _ in 0..REPEATS {
        run()?;
    }
    let told = processor_time().zip(begun).map(|(now, begun)| now - begun);
    Ok(told.unwrap_or_else(|| by_day.elapsed().as_secs_f64()) / REPEATS as f64)
}

/// Seconds that this thread has computed, where the system tells: a busy machine stretches it less.
fn processor_time() -> Option<f64> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(told.split(' ').next()?.parse::<f64>().ok()? / 1e9)
}
