//! What each party, and whoever listens, gets to see: numbers that have nothing to do with data or weights.
#![allow(clippy::unwrap_used, reason = "a test's own steps")]

mod played;

use std::time::Duration;

use cowl_model::graph::Telling;
use cowl_model::{Ring, Rounding, Tensor};
use cowl_mpc::channel::pair;
use cowl_mpc::rehearsal::Rehearsal;
use cowl_mpc::{Party, Receivers};
use played::{Played, Tapped, draw, everything, little, mixed, setup_seed};

const RUNS: u64 = 512;
/// χ² with 15 degrees of freedom is above this once in 10¹⁰.
const FAR: f64 = 80.0;

/// Of each run, the parties' bundles and all that they sent.
struct Seen {
    bundles: [Vec<Vec<u8>>; 2],
    sent: [Vec<Vec<u8>>; 2],
}

/// Many runs of the same inputs and weights, each with a dealing of its own.
fn seen(played: &Played, receivers: Receivers, first: u64) -> Seen {
    let weights = played.weights.clone();
    let rehearsal = Rehearsal::seeded(&played.protocol, weights, &setup_seed(first)).unwrap();
    let mut seen = Seen { bundles: [Vec::new(), Vec::new()], sent: [Vec::new(), Vec::new()] };
    for run in 0..RUNS {
        let dealt = rehearsal.deal(draw(first + run)).unwrap();
        let [(here, first), (there, second)] = pair(Duration::from_secs(60)).map(Tapped::new);
        let ended = rehearsal.run_over([here, there], &dealt, &played.inputs, receivers);
        assert!(ended.iter().all(Result::is_ok));
        for (at, heard) in [first, second].into_iter().enumerate() {
            seen.sent[at].push(std::mem::take(&mut *heard.lock().unwrap()));
            seen.bundles[at].push(dealt.bundles[at].clone());
        }
    }
    seen
}

/// How often each half byte comes, run by run.
fn counts(halves: impl Iterator<Item = u8>) -> [f64; 16] {
    let mut counts = [0.0; 16];
    halves.for_each(|half| counts[usize::from(half & 15)] += 1.0);
    counts
}

fn far_from_even(counts: [f64; 16]) -> f64 {
    let due = counts.iter().sum::<f64>() / 16.0;
    counts.iter().map(|count| (count - due).powi(2) / due).sum()
}

/// Of two samples of equal size.
fn far_from_each_other(one: [f64; 16], other: [f64; 16]) -> f64 {
    let pairs = one.iter().zip(other).filter(|(one, other)| **one + other > 0.0);
    pairs.map(|(one, other)| (one - other).powi(2) / (one + other)).sum()
}

fn every_byte_is_even(played: &Played, receivers: Receivers) {
    let seen = seen(played, receivers, 0);
    for sent in &seen.sent {
        for place in 0..sent[0].len() {
            for shift in [0, 4] {
                let far = far_from_even(counts(sent.iter().map(|run| run[place] >> shift)));
                assert!(far < FAR, "byte {place} of {}: {far}", sent[0].len());
            }
        }
    }
}

#[test]
fn every_byte_that_a_party_sends_is_uniform_over_runs_of_equal_inputs() {
    every_byte_is_even(&everything(Ring::MENU[0], Rounding::Nearby), Receivers::Both);
    every_byte_is_even(&everything(Ring::MENU[3], Rounding::Faithful), Receivers::Only(Party::DataOwner));
}

/// Bytes drawn without knowing anything, as many as a party receives.
fn simulated(length: usize, run: u64) -> Vec<u8> {
    (0..length as u64).map(|at| mixed(run << 32 | at) as u8).collect()
}

/// A party's view is its bundle, what it sends and what it receives. A simulator that knows nothing of the other's
/// secret deals a bundle and draws uniform messages; relations between any two bytes of the view are as frequent.
fn views_are_simulated(played: &Played, other: &Played) {
    let (seen, others) = (
        seen(played, Receivers::Only(Party::DataOwner), 0),
        seen(other, Receivers::Only(Party::DataOwner), 1 << 20),
    );
    let party = Party::ModelOwner;
    let view = |seen: &Seen, run: usize, received: Vec<u8>| {
        let own = [&seen.bundles[party.index()][run][..], &seen.sent[party.index()][run][..]];
        [own[0], own[1], &received[..]].concat()
    };
    let runs = 0..RUNS as usize;
    let received = |seen: &Seen, run: usize| seen.sent[party.other().index()][run].clone();
    let real: Vec<_> = runs.clone().map(|run| view(&seen, run, received(&seen, run))).collect();
    let drawn: Vec<_> =
        runs.map(|run| view(&others, run, simulated(received(&others, run).len(), run as u64))).collect();
    let length = real[0].len();
    let from_peer = length - seen.sent[party.other().index()][0].len();
    for pair in 0..4000u64 {
        let one = from_peer + mixed(3 * pair) as usize % (length - from_peer);
        let other = cowl_mpc::bundle::HEADER_BYTES
            + mixed(3 * pair + 1) as usize % (length - cowl_mpc::bundle::HEADER_BYTES);
        if one == other {
            continue;
        }
        let together = |views: &[Vec<u8>]| counts(views.iter().map(|view| view[one] ^ view[other]));
        let far = far_from_each_other(together(&real), together(&drawn));
        assert!(far < FAR, "bytes {one} and {other} of {length}: {far}");
    }
}

/// The same program with other data.
fn with_other_inputs(played: Played) -> Played {
    let turned = |input: &Tensor<u64>| input.map(|number| number.wrapping_neg());
    Played { inputs: played.inputs.iter().map(turned).collect(), ..played }
}

#[test]
fn the_model_owners_view_can_be_drawn_without_the_data() {
    let make = || everything(Ring::MENU[0], Rounding::Nearby);
    views_are_simulated(&make(), &with_other_inputs(make()));
}

#[test]
fn the_data_owner_receives_what_could_be_drawn_without_the_weights() {
    let make = || everything(Ring::MENU[0], Rounding::Nearby);
    let mut other = make();
    other.weights.iter_mut().for_each(|weight| *weight = weight.map(|number| number.wrapping_neg()));
    let receivers = Receivers::Only(Party::ModelOwner);
    let (one, two) = (seen(&make(), receivers, 0), seen(&other, receivers, 1 << 21));
    let (bundles, received) = (&one.bundles[1], &one.sent[0]);
    let halves = |bundles: &[Vec<u8>], received: &[Vec<u8>], at: usize, place: usize| {
        counts(bundles.iter().zip(received).map(move |(bundle, sent)| bundle[at] ^ sent[place]))
    };
    let header = cowl_mpc::bundle::HEADER_BYTES;
    for pair in 0..4000u64 {
        let place = mixed(5 * pair) as usize % received[0].len();
        let at = header + mixed(5 * pair + 1) as usize % (bundles[0].len() - header);
        let far = far_from_each_other(
            halves(bundles, received, at, place),
            halves(&two.bundles[1], &two.sent[0], at, place),
        );
        assert!(far < FAR, "bytes {at} and {place}: {far}");
    }
}

fn equal_bytes(one: &[u8], other: &[u8]) -> f64 {
    one.iter().zip(other).filter(|(one, other)| one == other).count() as f64
}

#[test]
fn two_set_ups_of_the_same_weights_have_nothing_in_common() {
    let played = little(Telling::Values);
    let mut masked = Vec::new();
    for number in 0..2 {
        let weights = played.weights.clone();
        let rehearsal = Rehearsal::seeded(&played.protocol, weights, &setup_seed(number)).unwrap();
        let mut bytes = Vec::new();
        rehearsal.masked().write_to(&played.protocol, &mut bytes).unwrap();
        masked.push((rehearsal.masked().commitment(), bytes));
    }
    assert_ne!(masked[0].0, masked[1].0);
    assert_ne!(masked[0].0.setup, masked[1].0.setup);
    const HEADER: usize = 9 + 16 + 32;
    let equal = equal_bytes(&masked[0].1[HEADER..], &masked[1].1[HEADER..]);
    let due = (masked[0].1.len() - HEADER) as f64 / 256.0;
    assert!(equal < due + 8.0 * due.sqrt() + 3.0, "{equal} bytes, {due} are due");
}

#[test]
fn a_changed_bias_is_another_commitment_under_the_same_mask() {
    let played = little(Telling::Values);
    let commitment = |weights: Vec<Tensor<u64>>| {
        Rehearsal::seeded(&played.protocol, weights, &setup_seed(0)).unwrap().masked().commitment()
    };
    let first = commitment(played.weights.clone());
    for place in 0..played.weights.len() {
        let mut weights = played.weights.clone();
        weights[place].data_mut()[0] ^= 1;
        assert_ne!(commitment(weights), first, "weight {place}");
    }
    assert_eq!(commitment(played.weights.clone()), first);
}

#[test]
fn two_bundles_of_a_program_share_no_bytes_beyond_chance() {
    let played = everything(Ring::MENU[1], Rounding::Nearby);
    let rehearsal = Rehearsal::new(&played.protocol, played.weights.clone()).unwrap();
    let [one, other] = [1, 2].map(|number| rehearsal.deal(draw(number)).unwrap());
    let header = cowl_mpc::bundle::HEADER_BYTES;
    for (one, other) in one.bundles.iter().zip(&other.bundles) {
        let equal = equal_bytes(&one[header..], &other[header..]);
        let due = (one.len() - header) as f64 / 256.0;
        assert!((equal - due).abs() < 7.0 * due.sqrt(), "{equal} of {} bytes, {due} are due", one.len());
    }
}
