//! Normalisations and softmax, taken apart.

use super::super::held::Held;
use super::super::{Call, Importer, Refused};
use crate::function::{Curve, Function};
use crate::graph::{NodeId, Operator};
use crate::local::Local;
use crate::shape::Shape;

/// e to this power is less than any fixed-point number here can tell from 0.
const NEGLIGIBLE: f32 = -17.0;

impl Importer<'_> {
    /// x · s + t with s = scale / √(variance + ε) and t = offset − mean · s, which come from weights alone.
    pub(super) fn batch_normalization(&mut self, call: &Call<'_>) -> Result<NodeId, Refused> {
        let epsilon = call.attributes.float("epsilon")?.unwrap_or(1e-5);
        call.attributes.ignore("momentum");
        call.attributes.ignore("is_test"); // before version 7; inference is all there is here
        if call.attributes.flag("training_mode")? {
            return Err(Refused::attribute("training_mode", "is on"));
        }
        if call.attributes.int("spatial")?.unwrap_or(1) != 1 {
            return Err(Refused::attribute("spatial", "= 0 is not supported"));
        }
        let input = self.operand(call, 0, "input")?;
        let shape = self.shape(input).clone();
        if shape.rank() < 2 {
            return Err(shape.unfit("batch normalisation", "there are no channels").into());
        }
        let mut parts = Vec::new();
        for (place, role) in ["scale", "offset", "mean", "variance"].into_iter().enumerate() {
            let part = self.operand(call, place + 1, role)?;
            if self.shape(part).sizes() != [shape.size(1)] {
                return Err(shape.mismatch("batch normalisation", self.shape(part)).into());
            }
            let target = super::along(1, shape.size(1), shape.rank())?;
            parts.push(self.push_local(call, Local::Reshape(target), &[part])?);
        }
        let inverse = self.inverse_deviation(call, parts[3], epsilon)?;
        let factor = self.multiply(call, parts[0], inverse)?;
        let shift = self.multiply(call, parts[2], factor)?;
        let shift = self.push_local(call, Local::Subtract, &[parts[1], shift])?;
        let scaled = self.multiply(call, input, factor)?;
        self.push_local(call, Local::Add, &[scaled, shift])
    }

    /// 1 / √(variance + ε)
    fn inverse_deviation(
        &mut self,
        call: &Call<'_>,
        variance: NodeId,
        epsilon: f32,
    ) -> Result<NodeId, Refused> {
        let variance = self.push(call, Operator::Shift(epsilon.into()), &[variance])?;
        self.apply(call, Function::ReciprocalSqrt, variance)
    }

    pub(super) fn instance_normalization(&mut self, call: &Call<'_>) -> Result<NodeId, Refused> {
        let epsilon = call.attributes.float("epsilon")?.unwrap_or(1e-5);
        call.attributes.ignore("consumed_inputs");
        let input = self.operand(call, 0, "input")?;
        let shape = self.shape(input).clone();
        if shape.rank() < 3 {
            return Err(shape.unfit("instance normalisation", "there are no spatial axes").into());
        }
        let axes: Vec<usize> = (2..shape.rank()).collect();
        let (normal, ..) = self.normalized(call, input, &axes, epsilon)?;
        let target = super::along(1, shape.size(1), shape.rank())?;
        let scale = self.operand(call, 1, "scale")?;
        let scale = self.push_local(call, Local::Reshape(target.clone()), &[scale])?;
        let offset = self.operand(call, 2, "offset")?;
        let offset = self.push_local(call, Local::Reshape(target), &[offset])?;
        let scaled = self.multiply(call, normal, scale)?;
        self.push_local(call, Local::Add, &[scaled, offset])
    }

    /// (x − mean) / √(variance + ε) over these axes, the mean, and the inverse deviation.
    fn normalized(
        &mut self,
        call: &Call<'_>,
        input: NodeId,
        axes: &[usize],
        epsilon: f32,
    ) -> Result<(NodeId, NodeId, NodeId), Refused> {
        let mean = self.mean_over(call, input, axes)?;
        let centred = self.push_local(call, Local::Subtract, &[input, mean])?;
        let squares = self.multiply(call, centred, centred)?;
        let variance = self.mean_over(call, squares, axes)?;
        let inverse = self.inverse_deviation(call, variance, epsilon)?;
        let normal = self.multiply(call, centred, inverse)?;
        Ok((normal, mean, inverse))
    }

    pub(super) fn mean_over(
        &mut self,
        call: &Call<'_>,
        input: NodeId,
        axes: &[usize],
    ) -> Result<NodeId, Refused> {
        let shape = self.shape(input);
        let count: usize = axes.iter().map(|&axis| shape.size(axis)).product();
        if count == 0 {
            return Err(shape.unfit("a mean", "there is nothing to average").into());
        }
        let sum = self.push_local(call, Local::Sum(axes.to_vec()), &[input])?;
        self.scaled(call, sum, 1.0 / count as f32)
    }

    pub(super) fn layer_normalization(&mut self, call: &Call<'_>) -> Result<Vec<Held>, Refused> {
        let epsilon = call.attributes.float("epsilon")?.unwrap_or(1e-5);
        let axis = call.attributes.int("axis")?.unwrap_or(-1);
        call.attributes.ignore("stash_type"); // all arithmetic is at least single precision
        let input = self.operand(call, 0, "input")?;
        let rank = self.shape(input).rank();
        let axes: Vec<usize> = (super::axis_of("axis", axis, rank)?..rank).collect();
        let (normal, mean, inverse) = self.normalized(call, input, &axes, epsilon)?;
        let scale = self.operand(call, 1, "scale")?;
        let mut output = self.multiply(call, normal, scale)?;
        if let Some(offset) = self.optional(call, 2, "offset")? {
            output = self.push_local(call, Local::Add, &[output, offset])?;
        }
        if self.shape(output) != self.shape(input) {
            return Err(self.shape(input).mismatch("layer normalisation", self.shape(output)).into());
        }
        let outputs = [output, mean, inverse].into_iter().map(Held::Node);
        Ok(outputs.take(call.outputs.len()).collect())
    }

    /// eˣ / Σ eˣ, or its logarithm, of x less its largest.
    pub(super) fn softmax(&mut self, operator: &str, call: &Call<'_>) -> Result<NodeId, Refused> {
        let whole_rest = call.opset < 13;
        let axis = call.attributes.int("axis")?.unwrap_or(if whole_rest { 1 } else { -1 });
        let input = self.operand(call, 0, "input")?;
        let shape = self.shape(input).clone();
        if shape.rank() == 0 || shape.count() == 0 {
            return Err(shape.unfit("softmax", "there is nothing to choose from").into());
        }
        if !whole_rest {
            let axis = super::axis_of("axis", axis, shape.rank())?;
            return self.softmax_along(operator, call, input, axis);
        }
        // Before version 13 everything from the axis on counted as one.
        let axis = if axis == shape.rank() as i64 {
            shape.rank()
        } else {
            super::axis_of("axis", axis, shape.rank())?
        };
        let rows: usize = shape.sizes()[..axis].iter().product();
        let flat = Shape::new([rows, shape.count() / rows])?;
        let input = self.push_local(call, Local::Reshape(flat), &[input])?;
        let output = self.softmax_along(operator, call, input, 1)?;
        self.push_local(call, Local::Reshape(shape), &[output])
    }

    fn softmax_along(
        &mut self,
        operator: &str,
        call: &Call<'_>,
        input: NodeId,
        axis: usize,
    ) -> Result<NodeId, Refused> {
        // The largest is among the powers as e⁰, so their sum is between 1 and their number.
        let count = self.shape(input).size(axis) as f32;
        let largest = self.push(call, Operator::Largest(axis), &[input])?;
        let below = self.push_local(call, Local::Subtract, &[input, largest])?;
        let powers = self.apply(call, Function::Within(Curve::Exp, NEGLIGIBLE.into(), 0.0.into()), below)?;
        let sum = self.push_local(call, Local::Sum(vec![axis]), &[powers])?;
        if operator == "LogSoftmax" {
            let logarithm = self.apply(call, Function::Within(Curve::Log, 1.0.into(), count.into()), sum)?;
            return self.push_local(call, Local::Subtract, &[below, logarithm]);
        }
        let inverse = self.apply(call, Function::Within(Curve::Reciprocal, 1.0.into(), count.into()), sum)?;
        self.multiply(call, powers, inverse)
    }
}
