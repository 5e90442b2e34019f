//! ONNX's own backend tests, each run between two parties: as `cowl_model`'s, with a dealer, a model owner and a data
//! owner in place of the reference.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]
#![allow(clippy::print_stdout, reason = "xtask reads what was left out, and why")]

#[path = "../../cowl-model/tests/backend/mod.rs"]
mod backend;

use backend::{Runner, at_least};
use cowl_model::{Program, Ring, Tensor, fixed};
use cowl_mpc::bundle::Draw;
use cowl_mpc::nonlinear::FunctionSecretSharing;
use cowl_mpc::reference::MaskedTruncation;
use cowl_mpc::rehearsal::Rehearsal;
use cowl_mpc::{Kernel, Protocol, Receivers};

#[test]
fn two_parties_pass_onnx_own_tests() {
    at_least(370, Runner::Fixed(Ring::new(64, 24).unwrap(), between_two_parties));
}

/// What both parties open, which must be what the reference computes with the same masks.
fn between_two_parties(
    program: Program,
    inputs: &[Tensor<u64>],
    weights: &[Tensor<u64>],
) -> Result<Vec<Tensor<u64>>, String> {
    let protocol = Protocol::new(program, &FunctionSecretSharing).map_err(|error| error.to_string())?;
    let rehearsal = Rehearsal::new(&protocol, weights.to_vec()).map_err(|error| error.to_string())?;
    let dealt = rehearsal.deal(Draw::random().unwrap()).map_err(|error| error.to_string())?;
    let [model_owner, data_owner] =
        rehearsal.run(&dealt, inputs, Receivers::Both).map_err(|error| error.to_string())?;
    let dealer = dealt.draw.dealer(Kernel::best());
    let mut masks = MaskedTruncation::new(&protocol, &dealer);
    let expected = fixed::evaluate(protocol.program(), inputs, weights, &mut masks);
    let expected = expected.map_err(|error| error.to_string())?;
    let opened = data_owner.outputs.unwrap();
    if model_owner.outputs.as_ref() != Some(&opened) || model_owner.transcript != data_owner.transcript {
        return Err("the two parties opened different outputs".into());
    }
    if opened == expected { Ok(opened) } else { Err("the reference with these masks computes others".into()) }
}
