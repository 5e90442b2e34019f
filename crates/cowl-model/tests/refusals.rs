//! Files that are broken, hostile or beyond what is supported: each is refused by name, none is misread.

#![allow(clippy::unwrap_used, reason = "a model that cannot be made fails the test")]

mod build;

use std::path::Path;

use build::{Builder, floats, int, ints, numbers, tensor, text};
use cowl_model::onnx::messages::{
    AttributeProto, FunctionProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto,
    data_type,
};
use cowl_model::onnx::{ExternalFiles, Folder, NoFiles};
use cowl_model::{ImportOptions, Model, Shape, Tensor, import};
use prost::Message;

fn refusal(bytes: &[u8]) -> String {
    import(bytes, &NoFiles, &ImportOptions::default()).map(|_| ()).unwrap_err().to_string()
}

fn imported(bytes: &[u8]) -> Model {
    import(bytes, &NoFiles, &ImportOptions::default()).unwrap()
}

fn one_node(operator: &str, attributes: &[AttributeProto]) -> Vec<u8> {
    Builder::new(17).input("x", &[1, 2, 4, 4]).node(operator, &["x"], &["y"], attributes).output("y").bytes()
}

#[test]
fn an_operator_an_attribute_and_a_value_are_refused_by_the_node_s_name() {
    assert_eq!(refusal(&one_node("Det", &[])), "node 'y' (Det): this operator is not supported");
    assert_eq!(
        refusal(&one_node("Relu", &[int("odd", 3)])),
        "node 'y' (Relu): attribute 'odd' is not supported"
    );
    let pool = [ints("kernel_shape", &[2, 2]), text("auto_pad", "SOMEHOW")];
    assert_eq!(
        refusal(&one_node("MaxPool", &pool)),
        "node 'y' (MaxPool): attribute 'auto_pad' = 'SOMEHOW' is not supported"
    );
}

#[test]
fn versions_domains_and_second_outputs_are_not_guessed() {
    let old = Builder::new(5).input("x", &[1]).node("Relu", &["x"], &["y"], &[]).output("y").bytes();
    assert!(refusal(&old).contains("ONNX version 5"));
    let mut foreign = Builder::new(17).input("x", &[1]).node("Relu", &["x"], &["y"], &[]).output("y").model();
    foreign.graph.as_mut().unwrap().node[0].domain = Some("com.example".into());
    assert!(refusal(&foreign.encode_to_vec()).contains("this operator is not supported"));
    let pool = [ints("kernel_shape", &[2, 2])];
    let two = Builder::new(17)
        .input("x", &[1, 1, 4, 4])
        .node("MaxPool", &["x"], &["y", "i"], &pool)
        .output("y")
        .bytes();
    assert_eq!(refusal(&two), "node 'y' (MaxPool): its output 'i' is not supported");
}

#[test]
fn what_depends_on_the_data_cannot_be_a_shape() {
    let bytes = Builder::new(17)
        .input("x", &[1, 4])
        .node("Cast", &["x"], &["s"], &[int("to", data_type::INT64.into())])
        .node("Reshape", &["x", "s"], &["y"], &[])
        .output("y")
        .bytes();
    assert!(refusal(&bytes).contains("depends on the data"));
}

#[test]
fn open_sizes_are_asked_for_and_a_batch_is_one_unless_said() {
    let bytes = |sizes: &[i64]| {
        Builder::new(17).input("x", sizes).node("Relu", &["x"], &["y"], &[]).output("y").bytes()
    };
    assert_eq!(imported(&bytes(&[-1, 3])).architecture.inputs()[0].shape.to_string(), "1×3");
    assert!(refusal(&bytes(&[2, -1])).contains("the size of axis 1 ('N') is open"));
    let options = ImportOptions { dimensions: [("N".to_owned(), 5)].into(), ..ImportOptions::default() };
    let model = import(&bytes(&[2, -1]), &NoFiles, &options).unwrap();
    assert_eq!(model.architecture.inputs()[0].shape.to_string(), "2×5");
}

#[test]
fn shapes_are_followed_through_arithmetic() {
    let bytes = Builder::new(13)
        .input("x", &[2, 3, 4])
        .wholes("zero", &[0])
        .wholes("rest", &[-1])
        .node("Shape", &["x"], &["shape"], &[])
        .node("Gather", &["shape", "zero"], &["first"], &[int("axis", 0)])
        .node("Concat", &["first", "rest"], &["target"], &[int("axis", 0)])
        .node("Reshape", &["x", "target"], &["y"], &[])
        .output("y")
        .bytes();
    let graph = imported(&bytes).architecture;
    assert_eq!(graph.node(graph.outputs()[0].node).shape.to_string(), "2×12");
}

#[test]
fn sizes_that_no_machine_has_are_refused_before_memory_is_taken() {
    let huge = Builder::new(17)
        .input("x", &[1 << 40, 1 << 40])
        .node("Relu", &["x"], &["y"], &[])
        .output("y")
        .bytes();
    assert!(refusal(&huge).contains("too large"));
    let filled = Builder::new(17)
        .input("x", &[1])
        .wholes("sizes", &[1 << 40])
        .node("ConstantOfShape", &["sizes"], &["c"], &[])
        .node("Add", &["x", "c"], &["y"], &[])
        .output("y")
        .bytes();
    assert!(refusal(&filled).contains("too large"));
    let padded = Builder::new(17)
        .input("x", &[1])
        .wholes("pads", &[i64::MAX, 1])
        .node("Pad", &["x", "pads"], &["y"], &[])
        .output("y")
        .bytes();
    refusal(&padded);
}

#[test]
fn windows_that_would_take_forever_are_refused_or_cost_nothing() {
    let large = 1 << 27;
    let pool = |operator: &str, attributes: &[AttributeProto]| {
        let builder =
            Builder::new(19).input("x", &[1, 1, 1 << 20]).node(operator, &["x"], &["y"], attributes);
        import(&builder.output("y").bytes(), &NoFiles, &ImportOptions::default()).map(|_| ())
    };
    let padded = [ints("kernel_shape", &[large]), ints("pads", &[large, large])];
    assert!(pool("MaxPool", &padded).unwrap_err().to_string().contains("too many places"));
    assert!(pool("AveragePool", &padded).is_err());
    let absurd = [ints("kernel_shape", &[3]), ints("pads", &[i64::MAX, i64::MAX])];
    assert!(pool("AveragePool", &absurd).unwrap_err().to_string().contains("'pads'"));
    let steps = [ints("kernel_shape", &[3]), ints("strides", &[i64::MAX]), text("auto_pad", "SAME_UPPER")];
    assert!(pool("MaxPool", &steps).unwrap_err().to_string().contains("'strides'"));
}

#[test]
fn constants_that_would_fill_memory_are_refused() {
    let repeat =
        |builder: Builder, from: &str, to: &str| builder.node("Expand", &[from, "sizes"], &[to], &[]);
    let wholes = Builder::new(17).input("x", &[1]).wholes("sizes", &[1 << 26]).wholes("one", &[1]);
    let wholes =
        repeat(wholes, "one", "many").node("Reshape", &["x", "many"], &["y"], &[]).output("y").bytes();
    assert!(refusal(&wholes).contains("more than shapes are made of"));
    let floats = Builder::new(17).input("x", &[1]).wholes("sizes", &[1 << 27]).floats("one", &[1], &[1.0]);
    let floats = repeat(floats, "one", "many")
        .node("Cast", &["many"], &["shape"], &[int("to", data_type::INT64.into())])
        .node("Reshape", &["x", "shape"], &["y"], &[])
        .output("y")
        .bytes();
    assert!(refusal(&floats).contains("too much to be computed at import"));
}

#[test]
fn thousands_of_damaged_files_are_refused_or_read_and_never_panic() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/models/brain_tissue_64.onnx");
    let real = std::fs::read(path).unwrap();
    let small = Builder::new(17)
        .input("x", &[1, 2, 6, 6])
        .floats("w", &[2, 2, 3, 3], &numbers(36, 1))
        .wholes("pads", &[0, 0, 1, 1, 0, 0, 1, 1])
        .node("Pad", &["x", "pads"], &["p"], &[])
        .node("Conv", &["p", "w"], &["c"], &[ints("strides", &[2, 2])])
        .node("AveragePool", &["c"], &["y"], &[ints("kernel_shape", &[2, 2]), ints("pads", &[0, 1, 1, 0])])
        .output("y")
        .bytes();
    let mut state = 1u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for round in 0..6000 {
        let mut bytes = if round % 12 == 0 { real.clone() } else { small.clone() };
        for _ in 0..1 + random(4) {
            let place = random(bytes.len());
            bytes[place] = random(256) as u8;
        }
        if round % 3 == 0 {
            bytes.truncate(random(bytes.len()));
        }
        let _ = import(&bytes, &NoFiles, &ImportOptions::default());
    }
}

#[test]
fn a_file_of_empty_messages_is_refused_before_it_grows() {
    // Four-byte fields that would each become a message of hundreds of bytes.
    let empty_node = [0x0a, 0x00];
    let nodes = empty_node.repeat(20 << 20);
    let mut bytes = vec![0x3a];
    prost::encoding::encode_varint(nodes.len() as u64, &mut bytes);
    bytes.extend_from_slice(&nodes);
    assert!(refusal(&bytes).contains("too large"));
}

fn external(location: &str, offset: &str, length: &str) -> Vec<u8> {
    let entry =
        |key: &str, value: &str| StringStringEntryProto { key: Some(key.into()), value: Some(value.into()) };
    let mut weight = floats("w", &[4], &[]);
    weight.raw_data = None;
    weight.data_location = Some(1);
    weight.external_data =
        vec![entry("location", location), entry("offset", offset), entry("length", length)];
    let mut model =
        Builder::new(17).input("x", &[4]).node("Add", &["x", "w"], &["y"], &[]).output("y").model();
    model.graph.as_mut().unwrap().initializer.push(weight);
    model.encode_to_vec()
}

#[test]
fn weights_in_a_file_beside_the_model_are_read_from_its_folder_alone() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("model");
    std::fs::create_dir(&folder).unwrap();
    let bytes: Vec<u8> = [0.0, 1.0, 2.0, 3.0, 4.0f32].iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(folder.join("weights.bin"), &bytes).unwrap();
    std::fs::write(outer.path().join("secret.bin"), &bytes).unwrap();
    std::os::unix::fs::symlink(outer.path().join("secret.bin"), folder.join("link.bin")).unwrap();
    let files = Folder::new(&folder);
    let read = |location: &str, offset: &str, length: &str| {
        import(&external(location, offset, length), &files, &ImportOptions::default())
            .map(|model| model.weights[0].data().to_vec())
            .map_err(|error| error.to_string())
    };
    assert_eq!(read("weights.bin", "4", "16").unwrap(), [1.0, 2.0, 3.0, 4.0]);
    for location in ["../secret.bin", "link.bin", "", "sub/../../secret.bin"] {
        assert!(read(location, "0", "16").unwrap_err().contains("folder"), "{location}");
    }
    assert!(read(outer.path().join("secret.bin").to_str().unwrap(), "0", "16").is_err());
    assert!(read("weights.bin", "8", "16").unwrap_err().contains("12 bytes from there on"));
    assert!(read("weights.bin", "99", "16").unwrap_err().contains("ends before"));
    assert!(read("weights.bin", "0", "20").unwrap_err().contains("more than its sizes ask for"));
    assert!(read("missing.bin", "0", "16").is_err());
    assert!(NoFiles.read("weights.bin", 0, None, 16).is_err());
}

fn with_function(body: Vec<NodeProto>, attribute: &[&str]) -> ModelProto {
    let mut model = Builder::new(17).input("x", &[4]).node("Twice", &["x"], &["y"], &[]).output("y").model();
    let call = &mut model.graph.as_mut().unwrap().node[0];
    call.domain = Some("own".into());
    call.attribute = vec![build::float("alpha", 0.25)];
    model.functions.push(FunctionProto {
        name: Some("Twice".into()),
        domain: Some("own".into()),
        input: vec!["a".into()],
        output: vec!["b".into()],
        attribute: attribute.iter().map(ToString::to_string).collect(),
        node: body,
        opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: Some(17) }],
        ..FunctionProto::default()
    });
    model
}

fn leaky(input: &str, output: &str) -> NodeProto {
    let slope = AttributeProto {
        name: Some("alpha".into()),
        ref_attr_name: Some("alpha".into()),
        r#type: Some(1),
        ..AttributeProto::default()
    };
    NodeProto {
        input: vec![input.into()],
        output: vec![output.into()],
        op_type: Some("LeakyRelu".into()),
        attribute: vec![slope],
        ..NodeProto::default()
    }
}

#[test]
fn model_functions_are_unfolded_with_the_attributes_of_each_call() {
    let model = with_function(vec![leaky("a", "t"), leaky("t", "b")], &["alpha"]);
    let model = imported(&model.encode_to_vec());
    let input = Tensor::new(Shape::new([4]).unwrap(), vec![-16.0, -1.0, 0.0, 2.0]).unwrap();
    assert_eq!(model.architecture.evaluate(&[input], &[]).unwrap()[0].data(), [-1.0, -0.0625, 0.0, 2.0]);
}

#[test]
fn functions_that_call_themselves_are_refused() {
    let call = NodeProto {
        input: vec!["a".into()],
        output: vec!["b".into()],
        op_type: Some("Twice".into()),
        domain: Some("own".into()),
        attribute: vec![build::float("alpha", 1.0)],
        ..NodeProto::default()
    };
    let model = with_function(vec![call], &["alpha"]);
    assert!(refusal(&model.encode_to_vec()).contains("too deeply"));
    let unknown = with_function(vec![leaky("a", "b")], &[]);
    assert!(refusal(&unknown.encode_to_vec()).contains("has no attribute 'alpha'"));
}

#[test]
fn constants_of_half_precision_are_widened() {
    let mut half = floats("value", &[2], &[]);
    half.data_type = Some(data_type::FLOAT16);
    half.raw_data = Some([0x3c00u16, 0xc100].iter().flat_map(|bits| bits.to_le_bytes()).collect());
    let bytes = Builder::new(17)
        .input("x", &[2])
        .node("Constant", &[], &["c"], &[tensor("value", half)])
        .node("Mul", &["x", "c"], &["y"], &[])
        .output("y")
        .bytes();
    assert_eq!(imported(&bytes).weights[0].data(), [1.0, -2.5]);
}
