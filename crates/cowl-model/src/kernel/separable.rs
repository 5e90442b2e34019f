//! Rearrangements in which each axis of the output chooses its place in the input by itself: transposing, slicing,
//! padding, repeating, gathering.

use super::Number;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

/// For each axis of the output and each place on it, how far that moves in the input; `None` reads the fill.
pub(crate) struct Separable {
    moves: Vec<Vec<Option<usize>>>,
}

impl Separable {
    pub(crate) fn new(moves: Vec<Vec<Option<usize>>>) -> Self {
        Self { moves }
    }

    /// Every axis as it is.
    pub(crate) fn identity(shape: &Shape) -> Self {
        let strides = shape.strides();
        let axis = |(&size, &stride): (&usize, &usize)| (0..size).map(|at| Some(at * stride)).collect();
        Self { moves: shape.sizes().iter().zip(&strides).map(axis).collect() }
    }

    /// One axis takes the places given, in their order.
    pub(crate) fn choosing(shape: &Shape, axis: usize, places: &[Option<usize>]) -> Self {
        let stride = shape.strides()[axis];
        let mut all = Self::identity(shape);
        all.moves[axis] = places.iter().map(|place| place.map(|place| place * stride)).collect();
        all
    }

    pub(crate) fn apply<N: Number>(&self, input: &[N], fill: N) -> Result<Tensor<N>, ShapeError> {
        let shape = Shape::new(self.moves.iter().map(Vec::len).collect::<Vec<_>>())?;
        let mut output = Vec::with_capacity(shape.count());
        if shape.count() > 0 {
            self.collect(0, Some(0), input, fill, &mut output);
        }
        Tensor::new(shape, output)
    }

    fn collect<N: Number>(
        &self,
        axis: usize,
        base: Option<usize>,
        input: &[N],
        fill: N,
        output: &mut Vec<N>,
    ) {
        let Some(moves) = self.moves.get(axis) else {
            output.push(base.map_or(fill, |base| input[base]));
            return;
        };
        if axis + 1 == self.moves.len() {
            let read = |step: &Option<usize>| base.zip(*step).map_or(fill, |(base, step)| input[base + step]);
            output.extend(moves.iter().map(read));
            return;
        }
        for step in moves {
            let next = base.zip(*step).map(|(base, step)| base + step);
            self.collect(axis + 1, next, input, fill, output);
        }
    }
}
