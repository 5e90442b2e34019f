//! Runs a layer with both parties in one process, and its ideal functionality beside it.

use crate::bundle::{BundleId, Draw};
use crate::dealing::{Dealer, KeySource, Seat, Writers};
use crate::prg::{Kernel, Lane, Permutation, Seed, SeedStream};
use crate::protocol::{Exchange, Gate, Turn};
use crate::ring::{Party, Ring};

/// The layer's, as if it were the fourth of a program.
fn lane() -> Lane {
    Lane::new(3, 0)
}

/// Numbers that differ from run to run.
pub(crate) fn drawn(run: u8, count: usize) -> Vec<u64> {
    SeedStream::new(Kernel::best(), &Seed::from_bytes([run ^ 0x55; 16])).numbers(Lane::new(9, 9), 0, count)
}

fn seeds(run: u8) -> [Seed; 2] {
    [Seed::from_bytes([run; 16]), Seed::from_bytes([run ^ 0x80; 16])]
}

/// The dealer of a run.
pub(crate) fn dealer(run: u8) -> Dealer {
    Draw::known(BundleId([run; 16]), [run; 16], seeds(run)).dealer(Kernel::best())
}

fn seat(run: u8, party: Party) -> Seat {
    let stream = SeedStream::new(Kernel::best(), &seeds(run)[party.index()]);
    Seat::new(party, Permutation::new(Kernel::best(), &[run; 16]), stream)
}

/// Both parties' bytes of a layer.
pub(crate) fn dealt(gate: &dyn Gate, run: u8) -> [Vec<u8>; 2] {
    let mut writers = Writers([Vec::new(), Vec::new()]);
    gate.deal(lane(), &dealer(run), &mut writers).unwrap();
    let bundles = writers.0;
    for party in Party::BOTH {
        assert_eq!(bundles[party.index()].len() as u64, gate.key_bytes(party), "{party:?}");
    }
    bundles
}

/// What came out, and all messages.
pub(crate) struct Ran {
    pub(crate) output: Vec<u64>,
    pub(crate) messages: Vec<Vec<u8>>,
}

/// Runs a layer on shares of `inputs`; lengths of keys and messages are checked on the way.
pub(crate) fn run(gate: &dyn Gate, ring: Ring, run: u8, inputs: &[u64]) -> Ran {
    let random = drawn(run.wrapping_add(100), inputs.len());
    let others: Vec<u64> = inputs.iter().zip(&random).map(|(x, r)| ring.other_share(*x, *r)).collect();
    let bundles = dealt(gate, run);
    let mut keys = bundles.each_ref().map(|bundle| &bundle[..]);
    let seats = Party::BOTH.map(|party| seat(run, party));
    let shares = [random, others];
    let mut turns: [Turn; 2] = std::array::from_fn(|at| gate.begin(lane(), &seats[at], &shares[at]).unwrap());
    let mut messages = Vec::new();
    loop {
        turns = match turns {
            [Turn::Done(a), Turn::Done(b)] => {
                assert!(keys.iter().all(|rest| rest.is_empty()), "keys are left over");
                let lengths: Vec<usize> = messages.chunks(2).map(|pair: &[Vec<u8>]| pair[0].len()).collect();
                assert_eq!(lengths, gate.message_bytes());
                assert_eq!(a.len(), gate.outputs());
                return Ran { output: ring.open([&a, &b]).unwrap(), messages };
            }
            [Turn::Exchange(a), Turn::Exchange(b)] => {
                let sent = [a.message().to_vec(), b.message().to_vec()];
                let turns = exchange([a, b], &seats, &mut keys, &sent);
                messages.extend(sent);
                turns
            }
            _ => panic!("one party is done and the other is not"),
        }
    }
}

fn exchange(
    [a, b]: [Exchange; 2],
    seats: &[Seat; 2],
    [first, second]: &mut [&[u8]; 2],
    sent: &[Vec<u8>; 2],
) -> [Turn; 2] {
    let a = a.receive(&seats[0], first as &mut dyn KeySource, &sent[1]).unwrap();
    let b = b.receive(&seats[1], second as &mut dyn KeySource, &sent[0]).unwrap();
    [a, b]
}

/// The ideal functionality with the same masks.
pub(crate) fn ideal(gate: &dyn Gate, run: u8, inputs: &[u64]) -> Vec<u64> {
    gate.ideal(lane(), &dealer(run), inputs).unwrap()
}

/// A run gives what the ideal functionality gives; hands that back.
pub(crate) fn agree(gate: &dyn Gate, ring: Ring, number: u8, inputs: &[u64]) -> Vec<u64> {
    let ran = run(gate, ring, number, inputs);
    assert_eq!(ran.output, ideal(gate, number, inputs));
    ran.output
}

/// All rings of the menu.
pub(crate) fn rings() -> [Ring; 4] {
    [(32, 12), (40, 15), (48, 18), (64, 24)].map(|(bits, fraction)| Ring::new(bits, fraction).unwrap())
}

/// Numbers of every size with either sign, |x| < 2^bits, the borders among them.
pub(crate) fn numbers(ring: Ring, run: u8, count: usize, bits: u32) -> Vec<u64> {
    let borders = [0, 1, -1, (1i64 << bits) - 1, 1 - (1i64 << bits), 4096, -4096, 4095, -4095];
    let random = drawn(run, count).into_iter().map(|number| {
        let magnitude = (number >> 8 & ((1 << bits) - 1)) as i64 >> (number & 31).min(u64::from(bits));
        if number & 32 == 0 { magnitude } else { -magnitude }
    });
    borders.into_iter().chain(random).take(count).map(|number| ring.reduce(number as u64)).collect()
}
