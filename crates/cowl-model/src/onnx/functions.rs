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

type Functions<'a> = HashMap<(&'a str, &'a str, &'a str), Known<'a>>;

/// A function, with what every call of it needs.
struct Known<'a> {
    function: &'a FunctionProto,
    /// Bytes of the whole: what a call takes at the least.
    bytes: usize,
    versions: Versions<'a>,
}

/// Versions of operators by their domains, as a model or function imports them.
struct Versions<'a>(HashMap<&'a str, i64>);

impl<'a> Versions<'a> {
    fn new(imports: &'a [OperatorSetIdProto]) -> Self {
        let mut versions = HashMap::new();
        for import in imports {
            versions.entry(plain(text(&import.domain))).or_insert(import.version.unwrap_or(0));
        }
        Self(versions)
    }

    /// 0 if none.
    fn of(&self, domain: &str) -> i64 {
        self.0.get(plain(domain)).copied().unwrap_or(0)
    }
}

fn plain(domain: &str) -> &str {
    if domain == "ai.onnx" { "" } else { domain }
}

/// The nodes of the graph in their order, calls of functions replaced by what the functions do.
pub(crate) fn flatten(model: &ModelProto) -> Result<Vec<FlatNode>, OnnxError> {
    let mut functions = Functions::new();
    for function in &model.functions {
        let place = (text(&function.domain), text(&function.name), text(&function.overload));
        let (bytes, versions) = (function.encoded_len(), Versions::new(&function.opset_import));
        if functions.insert(place, Known { function, bytes, versions }).is_some() {
            return Err(failed(place.0, place.1, "defined twice"));
        }
    }
    let nodes = model.graph.iter().flat_map(|graph| &graph.node);
    let mut flat = Flattening { functions: &functions, output: Vec::new(), calls: 0, bytes: 0 };
    let versions = Versions::new(&model.opset_import);
    let scope = Scope { prefix: String::new(), names: HashMap::new(), attributes: HashMap::new() };
    for node in nodes {
        flat.add(node, &versions, &scope, 0)?;
    }
    Ok(flat.output)
}

fn text(field: &Option<String>) -> &str {
    field.as_deref().unwrap_or_default()
}

fn failed(domain: &str, name: &str, why: &str) -> OnnxError {
    OnnxError::Function { name: format!("{domain}:{name}"), why: why.into() }
}

struct Flattening<'a> {
    functions: &'a Functions<'a>,
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

    /// Bytes of a node as it is for this call: names and attributes of the caller may be longer than those that stand for them.
    fn length_of(&self, node: &NodeProto) -> usize {
        let name =
            |name: &String| self.names.get(name.as_str()).map_or(self.prefix.len() + name.len(), String::len);
        let names = node.input.iter().chain(&node.output).map(name).sum::<usize>();
        let references = node.attribute.iter().map(|attribute| text(&attribute.ref_attr_name));
        let given = references.filter_map(|name| self.attributes.get(name));
        let given = given.map(AttributeProto::encoded_len).sum::<usize>();
        node.encoded_len() + self.prefix.len() + names + given
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
        versions: &Versions<'_>,
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<(), OnnxError> {
        self.count(scope.length_of(node))?;
        let node = scope.node(node);
        let (domain, name) = (text(&node.domain).to_owned(), text(&node.op_type).to_owned());
        let known = self.functions.get(&(domain.as_str(), name.as_str(), text(&node.overload)));
        if self.output.len() >= MOST_NODES || self.calls >= MOST_NODES {
            return Err(OnnxError::TooLarge(format!("more than {MOST_NODES} nodes")));
        }
        let Some(Known { function, bytes, versions }) = known else {
            let opset = versions.of(&domain);
            self.output.push(FlatNode { node, opset });
            return Ok(());
        };
        self.count(*bytes)?;
        if depth == DEEPEST {
            return Err(failed(&domain, &name, "functions call each other too deeply"));
        }
        self.calls += 1;
        let scope = self.scope(function, &node)?;
        function.node.iter().try_for_each(|node| self.add(node, versions, &scope, depth + 1))
    }

    fn count(&mut self, bytes: usize) -> Result<(), OnnxError> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes <= MOST_UNFOLDED {
            return Ok(());
        }
        Err(OnnxError::TooLarge(format!("more than {MOST_UNFOLDED} bytes of nodes, functions unfolded")))
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
        let mut given = HashMap::new();
        for attribute in &call.attribute {
            given.entry(text(&attribute.name)).or_insert(attribute);
        }
        let mut attributes = HashMap::new();
        for name in &function.attribute {
            let found = given.get(name.as_str());
            attributes.extend(found.map(|&attribute| (name.as_str(), attribute.clone())));
        }
        for default in &function.attribute_proto {
            let attribute = given.get(text(&default.name)).copied().unwrap_or(default);
            attributes.insert(text(&default.name), attribute.clone());
        }
        if let Some(unknown) = call.attribute.iter().find(|given| !attributes.contains_key(text(&given.name)))
        {
            return Err(problem(&format!("has no attribute '{}'", text(&unknown.name))));
        }
        Ok(Scope { prefix: format!("{}#{}/", text(&function.name), self.calls), names, attributes })
    }
}
