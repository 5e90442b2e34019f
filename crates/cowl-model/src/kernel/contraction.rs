//! Products of matrices, as numpy's `matmul` has them.

use rayon::prelude::*;

use super::Number;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

const WHAT: &str = "a matrix product";
/// Below this many products a second core costs more than it brings.
const WORTH_SHARING: usize = 1 << 16;

/// Both operands as stacks of matrices.
struct Plan {
    rows: usize,
    inner: usize,
    columns: usize,
    stack: Shape,
    left_stack: Shape,
    right_stack: Shape,
    output: Shape,
}

impl Plan {
    fn new(left: &Shape, right: &Shape) -> Result<Self, ShapeError> {
        let mismatch = || left.mismatch(WHAT, right);
        let (left_stack, rows, inner) = match left.sizes() {
            [] => return Err(mismatch()),
            [inner] => (Shape::scalar(), 1, *inner),
            [stack @ .., rows, inner] => (Shape::new(stack)?, *rows, *inner),
        };
        let (right_stack, height, columns) = match right.sizes() {
            [] => return Err(mismatch()),
            [height] => (Shape::scalar(), *height, 1),
            [stack @ .., height, columns] => (Shape::new(stack)?, *height, *columns),
        };
        if inner != height {
            return Err(mismatch());
        }
        let stack = left_stack.broadcast(&right_stack).map_err(|_| mismatch())?;
        let mut sizes = stack.sizes().to_vec();
        sizes.extend((left.rank() > 1).then_some(rows));
        sizes.extend((right.rank() > 1).then_some(columns));
        let output = Shape::new(sizes)?;
        Ok(Self { rows, inner, columns, stack, left_stack, right_stack, output })
    }
}

pub(crate) fn matrix_product_shape(left: &Shape, right: &Shape) -> Result<Shape, ShapeError> {
    Plan::new(left, right).map(|plan| plan.output)
}

pub(crate) fn matrix_product<N: Number>(
    left: &Tensor<N>,
    right: &Tensor<N>,
) -> Result<Tensor<N>, ShapeError> {
    let plan = Plan::new(left.shape(), right.shape())?;
    let mut output = vec![N::default(); plan.output.count()];
    let (left_places, right_places) =
        (places(&plan.left_stack, &plan.stack), places(&plan.right_stack, &plan.stack));
    let size = plan.rows * plan.columns;
    if size > 0 {
        for (at, matrix) in output.chunks_exact_mut(size).enumerate() {
            let left = &left.data()[left_places[at] * plan.rows * plan.inner..][..plan.rows * plan.inner];
            let right =
                &right.data()[right_places[at] * plan.inner * plan.columns..][..plan.inner * plan.columns];
            one_product(&plan, left, right, matrix);
        }
    }
    Tensor::new(plan.output, output)
}

/// Which matrix of `own` stands at each place of the broadcast stack.
fn places(own: &Shape, stack: &Shape) -> Vec<usize> {
    let strides = own.strides_as(stack);
    let moves = stack.strides();
    let place = |index: usize| {
        let axes = strides.iter().zip(moves.iter().zip(stack.sizes()));
        axes.map(|(stride, (step, size))| index / step % size * stride).sum()
    };
    (0..stack.count()).map(place).collect()
}

fn one_product<N: Number>(plan: &Plan, left: &[N], right: &[N], output: &mut [N]) {
    if plan.columns == 1 && plan.inner > 0 {
        let dot = |row: &[N]| dot(row, right);
        if plan.rows * plan.inner < WORTH_SHARING {
            output.iter_mut().zip(left.chunks_exact(plan.inner)).for_each(|(sum, row)| *sum = dot(row));
        } else {
            let rows = output.par_iter_mut().zip(left.par_chunks_exact(plan.inner));
            rows.with_min_len(16).for_each(|(sum, row)| *sum = dot(row));
        }
        return;
    }
    if plan.rows == 1 && plan.inner * plan.columns >= WORTH_SHARING {
        return one_row(plan, left, right, output);
    }
    let row = |(at, sums): (usize, &mut [N])| {
        for (place, &factor) in left[at * plan.inner..][..plan.inner].iter().enumerate() {
            add_scaled(sums, factor, &right[place * plan.columns..][..plan.columns]);
        }
    };
    if plan.rows > 1 && plan.rows * plan.inner * plan.columns >= WORTH_SHARING {
        output.par_chunks_exact_mut(plan.columns).enumerate().for_each(row);
    } else {
        output.chunks_exact_mut(plan.columns).enumerate().for_each(row);
    }
}

/// A row times a matrix: blocks of the matrix in parallel, their sums added in order.
fn one_row<N: Number>(plan: &Plan, left: &[N], right: &[N], output: &mut [N]) {
    const BLOCK: usize = 2048;
    let blocks = left.par_chunks(BLOCK).zip(right.par_chunks(BLOCK * plan.columns));
    let sums = blocks.map(|(factors, rows)| {
        let mut sums = vec![N::default(); plan.columns];
        for (&factor, row) in factors.iter().zip(rows.chunks_exact(plan.columns)) {
            add_scaled(&mut sums, factor, row);
        }
        sums
    });
    for sums in sums.collect::<Vec<_>>() {
        output.iter_mut().zip(sums).for_each(|(total, sum)| *total = total.plus(sum));
    }
}

/// Eight sums at once: floats may not be reordered by the compiler.
fn dot<N: Number>(left: &[N], right: &[N]) -> N {
    let mut lanes = [N::default(); 8];
    let (left_eights, left_rest) = left.as_chunks::<8>();
    let (right_eights, right_rest) = right.as_chunks::<8>();
    for (one, other) in left_eights.iter().zip(right_eights) {
        for lane in 0..8 {
            lanes[lane] = lanes[lane].plus(one[lane].times(other[lane]));
        }
    }
    let rest = left_rest.iter().zip(right_rest).map(|(&one, &other)| one.times(other));
    lanes.into_iter().chain(rest).fold(N::default(), N::plus)
}

/// sums += factor · row
pub(super) fn add_scaled<N: Number>(sums: &mut [N], factor: N, row: &[N]) {
    for (sum, &value) in sums.iter_mut().zip(row) {
        *sum = sum.plus(factor.times(value));
    }
}
