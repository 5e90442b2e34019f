//! All three roles in one process, a thread for each party: for tests and benches, and to see beforehand what a run
//! gives. Whoever rehearses knows data, weights and masks; nothing here protects anything.

use std::time::Duration;

use cowl_model::Tensor;

use crate::bundle::{self, Draw};
use crate::channel::pair;
use crate::dealing::Writers;
use crate::error::Error;
use crate::inference::{Finished, Receivers, RunError, Session, prepare, run_data_owner, run_model_owner};
use crate::linear::SetupSeed;
use crate::lowering::Protocol;
use crate::prg::{Kernel, Seed};
use crate::ring::Party;
use crate::setup::{MaskedWeights, ModelWeights, SetupError};

/// How long one party waits for the other.
const PATIENCE: Duration = Duration::from_secs(600);

/// Why a rehearsal failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RehearsalError {
    /// The set-up.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The dealer.
    #[error(transparent)]
    Dealing(#[from] Error),
    /// One of the parties.
    #[error("{party:?}: {why}")]
    Run {
        /// Which.
        party: Party,
        /// Why.
        why: RunError,
    },
}

/// A model owner and a data owner who have set up.
pub struct Rehearsal<'a> {
    protocol: &'a Protocol,
    seed: SetupSeed,
    weights: ModelWeights,
    masked: MaskedWeights,
}

/// One dealing, ready to be used.
pub struct Dealt {
    /// What the dealer drew, from which a reference knows the masks.
    pub draw: Draw,
    /// The parties' bundles, the model owner's first.
    pub bundles: [Vec<u8>; 2],
    /// What the data owner prepared.
    pub prepared: Vec<u8>,
}

impl<'a> Rehearsal<'a> {
    /// Sets up with a fresh weight mask.
    ///
    /// # Errors
    /// [`RehearsalError`].
    pub fn new(protocol: &'a Protocol, quantised: Vec<Tensor<u64>>) -> Result<Self, RehearsalError> {
        let seed = SetupSeed::new(Kernel::best(), &Seed::random()?);
        let weights = ModelWeights::new(protocol, quantised)?;
        let masked = weights.masked_by(protocol, &seed)?;
        Ok(Self { protocol, seed, weights, masked })
    }

    /// What the data owner has of the weights.
    pub fn masked(&self) -> &MaskedWeights {
        &self.masked
    }

    /// Deals one run and prepares it.
    ///
    /// # Errors
    /// [`RehearsalError`].
    pub fn deal(&self, draw: Draw) -> Result<Dealt, RehearsalError> {
        let plan = self.protocol.plan();
        let mut bundles =
            Writers(Party::BOTH.map(|party| Vec::with_capacity(plan.bytes(party) as usize + 256)));
        bundle::deal(Kernel::best(), plan, &self.seed, &draw, &mut bundles)?;
        let bundles = bundles.0;
        let party = Party::DataOwner;
        let opened = bundle::open(Kernel::best(), party, plan, &mut &bundles[party.index()][..])?;
        let mut prepared = Vec::new();
        prepare(self.protocol, &self.masked, &opened, &mut prepared)
            .map_err(|why| RehearsalError::Run { party, why })?;
        Ok(Dealt { draw, bundles, prepared })
    }

    /// Both parties' runs.
    ///
    /// # Errors
    /// [`RehearsalError::Run`] of the party that failed first in the order of [`Party::BOTH`].
    pub fn run(
        &self,
        dealt: &Dealt,
        inputs: &[Tensor<u64>],
        receivers: Receivers,
    ) -> Result<[Finished; 2], RehearsalError> {
        let [mut here, mut there] = pair(PATIENCE);
        let protocol = self.protocol;
        let (first, second) = std::thread::scope(|scope| {
            let model_owner = scope.spawn(move || {
                let mut keys = &dealt.bundles[0][..];
                let opened = bundle::open(Kernel::best(), Party::ModelOwner, protocol.plan(), &mut keys)?;
                let session = Session { protocol, receivers, channel: &mut here, observer: &mut () };
                run_model_owner(session, opened, &self.weights, &self.masked.commitment(), &mut keys)
            });
            let data_owner = scope.spawn(move || {
                let mut keys = &dealt.bundles[1][..];
                let opened = bundle::open(Kernel::best(), Party::DataOwner, protocol.plan(), &mut keys)?;
                let session = Session { protocol, receivers, channel: &mut there, observer: &mut () };
                run_data_owner(session, opened, inputs, &mut &dealt.prepared[..], &mut keys)
            });
            (model_owner.join(), data_owner.join())
        });
        let joined = |result: std::thread::Result<Result<Finished, RunError>>, party| {
            let result = result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            result.map_err(|why| RehearsalError::Run { party, why })
        };
        Ok([joined(first, Party::ModelOwner)?, joined(second, Party::DataOwner)?])
    }
}
