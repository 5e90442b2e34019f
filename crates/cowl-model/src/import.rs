//! From ONNX to an architecture and its weights.
//!
//! Every operator is translated exactly or refused by name: no attribute is left unread, no type is guessed, no
//! output is dropped. Sizes that the file leaves open are fixed here. Whatever is computed from shapes alone is
//! computed here; what is computed from weights alone stays in the graph, for the model owner to compute.

mod attributes;
mod bounds;
mod held;
mod operators;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use crate::graph::{
    Graph, GraphError, LARGEST_ARCHITECTURE, Layer, LayerId, NodeId, Operator, Port, PublicTensor,
};
use crate::onnx::messages::{ModelProto, TensorTypeProto, ValueInfoProto, data_type};
use crate::onnx::{self, Constant, ExternalFiles, FlatNode, OnnxError};
use crate::shape::{Shape, ShapeError};
use crate::tensor::Tensor;
use attributes::Attributes;
use bounds::{MOST_KEPT, MOST_KNOWN, Spent};
use held::Held;

/// Versions of ONNX's operators that are understood. 7 to 21 are promised; in the neighbours the supported operators
/// are the same or stricter.
pub const OPSETS: std::ops::RangeInclusive<i64> = 6..=25;

/// What the file leaves open.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The size of a first axis that the file gives no number for.
    pub batch: usize,
    /// Sizes of other axes by the names that the file gives them.
    pub dimensions: BTreeMap<String, usize>,
    /// Whole shapes of inputs by name.
    pub shapes: BTreeMap<String, Vec<usize>>,
    /// Inputs that are no data: by name, what they are.
    pub bound: BTreeMap<String, Bound>,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self { batch: 1, dimensions: BTreeMap::new(), shapes: BTreeMap::new(), bound: BTreeMap::new() }
    }
}

/// What an input is if not data.
#[derive(Clone, Debug)]
pub enum Bound {
    /// A shape, axes, indices, scales, bounds, a condition …: part of the architecture.
    Parameter(Constant),
    /// The model owner's.
    Weight(Tensor<f32>),
}

/// An imported model.
#[derive(Clone, Debug)]
pub struct Model {
    /// What is computed; may be shown to everybody.
    pub architecture: Graph,
    /// The numbers that the architecture names, in its order; for the model owner alone.
    pub weights: Vec<Tensor<f32>>,
    /// What the owner should know, e.g. an initialiser that nothing uses.
    pub notes: Vec<String>,
}

/// Why a model is not imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] OnnxError),
    /// Operators of a version that is not understood.
    #[error("the model uses operators of ONNX version {0}; versions {first} to {last} are understood", first = OPSETS.start(), last = OPSETS.end())]
    Opset(i64),
    /// An input whose size or type is not known.
    #[error("input '{name}': {why}")]
    Input {
        /// The input.
        name: String,
        /// What is missing.
        why: String,
    },
    /// An output that the model does not compute from its inputs.
    #[error("output '{name}': {why}")]
    Output {
        /// The output.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A node that is not supported.
    #[error("node '{node}' ({operator}): {why}")]
    Node {
        /// Its name; that of its first output where it has none.
        node: String,
        /// ONNX's operator.
        operator: String,
        /// The reason.
        why: Box<Refused>,
    },
    /// An architecture that nobody would read.
    #[error(
        "the architecture alone is {0} bytes; at most {LARGEST_ARCHITECTURE} are read: constants belong to the weights"
    )]
    Architecture(usize),
    /// A bug of the simplification: the graph that was built does not hold together.
    #[error("the graph cannot be simplified: {0}")]
    Simplify(GraphError),
}

/// Why a node is not supported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// No such operator here.
    #[error("this operator is not supported")]
    Operator,
    /// An attribute, or a value of it, that is not supported.
    #[error("attribute '{name}' {why}")]
    Attribute {
        /// The attribute.
        name: String,
        /// What about it.
        why: String,
    },
    /// An input that is missing or of a kind that does not go.
    #[error("its {role} {why}")]
    Operand {
        /// What the input is for.
        role: String,
        /// What about it.
        why: String,
    },
    /// Too much of it is computed now, or kept in the architecture.
    #[error("it takes too much to be computed at import")]
    TooMuch,
    /// An optional output that is not supported.
    #[error("its output '{0}' is not supported")]
    Output(String),
    /// Sizes do not fit.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// It does not fit into the graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl Refused {
    fn attribute(name: &str, why: impl Into<String>) -> Self {
        Self::Attribute { name: name.into(), why: why.into() }
    }

    fn operand(role: &str, why: impl Into<String>) -> Self {
        Self::Operand { role: role.into(), why: why.into() }
    }
}

/// Imports the bytes of an ONNX file.
///
/// # Errors
/// [`ImportError`] names the node, input or tensor and the reason.
pub fn import(
    bytes: &[u8],
    files: &dyn ExternalFiles,
    options: &ImportOptions,
) -> Result<Model, ImportError> {
    let model = onnx::read(bytes)?;
    let nodes = onnx::flatten(&model)?;
    let mut importer = Importer::new(options);
    importer.add_initialisers(&model, files)?;
    importer.add_inputs(&model)?;
    for node in &nodes {
        importer.add_node(node)?;
    }
    importer.finish(&model)
}

struct Importer<'a> {
    options: &'a ImportOptions,
    graph: Graph,
    weights: Vec<Tensor<f32>>,
    held: HashMap<String, Held>,
    unused: BTreeSet<String>,
    spent: Spent,
    notes: Vec<String>,
}

/// The node at hand.
struct Call<'a> {
    attributes: Attributes<'a>,
    inputs: &'a [String],
    outputs: &'a [String],
    opset: i64,
    layer: LayerId,
    name: String,
}

impl Call<'_> {
    fn wants_output(&self, place: usize) -> bool {
        self.outputs.get(place).is_some_and(|name| !name.is_empty())
    }

    fn has_input(&self, place: usize) -> bool {
        self.inputs.get(place).is_some_and(|name| !name.is_empty())
    }
}

impl<'a> Importer<'a> {
    fn new(options: &'a ImportOptions) -> Self {
        Self {
            options,
            graph: Graph::default(),
            weights: Vec::new(),
            held: HashMap::new(),
            unused: BTreeSet::new(),
            spent: Spent::default(),
            notes: Vec::new(),
        }
    }

    fn add_initialisers(&mut self, model: &ModelProto, files: &dyn ExternalFiles) -> Result<(), ImportError> {
        let Some(graph) = &model.graph else { return Ok(()) };
        if !graph.sparse_initializer.is_empty() {
            let why = "sparse tensors are not supported".to_owned();
            return Err(OnnxError::Tensor { name: String::new(), why }.into());
        }
        for tensor in &graph.initializer {
            let name = tensor.name.clone().unwrap_or_default();
            self.spent.keep_tensor(tensor)?;
            let held = Held::of_constant(Constant::read(tensor, files)?, &name);
            self.held.insert(name.clone(), held);
            self.unused.insert(name);
        }
        Ok(())
    }

    fn add_inputs(&mut self, model: &ModelProto) -> Result<(), ImportError> {
        let inputs = model.graph.iter().flat_map(|graph| &graph.input);
        let layer = self.graph.add_layer(Layer { name: "input".into(), operator: "Input".into() });
        for input in inputs {
            let name = input.name.clone().unwrap_or_default();
            if let Some(bound) = self.options.bound.get(&name) {
                self.held.insert(name.clone(), Held::of_bound(bound.clone(), &name));
            } else if !self.held.contains_key(&name) {
                let failed = |why: String| ImportError::Input { name: name.clone(), why };
                let shape = self.input_shape(input, &name).map_err(failed)?;
                let port = Port { name: name.clone(), shape };
                let node = self.graph.add_input(port, layer).map_err(|error| failed(error.to_string()))?;
                self.held.insert(name, Held::Node(node));
            }
        }
        Ok(())
    }

    fn input_shape(&self, input: &ValueInfoProto, name: &str) -> Result<Shape, String> {
        let tensor =
            input.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref()).ok_or("not a tensor")?;
        let kind = tensor.elem_type.unwrap_or_default();
        if !matches!(kind, data_type::FLOAT | data_type::FLOAT16 | data_type::BFLOAT16 | data_type::DOUBLE) {
            let name = data_type::name(kind);
            return Err(format!("of type {name}; data are floats, everything else is bound at import"));
        }
        if let Some(sizes) = self.options.shapes.get(name) {
            return Shape::new(sizes.as_slice()).map_err(|error| error.to_string());
        }
        Shape::new(self.declared_sizes(tensor)?).map_err(|error| error.to_string())
    }

    fn declared_sizes(&self, tensor: &TensorTypeProto) -> Result<Vec<usize>, String> {
        let shape = tensor.shape.as_ref().ok_or("the file gives no shape; give one")?;
        let size = |(axis, dimension): (usize, &onnx::messages::DimensionProto)| {
            if let Some(size) = dimension.dim_value.and_then(|size| usize::try_from(size).ok()) {
                return Ok(size);
            }
            let name = dimension.dim_param.clone().unwrap_or_default();
            let given = self.options.dimensions.get(&name).copied();
            let open = || format!("the size of axis {axis} ('{name}') is open; give it a number");
            given.or((axis == 0).then_some(self.options.batch)).ok_or_else(open)
        };
        shape.dim.iter().enumerate().map(size).collect()
    }

    fn add_node(&mut self, flat: &FlatNode) -> Result<(), ImportError> {
        let node = &flat.node;
        let operator = node.op_type.clone().unwrap_or_default();
        let domain = node.domain.as_deref().unwrap_or_default();
        let first_output = node.output.iter().find(|name| !name.is_empty()).cloned().unwrap_or_default();
        let name = node.name.clone().filter(|name| !name.is_empty()).unwrap_or(first_output);
        let refused = |why: Refused| ImportError::Node {
            node: name.clone(),
            operator: operator.clone(),
            why: Box::new(why),
        };
        if !matches!(domain, "" | "ai.onnx") {
            return Err(refused(Refused::Operator));
        }
        if !OPSETS.contains(&flat.opset) {
            return Err(ImportError::Opset(flat.opset));
        }
        let layer = self.graph.add_layer(Layer { name: name.clone(), operator: operator.clone() });
        let attributes = Attributes::new(&node.attribute).map_err(refused)?;
        let call = Call {
            attributes,
            inputs: &node.input,
            outputs: &node.output,
            opset: flat.opset,
            layer,
            name: name.clone(),
        };
        for input in &node.input {
            self.unused.remove(input);
        }
        let known = |held: &Held| held.known();
        let inputs = node.input.iter().filter_map(|input| self.held.get(input)).map(known);
        self.spent.look(inputs.sum()).map_err(refused)?;
        let outputs = self.translate(&operator, &call).map_err(refused)?;
        call.attributes.check_all_read().map_err(refused)?;
        self.spent.keep(outputs.iter().map(known).sum()).map_err(refused)?;
        if let Some(extra) =
            node.output.get(outputs.len()..).unwrap_or_default().iter().find(|name| !name.is_empty())
        {
            return Err(refused(Refused::Output(extra.clone())));
        }
        for (name, held) in node.output.iter().zip(outputs) {
            if !name.is_empty() && self.held.insert(name.clone(), held).is_some() {
                return Err(refused(Refused::Output(format!("{name}, which is there already,"))));
            }
        }
        Ok(())
    }

    fn finish(mut self, model: &ModelProto) -> Result<Model, ImportError> {
        let outputs = model.graph.iter().flat_map(|graph| &graph.output);
        let layer = self.graph.add_layer(Layer { name: "output".into(), operator: "Output".into() });
        for output in outputs {
            let name = output.name.clone().unwrap_or_default();
            let failed = |why: &str| ImportError::Output { name: name.clone(), why: why.into() };
            let held = self.held.get(&name).cloned().ok_or_else(|| failed("nothing computes it"))?;
            let held = match held {
                Held::Wholes { tensor, .. } => {
                    let tensor = Rc::new(tensor.map(|&value| value as f32));
                    Held::Floats { tensor, name: name.clone(), public: true }
                }
                held => held,
            };
            let node = self.node_of(held, layer).map_err(|error| failed(&error.to_string()))?;
            self.graph.add_output(&name, node);
        }
        for name in &self.unused {
            self.notes.push(format!("nothing uses the initialiser '{name}'; it is left out"));
        }
        let architecture = self.graph.simplified().map_err(ImportError::Simplify)?;
        let length = architecture.to_bytes().len();
        if length > LARGEST_ARCHITECTURE {
            return Err(ImportError::Architecture(length));
        }
        Ok(Model { architecture, weights: self.weights, notes: self.notes })
    }

    /// The node of a value, made when it is first wanted as one.
    fn node_of(&mut self, held: Held, layer: LayerId) -> Result<NodeId, Refused> {
        match held {
            Held::Node(node) => Ok(node),
            // By another name it may have become a node before.
            Held::Floats { name, public: false, .. }
                if matches!(self.held.get(&name), Some(Held::Node(_))) =>
            {
                self.node_of(self.held[&name].clone(), layer)
            }
            Held::Floats { tensor, name, public: false } => {
                let port = Port { name: name.clone(), shape: tensor.shape().clone() };
                let node = self.graph.add_weight(port, layer)?;
                self.held.insert(name, Held::Node(node));
                self.weights.push(Rc::unwrap_or_clone(tensor));
                Ok(node)
            }
            Held::Floats { tensor, public: true, .. } => {
                self.spent.keep(tensor.data().len())?;
                Ok(self.graph.push(Operator::Public(PublicTensor::new(&tensor)), Vec::new(), layer)?)
            }
            Held::Wholes { .. } => {
                Err(Refused::operand("input", "is of whole numbers, which only shapes are made of"))
            }
        }
    }
}
