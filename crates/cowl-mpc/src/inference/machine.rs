//! A party on its way through a program: the same steps on both sides, on shares.

use cowl_model::bilinear::Bilinear;
use cowl_model::program::{Linear, Operation, Piece, Spline, Step};
use cowl_model::{Local, Program, Tensor};
use zeroize::{Zeroize, Zeroizing};

use super::conversation::Conversation;
use super::prepared::Prepared;
use super::{Finished, Observer, Progress, Receivers, RunError};
use crate::bundle::Layer;
use crate::dealing::{KeySource, Seat};
use crate::error::Error;
use crate::lowering::{Arrangement, Protocol};
use crate::prg::Lane;
use crate::protocol::{Gate, Turn};
use crate::ring::{Party, pack, packed_bytes, unpack};
use crate::setup::ModelWeights;

/// What one party alone has.
pub(super) enum Side<'a> {
    ModelOwner(&'a ModelWeights),
    DataOwner(&'a [Tensor<u64>], Prepared<'a>),
}

impl Side<'_> {
    pub(super) fn party(&self) -> Party {
        match self {
            Self::ModelOwner(_) => Party::ModelOwner,
            Self::DataOwner(..) => Party::DataOwner,
        }
    }
}

/// Whether these are the program's inputs.
pub(super) fn check_inputs(program: &Program, inputs: &[Tensor<u64>]) -> Result<(), RunError> {
    let wanted = program.steps().iter().filter_map(|step| match step.operation {
        Operation::Input(place) => Some((place, &program.value(step.output).shape)),
        _ => None,
    });
    let count = wanted.clone().map(|(place, _)| place + 1).max().unwrap_or_default();
    let fit =
        wanted.clone().all(|(place, shape)| inputs.get(place).is_some_and(|input| input.shape() == shape));
    if fit && inputs.len() == count { Ok(()) } else { Err(RunError::Inputs { wanted: count }) }
}

/// Shares of one value, wiped when nobody needs them any more.
struct Shares(Tensor<u64>);

impl Drop for Shares {
    fn drop(&mut self) {
        self.0.data_mut().zeroize();
    }
}

/// One party's run.
pub(super) struct Machine<'a> {
    protocol: &'a Protocol,
    seat: Seat,
    side: Side<'a>,
    keys: &'a mut dyn KeySource,
    conversation: Conversation<'a>,
    values: Vec<Option<Shares>>,
    /// Layers with weights that are done.
    linear: usize,
}

impl<'a> Machine<'a> {
    pub(super) fn new(
        protocol: &'a Protocol,
        seat: Seat,
        side: Side<'a>,
        keys: &'a mut dyn KeySource,
        conversation: Conversation<'a>,
    ) -> Self {
        let values = protocol.program().values().iter().map(|_| None).collect();
        Self { protocol, seat, side, keys, conversation, values, linear: 0 }
    }

    pub(super) fn conversation(&mut self) -> &mut Conversation<'a> {
        &mut self.conversation
    }

    /// All steps of the program.
    pub(super) fn steps(&mut self, observer: &mut dyn Observer) -> Result<(), RunError> {
        let program = self.protocol.program();
        let last_uses = program.last_uses();
        for (place, step) in program.steps().iter().enumerate() {
            let output = self.step(place, step)?;
            self.values[step.output.index()] = Some(Shares(output));
            last_uses[place].iter().for_each(|gone| self.values[gone.index()] = None);
            observer.step(&Progress {
                layer: step.layer,
                steps: place + 1,
                of: program.steps().len(),
                sent: self.conversation.sent(),
                received: self.conversation.received(),
            });
        }
        Ok(())
    }

    /// Checks, sends and opens the outputs, and checks again.
    pub(super) fn finish(mut self, receivers: Receivers) -> Result<Finished, RunError> {
        self.keys.finish()?;
        self.conversation.check()?;
        let party = self.seat.party();
        let mine = if receivers.include(party.other()) { self.output_shares() } else { Zeroizing::default() };
        let expected = if receivers.include(party) { self.protocol.output_bytes() } else { 0 };
        let theirs = self.conversation.exchange(&mine, expected)?;
        let transcript = self.conversation.check()?;
        let outputs = if receivers.include(party) { Some(self.opened(&theirs)?) } else { None };
        let (sent, received) = (self.conversation.sent(), self.conversation.received());
        Ok(Finished { outputs, transcript, sent, received })
    }

    fn output_shares(&self) -> Zeroizing<Vec<u8>> {
        let outputs = self.protocol.program().outputs().iter();
        let packed = outputs.flat_map(|output| {
            pack(self.value(output.value.index()).data().iter().copied(), self.protocol.ring().bits())
        });
        Zeroizing::new(packed.collect())
    }

    fn opened(&self, mut theirs: &[u8]) -> Result<Vec<Tensor<u64>>, RunError> {
        let ring = self.protocol.ring();
        let mut outputs = Vec::new();
        for output in self.protocol.program().outputs() {
            let mine = self.value(output.value.index());
            let (now, later) =
                theirs.split_at(packed_bytes(mine.data().len(), ring.bits()).min(theirs.len()));
            let opened = ring.open([mine.data(), &unpack(now, mine.data().len(), ring.bits())?])?;
            outputs.push(Tensor::new(mine.shape().clone(), opened)?);
            theirs = later;
        }
        Ok(outputs)
    }

    fn value(&self, place: usize) -> &Tensor<u64> {
        &self.values[place].as_ref().expect("steps stand in an order in which they can be run").0
    }

    fn operand(&self, step: &Step, place: usize) -> &Tensor<u64> {
        self.value(step.inputs[place].index())
    }

    fn step(&mut self, place: usize, step: &Step) -> Result<Tensor<u64>, RunError> {
        let protocol = self.protocol;
        let mut layers = protocol.layers_of(place);
        match (&step.operation, layers.next()) {
            (Operation::Linear(linear), Some((lane, Layer::Linear(layer)))) => {
                self.linear(lane, layer, linear, step)
            }
            (Operation::Spline(spline), Some(first)) => {
                self.spline(spline, step, [Some(first), layers.next()])
            }
            (Operation::Maximum, Some((lane, Layer::Gate(gate)))) => self.maximum(lane, &**gate, step),
            (_, Some((lane, Layer::Gate(gate)))) => {
                let arrangement = Arrangement::of(protocol.program(), step)?;
                let inputs = Zeroizing::new(self.inputs_of(step, arrangement.as_ref()));
                let output = self.gate(lane, &**gate, &inputs)?;
                let output = match arrangement {
                    Some(arrangement) => arrangement.spread(output),
                    None => output,
                };
                Ok(Tensor::new(protocol.shape(step).clone(), output)?)
            }
            _ => self.alone(step),
        }
    }

    /// A gate's inputs, one operand behind the other, in the order in which the gate takes them.
    fn inputs_of(&self, step: &Step, arrangement: Option<&Arrangement>) -> Vec<u64> {
        if let Some(arrangement) = arrangement {
            return arrangement.apply(self.operand(step, 0).data());
        }
        (0..step.inputs.len()).map(|place| self.operand(step, place).data()).collect::<Vec<_>>().concat()
    }

    fn gate(&mut self, lane: Lane, gate: &dyn Gate, inputs: &[u64]) -> Result<Vec<u64>, RunError> {
        let mut turn = gate.begin(lane, &self.seat, inputs)?;
        loop {
            match turn {
                Turn::Done(output) => return Ok(output),
                Turn::Exchange(exchange) => {
                    let theirs = self.conversation.exchange(exchange.message(), exchange.expected())?;
                    turn = exchange.receive(&self.seat, self.keys, &theirs)?;
                }
            }
        }
    }

    /// Steps that no message is needed for.
    fn alone(&mut self, step: &Step) -> Result<Tensor<u64>, RunError> {
        let shape = self.protocol.shape(step);
        let zeros = || Tensor::filled(shape.clone(), 0);
        let words = |constant: &Tensor<i64>| constant.map(|number| *number as u64);
        Ok(match &step.operation {
            Operation::Input(place) => match &self.side {
                Side::ModelOwner(_) => zeros(),
                Side::DataOwner(inputs, _) => inputs[*place].clone(),
            },
            Operation::Lift(weight) => self.weight(weight.index())?.cloned().unwrap_or_else(zeros),
            Operation::Public(constant) => match self.seat.party() {
                Party::ModelOwner => words(constant),
                Party::DataOwner => zeros(),
            },
            Operation::Local(local) => {
                let operands: Vec<_> = (0..step.inputs.len()).map(|at| self.operand(step, at)).collect();
                local.apply(&operands)?
            }
            Operation::AddPublic(constant) => self.plus_public(self.operand(step, 0), &words(constant))?,
            Operation::MultiplyPublic(constant) => {
                Bilinear::Multiply.apply(self.operand(step, 0), &words(constant))?
            }
            Operation::Interpolate(interpolation) => interpolation.apply(self.operand(step, 0))?,
            Operation::AddWeight(weight) => match self.weight(weight.index())? {
                Some(weight) => Local::Add.apply(&[self.operand(step, 0), weight])?,
                None => self.operand(step, 0).clone(),
            },
            _ => return Err(Error::Sizes { what: "a step without its layer" }.into()),
        })
    }

    /// The model owner adds what both know.
    fn plus_public(&self, value: &Tensor<u64>, constant: &Tensor<u64>) -> Result<Tensor<u64>, RunError> {
        Ok(match self.seat.party() {
            Party::ModelOwner => Local::Add.apply(&[value, constant])?,
            Party::DataOwner => value.clone(),
        })
    }

    /// The model owner's weight that is added; `None` at the data owner.
    fn weight(&self, place: usize) -> Result<Option<&Tensor<u64>>, RunError> {
        match &self.side {
            Side::ModelOwner(weights) => {
                let missing = Error::Count { what: "weights that are added", expected: 1, found: 0 };
                Ok(Some(weights.added(place).ok_or(missing)?))
            }
            Side::DataOwner(..) => Ok(None),
        }
    }

    fn linear(
        &mut self,
        lane: Lane,
        layer: &crate::linear::Linear,
        linear: &Linear,
        step: &Step,
    ) -> Result<Tensor<u64>, RunError> {
        let shape = self.protocol.shape(step).clone();
        let place = self.linear;
        self.linear += 1;
        let share = &self.values[step.inputs[0].index()].as_ref().expect("steps stand in order").0;
        match &mut self.side {
            Side::DataOwner(_, prepared) => {
                self.conversation.send(&layer.request(lane, &self.seat, share.data())?)?;
                let share = prepared.next(layer.map().output(), self.protocol.ring().bits())?;
                Ok(Tensor::new(shape, share)?)
            }
            Side::ModelOwner(weights) => {
                let missing = Error::Count { what: "layers with weights", expected: place + 1, found: place };
                let factors = weights.factors(place).ok_or(missing)?;
                let request = self.conversation.receive(layer.message_bytes())?;
                let answer = layer.answer(factors, share.data(), &request, self.keys)?;
                let product = Tensor::new(shape, answer)?;
                let Some(bias) = linear.bias else { return Ok(product) };
                let bias = self.weight(bias.index())?;
                Ok(bias.map_or_else(|| Ok(product.clone()), |bias| Local::Add.apply(&[&product, bias]))?)
            }
        }
    }

    /// max(a, b) = b + max(a − b, 0)
    fn maximum(&mut self, lane: Lane, gate: &dyn Gate, step: &Step) -> Result<Tensor<u64>, RunError> {
        let (first, second) = (self.operand(step, 0), self.operand(step, 1));
        let above = Local::Subtract.apply(&[first, second])?;
        let above = Tensor::new(above.shape().clone(), self.gate(lane, gate, above.data())?)?;
        Ok(Local::Add.apply(&[&above, self.operand(step, 1)])?)
    }

    /// The pieces and the truncation behind them; one piece alone needs no comparison.
    fn spline(
        &mut self,
        spline: &Spline,
        step: &Step,
        layers: [Option<(Lane, &Layer)>; 2],
    ) -> Result<Tensor<u64>, RunError> {
        let input = self.operand(step, 0).clone();
        let mut shares = match spline.pieces.as_slice() {
            [piece] => self.line(&input, piece)?.into_data(),
            _ => input.into_data(),
        };
        for (lane, layer) in layers.into_iter().flatten() {
            if let Layer::Gate(gate) = layer {
                shares = self.gate(lane, &**gate, &shares)?;
            }
        }
        Ok(Tensor::new(self.protocol.shape(step).clone(), shares)?)
    }

    fn line(&self, input: &Tensor<u64>, piece: &Piece) -> Result<Tensor<u64>, RunError> {
        let product = input.map(|share| share.wrapping_mul(piece.slope as u64));
        self.plus_public(&product, &Tensor::scalar(piece.offset as u64))
    }
}
