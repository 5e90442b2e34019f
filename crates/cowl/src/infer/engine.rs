//! Between the three roles and the mathematics: [`cowl_mpc`] computes, this module hands it bytes.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cowl_crypto::digest::Digest;
use cowl_domain::OutputReceivers;
use cowl_model::{Graph, Tensor, fixed};
use cowl_mpc::bundle::{self, BundleId, Draw, HEADER_BYTES, Opened};
use cowl_mpc::dealing::{StreamedKeys, Writers};
use cowl_mpc::inference::{self, Session};
use cowl_mpc::linear::SetupSeed;
use cowl_mpc::prg::Seed;
use cowl_mpc::ring::unpack;
use cowl_mpc::setup::{MaskedWeights, ModelWeights, WeightCommitment};
use cowl_mpc::technique::{Forecast, Inference, InferenceProgram, ResultTensor};
use cowl_mpc::{Finished, Kernel, Party, Protocol, Receivers, RunError};

use super::error::InferError;
use super::peer::{Link, Wire};
use super::recipe::Recipe;
use super::watch::{LayerDone, Watch};

/// An architecture with its protocol: the same on all three machines.
pub(crate) struct Computation {
    graph: Graph,
    protocol: Protocol,
    program: InferenceProgram,
}

impl Computation {
    /// Compiles a recipe.
    ///
    /// # Errors
    /// [`InferError::Recipe`].
    pub(crate) fn new(recipe: &Recipe) -> Result<Self, InferError> {
        let Inference { graph, protocol, program } = recipe.inference()?;
        Ok(Self { graph, protocol, program })
    }

    /// What the program is known by.
    pub(crate) fn digest(&self) -> Digest {
        Digest::from_bytes(*self.protocol.plan().digest())
    }

    /// The architecture.
    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The program with its layers.
    pub(crate) fn protocol(&self) -> &Protocol {
        &self.protocol
    }

    /// What is computed, as jobs name it.
    pub(crate) fn program(&self) -> &InferenceProgram {
        &self.program
    }

    /// What a run takes.
    pub(crate) fn forecast(&self, learns: OutputReceivers) -> Forecast {
        Forecast::of(&self.graph, &self.protocol, learns)
    }

    /// Bytes of a party's bundle, exactly.
    pub(crate) fn bundle_bytes(&self, seat: Party) -> u64 {
        HEADER_BYTES as u64 + self.protocol.plan().bytes(seat)
    }

    /// Deals one bundle: both halves, the model owner's first, written as they are made.
    ///
    /// # Errors
    /// [`InferError::Engine`].
    pub(crate) fn deal<W: Write>(
        &self,
        draw: &Draw,
        seed: &[u8; 16],
        to: [W; 2],
    ) -> Result<[W; 2], InferError> {
        let kernel = Kernel::best();
        let seed = SetupSeed::new(kernel, &Seed::from_bytes(*seed));
        let mut writers = Writers(to);
        bundle::deal(kernel, self.protocol.plan(), &seed, draw, &mut writers)?;
        Ok(writers.0)
    }

    /// Computes the data owner's part of the layers with weights ahead of time.
    ///
    /// # Errors
    /// [`InferError::Run`] when bundle and weights do not belong together.
    pub(crate) fn prepare(
        &self,
        masked: &MaskedWeights,
        keys: impl Read,
        to: &mut dyn Write,
    ) -> Result<BundleId, InferError> {
        let opened = self.open(Party::DataOwner, &mut StreamedKeys::new(keys))?;
        inference::prepare(&self.protocol, masked, &opened, to)?;
        Ok(opened.id())
    }

    fn open<R: Read>(&self, seat: Party, keys: &mut StreamedKeys<R>) -> Result<Opened, InferError> {
        Ok(bundle::open(Kernel::best(), seat, self.protocol.plan(), keys)?)
    }

    /// The data owner's inputs as the program takes them.
    ///
    /// # Errors
    /// [`InferError::Input`] names the one that does not fit.
    pub(crate) fn quantised(&self, inputs: &[Tensor<f32>]) -> Result<Vec<Tensor<u64>>, InferError> {
        let ports = self.graph.inputs();
        let wanted: Vec<_> = ports.iter().map(|port| &port.shape).collect();
        if wanted != inputs.iter().map(Tensor::shape).collect::<Vec<_>>() {
            let text =
                ports.iter().map(|port| format!("{} of {}", port.name, port.shape)).collect::<Vec<_>>();
            return Err(InferError::Input(format!("the model takes {}", text.join(", "))));
        }
        let program = self.protocol.program();
        let one = |(port, input): (&cowl_model::graph::Port, &Tensor<f32>)| {
            fixed::quantise_input(program, &port.name, input)
                .map_err(|error| InferError::Input(error.to_string()))
        };
        ports.iter().zip(inputs).map(one).collect()
    }

    /// The data owner's run of a bundle that is recorded as used.
    ///
    /// # Errors
    /// [`InferError::Peer`] where the connection has failed, else [`InferError::Run`].
    pub(crate) fn run_data_owner(
        &self,
        link: &mut Link,
        receivers: Receivers,
        inputs: &[Tensor<u64>],
        [mut prepared, keys]: [impl Read; 2],
        watch: &mut Watch<'_>,
    ) -> Result<Outcome, InferError> {
        let mut keys = StreamedKeys::new(keys);
        let opened = self.open(Party::DataOwner, &mut keys)?;
        let (bundle, mut wire) = (opened.id(), Wire::new(link));
        let begun = self.begin(receivers, watch);
        let session = self.session(receivers, &mut wire, watch);
        let finished = inference::run_data_owner(session, opened, inputs, &mut prepared, &mut keys);
        self.end(bundle, wire, finished, watch, begun)
    }

    fn begin(&self, receivers: Receivers, watch: &mut Watch<'_>) -> Instant {
        watch.begin(&self.graph, &self.protocol.forecast(receivers));
        Instant::now()
    }

    fn session<'a>(
        &'a self,
        receivers: Receivers,
        channel: &'a mut Wire<'_>,
        observer: &'a mut Watch<'_>,
    ) -> Session<'a> {
        Session { protocol: &self.protocol, receivers, channel, observer }
    }

    fn end(
        &self,
        bundle: BundleId,
        wire: Wire<'_>,
        finished: Result<Finished, RunError>,
        watch: &mut Watch<'_>,
        begun: Instant,
    ) -> Result<Outcome, InferError> {
        let took = begun.elapsed();
        let masked = wire.first_message().and_then(|message| self.masked_input(message));
        // What exactly has gone wrong with a connection is known here only.
        let finished = wire.end(finished)?;
        Ok(Outcome { masked, ..self.outcome(bundle, finished, watch, took)? })
    }

    /// The numbers of the first input in a message, where that is what it holds.
    fn masked_input(&self, message: &[u8]) -> Option<Vec<u64>> {
        let count = self.graph.inputs().first()?.shape.count();
        unpack(message, count, self.protocol.ring().bits()).ok()
    }

    fn outcome(
        &self,
        bundle: BundleId,
        finished: Finished,
        watch: &mut Watch<'_>,
        took: Duration,
    ) -> Result<Outcome, InferError> {
        let program = self.protocol.program();
        let results =
            finished.outputs.as_ref().map(|outputs| ResultTensor::all(program, outputs)).transpose();
        let results = results.map_err(|error| InferError::Unsettled(error.to_string()))?;
        let name = |outputs: Vec<Tensor<u64>>| {
            let named = program.outputs().iter().zip(outputs);
            let real = |(port, numbers): (&cowl_model::program::ProgramOutput, Tensor<u64>)| {
                (port.name.clone(), fixed::real(program, program.value(port.value), &numbers))
            };
            named.map(real).collect()
        };
        Ok(Outcome {
            bundle,
            outputs: finished.outputs.map(name),
            results,
            masked: None,
            rounds: watch.all_rounds(),
            transcript: Digest::from_bytes(finished.transcript),
            sent: finished.sent,
            received: finished.received,
            layers: watch.end(),
            took,
        })
    }
}

/// A run that both parties have checked.
pub(crate) struct Outcome {
    /// The bundle that was used up.
    pub(crate) bundle: BundleId,
    /// The outputs with their names, where this party receives them.
    pub(crate) outputs: Option<Vec<(String, Tensor<f32>)>>,
    /// The same as they came out, digit for digit.
    pub(crate) results: Option<Vec<ResultTensor>>,
    /// Digest of everything that was sent; equal at both.
    pub(crate) transcript: Digest,
    /// Bytes sent.
    pub(crate) sent: u64,
    /// Bytes received.
    pub(crate) received: u64,
    /// The first input as the data owner sent it: under its mask.
    pub(crate) masked: Option<Vec<u64>>,
    /// Messages that had to be waited for, one after the other, until the output is known and checked.
    pub(crate) rounds: u32,
    /// What each layer took.
    pub(crate) layers: Vec<LayerDone>,
    /// From the first byte to the last.
    pub(crate) took: Duration,
}

/// A model with its weights, at its owner.
pub(crate) struct OwnedModel {
    /// What is computed.
    pub(crate) recipe: Recipe,
    /// The same, compiled.
    pub(crate) computation: Arc<Computation>,
    weights: ModelWeights,
    digest: Digest,
}

impl OwnedModel {
    /// Takes a model's weights, in the order of its architecture.
    ///
    /// # Errors
    /// [`InferError::Input`] when a weight is too large for the ring.
    pub(crate) fn new(recipe: Recipe, weights: &[Tensor<f32>]) -> Result<Self, InferError> {
        let computation = Arc::new(Computation::new(&recipe)?);
        let (program, graph) = (computation.protocol.program(), &computation.graph);
        let digest = Digest::of(&cowl_model::weights::to_bytes(graph, weights));
        let quantised = fixed::quantise_weights(program, graph, weights)
            .map_err(|error| InferError::Input(error.to_string()))?;
        let weights = ModelWeights::new(&computation.protocol, quantised)?;
        Ok(Self { recipe, computation, weights, digest })
    }

    /// Digest of the weights under a set-up's seed: it tells nothing of them to anybody else.
    pub(crate) fn digest(&self, seed: &[u8; 16]) -> [u8; 32] {
        *Digest::of_parts(&[seed, self.digest.as_bytes()]).as_bytes()
    }

    /// W − B.
    ///
    /// # Errors
    /// [`InferError::SetUp`].
    pub(crate) fn masked(&self, seed: &[u8; 16]) -> Result<MaskedWeights, InferError> {
        Ok(self.weights.masked_by(&self.computation.protocol, &set_up_seed(seed))?)
    }

    /// The model owner's run of a bundle that is recorded as used, in a set-up that has this seed and whose masked
    /// weights have this digest.
    ///
    /// # Errors
    /// [`InferError::Peer`] where the connection has failed, else [`InferError::Run`].
    pub(crate) fn run(
        &self,
        link: &mut Link,
        receivers: Receivers,
        (seed, masked): (&[u8; 16], Digest),
        keys: impl Read,
        watch: &mut Watch<'_>,
    ) -> Result<Outcome, InferError> {
        let mut keys = StreamedKeys::new(keys);
        let opened = self.computation.open(Party::ModelOwner, &mut keys)?;
        let commitment = WeightCommitment { setup: set_up_seed(seed).id(), digest: *masked.as_bytes() };
        let (bundle, mut wire) = (opened.id(), Wire::new(link));
        let begun = self.computation.begin(receivers, watch);
        let session = self.computation.session(receivers, &mut wire, watch);
        let finished = inference::run_model_owner(session, opened, &self.weights, &commitment, &mut keys);
        self.computation.end(bundle, wire, finished, watch, begun)
    }
}

fn set_up_seed(seed: &[u8; 16]) -> SetupSeed {
    SetupSeed::new(Kernel::best(), &Seed::from_bytes(*seed))
}

/// Programs that were compiled before, by their recipes.
#[derive(Default)]
pub(crate) struct Computations(Mutex<HashMap<Digest, Arc<Computation>>>);

impl Computations {
    /// The computation of a recipe.
    ///
    /// # Errors
    /// As [`Computation::new`].
    pub(crate) fn get(&self, recipe: &Recipe) -> Result<Arc<Computation>, InferError> {
        let name = Digest::of(&recipe.to_bytes());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(computation) = known.get(&name) {
            return Ok(computation.clone());
        }
        if known.len() >= MOST_KEPT {
            known.clear();
        }
        let computation = Arc::new(Computation::new(recipe)?);
        known.insert(name, computation.clone());
        Ok(computation)
    }
}

/// Programs that are kept compiled; their sizes are those of architectures.
const MOST_KEPT: usize = 16;
