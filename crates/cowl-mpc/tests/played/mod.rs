//! Small programs with every kind of step, dealings that come again, and channels that listen or meddle.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::sync::{Arc, Mutex};

use cowl_model::fixed;
use cowl_model::graph::Telling;
use cowl_model::onnx::NoFiles;
use cowl_model::onnx::builder::{Builder, int, ints};
use cowl_model::{ImportOptions, Ring, Rounding, Shape, Tensor, compile, import};
use cowl_mpc::Protocol;
use cowl_mpc::bundle::{BundleId, Draw};
use cowl_mpc::channel::{Channel, ChannelError, MemoryChannel};
use cowl_mpc::nonlinear::FunctionSecretSharing;
use cowl_mpc::prg::Seed;

/// A program with what both owners bring to it.
pub(crate) struct Played {
    pub(crate) protocol: Protocol,
    pub(crate) weights: Vec<Tensor<u64>>,
    pub(crate) inputs: Vec<Tensor<u64>>,
}

fn numbers(count: usize, scale: f32) -> Vec<f32> {
    (0..count).map(|at| scale * ((at * 89 + 31) % 64) as f32 / 64.0 - scale / 2.0).collect()
}

fn played(builder: Builder, ring: Ring, rounding: Rounding, telling: Telling) -> Played {
    let model = import(&builder.bytes(), &NoFiles, &ImportOptions::default()).unwrap();
    let graph = &model.architecture.telling(telling).unwrap();
    let program = compile(graph, ring, rounding).unwrap();
    let weights = fixed::quantise_weights(&program, graph, &model.weights).unwrap();
    let input = |port: &cowl_model::graph::Port| {
        let data = Tensor::new(port.shape.clone(), numbers(port.shape.count(), 2.0)).unwrap();
        fixed::quantise_input(&program, &port.name, &data).unwrap()
    };
    let inputs = graph.inputs().iter().map(input).collect();
    Played { protocol: Protocol::new(program, &FunctionSecretSharing).unwrap(), weights, inputs }
}

/// Every kind of layer, eight images at a time so that no byte is filled up with zeros.
pub(crate) fn everything(ring: Ring, rounding: Rounding) -> Played {
    let pool = [ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])];
    let builder = Builder::new(17)
        .input("x", &[8, 1, 4, 4])
        .input("second", &[8, 2, 2, 2])
        .floats("filter", &[2, 1, 3, 3], &numbers(18, 1.0))
        .floats("bias", &[2], &[0.5, -0.25])
        .floats("scale", &[2, 1, 1], &[0.75, -0.5])
        .floats("matrix", &[8, 4], &numbers(32, 1.0))
        .node("Conv", &["x", "filter", "bias"], &["c"], &[ints("pads", &[1, 1, 1, 1])])
        .node("Relu", &["c"], &["r"], &[])
        .node("MaxPool", &["r"], &["p"], &pool)
        .node("Mul", &["p", "second"], &["m"], &[])
        .node("Max", &["m", "p"], &["l"], &[])
        .node("Sigmoid", &["l"], &["s"], &[])
        .node("Mul", &["s", "scale"], &["b"], &[])
        .node("Flatten", &["b"], &["f"], &[])
        .node("MatMul", &["f", "matrix"], &["y"], &[])
        .node("ArgMax", &["y"], &["label"], &[int("axis", 1)])
        .output("y")
        .places("label");
    played(builder, ring, rounding, Telling::Values)
}

/// A perceptron of few numbers: short messages.
pub(crate) fn little(telling: Telling) -> Played {
    let builder = Builder::new(17)
        .input("x", &[1, 6])
        .floats("w1", &[6, 5], &numbers(30, 1.0))
        .floats("b1", &[5], &numbers(5, 1.0))
        .floats("w2", &[5, 3], &numbers(15, 1.0))
        .node("Gemm", &["x", "w1", "b1"], &["h"], &[])
        .node("Relu", &["h"], &["r"], &[])
        .node("MatMul", &["r", "w2"], &["y"], &[])
        .output("y");
    played(builder, Ring::MENU[0], Rounding::Nearby, telling)
}

/// splitmix64 (Steele, Lea, Flood 2014).
pub(crate) fn mixed(number: u64) -> u64 {
    let number = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

fn sixteen(number: u64) -> [u8; 16] {
    (u128::from(mixed(2 * number)) << 64 | u128::from(mixed(2 * number + 1))).to_le_bytes()
}

/// The same dealing for the same number.
pub(crate) fn draw(number: u64) -> Draw {
    let part = |at: u64| sixteen(8 * number + at);
    Draw::known(BundleId(part(0)), part(1), [Seed::from_bytes(part(2)), Seed::from_bytes(part(3))])
}

pub(crate) fn setup_seed(number: u64) -> Seed {
    Seed::from_bytes(sixteen(u64::MAX / 4 - number))
}

pub(crate) fn tensor(sizes: &[usize], numbers: Vec<u64>) -> Tensor<u64> {
    Tensor::new(Shape::new(sizes).unwrap(), numbers).unwrap()
}

/// What a party sends.
pub(crate) type Heard = Arc<Mutex<Vec<u8>>>;

/// A channel on which somebody listens, and changes a bit of what is sent.
pub(crate) struct Tapped {
    inner: MemoryChannel,
    heard: Heard,
    changed: Option<usize>,
}

impl Tapped {
    pub(crate) fn new(inner: MemoryChannel) -> (Self, Heard) {
        let heard = Heard::default();
        (Self { inner, heard: heard.clone(), changed: None }, heard)
    }

    /// A bit of the byte at `place` of all that is sent is turned.
    pub(crate) fn changing(inner: MemoryChannel, place: Option<usize>) -> Self {
        Self { changed: place, ..Self::new(inner).0 }
    }
}

impl Channel for Tapped {
    fn send(&mut self, message: &[u8]) -> Result<(), ChannelError> {
        let mut heard = self.heard.lock().unwrap();
        let start = heard.len();
        heard.extend_from_slice(message);
        let place = self.changed.filter(|place| (start..heard.len()).contains(place));
        let mut message = message.to_vec();
        if let Some(place) = place {
            message[place - start] ^= 1 << (place % 8);
        }
        self.inner.send(&message)
    }

    fn receive(&mut self, bytes: usize) -> Result<Vec<u8>, ChannelError> {
        self.inner.receive(bytes)
    }
}
