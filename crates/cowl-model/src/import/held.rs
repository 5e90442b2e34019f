//! What a name of the ONNX graph stands for while it is imported.

use std::rc::Rc;

use super::{Bound, Call, Importer, MOST_KEPT, MOST_KNOWN, Refused};
use crate::bilinear::Bilinear;
use crate::graph::{GraphError, NodeId, Operator, Origin};
use crate::local::Local;
use crate::onnx::Constant;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// The value of a name.
#[derive(Clone, Debug)]
pub(super) enum Held {
    /// Whole numbers or truth values that follow from shapes and constants.
    Wholes { tensor: Tensor<i64>, boolean: bool },
    /// Floats of the file that no operation has used yet.
    Floats { tensor: Rc<Tensor<f32>>, name: String, public: bool },
    /// A value of the graph.
    Node(NodeId),
}

impl Held {
    pub(super) fn of_constant(constant: Constant, name: &str) -> Self {
        match constant {
            Constant::Floats(tensor) => {
                Self::Floats { tensor: Rc::new(tensor), name: name.into(), public: false }
            }
            Constant::Wholes(tensor) => Self::Wholes { tensor, boolean: false },
            Constant::Booleans(tensor) => {
                Self::Wholes { tensor: tensor.map(|&value| value.into()), boolean: true }
            }
        }
    }

    pub(super) fn of_bound(bound: Bound, name: &str) -> Self {
        match bound {
            Bound::Weight(tensor) => {
                Self::Floats { tensor: Rc::new(tensor), name: name.into(), public: false }
            }
            Bound::Parameter(Constant::Floats(tensor)) => {
                Self::Floats { tensor: Rc::new(tensor), name: name.into(), public: true }
            }
            Bound::Parameter(constant) => Self::of_constant(constant, name),
        }
    }

    pub(super) fn wholes(tensor: Tensor<i64>) -> Self {
        Self::Wholes { tensor, boolean: false }
    }
}

impl Importer<'_> {
    /// The value of an input, which must be there.
    pub(super) fn held(&self, call: &Call<'_>, place: usize, role: &str) -> Result<Held, Refused> {
        let name = call.inputs.get(place).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Refused::operand(role, "is missing"))?;
        self.held
            .get(name)
            .cloned()
            .ok_or_else(|| Refused::operand(role, format!("'{name}' is not known here")))
    }

    /// An input as a node of the graph.
    pub(super) fn operand(&mut self, call: &Call<'_>, place: usize, role: &str) -> Result<NodeId, Refused> {
        let held = self.held(call, place, role)?;
        self.node_of(held, call.layer)
    }

    /// An optional input as a node of the graph.
    pub(super) fn optional(
        &mut self,
        call: &Call<'_>,
        place: usize,
        role: &str,
    ) -> Result<Option<NodeId>, Refused> {
        if call.has_input(place) { self.operand(call, place, role).map(Some) } else { Ok(None) }
    }

    /// All inputs as nodes.
    pub(super) fn operands(&mut self, call: &Call<'_>) -> Result<Vec<NodeId>, Refused> {
        (0..call.inputs.len()).map(|place| self.operand(call, place, "input")).collect()
    }

    pub(super) fn shape_of(&self, held: &Held) -> Shape {
        match held {
            Held::Wholes { tensor, .. } => tensor.shape().clone(),
            Held::Floats { tensor, .. } => tensor.shape().clone(),
            Held::Node(node) => self.graph.node(*node).shape.clone(),
        }
    }

    pub(super) fn shape(&self, node: NodeId) -> &Shape {
        &self.graph.node(node).shape
    }

    pub(super) fn is_data(&self, node: NodeId) -> bool {
        self.graph.node(node).origin == Origin::Data
    }

    pub(super) fn push(
        &mut self,
        call: &Call<'_>,
        operator: Operator,
        inputs: &[NodeId],
    ) -> Result<NodeId, Refused> {
        Ok(self.graph.push(operator, inputs.to_vec(), call.layer)?)
    }

    pub(super) fn push_local(
        &mut self,
        call: &Call<'_>,
        local: Local,
        inputs: &[NodeId],
    ) -> Result<NodeId, Refused> {
        self.push(call, Operator::Local(local), inputs)
    }

    pub(super) fn multiply(
        &mut self,
        call: &Call<'_>,
        left: NodeId,
        right: NodeId,
    ) -> Result<NodeId, Refused> {
        self.push(call, Operator::Bilinear(Bilinear::Multiply), &[left, right])
    }

    /// A rearrangement of whole numbers at once, of anything else in the graph.
    pub(super) fn local(&mut self, call: &Call<'_>, local: Local, inputs: &[Held]) -> Result<Held, Refused> {
        let whole = |held: &Held| matches!(held, Held::Wholes { .. });
        if !inputs.iter().all(whole) {
            let nodes: Result<Vec<_>, _> =
                inputs.iter().map(|held| self.node_of(held.clone(), call.layer)).collect();
            return self.push_local(call, local, &nodes?).map(Held::Node);
        }
        let tensors: Vec<&Tensor<i64>> = inputs.iter().filter_map(Held::as_wholes).collect();
        let shape = local.shape(&tensors.iter().map(|tensor| tensor.shape()).collect::<Vec<_>>())?;
        if shape.count() > MOST_KEPT {
            return Err(shape.unfit("whole numbers", "more than shapes are made of").into());
        }
        self.spent.work(shape.count() as u64)?;
        let boolean = matches!(inputs, [Held::Wholes { boolean: true, .. }, ..]);
        Ok(Held::Wholes { tensor: local.apply(&tensors)?, boolean })
    }

    /// Whole numbers of an input that must be constant.
    pub(super) fn wholes(
        &mut self,
        call: &Call<'_>,
        place: usize,
        role: &str,
    ) -> Result<Tensor<i64>, Refused> {
        match self.held(call, place, role)? {
            Held::Wholes { tensor, .. } => Ok(tensor),
            _ => Err(Refused::operand(role, "must be whole numbers that are known at import")),
        }
    }

    pub(super) fn optional_wholes(
        &mut self,
        call: &Call<'_>,
        place: usize,
        role: &str,
    ) -> Result<Option<Vec<i64>>, Refused> {
        if !call.has_input(place) {
            return Ok(None);
        }
        self.wholes(call, place, role).map(|tensor| Some(tensor.into_data()))
    }

    /// Floats of an input that shapes or geometry follow from; they become part of the architecture.
    pub(super) fn parameter(
        &mut self,
        call: &Call<'_>,
        place: usize,
        role: &str,
    ) -> Result<Option<Tensor<f32>>, Refused> {
        if !call.has_input(place) {
            return Ok(None);
        }
        let held = self.held(call, place, role)?;
        self.constant_floats(call, &held, role).map(Some)
    }

    /// The floats of a value that does not depend on the data; noted as public.
    pub(super) fn constant_floats(
        &mut self,
        call: &Call<'_>,
        held: &Held,
        role: &str,
    ) -> Result<Tensor<f32>, Refused> {
        self.spent.look(self.shape_of(held).count())?;
        let tensor = match held {
            Held::Floats { tensor, .. } => tensor.as_ref().clone(),
            Held::Wholes { tensor, .. } => tensor.map(|&value| value as f32),
            Held::Node(node) => {
                if self.is_data(*node) {
                    return Err(Refused::operand(role, "depends on the data; it must be known at import"));
                }
                let needed = self.graph.ancestors(&[*node]);
                let count: usize = needed.iter().map(|&id| self.graph.node(id).shape.count()).sum();
                if count > MOST_KNOWN {
                    return Err(Refused::operand(role, "takes too much to be computed at import"));
                }
                self.spent.work(self.graph.work(&[*node]))?;
                let computed = self.graph.prepare(&[*node], &self.weights);
                let mut computed = computed.map_err(|error| Refused::operand(role, error.to_string()))?;
                computed.remove(node).ok_or(Refused::Graph(GraphError::Reference))?
            }
        };
        let known = match held {
            Held::Floats { public, .. } => *public,
            Held::Wholes { .. } => true,
            Held::Node(node) => self.graph.node(*node).origin == Origin::Public,
        };
        if !known && tensor.shape().count() > 0 {
            self.graph.add_parameter(call.layer, role);
        }
        Ok(tensor)
    }
}

impl Held {
    /// Numbers that are known at import; those of weights are not looked at.
    pub(super) fn known(&self) -> usize {
        match self {
            Self::Wholes { tensor, .. } => tensor.data().len(),
            Self::Floats { tensor, public: true, .. } => tensor.data().len(),
            _ => 0,
        }
    }

    pub(super) fn as_wholes(&self) -> Option<&Tensor<i64>> {
        match self {
            Self::Wholes { tensor, .. } => Some(tensor),
            _ => None,
        }
    }
}
