//! Small ONNX files that between them have most operators, in most ways of writing them.

use cowl_model::onnx::builder::{Builder, float, floats, int, ints, text};
use cowl_model::onnx::messages::{AttributeProto, FunctionProto, NodeProto, OperatorSetIdProto};
use prost::Message;

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|at| (at * 7 % 11) as f32 / 8.0 - 0.6).collect()
}

/// Layers on an image: convolutions, normalisation, pooling, resampling, attention, softmax.
pub(super) fn layers() -> Vec<u8> {
    let norm = ["norm", "scale", "offset", "mean", "variance"];
    let builder = Builder::new(17).input("x", &[1, 2, 8, 8]).floats("k", &[4, 1, 3, 3], &numbers(36));
    let builder = norm[1..].iter().fold(builder, |builder, name| builder.floats(name, &[4], &[1.0; 4]));
    let builder = builder.floats("t", &[4, 2, 2, 2], &numbers(32)).floats("w", &[8, 3], &numbers(24));
    let builder =
        builder.floats("slope", &[4, 1, 1], &numbers(4)).floats("sizes", &[4], &[1.0, 1.0, 2.0, 2.0]);
    let dilated = [ints("dilations", &[2, 2]), ints("pads", &[2, 2, 1, 3]), int("group", 2)];
    let window = [ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2]), ints("pads", &[0, 0, 1, 1])];
    let counted = [window.as_slice(), &[int("count_include_pad", 1)]].concat();
    let linear = [text("mode", "linear"), text("coordinate_transformation_mode", "half_pixel")];
    builder
        .node("Conv", &["x", "k"], &["conv"], &dilated)
        .node("BatchNormalization", &["conv", norm[1], norm[2], norm[3], norm[4]], &["norm"], &[])
        .node("Relu", &["norm"], &["relu"], &[])
        .node("MaxPool", &["relu"], &["pool"], &window)
        .node("PRelu", &["pool", "slope"], &["leaky"], &[])
        .node("AveragePool", &["leaky"], &["mean4"], &counted)
        .node("Resize", &["mean4", "", "sizes"], &["large"], &linear)
        .node("ConvTranspose", &["large", "t"], &["back"], &[ints("strides", &[2, 2])])
        .node("Gelu", &["back"], &["gelu"], &[])
        .node("GlobalAveragePool", &["large"], &["all"], &[])
        .node("Flatten", &["gelu"], &["flat"], &[])
        .node("Softmax", &["flat"], &["soft"], &[])
        .node("ReduceMean", &["soft"], &["y"], &[ints("axes", &[1])])
        .output("y")
        .output("all")
        .bytes()
}

/// Arithmetic on shapes, and everything that moves numbers about.
pub(super) fn shapes() -> Vec<u8> {
    let builder = Builder::new(13).input("x", &[-1, 4, 6]).wholes("zero", &[0]).wholes("rest", &[-1]);
    let builder =
        builder.wholes("two", &[2]).wholes("pads", &[0, 1, 0, 0, 1, 2]).wholes("places", &[3, 1, 1]);
    let builder =
        builder.wholes("axes", &[1]).wholes("from", &[-1]).wholes("to", &[-9]).wholes("back", &[-2]);
    builder
        .node("Shape", &["x"], &["shape"], &[])
        .node("Gather", &["shape", "zero"], &["batch"], &[int("axis", 0)])
        .node("Mul", &["batch", "two"], &["twice"], &[])
        .node("Div", &["twice", "two"], &["once"], &[])
        .node("Concat", &["once", "rest"], &["target"], &[int("axis", 0)])
        .node("Pad", &["x", "pads"], &["padded"], &[text("mode", "reflect")])
        .node("Slice", &["padded", "from", "to", "axes", "back"], &["sliced"], &[])
        .node("Gather", &["sliced", "places"], &["chosen"], &[int("axis", 2)])
        .node("Transpose", &["chosen"], &["turned"], &[ints("perm", &[0, 2, 1])])
        .node("Split", &["turned"], &["one", "two0", "three"], &[int("axis", 1)])
        .node("Max", &["one", "two0", "three"], &["most"], &[])
        .node("Clip", &["most"], &["clipped"], &[])
        .node("Reshape", &["clipped", "target"], &["y"], &[])
        .node("ArgMax", &["y"], &["place"], &[int("axis", 1), int("keepdims", 0)])
        .output("y")
        .places("place")
        .bytes()
}

/// A function that is called with an attribute.
pub(super) fn function() -> Vec<u8> {
    let own = || Some("own".to_owned());
    let slope = AttributeProto { ref_attr_name: Some("alpha".into()), ..AttributeProto::default() };
    let slope = AttributeProto { name: Some("alpha".into()), r#type: Some(1), ..slope };
    let node = |from: &str, to: &str| NodeProto {
        input: vec![from.into()],
        output: vec![to.into()],
        op_type: Some("LeakyRelu".into()),
        attribute: vec![slope.clone()],
        ..NodeProto::default()
    };
    let builder = Builder::new(17).input("x", &[4]).floats("w", &[4], &numbers(4));
    let builder = builder.node("Twice", &["x"], &["t"], &[float("alpha", 0.25)]);
    let mut model = builder.node("Mul", &["t", "w"], &["y"], &[]).output("y").model();
    model.graph.iter_mut().flat_map(|graph| &mut graph.node).take(1).for_each(|call| call.domain = own());
    model.functions.push(FunctionProto {
        name: Some("Twice".into()),
        domain: own(),
        input: vec!["a".into()],
        output: vec!["b".into()],
        attribute: vec!["alpha".into()],
        node: vec![node("a", "t"), node("t", "b")],
        opset_import: vec![OperatorSetIdProto { domain: None, version: Some(17) }],
        ..FunctionProto::default()
    });
    model.encode_to_vec()
}

/// A tensor in a file of its own.
pub(super) fn tensor() -> Vec<u8> {
    floats("w", &[2, 2], &[1.0, 2.0, 3.0, 4.0]).encode_to_vec()
}
