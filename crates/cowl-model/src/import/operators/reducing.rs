//! Sums, means and the place of the largest, over axes.

use super::super::{Call, Importer, Refused};
use crate::graph::{NodeId, Operator};
use crate::local::Local;
use crate::shape::Shape;

impl Importer<'_> {
    pub(super) fn reduce(&mut self, operator: &str, call: &Call<'_>) -> Result<NodeId, Refused> {
        let input = self.operand(call, 0, "input")?;
        let shape = self.shape(input).clone();
        let mut axes = call.attributes.ints("axes")?;
        if axes.is_none() {
            axes = self.optional_wholes(call, 1, "axes")?;
        }
        let nothing = call.attributes.flag("noop_with_empty_axes")?;
        let keep = call.attributes.int("keepdims")?.unwrap_or(1) != 0;
        let axes = match axes.filter(|axes| !axes.is_empty()) {
            Some(axes) => super::axes_of("axes", &axes, shape.rank())?,
            None if nothing => return Ok(input),
            None => (0..shape.rank()).collect(),
        };
        let sum = if operator == "ReduceSum" {
            self.push_local(call, Local::Sum(axes.clone()), &[input])?
        } else {
            self.mean_over(call, input, &axes)?
        };
        if keep { Ok(sum) } else { self.without_axes(call, sum, &axes) }
    }

    fn without_axes(&mut self, call: &Call<'_>, input: NodeId, axes: &[usize]) -> Result<NodeId, Refused> {
        let sizes = self.shape(input).sizes().iter().enumerate();
        let kept: Vec<usize> =
            sizes.filter(|(axis, _)| !axes.contains(axis)).map(|(_, &size)| size).collect();
        self.push_local(call, Local::Reshape(Shape::new(kept)?), &[input])
    }

    pub(super) fn arg_max(&mut self, call: &Call<'_>) -> Result<NodeId, Refused> {
        let axis = call.attributes.int("axis")?.unwrap_or(0);
        let keep = call.attributes.int("keepdims")?.unwrap_or(1) != 0;
        let last = call.attributes.flag("select_last_index")?;
        let input = self.operand(call, 0, "input")?;
        let axis = super::axis_of("axis", axis, self.shape(input).rank())?;
        let place = self.push(call, Operator::ArgMax { axis, last }, &[input])?;
        if keep { Ok(place) } else { self.without_axes(call, place, &[axis]) }
    }
}
