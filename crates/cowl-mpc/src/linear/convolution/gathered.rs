//! Convolutions with several filters: what they read is gathered once, place by place, and multiplied by all of them.

use std::ops::Range;

use rayon::prelude::*;

use super::Convolution;
use crate::linear::kernel::{Kernels, Product, WIDTH, Word};

/// Filters of a group from which on gathering pays.
pub(super) const WORTH_GATHERING: usize = 8;
/// Places that are gathered at a time: what is gathered should stay in a core's cache.
const MOST_PLACES: usize = 512;
const FEWEST_PLACES: usize = 64;

impl Convolution {
    /// Adds the product to `output`, whose planes lie one behind the other.
    pub(super) fn apply_gathered<W: Word>(
        &self,
        kernels: Kernels<W>,
        filters: &[W],
        data: &[W],
        output: &mut [W],
    ) {
        let (channels, depth) = (self.output_channels / self.groups, self.input_channels / self.groups);
        let (rows, places) = (depth * self.filter_places(), self.output_places());
        let images = data.chunks_exact(depth * self.input_places());
        for ((number, image), output) in images.enumerate().zip(output.chunks_exact_mut(channels * places)) {
            let first = number % self.groups * channels * rows;
            let matrix = &filters[first..][..channels * rows];
            let part = |range: Range<usize>| {
                let width = range.len().next_multiple_of(WIDTH);
                let columns = self.gather(image, range.clone(), width);
                let mut sums = vec![W::default(); channels * width];
                (kernels.multiply)(Product { matrix, depth: rows, columns: &columns, width }, &mut sums);
                (range, sums)
            };
            let size = (places / 4).next_multiple_of(WIDTH).clamp(FEWEST_PLACES, MOST_PLACES);
            let starts: Vec<usize> = (0..places).step_by(size).collect();
            let parts = starts.into_par_iter().map(|start| part(start..places.min(start + size)));
            for (range, sums) in parts.collect::<Vec<_>>() {
                let width = range.len().next_multiple_of(WIDTH);
                for (plane, sums) in output.chunks_exact_mut(places).zip(sums.chunks_exact(width)) {
                    plane[range.clone()].copy_from_slice(&sums[..range.len()]);
                }
            }
        }
    }

    /// For each channel and place of the filter, what some places of the output read; zeros where that is padding.
    fn gather<W: Word>(&self, image: &[W], range: Range<usize>, width: usize) -> Vec<W> {
        let taps = self.filter_places();
        let mut columns = vec![W::default(); image.len() / self.input_places() * taps * width];
        let planes = image.chunks_exact(self.input_places());
        for (plane, columns) in planes.zip(columns.chunks_exact_mut(taps * width)) {
            for (tap, column) in columns.chunks_exact_mut(width).enumerate() {
                self.gather_tap(plane, tap, range.clone(), column);
            }
        }
        columns
    }

    fn gather_tap<W: Word>(&self, plane: &[W], tap: usize, range: Range<usize>, mut column: &mut [W]) {
        let [depth, height, width] = self.axes;
        let (tap_x, tap_y, tap_z) =
            (tap % width.filter, tap / width.filter % height.filter, tap / width.filter / height.filter);
        let covered = width.covered(self.outputs[2], tap_x);
        let mut place = range.start;
        while place < range.end {
            let (row, start) = (place / self.outputs[2], place % self.outputs[2]);
            let end = self.outputs[2].min(start + range.end - place);
            let (now, later) = std::mem::take(&mut column).split_at_mut(end - start);
            (column, place) = (later, place + end - start);
            let source =
                depth.source(row / self.outputs[1], tap_z).zip(height.source(row % self.outputs[1], tap_y));
            let (first, last) = (covered.start.max(start), covered.end.min(end));
            let Some((z, y)) = source.filter(|_| first < last) else { continue };
            let line = &plane[(z * height.input + y) * width.input..][..width.input];
            let from = first * width.stride + tap_x * width.dilation - width.before;
            let into = &mut now[first - start..last - start];
            if width.stride == 1 {
                into.copy_from_slice(&line[from..][..into.len()]);
            } else {
                into.iter_mut().zip(line[from..].iter().step_by(width.stride)).for_each(|(to, x)| *to = *x);
            }
        }
    }
}
