//! Model functions, as PyTorch's exporter writes them, unfolded where they are called.

use std::collections::HashMap;

use prost::Message;

use super::messages::{AttributeProto, FunctionProto, ModelProto, NodeProto, OperatorSetIdProto};
use super::{MOST_NODES, OnnxError};

/// How deep functions may call functions.
const DEEPEST: usize = 32;

/// Bytes of all nodes after unfolding: a function with a large constant may be called often.
const MOST_UNFOLDED: usize = 256 << 20;

/// A node of the unfolded graph with the version of its operator set.
pub(crate) struct FlatNode {
    pub(crate) node: NodeProto,
    pub(crate) opset: i64,
}

type Functions<'a> = HashMap<(&'a str, &'a str, &'a str), &'a FunctionProto>;

/// The nodes of the graph in their order, calls of functions replaced by what the functions do.
pub(crate) fn flatten(model: &ModelProto) -> Result<Vec<FlatNode>, OnnxError> {
    let mut functions = Functions::new();
    for function in &model.functions {
        let place = (text(&function.domain), text(&function.name), text(&function.overload));
        if functions.insert(place, function).is_some() {
            return Err(failed(place.0, place.1, "defined twice"));
        }
    }
    let nodes = model.graph.iter().flat_map(|graph| &graph.node);
    let mut flat = Flattening { functions, output: Vec::new(), calls: 0, bytes: 0 };
    let scope = Scope { prefix: String::new(), names: HashMap::new(), attributes: HashMap::new() };
    for node in nodes {
        flat.add(node, &model.opset_import, &scope, 0)?;
    }
    Ok(flat.output)
}

fn text(field: &Option<String>) -> &str {
    field.as_deref().unwrap_or_default()
}

fn failed(domain: &str, name: &str, why: &str) -> OnnxError {
    OnnxError::Function { name: format!("{domain}:{name}"), why: why.into() }
}

/// The version of a domain's operators that a model or function imports; 0 if none.
pub(crate) fn version_of(imports: &[OperatorSetIdProto], domain: &str) -> i64 {
    fn plain(domain: &str) -> &str {
        if domain == "ai.onnx" { "" } else { domain }
    }
    let import = imports.iter().find(|import| plain(text(&import.domain)) == plain(domain));
    import.and_then(|import| import.version).unwrap_or(0)
}

struct Flattening<'a> {
    functions: Functions<'a>,
    output: Vec<FlatNode>,
    calls: usize,
    bytes: usize,
}

/// What names and attributes mean inside of one call.
struct Scope<'a> {
    prefix: String,
    names: HashMap<&'a str, String>,
    attributes: HashMap<&'a str, AttributeProto>,
}

impl Scope<'_> {
    fn name(&self, name: &str) -> String {
        if name.is_empty() {
            return String::new();
        }
        self.names.get(name).cloned().unwrap_or_else(|| format!("{}{name}", self.prefix))
    }

    /// The attribute as it is for this call; `None` where it refers to one that the caller left out.
    fn attribute(&self, attribute: &AttributeProto) -> Option<AttributeProto> {
        let Some(reference) = attribute.ref_attr_name.as_deref().filter(|name| !name.is_empty()) else {
            return Some(attribute.clone());
        };
        let mut given = self.attributes.get(reference)?.clone();
        given.name.clone_from(&attribute.name);
        Some(given)
    }

    fn node(&self, node: &NodeProto) -> NodeProto {
        NodeProto {
            input: node.input.iter().map(|name| self.name(name)).collect(),
            output: node.output.iter().map(|name| self.name(name)).collect(),
            name: node.name.as_ref().map(|name| format!("{}{name}", self.prefix)),
            attribute: node.attribute.iter().filter_map(|attribute| self.attribute(attribute)).collect(),
            ..node.clone()
        }
    }
}

impl<'a> Flattening<'a> {
    fn add(
        &mut self,
        node: &NodeProto,
        imports: &[OperatorSetIdProto],
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<(), OnnxError> {
        self.bytes += node.encoded_len();
        if self.bytes > MOST_UNFOLDED {
            return Err(OnnxError::TooLarge(format!(
                "more than {MOST_UNFOLDED} bytes of nodes, functions unfolded"
            )));
        }
        let node = scope.node(node);
        let (domain, name) = (text(&node.domain).to_owned(), text(&node.op_type).to_owned());
        let function = self.functions.get(&(domain.as_str(), name.as_str(), text(&node.overload))).copied();
        if self.output.len() >= MOST_NODES || self.calls >= MOST_NODES {
            return Err(OnnxError::TooLarge(format!("more than {MOST_NODES} nodes")));
        }
        let Some(function) = function else {
            let opset = version_of(imports, &domain);
            self.output.push(FlatNode { node, opset });
            return Ok(());
        };
        if depth == DEEPEST {
            return Err(failed(&domain, &name, "functions call each other too deeply"));
        }
        self.calls += 1;
        let scope = self.scope(function, &node)?;
        function.node.iter().try_for_each(|node| self.add(node, &function.opset_import, &scope, depth + 1))
    }

    fn scope(&self, function: &'a FunctionProto, call: &NodeProto) -> Result<Scope<'a>, OnnxError> {
        let problem = |why: &str| failed(text(&function.domain), text(&function.name), why);
        if call.input.len() > function.input.len() || call.output.len() > function.output.len() {
            return Err(problem("called with more inputs or outputs than it has"));
        }
        let missing = std::iter::repeat(String::new());
        let inputs = function.input.iter().zip(call.input.iter().cloned().chain(missing));
        let outputs = function.output.iter().zip(&call.output).filter(|(_, actual)| !actual.is_empty());
        let outputs = outputs.map(|(formal, actual)| (formal, actual.clone()));
        let names = inputs.chain(outputs).map(|(formal, actual)| (formal.as_str(), actual)).collect();
        let given = |name: &str| call.attribute.iter().find(|attribute| text(&attribute.name) == name);
        let mut attributes = HashMap::new();
        for name in &function.attribute {
            attributes.extend(given(name).map(|attribute| (name.as_str(), attribute.clone())));
        }
        for default in &function.attribute_proto {
            let attribute = given(text(&default.name)).unwrap_or(default);
            attributes.insert(text(&default.name), attribute.clone());
        }
        if let Some(unknown) = call.attribute.iter().find(|given| !attributes.contains_key(text(&given.name)))
        {
            return Err(problem(&format!("has no attribute '{}'", text(&unknown.name))));
        }
        Ok(Scope { prefix: format!("{}#{}/", text(&function.name), self.calls), names, attributes })
    }
}
