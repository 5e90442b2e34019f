//! Bundles of a perceptron 784-128-128-10: their lengths, their bytes, and which are refused.
#![allow(clippy::unwrap_used, reason = "a test's own steps")]

use std::sync::Arc;

use cowl_mpc::bundle::{self, Draw, HEADER_BYTES, Layer, Plan};
use cowl_mpc::dealing::{Seat, Writers};
use cowl_mpc::linear::{Dense, Layout, Linear, SetupSeed};
use cowl_mpc::nonlinear::{Family, FunctionSecretSharing, Rounding, Want};
use cowl_mpc::prg::{Lane, Seed, SeedStream};
use cowl_mpc::protocol::Turn;
use cowl_mpc::{Error, Kernel, Party, Ring};

const SIZES: [usize; 4] = [784, 128, 128, 10];

/// Dense layers, ReLU with truncation between them, a truncation and the place of the largest at the end.
fn plan(ring: Ring, rounding: Rounding) -> Plan {
    let family = FunctionSecretSharing;
    let mut layers = Vec::new();
    for (place, sizes) in SIZES.windows(2).enumerate() {
        let dense = Dense { batch: 1, inputs: sizes[0], outputs: sizes[1], layout: Layout::ByOutput };
        layers.push(Layer::Linear(Linear::new(ring, Arc::new(dense))));
        let count = sizes[1];
        layers.push(Layer::Gate(if place < 2 {
            family.relu(ring, count, ring.bits(), ring.fraction(), rounding).unwrap()
        } else {
            family.truncate(ring, count, ring.fraction(), rounding).unwrap()
        }));
    }
    layers.push(Layer::Gate(family.largest(ring, 1, 10, ring.bits(), Want::First).unwrap()));
    Plan::new([9; 32], layers)
}

fn setup() -> SetupSeed {
    SetupSeed::new(Kernel::best(), &Seed::from_bytes([8; 16]))
}

fn dealt(plan: &Plan, draw: &Draw) -> [Vec<u8>; 2] {
    let mut writers = Writers([Vec::new(), Vec::new()]);
    bundle::deal(Kernel::best(), plan, &setup(), draw, &mut writers).unwrap();
    writers.0
}

#[test]
fn a_bundle_is_as_long_as_its_program_says() {
    let plan = plan(Ring::new(32, 12).unwrap(), Rounding::Nearby);
    let bundles = dealt(&plan, &Draw::random().unwrap());
    for party in Party::BOTH {
        assert_eq!(bundles[party.index()].len() as u64, HEADER_BYTES as u64 + plan.bytes(party));
    }
}

#[test]
fn two_bundles_share_no_bytes_beyond_chance() {
    let plan = plan(Ring::new(32, 12).unwrap(), Rounding::Nearby);
    let [first, second] = [0; 2].map(|_| dealt(&plan, &Draw::random().unwrap()));
    for (a, b) in first.iter().zip(&second) {
        let (a, b) = (&a[HEADER_BYTES..], &b[HEADER_BYTES..]);
        let equal = a.iter().zip(b).filter(|(a, b)| a == b).count() as f64;
        let (mean, spread) = (a.len() as f64 / 256.0, (a.len() as f64 / 256.0).sqrt());
        assert!((equal - mean).abs() < 7.0 * spread, "{equal} of {} bytes, {mean} are due", a.len());
        let mut windows: Vec<&[u8]> = a.windows(8).chain(b.windows(8)).collect();
        windows.sort_unstable();
        assert!(windows.windows(2).all(|pair| pair[0] != pair[1]), "eight equal bytes");
    }
}

#[test]
fn every_byte_value_of_a_bundle_is_as_frequent_as_every_other() {
    let plan = plan(Ring::new(32, 12).unwrap(), Rounding::Faithful);
    for bundle in dealt(&plan, &Draw::random().unwrap()) {
        let body = &bundle[HEADER_BYTES..];
        let mut counts = [0.0f64; 256];
        body.iter().for_each(|byte| counts[usize::from(*byte)] += 1.0);
        let mean = body.len() as f64 / 256.0;
        let squares: f64 = counts.iter().map(|count| (count - mean).powi(2) / mean).sum();
        // Chi-square with 255 degrees of freedom: mean 255, standard deviation 22.6.
        assert!(squares < 255.0 + 8.0 * 22.6, "{squares}");
    }
}

#[test]
fn bundles_of_another_seat_program_version_or_length_are_refused() {
    let plan = plan(Ring::new(32, 12).unwrap(), Rounding::Nearby);
    let bundles = dealt(&plan, &Draw::random().unwrap());
    let open = |party, bytes: &[u8]| bundle::open(Kernel::best(), party, &plan, &mut &bytes[..]).map(|_| ());
    assert_eq!(open(Party::ModelOwner, &bundles[0]), Ok(()));
    assert_eq!(open(Party::DataOwner, &bundles[0]), Err(Error::Header));
    assert!(matches!(open(Party::ModelOwner, &bundles[0][..50]), Err(Error::KeysEnd { .. })));
    // Magic, version, seat, program and length; id, permutation and seed may be anything.
    for place in [0, 8, 9, 58, 89, 90, 97] {
        let mut changed = bundles[0].clone();
        changed[place] ^= 1;
        assert_eq!(open(Party::ModelOwner, &changed), Err(Error::Header), "{place}");
    }
}

#[test]
fn a_message_of_another_length_ends_the_run_by_name() {
    let ring = Ring::new(32, 12).unwrap();
    let gate = FunctionSecretSharing.relu(ring, 3, 32, 12, Rounding::Nearby).unwrap();
    let stream = SeedStream::new(Kernel::best(), &Seed::from_bytes([1; 16]));
    let permutation = cowl_mpc::prg::Permutation::new(Kernel::best(), &[2; 16]);
    let seat = Seat::new(Party::ModelOwner, permutation, stream);
    let begin = || match gate.begin(Lane::new(0, 0), &seat, &[0; 3]).unwrap() {
        Turn::Exchange(exchange) => exchange,
        Turn::Done(_) => panic!("a ReLU takes two rounds"),
    };
    let refused = begin().receive(&seat, &mut &[0u8; 700][..], &[0; 11]).map(|_| ());
    assert_eq!(refused, Err(Error::Message { expected: 12, found: 11 }));
    let refused = begin().receive(&seat, &mut &[0u8; 600][..], &[0; 12]).map(|_| ());
    assert_eq!(refused, Err(Error::KeysEnd { missing: 24 }));
    assert!(gate.begin(Lane::new(0, 0), &seat, &[0; 4]).is_err());
}
