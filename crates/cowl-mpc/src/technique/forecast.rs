//! What an inference takes: bytes, rounds and time, layer by layer, before anybody consents.
//!
//! The figures follow from the program alone, so that every seat makes the same plan.

use cowl_model::program::{Cost, Operation, Piece, Spline, Step};
use cowl_model::{Graph, Program, Rounding};

use super::told::output_numbers;
use crate::bundle::HEADER_BYTES;
use crate::error::Error;
use crate::nonlinear::{Family, FunctionSecretSharing, Line, Rounding as Cut, Want};
use crate::protocol::Gate;
use crate::ring::{Party, Ring};

/// One value for each of the two who compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sides<T> {
    /// The model owner's.
    pub model_owner: T,
    /// The data owner's.
    pub data_owner: T,
}

/// What one layer takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerForecast {
    /// As the model names it.
    pub name: String,
    /// ONNX's operator.
    pub operator: String,
    /// Bytes that the dealer sends for it.
    pub dealt: Sides<u64>,
    /// Bytes that each sends.
    pub sent: Sides<u64>,
    /// Messages that wait for one another.
    pub rounds: u32,
    /// What is computed.
    pub cost: Cost,
}

/// What a run takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// Bytes of each bundle.
    pub dealt: Sides<u64>,
    /// Bytes that each sends while they compute.
    pub sent: Sides<u64>,
    /// Bytes of the masked input, within those that the data owner sends.
    pub input_bytes: u64,
    /// Bytes of a receiver's share of the output.
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
/// Values of which the price of one is told.
const SAMPLE: usize = 1 << 10;

impl Forecast {
    /// Of a program, priced by the gates that the default family makes for its steps.
    ///
    /// # Errors
    /// [`Error`] where a step is beyond what the gates can do.
    pub fn of(graph: &Graph, program: &Program) -> Result<Self, Error> {
        let prices = Prices::new(program)?;
        let mut layers: Vec<(cowl_model::graph::LayerId, LayerForecast)> = Vec::new();
        for step in program.steps() {
            let one = prices.step(program, step);
            match layers.iter_mut().find(|(known, _)| *known == step.layer) {
                Some((_, known)) => known.add(&one),
                None => {
                    let layer = &graph.layers()[step.layer.index()];
                    let (name, operator) = (layer.name.clone(), layer.operator.clone());
                    layers.push((step.layer, LayerForecast { name, operator, ..one }));
                }
            }
        }
        let mut total = LayerForecast::empty();
        layers.iter().for_each(|(_, layer)| total.add(layer));
        let bytes = |numbers: u64| numbers * prices.bytes;
        let inputs = graph.inputs().iter().map(|port| port.shape.count() as u64).sum();
        let work = total.cost.comparisons + total.cost.lookups;
        let header = HEADER_BYTES as u64;
        Ok(Self {
            dealt: Sides {
                model_owner: total.dealt.model_owner + header,
                data_owner: total.dealt.data_owner + header,
            },
            sent: total.sent,
            input_bytes: bytes(inputs).min(total.sent.data_owner),
            output_bytes: bytes(output_numbers(program)),
            rounds: total.rounds,
            setup_bytes: bytes(program.weights().iter().map(|weight| weight.shape.count() as u64).sum()),
            compute_millis: 1
                + 2 * work / COMPARISONS_A_MILLI
                + total.cost.multiplications / MULTIPLICATIONS_A_MILLI,
            layers: layers.into_iter().map(|(_, layer)| layer).collect(),
        })
    }

    /// Bytes of a run over the network, set-up apart.
    pub fn bytes(&self) -> u64 {
        let Self { dealt, sent, .. } = self;
        dealt.model_owner + dealt.data_owner + sent.model_owner + sent.data_owner
    }
}

impl LayerForecast {
    fn empty() -> Self {
        Self {
            name: String::new(),
            operator: String::new(),
            dealt: Sides::default(),
            sent: Sides::default(),
            rounds: 0,
            cost: Cost::default(),
        }
    }

    fn add(&mut self, other: &Self) {
        self.dealt.model_owner += other.dealt.model_owner;
        self.dealt.data_owner += other.dealt.data_owner;
        self.sent.model_owner += other.sent.model_owner;
        self.sent.data_owner += other.sent.data_owner;
        self.rounds += other.rounds;
        self.cost = self.cost.plus(other.cost);
    }
}

/// What a value costs in a gate, in parts of [`SAMPLE`].
struct Price {
    dealt: Sides<u64>,
    sent: u64,
    rounds: u32,
}

impl Price {
    fn of(gate: &dyn Gate) -> Self {
        let messages = gate.message_bytes();
        Self {
            dealt: Sides {
                model_owner: gate.key_bytes(Party::ModelOwner),
                data_owner: gate.key_bytes(Party::DataOwner),
            },
            sent: messages.iter().map(|&bytes| bytes as u64).sum(),
            rounds: u32::try_from(messages.len()).unwrap_or(u32::MAX),
        }
    }

    fn times(&self, count: u64, levels: u32) -> LayerForecast {
        let part = |bytes: u64| bytes.saturating_mul(count).div_ceil(SAMPLE as u64);
        LayerForecast {
            dealt: Sides {
                model_owner: part(self.dealt.model_owner),
                data_owner: part(self.dealt.data_owner),
            },
            sent: Sides { model_owner: part(self.sent), data_owner: part(self.sent) },
            rounds: self.rounds * levels,
            ..LayerForecast::empty()
        }
    }
}

struct Prices {
    bytes: u64,
    relu: Price,
    truncate: Price,
    pair: Price,
    ring: Ring,
}

impl Prices {
    fn new(program: &Program) -> Result<Self, Error> {
        let (bits, fraction) = (program.ring().bits(), program.ring().fraction());
        let ring = Ring::new(bits, fraction)?;
        let cut = match program.rounding() {
            Rounding::Nearby => Cut::Nearby,
            Rounding::Faithful => Cut::Faithful,
        };
        let family = FunctionSecretSharing;
        Ok(Self {
            bytes: ring.bytes() as u64,
            relu: Price::of(&*family.relu(ring, SAMPLE, bits, fraction, cut)?),
            truncate: Price::of(&*family.truncate(ring, SAMPLE, fraction, cut)?),
            pair: Price::of(&*family.largest(ring, SAMPLE, 2, bits, Want::Value)?),
            ring,
        })
    }

    fn step(&self, program: &Program, step: &Step) -> LayerForecast {
        let cost = program.step_cost(step);
        let count = program.value(step.output).shape.count() as u64;
        let levels = |size: usize| usize::BITS - size.saturating_sub(1).leading_zeros();
        let input = || program.value(step.inputs[0]).shape.count();
        let priced = match &step.operation {
            Operation::Linear(_) => self.linear(input() as u64, count),
            Operation::Product(_) => self.linear(2 * input() as u64, count),
            Operation::Truncate(_) => self.truncate.times(count, 1),
            Operation::Relu { .. } => self.relu.times(count, 1),
            Operation::Maximum => self.pair.times(count, 1),
            Operation::MaxPool(window) => {
                self.pair.times(cost.comparisons, levels(window.kernel.iter().product()))
            }
            Operation::Largest(axis) | Operation::ArgMax { axis, .. } => {
                let size = program.value(step.inputs[0]).shape.size(*axis);
                self.pair.times(cost.comparisons, levels(size))
            }
            Operation::Spline(spline) => self.spline(spline, count),
            _ => LayerForecast::empty(),
        };
        LayerForecast { cost, ..priced }
    }

    /// The data owner opens what goes in; the data owner's share of what comes out is dealt.
    fn linear(&self, inputs: u64, outputs: u64) -> LayerForecast {
        LayerForecast {
            dealt: Sides { model_owner: outputs * self.bytes, data_owner: 0 },
            sent: Sides { model_owner: 0, data_owner: inputs * self.bytes },
            rounds: 1,
            ..LayerForecast::empty()
        }
    }

    fn spline(&self, spline: &Spline, count: u64) -> LayerForecast {
        let line = |piece: &Piece| Line { slope: piece.slope, offset: piece.offset };
        let lines: Vec<Line> = spline.pieces.iter().map(line).collect();
        let gate = FunctionSecretSharing.piecewise(self.ring, SAMPLE, &spline.knots, &lines);
        // Without knots it is one line, which each applies to its share.
        let mut made = gate.map_or_else(|_| LayerForecast::empty(), |gate| Price::of(&*gate).times(count, 1));
        made.add(&self.truncate.times(count, 1));
        made
    }
}
