//! Number by number.

use super::super::{Call, Importer, MOST_KNOWN, Refused};
use crate::function::Function;
use crate::graph::{NodeId, Operator, PublicTensor};
use crate::local::{Local, Mask};
use crate::real::Real;
use crate::shape::Shape;
use crate::tensor::Tensor;

impl Importer<'_> {
    pub(super) fn arithmetic(&mut self, operator: &str, call: &Call<'_>) -> Result<NodeId, Refused> {
        call.attributes.ignore("consumed_inputs");
        match operator {
            "Neg" => {
                let input = self.operand(call, 0, "input")?;
                self.push_local(call, Local::Negate, &[input])
            }
            "Add" | "Sub" | "Mul" | "Div" => self.pair(operator, call),
            "Where" => self.choose(call),
            "Clip" => self.clip(call),
            "PRelu" => self.parametric_relu(call),
            _ => self.of_all(operator, call),
        }
    }

    fn pair(&mut self, operator: &str, call: &Call<'_>) -> Result<NodeId, Refused> {
        let left = self.operand(call, 0, "first input")?;
        let right = self.operand(call, 1, "second input")?;
        let right = if call.opset < 7 { self.as_of_old(call, left, right)? } else { right };
        match operator {
            "Add" => self.push_local(call, Local::Add, &[left, right]),
            "Sub" => self.push_local(call, Local::Subtract, &[left, right]),
            "Mul" => self.multiply(call, left, right),
            _ => {
                let inverse = self.apply(call, Function::Reciprocal, right)?;
                self.multiply(call, left, inverse)
            }
        }
    }

    /// Before version 7 the second operand was placed by attributes.
    fn as_of_old(&mut self, call: &Call<'_>, left: NodeId, right: NodeId) -> Result<NodeId, Refused> {
        let broadcast = call.attributes.flag("broadcast")?;
        let axis = call.attributes.int("axis")?;
        let (target, own) = (self.shape(left).clone(), self.shape(right).clone());
        if target == own {
            return Ok(right);
        }
        if !broadcast {
            return Err(target.mismatch("an operation without broadcasting", &own).into());
        }
        let Some(axis) = axis else { return Ok(right) };
        let axis = super::axis_of("axis", axis, target.rank())?;
        let mut sizes = vec![1; axis];
        sizes.extend(own.sizes());
        sizes.resize(target.rank().max(sizes.len()), 1);
        self.push_local(call, Local::Reshape(Shape::new(sizes)?), &[right])
    }

    fn of_all(&mut self, operator: &str, call: &Call<'_>) -> Result<NodeId, Refused> {
        let inputs = self.operands(call)?;
        let count = inputs.len();
        let mut rest = inputs.into_iter();
        let mut sum = rest.next().ok_or_else(|| Refused::operand("input", "is missing"))?;
        for input in rest {
            sum = match operator {
                "Max" => self.push(call, Operator::Maximum, &[sum, input])?,
                "Min" => self.minimum(call, sum, input)?,
                _ => self.push_local(call, Local::Add, &[sum, input])?,
            };
        }
        if operator == "Mean" && count > 1 {
            return self.push(call, Operator::Scale((1.0 / count as f32).into()), &[sum]);
        }
        Ok(sum)
    }

    fn minimum(&mut self, call: &Call<'_>, left: NodeId, right: NodeId) -> Result<NodeId, Refused> {
        let left = self.push_local(call, Local::Negate, &[left])?;
        let right = self.push_local(call, Local::Negate, &[right])?;
        let largest = self.push(call, Operator::Maximum, &[left, right])?;
        self.push_local(call, Local::Negate, &[largest])
    }

    fn clip(&mut self, call: &Call<'_>) -> Result<NodeId, Refused> {
        let input = self.operand(call, 0, "input")?;
        let low = call.attributes.float("min")?;
        let high = call.attributes.float("max")?;
        if low.is_some() || high.is_some() {
            let bounds = (Real::from(low.unwrap_or(f32::MIN)), Real::from(high.unwrap_or(f32::MAX)));
            return self.apply(call, Function::Clip(bounds.0, bounds.1), input);
        }
        let mut clipped = input;
        if let Some(low) = self.optional(call, 1, "lower bound")? {
            clipped = self.push(call, Operator::Maximum, &[clipped, low])?;
        }
        if let Some(high) = self.optional(call, 2, "upper bound")? {
            clipped = self.minimum(call, clipped, high)?;
        }
        Ok(clipped)
    }

    /// max(x, 0) − slope · max(−x, 0)
    fn parametric_relu(&mut self, call: &Call<'_>) -> Result<NodeId, Refused> {
        let input = self.operand(call, 0, "input")?;
        let mut slope = self.operand(call, 1, "slope")?;
        let (shape, own) = (self.shape(input).clone(), self.shape(slope).clone());
        if call.opset < 7 && own.rank() == 1 && own.count() > 1 && shape.rank() > 1 {
            let sizes = super::along(1, own.count(), shape.rank())?;
            slope = self.push_local(call, Local::Reshape(sizes), &[slope])?;
        }
        if !self.shape(slope).broadcasts_to(&shape) {
            return Err(shape.mismatch("a slope", &own).into());
        }
        let positive = self.apply(call, Function::Relu, input)?;
        let negated = self.push_local(call, Local::Negate, &[input])?;
        let negative = self.apply(call, Function::Relu, negated)?;
        let negative = self.multiply(call, negative, slope)?;
        self.push_local(call, Local::Subtract, &[positive, negative])
    }

    /// x · (x / 6 + 1/2 between 0 and 1): straight pieces and a product are exact.
    pub(super) fn hard_swish(&mut self, call: &Call<'_>) -> Result<NodeId, Refused> {
        let input = self.operand(call, 0, "input")?;
        let gate = Function::HardSigmoid((1.0 / 6.0).into(), 0.5.into());
        let gate = self.apply(call, gate, input)?;
        self.multiply(call, input, gate)
    }

    fn choose(&mut self, call: &Call<'_>) -> Result<NodeId, Refused> {
        let condition = self.wholes(call, 0, "condition")?;
        let yes = self.operand(call, 1, "first choice")?;
        let no = self.operand(call, 2, "second choice")?;
        let shape = condition.shape().broadcast(self.shape(yes))?.broadcast(self.shape(no))?;
        if shape.count() > MOST_KNOWN {
            return Err(shape.unfit("a condition", "too many numbers to choose one by one").into());
        }
        self.spent.work(2 * shape.count() as u64)?;
        let condition = Local::Expand(shape.clone()).apply(&[&condition])?;
        let bits: Vec<bool> = condition.data().iter().map(|&bit| bit != 0).collect();
        self.select(call, Mask::new(shape, &bits)?, yes, no)
    }

    /// What is not data is added rather than selected, so that its owner need not share it out.
    pub(super) fn select(
        &mut self,
        call: &Call<'_>,
        mask: Mask,
        yes: NodeId,
        no: NodeId,
    ) -> Result<NodeId, Refused> {
        if self.is_data(yes) == self.is_data(no) {
            return self.push_local(call, Local::Select(mask), &[yes, no]);
        }
        let zero = self.constant(call, Tensor::scalar(0.0))?;
        let yes = self.push_local(call, Local::Select(mask.clone()), &[yes, zero])?;
        let no = self.push_local(call, Local::Select(mask), &[zero, no])?;
        self.push_local(call, Local::Add, &[yes, no])
    }

    pub(super) fn constant(&mut self, call: &Call<'_>, tensor: Tensor<f32>) -> Result<NodeId, Refused> {
        self.spent.keep(tensor.data().len())?;
        self.push(call, Operator::Public(PublicTensor::new(&tensor)), &[])
    }
}
