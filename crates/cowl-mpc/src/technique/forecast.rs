//! What an inference takes: bytes, rounds and time, layer by layer, before anybody consents.
//!
//! Bytes and rounds are exact and follow from the protocol alone, so that every seat makes the same plan. Milliseconds
//! are those of an ordinary core, for orientation; they are the same everywhere, too.

use std::collections::HashMap;

use cowl_domain::OutputReceivers;
use cowl_model::Graph;
use cowl_model::graph::LayerId;
use cowl_model::program::Cost;

use crate::inference::Receivers;
use crate::lowering::Protocol;
use crate::ring::Party;
use crate::setup::MaskedWeights;

/// One value for each of the two who compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sides<T> {
    /// The model owner's.
    pub model_owner: T,
    /// The data owner's.
    pub data_owner: T,
}

impl<T: Copy> From<[T; 2]> for Sides<T> {
    fn from(values: [T; 2]) -> Self {
        let of = |party: Party| values[party.index()];
        Self { model_owner: of(Party::ModelOwner), data_owner: of(Party::DataOwner) }
    }
}

impl Sides<u64> {
    /// Both together.
    pub fn sum(self) -> u64 {
        self.model_owner.saturating_add(self.data_owner)
    }

    fn plus(self, other: Self) -> Self {
        Self {
            model_owner: self.model_owner.saturating_add(other.model_owner),
            data_owner: self.data_owner.saturating_add(other.data_owner),
        }
    }
}

/// What one layer takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerForecast {
    /// Which.
    pub layer: LayerId,
    /// As the model names it.
    pub name: String,
    /// ONNX's operator.
    pub operator: String,
    /// Bytes that the dealer sends for it to each.
    pub dealt: Sides<u64>,
    /// Bytes that each sends.
    pub sent: Sides<u64>,
    /// Rounds between the end of the steps before it and its own.
    pub rounds: u32,
    /// What is computed.
    pub cost: Cost,
}

/// What a run takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// Bytes of each bundle.
    pub dealt: Sides<u64>,
    /// Bytes that each sends while they compute, greeting and checks too.
    pub sent: Sides<u64>,
    /// Bytes of the masked input, within those that the data owner sends.
    pub input_bytes: u64,
    /// Bytes of a receiver's share of the output, within those that the other sends.
    pub output_bytes: u64,
    /// Messages that wait for one another.
    pub rounds: u32,
    /// Bytes of the masked weights, sent once for all runs of one set-up.
    pub setup_bytes: u64,
    /// Milliseconds of computing, both together.
    pub compute_millis: u64,
    /// The layers in the order of the model.
    pub layers: Vec<LayerForecast>,
}

/// Comparisons that a core makes in a millisecond, roughly.
const COMPARISONS_A_MILLI: u64 = 8_000;
/// Multiplications that a core makes in a millisecond, roughly.
const MULTIPLICATIONS_A_MILLI: u64 = 1_000_000;

impl Forecast {
    /// Of a protocol for `graph`, whose output goes to `receivers`.
    pub fn of(graph: &Graph, protocol: &Protocol, receivers: OutputReceivers) -> Self {
        let exact = protocol.forecast(inference_receivers(receivers));
        let program = protocol.program();
        let (mut layers, mut places, mut before) = (Vec::<LayerForecast>::new(), HashMap::new(), 0);
        for (taken, step) in exact.steps.iter().zip(program.steps()) {
            let place = *places.entry(taken.layer).or_insert_with(|| {
                layers.push(LayerForecast::empty(graph, taken.layer));
                layers.len() - 1
            });
            let layer = &mut layers[place];
            layer.dealt = layer.dealt.plus(taken.dealt.into());
            layer.sent = layer.sent.plus(taken.sent.into());
            layer.rounds += taken.rounds.saturating_sub(before);
            layer.cost = layer.cost.plus(program.step_cost(step));
            before = before.max(taken.rounds);
        }
        let number = protocol.ring().bytes() as u64;
        let inputs: u64 = graph.inputs().iter().map(|port| port.shape.count() as u64).sum();
        let (cost, sent) = (program.cost(), Sides::from(exact.sent));
        let work = cost.comparisons + cost.lookups;
        Self {
            dealt: exact.dealt.into(),
            sent,
            input_bytes: (inputs * number).min(sent.data_owner),
            output_bytes: protocol.output_bytes() as u64,
            rounds: exact.rounds,
            setup_bytes: MaskedWeights::bytes(protocol),
            compute_millis: 1
                + 2 * work / COMPARISONS_A_MILLI
                + cost.multiplications / MULTIPLICATIONS_A_MILLI,
            layers,
        }
    }

    /// Bytes of a run over the network, set-up apart.
    pub fn bytes(&self) -> u64 {
        self.dealt.sum().saturating_add(self.sent.sum())
    }
}

impl LayerForecast {
    fn empty(graph: &Graph, layer: LayerId) -> Self {
        let known = &graph.layers()[layer.index()];
        Self {
            layer,
            name: known.name.clone(),
            operator: known.operator.clone(),
            dealt: Sides::default(),
            sent: Sides::default(),
            rounds: 0,
            cost: Cost::default(),
        }
    }
}

/// The receivers as the protocol's runs have them.
pub fn inference_receivers(receivers: OutputReceivers) -> Receivers {
    match receivers {
        OutputReceivers::DataOwner => Receivers::Only(Party::DataOwner),
        OutputReceivers::ModelOwner => Receivers::Only(Party::ModelOwner),
        OutputReceivers::Both => Receivers::Both,
    }
}
