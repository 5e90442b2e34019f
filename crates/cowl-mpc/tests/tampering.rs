//! What a network, a disk or a peer can do to a run: it ends by name at both ends, and no wrong result comes out.
#![allow(clippy::unwrap_used, reason = "a test's own steps")]

mod played;

use std::time::Duration;

use cowl_model::graph::Telling;
use cowl_mpc::bundle::{self, HEADER_BYTES};
use cowl_mpc::channel::{Channel, ChannelError, MemoryChannel, pair};
use cowl_mpc::dealing::{Digests, KeySource, VerifiedKeys, Writers};
use cowl_mpc::inference::{RunError, Session, run_data_owner, run_model_owner};
use cowl_mpc::linear::SetupSeed;
use cowl_mpc::rehearsal::{Dealt, Rehearsal};
use cowl_mpc::setup::{MaskedWeights, ModelWeights, SetupError};
use cowl_mpc::{Error, Kernel, Party, Receivers};
use played::{Played, Tapped, draw, little, setup_seed};

const PATIENCE: Duration = Duration::from_secs(20);
const CHECK: usize = 32;

fn rehearsal(played: &Played) -> Rehearsal<'_> {
    Rehearsal::seeded(&played.protocol, played.weights.clone(), &setup_seed(0)).unwrap()
}

#[test]
fn one_bit_changed_in_any_message_ends_the_run_at_both_ends() {
    for receivers in [Receivers::Only(Party::DataOwner), Receivers::Only(Party::ModelOwner), Receivers::Both]
    {
        let played = little(Telling::Labels);
        let rehearsal = rehearsal(&played);
        let dealt = rehearsal.deal(draw(1)).unwrap();
        let run = |changed: [Option<usize>; 2]| {
            let [here, there] = pair(PATIENCE);
            let channels = [Tapped::changing(here, changed[0]), Tapped::changing(there, changed[1])];
            rehearsal.run_over(channels, &dealt, &played.inputs, receivers)
        };
        let whole = run([None, None]).map(Result::unwrap);
        for sender in Party::BOTH {
            let sent = whole[sender.index()].sent as usize;
            for place in 0..sent {
                let mut changed = [None; 2];
                changed[sender.index()] = Some(place);
                let ended = run(changed);
                assert!(ended[sender.other().index()].is_err(), "{sender:?}'s byte {place} passed");
                // Of what comes last of all, its sender cannot know whether it came.
                let own = &ended[sender.index()];
                assert!(own.is_err() || place >= sent - CHECK, "{sender:?} did not notice byte {place}");
                if let Ok(own) = own {
                    assert_eq!(own.outputs, whole[sender.index()].outputs);
                }
            }
        }
    }
}

#[test]
fn a_message_that_is_changed_before_the_check_keeps_every_share_of_the_output_back() {
    let played = little(Telling::Values);
    let rehearsal = rehearsal(&played);
    let dealt = rehearsal.deal(draw(1)).unwrap();
    let [here, there] = pair(PATIENCE);
    let (here, heard) = Tapped::new(here);
    // The first byte behind the greeting.
    let channels = [here, Tapped::changing(there, Some(CHECK))];
    let ended = rehearsal.run_over(channels, &dealt, &played.inputs, Receivers::Only(Party::DataOwner));
    assert!(matches!(ended[0], Err(RunError::Transcript)), "{:?}", ended[0]);
    assert!(ended[1].is_err());
    let whole = played.protocol.forecast(Receivers::Only(Party::DataOwner)).sent[0] as usize;
    let (output, second_check) = (3 * 4, CHECK);
    assert_eq!(heard.lock().unwrap().len(), whole - output - second_check);
}

#[test]
fn a_bit_changed_anywhere_in_a_bundle_is_found_before_an_output_is_sent() {
    let played = little(Telling::Values);
    let (protocol, seed) = (&played.protocol, SetupSeed::new(Kernel::best(), &setup_seed(0)));
    let mut delivery = Digests::new(Writers([Vec::new(), Vec::new()]));
    bundle::deal(Kernel::best(), protocol.plan(), &seed, &draw(1), &mut delivery).unwrap();
    let (Writers(bundles), digests) = delivery.finish();
    let whole = rehearsal(&played).deal(draw(1)).unwrap();
    assert!(bundles == whole.bundles);
    let weights = ModelWeights::new(protocol, played.weights.clone()).unwrap();
    let commitment = weights.masked_by(protocol, &seed).unwrap().commitment();
    let (weights, receivers) = (&weights, Receivers::Only(Party::DataOwner));
    let run = |changed: [Vec<u8>; 2]| {
        let [mut here, mut there] = pair(PATIENCE);
        let open = |party: Party, keys: &mut dyn KeySource| {
            bundle::open(Kernel::best(), party, protocol.plan(), keys)
        };
        std::thread::scope(|scope| {
            let [first, second] = &changed;
            let model_owner = scope.spawn(move || {
                let mut keys = VerifiedKeys::new(&first[..], digests[0]);
                let opened = open(Party::ModelOwner, &mut keys)?;
                let session = Session { protocol, receivers, channel: &mut here, observer: &mut () };
                run_model_owner(session, opened, weights, &commitment, &mut keys)
            });
            let data_owner = {
                let mut keys = VerifiedKeys::new(&second[..], digests[1]);
                let opened = open(Party::DataOwner, &mut keys).map_err(RunError::from);
                let session = Session { protocol, receivers, channel: &mut there, observer: &mut () };
                let mut prepared = &whole.prepared[..];
                opened.and_then(|opened| {
                    run_data_owner(session, opened, &played.inputs, &mut prepared, &mut keys)
                })
            };
            drop(there);
            [model_owner.join().unwrap(), data_owner]
        })
    };
    assert!(run(bundles.clone()).iter().all(Result::is_ok));
    for party in Party::BOTH {
        let length = bundles[party.index()].len();
        for place in (0..HEADER_BYTES).chain((HEADER_BYTES..length).step_by(7)) {
            let mut changed = bundles.clone();
            changed[party.index()][place] ^= 1 << (place % 8);
            assert!(run(changed).iter().all(Result::is_err), "{party:?}: byte {place}");
        }
    }
}

#[test]
fn parties_with_different_bundles_set_ups_or_receivers_part_at_once() {
    let played = little(Telling::Values);
    let first = rehearsal(&played);
    let [one, other] = [1, 2].map(|number| first.deal(draw(number)).unwrap());
    let receivers = Receivers::Both;
    let mixed = Dealt {
        draw: draw(1),
        bundles: [one.bundles[0].clone(), other.bundles[1].clone()],
        prepared: other.prepared,
    };
    let ended = first.run_over(pair(PATIENCE), &mixed, &played.inputs, receivers);
    assert!(ended.iter().any(|ended| matches!(ended, Err(RunError::Greeting))));
    assert!(ended.iter().all(Result::is_err));
    let second = Rehearsal::seeded(&played.protocol, played.weights.clone(), &setup_seed(9)).unwrap();
    let [model_owner, data_owner] = second.run_over(pair(PATIENCE), &one, &played.inputs, receivers);
    assert!(matches!(model_owner, Err(RunError::Setup)));
    assert!(data_owner.is_err());
    let stale = Dealt {
        draw: draw(1),
        bundles: one.bundles.clone(),
        prepared: second.deal(draw(1)).unwrap().prepared,
    };
    let [_, data_owner] = first.run_over(pair(PATIENCE), &stale, &played.inputs, receivers);
    assert!(matches!(data_owner, Err(RunError::Prepared)));
}

/// Ends, or keeps silent, or gives another length, at some byte.
struct Failing {
    inner: MemoryChannel,
    left: usize,
    how: How,
}

#[derive(Clone, Copy)]
enum How {
    Close,
    Silence,
    Short,
}

impl Channel for Failing {
    fn send(&mut self, message: &[u8]) -> Result<(), ChannelError> {
        self.inner.send(message)
    }

    fn receive(&mut self, bytes: usize) -> Result<Vec<u8>, ChannelError> {
        if bytes <= self.left {
            self.left -= bytes;
            return self.inner.receive(bytes);
        }
        match self.how {
            How::Close => Err(ChannelError::Closed),
            How::Silence => Err(ChannelError::TimedOut),
            How::Short => self.inner.receive(bytes - 1),
        }
    }
}

#[test]
fn a_peer_that_ends_keeps_silent_or_sends_another_length_ends_the_run_by_name() {
    let played = little(Telling::Values);
    let rehearsal = rehearsal(&played);
    let dealt = rehearsal.deal(draw(3)).unwrap();
    let sent = played.protocol.forecast(Receivers::Both).sent[0] as usize;
    for how in [How::Close, How::Silence, How::Short] {
        for left in 0..sent {
            let [here, there] = pair(PATIENCE);
            let all = usize::MAX;
            let channels = [Failing { inner: here, left: all, how }, Failing { inner: there, left, how }];
            let [model_owner, data_owner] =
                rehearsal.run_over(channels, &dealt, &played.inputs, Receivers::Both);
            assert!(data_owner.is_err(), "after {left} bytes");
            match (how, data_owner.unwrap_err()) {
                (How::Close, RunError::Channel(ChannelError::Closed))
                | (How::Silence, RunError::Channel(ChannelError::TimedOut))
                | (How::Short, RunError::Protocol(Error::Message { .. })) => {}
                (_, other) => panic!("{other}"),
            }
            assert!(model_owner.is_err() || left >= sent - CHECK);
        }
    }
}

#[test]
fn inputs_and_weights_of_another_program_are_refused_before_anything_is_sent() {
    let played = little(Telling::Values);
    let rehearsal = rehearsal(&played);
    let dealt = rehearsal.deal(draw(4)).unwrap();
    let wrong = [played::tensor(&[1, 5], vec![0; 5])];
    for inputs in [&wrong[..], &[]] {
        let [here, there] = pair(PATIENCE);
        let ((here, _), (there, heard)) = (Tapped::new(here), Tapped::new(there));
        let ended = rehearsal.run_over([here, there], &dealt, inputs, Receivers::Both);
        assert!(matches!(ended[1], Err(RunError::Inputs { .. })));
        assert!(ended[0].is_err() && heard.lock().unwrap().is_empty());
    }
    let few = played.weights[1..].to_vec();
    assert!(matches!(ModelWeights::new(&played.protocol, few), Err(SetupError::Weights { .. })));
}

#[test]
fn masked_weights_come_back_from_their_bytes_and_from_no_others() {
    let (played, other) = (little(Telling::Values), little(Telling::Labels));
    let rehearsal = rehearsal(&played);
    let (protocol, mut bytes) = (&played.protocol, Vec::new());
    rehearsal.masked().write_to(protocol, &mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, MaskedWeights::bytes(protocol));
    let read = |bytes: &[u8]| MaskedWeights::read_from(protocol, &mut &bytes[..]);
    assert_eq!(read(&bytes).unwrap().commitment(), rehearsal.masked().commitment());
    assert!(matches!(read(&bytes[..bytes.len() - 1]), Err(SetupError::Malformed)));
    assert!(matches!(read(&[&bytes[..], &[0]].concat()), Err(SetupError::Malformed)));
    assert!(MaskedWeights::read_from(&other.protocol, &mut &bytes[..]).is_err());
    // A changed weight is another commitment.
    *bytes.last_mut().unwrap() ^= 1;
    assert_ne!(read(&bytes).unwrap().commitment(), rehearsal.masked().commitment());
}
