//! Small ONNX files made in memory.

#![allow(dead_code, reason = "each test program uses a part of it")]

use cowl_model::onnx::messages::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto, data_type,
};
use prost::Message;

/// A model in the making; nodes are named after their first output.
#[derive(Default)]
pub(crate) struct Builder {
    pub(crate) graph: GraphProto,
    opset: i64,
}

impl Builder {
    pub(crate) fn new(opset: i64) -> Self {
        Self { graph: GraphProto::default(), opset }
    }

    pub(crate) fn input(mut self, name: &str, sizes: &[i64]) -> Self {
        let number = |&size: &i64| DimensionProto { dim_value: Some(size), dim_param: None };
        let named = |_: &i64| DimensionProto { dim_value: None, dim_param: Some("N".into()) };
        let dim = sizes.iter().map(|size| if *size < 0 { named(size) } else { number(size) }).collect();
        let tensor_type = Some(TensorTypeProto {
            elem_type: Some(data_type::FLOAT),
            shape: Some(TensorShapeProto { dim }),
        });
        let input = ValueInfoProto { name: Some(name.into()), r#type: Some(TypeProto { tensor_type }) };
        self.graph.input.push(input);
        self
    }

    pub(crate) fn output(mut self, name: &str) -> Self {
        self.graph.output.push(ValueInfoProto { name: Some(name.into()), r#type: None });
        self
    }

    pub(crate) fn floats(mut self, name: &str, sizes: &[i64], data: &[f32]) -> Self {
        self.graph.initializer.push(floats(name, sizes, data));
        self
    }

    pub(crate) fn wholes(mut self, name: &str, data: &[i64]) -> Self {
        self.graph.initializer.push(TensorProto {
            dims: vec![data.len() as i64],
            data_type: Some(data_type::INT64),
            int64_data: data.to_vec(),
            name: Some(name.into()),
            ..TensorProto::default()
        });
        self
    }

    pub(crate) fn node(
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

    pub(crate) fn model(self) -> ModelProto {
        ModelProto {
            ir_version: Some(8),
            graph: Some(self.graph),
            opset_import: vec![OperatorSetIdProto { domain: None, version: Some(self.opset) }],
            ..ModelProto::default()
        }
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.model().encode_to_vec()
    }
}

pub(crate) fn floats(name: &str, sizes: &[i64], data: &[f32]) -> TensorProto {
    TensorProto {
        dims: sizes.to_vec(),
        data_type: Some(data_type::FLOAT),
        raw_data: Some(data.iter().flat_map(|value| value.to_le_bytes()).collect()),
        name: Some(name.into()),
        ..TensorProto::default()
    }
}

pub(crate) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: Some(name.into()), i: Some(value), r#type: Some(2), ..AttributeProto::default() }
}

pub(crate) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        ints: values.to_vec(),
        r#type: Some(7),
        ..AttributeProto::default()
    }
}

pub(crate) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { name: Some(name.into()), f: Some(value), r#type: Some(1), ..AttributeProto::default() }
}

pub(crate) fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        s: Some(value.into()),
        r#type: Some(3),
        ..AttributeProto::default()
    }
}

pub(crate) fn tensor(name: &str, value: TensorProto) -> AttributeProto {
    AttributeProto { name: Some(name.into()), t: Some(value), r#type: Some(4), ..AttributeProto::default() }
}

/// Numbers between −1 and 1 that look random and are the same every time.
pub(crate) fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}
