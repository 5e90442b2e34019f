//! How many comparisons a core deals and evaluates, with keys in memory: `cargo run --release -p cowl-mpc --example speed`.
#![allow(clippy::print_stdout, reason = "a measuring program prints")]

use std::time::{SystemTime, UNIX_EPOCH};

use cowl_mpc::bundle::{BundleId, Draw};
use cowl_mpc::dealing::{Delivery, Seat};
use cowl_mpc::linear::{Axis, Bilinear, Convolution, Dense, Layout};
use cowl_mpc::nonlinear::{Family, FunctionSecretSharing, Rounding};
use cowl_mpc::prg::{Lane, Permutation, Seed, SeedStream};
use cowl_mpc::protocol::{Gate, Turn};
use cowl_mpc::{Error, Kernel, Party, Ring};

/// As in `cowl`: pages of large layers are kept, not given back and asked for again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const COUNT: usize = 1 << 18;
const REPEATS: usize = 40;

/// Keys in memory that was reserved before.
struct Kept([Vec<u8>; 2]);

impl Delivery for Kept {
    fn deliver(&mut self, party: Party, bytes: &[u8]) -> Result<(), Error> {
        self.0[party.index()].extend_from_slice(bytes);
        Ok(())
    }
}

fn main() -> Result<(), Error> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().map_err(|_| Error::Randomness)?;
    pool.install(|| {
        for kernel in Kernel::available() {
            for shift in [12, 0] {
                measure(kernel, shift)?;
            }
        }
        product();
        Ok(())
    })
}

/// This thread's processor time where the system tells it, which a busy machine stretches less; else the time of day.
fn clock() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|line| line.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(
        || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64()),
        |nanoseconds| nanoseconds / 1e9,
    )
}

/// The average of many runs, in seconds: the clock moves in steps of some milliseconds.
fn average(mut run: impl FnMut() -> Result<(), Error>) -> Result<f64, Error> {
    run()?;
    let start = clock();
    for _ in 0..REPEATS {
        run()?;
    }
    Ok((clock() - start) / REPEATS as f64)
}

fn measure(kernel: Kernel, shift: u32) -> Result<(), Error> {
    let ring = Ring::new(32, 12)?;
    let gate = FunctionSecretSharing.relu(ring, COUNT, 32, shift, Rounding::Nearby)?;
    let lane = Lane::new(0, 0);
    let seeds = || [Seed::from_bytes([1; 16]), Seed::from_bytes([2; 16])];
    let dealer = Draw::known(BundleId([0; 16]), [3; 16], seeds()).dealer(kernel);
    let mut kept = Kept(Party::BOTH.map(|party| Vec::with_capacity(gate.key_bytes(party) as usize)));
    let dealing = average(|| {
        kept.0.iter_mut().for_each(Vec::clear);
        gate.deal(lane, &dealer, &mut kept)
    })?;
    let rate = |seconds: f64| COUNT as f64 / seconds / 1e6;
    let name = kernel.name();
    println!("{name}: shift {shift}: dealer {:.1} M keys/s", rate(dealing));
    let shares = vec![5; COUNT];
    for party in Party::BOTH {
        let stream = SeedStream::new(kernel, &seeds()[party.index()]);
        let seat = Seat::new(party, Permutation::new(kernel, &[3; 16]), stream);
        let seconds = average(|| run(&*gate, lane, &seat, &kept.0[party.index()], &shares))?;
        println!("{name}: shift {shift}: {party:?} {:.1} M ReLU/s", rate(seconds));
    }
    Ok(())
}

/// One party's whole work for a layer; the other's messages are zeros.
fn run(gate: &dyn Gate, lane: Lane, seat: &Seat, mut keys: &[u8], shares: &[u64]) -> Result<(), Error> {
    let mut turn = gate.begin(lane, seat, shares)?;
    while let Turn::Exchange(exchange) = turn {
        let message = vec![0; exchange.expected()];
        turn = exchange.receive(seat, &mut keys, &message)?;
    }
    Ok(())
}

fn product() {
    let axis = Axis { input: 64, filter: 3, stride: 1, dilation: 2, before: 2, behind: 2 };
    if let Ok(map) = Convolution::new(1, [5, 5], 1, &[axis; 3]) {
        let (filters, data) = (vec![3u32; map.left()], vec![5u32; map.right()]);
        let seconds = average(|| {
            std::hint::black_box(map.narrow(&filters, &data));
            Ok(())
        });
        println!(
            "convolution 5 × 5 × 3³ on 64³, 177 M products: {:.1} ms",
            seconds.unwrap_or(f64::NAN) * 1e3
        );
    }
    for layout in [Layout::ByOutput, Layout::ByInput] {
        let dense = Dense { batch: 1, inputs: 109_350, outputs: 200, layout };
        let (matrix, vector) = (vec![3u32; dense.left()], vec![5u32; dense.right()]);
        let seconds = average(|| {
            std::hint::black_box(dense.narrow(&matrix, &vector));
            Ok(())
        });
        println!("dense 109,350 × 200, {layout:?}: {:.1} ms", seconds.unwrap_or(f64::NAN) * 1e3);
    }
}
