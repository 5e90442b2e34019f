//! The canonical bytes of an architecture: one encoding only, checked in full when read.

use minicbor::{Decode, Encode};

use super::{Graph, GraphError, Layer, LayerId, NodeId, Operator, Port};
use crate::shape::Shape;

const VERSION: u32 = 1;

/// Bytes that are no architecture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormError {
    /// Not CBOR of the expected shape.
    #[error("malformed architecture: {0}")]
    Malformed(String),
    /// The same architecture written differently, or with bytes behind it.
    #[error("this architecture is not in its canonical form")]
    NotCanonical,
    /// Of a later version of this program.
    #[error("an architecture of version {0}; this program knows version {VERSION}")]
    Version(u32),
    /// An operation that cannot stand where it does.
    #[error("operation {place} of the architecture: {why}")]
    Graph {
        /// Which, from 0.
        place: usize,
        /// Why not.
        why: GraphError,
    },
}

#[derive(Encode, Decode)]
struct Form {
    #[n(0)]
    version: u32,
    #[n(1)]
    layers: Vec<LayerForm>,
    #[n(2)]
    inputs: Vec<PortForm>,
    #[n(3)]
    weights: Vec<PortForm>,
    #[n(4)]
    nodes: Vec<NodeForm>,
    #[n(5)]
    outputs: Vec<OutputForm>,
    #[n(6)]
    parameters: Vec<ParameterForm>,
}

#[derive(Encode, Decode)]
struct LayerForm {
    #[n(0)]
    name: String,
    #[n(1)]
    operator: String,
}

#[derive(Encode, Decode)]
struct PortForm {
    #[n(0)]
    name: String,
    #[n(1)]
    shape: Shape,
}

#[derive(Encode, Decode)]
struct NodeForm {
    #[n(0)]
    operator: Operator,
    #[n(1)]
    inputs: Vec<u32>,
    #[n(2)]
    layer: u32,
}

#[derive(Encode, Decode)]
struct OutputForm {
    #[n(0)]
    name: String,
    #[n(1)]
    node: u32,
}

#[derive(Encode, Decode)]
struct ParameterForm {
    #[n(0)]
    layer: u32,
    #[n(1)]
    role: String,
}

impl Graph {
    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        minicbor::to_vec(self.form()).expect("writing to a Vec cannot fail")
    }

    /// The digest of the canonical bytes: what plans, grants and evidence name an architecture by.
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("cowl/architecture/v1");
        *hasher.update(&self.to_bytes()).finalize().as_bytes()
    }

    /// Reads canonical bytes; every shape is inferred anew.
    ///
    /// # Errors
    /// [`FormError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormError> {
        let form: Form = minicbor::decode(bytes).map_err(|error| FormError::Malformed(error.to_string()))?;
        if form.version != VERSION {
            return Err(FormError::Version(form.version));
        }
        let graph = Self::of_form(form)?;
        if graph.to_bytes() == bytes { Ok(graph) } else { Err(FormError::NotCanonical) }
    }

    fn form(&self) -> Form {
        let port = |port: &Port| PortForm { name: port.name.clone(), shape: port.shape.clone() };
        let node = |node: &super::Node| NodeForm {
            operator: node.operator.clone(),
            inputs: node.inputs.iter().map(|id| id.0).collect(),
            layer: node.layer.0,
        };
        let layer = |layer: &Layer| LayerForm { name: layer.name.clone(), operator: layer.operator.clone() };
        let output = |output: &super::Output| OutputForm { name: output.name.clone(), node: output.node.0 };
        let parameter = |parameter: &super::PublicParameter| ParameterForm {
            layer: parameter.layer.0,
            role: parameter.role.clone(),
        };
        Form {
            version: VERSION,
            layers: self.layers.iter().map(layer).collect(),
            inputs: self.inputs.iter().map(port).collect(),
            weights: self.weights.iter().map(port).collect(),
            nodes: self.nodes.iter().map(node).collect(),
            outputs: self.outputs.iter().map(output).collect(),
            parameters: self.parameters.iter().map(parameter).collect(),
        }
    }

    fn of_form(form: Form) -> Result<Self, FormError> {
        let port = |port: PortForm| Port { name: port.name, shape: port.shape };
        let layer = |layer: LayerForm| Layer { name: layer.name, operator: layer.operator };
        let mut graph = Self {
            layers: form.layers.into_iter().map(layer).collect(),
            inputs: form.inputs.into_iter().map(port).collect(),
            weights: form.weights.into_iter().map(port).collect(),
            ..Self::default()
        };
        for (place, node) in form.nodes.into_iter().enumerate() {
            let inputs = node.inputs.into_iter().map(NodeId).collect();
            let added = graph.push(node.operator, inputs, LayerId(node.layer));
            added.map_err(|why| FormError::Graph { place, why })?;
        }
        let dangling = |place: usize| FormError::Graph { place, why: GraphError::Reference };
        for output in form.outputs {
            if output.node as usize >= graph.nodes.len() {
                return Err(dangling(graph.nodes.len()));
            }
            graph.add_output(&output.name, NodeId(output.node));
        }
        for parameter in form.parameters {
            if parameter.layer as usize >= graph.layers.len() {
                return Err(dangling(graph.nodes.len()));
            }
            graph.add_parameter(LayerId(parameter.layer), &parameter.role);
        }
        Ok(graph)
    }
}
