//! Convolutions along one to three axes, with groups, strides, dilations and pads of any kind.

mod gathered;

use rayon::prelude::*;

use super::Bilinear;
use super::kernel::{Kernels, Word};
use crate::error::Error;

/// One axis of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Places of the input.
    pub input: usize,
    /// Places of the filter.
    pub filter: usize,
    /// From one output to the next.
    pub stride: usize,
    /// From one place of the filter to the next.
    pub dilation: usize,
    /// Zeros before the input.
    pub before: usize,
    /// Zeros behind it.
    pub behind: usize,
}

impl Axis {
    /// An axis of one place.
    pub const POINT: Self = Self { input: 1, filter: 1, stride: 1, dilation: 1, before: 0, behind: 0 };

    /// Places of the output; `None` when the filter does not fit or steps are zero.
    pub fn output(&self) -> Option<usize> {
        let reach = self.filter.checked_sub(1)?.checked_mul(self.dilation)?.checked_add(1)?;
        let padded = self.input.checked_add(self.before)?.checked_add(self.behind)?;
        let places = padded.checked_sub(reach)?.checked_div(self.stride)?.checked_add(1)?;
        (self.dilation > 0).then_some(places)
    }

    /// Whether each place of the input goes to the same place of the output.
    fn is_pointwise(&self) -> bool {
        (self.filter, self.stride, self.before, self.behind) == (1, 1, 0, 0)
    }

    /// Where the filter's place `tap` lies for output `place`, if on the input.
    fn source(&self, place: usize, tap: usize) -> Option<usize> {
        let source = (place * self.stride + tap * self.dilation).checked_sub(self.before)?;
        (source < self.input).then_some(source)
    }

    /// The outputs for which `tap` lies on the input.
    fn covered(&self, outputs: usize, tap: usize) -> std::ops::Range<usize> {
        let reach = tap * self.dilation;
        let first = self.before.saturating_sub(reach).div_ceil(self.stride);
        let end = (self.input + self.before).saturating_sub(reach).div_ceil(self.stride);
        first.min(outputs)..end.clamp(first.min(outputs), outputs)
    }
}

/// Left: filters, `output_channels` × (`input_channels` / `groups`) × places. Right: data, `batch` ×
/// `input_channels` × places. Product: `batch` × `output_channels` × places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    batch: usize,
    input_channels: usize,
    output_channels: usize,
    groups: usize,
    /// As they are worked on: axes that no filter reaches along are one long one.
    axes: [Axis; 3],
    outputs: [usize; 3],
    places: [usize; 3],
}

impl Convolution {
    /// A convolution along `axes`, one to three of them.
    ///
    /// # Errors
    /// [`Error::Sizes`] when channels are no multiples of the groups or a filter does not fit.
    pub fn new(
        batch: usize,
        [input_channels, output_channels]: [usize; 2],
        groups: usize,
        axes: &[Axis],
    ) -> Result<Self, Error> {
        let refusal = Error::Sizes { what: "a convolution's axes or groups" };
        let divides = |channels: usize| groups > 0 && channels.is_multiple_of(groups);
        if !divides(input_channels) || !divides(output_channels) || axes.is_empty() || axes.len() > 3 {
            return Err(refusal);
        }
        let mut three = [Axis::POINT; 3];
        three[3 - axes.len()..].copy_from_slice(axes);
        let mut places = [1; 3];
        for (places, axis) in places.iter_mut().zip(three) {
            *places = axis.output().ok_or(refusal)?;
        }
        let axes = joined(three);
        let outputs = axes.map(|axis| axis.output().unwrap_or(0));
        Ok(Self { batch, input_channels, output_channels, groups, axes, outputs, places })
    }

    /// Places of the output along the three axes; an axis that there is not has one.
    pub fn places(&self) -> [usize; 3] {
        self.places
    }

    fn input_places(&self) -> usize {
        self.axes.iter().map(|axis| axis.input).product()
    }

    fn filter_places(&self) -> usize {
        self.axes.iter().map(|axis| axis.filter).product()
    }

    fn output_places(&self) -> usize {
        self.outputs.iter().product()
    }

    fn apply<W: Word>(&self, filters: &[W], data: &[W]) -> Vec<W> {
        let kernels = W::kernels();
        let mut output = vec![W::default(); self.output()];
        if output.is_empty() || self.right() == 0 {
            return output;
        }
        if self.output_channels / self.groups >= gathered::WORTH_GATHERING {
            self.apply_gathered(kernels, filters, data, &mut output);
            return output;
        }
        output.par_chunks_mut(self.output_places()).enumerate().for_each(|(plane, sums)| {
            let (image, channel) = (plane / self.output_channels, plane % self.output_channels);
            self.channel(kernels, image, channel, filters, data, sums);
        });
        output
    }

    /// One channel of one image's output.
    fn channel<W: Word>(
        &self,
        kernels: Kernels<W>,
        image: usize,
        channel: usize,
        filters: &[W],
        data: &[W],
        sums: &mut [W],
    ) {
        let depth = self.input_channels / self.groups;
        let group = channel / (self.output_channels / self.groups);
        let first = (image * self.input_channels + group * depth) * self.input_places();
        let inputs = data[first..].chunks_exact(self.input_places()).take(depth);
        let taps = self.filter_places();
        let filters = filters[channel * depth * taps..].chunks_exact(taps);
        for (input, filter) in inputs.zip(filters) {
            self.plane(kernels, filter, input, sums);
        }
    }

    fn plane<W: Word>(&self, kernels: Kernels<W>, filter: &[W], input: &[W], sums: &mut [W]) {
        let [depth, height, width] = self.axes;
        for (place, row) in sums.chunks_exact_mut(self.outputs[2]).enumerate() {
            let (out_z, out_y) = (place / self.outputs[1], place % self.outputs[1]);
            for tap in 0..depth.filter * height.filter {
                let (tap_z, tap_y) = (tap / height.filter, tap % height.filter);
                let (Some(z), Some(y)) = (depth.source(out_z, tap_z), height.source(out_y, tap_y)) else {
                    continue;
                };
                let line = &input[(z * height.input + y) * width.input..][..width.input];
                let weights = &filter[tap * width.filter..][..width.filter];
                self.row(kernels, weights, line, row);
            }
        }
    }

    fn row<W: Word>(&self, kernels: Kernels<W>, weights: &[W], line: &[W], row: &mut [W]) {
        let axis = self.axes[2];
        for (tap, weight) in weights.iter().enumerate() {
            let covered = axis.covered(row.len(), tap);
            if covered.is_empty() {
                continue;
            }
            let first = covered.start * axis.stride + tap * axis.dilation - axis.before;
            let sums = &mut row[covered];
            if axis.stride == 1 {
                (kernels.add_scaled)(sums, *weight, &line[first..]);
            } else {
                let values = line[first..].iter().step_by(axis.stride);
                sums.iter_mut().zip(values).for_each(|(sum, x)| *sum = sum.multiply_add(*weight, *x));
            }
        }
    }
}

/// One long axis where all are pointwise: rows are what the inner loop runs over.
fn joined(axes: [Axis; 3]) -> [Axis; 3] {
    if axes.iter().all(Axis::is_pointwise) {
        let input = axes.iter().map(|axis| axis.input).product();
        [Axis::POINT, Axis::POINT, Axis { input, ..Axis::POINT }]
    } else {
        axes
    }
}

impl Bilinear for Convolution {
    fn left(&self) -> usize {
        self.output_channels * (self.input_channels / self.groups) * self.filter_places()
    }

    fn right(&self) -> usize {
        self.batch * self.input_channels * self.input_places()
    }

    fn output(&self) -> usize {
        self.batch * self.output_channels * self.output_places()
    }

    fn narrow(&self, left: &[u32], right: &[u32]) -> Vec<u32> {
        self.apply(left, right)
    }

    fn wide(&self, left: &[u64], right: &[u64]) -> Vec<u64> {
        self.apply(left, right)
    }
}
