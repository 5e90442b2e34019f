//! Windows that slide over the spatial axes of N×C×spatial tensors: their geometry, pooling.

use std::ops::Range;

use minicbor::{Decode, Encode};
use rayon::prelude::*;

use super::Number;
use crate::shape::{MOST_ELEMENTS, Shape, ShapeError};
use crate::tensor::Tensor;

const WHAT: &str = "a sliding window";
/// Axes before the spatial ones: batch and channels.
const LEADING: usize = 2;

/// The geometry of a sliding window, one entry a spatial axis.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Window {
    /// How many taps.
    #[n(0)]
    pub kernel: Vec<usize>,
    /// From one place to the next.
    #[n(1)]
    pub strides: Vec<usize>,
    /// From one tap to the next.
    #[n(2)]
    pub dilations: Vec<usize>,
    /// Room before the first number.
    #[n(3)]
    pub before: Vec<usize>,
    /// Room behind the last number.
    #[n(4)]
    pub after: Vec<usize>,
}

impl Window {
    /// The output's sizes over spatial sizes; also checks that there is one entry an axis and no stride of 0.
    ///
    /// # Errors
    /// [`ShapeError::Unfit`].
    pub fn places(&self, spatial: &[usize]) -> Result<Vec<usize>, ShapeError> {
        let unfit =
            |why: &str| Shape::new(spatial).map_or_else(|error| error, |shape| shape.unfit(WHAT, why));
        let lists = [&self.kernel, &self.strides, &self.dilations, &self.before, &self.after];
        if lists.iter().any(|list| list.len() != spatial.len()) {
            return Err(unfit("kernel, strides, dilations and pads need one entry for each spatial axis"));
        }
        if lists[..3].iter().any(|list| list.contains(&0)) {
            return Err(unfit("kernel, strides and dilations begin at 1"));
        }
        if lists.iter().copied().flatten().any(|&number| number > MOST_ELEMENTS) {
            return Err(unfit("kernel, strides, dilations and pads are at most as large as tensors"));
        }
        let one = |axis: usize| {
            let span = (self.kernel[axis] - 1).checked_mul(self.dilations[axis])?.checked_add(1)?;
            let room = spatial[axis].checked_add(self.before[axis])?.checked_add(self.after[axis])?;
            Some(room.checked_sub(span)? / self.strides[axis] + 1)
        };
        (0..spatial.len())
            .map(|axis| one(axis).ok_or_else(|| unfit("the window is larger than the padded input")))
            .collect()
    }

    /// The shape after pooling with this window.
    ///
    /// # Errors
    /// [`ShapeError::Unfit`].
    pub fn pooled(&self, input: &Shape) -> Result<Shape, ShapeError> {
        let Some((leading, spatial)) = input.sizes().split_at_checked(LEADING) else {
            return Err(input.unfit(WHAT, "there are no spatial axes"));
        };
        Shape::new([leading, &self.places(spatial)?].concat())
    }

    /// Whether some window lies wholly in the padding, where a maximum has nothing to choose from.
    ///
    /// # Errors
    /// As [`Window::places`].
    pub fn has_empty_place(&self, input: &Shape) -> Result<bool, ShapeError> {
        let spatial = input.sizes().get(LEADING..).unwrap_or_default();
        let places = self.places(spatial)?;
        let empty = |axis: usize, place: usize| self.inside(axis, place, spatial[axis]).is_empty();
        Ok((0..spatial.len()).any(|axis| (0..places[axis]).any(|place| empty(axis, place))))
    }

    /// How many numbers a window looks at, padding included.
    pub(crate) fn taps(&self) -> u64 {
        self.kernel.iter().fold(1, |product: u64, &taps| product.saturating_mul(taps as u64))
    }

    /// The most numbers that a window sees at any place, padding left out.
    ///
    /// # Errors
    /// As [`Window::places`].
    pub fn widest(&self, input: &Shape) -> Result<usize, ShapeError> {
        let spatial = input.sizes().get(LEADING..).unwrap_or_default();
        let places = self.places(spatial)?;
        let seen = |axis: usize, place: usize| self.inside(axis, place, spatial[axis]).len();
        let widest = |axis: usize| (0..places[axis]).map(|place| seen(axis, place)).max().unwrap_or(0);
        Ok((0..spatial.len()).map(widest).product())
    }

    /// Which taps of one place on one axis read the input rather than padding.
    pub(crate) fn inside(&self, axis: usize, place: usize, size: usize) -> Range<usize> {
        let (start, before) = (place * self.strides[axis], self.before[axis]);
        let dilation = self.dilations[axis];
        let first = before.saturating_sub(start).div_ceil(dilation);
        let end = (before + size).saturating_sub(start).div_ceil(dilation).min(self.kernel[axis]);
        first.min(end)..end
    }

    /// Where on one axis the taps of one place read; padding is left out.
    fn reads_at(&self, axis: usize, place: usize, size: usize) -> Vec<usize> {
        let start = place * self.strides[axis];
        let at = |tap: usize| start + tap * self.dilations[axis] - self.before[axis];
        self.inside(axis, place, size).map(at).collect()
    }

    /// For each place of the output on each axis, what it reads.
    fn reads(&self, spatial: &[usize], places: &[usize]) -> Vec<Vec<Vec<usize>>> {
        let read = |axis: usize, place: usize| self.reads_at(axis, place, spatial[axis]);
        (0..spatial.len()).map(|axis| (0..places[axis]).map(|place| read(axis, place)).collect()).collect()
    }

    /// For each place of a plane's output, in order, where in the plane its window reads; padding is left out.
    ///
    /// # Errors
    /// As [`Window::places`].
    pub fn seen(&self, input: &Shape) -> Result<Vec<Vec<usize>>, ShapeError> {
        let pooled = self.pooled(input)?;
        let spatial = Shape::new(&input.sizes()[LEADING..])?;
        let places = Shape::new(&pooled.sizes()[LEADING..])?;
        let reads = self.reads(spatial.sizes(), places.sizes());
        let (strides, moves) = (spatial.strides(), places.strides());
        let mut buffers = [Vec::new(), Vec::new()];
        let seen = |index: usize| offsets(&reads, index, [&strides, &moves], &places, &mut buffers).to_vec();
        Ok((0..places.count()).map(seen).collect())
    }

    /// Folds what each window sees, plane by plane. A window that sees nothing gives `empty`.
    pub(crate) fn pool<N: Number>(
        &self,
        input: &Tensor<N>,
        empty: N,
        fold: impl Fn(N, N) -> N + Sync,
    ) -> Result<Tensor<N>, ShapeError> {
        let shape = self.pooled(input.shape())?;
        let spatial = Shape::new(&input.shape().sizes()[LEADING..])?;
        let places = Shape::new(&shape.sizes()[LEADING..])?;
        let reads = self.reads(spatial.sizes(), places.sizes());
        let mut output = vec![empty; shape.count()];
        if shape.count() > 0 && spatial.count() > 0 {
            let planes = input.data().par_chunks_exact(spatial.count());
            planes.zip(output.par_chunks_exact_mut(places.count())).for_each(|(plane, pooled)| {
                pool_plane(&reads, &spatial, &places, plane, pooled, &fold);
            });
        }
        Tensor::new(shape, output)
    }
}

fn pool_plane<N: Number>(
    reads: &[Vec<Vec<usize>>],
    spatial: &Shape,
    places: &Shape,
    plane: &[N],
    pooled: &mut [N],
    fold: &impl Fn(N, N) -> N,
) {
    let (strides, moves) = (spatial.strides(), places.strides());
    let mut buffers = [Vec::new(), Vec::new()];
    for (index, result) in pooled.iter_mut().enumerate() {
        let seen =
            offsets(reads, index, [&strides, &moves], places, &mut buffers).iter().map(|&at| plane[at]);
        *result = seen.reduce(fold).unwrap_or(*result);
    }
}

/// Where in its plane the window of one place reads; left in the first of two buffers.
fn offsets<'a>(
    reads: &[Vec<Vec<usize>>],
    index: usize,
    [strides, moves]: [&[usize]; 2],
    places: &Shape,
    [found, base]: &'a mut [Vec<usize>; 2],
) -> &'a [usize] {
    found.clear();
    found.push(0);
    for (axis, reads) in reads.iter().enumerate() {
        let places = &reads[index / moves[axis] % places.size(axis)];
        std::mem::swap(found, base);
        found.clear();
        for from in base.iter() {
            found.extend(places.iter().map(|at| from + at * strides[axis]));
        }
    }
    found
}
