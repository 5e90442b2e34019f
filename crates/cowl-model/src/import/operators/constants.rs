//! What follows from shapes and constants alone, computed at import.

use super::super::held::Held;
use super::super::{Call, Importer, Refused};
use super::smaller;
use crate::bilinear::Bilinear;
use crate::kernel;
use crate::local::{Local, Mask};
use crate::onnx::messages::data_type;
use crate::onnx::{Constant, NoFiles};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// The most whole numbers that may be made of a shape.
const MOST_FILLED: usize = 1 << 24;

impl Importer<'_> {
    /// The value of a node that does not compute with floats; `None` if it does.
    pub(super) fn of_shapes_alone(
        &mut self,
        operator: &str,
        call: &Call<'_>,
    ) -> Result<Option<Held>, Refused> {
        let held = match operator {
            "Constant" => constant(call)?,
            "ConstantOfShape" => self.filled(call)?,
            "Shape" | "Size" => self.size_of(operator, call)?,
            "Cast" => self.cast(call)?,
            "Range" => self.range(call)?,
            "Floor" | "Ceil" => self.rounded(operator, call)?,
            _ => return self.of_wholes(operator, call),
        };
        Ok(Some(held))
    }

    fn filled(&mut self, call: &Call<'_>) -> Result<Held, Refused> {
        let sizes = self.wholes(call, 0, "shape")?.into_data();
        let shape = Shape::new(super::sizes_of("shape", &sizes)?)?;
        let value = call.attributes.tensor("value")?.map(|proto| Constant::read(proto, &NoFiles));
        let value = value.transpose().map_err(|error| Refused::attribute("value", error.to_string()))?;
        let value = value.unwrap_or(Constant::Floats(Tensor::scalar(0.0)));
        if !matches!(value, Constant::Floats(_)) && shape.count() > MOST_FILLED {
            return Err(shape.unfit("a constant", format!("more than {MOST_FILLED} numbers")).into());
        }
        let missing = || Refused::attribute("value", "is empty");
        Ok(match value {
            Constant::Floats(tensor) => {
                let value =
                    self.constant(call, Tensor::scalar(*tensor.data().first().ok_or_else(missing)?))?;
                self.push_local(call, Local::Expand(shape), &[value]).map(Held::Node)?
            }
            Constant::Wholes(tensor) => {
                Held::wholes(Tensor::filled(shape, *tensor.data().first().ok_or_else(missing)?))
            }
            Constant::Booleans(tensor) => {
                let value = i64::from(*tensor.data().first().ok_or_else(missing)?);
                Held::Wholes { tensor: Tensor::filled(shape, value), boolean: true }
            }
        })
    }

    fn size_of(&mut self, operator: &str, call: &Call<'_>) -> Result<Held, Refused> {
        let input = self.held(call, 0, "input")?;
        let shape = self.shape_of(&input);
        if operator == "Size" {
            return Ok(Held::wholes(Tensor::scalar(shape.count() as i64)));
        }
        let rank = shape.rank() as i64;
        let place =
            |place: i64| (if place < 0 { place.saturating_add(rank) } else { place }).clamp(0, rank) as usize;
        let start = place(call.attributes.int("start")?.unwrap_or(0));
        let end = place(call.attributes.int("end")?.unwrap_or(rank));
        let sizes = shape.sizes().get(start..end).unwrap_or_default();
        Ok(Held::wholes(Tensor::list(sizes.iter().map(|&size| size as i64).collect())?))
    }

    fn cast(&mut self, call: &Call<'_>) -> Result<Held, Refused> {
        call.attributes.ignore("saturate");
        call.attributes.ignore("round_mode");
        let to = call.attributes.int("to")?.ok_or_else(|| Refused::attribute("to", "is missing"))? as i32;
        let input = self.held(call, 0, "input")?;
        let floats =
            matches!(to, data_type::FLOAT | data_type::FLOAT16 | data_type::BFLOAT16 | data_type::DOUBLE);
        let wholes = matches!(to, data_type::INT32 | data_type::INT64);
        match (&input, to) {
            (Held::Wholes { tensor, .. }, data_type::BOOL) => {
                Ok(Held::Wholes { tensor: tensor.map(|&value| i64::from(value != 0)), boolean: true })
            }
            (Held::Wholes { tensor, .. }, _) if wholes => Ok(Held::wholes(tensor.clone())),
            (Held::Wholes { tensor, .. }, _) if floats => {
                let tensor = std::rc::Rc::new(tensor.map(|&value| value as f32));
                Ok(Held::Floats { tensor, name: call.name.clone(), public: true })
            }
            (Held::Node(node), _) if self.graph.node(*node).element == crate::graph::Element::Index => {
                if wholes {
                    Ok(input)
                } else {
                    Err(Refused::attribute("to", "makes numbers of places"))
                }
            }
            (_, _) if floats => Ok(input),
            (_, _) if wholes => {
                let known = self.constant_floats(call, &input, "input that becomes whole")?;
                Ok(Held::wholes(known.map(|&value| value as i64)))
            }
            _ => Err(Refused::attribute("to", format!("= {} is not supported", data_type::name(to)))),
        }
    }

    fn rounded(&mut self, operator: &str, call: &Call<'_>) -> Result<Held, Refused> {
        let input = self.held(call, 0, "input")?;
        let known = self.constant_floats(call, &input, "input that becomes whole")?;
        let tensor = known.map(|value| if operator == "Floor" { value.floor() } else { value.ceil() });
        Ok(Held::Floats { tensor: std::rc::Rc::new(tensor), name: call.name.clone(), public: true })
    }

    fn range(&mut self, call: &Call<'_>) -> Result<Held, Refused> {
        let mut bounds = [0; 3];
        for (place, bound) in bounds.iter_mut().enumerate() {
            let tensor = self.wholes(call, place, "bound")?;
            *bound = *tensor.data().first().ok_or_else(|| Refused::operand("bound", "is empty"))?;
        }
        let [start, limit, step] = bounds.map(i128::from);
        if step == 0 {
            return Err(Refused::operand("step", "is 0"));
        }
        let count =
            if step > 0 { (limit - start + step - 1) / step } else { (start - limit - step - 1) / -step };
        if count > MOST_FILLED as i128 {
            return Err(Refused::operand("limit", "is too far away"));
        }
        let values = (0..count.max(0)).map(|at| (start + at * step) as i64);
        Ok(Held::wholes(Tensor::list(values.collect())?))
    }

    /// Arithmetic on whole numbers only.
    fn of_wholes(&mut self, operator: &str, call: &Call<'_>) -> Result<Option<Held>, Refused> {
        let known = matches!(
            operator,
            "Add"
                | "Sub"
                | "Mul"
                | "Div"
                | "Mod"
                | "Max"
                | "Min"
                | "Neg"
                | "Abs"
                | "Equal"
                | "Less"
                | "Greater"
                | "LessOrEqual"
                | "GreaterOrEqual"
                | "And"
                | "Or"
                | "Not"
                | "Where"
                | "ReduceProd"
                | "ReduceSum"
                | "ReduceMax"
                | "ReduceMin"
        );
        if !known || call.inputs.is_empty() {
            return Ok(None);
        }
        let inputs = (0..call.inputs.len()).map(|place| self.held(call, place, "input"));
        let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
        let Some(tensors) = inputs.iter().map(Held::as_wholes).collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        self.spent.work(pairwise(&tensors))?;
        whole_arithmetic(operator, call, &tensors).map(Some)
    }
}

/// How many numbers there are on the way from the first to all of them, one after the other.
fn pairwise(tensors: &[&Tensor<i64>]) -> u64 {
    let Some((first, rest)) = tensors.split_first() else { return 0 };
    let (mut shape, mut numbers) = (first.shape().clone(), 0u64);
    for other in rest {
        let Ok(both) = shape.broadcast(other.shape()) else { break };
        numbers = numbers.saturating_add(both.count() as u64);
        shape = both;
    }
    numbers
}

fn whole_arithmetic(operator: &str, call: &Call<'_>, tensors: &[&Tensor<i64>]) -> Result<Held, Refused> {
    type Pair = fn(i64, i64) -> i64;
    let pair: Option<(Pair, bool)> = match operator {
        "Div" => Some((|one, other| one.checked_div(other).unwrap_or(0), false)),
        "Mod" => Some((
            |one, other| {
                one.checked_rem(other).map_or(0, |rest| {
                    if rest != 0 && (rest < 0) != (other < 0) { rest + other } else { rest }
                })
            },
            false,
        )),
        "Max" => Some((i64::max, false)),
        "Min" => Some((smaller, false)),
        "Equal" => Some((|one, other| (one == other).into(), true)),
        "Less" => Some((|one, other| (one < other).into(), true)),
        "Greater" => Some((|one, other| (one > other).into(), true)),
        "LessOrEqual" => Some((|one, other| (one <= other).into(), true)),
        "GreaterOrEqual" => Some((|one, other| (one >= other).into(), true)),
        "And" => Some((|one, other| one & other, true)),
        "Or" => Some((|one, other| one | other, true)),
        _ => None,
    };
    let divides = matches!(operator, "Div" | "Mod");
    if divides && tensors.get(1).is_some_and(|divisor| divisor.data().contains(&0)) {
        return Err(Refused::operand("divisor", "is 0"));
    }
    if let (Some((pair, boolean)), [first, rest @ ..]) = (pair, tensors) {
        let mut result = (*first).clone();
        for other in rest {
            check_size(&result, other)?;
            result = kernel::combine(&result, other, pair)?;
        }
        return Ok(Held::Wholes { tensor: result, boolean });
    }
    let tensor = match (operator, tensors) {
        ("Add" | "Sub", [left, right]) => {
            check_size(left, right)?;
            let local = if operator == "Add" { Local::Add } else { Local::Subtract };
            local.apply(tensors)?
        }
        ("Mul", [left, right]) => {
            check_size(left, right)?;
            Bilinear::Multiply.apply(left, right)?
        }
        ("Neg", [input]) => input.map(|value| value.wrapping_neg()),
        ("Abs", [input]) => input.map(|value| value.wrapping_abs()),
        ("Not", [input]) => {
            return Ok(Held::Wholes { tensor: input.map(|&value| i64::from(value == 0)), boolean: true });
        }
        ("Where", [condition, yes, no]) => {
            check_size(condition, yes)?;
            let shape = condition.shape().broadcast(yes.shape())?.broadcast(no.shape())?;
            check_count(&shape)?;
            let condition = Local::Expand(shape.clone()).apply(&[condition])?;
            let bits: Vec<bool> = condition.data().iter().map(|&bit| bit != 0).collect();
            Local::Select(Mask::new(shape, &bits)?).apply(&[yes, no])?
        }
        _ => return reduced_to_one(operator, call, tensors),
    };
    Ok(Held::wholes(tensor))
}

fn check_size(left: &Tensor<i64>, right: &Tensor<i64>) -> Result<(), Refused> {
    check_count(&left.shape().broadcast(right.shape())?)
}

fn check_count(shape: &Shape) -> Result<(), Refused> {
    if shape.count() <= MOST_FILLED {
        return Ok(());
    }
    Err(shape.unfit("whole numbers", "more than shapes are made of").into())
}

/// Reductions of a list of sizes to one number.
fn reduced_to_one(operator: &str, call: &Call<'_>, tensors: &[&Tensor<i64>]) -> Result<Held, Refused> {
    let by_attribute = call.attributes.ints("axes")?.map(|axes| axes.len());
    let axes = tensors.get(1).map(|axes| axes.data().len()).or(by_attribute);
    call.attributes.ignore("noop_with_empty_axes");
    let keep = call.attributes.int("keepdims")?.unwrap_or(1) != 0;
    let input = tensors.first().ok_or_else(|| Refused::operand("input", "is missing"))?;
    if axes.is_some_and(|axes| axes != input.shape().rank()) {
        return Err(Refused::attribute("axes", "reduce whole numbers over some axes only"));
    }
    let numbers = input.data().iter().copied();
    let one = match operator {
        "ReduceProd" => Some(numbers.fold(1, i64::wrapping_mul)),
        "ReduceSum" => Some(numbers.fold(0, i64::wrapping_add)),
        "ReduceMax" => numbers.max(),
        "ReduceMin" => numbers.min(),
        _ => return Err(Refused::Operator),
    };
    let one = one.ok_or_else(|| Refused::operand("input", "is empty"))?;
    let rank = if keep { input.shape().rank() } else { 0 };
    Ok(Held::wholes(Tensor::new(Shape::new(vec![1; rank])?, vec![one])?))
}

fn constant(call: &Call<'_>) -> Result<Held, Refused> {
    let name = call.outputs.first().cloned().unwrap_or_default();
    let attributes = &call.attributes;
    let list = |error: crate::shape::ShapeError| Refused::Shape(error);
    let constant = if let Some(proto) = attributes.tensor("value")? {
        Constant::read(proto, &NoFiles).map_err(|error| Refused::attribute("value", error.to_string()))?
    } else if let Some(value) = attributes.float("value_float")? {
        Constant::Floats(Tensor::scalar(value))
    } else if let Some(values) = attributes.floats("value_floats")? {
        Constant::Floats(Tensor::list(values).map_err(list)?)
    } else if let Some(value) = attributes.int("value_int")? {
        Constant::Wholes(Tensor::scalar(value))
    } else if let Some(values) = attributes.ints("value_ints")? {
        Constant::Wholes(Tensor::list(values).map_err(list)?)
    } else {
        return Err(Refused::attribute("value", "is missing or of a kind that is not supported"));
    };
    Ok(Held::of_constant(constant, &name))
}
