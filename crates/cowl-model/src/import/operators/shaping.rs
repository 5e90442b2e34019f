//! Sizes and places: of data, of weights, and of the whole numbers that shapes are made of.

use super::super::held::Held;
use super::super::{Call, Importer, MOST_KEPT, MOST_KNOWN, Refused};
use crate::local::{Local, Mask, Padding};
use crate::shape::Shape;
use crate::tensor::Tensor;

impl Importer<'_> {
    pub(super) fn shaping(&mut self, operator: &str, call: &Call<'_>) -> Result<Held, Refused> {
        let input = self.held(call, 0, "input")?;
        let shape = self.shape_of(&input);
        let local = match operator {
            "Identity" => return Ok(input),
            "Concat" => return self.concat(call),
            "Slice" => return self.slice(call, input, &shape),
            "Pad" => return self.pad(call, input, &shape),
            "Flatten" => Local::Reshape(flattened(call, &shape)?),
            "Reshape" => Local::Reshape(self.new_shape(call, &shape)?),
            "Squeeze" => Local::Reshape(self.squeezed(call, &shape)?),
            "Unsqueeze" => Local::Reshape(self.unsqueezed(call, &shape)?),
            "Transpose" => Local::Transpose(order(call, &shape)?),
            "Expand" => {
                let sizes = self.wholes(call, 1, "shape")?.into_data();
                Local::Expand(shape.broadcast(&Shape::new(super::sizes_of("shape", &sizes)?)?)?)
            }
            _ => self.gather(call, &shape)?,
        };
        self.local(call, local, &[input])
    }

    fn new_shape(&mut self, call: &Call<'_>, shape: &Shape) -> Result<Shape, Refused> {
        let zero_is_zero = call.attributes.flag("allowzero")?;
        let wanted = match call.attributes.ints("shape")? {
            Some(wanted) => wanted,
            None => self.wholes(call, 1, "shape")?.into_data(),
        };
        let mut sizes = Vec::with_capacity(wanted.len());
        let mut open = None;
        for (axis, &size) in wanted.iter().enumerate() {
            let size = match size {
                -1 if open.replace(axis).is_none() => 1,
                0 if !zero_is_zero && axis < shape.rank() => shape.size(axis),
                _ => super::size_of("shape", size)?,
            };
            sizes.push(size);
        }
        if let Some(axis) = open {
            let others = Shape::new(sizes.as_slice())?.count();
            if others == 0 || !shape.count().is_multiple_of(others) {
                return Err(shape.unfit("reshaping", format!("{wanted:?} does not divide it")).into());
            }
            sizes[axis] = shape.count() / others;
        }
        Ok(Shape::new(sizes)?)
    }

    /// Axes as an attribute of old versions or an input of new ones.
    fn axes(&mut self, call: &Call<'_>) -> Result<Option<Vec<i64>>, Refused> {
        match call.attributes.ints("axes")? {
            Some(axes) => Ok(Some(axes)),
            None => self.optional_wholes(call, 1, "axes"),
        }
    }

    fn squeezed(&mut self, call: &Call<'_>, shape: &Shape) -> Result<Shape, Refused> {
        let gone = match self.axes(call)? {
            Some(axes) => super::axes_of("axes", &axes, shape.rank())?,
            None => (0..shape.rank()).filter(|&axis| shape.size(axis) == 1).collect(),
        };
        if let Some(axis) = gone.iter().find(|&&axis| shape.size(axis) != 1) {
            return Err(shape.unfit("squeezing", format!("axis {axis} is not of size 1")).into());
        }
        let kept = (0..shape.rank()).filter(|axis| !gone.contains(axis)).map(|axis| shape.size(axis));
        Ok(Shape::new(kept.collect::<Vec<_>>())?)
    }

    fn unsqueezed(&mut self, call: &Call<'_>, shape: &Shape) -> Result<Shape, Refused> {
        let axes = self.axes(call)?.ok_or_else(|| Refused::operand("axes", "are missing"))?;
        let rank = shape.rank() + axes.len();
        let new = super::axes_of("axes", &axes, rank)?;
        let mut old = shape.sizes().iter().copied();
        let size = |axis: usize| if new.contains(&axis) { Some(1) } else { old.next() };
        Ok(Shape::new((0..rank).filter_map(size).collect::<Vec<_>>())?)
    }

    fn gather(&mut self, call: &Call<'_>, shape: &Shape) -> Result<Local, Refused> {
        let axis = super::axis_of("axis", call.attributes.int("axis")?.unwrap_or(0), shape.rank())?;
        let indices = self.wholes(call, 1, "indices")?;
        self.spent.keep(indices.data().len())?;
        let place = |&index: &i64| {
            super::axis_of("index", index, shape.size(axis))
                .map_err(|_| Refused::operand("index", format!("{index} is outside of the axis")))
        };
        let places = indices.data().iter().map(place).collect::<Result<Vec<_>, _>>()?;
        Ok(Local::Gather { axis, places, sizes: indices.shape().sizes().to_vec() })
    }

    fn concat(&mut self, call: &Call<'_>) -> Result<Held, Refused> {
        let inputs = (0..call.inputs.len()).map(|place| self.held(call, place, "input"));
        let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
        let axis = call.attributes.int("axis")?.unwrap_or(1);
        let rank = inputs.first().map_or(0, |first| self.shape_of(first).rank());
        self.local(call, Local::Concat(super::axis_of("axis", axis, rank)?), &inputs)
    }

    fn slice(&mut self, call: &Call<'_>, input: Held, shape: &Shape) -> Result<Held, Refused> {
        let by_attribute = call.attributes.ints("starts")?;
        let (starts, ends, axes, steps) = match by_attribute {
            Some(starts) => {
                let ends = call.attributes.ints("ends")?.unwrap_or_default();
                (starts, ends, call.attributes.ints("axes")?, None)
            }
            None => (
                self.wholes(call, 1, "starts")?.into_data(),
                self.wholes(call, 2, "ends")?.into_data(),
                self.optional_wholes(call, 3, "axes")?,
                self.optional_wholes(call, 4, "steps")?,
            ),
        };
        let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
        if ends.len() != starts.len() || axes.len() != starts.len() || steps.len() != starts.len() {
            return Err(Refused::operand("starts", "are not as many as ends, axes and steps"));
        }
        let mut sliced = input;
        for (place, &axis) in axes.iter().enumerate() {
            let axis = super::axis_of("axes", axis, shape.rank())?;
            let local = one_slice(axis, shape.size(axis), starts[place], ends[place], steps[place])?;
            sliced = self.local(call, local, &[sliced])?;
        }
        Ok(sliced)
    }

    pub(super) fn split(&mut self, call: &Call<'_>) -> Result<Vec<Held>, Refused> {
        let input = self.held(call, 0, "input")?;
        let shape = self.shape_of(&input);
        let axis = super::axis_of("axis", call.attributes.int("axis")?.unwrap_or(0), shape.rank())?;
        let mut sizes = call.attributes.ints("split")?;
        if sizes.is_none() {
            sizes = self.optional_wholes(call, 1, "split")?;
        }
        let parts = call.outputs.len();
        let named = call.attributes.int("num_outputs")?.unwrap_or(parts as i64);
        if usize::try_from(named) != Ok(parts) {
            return Err(Refused::attribute("num_outputs", format!("= {named}, and there are {parts}")));
        }
        let sizes = match sizes {
            Some(sizes) => super::sizes_of("split", &sizes)?,
            None => even_parts(shape.size(axis), parts),
        };
        let sum = sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size));
        if sizes.len() != call.outputs.len() || sum != Some(shape.size(axis)) {
            return Err(shape.unfit("splitting", format!("the parts are {sizes:?}")).into());
        }
        let mut start = 0;
        let mut outputs = Vec::with_capacity(sizes.len());
        for count in sizes {
            outputs.push(self.local(
                call,
                Local::Slice { axis, start, step: 1, count },
                std::slice::from_ref(&input),
            )?);
            start += count;
        }
        Ok(outputs)
    }

    pub(super) fn dropout(&mut self, call: &Call<'_>) -> Result<Vec<Held>, Refused> {
        let by_attribute = call.attributes.float("ratio")?;
        call.attributes.ignore("is_test");
        call.attributes.ignore("seed");
        let input = self.held(call, 0, "input")?;
        let shape = self.shape_of(&input);
        let ratio = match self.parameter(call, 1, "ratio")? {
            Some(ratio) => ratio.data().first().copied(),
            None => by_attribute,
        };
        let training = self.optional_wholes(call, 2, "training mode")?;
        if training.is_some_and(|mode| mode.iter().any(|&on| on != 0)) && ratio != Some(0.0) {
            return Err(Refused::operand("training mode", "is on"));
        }
        if !call.wants_output(1) {
            return Ok(vec![input]);
        }
        if shape.count() > MOST_KEPT {
            return Err(shape.unfit("a mask", "too many numbers").into());
        }
        Ok(vec![input, Held::Wholes { tensor: Tensor::filled(shape, 1), boolean: true }])
    }

    fn pad(&mut self, call: &Call<'_>, input: Held, shape: &Shape) -> Result<Held, Refused> {
        let known = [
            ("constant", Padding::Zero),
            ("reflect", Padding::Reflect),
            ("edge", Padding::Edge),
            ("wrap", Padding::Wrap),
        ];
        let padding = call.attributes.choice("mode", &known)?;
        let value_attribute = call.attributes.float("value")?;
        let (pads, axes) = match call.attributes.ints("pads")? {
            Some(pads) => (pads, None),
            None => (self.wholes(call, 1, "pads")?.into_data(), self.optional_wholes(call, 3, "axes")?),
        };
        let axes = match axes {
            Some(axes) => axes
                .iter()
                .map(|&axis| super::axis_of("axes", axis, shape.rank()))
                .collect::<Result<_, _>>()?,
            None => (0..shape.rank()).collect::<Vec<_>>(),
        };
        let count = axes.len();
        if pads.len() != 2 * count {
            return Err(Refused::operand("pads", format!("are {} for {count} axes", pads.len())));
        }
        let steps = axes.iter().enumerate().map(|(place, &axis)| {
            (pads[place] != 0 || pads[place + count] != 0).then(|| Local::Pad {
                axis,
                before: pads[place],
                after: pads[place + count],
                padding,
            })
        });
        let steps: Vec<Local> = steps.flatten().collect();
        let mut padded = input;
        for step in &steps {
            padded = self.local(call, step.clone(), &[padded])?;
        }
        let value = if call.has_input(2) { Some(self.held(call, 2, "value")?) } else { None };
        let plain = value.is_none() && value_attribute.unwrap_or(0.0) == 0.0;
        if padding != Padding::Zero || steps.is_empty() || plain {
            return Ok(padded);
        }
        self.fill(call, padded, &steps, shape, value, value_attribute)
    }

    /// Puts a constant where the padding is.
    fn fill(
        &mut self,
        call: &Call<'_>,
        padded: Held,
        steps: &[Local],
        shape: &Shape,
        value: Option<Held>,
        attribute: Option<f32>,
    ) -> Result<Held, Refused> {
        let mut grown = shape.clone();
        for step in steps {
            let next = step.shape(&[&grown])?;
            if grown.count().max(next.count()) > MOST_KNOWN {
                return Err(shape.unfit("padding", "too many numbers for a constant other than 0").into());
            }
            self.spent.work(2 * (grown.count() + next.count()) as u64)?;
            grown = next;
        }
        let mut inside = Tensor::filled(shape.clone(), 1i64);
        for step in steps {
            inside = step.apply(&[&inside])?;
        }
        let bits: Vec<bool> = inside.data().iter().map(|&bit| bit == 1).collect();
        let mask = Mask::new(inside.shape().clone(), &bits)?;
        if let (Held::Wholes { .. }, Some(value)) = (&padded, &value) {
            return self.local(call, Local::Select(mask), &[padded, value.clone()]);
        }
        let value = match value {
            Some(value) => {
                let one = self.shape_of(&value).count() == 1;
                let value = self.node_of(value, call.layer)?;
                if !one {
                    return Err(Refused::operand("value", "is not one number"));
                }
                self.push_local(call, Local::Reshape(Shape::scalar()), &[value])?
            }
            None => self.constant(call, Tensor::scalar(attribute.unwrap_or(0.0)))?,
        };
        let padded = self.node_of(padded, call.layer)?;
        self.select(call, mask, padded, value).map(Held::Node)
    }
}

fn flattened(call: &Call<'_>, shape: &Shape) -> Result<Shape, Refused> {
    let axis = call.attributes.int("axis")?.unwrap_or(1);
    let axis =
        if axis == shape.rank() as i64 { shape.rank() } else { super::axis_of("axis", axis, shape.rank())? };
    let (before, after) = shape.sizes().split_at(axis);
    Ok(Shape::new([before.iter().product::<usize>(), after.iter().product()])?)
}

fn order(call: &Call<'_>, shape: &Shape) -> Result<Vec<usize>, Refused> {
    match call.attributes.ints("perm")? {
        Some(order) => super::sizes_of("perm", &order),
        None => Ok((0..shape.rank()).rev().collect()),
    }
}

/// One axis of numpy's `[start:end:step]`; what lies outside counts as the edge.
fn one_slice(axis: usize, size: usize, start: i64, end: i64, step: i64) -> Result<Local, Refused> {
    let size = size as i64;
    let from_front = |place: i64| if place < 0 { place.saturating_add(size) } else { place };
    let count = |distance: i64, step: u64| (distance.max(0) as u64).div_ceil(step) as usize;
    let (start, count) = match step {
        0 => return Err(Refused::operand("step", "is 0")),
        1.. => {
            let (start, end) = (from_front(start).clamp(0, size), from_front(end).clamp(0, size));
            (start, count(end - start, step.unsigned_abs()))
        }
        _ => {
            let (start, end) = (from_front(start).clamp(-1, size - 1), from_front(end).clamp(-1, size - 1));
            (start, count(start - end, step.unsigned_abs()))
        }
    };
    let start = if count == 0 { 0 } else { start };
    Ok(Local::Slice { axis, start: super::size_of("start", start)?, step, count })
}

/// As even as can be; the last part may be smaller.
fn even_parts(size: usize, parts: usize) -> Vec<usize> {
    let most = size.div_ceil(parts.max(1));
    (0..parts).map(|part| most.min(size.saturating_sub(part * most))).collect()
}
