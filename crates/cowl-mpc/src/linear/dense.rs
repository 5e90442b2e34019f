//! Matrices times vectors, and numbers times numbers.

use rayon::prelude::*;

use super::Bilinear;
use super::kernel::{Kernels, Word};

/// Products below which a second core costs more than it brings.
const WORTH_SHARING: usize = 1 << 17;

/// How a matrix of weights lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A row an output: `outputs` rows of `inputs` numbers.
    ByOutput,
    /// A row an input: `inputs` rows of `outputs` numbers.
    ByInput,
}

/// Left: a matrix, which lies as `layout` says. Right: `batch` vectors of `inputs` numbers. Product:
/// `batch` vectors of `outputs` numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dense {
    /// Vectors.
    pub batch: usize,
    /// Numbers of a vector.
    pub inputs: usize,
    /// Numbers of a product.
    pub outputs: usize,
    /// How the matrix lies.
    pub layout: Layout,
}

impl Dense {
    fn apply<W: Word>(&self, matrix: &[W], vectors: &[W]) -> Vec<W> {
        let kernels = W::kernels();
        let mut output = vec![W::default(); self.output()];
        if self.inputs == 0 || self.outputs == 0 {
            return output;
        }
        for (vector, output) in vectors.chunks_exact(self.inputs).zip(output.chunks_exact_mut(self.outputs)) {
            match self.layout {
                Layout::ByOutput => self.by_output(kernels, matrix, vector, output),
                Layout::ByInput => output.copy_from_slice(&self.by_input(kernels, matrix, vector)),
            }
        }
        output
    }

    fn by_output<W: Word>(&self, kernels: Kernels<W>, matrix: &[W], vector: &[W], output: &mut [W]) {
        let rows = (WORTH_SHARING / self.inputs).max(1);
        output
            .par_chunks_mut(rows)
            .zip(matrix.par_chunks(rows * self.inputs))
            .for_each(|(output, matrix)| multiply(kernels, matrix, vector, output));
    }

    fn by_input<W: Word>(&self, kernels: Kernels<W>, matrix: &[W], vector: &[W]) -> Vec<W> {
        let rows = (WORTH_SHARING / self.outputs).max(1);
        let zeros = || vec![W::default(); self.outputs];
        let some = |(matrix, vector): (&[W], &[W])| {
            let mut sums = zeros();
            for (row, number) in matrix.chunks_exact(self.outputs).zip(vector) {
                (kernels.add_scaled)(&mut sums, *number, row);
            }
            sums
        };
        let add = |mut sums: Vec<W>, more: Vec<W>| {
            (kernels.add_scaled)(&mut sums, W::ONE, &more);
            sums
        };
        let parts = matrix.par_chunks(rows * self.outputs).zip(vector.par_chunks(rows));
        parts.map(some).reduce(zeros, add)
    }
}

fn multiply<W: Word>(kernels: Kernels<W>, matrix: &[W], vector: &[W], output: &mut [W]) {
    for (to, row) in output.iter_mut().zip(matrix.chunks_exact(vector.len())) {
        *to = (kernels.dot)(row, vector);
    }
}

impl Bilinear for Dense {
    fn left(&self) -> usize {
        self.inputs * self.outputs
    }

    fn right(&self) -> usize {
        self.batch * self.inputs
    }

    fn output(&self) -> usize {
        self.batch * self.outputs
    }

    fn narrow(&self, left: &[u32], right: &[u32]) -> Vec<u32> {
        self.apply(left, right)
    }

    fn wide(&self, left: &[u64], right: &[u64]) -> Vec<u64> {
        self.apply(left, right)
    }
}

/// Number by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elementwise(
    /// How many.
    pub usize,
);

impl Bilinear for Elementwise {
    fn left(&self) -> usize {
        self.0
    }

    fn right(&self) -> usize {
        self.0
    }

    fn output(&self) -> usize {
        self.0
    }

    fn narrow(&self, left: &[u32], right: &[u32]) -> Vec<u32> {
        left.iter().zip(right).map(|(a, b)| a.wrapping_mul(*b)).collect()
    }

    fn wide(&self, left: &[u64], right: &[u64]) -> Vec<u64> {
        left.iter().zip(right).map(|(a, b)| a.wrapping_mul(*b)).collect()
    }
}
