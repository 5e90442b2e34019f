//! Number by number with broadcasting, and sums over axes.

use super::Number;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

/// Each pair of numbers of two tensors that broadcast to one shape.
pub(crate) fn combine<N: Number>(
    left: &Tensor<N>,
    right: &Tensor<N>,
    mut pair: impl FnMut(N, N) -> N,
) -> Result<Tensor<N>, ShapeError> {
    let shape = left.shape().broadcast(right.shape())?;
    if left.shape() == right.shape() {
        let data = left.data().iter().zip(right.data()).map(|(&one, &other)| pair(one, other)).collect();
        return Tensor::new(shape, data);
    }
    let (left_strides, right_strides) = (left.shape().strides_as(&shape), right.shape().strides_as(&shape));
    let mut data = Vec::with_capacity(shape.count());
    let row = shape.sizes().last().copied().unwrap_or(1);
    let (left_step, right_step) =
        (left_strides.last().copied().unwrap_or(0), right_strides.last().copied().unwrap_or(0));
    each_row(&shape, [&left_strides, &right_strides], |[from_left, from_right]| {
        for at in 0..row {
            data.push(pair(
                left.data()[from_left + at * left_step],
                right.data()[from_right + at * right_step],
            ));
        }
    });
    Tensor::new(shape, data)
}

/// Visits every row, that is every place on all axes but the last, with the offsets of its beginning.
fn each_row<const T: usize>(shape: &Shape, strides: [&[usize]; T], mut visit: impl FnMut([usize; T])) {
    if shape.count() == 0 {
        return;
    }
    let outer = shape.rank().saturating_sub(1);
    let mut place = vec![0; outer];
    let mut offsets = [0; T];
    loop {
        visit(offsets);
        let mut axis = outer;
        loop {
            let Some(next) = axis.checked_sub(1) else { return };
            axis = next;
            place[axis] += 1;
            for (offset, strides) in offsets.iter_mut().zip(strides) {
                *offset += strides[axis];
            }
            if place[axis] < shape.size(axis) {
                break;
            }
            for (offset, strides) in offsets.iter_mut().zip(strides) {
                *offset -= strides[axis] * shape.size(axis);
            }
            place[axis] = 0;
        }
    }
}

/// Sums over some axes, which stay with size 1.
pub(crate) fn sum_over<N: Number>(input: &Tensor<N>, axes: &[usize]) -> Result<Tensor<N>, ShapeError> {
    let sizes = input.shape().sizes().iter().enumerate();
    let kept: Vec<usize> = sizes.map(|(axis, &size)| if axes.contains(&axis) { 1 } else { size }).collect();
    let shape = Shape::new(kept)?;
    let mut sums = Tensor::filled(shape.clone(), N::default());
    let strides = shape.strides_as(input.shape());
    let step = strides.last().copied().unwrap_or(0);
    let row = input.shape().sizes().last().copied().unwrap_or(1);
    let own = input.shape().strides();
    let sink = sums.data_mut();
    each_row(input.shape(), [&own, &strides], |[from, into]| {
        for at in 0..row {
            let sum = &mut sink[into + at * step];
            *sum = sum.plus(input.data()[from + at]);
        }
    });
    Ok(sums)
}

/// Sums along an axis, each place of the output of places of the input and their weights.
pub(crate) fn weigh<N: Number, W: Copy>(
    input: &Tensor<N>,
    axis: usize,
    taps: &[Vec<(usize, W)>],
    number: impl Fn(W) -> N,
) -> Result<Tensor<N>, ShapeError> {
    const WHAT: &str = "interpolation";
    if axis >= input.shape().rank() {
        return Err(input.shape().unfit(WHAT, format!("there is no axis {axis}")));
    }
    let size = input.shape().size(axis);
    if taps.iter().flatten().any(|&(place, _)| place >= size) {
        return Err(input.shape().unfit(WHAT, "a place outside of the axis"));
    }
    let shape = input.shape().with_size(axis, taps.len())?;
    let inner: usize = input.shape().sizes()[axis + 1..].iter().product();
    let mut data = Vec::with_capacity(shape.count());
    for slab in input.data().chunks_exact((size * inner).max(1)) {
        for taps in taps {
            let from = data.len();
            data.resize(from + inner, N::default());
            for &(place, weight) in taps {
                super::contraction::add_scaled(
                    &mut data[from..],
                    number(weight),
                    &slab[place * inner..][..inner],
                );
            }
        }
    }
    Tensor::new(shape, data)
}
