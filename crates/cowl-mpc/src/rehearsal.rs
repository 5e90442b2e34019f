//! All three roles in one process, a thread for each party: for tests and benches, and to see beforehand what a run
//! gives. Whoever rehearses knows data, weights and masks; nothing here protects anything.

use std::time::Duration;

use cowl_model::Tensor;

use crate::bundle::{self, Draw};
use crate::channel::{Channel, pair};
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
        Self::seeded(protocol, quantised, &Seed::random()?)
    }

    /// Sets up with a weight mask that is known.
    ///
    /// # Errors
    /// [`RehearsalError`].
    pub fn seeded(
        protocol: &'a Protocol,
        quantised: Vec<Tensor<u64>>,
        seed: &Seed,
    ) -> Result<Self, RehearsalError> {
        let seed = SetupSeed::new(Kernel::best(), seed);
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
    /// [`RehearsalError::Run`] of the party that failed, the first in the order of [`Party::BOTH`].
    pub fn run(
        &self,
        dealt: &Dealt,
        inputs: &[Tensor<u64>],
        receivers: Receivers,
    ) -> Result<[Finished; 2], RehearsalError> {
        let [first, second] = self.run_over(pair(PATIENCE), dealt, inputs, receivers);
        let failed = |party| move |why| RehearsalError::Run { party, why };
        Ok([first.map_err(failed(Party::ModelOwner))?, second.map_err(failed(Party::DataOwner))?])
    }

    /// Both parties' runs over channels of the caller's, each dropped when its party is done.
    pub fn run_over<C: Channel + Send>(
        &self,
        [mut here, mut there]: [C; 2],
        dealt: &Dealt,
        inputs: &[Tensor<u64>],
        receivers: Receivers,
    ) -> [Result<Finished, RunError>; 2] {
        let protocol = self.protocol;
        let model_owner = move || {
            let mut keys = &dealt.bundles[0][..];
            let opened = bundle::open(Kernel::best(), Party::ModelOwner, protocol.plan(), &mut keys)?;
            let session = Session { protocol, receivers, channel: &mut here, observer: &mut () };
            run_model_owner(session, opened, &self.weights, &self.masked.commitment(), &mut keys)
        };
        let data_owner = move || {
            let mut keys = &dealt.bundles[1][..];
            let opened = bundle::open(Kernel::best(), Party::DataOwner, protocol.plan(), &mut keys)?;
            let session = Session { protocol, receivers, channel: &mut there, observer: &mut () };
            run_data_owner(session, opened, inputs, &mut &dealt.prepared[..], &mut keys)
        };
        let ended = std::thread::scope(|scope| {
            let threads = (scope.spawn(model_owner), scope.spawn(data_owner));
            [threads.0.join(), threads.1.join()]
        });
        ended.map(|ended| ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }
}
