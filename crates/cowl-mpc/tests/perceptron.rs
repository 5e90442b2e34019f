//! A perceptron 784-128-128-10 from end to end: dealer, model owner and data owner in one process, bit for
//! bit what the program computes in the clear with the same masks.
#![allow(clippy::unwrap_used, reason = "a test's own steps")]

use std::sync::Arc;

use cowl_mpc::bundle::{self, Draw, HEADER_BYTES, Layer, Plan};
use cowl_mpc::dealing::{Dealer, KeySource, Seat, Writers};
use cowl_mpc::linear::{Dense, Layout, Linear, SetupSeed, Weights};
use cowl_mpc::nonlinear::{Family, FunctionSecretSharing, Rounding, Want};
use cowl_mpc::prg::{Lane, Seed, SeedStream};
use cowl_mpc::protocol::{Exchange, Gate, Turn};
use cowl_mpc::{Error, Kernel, Party, Ring};

const SIZES: [usize; 4] = [784, 128, 128, 10];

/// A generator for weights and inputs, good enough for tests.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        let mixed = (self.0 ^ self.0 >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed ^ mixed >> 29
    }

    /// Fixed-point numbers between −`bound` and `bound`, in units of the last bit.
    fn signed(&mut self, ring: Ring, count: usize, bound: u64) -> Vec<u64> {
        (0..count).map(|_| ring.reduce((self.next() % (2 * bound)).wrapping_sub(bound))).collect()
    }
}

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

struct Model {
    ring: Ring,
    weights: Vec<Weights>,
    clear: Vec<Vec<u64>>,
    biases: Vec<Vec<u64>>,
}

fn model(ring: Ring) -> Model {
    let mut numbers = Numbers(1);
    let unit = 1 << ring.fraction();
    let pairs: Vec<[usize; 2]> = SIZES.windows(2).map(|pair| [pair[0], pair[1]]).collect();
    let clear: Vec<Vec<u64>> = pairs.iter().map(|[a, b]| numbers.signed(ring, a * b, unit / 8)).collect();
    let biases = pairs.iter().map(|[_, b]| numbers.signed(ring, *b, unit * unit / 4)).collect();
    let weights = clear.iter().map(|numbers| Weights::new(ring, numbers.clone())).collect();
    Model { ring, weights, clear, biases }
}

/// What the program computes in the clear with a dealing's masks; all values on the way.
fn reference(plan: &Plan, model: &Model, dealer: &Dealer, input: &[u64]) -> Vec<Vec<u64>> {
    let mut values = vec![input.to_vec()];
    let mut weights = model.clear.iter().zip(&model.biases);
    for (lane, layer) in plan.layers() {
        let before = values.last().unwrap();
        values.push(match layer {
            Layer::Linear(linear) => {
                let (weights, bias) = weights.next().unwrap();
                let product = linear.map().wide(weights, before);
                product.iter().zip(bias).map(|(a, b)| model.ring.reduce(a.wrapping_add(*b))).collect()
            }
            Layer::Gate(gate) => gate.ideal(lane, dealer, before).unwrap(),
        });
    }
    values
}

/// Both parties, with what is left of their bundles.
struct Parties<'a> {
    seats: [Seat; 2],
    keys: [&'a [u8]; 2],
    sent: usize,
    rounds: usize,
}

impl Parties<'_> {
    fn linear(
        &mut self,
        lane: Lane,
        layer: &Linear,
        model: &Model,
        place: usize,
        shares: &[Vec<u64>; 2],
    ) -> [Vec<u64>; 2] {
        let setup = setup();
        let difference = model.weights[place].minus(&setup.mask(layer, lane)).unwrap();
        let prepared = layer.prepare(lane, &self.seats[1], &difference).unwrap();
        let message = layer.request(lane, &self.seats[1], &shares[1]).unwrap();
        self.sent += message.len();
        self.rounds += 1;
        let mut answer =
            layer.answer(&model.weights[place], &shares[0], &message, &mut self.keys[0]).unwrap();
        for (value, bias) in answer.iter_mut().zip(&model.biases[place]) {
            *value = model.ring.reduce(value.wrapping_add(*bias));
        }
        [answer, prepared]
    }

    fn gate(&mut self, lane: Lane, gate: &dyn Gate, shares: &[Vec<u64>; 2]) -> [Vec<u64>; 2] {
        let mut turns: [Turn; 2] =
            std::array::from_fn(|at| gate.begin(lane, &self.seats[at], &shares[at]).unwrap());
        loop {
            turns = match turns {
                [Turn::Done(a), Turn::Done(b)] => return [a, b],
                [Turn::Exchange(a), Turn::Exchange(b)] => self.exchange(a, b),
                _ => panic!("one party is done and the other is not"),
            }
        }
    }

    fn exchange(&mut self, a: Exchange, b: Exchange) -> [Turn; 2] {
        let messages = [a.message().to_vec(), b.message().to_vec()];
        self.sent += messages.iter().map(Vec::len).sum::<usize>();
        self.rounds += 1;
        let [first, second] = &mut self.keys;
        let a = a.receive(&self.seats[0], first as &mut dyn KeySource, &messages[1]).unwrap();
        let b = b.receive(&self.seats[1], second as &mut dyn KeySource, &messages[0]).unwrap();
        [a, b]
    }
}

fn setup() -> SetupSeed {
    SetupSeed::new(Kernel::best(), &Seed::from_bytes([8; 16]))
}

fn dealt(plan: &Plan, draw: &Draw) -> [Vec<u8>; 2] {
    let mut writers = Writers([Vec::new(), Vec::new()]);
    bundle::deal(Kernel::best(), plan, &setup(), draw, &mut writers).unwrap();
    writers.0
}

fn two_party_run_is_the_reference(bits: u32, fraction: u32, rounding: Rounding) {
    let ring = Ring::new(bits, fraction).unwrap();
    let (plan, model) = (plan(ring, rounding), model(ring));
    let draw = Draw::random().unwrap();
    let bundles = dealt(&plan, &draw);
    let mut keys = bundles.each_ref().map(|bundle| &bundle[..]);
    let seats = Party::BOTH
        .map(|party| bundle::open(Kernel::best(), party, &plan, &mut keys[party.index()]).unwrap().1);
    let mut parties = Parties { seats, keys, sent: 0, rounds: 0 };
    let input: Vec<u64> = Numbers(2).signed(ring, SIZES[0], 1 << fraction);
    let expected = reference(&plan, &model, &draw.dealer(Kernel::best()), &input);
    let mut shares = [vec![0; input.len()], input];
    let mut linear = 0;
    for ((lane, layer), expected) in plan.layers().zip(&expected[1..]) {
        shares = match layer {
            Layer::Linear(layer) => {
                linear += 1;
                parties.linear(lane, layer, &model, linear - 1, &shares)
            }
            Layer::Gate(gate) => parties.gate(lane, &**gate, &shares),
        };
        assert_eq!(ring.open([&shares[0], &shares[1]]).unwrap(), *expected);
    }
    assert!(parties.keys.iter().all(|rest| rest.is_empty()), "keys are left over");
    if bits == 32 {
        let dealt: usize = bundles.iter().map(Vec::len).sum();
        assert!(dealt < 250_000 && parties.sent < 10_000, "{dealt} bytes dealt, {} sent", parties.sent);
        // One for each layer with weights, two a ReLU, one for the last truncation, two for each of four levels.
        assert_eq!(parties.rounds, 3 + 4 + 1 + 8);
    }
}

#[test]
fn with_nearby_truncation_two_parties_compute_the_reference_bit_for_bit() {
    two_party_run_is_the_reference(32, 10, Rounding::Nearby);
    two_party_run_is_the_reference(64, 24, Rounding::Nearby);
}

#[test]
fn with_faithful_truncation_two_parties_compute_the_reference_bit_for_bit() {
    two_party_run_is_the_reference(40, 15, Rounding::Faithful);
    two_party_run_is_the_reference(48, 18, Rounding::Faithful);
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
    for place in [0, 8, 9, 42, 73, 74, 81] {
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
