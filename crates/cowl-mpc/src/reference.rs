//! What a run gives, computed in the clear by whoever knows the masks: the ideal functionality of a whole program.

use cowl_model::fixed::Truncation;

use crate::bundle::Layer;
use crate::dealing::Dealer;
use crate::lowering::Protocol;

/// The carries of one dealing, for `cowl_model::fixed::evaluate`: with them it gives what two parties open, bit for
/// bit.
pub struct MaskedTruncation<'a> {
    protocol: &'a Protocol,
    dealer: &'a Dealer,
}

impl<'a> MaskedTruncation<'a> {
    /// Of the run that `dealer` deals.
    pub fn new(protocol: &'a Protocol, dealer: &'a Dealer) -> Self {
        Self { protocol, dealer }
    }
}

impl Truncation for MaskedTruncation<'_> {
    fn truncate(&mut self, step: usize, values: &mut [u64], _: u32, _: cowl_model::Ring) {
        // A function's pieces are exact; what cuts is the last layer of a step, and a ReLU cuts in itself.
        let Some((lane, Layer::Gate(gate))) = self.protocol.layers_of(step).last() else { return };
        let cut = gate.ideal(lane, self.dealer, values).expect("a step's numbers are its layer's inputs");
        values.copy_from_slice(&cut);
    }
}
