//! One inference: both parties' runs through a program, over a channel.
//!
//! # In order
//! 1. Each sends a *greeting*, a digest of what both must have in common: bundle, permutation, set-up, program,
//!    weight commitment, receivers. Nobody goes on after another one.
//! 2. The program, step by step. Each message goes into a running digest, the model owner's before the data
//!    owner's where both send at once: the *transcript*.
//! 3. The *check*: both send the transcript and compare, before any share of an output is sent. A message that was
//!    changed on the way therefore ends the run at both ends, and nobody has learnt anything.
//! 4. Shares of the outputs, to those who receive them, and a second check that covers these, too. What comes last
//!    of all can be lost for one of the two only: that is so for any two parties.
//!
//! # Secure when
//! As the crate's head says. Whoever receives no output sees nothing but uniform numbers: openings under masks
//! that it does not know. Whoever does sees the other's share of it, which is the output less its own.

mod conversation;
mod machine;
mod prepared;

use std::io::Read;

use cowl_model::graph::LayerId;
use cowl_model::{ShapeError, Tensor};

pub use prepared::{prepare, prepared_bytes};

use crate::bundle::Opened;
use crate::channel::{Channel, ChannelError};
use crate::dealing::KeySource;
use crate::error::Error;
use crate::lowering::Protocol;
use crate::ring::Party;
use crate::setup::{ModelWeights, WeightCommitment};
use conversation::Conversation;
use machine::{Machine, Side};
use prepared::Prepared;

/// Bytes of a greeting and of a check.
pub(crate) const CHECK_BYTES: usize = 32;

/// Why a run ended without a result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The bundle or the set-up is for the other party (the caller's fault).
    #[error("this bundle is for the other party")]
    Seat,
    /// The bundle was dealt for another set-up than the weights (the caller's fault, or the dealer's).
    #[error("this bundle was dealt for another set-up: have it dealt for this one")]
    Setup,
    /// What was prepared belongs to another bundle or program (the caller's fault).
    #[error("what was prepared ahead is for another bundle or program: prepare it again")]
    Prepared,
    /// Too few or too many inputs, or of other sizes (the data owner's fault).
    #[error("the program takes {wanted} inputs of its own sizes; these are others")]
    Inputs {
        /// How many it takes.
        wanted: usize,
    },
    /// The peer has another bundle, program, weight commitment or idea of who receives the output.
    #[error("the peer has another bundle, program, weight commitment or receivers: nothing was computed")]
    Greeting,
    /// Messages were changed on the way, or the parties computed different things.
    #[error("the two parties' transcripts differ: messages were changed on the way; nothing came out")]
    Transcript,
    /// The channel.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// A message, bundle or layer that is not as the program says.
    #[error(transparent)]
    Protocol(#[from] Error),
    /// Sizes that do not fit; not for a program that was compiled.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// Who learns the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Receivers {
    /// One of the two.
    Only(Party),
    /// Both.
    Both,
}

impl Receivers {
    /// Whether `party` learns the output.
    pub fn include(self, party: Party) -> bool {
        self == Self::Both || self == Self::Only(party)
    }

    fn code(self) -> u8 {
        Party::BOTH.iter().map(|party| u8::from(self.include(*party)) << party.index()).sum()
    }
}

/// How far a run has come: after each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The layer of the architecture that the step belongs to.
    pub layer: LayerId,
    /// Steps done.
    pub steps: usize,
    /// Steps in all.
    pub of: usize,
    /// Bytes sent since the start.
    pub sent: u64,
    /// Bytes received since the start.
    pub received: u64,
}

/// Who watches a run.
pub trait Observer {
    /// A step is done.
    fn step(&mut self, progress: &Progress);
}

/// Nobody watches.
impl Observer for () {
    fn step(&mut self, _: &Progress) {}
}

/// What both sides of a run are given.
pub struct Session<'a> {
    /// What is computed.
    pub protocol: &'a Protocol,
    /// Who learns the output.
    pub receivers: Receivers,
    /// To the peer.
    pub channel: &'a mut dyn Channel,
    /// Who watches.
    pub observer: &'a mut dyn Observer,
}

/// A run that both parties have checked.
#[derive(Debug)]
pub struct Finished {
    /// The program's outputs, at those who receive them.
    pub outputs: Option<Vec<Tensor<u64>>>,
    /// The digest of everything that was sent; equal at both.
    pub transcript: [u8; 32],
    /// Bytes sent.
    pub sent: u64,
    /// Bytes received.
    pub received: u64,
}

/// The model owner's run. `keys` stands behind the header that was opened; `commitment` is that of `weights`.
///
/// # Errors
/// [`RunError`].
pub fn run_model_owner<'a>(
    session: Session<'a>,
    opened: Opened,
    weights: &'a ModelWeights,
    commitment: &WeightCommitment,
    keys: &'a mut dyn KeySource,
) -> Result<Finished, RunError> {
    if opened.setup() != commitment.setup {
        return Err(RunError::Setup);
    }
    run(session, opened, Side::ModelOwner(weights), commitment, keys)
}

/// The data owner's run. `keys` stands behind the header that was opened; `prepared` is what [`prepare`] wrote for
/// this bundle.
///
/// # Errors
/// [`RunError`].
pub fn run_data_owner<'a>(
    session: Session<'a>,
    opened: Opened,
    inputs: &'a [Tensor<u64>],
    prepared: &'a mut dyn Read,
    keys: &'a mut dyn KeySource,
) -> Result<Finished, RunError> {
    let program = session.protocol.program();
    machine::check_inputs(program, inputs)?;
    let (prepared, commitment) = Prepared::open(&opened, prepared)?;
    run(session, opened, Side::DataOwner(inputs, prepared), &commitment, keys)
}

fn run<'a>(
    session: Session<'a>,
    opened: Opened,
    side: Side<'a>,
    commitment: &WeightCommitment,
    keys: &'a mut dyn KeySource,
) -> Result<Finished, RunError> {
    let Session { protocol, receivers, channel, observer } = session;
    let party = side.party();
    let common = *opened.common();
    let (seat, conversation) = (opened.into_seat(), Conversation::new(party, channel));
    if seat.party() != party {
        return Err(RunError::Seat);
    }
    let mut machine = Machine::new(protocol, seat, side, keys, conversation);
    machine.conversation().greet(&greeting(&common, commitment, receivers))?;
    machine.steps(observer)?;
    machine.finish(receivers)
}

fn greeting(common: &[u8; 32], commitment: &WeightCommitment, receivers: Receivers) -> [u8; CHECK_BYTES] {
    let mut hasher = blake3::Hasher::new_derive_key("cowl/mpc/greeting/v1");
    let parts: [&[u8]; 4] = [common, &commitment.setup.0, &commitment.digest, &[receivers.code()]];
    parts.into_iter().for_each(|part| _ = hasher.update(part));
    *hasher.finalize().as_bytes()
}
