//! Messages in, messages out: how a party goes through a layer, whoever moves the bytes.
//!
//! Both parties send at the same time, one message each a round. Lengths follow from the program; a message
//! of another length ends the run.

use crate::dealing::{Dealer, Delivery, KeySource, Seat};
use crate::error::Error;
use crate::prg::Lane;
use crate::ring::Party;

/// What a party does next.
pub enum Turn {
    /// Send, and wait for the other's message.
    Exchange(Exchange),
    /// Shares of the layer's output.
    Done(Vec<u64>),
}

type Next = Box<dyn FnOnce(&Seat, &mut dyn KeySource, &[u8]) -> Result<Turn, Error> + Send>;

/// One round.
pub struct Exchange {
    message: Vec<u8>,
    expected: usize,
    next: Next,
}

impl Exchange {
    /// What is to be sent.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// How long the other's message is.
    pub fn expected(&self) -> usize {
        self.expected
    }

    /// Goes on with the other's message.
    ///
    /// # Errors
    /// [`Error::Message`] for another length, [`Error::KeysEnd`] when the bundle is too short.
    pub fn receive(self, seat: &Seat, keys: &mut dyn KeySource, message: &[u8]) -> Result<Turn, Error> {
        if message.len() != self.expected {
            return Err(Error::Message { expected: self.expected, found: message.len() });
        }
        (self.next)(seat, keys, message)
    }
}

impl Turn {
    /// A round in which the other's message is as long as one's own.
    pub(crate) fn exchange(
        message: Vec<u8>,
        next: impl FnOnce(&Seat, &mut dyn KeySource, &[u8]) -> Result<Self, Error> + Send + 'static,
    ) -> Self {
        Self::Exchange(Exchange { expected: message.len(), message, next: Box::new(next) })
    }

    /// Goes on where this would be done.
    pub(crate) fn and_then(
        self,
        seat: &Seat,
        next: impl FnOnce(&Seat, Vec<u64>) -> Result<Self, Error> + Send + 'static,
    ) -> Result<Self, Error> {
        match self {
            Self::Done(output) => next(seat, output),
            Self::Exchange(Exchange { message, expected, next: inner }) => {
                let next: Next =
                    Box::new(move |seat, keys, message| inner(seat, keys, message)?.and_then(seat, next));
                Ok(Self::Exchange(Exchange { message, expected, next }))
            }
        }
    }
}

/// A nonlinear layer as a two-party protocol: the dealer's correlation, both parties' rounds, and what it
/// computes.
///
/// Inputs and outputs are shares modulo 2^k. `lane` is the layer's own: the place in the program, purpose 0.
pub trait Gate: Send + Sync {
    /// Values that go in.
    fn inputs(&self) -> usize;

    /// Values that come out.
    fn outputs(&self) -> usize;

    /// Bytes of the correlation, exactly.
    fn key_bytes(&self, party: Party) -> u64;

    /// Bytes that each party sends, a number a round.
    fn message_bytes(&self) -> Vec<usize>;

    /// Writes the correlation.
    ///
    /// # Errors
    /// [`Error::Delivery`].
    fn deal(&self, lane: Lane, dealer: &Dealer, delivery: &mut dyn Delivery) -> Result<(), Error>;

    /// Starts with shares of the inputs.
    ///
    /// # Errors
    /// [`Error::Count`] for another number of inputs.
    fn begin(&self, lane: Lane, seat: &Seat, shares: &[u64]) -> Result<Turn, Error>;

    /// The ideal functionality: what comes out for these inputs with this dealing's masks, bit for bit.
    ///
    /// # Errors
    /// [`Error::Count`] for another number of inputs.
    fn ideal(&self, lane: Lane, dealer: &Dealer, inputs: &[u64]) -> Result<Vec<u64>, Error>;
}
