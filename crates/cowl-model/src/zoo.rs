//! Networks of the literature with seeded weights, for benches and tests where no trained weights can be had; and one
//! whose stand-in was trained ([`fmri_trained`]).
//!
//! Seeded weights mean nothing; shapes and costs are those of the real ones. All are ONNX files, so that other
//! programs run the very same.

mod trained;

pub use trained::{NotCompact, fmri_trained};

use crate::onnx::builder::{Builder, int, ints};
use crate::onnx::messages::AttributeProto;

/// Numbers of the layers of the classifier of resting-state networks.
const FMRI_SIZES: [usize; 5] = [45 * 54 * 45, 200, 200, 200, 58];

/// A perceptron for 28×28 images: 784–128–128–10, ReLU.
pub fn perceptron(seed: u64) -> Vec<u8> {
    layers(&[784, 128, 128, 10], seed)
}

/// The published classifier of resting-state networks: 109,350–200–200–200–58, ReLU, over a map of 45×54×45.
pub fn fmri(seed: u64) -> Vec<u8> {
    layers(&FMRI_SIZES, seed)
}

/// LeNet-5 (LeCun and others, 1998) with ReLU and max pooling, for 28×28 images.
pub fn lenet5(seed: u64) -> Vec<u8> {
    Growing::new(&[1, 1, 28, 28], seed)
        .convolution(1, 6, 5, 2)
        .relu()
        .pool("MaxPool")
        .convolution(6, 16, 5, 0)
        .relu()
        .pool("MaxPool")
        .flatten()
        .dense(400, 120)
        .relu()
        .dense(120, 84)
        .relu()
        .dense(84, 10)
        .bytes()
}

/// A convolutional network for 32×32 colour images with 128,000 comparisons, in the manner of VGG.
pub fn cifar(seed: u64) -> Vec<u8> {
    let pair = |growing: Growing, from: usize, to: usize| {
        growing.convolution(from, to, 3, 1).relu().convolution(to, to, 3, 1).relu()
    };
    let growing = pair(Growing::new(&[1, 3, 32, 32], seed), 3, 32).pool("AveragePool");
    let growing = pair(growing, 32, 64).pool("AveragePool");
    let growing = pair(growing, 64, 128).convolution(128, 128, 3, 1).relu().pool("AveragePool");
    let growing = pair(growing, 128, 128).pool("AveragePool").flatten();
    growing.dense(512, 1024).relu().dense(1024, 10).bytes()
}

/// A U-Net (Ronneberger and others, 2015) for gray images of `side`×`side`, four levels, eight channels at the
/// first, two classes; gives labels.
pub fn unet(side: usize, seed: u64) -> Vec<u8> {
    let growing = u_shaped(side, seed).labels();
    growing.builder.places(&growing.last).bytes()
}

/// The same without the last step: two scores a pixel.
pub fn unet_scores(side: usize, seed: u64) -> Vec<u8> {
    u_shaped(side, seed).bytes()
}

fn u_shaped(side: usize, seed: u64) -> Growing {
    const LEVELS: usize = 4;
    let width = |level: usize| 8 << level;
    let mut growing = Growing::new(&[1, 1, side as i64, side as i64], seed);
    let mut skipped = Vec::new();
    let mut from = 1;
    for level in 0..LEVELS {
        growing = growing.convolution(from, width(level), 3, 1).relu();
        growing = growing.convolution(width(level), width(level), 3, 1).relu();
        from = width(level);
        if level + 1 < LEVELS {
            skipped.push(growing.last.clone());
            growing = growing.pool("MaxPool");
        }
    }
    for level in (0..LEVELS - 1).rev() {
        growing = growing.raise(from, width(level)).beside(&skipped[level]);
        growing = growing.convolution(2 * width(level), width(level), 3, 1).relu();
        growing = growing.convolution(width(level), width(level), 3, 1).relu();
        from = width(level);
    }
    growing.convolution(from, 2, 1, 0)
}

fn layers(sizes: &[usize], seed: u64) -> Vec<u8> {
    let mut growing = Growing::new(&[1, sizes[0] as i64], seed);
    for (place, pair) in sizes.windows(2).enumerate() {
        growing = if place > 0 { growing.relu() } else { growing };
        growing = growing.dense(pair[0], pair[1]);
    }
    growing.bytes()
}

/// A network to which one layer after the other is added.
struct Growing {
    builder: Builder,
    last: String,
    count: usize,
    state: u64,
}

impl Growing {
    fn new(input: &[i64], seed: u64) -> Self {
        Self { builder: Builder::new(17).input("x", input), last: "x".into(), count: 0, state: seed }
    }

    /// splitmix64 (Steele, Lea, Flood 2014), as a number between −1 and 1.
    fn random(&mut self) -> f32 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    /// Uniform weights that keep the variance from layer to layer (He and others, 2015), and small biases.
    fn weights(&mut self, sizes: &[usize], inputs: usize, outputs: usize) -> [String; 2] {
        let scale = (6.0 / inputs as f32).sqrt();
        let names = [format!("w{}", self.count), format!("b{}", self.count)];
        let weights: Vec<f32> = (0..sizes.iter().product()).map(|_| scale * self.random()).collect();
        let biases: Vec<f32> = (0..outputs).map(|_| 0.1 * self.random()).collect();
        let sizes: Vec<i64> = sizes.iter().map(|&size| size as i64).collect();
        let builder = std::mem::take(&mut self.builder);
        self.builder =
            builder.floats(&names[0], &sizes, &weights).floats(&names[1], &[outputs as i64], &biases);
        names
    }

    fn then(mut self, operator: &str, others: &[&str], attributes: &[AttributeProto]) -> Self {
        let output = format!("{}{}", operator.to_lowercase(), self.count);
        let inputs: Vec<&str> = std::iter::once(self.last.as_str()).chain(others.iter().copied()).collect();
        self.builder = self.builder.node(operator, &inputs, &[&output], attributes);
        self.count += 1;
        self.last = output;
        self
    }

    fn convolution(mut self, from: usize, to: usize, kernel: usize, pad: i64) -> Self {
        let [weight, bias] = self.weights(&[to, from, kernel, kernel], from * kernel * kernel, to);
        self.then("Conv", &[&weight, &bias], &[ints("pads", &[pad; 4])])
    }

    fn raise(mut self, from: usize, to: usize) -> Self {
        let [weight, bias] = self.weights(&[from, to, 2, 2], from, to);
        self.then("ConvTranspose", &[&weight, &bias], &[ints("strides", &[2, 2])])
    }

    fn dense(mut self, from: usize, to: usize) -> Self {
        let [weight, bias] = self.weights(&[from, to], from, to);
        self.then("Gemm", &[&weight, &bias], &[])
    }

    fn relu(self) -> Self {
        self.then("Relu", &[], &[])
    }

    fn pool(self, operator: &str) -> Self {
        self.then(operator, &[], &[ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])])
    }

    fn beside(self, other: &str) -> Self {
        self.then("Concat", &[other], &[int("axis", 1)])
    }

    fn flatten(self) -> Self {
        self.then("Flatten", &[], &[])
    }

    fn labels(self) -> Self {
        self.then("ArgMax", &[], &[int("axis", 1)])
    }

    fn bytes(self) -> Vec<u8> {
        self.builder.output(&self.last).bytes()
    }
}
