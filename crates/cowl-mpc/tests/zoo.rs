//! Networks of the zoo from end to end: dealer, model owner and data owner in one process, bit for bit what the
//! program computes in the clear with the same masks.
#![allow(clippy::unwrap_used, reason = "a test's own steps")]

use cowl_model::fixed::{self, Faithful};
use cowl_model::graph::Telling;
use cowl_model::onnx::NoFiles;
use cowl_model::{ImportOptions, Model, Ring, Rounding, Tensor, compile, import, zoo};
use cowl_mpc::bundle::Draw;
use cowl_mpc::nonlinear::FunctionSecretSharing;
use cowl_mpc::reference::MaskedTruncation;
use cowl_mpc::rehearsal::Rehearsal;
use cowl_mpc::{Kernel, Party, Protocol, Receivers};

struct Case {
    protocol: Protocol,
    weights: Vec<Tensor<u64>>,
    input: Tensor<u64>,
}

fn case(bytes: &[u8], ring: Ring, rounding: Rounding) -> Case {
    case_for(bytes, ring, rounding, Telling::Values)
}

fn case_for(bytes: &[u8], ring: Ring, rounding: Rounding, telling: Telling) -> Case {
    case_of(&import(bytes, &NoFiles, &ImportOptions::default()).unwrap(), ring, rounding, telling)
}

fn case_of(model: &Model, ring: Ring, rounding: Rounding, telling: Telling) -> Case {
    let graph = &model.architecture.telling(telling).unwrap();
    let program = compile(graph, ring, rounding).unwrap();
    let weights = fixed::quantise_weights(&program, graph, &model.weights).unwrap();
    let shape = graph.inputs()[0].shape.clone();
    let image = (0..shape.count()).map(|at| (at * 37 % 101) as f32 / 101.0).collect();
    let input = fixed::quantise_input(&program, "data", &Tensor::new(shape, image).unwrap()).unwrap();
    Case { protocol: Protocol::new(program, &FunctionSecretSharing).unwrap(), weights, input }
}

impl Case {
    /// Runs it, and compares with the reference that knows the masks and with what was forecast.
    fn agrees(&self, receivers: Receivers) {
        let rehearsal = Rehearsal::new(&self.protocol, self.weights.clone()).unwrap();
        let dealt = rehearsal.deal(Draw::random().unwrap()).unwrap();
        let inputs = std::slice::from_ref(&self.input);
        let finished = rehearsal.run(&dealt, inputs, receivers).unwrap();
        let dealer = dealt.draw.dealer(Kernel::best());
        let mut masks = MaskedTruncation::new(&self.protocol, &dealer);
        let program = self.protocol.program();
        let expected = fixed::evaluate(program, inputs, &self.weights, &mut masks).unwrap();
        assert_eq!(finished[0].transcript, finished[1].transcript);
        let forecast = self.protocol.forecast(receivers);
        for party in Party::BOTH {
            let finished = &finished[party.index()];
            let outputs = receivers.include(party).then_some(&expected);
            assert!(finished.outputs.as_ref() == outputs, "{party:?}");
            assert_eq!(finished.sent, forecast.sent[party.index()], "{party:?}");
            assert_eq!(dealt.bundles[party.index()].len() as u64, forecast.dealt[party.index()], "{party:?}");
        }
        if program.rounding() == Rounding::Faithful {
            let clear = fixed::evaluate(program, inputs, &self.weights, &mut Faithful).unwrap();
            assert!(clear == expected);
        }
    }
}

#[test]
fn a_perceptron_runs_between_two_parties_bit_for_bit() {
    for ring in Ring::MENU {
        case(&zoo::perceptron(1), ring, Rounding::Nearby).agrees(Receivers::Only(Party::DataOwner));
    }
    case(&zoo::perceptron(2), Ring::MENU[1], Rounding::Faithful).agrees(Receivers::Both);
}

#[test]
fn lenet_runs_between_two_parties_bit_for_bit() {
    case(&zoo::lenet5(1), Ring::MENU[0], Rounding::Nearby).agrees(Receivers::Only(Party::ModelOwner));
    case(&zoo::lenet5(2), Ring::MENU[2], Rounding::Faithful).agrees(Receivers::Both);
}

#[test]
fn dilated_convolutions_in_three_dimensions_run_between_two_parties_bit_for_bit() {
    let file =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/models/brain_tissue_64.onnx");
    let mut options = ImportOptions::default();
    options.shapes.insert("t1".into(), vec![1, 1, 10, 9, 8]);
    let model = import(&std::fs::read(file).unwrap(), &NoFiles, &options).unwrap();
    case_of(&model, Ring::MENU[1], Rounding::Nearby, Telling::Labels)
        .agrees(Receivers::Only(Party::DataOwner));
}

#[test]
fn the_largest_few_or_the_label_alone_come_out_when_no_more_is_to_be_told() {
    for telling in [Telling::Labels, Telling::Top(1), Telling::Top(3)] {
        let case = case_for(&zoo::perceptron(4), Ring::MENU[0], Rounding::Nearby, telling);
        case.agrees(Receivers::Only(Party::DataOwner));
    }
    // Many lines, classes not along the last axis.
    case(&zoo::unet(16, 1), Ring::MENU[0], Rounding::Nearby).agrees(Receivers::Both);
    let scores = zoo::unet_scores(16, 1);
    for telling in [Telling::Labels, Telling::Top(2)] {
        case_for(&scores, Ring::MENU[0], Rounding::Nearby, telling).agrees(Receivers::Only(Party::DataOwner));
    }
}

#[test]
fn programs_that_tell_more_or_less_are_different_programs() {
    let digest = |telling| {
        *case_for(&zoo::perceptron(4), Ring::MENU[0], Rounding::Nearby, telling).protocol.plan().digest()
    };
    assert_ne!(digest(Telling::Values), digest(Telling::Labels));
    assert_ne!(digest(Telling::Top(1)), digest(Telling::Top(2)));
}

#[test]
fn what_a_run_costs_is_known_beforehand_and_within_the_goals() {
    const MEGABYTE: u64 = 1_000_000;
    let goals = [
        ("perceptron", zoo::perceptron(1), MEGABYTE / 4, 10_000, 8),
        ("lenet5", zoo::lenet5(1), 7 * MEGABYTE, 120_000, 22),
        ("fmri", zoo::fmri(1), 6 * MEGABYTE / 10, MEGABYTE / 2, 12),
        ("cifar", zoo::cifar(1), 120 * MEGABYTE, 22 * MEGABYTE / 10, 40),
    ];
    for (name, bytes, dealt, sent, rounds) in goals {
        let model = import(&bytes, &NoFiles, &ImportOptions::default()).unwrap();
        let program = compile(&model.architecture, Ring::MENU[0], Rounding::Nearby).unwrap();
        let protocol = Protocol::new(program, &FunctionSecretSharing).unwrap();
        let forecast = protocol.forecast(Receivers::Only(Party::DataOwner));
        let sum = |both: [u64; 2]| both.iter().sum::<u64>();
        assert!(sum(forecast.dealt) <= dealt, "{name}: {:?} bytes dealt", forecast.dealt);
        assert!(sum(forecast.sent) <= sent, "{name}: {:?} bytes sent", forecast.sent);
        assert!(forecast.rounds <= rounds, "{name}: {} rounds", forecast.rounds);
    }
}
