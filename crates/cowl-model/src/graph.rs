//! What a model computes, as a list of typed operators: the *architecture*. Weights are named here and live elsewhere.
//!
//! Every operator of ONNX that is supported comes down to those of [`Operator`] when it is imported. Nodes stand in
//! the order in which they can be computed, and each knows its shape, so that nothing about sizes is decided later.

mod evaluate;
mod form;
mod operator;
mod simplify;
mod telling;

pub use evaluate::EvaluationError;
pub(crate) use evaluate::{over, place_of_largest};
pub use form::{FormError, LARGEST_ARCHITECTURE};
pub use operator::{Interpolation, Operator, PublicTensor, Tap};
pub use telling::{Telling, TellingError};

use minicbor::Encode;

use crate::shape::{Shape, ShapeError};

/// The most nodes of a graph.
pub const MOST_NODES: usize = 1 << 18;
/// The most places and comparisons of all maxima of a graph: programs list them one by one.
pub const MOST_CHOICES: usize = 1 << 24;

/// A node by its place in the graph.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode)]
#[cbor(transparent)]
pub struct NodeId(#[n(0)] pub(crate) u32);

impl NodeId {
    /// Its place, from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A layer by its place in the graph's list of layers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode)]
#[cbor(transparent)]
pub struct LayerId(#[n(0)] pub(crate) u32);

impl LayerId {
    /// Its place, from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A layer as the model's author named it: one node of the ONNX file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layer {
    /// Its name; that of its output where it has none.
    pub name: String,
    /// ONNX's operator.
    pub operator: String,
}

/// Who knows a value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Origin {
    /// Everybody who has the architecture.
    Public,
    /// The model owner.
    Weights,
    /// Nobody alone: it depends on the data.
    Data,
}

/// What the numbers of a value mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Element {
    /// Real numbers.
    Real,
    /// Places on an axis, as ArgMax gives them.
    Index,
}

/// One operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// What is done.
    pub operator: Operator,
    /// With which values.
    pub inputs: Vec<NodeId>,
    /// For which layer.
    pub layer: LayerId,
    /// The sizes of what comes out.
    pub shape: Shape,
    /// Who knows what comes out.
    pub origin: Origin,
    /// What its numbers mean.
    pub element: Element,
}

/// A value with a name: an input, a weight.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Port {
    /// As the model names it.
    pub name: String,
    /// Its sizes.
    pub shape: Shape,
}

/// A result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Output {
    /// As the model names it.
    pub name: String,
    /// What it is.
    pub node: NodeId,
}

/// A float of the file that is part of the architecture because shapes or geometry follow from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicParameter {
    /// The layer that uses it.
    pub layer: LayerId,
    /// What it is there, e.g. `scales`.
    pub role: String,
}

/// Why a node cannot stand where it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// Sizes do not fit.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// Refers to a node, layer, input or weight that is not there yet.
    #[error("refers to something that does not come before it")]
    Reference,
    /// Computes with places as if they were numbers.
    #[error("computes with the places that ArgMax gives")]
    Index,
    /// More than [`MOST_NODES`].
    #[error("more than {MOST_NODES} operations")]
    TooLarge,
    /// More than [`MOST_CHOICES`].
    #[error("too many places for a maximum over windows, or too many classes to rank")]
    Choices,
    /// A number that is not finite among public constants.
    #[error("a constant is not finite")]
    NotFinite,
}

/// An architecture.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Graph {
    layers: Vec<Layer>,
    inputs: Vec<Port>,
    weights: Vec<Port>,
    nodes: Vec<Node>,
    outputs: Vec<Output>,
    parameters: Vec<PublicParameter>,
    /// Of all nodes together; at most [`MOST_CHOICES`].
    choices: usize,
}

impl Graph {
    /// Layers in the order of the model.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// What the data owner brings.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// What the model owner brings.
    pub fn weights(&self) -> &[Port] {
        &self.weights
    }

    /// Operations; each uses only earlier ones.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Results.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// Floats of the file that shapes or geometry follow from.
    pub fn parameters(&self) -> &[PublicParameter] {
        &self.parameters
    }

    /// One operation.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The layer of an operation.
    pub fn layer_of(&self, id: NodeId) -> &Layer {
        &self.layers[self.node(id).layer.index()]
    }

    /// Ids in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// How many weights there are, in numbers.
    pub fn weight_count(&self) -> u64 {
        self.weights.iter().map(|port| port.shape.count() as u64).sum()
    }

    pub(crate) fn add_layer(&mut self, layer: Layer) -> LayerId {
        self.layers.push(layer);
        LayerId((self.layers.len() - 1) as u32)
    }

    pub(crate) fn add_input(&mut self, port: Port, layer: LayerId) -> Result<NodeId, GraphError> {
        self.inputs.push(port);
        self.push(Operator::Input(self.inputs.len() - 1), Vec::new(), layer)
    }

    pub(crate) fn add_weight(&mut self, port: Port, layer: LayerId) -> Result<NodeId, GraphError> {
        self.weights.push(port);
        self.push(Operator::Weight(self.weights.len() - 1), Vec::new(), layer)
    }

    /// Once for each role; those of one layer come one behind the other.
    pub(crate) fn add_parameter(&mut self, layer: LayerId, role: &str) {
        let mut of_layer = self.parameters.iter().rev().take_while(|known| known.layer == layer);
        if !of_layer.any(|known| known.role == role) {
            self.parameters.push(PublicParameter { layer, role: role.into() });
        }
    }

    pub(crate) fn add_output(&mut self, name: &str, node: NodeId) {
        self.outputs.push(Output { name: name.into(), node });
    }

    /// Adds an operation behind all others and finds its shape.
    pub(crate) fn push(
        &mut self,
        operator: Operator,
        inputs: Vec<NodeId>,
        layer: LayerId,
    ) -> Result<NodeId, GraphError> {
        let known = |id: &NodeId| id.index() < self.nodes.len();
        if !inputs.iter().all(known) || layer.index() >= self.layers.len() {
            return Err(GraphError::Reference);
        }
        if self.nodes.len() >= MOST_NODES {
            return Err(GraphError::TooLarge);
        }
        let shape = self.shape_of(&operator, &inputs)?;
        let choices = operator.choices(inputs.first().map(|&id| &self.node(id).shape), &shape);
        let choices = self.choices.saturating_add(choices);
        if choices > MOST_CHOICES {
            return Err(GraphError::Choices);
        }
        let origin = match operator {
            Operator::Input(_) => Origin::Data,
            Operator::Weight(_) => Origin::Weights,
            _ => inputs.iter().map(|&id| self.node(id).origin).max().unwrap_or(Origin::Public),
        };
        let element = self.element_of(&operator, &inputs)?;
        self.choices = choices;
        self.nodes.push(Node { operator, inputs, layer, shape, origin, element });
        Ok(NodeId((self.nodes.len() - 1) as u32))
    }

    fn shape_of(&self, operator: &Operator, inputs: &[NodeId]) -> Result<Shape, GraphError> {
        match operator {
            Operator::Input(place) => Ok(self.inputs.get(*place).ok_or(GraphError::Reference)?.shape.clone()),
            Operator::Weight(place) => {
                Ok(self.weights.get(*place).ok_or(GraphError::Reference)?.shape.clone())
            }
            Operator::Public(tensor) => {
                if tensor.values().iter().all(|value| value.get().is_finite()) {
                    Ok(tensor.shape().clone())
                } else {
                    Err(GraphError::NotFinite)
                }
            }
            _ => {
                let shapes: Vec<&Shape> = inputs.iter().map(|&id| &self.node(id).shape).collect();
                Ok(operator.shape(&shapes)?)
            }
        }
    }

    fn element_of(&self, operator: &Operator, inputs: &[NodeId]) -> Result<Element, GraphError> {
        let places = inputs.iter().any(|&id| self.node(id).element == Element::Index);
        match operator {
            Operator::ArgMax { .. } if !places => Ok(Element::Index),
            Operator::Local(local) if places && local.operands() == Some(1) => Ok(Element::Index),
            _ if places => Err(GraphError::Index),
            _ => Ok(Element::Real),
        }
    }
}
