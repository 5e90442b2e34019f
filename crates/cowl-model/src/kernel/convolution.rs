//! Convolutions over any number of spatial axes, with groups, and their transposes.

use minicbor::{Decode, Encode};
use rayon::prelude::*;

use super::Number;
use super::contraction::add_scaled;
use super::window::Window;
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;

const WHAT: &str = "a convolution";

/// A convolution: N×C×spatial with a filter M×C/groups×kernel gives N×M×places.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Convolution {
    /// Where it reads.
    #[n(0)]
    pub window: Window,
    /// Channels of one group see only the filters of that group.
    #[n(1)]
    pub groups: usize,
}

/// The transpose: N×C×spatial with a filter C×M/groups×kernel gives N×M×sizes, where `window` read the other way
/// leads from `sizes` back to `spatial`.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct TransposedConvolution {
    /// Where it writes.
    #[n(0)]
    pub window: Window,
    /// Channels of one group see only the filters of that group.
    #[n(1)]
    pub groups: usize,
    /// The spatial sizes of the output.
    #[n(2)]
    pub sizes: Vec<usize>,
}

/// Sizes of one convolution, seen from the side where the window slides.
struct Plan<'a> {
    window: &'a Window,
    groups: usize,
    /// Channels a group on the wide side (that the window slides over) and on the narrow side.
    wide: usize,
    narrow: usize,
    spatial: Shape,
    places: Shape,
    taps: usize,
}

type Operands<'a> = ([usize; 2], &'a [usize], [usize; 2]);

/// What both kinds ask of their operands: the input's batch and channels, its spatial sizes, and the filter's first
/// two sizes.
fn operands<'a>(
    window: &Window,
    groups: usize,
    input: &'a Shape,
    filter: &Shape,
) -> Result<Operands<'a>, ShapeError> {
    match (input.sizes(), filter.sizes()) {
        ([batch, channels, spatial @ ..], [filters, wide, kernel @ ..])
            if groups > 0 && !kernel.is_empty() && kernel == window.kernel =>
        {
            Ok(([*batch, *channels], spatial, [*filters, *wide]))
        }
        _ => Err(input.mismatch(WHAT, filter)),
    }
}

impl Convolution {
    fn plan<'a>(&'a self, input: &Shape, filter: &Shape) -> Result<(Plan<'a>, Shape), ShapeError> {
        let ([batch, channels], spatial, [filters, wide]) =
            operands(&self.window, self.groups, input, filter)?;
        if wide.checked_mul(self.groups) != Some(channels) || filters % self.groups != 0 {
            return Err(input.mismatch(WHAT, filter));
        }
        let places = self.window.places(spatial)?;
        let output = Shape::new([&[batch, filters], places.as_slice()].concat())?;
        let plan = Plan {
            window: &self.window,
            groups: self.groups,
            wide,
            narrow: filters / self.groups,
            spatial: Shape::new(spatial)?,
            places: Shape::new(places)?,
            taps: self.window.kernel.iter().product(),
        };
        Ok((plan, output))
    }

    /// The output's shape.
    ///
    /// # Errors
    /// [`ShapeError::Mismatch`], [`ShapeError::Unfit`].
    pub fn shape(&self, input: &Shape, filter: &Shape) -> Result<Shape, ShapeError> {
        self.plan(input, filter).map(|(_, output)| output)
    }

    pub(crate) fn apply<N: Number>(
        &self,
        input: &Tensor<N>,
        filter: &Tensor<N>,
    ) -> Result<Tensor<N>, ShapeError> {
        let (plan, shape) = self.plan(input.shape(), filter.shape())?;
        plan.fill(shape, plan.places.count(), |runs, at, plane| {
            plan.gather(runs, at, input.data(), filter.data(), plane);
        })
    }
}

impl TransposedConvolution {
    fn plan<'a>(&'a self, input: &Shape, filter: &Shape) -> Result<(Plan<'a>, Shape), ShapeError> {
        let mismatch = || input.mismatch(WHAT, filter);
        let ([batch, channels], spatial, [filters, wide]) =
            operands(&self.window, self.groups, input, filter)?;
        let fits = channels == filters && channels % self.groups == 0;
        if !fits || self.window.places(&self.sizes)? != spatial {
            return Err(mismatch());
        }
        let outputs = wide.checked_mul(self.groups).ok_or_else(mismatch)?;
        let output = Shape::new([&[batch, outputs], self.sizes.as_slice()].concat())?;
        let plan = Plan {
            window: &self.window,
            groups: self.groups,
            wide,
            narrow: channels / self.groups,
            spatial: Shape::new(self.sizes.as_slice())?,
            places: Shape::new(spatial)?,
            taps: self.window.kernel.iter().product(),
        };
        Ok((plan, output))
    }

    /// The output's shape.
    ///
    /// # Errors
    /// [`ShapeError::Mismatch`], [`ShapeError::Unfit`].
    pub fn shape(&self, input: &Shape, filter: &Shape) -> Result<Shape, ShapeError> {
        self.plan(input, filter).map(|(_, output)| output)
    }

    pub(crate) fn apply<N: Number>(
        &self,
        input: &Tensor<N>,
        filter: &Tensor<N>,
    ) -> Result<Tensor<N>, ShapeError> {
        let (plan, shape) = self.plan(input.shape(), filter.shape())?;
        plan.fill(shape, plan.spatial.count(), |runs, at, plane| {
            plan.scatter(runs, at, input.data(), filter.data(), plane);
        })
    }
}

/// Where one tap of the kernel meets one row of places: runs along the last axis of both sides.
struct Run {
    row: usize,
    tap: usize,
    /// Where the run begins on the wide side, and from one number to the next.
    wide: usize,
    step: usize,
    /// Where it begins on the narrow side.
    narrow: usize,
    length: usize,
}

impl Plan<'_> {
    /// An output whose planes have `size` numbers each, all of them zero where nothing is read.
    fn fill<N: Number>(
        &self,
        shape: Shape,
        size: usize,
        fill_plane: impl Fn(&[Run], usize, &mut [N]) + Sync,
    ) -> Result<Tensor<N>, ShapeError> {
        let mut output = vec![N::default(); shape.count()];
        if self.spatial.count() > 0 && self.places.count() > 0 {
            let runs = self.runs();
            let planes = output.par_chunks_exact_mut(size).enumerate();
            planes.for_each(|(at, plane)| fill_plane(&runs, at, plane));
        }
        Tensor::new(shape, output)
    }

    /// One plane of a convolution's output: `at` counts batch and filters.
    fn gather<N: Number>(&self, runs: &[Run], at: usize, input: &[N], filter: &[N], plane: &mut [N]) {
        let filters = self.narrow * self.groups;
        let (batch, filter_at) = (at / filters, at % filters);
        let first = (batch * self.groups + filter_at / self.narrow) * self.wide;
        let size = self.spatial.count();
        // Row by row, so that the sums stay near.
        for runs in runs.chunk_by(|one, other| one.row == other.row) {
            for channel in 0..self.wide {
                let from = &input[(first + channel) * size..][..size];
                let weights = &filter[(filter_at * self.wide + channel) * self.taps..][..self.taps];
                for run in runs {
                    let sums = &mut plane[run.narrow..run.narrow + run.length];
                    add_steps(sums, weights[run.tap], &from[run.wide..], run.step);
                }
            }
        }
    }

    /// One plane of a transposed convolution's output.
    fn scatter<N: Number>(&self, runs: &[Run], at: usize, input: &[N], filter: &[N], plane: &mut [N]) {
        let outputs = self.wide * self.groups;
        let (batch, output_at) = (at / outputs, at % outputs);
        let (group, channel) = (output_at / self.wide, output_at % self.wide);
        let size = self.places.count();
        for narrow_channel in 0..self.narrow {
            let input_channel = group * self.narrow + narrow_channel;
            let from = &input[(batch * self.groups * self.narrow + input_channel) * size..][..size];
            let weights = &filter[(input_channel * self.wide + channel) * self.taps..][..self.taps];
            for run in runs {
                let values = from[run.narrow..run.narrow + run.length].iter();
                for (sum, &value) in plane[run.wide..].iter_mut().step_by(run.step).zip(values) {
                    *sum = sum.plus(weights[run.tap].times(value));
                }
            }
        }
    }

    /// All runs, row by row. Padding is left out.
    fn runs(&self) -> Vec<Run> {
        let last = self.spatial.rank() - 1;
        let (strides, moves) = (self.spatial.strides(), self.places.strides());
        let rows = &self.places.sizes()[..last];
        let (mut tap_at, mut row_at) = (vec![0; last + 1], vec![0; last]);
        let mut runs = Vec::new();
        for row in 0..rows.iter().product() {
            split(row, rows, &mut row_at);
            let narrow: usize = row_at.iter().zip(&moves).map(|(at, step)| at * step).sum();
            for tap in 0..self.taps {
                split(tap, &self.window.kernel, &mut tap_at);
                let offset =
                    |axis: usize| self.source(axis, tap_at[axis], row_at[axis]).map(|at| at * strides[axis]);
                let Some(outer) = (0..last).map(offset).sum::<Option<usize>>() else { continue };
                let Some((first, length)) = self.run(last, tap_at[last]) else { continue };
                let wide = outer + self.source(last, tap_at[last], first).expect("a run begins inside");
                let step = self.window.strides[last];
                runs.push(Run { row, tap, wide, step, narrow: narrow + first, length });
            }
        }
        runs
    }

    /// Where a tap of the window at `place` reads on one axis, unless in the padding.
    fn source(&self, axis: usize, tap: usize, place: usize) -> Option<usize> {
        let at = place * self.window.strides[axis] + tap * self.window.dilations[axis];
        at.checked_sub(self.window.before[axis]).filter(|&at| at < self.spatial.size(axis))
    }

    /// The places on one axis for which a tap reads inside: first and how many.
    fn run(&self, axis: usize, tap: usize) -> Option<(usize, usize)> {
        let (stride, before) = (self.window.strides[axis], self.window.before[axis]);
        let shift = tap * self.window.dilations[axis];
        let first = before.saturating_sub(shift).div_ceil(stride);
        let beyond = (self.spatial.size(axis) + before).checked_sub(shift)?.div_ceil(stride);
        let end = beyond.min(self.places.size(axis));
        (first < end).then(|| (first, end - first))
    }
}

/// sums += factor · every `step`-th value
fn add_steps<N: Number>(sums: &mut [N], factor: N, values: &[N], step: usize) {
    if step == 1 {
        return add_scaled(sums, factor, values);
    }
    for (sum, &value) in sums.iter_mut().zip(values.iter().step_by(step)) {
        *sum = sum.plus(factor.times(value));
    }
}

/// Writes the digits of `index` in the mixed radix `sizes`.
fn split(mut index: usize, sizes: &[usize], digits: &mut [usize]) {
    for (digit, size) in digits.iter_mut().zip(sizes).rev() {
        *digit = index % size;
        index /= size;
    }
}

/// Multiply-accumulates, padding counted as if it were there.
pub(crate) fn products(output: &Shape, filter: &Shape) -> u64 {
    let taps: usize = filter.sizes().get(1..).unwrap_or_default().iter().product();
    output.count() as u64 * taps as u64
}

pub(crate) fn transposed_products(input: &Shape, filter: &Shape) -> u64 {
    let taps: usize = filter.sizes().get(1..).unwrap_or_default().iter().product();
    input.count() as u64 * taps as u64
}
