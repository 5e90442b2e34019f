//! Resampling: each axis by itself, as places or as weighted means whose weights follow from the sizes.
//!
//! The arithmetic is that of ONNX's reference implementation (operator `Resize`, versions 10 to 19).

use super::super::{Call, Importer, Refused};
use crate::graph::{Interpolation, NodeId, Operator, Tap};
use crate::local::Local;
use crate::shape::Shape;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Coordinates {
    HalfPixel,
    HalfPixelSymmetric,
    PytorchHalfPixel,
    HalfPixelForNearest,
    AlignCorners,
    Asymmetric,
    Crop,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Nearest,
    Linear,
    Cubic,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rounding {
    PreferFloor,
    PreferCeil,
    Floor,
    Ceil,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Aspect {
    Stretch,
    NotLarger,
    NotSmaller,
}

struct Method {
    coordinates: Coordinates,
    mode: Mode,
    rounding: Rounding,
    cubic: f64,
    exclude_outside: bool,
    antialias: bool,
    outside: f32,
}

/// The most weights that resampling one tensor may need.
const MOST_TAPS: f64 = (1 << 20) as f64;

/// One axis that is resampled.
struct Resampling {
    axis: usize,
    from: usize,
    to: usize,
    scale: f64,
    region: (f64, f64),
}

impl Resampling {
    /// Whether the size had to be rounded.
    fn is_ragged(&self) -> bool {
        (self.from as f64 * self.scale - self.to as f64).abs() > 1e-3
    }
}

impl Importer<'_> {
    pub(super) fn resize(&mut self, operator: &str, call: &Call<'_>) -> Result<NodeId, Refused> {
        let method = Method::read(operator, call)?;
        let input = self.operand(call, 0, "input")?;
        let shape = self.shape(input).clone();
        let axes = self.resamplings(operator, call, &shape)?;
        if method.coordinates == Coordinates::AlignCorners && axes.iter().any(Resampling::is_ragged) {
            // ONNX's own tests divide by the exact size less one, onnxruntime and PyTorch by the rounded size.
            let why = "= 'align_corners' with scales that do not lead to whole sizes has two meanings";
            return Err(Refused::attribute("coordinate_transformation_mode", why));
        }
        let taps = axes.iter().map(|axis| method.most_taps(axis)).sum::<f64>();
        if taps > MOST_TAPS {
            return Err(Refused::operand("scales", "widen the filter too much"));
        }
        self.spent.keep(taps as usize)?;
        let mut output = input;
        let lifted = method.outside != 0.0 && axes.iter().any(|axis| method.leaves(axis));
        if lifted {
            output = self.push(call, Operator::Shift((-method.outside).into()), &[output])?;
        }
        for axis in &axes {
            output = self.resample(call, output, axis.axis, &method.taps(axis))?;
        }
        if lifted { self.push(call, Operator::Shift(method.outside.into()), &[output]) } else { Ok(output) }
    }

    fn resample(
        &mut self,
        call: &Call<'_>,
        input: NodeId,
        axis: usize,
        taps: &[Vec<Tap>],
    ) -> Result<NodeId, Refused> {
        let single = |taps: &Vec<Tap>| match taps.as_slice() {
            [tap] if tap.weight.get() == 1.0 => Some(tap.place),
            _ => None,
        };
        let Some(places) = taps.iter().map(single).collect::<Option<Vec<_>>>() else {
            let interpolation = Interpolation { axis, taps: taps.to_vec() };
            return self.push(call, Operator::Interpolate(interpolation), &[input]);
        };
        if places.iter().copied().eq(0..self.shape(input).size(axis)) {
            return Ok(input);
        }
        let sizes = vec![places.len()];
        self.push_local(call, Local::Gather { axis, places, sizes }, &[input])
    }

    fn resamplings(
        &mut self,
        operator: &str,
        call: &Call<'_>,
        shape: &Shape,
    ) -> Result<Vec<Resampling>, Refused> {
        let named = call.attributes.ints("axes")?;
        let axes = match &named {
            Some(axes) => axes
                .iter()
                .map(|&axis| super::axis_of("axes", axis, shape.rank()))
                .collect::<Result<_, _>>()?,
            None => (0..shape.rank()).collect::<Vec<_>>(),
        };
        let old = operator == "Upsample" || call.opset < 11;
        let (region_at, scales_at, sizes_at) = if old { (usize::MAX, 1, usize::MAX) } else { (1, 2, 3) };
        let region = self.parameter(call, region_at, "region")?.map(crate::tensor::Tensor::into_data);
        let scales = match call.attributes.floats("scales")? {
            Some(scales) => Some(scales),
            None => self.parameter(call, scales_at, "scales")?.map(crate::tensor::Tensor::into_data),
        };
        let sizes = self.optional_wholes(call, sizes_at, "sizes")?;
        let region = region.filter(|region| region.len() == 2 * axes.len());
        let from: Vec<usize> = axes.iter().map(|&axis| shape.size(axis)).collect();
        let targets = match (scales.filter(|scales| !scales.is_empty()), sizes) {
            (Some(scales), _) => scaled(&from, &scales)?,
            (None, Some(sizes)) => sized(call, &from, &sizes)?,
            (None, None) => return Err(Refused::operand("scales", "are missing, and so are sizes")),
        };
        let one = |(place, (to, scale)): (usize, (usize, f64))| {
            let bound = |at: usize| {
                region
                    .as_ref()
                    .map_or(if at < axes.len() { 0.0 } else { 1.0 }, |region| f64::from(region[at]))
            };
            let region = (bound(place), bound(place + axes.len()));
            Resampling { axis: axes[place], from: from[place], to, scale, region }
        };
        Ok(targets.into_iter().enumerate().map(one).collect())
    }
}

fn scaled(from: &[usize], scales: &[f32]) -> Result<Vec<(usize, f64)>, Refused> {
    let good = scales.len() == from.len() && scales.iter().all(|scale| scale.is_finite() && *scale > 0.0);
    if !good {
        return Err(Refused::operand("scales", "are not one positive number for each axis"));
    }
    let one = |(&from, &scale): (&usize, &f32)| {
        ((from as f64 * f64::from(scale)).floor() as usize, f64::from(scale))
    };
    Ok(from.iter().zip(scales).map(one).collect())
}

fn sized(call: &Call<'_>, from: &[usize], sizes: &[i64]) -> Result<Vec<(usize, f64)>, Refused> {
    let known = [
        ("stretch", Aspect::Stretch),
        ("not_larger", Aspect::NotLarger),
        ("not_smaller", Aspect::NotSmaller),
    ];
    let aspect = call.attributes.choice("keep_aspect_ratio_policy", &known)?;
    let sizes = super::sizes_of("sizes", sizes)?;
    if sizes.len() != from.len() || from.contains(&0) {
        return Err(Refused::operand("sizes", "are not one for each axis"));
    }
    let scales = sizes.iter().zip(from).map(|(&to, &from)| to as f64 / from as f64);
    let common = match aspect {
        Aspect::Stretch => return Ok(sizes.iter().copied().zip(scales).collect()),
        Aspect::NotLarger => scales.fold(f64::INFINITY, f64::min),
        Aspect::NotSmaller => scales.fold(0.0, f64::max),
    };
    Ok(from.iter().map(|&from| ((common * from as f64 + 0.5).floor() as usize, common)).collect())
}

impl Method {
    fn read(operator: &str, call: &Call<'_>) -> Result<Self, Refused> {
        let old = operator == "Upsample" || call.opset < 11;
        let attributes = &call.attributes;
        let coordinates = attributes.choice(
            "coordinate_transformation_mode",
            &[
                ("half_pixel", Coordinates::HalfPixel),
                ("half_pixel_symmetric", Coordinates::HalfPixelSymmetric),
                ("pytorch_half_pixel", Coordinates::PytorchHalfPixel),
                ("tf_half_pixel_for_nn", Coordinates::HalfPixelForNearest),
                ("align_corners", Coordinates::AlignCorners),
                ("asymmetric", Coordinates::Asymmetric),
                ("tf_crop_and_resize", Coordinates::Crop),
            ],
        )?;
        let rounding = attributes.choice(
            "nearest_mode",
            &[
                ("round_prefer_floor", Rounding::PreferFloor),
                ("round_prefer_ceil", Rounding::PreferCeil),
                ("floor", Rounding::Floor),
                ("ceil", Rounding::Ceil),
            ],
        )?;
        let known = [
            ("nearest", Mode::Nearest),
            ("linear", Mode::Linear),
            ("cubic", Mode::Cubic),
            ("bilinear", Mode::Linear),
        ];
        let mode = attributes.choice("mode", &known)?;
        attributes.ignore("keep_aspect_ratio_policy"); // says nothing where scales are given
        Ok(Self {
            coordinates: if old { Coordinates::Asymmetric } else { coordinates },
            mode,
            rounding: if old { Rounding::Floor } else { rounding },
            cubic: f64::from(attributes.float("cubic_coeff_a")?.unwrap_or(-0.75)),
            exclude_outside: attributes.flag("exclude_outside")?,
            antialias: attributes.flag("antialias")?,
            outside: attributes.float("extrapolation_value")?.unwrap_or(0.0),
        })
    }

    /// About how many weights an axis needs.
    fn most_taps(&self, axis: &Resampling) -> f64 {
        let widened = if self.antialias { axis.scale.min(1.0) } else { 1.0 };
        axis.to as f64 * (4.0 / widened + 2.0)
    }

    /// Where on the input's axis a place of the output lies.
    fn source(&self, axis: &Resampling, place: usize) -> f64 {
        let (place, from, to) = (place as f64, axis.from as f64, axis.to as f64);
        let half = (place + 0.5) / axis.scale - 0.5;
        match self.coordinates {
            Coordinates::HalfPixel => half,
            Coordinates::HalfPixelSymmetric => {
                let exact = from * axis.scale;
                from / 2.0 * (1.0 - to / exact) + half
            }
            Coordinates::PytorchHalfPixel => {
                if axis.to == 1 {
                    -0.5
                } else {
                    half
                }
            }
            Coordinates::HalfPixelForNearest => (place + 0.5) / axis.scale,
            Coordinates::AlignCorners => {
                if axis.to == 1 {
                    0.0
                } else {
                    place * (from - 1.0) / (to - 1.0)
                }
            }
            Coordinates::Asymmetric => place / axis.scale,
            Coordinates::Crop => {
                let (start, end) = axis.region;
                if axis.to == 1 {
                    (start + end) * (from - 1.0) / 2.0
                } else {
                    start * (from - 1.0) + place * (end - start) * (from - 1.0) / (to - 1.0)
                }
            }
        }
    }

    fn is_outside(&self, axis: &Resampling, source: f64) -> bool {
        self.coordinates == Coordinates::Crop && !(0.0..=axis.from as f64 - 1.0).contains(&source)
    }

    /// Whether some place of the output lies outside of the input.
    fn leaves(&self, axis: &Resampling) -> bool {
        (0..axis.to).any(|place| self.is_outside(axis, self.source(axis, place)))
    }

    fn taps(&self, axis: &Resampling) -> Vec<Vec<Tap>> {
        (0..axis.to).map(|place| self.taps_at(axis, self.source(axis, place))).collect()
    }

    fn taps_at(&self, axis: &Resampling, source: f64) -> Vec<Tap> {
        if axis.from == 0 || self.is_outside(axis, source) {
            return Vec::new();
        }
        // The left neighbour is preferred, so the distance from it is in (0, 1].
        let ratio = if source.fract() == 0.0 { 1.0 } else { source - source.floor() };
        let mut weights = self.weights(ratio, axis.scale);
        let first = source.ceil() as i64 - (weights.len() / 2) as i64;
        let last = axis.from as i64 - 1;
        if self.exclude_outside {
            let inside = |place: usize| (0..=last).contains(&(first + place as i64));
            weights
                .iter_mut()
                .enumerate()
                .for_each(|(place, weight)| *weight *= f64::from(u8::from(inside(place))));
            let sum: f64 = weights.iter().sum();
            weights.iter_mut().for_each(|weight| *weight /= sum);
        }
        let mut taps: Vec<(usize, f64)> = Vec::new();
        for (place, weight) in weights.into_iter().enumerate() {
            let place = (first + place as i64).clamp(0, last) as usize;
            match taps.last_mut() {
                Some((before, sum)) if *before == place => *sum += weight,
                _ => taps.push((place, weight)),
            }
        }
        taps.retain(|(_, weight)| *weight != 0.0);
        taps.into_iter().map(|(place, weight)| Tap { place, weight: (weight as f32).into() }).collect()
    }

    fn weights(&self, ratio: f64, scale: f64) -> Vec<f64> {
        let scale = if self.antialias { scale.min(1.0) } else { 1.0 };
        match self.mode {
            Mode::Nearest => nearest(self.rounding, ratio),
            Mode::Linear => spread(ratio, scale, 1.0, |distance| (1.0 - distance).clamp(0.0, 1.0)),
            Mode::Cubic => spread(ratio, scale, 2.0, |distance| cubic(self.cubic, distance)),
        }
    }
}

fn nearest(rounding: Rounding, ratio: f64) -> Vec<f64> {
    let right = ratio == 1.0
        || match rounding {
            Rounding::PreferFloor => ratio > 0.5,
            Rounding::PreferCeil => ratio >= 0.5,
            Rounding::Floor => false,
            Rounding::Ceil => true,
        };
    if right { vec![0.0, 1.0] } else { vec![1.0, 0.0] }
}

/// The weights of the neighbours by their distance; a smaller scale widens the filter of half-width `reach`.
fn spread(ratio: f64, scale: f64, reach: f64, weight: impl Fn(f64) -> f64) -> Vec<f64> {
    let start = (-reach / scale).floor() as i64 + 1;
    let weights: Vec<f64> =
        (start..2 - start).map(|at| weight(((at as f64 - ratio) * scale).abs())).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// Keys' cubic convolution.
fn cubic(a: f64, x: f64) -> f64 {
    if x < 1.0 {
        (a + 2.0) * x * x * x - (a + 3.0) * x * x + 1.0
    } else if x < 2.0 {
        a * x * x * x - 5.0 * a * x * x + 8.0 * a * x - 4.0 * a
    } else {
        0.0
    }
}
