//! Windows that slide: their geometry as ONNX writes it, and pooling.

use super::super::{Call, Importer, Refused};
use crate::graph::{NodeId, Operator};
use crate::kernel::Window;
use crate::local::Local;
use crate::shape::{MOST_ELEMENTS, Shape};
use crate::tensor::Tensor;

#[derive(Clone, Copy, PartialEq, Eq)]
enum AutoPad {
    Explicit,
    Valid,
    /// The odd one of an uneven padding goes behind.
    SameUpper,
    /// … or before.
    SameLower,
}

/// Attributes that convolutions and pooling share.
pub(super) struct Geometry {
    kernel: Vec<usize>,
    pub(super) strides: Vec<usize>,
    dilations: Vec<usize>,
    before: Vec<usize>,
    after: Vec<usize>,
    auto: AutoPad,
    round_up: bool,
}

impl Geometry {
    pub(super) fn read(call: &Call<'_>, kernel: &[usize]) -> Result<Self, Refused> {
        let axes = kernel.len();
        let list = |name: &str, default: usize, wanted: usize| {
            let found = call.attributes.ints(name)?.map(|list| super::sizes_of(name, &list)).transpose()?;
            let list = found.unwrap_or_else(|| vec![default; wanted]);
            if list.iter().any(|&number| number > MOST_ELEMENTS) {
                return Err(Refused::attribute(name, "is larger than any tensor"));
            }
            if list.len() != wanted || (default == 1 && list.contains(&0)) {
                return Err(Refused::attribute(name, format!("needs {wanted} numbers from {default} on")));
            }
            Ok(list)
        };
        let known = [
            ("NOTSET", AutoPad::Explicit),
            ("VALID", AutoPad::Valid),
            ("SAME_UPPER", AutoPad::SameUpper),
            ("SAME_LOWER", AutoPad::SameLower),
        ];
        let auto = call.attributes.choice("auto_pad", &known)?;
        let mut before = list("pads", 0, 2 * axes)?;
        let after = before.split_off(axes);
        if kernel.iter().any(|&size| size == 0 || size > MOST_ELEMENTS) {
            return Err(Refused::attribute("kernel_shape", "has a size of 0, or one larger than any tensor"));
        }
        Ok(Self {
            kernel: kernel.to_vec(),
            strides: list("strides", 1, axes)?,
            dilations: list("dilations", 1, axes)?,
            before,
            after,
            auto,
            round_up: call.attributes.flag("ceil_mode")?,
        })
    }

    fn of_pool(call: &Call<'_>, input: &Shape) -> Result<Self, Refused> {
        let kernel = call.attributes.ints("kernel_shape")?;
        let kernel = kernel.ok_or_else(|| Refused::attribute("kernel_shape", "is missing"))?;
        let kernel = super::sizes_of("kernel_shape", &kernel)?;
        if input.rank() != kernel.len() + 2 {
            return Err(input.unfit("pooling", "the kernel has another number of axes").into());
        }
        Self::read(call, &kernel)
    }

    /// What a window covers on one axis.
    pub(super) fn span(&self, axis: usize) -> Option<usize> {
        (self.kernel[axis] - 1).checked_mul(self.dilations[axis])?.checked_add(1)
    }

    /// The window over these spatial sizes, all padding explicit.
    pub(super) fn window(&self, spatial: &[usize]) -> Result<Window, Refused> {
        let (mut before, mut after) = (self.before.clone(), self.after.clone());
        for axis in 0..spatial.len() {
            let span =
                self.span(axis).ok_or_else(|| Refused::attribute("dilations", "lead to an absurd size"))?;
            let stride = self.strides[axis];
            match self.auto {
                AutoPad::Valid => (before[axis], after[axis]) = (0, 0),
                AutoPad::SameUpper | AutoPad::SameLower => {
                    let places = spatial[axis].div_ceil(stride);
                    let total = (places.saturating_sub(1) * stride + span).saturating_sub(spatial[axis]);
                    (before[axis], after[axis]) = self.halves(total);
                }
                AutoPad::Explicit if self.round_up => {
                    after[axis] = rounded_up(spatial[axis], before[axis], after[axis], span, stride);
                }
                AutoPad::Explicit => {}
            }
        }
        Ok(Window {
            kernel: self.kernel.clone(),
            strides: self.strides.clone(),
            dilations: self.dilations.clone(),
            before,
            after,
        })
    }

    fn halves(&self, total: usize) -> (usize, usize) {
        let (small, large) = (total / 2, total - total / 2);
        if self.auto == AutoPad::SameLower { (large, small) } else { (small, large) }
    }

    /// The output sizes of a transposed convolution that pads by itself.
    pub(super) fn same_sizes(&self, spatial: &[usize]) -> Option<Vec<usize>> {
        let same = matches!(self.auto, AutoPad::SameUpper | AutoPad::SameLower);
        let size = |(size, stride): (&usize, &usize)| size.saturating_mul(*stride);
        same.then(|| spatial.iter().zip(&self.strides).map(size).collect())
    }

    /// The window of a transposed convolution whose output, before cutting, has the sizes `full`.
    pub(super) fn transposed(
        mut self,
        full: &[usize],
        sizes: Option<Vec<usize>>,
    ) -> Result<(Window, Vec<usize>), Refused> {
        let cut = |(axis, full): (usize, &usize)| {
            full.checked_sub(self.before[axis])?.checked_sub(self.after[axis])
        };
        let sizes = match sizes {
            Some(sizes) => {
                for (axis, &size) in sizes.iter().enumerate() {
                    let total = full[axis].saturating_sub(size);
                    let (small, large) = (total / 2, total - total / 2);
                    let upper = self.auto == AutoPad::SameUpper;
                    (self.before[axis], self.after[axis]) =
                        if upper { (small, large) } else { (large, small) };
                }
                sizes
            }
            None => {
                let sizes: Option<Vec<usize>> = full.iter().enumerate().map(cut).collect();
                sizes.ok_or_else(|| Refused::attribute("pads", "cut away more than there is"))?
            }
        };
        let Self { kernel, strides, dilations, before, after, .. } = self;
        Ok((Window { kernel, strides, dilations, before, after }, sizes))
    }
}

/// Padding behind so that the last, partly filled window counts too, unless it would begin in the padding.
fn rounded_up(size: usize, before: usize, after: usize, span: usize, stride: usize) -> usize {
    let Some(room) = (size + before + after).checked_sub(span) else { return after };
    let mut places = room.div_ceil(stride) + 1;
    if (places - 1) * stride >= size + before {
        places -= 1;
    }
    ((places - 1) * stride + span).saturating_sub(size + before).max(after)
}

impl Importer<'_> {
    pub(super) fn max_pool(&mut self, call: &Call<'_>) -> Result<NodeId, Refused> {
        let input = self.operand(call, 0, "input")?;
        let shape = self.shape(input).clone();
        let geometry = Geometry::of_pool(call, &shape)?;
        call.attributes.ignore("storage_order"); // only says how the indices count, which are refused
        let window = geometry.window(&shape.sizes()[2..])?;
        self.push(call, Operator::MaxPool(window), &[input])
    }

    pub(super) fn average_pool(&mut self, call: &Call<'_>) -> Result<NodeId, Refused> {
        let input = self.operand(call, 0, "input")?;
        let shape = self.shape(input).clone();
        let geometry = Geometry::of_pool(call, &shape)?;
        let window = geometry.window(&shape.sizes()[2..])?;
        let padding_counts = call.attributes.flag("count_include_pad")?;
        self.spent.work(window.pooled(&shape)?.sizes()[2..].iter().product::<usize>() as u64)?;
        let counts = counts(&geometry, &window, &shape, padding_counts)?;
        let sum = self.push_local(call, Local::WindowSum(window), &[input])?;
        match counts.data() {
            [first, rest @ ..] if rest.iter().all(|count| count == first) => {
                self.scaled(call, sum, 1.0 / *first as f32)
            }
            _ => {
                let inverse = self.constant(call, counts.map(|&count| 1.0 / count as f32))?;
                self.multiply(call, sum, inverse)
            }
        }
    }

    pub(super) fn global_pool(&mut self, operator: &str, call: &Call<'_>) -> Result<NodeId, Refused> {
        let input = self.operand(call, 0, "input")?;
        let shape = self.shape(input).clone();
        if shape.rank() < 3 || shape.count() == 0 {
            return Err(shape
                .unfit("global pooling", "there are no spatial axes, or nothing on them")
                .into());
        }
        if operator == "GlobalAveragePool" {
            let count: usize = shape.sizes()[2..].iter().product();
            let sum = self.push_local(call, Local::Sum((2..shape.rank()).collect()), &[input])?;
            return self.scaled(call, sum, 1.0 / count as f32);
        }
        let axes = shape.rank() - 2;
        let window = Window {
            kernel: shape.sizes()[2..].to_vec(),
            strides: vec![1; axes],
            dilations: vec![1; axes],
            before: vec![0; axes],
            after: vec![0; axes],
        };
        self.push(call, Operator::MaxPool(window), &[input])
    }
}

/// The most places for which the divisors of an average with padding are written down.
const MOST_COUNTED: usize = 1 << 24;

/// How many numbers each window averages over, as 1×1×places.
fn counts(
    geometry: &Geometry,
    window: &Window,
    input: &Shape,
    padding_counts: bool,
) -> Result<Tensor<usize>, Refused> {
    let spatial = &input.sizes()[2..];
    let places = Shape::new([&[1, 1], window.places(spatial)?.as_slice()].concat())?;
    if places.count() > MOST_COUNTED {
        return Err(input.unfit("average pooling", "padding, and too many places to count for each").into());
    }
    let in_axis = |axis: usize, place: usize| {
        // Padding that only rounding up brought about never counts.
        let declared =
            if geometry.auto == AutoPad::Explicit { geometry.after[axis] } else { window.after[axis] };
        let padded = Window { before: vec![0; spatial.len()], ..window.clone() };
        let end = spatial[axis] + window.before[axis] + declared;
        let counted = if padding_counts {
            padded.inside(axis, place, end)
        } else {
            window.inside(axis, place, spatial[axis])
        };
        counted.len()
    };
    let axes: Vec<Vec<usize>> = (0..spatial.len())
        .map(|axis| (0..places.size(axis + 2)).map(|place| in_axis(axis, place)).collect())
        .collect();
    let strides = places.strides();
    let count = |index: usize| {
        let along = |axis: usize| axes[axis][index / strides[axis + 2] % places.size(axis + 2)];
        (0..spatial.len()).map(along).product::<usize>()
    };
    let counts: Vec<usize> = (0..places.count()).map(count).collect();
    if counts.contains(&0) {
        return Err(input.unfit("average pooling", "a window lies wholly in the padding").into());
    }
    Ok(Tensor::new(places, counts)?)
}
