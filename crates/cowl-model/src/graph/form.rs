//! The canonical bytes of an architecture: one encoding only, checked in full when read.

use std::collections::HashSet;

use minicbor::{Decode, Decoder, Encode};

use super::{Graph, GraphError, Layer, LayerId, MOST_NODES, NodeId, Operator, Port, PublicParameter};
use crate::shape::Shape;

const VERSION: u32 = 1;

/// The most bytes of an architecture; what is made of them in memory is some twenty times as many at the worst.
pub const LARGEST_ARCHITECTURE: usize = 32 << 20;

/// Bytes that are no architecture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormError {
    /// Not CBOR of the expected shape.
    #[error("malformed architecture: {0}")]
    Malformed(String),
    /// Longer than any architecture may be.
    #[error("an architecture of {0} bytes; at most {LARGEST_ARCHITECTURE} are read")]
    TooLarge(usize),
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
    #[cbor(n(1), decode_with = "bounded")]
    layers: Vec<LayerForm>,
    #[cbor(n(2), decode_with = "bounded")]
    inputs: Vec<PortForm>,
    #[cbor(n(3), decode_with = "bounded")]
    weights: Vec<PortForm>,
    #[cbor(n(4), decode_with = "bounded")]
    nodes: Vec<NodeForm>,
    #[cbor(n(5), decode_with = "bounded")]
    outputs: Vec<OutputForm>,
    #[cbor(n(6), decode_with = "bounded")]
    parameters: Vec<ParameterForm>,
}

/// A list of at most as many as there may be nodes: a few bytes of each become hundreds in memory.
fn bounded<'b, C, T: Decode<'b, C>>(
    decoder: &mut Decoder<'b>,
    context: &mut C,
) -> Result<Vec<T>, minicbor::decode::Error> {
    let mut list = Vec::new();
    for one in decoder.array_iter_with(context)? {
        if list.len() == MOST_NODES {
            return Err(minicbor::decode::Error::message("a list that is too long"));
        }
        list.push(one?);
    }
    Ok(list)
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
        if bytes.len() > LARGEST_ARCHITECTURE {
            return Err(FormError::TooLarge(bytes.len()));
        }
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
        let mut known = HashSet::new();
        for parameter in &form.parameters {
            if parameter.layer as usize >= graph.layers.len() {
                return Err(dangling(graph.nodes.len()));
            }
            if !known.insert((parameter.layer, parameter.role.as_str())) {
                return Err(FormError::NotCanonical);
            }
        }
        let parameter = |it: ParameterForm| PublicParameter { layer: LayerId(it.layer), role: it.role };
        graph.parameters = form.parameters.into_iter().map(parameter).collect();
        Ok(graph)
    }
}
