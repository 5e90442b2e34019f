//! `cowl-mpc`: what the other party and the dealer send. One small network was run once; every target changes one of the things
//! that went over the wire then.

use std::sync::OnceLock;
use std::time::Duration;

use cowl_domain::OutputRule;
use cowl_model::fixed;
use cowl_model::onnx::NoFiles;
use cowl_model::onnx::builder::Builder;
use cowl_model::{ImportOptions, PublishedModel, Ring, Rounding, Tensor, import};
use cowl_mpc::bundle::{self, BundleId, Draw};
use cowl_mpc::channel::{Channel, ChannelError, MemoryChannel, pair};
use cowl_mpc::inference::{Session, run_data_owner, run_model_owner};
use cowl_mpc::prg::Seed;
use cowl_mpc::rehearsal::Rehearsal;
use cowl_mpc::setup::{MaskedWeights, ModelWeights, WeightCommitment};
use cowl_mpc::technique::{
    Inference, InferenceProgram, InferenceProof, InferenceResult, ResultTensor, RunProof,
};
use cowl_mpc::{Finished, Kernel, Party, Protocol, Receivers, RunError};

/// A run as it went.
pub struct Played {
    /// What was computed.
    pub protocol: Protocol,
    /// The same, as specifications name it.
    pub program: InferenceProgram,
    weights: ModelWeights,
    commitment: WeightCommitment,
    /// What the data owner was given of the weights.
    pub masked: Vec<u8>,
    /// Both parties' bundles, the model owner's first.
    pub bundles: [Vec<u8>; 2],
    prepared: Vec<u8>,
    inputs: Vec<Tensor<u64>>,
    /// What each party heard, the model owner first.
    pub heard: [Vec<u8>; 2],
    /// What came out, at both.
    pub outputs: Vec<Tensor<u64>>,
}

/// The run that all targets change.
pub fn played() -> &'static Played {
    static PLAYED: OnceLock<Played> = OnceLock::new();
    PLAYED.get_or_init(play)
}

/// A network with a layer of each kind.
fn network() -> Vec<u8> {
    let numbers = |count: usize| (0..count).map(|at| (at * 7 % 11) as f32 / 8.0 - 0.6).collect::<Vec<_>>();
    let builder = Builder::new(17).input("x", &[1, 4]).floats("v", &[4, 3], &numbers(12));
    let builder = builder.floats("b", &[3], &numbers(3)).floats("w", &[3, 2], &numbers(6));
    builder
        .node("Gemm", &["x", "v", "b"], &["d"], &[])
        .node("Relu", &["d"], &["r"], &[])
        .node("Sigmoid", &["r"], &["s"], &[])
        .node("Mul", &["s", "r"], &["m"], &[])
        .node("Gemm", &["m", "w"], &["y"], &[])
        .output("y")
        .bytes()
}

fn play() -> Played {
    let model =
        import(&network(), &NoFiles, &ImportOptions::default()).expect("a network of supported layers");
    let (architecture, rounding, classes) = (model.architecture, Rounding::Faithful, Vec::new());
    let published = PublishedModel { architecture, ring: Ring::MENU[0], rounding, classes };
    let inference = Inference::new(&published, OutputRule::Top(1)).expect("it has a program");
    let Inference { graph, protocol, program } = inference;
    let compiled = protocol.program();
    let quantised = fixed::quantise_weights(compiled, &graph, &model.weights).expect("small weights");
    let input =
        Tensor::new(graph.inputs()[0].shape.clone(), vec![0.5, -0.25, 1.0, 0.125]).expect("four numbers");
    let inputs = vec![fixed::quantise_input(compiled, "x", &input).expect("small numbers")];
    let weights = ModelWeights::new(&protocol, quantised.clone()).expect("the program's own weights");
    let rehearsal = Rehearsal::seeded(&protocol, quantised, &Seed::from_bytes([5; 16])).expect("a set-up");
    let draw = Draw::known(BundleId([7; 16]), [8; 16], [9, 10].map(|byte| Seed::from_bytes([byte; 16])));
    let dealt = rehearsal.deal(draw).expect("a bundle");
    let (mut heard, commitment) = ([Vec::new(), Vec::new()], rehearsal.masked().commitment());
    let [here, there] = heard.each_mut();
    let [one, other] = pair(Duration::from_secs(60));
    let channels = [Recorded { inner: one, heard: here }, Recorded { inner: other, heard: there }];
    let [_, ended] = rehearsal.run_over(channels, &dealt, &inputs, Receivers::Both);
    let outputs = ended.expect("both are honest").outputs.expect("both learn the output");
    let mut masked = Vec::new();
    rehearsal.masked().write_to(&protocol, &mut masked).expect("writing to a Vec cannot fail");
    drop(rehearsal);
    let (bundles, prepared) = (dealt.bundles, dealt.prepared);
    Played { protocol, program, weights, commitment, masked, bundles, prepared, inputs, heard, outputs }
}

/// A channel that remembers what came.
struct Recorded<'a> {
    inner: MemoryChannel,
    heard: &'a mut Vec<u8>,
}

impl Channel for Recorded<'_> {
    fn send(&mut self, message: &[u8]) -> Result<(), ChannelError> {
        self.inner.send(message)
    }

    fn receive(&mut self, bytes: usize) -> Result<Vec<u8>, ChannelError> {
        let message = self.inner.receive(bytes)?;
        self.heard.extend_from_slice(&message);
        Ok(message)
    }
}

/// A peer that says what is written down, whatever it hears.
struct Script<'a>(&'a [u8]);

impl Channel for Script<'_> {
    fn send(&mut self, _: &[u8]) -> Result<(), ChannelError> {
        Ok(())
    }

    fn receive(&mut self, bytes: usize) -> Result<Vec<u8>, ChannelError> {
        let (now, later) = self.0.split_at_checked(bytes).ok_or(ChannelError::Closed)?;
        self.0 = later;
        Ok(now.to_vec())
    }
}

impl Played {
    /// One party's run with this bundle, which hears this.
    fn run(&self, party: Party, mut keys: &[u8], heard: &[u8]) -> Result<Finished, RunError> {
        let protocol = &self.protocol;
        let opened = bundle::open(Kernel::best(), party, protocol.plan(), &mut keys)?;
        let (mut channel, receivers) = (Script(heard), Receivers::Both);
        let session = Session { protocol, receivers, channel: &mut channel, observer: &mut () };
        match party {
            Party::ModelOwner => run_model_owner(session, opened, &self.weights, &self.commitment, &mut keys),
            Party::DataOwner => {
                run_data_owner(session, opened, &self.inputs, &mut &self.prepared[..], &mut keys)
            }
        }
    }
}

/// The first byte says whose the rest is.
fn seated(bytes: &[u8]) -> Option<(Party, &[u8])> {
    let (seat, rest) = bytes.split_first()?;
    Some((Party::BOTH[usize::from(seat & 1)], rest))
}

/// What a party hears of its peer: any changed bit ends the run.
pub fn messages(bytes: &[u8]) {
    let Some((party, heard)) = seated(bytes) else { return };
    let played = played();
    let honest = heard.starts_with(&played.heard[party.index()]);
    let ended = played.run(party, &played.bundles[party.index()], heard);
    assert_eq!(ended.is_ok(), honest, "{party:?}: {:?}", ended.err());
}

/// A bundle that nobody has signed: it ends the run or changes nothing.
pub fn bundles(bytes: &[u8]) {
    let Some((party, bundle)) = seated(bytes) else { return };
    let played = played();
    if let Ok(finished) = played.run(party, bundle, &played.heard[party.index()]) {
        assert_eq!(finished.outputs.as_ref(), Some(&played.outputs), "{party:?} has another output");
    }
}

/// Masked weights: others have another commitment.
pub fn set_ups(bytes: &[u8]) {
    let played = played();
    if let Ok(masked) = MaskedWeights::read_from(&played.protocol, &mut &bytes[..]) {
        let mut written = Vec::new();
        masked.write_to(&played.protocol, &mut written).expect("writing to a Vec cannot fail");
        assert_eq!(written, bytes, "two forms of the same masked weights");
        assert_eq!(
            masked.commitment() == played.commitment,
            bytes == played.masked,
            "a commitment to others"
        );
    }
}

/// Programs, proofs and results as they are kept and shown.
pub fn forms(bytes: &[u8]) {
    if let Ok(program) = InferenceProgram::from_bytes(bytes) {
        assert_eq!(program.to_bytes(), bytes, "two forms of one program");
    }
    if let Ok(proof) = InferenceProof::from_bytes(bytes) {
        assert_eq!(proof.to_bytes(), bytes, "two forms of one proof");
    }
    if let Ok(result) = InferenceResult::from_bytes(bytes) {
        assert_eq!(result.to_bytes(), bytes, "two forms of one result");
        assert!(result.outputs().iter().all(|output| output.real().len() == output.numbers.len()));
    }
}

/// A program, a proof of each kind, a result.
pub fn real_forms() -> Vec<Vec<u8>> {
    let played = played();
    let run = RunProof { weights: played.program.architecture, transcript: played.program.protocol };
    let proof = |run| InferenceProof { architecture: played.program.architecture, bundle: [7; 16], run };
    let outputs =
        ResultTensor::all(played.protocol.program(), &played.outputs).expect("the program's outputs");
    let result = InferenceResult::new(outputs, [6; 32]);
    vec![played.program.to_bytes(), proof(None).to_bytes(), proof(Some(run)).to_bytes(), result.to_bytes()]
}
