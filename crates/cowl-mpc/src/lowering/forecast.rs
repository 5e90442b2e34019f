//! What a run will send, byte for byte, and how often somebody has to wait.

use cowl_model::graph::LayerId;

use super::Protocol;
use crate::bundle::Layer;
use crate::inference::{CHECK_BYTES, Receivers};
use crate::ring::{Party, packed_bytes};

/// What one step costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepForecast {
    /// For which layer of the architecture.
    pub layer: LayerId,
    /// Bytes that each party sends, the model owner first.
    pub sent: [u64; 2],
    /// Bytes of each party's correlations.
    pub dealt: [u64; 2],
    /// Rounds until this step is done at both, counted from the start.
    pub rounds: u32,
}

/// What a run costs, exactly.
///
/// A *round* is a message that could not be sent before another had come: the longest chain of such messages.
/// With a network that takes t from one party to the other, a run takes rounds · t and the time to compute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// The program's steps, in order.
    pub steps: Vec<StepForecast>,
    /// Bytes that each party sends in all, the model owner first: greeting, checks and the output's shares too.
    pub sent: [u64; 2],
    /// Bytes of each party's bundle, header and all.
    pub dealt: [u64; 2],
    /// Rounds until the output is known and checked at those who receive it.
    pub rounds: u32,
}

/// For each party, how many messages it had to wait for, one after the other.
#[derive(Clone, Copy, Default)]
struct Clocks([u32; 2]);

impl Clocks {
    fn send(&mut self, from: Party) {
        let [from, to] = [from.index(), 1 - from.index()];
        self.0[to] = self.0[to].max(self.0[from] + 1);
    }

    fn exchange(&mut self) {
        let [a, b] = self.0;
        self.0 = [a.max(b + 1), b.max(a + 1)];
    }

    /// The check before the output, its shares, and the check behind them.
    fn until_known(mut self, receivers: Receivers) -> u32 {
        self.exchange();
        match receivers {
            Receivers::Only(party) => {
                self.send(party.other());
                self.0[party.index()]
            }
            Receivers::Both => {
                self.exchange();
                self.exchange();
                self.latest()
            }
        }
    }

    fn latest(self) -> u32 {
        self.0[0].max(self.0[1])
    }
}

impl Protocol {
    /// What a run will cost when the output goes to `receivers`.
    pub fn forecast(&self, receivers: Receivers) -> Forecast {
        let mut clocks = Clocks::default();
        let steps: Vec<StepForecast> =
            (0..self.program().steps().len()).map(|step| self.step_forecast(step, &mut clocks)).collect();
        let of_steps = |party: usize| steps.iter().map(|step| step.sent[party]).sum::<u64>();
        let sent = Party::BOTH.map(|party| {
            let output = if receivers.include(party.other()) { self.output_bytes() } else { 0 };
            of_steps(party.index()) + 3 * CHECK_BYTES as u64 + output as u64
        });
        let dealt = Party::BOTH.map(|party| crate::bundle::HEADER_BYTES as u64 + self.plan().bytes(party));
        let rounds = clocks.until_known(receivers);
        Forecast { steps, sent, dealt, rounds }
    }

    /// Bytes of all outputs' shares.
    pub(crate) fn output_bytes(&self) -> usize {
        let count =
            |output: &cowl_model::program::ProgramOutput| self.program().value(output.value).shape.count();
        self.program().outputs().iter().map(|output| packed_bytes(count(output), self.ring().bits())).sum()
    }

    fn step_forecast(&self, step: usize, clocks: &mut Clocks) -> StepForecast {
        let (mut sent, mut dealt) = ([0; 2], [0; 2]);
        for (_, layer) in self.layers_of(step) {
            for party in Party::BOTH {
                dealt[party.index()] += layer.key_bytes(party);
            }
            match layer {
                Layer::Linear(linear) => {
                    sent[Party::DataOwner.index()] += linear.message_bytes() as u64;
                    clocks.send(Party::DataOwner);
                }
                Layer::Gate(gate) => {
                    for bytes in gate.message_bytes() {
                        sent.iter_mut().for_each(|sent| *sent += bytes as u64);
                        clocks.exchange();
                    }
                }
            }
        }
        let layer = self.program().steps()[step].layer;
        StepForecast { layer, sent, dealt, rounds: clocks.latest() }
    }
}
