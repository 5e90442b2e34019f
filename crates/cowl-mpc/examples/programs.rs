//! Whole programs between two parties in one process, keys in memory: what they cost and how long they take.
//! `cargo run --release -p cowl-mpc --example programs [NAME]`
#![allow(clippy::print_stdout, reason = "a measuring program prints")]

use std::path::Path;
use std::time::Instant;

use cowl_model::fixed;
use cowl_model::onnx::NoFiles;
use cowl_model::{ImportOptions, Ring, Rounding, Tensor, compile, import, zoo};
use cowl_mpc::bundle::Draw;
use cowl_mpc::nonlinear::FunctionSecretSharing;
use cowl_mpc::rehearsal::Rehearsal;
use cowl_mpc::{Party, Protocol, Receivers};

/// As in `cowl`: pages of large layers are kept, not given back and asked for again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error>;

/// Name, file, sizes of the input if others than the file's, and how often it is run.
type Network = (&'static str, fn() -> Result<Vec<u8>, Failure>, Option<&'static [usize]>, usize);

const NETWORKS: [Network; 5] = [
    ("perceptron", || Ok(zoo::perceptron(1)), None, 200),
    ("lenet5", || Ok(zoo::lenet5(1)), None, 50),
    ("fmri", || Ok(zoo::fmri(1)), None, 10),
    ("cifar", || Ok(zoo::cifar(1)), None, 25),
    ("meshnet", meshnet, Some(&[1, 1, 32, 32, 32]), 3),
];

fn meshnet() -> Result<Vec<u8>, Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/models");
    Ok(std::fs::read(folder.join("brain_tissue_64.onnx"))?)
}

fn main() -> Result<(), Failure> {
    let wanted = std::env::args().nth(1);
    let chosen =
        NETWORKS.into_iter().filter(|(name, ..)| wanted.as_deref().is_none_or(|wanted| wanted == *name));
    for (name, file, sizes, runs) in chosen {
        measure(name, &file()?, sizes, runs)?;
    }
    Ok(())
}

fn measure(name: &str, bytes: &[u8], sizes: Option<&[usize]>, runs: usize) -> Result<(), Failure> {
    let mut options = ImportOptions::default();
    if let Some(sizes) = sizes {
        options.shapes.insert("t1".into(), sizes.to_vec());
    }
    let model = import(bytes, &NoFiles, &options)?;
    let program = compile(&model.architecture, Ring::MENU[0], Rounding::Nearby)?;
    let weights = fixed::quantise_weights(&program, &model.architecture, &model.weights)?;
    let port = &model.architecture.inputs()[0];
    let image = (0..port.shape.count()).map(|at| (at * 37 % 101) as f32 / 101.0).collect();
    let input = fixed::quantise_input(&program, &port.name, &Tensor::new(port.shape.clone(), image)?)?;
    let protocol = Protocol::new(program, &FunctionSecretSharing)?;
    let receivers = Receivers::Only(Party::DataOwner);
    let forecast = protocol.forecast(receivers);
    let rehearsal = Rehearsal::new(&protocol, weights)?;
    let start = Instant::now();
    let dealt = rehearsal.deal(Draw::random()?)?;
    let dealing = start.elapsed().as_secs_f64();
    let (mut best, before) = (f64::INFINITY, processor_time());
    for _ in 0..runs {
        let start = Instant::now();
        rehearsal.run(&dealt, std::slice::from_ref(&input), receivers)?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!(
        "{name}: online {:.2} ms at best, {:.2} ms of processor time for both; {} bytes sent, {} dealt, {} rounds; \
         dealing and preparing {:.1} ms",
        best * 1e3,
        (processor_time() - before) / runs as f64 * 1e3,
        forecast.sent.iter().sum::<u64>(),
        forecast.dealt.iter().sum::<u64>(),
        forecast.rounds,
        dealing * 1e3,
    );
    Ok(())
}

/// Seconds that this process has computed, where the system tells it.
fn processor_time() -> f64 {
    const TICKS: f64 = 100.0;
    let told = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = told.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok()).unwrap_or(f64::NAN);
    (ticks(11) + ticks(12)) / TICKS
}
