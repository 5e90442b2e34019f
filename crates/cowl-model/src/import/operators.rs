//! Translation, operator by operator.

mod arithmetic;
mod constants;
mod linear;
mod normalisation;
mod pooling;
mod reducing;
mod resize;
mod shaping;

use super::held::Held;
use super::{Call, Importer, Refused};
use crate::function::Function;
use crate::kernel::Number;
use crate::real::Real;
use crate::shape::Shape;

impl Importer<'_> {
    /// The values of a node's outputs, in their order.
    pub(super) fn translate(&mut self, operator: &str, call: &Call<'_>) -> Result<Vec<Held>, Refused> {
        if let Some(held) = self.of_shapes_alone(operator, call)? {
            return Ok(vec![held]);
        }
        let one = match operator {
            "Split" => return self.split(call),
            "Dropout" => return self.dropout(call),
            "LayerNormalization" => return self.layer_normalization(call),
            "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze" | "Transpose" | "Expand" | "Concat" | "Slice"
            | "Gather" | "Pad" | "Identity" => return self.shaping(operator, call).map(|held| vec![held]),
            "Add" | "Sub" | "Mul" | "Div" | "Sum" | "Mean" | "Max" | "Min" | "Where" | "Clip" | "PRelu"
            | "Neg" => self.arithmetic(operator, call)?,
            "Gemm" => self.gemm(call)?,
            "HardSwish" => self.hard_swish(call)?,
            "MatMul" => self.matrix_product(call)?,
            "Conv" => self.convolution(call)?,
            "ConvTranspose" => self.transposed_convolution(call)?,
            "MaxPool" => self.max_pool(call)?,
            "AveragePool" => self.average_pool(call)?,
            "GlobalAveragePool" | "GlobalMaxPool" => self.global_pool(operator, call)?,
            "BatchNormalization" => self.batch_normalization(call)?,
            "InstanceNormalization" => self.instance_normalization(call)?,
            "Softmax" | "LogSoftmax" => self.softmax(operator, call)?,
            "ReduceMean" | "ReduceSum" => self.reduce(operator, call)?,
            "ArgMax" => self.arg_max(call)?,
            "Resize" | "Upsample" => self.resize(operator, call)?,
            _ => self.function(operator, call)?,
        };
        Ok(vec![Held::Node(one)])
    }

    fn function(&mut self, operator: &str, call: &Call<'_>) -> Result<crate::graph::NodeId, Refused> {
        let number = |name: &str, default: f32| {
            call.attributes.float(name).map(|found| Real::from(found.unwrap_or(default)))
        };
        let function = match operator {
            "Relu" => Function::Relu,
            "Abs" => Function::Absolute,
            "LeakyRelu" => Function::LeakyRelu(number("alpha", 0.01)?),
            "Elu" => Function::Elu(number("alpha", 1.0)?),
            "Sigmoid" => Function::Sigmoid,
            "Tanh" => Function::Tanh,
            "HardSigmoid" => Function::HardSigmoid(number("alpha", 0.2)?, number("beta", 0.5)?),
            "Gelu" => call
                .attributes
                .choice("approximate", &[("none", Function::Gelu), ("tanh", Function::GeluTanh)])?,
            "Erf" => Function::Erf,
            "Exp" => Function::Exp,
            "Reciprocal" => Function::Reciprocal,
            "Sqrt" => Function::Sqrt,
            _ => return Err(Refused::Operator),
        };
        call.attributes.ignore("consumed_inputs");
        let input = self.operand(call, 0, "input")?;
        self.apply(call, function, input)
    }

    pub(super) fn apply(
        &mut self,
        call: &Call<'_>,
        function: Function,
        input: crate::graph::NodeId,
    ) -> Result<crate::graph::NodeId, Refused> {
        self.push(call, crate::graph::Operator::Function(function), &[input])
    }
}

/// An axis counted from the front; from the end if negative.
fn axis_of(name: &str, axis: i64, rank: usize) -> Result<usize, Refused> {
    let from_front = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
    let found = from_front.and_then(|axis| usize::try_from(axis).ok()).filter(|&axis| axis < rank);
    found.ok_or_else(|| Refused::attribute(name, format!("= {axis} is no axis of {rank}")))
}

/// Axes counted from the front, ascending, each once.
fn axes_of(name: &str, axes: &[i64], rank: usize) -> Result<Vec<usize>, Refused> {
    let mut found = axes.iter().map(|&axis| axis_of(name, axis, rank)).collect::<Result<Vec<_>, _>>()?;
    found.sort_unstable();
    if found.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Refused::attribute(name, "names an axis twice"));
    }
    Ok(found)
}

fn size_of(name: &str, size: i64) -> Result<usize, Refused> {
    usize::try_from(size).map_err(|_| Refused::attribute(name, format!("= {size} is no size")))
}

fn sizes_of(name: &str, sizes: &[i64]) -> Result<Vec<usize>, Refused> {
    sizes.iter().map(|&size| size_of(name, size)).collect()
}

/// A shape of ones but for one axis.
fn along(axis: usize, size: usize, rank: usize) -> Result<Shape, Refused> {
    let mut sizes = vec![1; rank];
    sizes[axis] = size;
    Ok(Shape::new(sizes)?)
}

fn smaller<N: Number>(one: N, other: N) -> N {
    if other < one { other } else { one }
}
