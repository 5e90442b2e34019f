//! ONNX files made in memory, node by node: for the zoo, for tests, for whoever has weights and no framework.

use prost::Message;

use super::messages::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto, data_type,
};

/// A model in the making. Nodes must come in the order in which they can be computed.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    /// What was added so far.
    pub graph: GraphProto,
    opset: i64,
}

impl Builder {
    /// With the operators of this version.
    pub fn new(opset: i64) -> Self {
        Self { graph: GraphProto::default(), opset }
    }

    /// An input of floats. A negative size is left open under the name `N`.
    #[must_use]
    pub fn input(mut self, name: &str, sizes: &[i64]) -> Self {
        let dimension = |&size: &i64| match size {
            0.. => DimensionProto { dim_value: Some(size), dim_param: None },
            _ => DimensionProto { dim_value: None, dim_param: Some("N".into()) },
        };
        let shape = TensorShapeProto { dim: sizes.iter().map(dimension).collect() };
        let tensor_type = Some(TensorTypeProto { elem_type: Some(data_type::FLOAT), shape: Some(shape) });
        let r#type = Some(TypeProto { tensor_type });
        self.graph.input.push(ValueInfoProto { name: Some(name.into()), r#type });
        self
    }

    /// An output of floats.
    #[must_use]
    pub fn output(self, name: &str) -> Self {
        self.output_of(name, data_type::FLOAT)
    }

    /// An output of places, as ArgMax gives them.
    #[must_use]
    pub fn places(self, name: &str) -> Self {
        self.output_of(name, data_type::INT64)
    }

    fn output_of(mut self, name: &str, kind: i32) -> Self {
        let tensor_type = Some(TensorTypeProto { elem_type: Some(kind), shape: None });
        let r#type = Some(TypeProto { tensor_type });
        self.graph.output.push(ValueInfoProto { name: Some(name.into()), r#type });
        self
    }

    /// Weights.
    #[must_use]
    pub fn floats(mut self, name: &str, sizes: &[i64], data: &[f32]) -> Self {
        self.graph.initializer.push(floats(name, sizes, data));
        self
    }

    /// A list of whole numbers: a shape, axes, indices.
    #[must_use]
    pub fn wholes(mut self, name: &str, data: &[i64]) -> Self {
        self.graph.initializer.push(TensorProto {
            dims: vec![data.len() as i64],
            data_type: Some(data_type::INT64),
            int64_data: data.to_vec(),
            name: Some(name.into()),
            ..TensorProto::default()
        });
        self
    }

    /// A node; it goes by the name of its first output.
    #[must_use]
    pub fn node(
        mut self,
        operator: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[AttributeProto],
    ) -> Self {
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(ToString::to_string).collect(),
            output: outputs.iter().map(ToString::to_string).collect(),
            op_type: Some(operator.into()),
            attribute: attributes.to_vec(),
            ..NodeProto::default()
        });
        self
    }

    /// The messages.
    pub fn model(self) -> ModelProto {
        ModelProto {
            ir_version: Some(8),
            graph: Some(GraphProto { name: Some("model".into()), ..self.graph }),
            opset_import: vec![OperatorSetIdProto { domain: None, version: Some(self.opset) }],
            ..ModelProto::default()
        }
    }

    /// The file.
    pub fn bytes(self) -> Vec<u8> {
        self.model().encode_to_vec()
    }
}

/// A tensor of floats.
pub fn floats(name: &str, sizes: &[i64], data: &[f32]) -> TensorProto {
    TensorProto {
        dims: sizes.to_vec(),
        data_type: Some(data_type::FLOAT),
        raw_data: Some(data.iter().flat_map(|value| value.to_le_bytes()).collect()),
        name: Some(name.into()),
        ..TensorProto::default()
    }
}

fn attribute(name: &str, kind: i32) -> AttributeProto {
    AttributeProto { name: Some(name.into()), r#type: Some(kind), ..AttributeProto::default() }
}

/// A whole number.
pub fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { i: Some(value), ..attribute(name, 2) }
}

/// A list of whole numbers.
pub fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { ints: values.to_vec(), ..attribute(name, 7) }
}

/// A float.
pub fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { f: Some(value), ..attribute(name, 1) }
}

/// A text.
pub fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto { s: Some(value.into()), ..attribute(name, 3) }
}

/// A tensor.
pub fn tensor(name: &str, value: TensorProto) -> AttributeProto {
    AttributeProto { t: Some(value), ..attribute(name, 4) }
}
