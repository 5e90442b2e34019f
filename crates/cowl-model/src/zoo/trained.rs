//! The stand-in for the published classifier of resting-state networks, with weights that were trained.
//!
//! The published weights are not public. `training/fmri/train.py` trains the same layers on maps that it makes of atlas
//! regions and the noise of real runs, and writes them small: 8 bits a weight, the first layer's the same within blocks of
//! 2×2×2 voxels. Here they become the published graph with all its 21,962,258 numbers.

use super::FMRI_SIZES;
use crate::onnx::builder::Builder;

/// Voxels along each axis of a map, the last axis the fastest.
const GRID: [usize; 3] = [45, 54, 45];
const BLOCK: usize = 2;
const MAGIC: &[u8] = b"COWLFMRI";

/// The file is not one that the training script has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a file of compact weights of the classifier of brain networks")]
pub struct NotCompact;

/// The classifier (109,350–200–200–200–58, ReLU) as an ONNX file of 88 MB, from its compact form.
///
/// # Errors
/// [`NotCompact`].
pub fn fmri_trained(file: &[u8]) -> Result<Vec<u8>, NotCompact> {
    let mut rest = Rest(file);
    if rest.take(MAGIC.len())? != MAGIC {
        return Err(NotCompact);
    }
    let blocks = GRID.map(|size| size.div_ceil(BLOCK));
    let used = rest.take(blocks.iter().product::<usize>().div_ceil(8))?;
    let mut builder = Builder::new(17).input("x", &[1, FMRI_SIZES[0] as i64]);
    let mut last = "x".to_owned();
    for (place, pair) in FMRI_SIZES.windows(2).enumerate() {
        let layer = rest.layer(if place == 0 { ones(used) } else { pair[0] }, pair[1])?;
        let weights = if place == 0 { spread(&layer, used, blocks) } else { layer.weights };
        let names = ["w", "b", "dense", "relu"].map(|what| format!("{what}{place}"));
        let [weight, bias, dense, relu] = names.each_ref().map(String::as_str);
        builder = builder
            .floats(weight, &[pair[0] as i64, pair[1] as i64], &weights)
            .floats(bias, &[pair[1] as i64], &layer.biases)
            .node("Gemm", &[&last, weight, bias], &[dense], &[]);
        last = dense.to_owned();
        if place + 2 < FMRI_SIZES.len() {
            builder = builder.node("Relu", &[dense], &[relu], &[]);
            last = relu.to_owned();
        }
    }
    if rest.0.is_empty() { Ok(builder.output(&last).bytes()) } else { Err(NotCompact) }
}

/// Weights by input, then output.
struct Layer {
    outputs: usize,
    weights: Vec<f32>,
    biases: Vec<f32>,
}

/// What of a file was not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], NotCompact> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(NotCompact)?;
        self.0 = rest;
        Ok(taken)
    }

    fn floats(&mut self, count: usize) -> Result<Vec<f32>, NotCompact> {
        let (numbers, _) = self.take(4 * count)?.as_chunks::<4>();
        Ok(numbers.iter().map(|&number| f32::from_le_bytes(number)).collect())
    }

    /// A scale and a bias an output, and 8 bits a weight.
    fn layer(&mut self, inputs: usize, outputs: usize) -> Result<Layer, NotCompact> {
        let (scales, biases) = (self.floats(outputs)?, self.floats(outputs)?);
        let codes = self.take(inputs * outputs)?;
        let scaled = |(at, &code): (usize, &u8)| f32::from(code as i8) * scales[at % outputs];
        Ok(Layer { outputs, weights: codes.iter().enumerate().map(scaled).collect(), biases })
    }
}

fn ones(bits: &[u8]) -> usize {
    bits.iter().map(|byte| byte.count_ones() as usize).sum()
}

/// From weights of the used blocks to those of all voxels; 0 in other blocks.
fn spread(layer: &Layer, used: &[u8], [_, height, depth]: [usize; 3]) -> Vec<f32> {
    let is_used = |block: usize| used[block / 8] >> (block % 8) & 1 == 1;
    let mut row_of = vec![None; 8 * used.len()];
    let blocks = (0..row_of.len()).filter(|&block| is_used(block));
    blocks.enumerate().for_each(|(row, block)| row_of[block] = Some(row));
    let mut weights = vec![0.0; FMRI_SIZES[0] * layer.outputs];
    for (voxel, weights) in weights.chunks_exact_mut(layer.outputs).enumerate() {
        let [x, y, z] = [voxel / GRID[2] / GRID[1], voxel / GRID[2] % GRID[1], voxel % GRID[2]];
        let block = (x / BLOCK * height + y / BLOCK) * depth + z / BLOCK;
        if let Some(row) = row_of[block] {
            weights.copy_from_slice(&layer.weights[row * layer.outputs..][..layer.outputs]);
        }
    }
    weights
}
