//! Small files and architectures that ask for what no machine has: each is refused by name, and at once.

#![allow(clippy::unwrap_used, reason = "a model that cannot be made fails the test")]

mod build;

use build::{Builder, int, ints};
use cowl_model::onnx::NoFiles;
use cowl_model::onnx::messages::{
    AttributeProto, FunctionProto, ModelProto, NodeProto, OperatorSetIdProto, data_type,
};
use cowl_model::{ImportOptions, Model, Ring, Rounding, compile, import};
use prost::Message;

fn imported(bytes: &[u8]) -> Result<Model, String> {
    import(bytes, &NoFiles, &ImportOptions::default()).map_err(|error| error.to_string())
}

fn refusal(bytes: &[u8]) -> String {
    imported(bytes).map(|_| ()).unwrap_err()
}

fn compiled(bytes: &[u8]) -> Result<(), String> {
    let graph = imported(bytes)?.architecture;
    compile(&graph, Ring::MENU[0], Rounding::Nearby).map(|_| ()).map_err(|error| error.to_string())
}

#[test]
fn parts_of_a_split_are_as_many_as_its_outputs_and_add_up() {
    let split = |builder: Builder, inputs: &[&str], attributes: &[AttributeProto]| {
        builder.input("x", &[6]).node("Split", inputs, &["y", "z"], attributes).output("y").bytes()
    };
    let many = split(Builder::new(18), &["x"], &[int("num_outputs", i64::MAX)]);
    assert!(refusal(&many).contains("'num_outputs' = 9223372036854775807, and there are 2"));
    let sizes = Builder::new(18).wholes("sizes", &[i64::MAX, i64::MAX]);
    assert!(refusal(&split(sizes, &["x", "sizes"], &[])).contains("the parts are"));
}

#[test]
fn a_long_chain_of_sums_before_a_factor_needs_no_stack() {
    let mut builder = Builder::new(17).input("x", &[1]).input("z", &[1]).floats("w", &[1], &[2.0]);
    let sums = 30_000;
    builder = builder.node("Add", &["x", "z"], &["s0"], &[]);
    for at in 1..=sums {
        let (from, to) = (format!("s{}", at - 1), format!("s{at}"));
        builder = builder.node("Add", &[&from, "z"], &[&to], &[]);
    }
    let bytes = builder.node("Mul", &[&format!("s{sums}"), "w"], &["y"], &[]).output("y").bytes();
    assert_eq!(imported(&bytes).unwrap().architecture.weights().len(), 1);
}

#[test]
fn a_weight_by_other_names_is_one_weight() {
    let mut builder = Builder::new(17).input("x", &[2]).floats("w", &[2], &[1.0, 2.0]);
    for at in 0..3 {
        let alias = format!("w{at}");
        builder = builder.node("Identity", &["w"], &[&alias], &[]);
    }
    let bytes = builder
        .node("Add", &["x", "w0"], &["a"], &[])
        .node("Mul", &["a", "w1"], &["b"], &[])
        .node("Add", &["b", "w2"], &["y"], &[])
        .output("y")
        .bytes();
    assert_eq!(imported(&bytes).unwrap().weights.len(), 1);
}

#[test]
fn whole_numbers_that_are_copied_over_and_over_are_refused() {
    let filled = || Builder::new(17).input("x", &[1]).wholes("sizes", &[1 << 22]).wholes("one", &[1]);
    let mut casts = filled().node("Expand", &["one", "sizes"], &["many"], &[]);
    for at in 0..64 {
        let to = [int("to", data_type::FLOAT.into())];
        casts = casts.node("Cast", &["many"], &[&format!("c{at}")], &to);
    }
    assert!(refusal(&casts.output("x").bytes()).contains("too much to be computed at import"));
    let all = ["many"; 64];
    let wide = filled().node("Expand", &["one", "sizes"], &["many"], &[]);
    let wide = wide.node("Concat", &all, &["wider"], &[int("axis", 0)]).output("x").bytes();
    assert!(refusal(&wide).contains("too much to be computed at import"));
}

#[test]
fn constants_that_are_computed_again_for_each_use_are_refused() {
    let mut builder = Builder::new(17).input("x", &[1 << 20]).wholes("sizes", &[1 << 20]);
    builder = builder.node("ConstantOfShape", &["sizes"], &["zero"], &[]);
    let mut last = "x".to_owned();
    for at in 0..100 {
        let next = format!("y{at}");
        builder = builder.node("Add", &[&last, "zero"], &[&next], &[]);
        last = next;
    }
    let refused = compiled(&builder.output(&last).bytes()).unwrap_err();
    assert!(refused.contains("takes too much: constants"), "{refused}");
}

#[test]
fn a_product_that_no_machine_makes_in_a_day_is_refused() {
    let mut builder = Builder::new(17).input("x", &[1 << 13, 1 << 14]).input("z", &[1 << 14, 1 << 13]);
    let mut last = "x".to_owned();
    for at in 0..18 {
        let (next, other) = (format!("p{at}"), if at % 2 == 0 { "z" } else { "x" });
        builder = builder.node("MatMul", &[&last, other], &[&next], &[]);
        last = next;
    }
    let bytes = builder.output(&last).bytes();
    let refused = compiled(&bytes).unwrap_err();
    assert!(refused.contains("takes too much: more multiplications"), "{refused}");
}

#[test]
fn maxima_over_hundreds_of_millions_of_windows_are_planned_without_listing_them() {
    let pool = |kernel: i64| {
        let attributes = [ints("kernel_shape", &[kernel, kernel])];
        let builder = Builder::new(17).input("x", &[1, 1, 1 << 14, 1 << 14]);
        builder.node("MaxPool", &["x"], &["y"], &attributes).output("y").bytes()
    };
    assert_eq!(compiled(&pool(2)), Ok(()));
    let refused = compiled(&pool(1 << 9)).unwrap_err();
    assert!(refused.contains("takes too much"), "{refused}");
}

/// A model whose only node calls a function.
fn calling(name: &str, call: NodeProto, function: FunctionProto) -> Vec<u8> {
    let mut model: ModelProto = Builder::new(17).input("x", &[1]).output("y").model();
    let graph = model.graph.as_mut().unwrap();
    graph.node = vec![NodeProto { op_type: Some(name.into()), domain: Some("own".into()), ..call }];
    let imports = vec![OperatorSetIdProto { domain: Some(String::new()), version: Some(17) }];
    let (name, domain) = (Some(name.to_owned()), Some("own".to_owned()));
    model.functions.push(FunctionProto { name, domain, opset_import: imports, ..function });
    model.encode_to_vec()
}

fn relu(input: &str, output: &str) -> NodeProto {
    let (input, output) = (vec![input.to_owned()], vec![output.to_owned()]);
    NodeProto { input, output, op_type: Some("Relu".into()), ..NodeProto::default() }
}

#[test]
fn functions_with_long_names_and_long_arguments_do_not_grow_when_they_are_unfolded() {
    let long = "f".repeat(1 << 20);
    let body = vec![relu("a", "b"); 1000];
    let function = FunctionProto { node: body.clone(), ..FunctionProto::default() };
    let refused = refusal(&calling(&long, NodeProto::default(), function));
    assert!(refused.contains("functions unfolded"), "{refused}");
    let call = NodeProto { input: vec![long], output: vec!["y".into()], ..NodeProto::default() };
    let (input, output) = (vec!["a".to_owned()], vec!["b".to_owned()]);
    let function = FunctionProto { input, output, node: body, ..FunctionProto::default() };
    assert!(refusal(&calling("Long", call, function)).contains("functions unfolded"));
    let references = |name: &str| AttributeProto {
        name: Some("alpha".into()),
        ref_attr_name: Some(name.into()),
        ..AttributeProto::default()
    };
    let attribute = AttributeProto { s: Some(vec![0; 1 << 20]), ..build::float("big", 1.0) };
    let node = NodeProto { attribute: vec![references("big")], ..relu("x", "y") };
    let call = NodeProto { attribute: vec![attribute], ..NodeProto::default() };
    let function =
        FunctionProto { attribute: vec!["big".into()], node: vec![node; 1000], ..FunctionProto::default() };
    assert!(refusal(&calling("Big", call, function)).contains("functions unfolded"));
}

#[test]
fn whole_numbers_of_the_file_are_counted_before_they_are_read() {
    let mut model = Builder::new(17).input("x", &[1]).node("Relu", &["x"], &["y"], &[]).output("y").model();
    let tensor = cowl_model::onnx::messages::TensorProto {
        dims: vec![1 << 26],
        data_type: Some(data_type::INT8),
        raw_data: Some(Vec::new()),
        name: Some("bytes".into()),
        ..Default::default()
    };
    model.graph.as_mut().unwrap().initializer.push(tensor);
    assert!(refusal(&model.encode_to_vec()).contains("'bytes': more whole numbers"));
}
