//! Bundles are frozen: what this crate deals from known seeds is what a program of a few lines of integers wrote.
#![allow(clippy::unwrap_used, reason = "a test's own steps")]

use std::path::Path;
use std::sync::Arc;

use cowl_mpc::bundle::{self, BundleId, Draw, Layer, Plan};
use cowl_mpc::dealing::Writers;
use cowl_mpc::linear::{Dense, Layout, Linear, SetupSeed};
use cowl_mpc::nonlinear::{Family, FunctionSecretSharing, Rounding};
use cowl_mpc::prg::Seed;
use cowl_mpc::{Kernel, Ring};

fn counting(from: u8) -> [u8; 16] {
    std::array::from_fn(|place| from + place as u8)
}

fn plan() -> Plan {
    let ring = Ring::new(32, 12).unwrap();
    let family = FunctionSecretSharing;
    let layers = vec![
        Layer::Linear(Linear::new(
            ring,
            Arc::new(Dense { batch: 1, inputs: 4, outputs: 3, layout: Layout::ByOutput }),
        )),
        Layer::Gate(family.relu(ring, 3, 32, 12, Rounding::Faithful).unwrap()),
        Layer::Gate(family.truncate(ring, 3, 12, Rounding::Nearby).unwrap()),
    ];
    Plan::new(std::array::from_fn(|place| place as u8), layers)
}

#[test]
fn every_kernel_deals_the_frozen_bundles() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/mpc");
    let frozen = ["model-owner.bin", "data-owner.bin"].map(|name| std::fs::read(folder.join(name)).unwrap());
    for kernel in Kernel::available() {
        let seeds = [0xa0, 0xb0].map(|from| Seed::from_bytes(counting(from)));
        let draw = Draw::known(BundleId([0x11; 16]), counting(0), seeds);
        let setup = SetupSeed::new(kernel, &Seed::from_bytes(counting(0xc0)));
        let mut writers = Writers([Vec::new(), Vec::new()]);
        bundle::deal(kernel, &plan(), &setup, &draw, &mut writers).unwrap();
        assert!(writers.0 == frozen, "{}", kernel.name());
    }
}
