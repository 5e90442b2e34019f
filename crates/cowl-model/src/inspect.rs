//! What there is to see of a model before anything is run: its layers, their sizes, what they cost, and everything
//! that the architecture tells.

use std::collections::HashMap;

use crate::bilinear::Bilinear;
use crate::graph::{Graph, LayerId, Node, Operator, Origin};
use crate::kernel::Window;
use crate::local::Local;
use crate::program::{Cost, Program};
use crate::shape::Shape;

/// One layer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LayerSummary {
    /// As the model names it.
    pub name: String,
    /// ONNX's operator.
    pub operator: String,
    /// The sizes of what comes out.
    pub shape: Shape,
    /// What the architecture tells of it: geometry, axes, places, attributes.
    pub details: Vec<String>,
    /// How many weights it has.
    pub weights: u64,
    /// What it costs.
    pub cost: Cost,
}

/// The layers that compute with data, in order. A layer that was folded into another has no entry of its own.
pub fn layers(graph: &Graph, program: &Program) -> Vec<LayerSummary> {
    let costs = program.layer_costs().into_iter().map(|known| (known.layer, known.cost));
    let costs: HashMap<LayerId, Cost> = costs.collect();
    let (mut found, mut places) = (Vec::<LayerSummary>::new(), HashMap::new());
    let data = graph.ids().map(|id| graph.node(id)).filter(|node| node.origin == Origin::Data);
    for node in data {
        let place = *places.entry(node.layer).or_insert_with(|| {
            let cost = costs.get(&node.layer).copied().unwrap_or_default();
            found.push(LayerSummary { cost, ..empty(graph, node.layer) });
            found.len() - 1
        });
        let summary = &mut found[place];
        summary.shape = node.shape.clone();
        summary.details.extend(detail(&node.operator));
        summary.weights += weights_of(graph, node);
    }
    found
}

fn empty(graph: &Graph, layer: LayerId) -> LayerSummary {
    let known = &graph.layers()[layer.index()];
    LayerSummary {
        name: known.name.clone(),
        operator: known.operator.clone(),
        shape: Shape::scalar(),
        details: Vec::new(),
        weights: 0,
        cost: Cost::default(),
    }
}

fn weights_of(graph: &Graph, node: &Node) -> u64 {
    let inputs = node.inputs.iter().map(|&input| graph.node(input));
    inputs.filter(|input| input.origin == Origin::Weights).map(|input| input.shape.count() as u64).sum()
}

/// An operation with everything that the architecture tells of it; `None` where that is nothing.
fn detail(operator: &Operator) -> Option<String> {
    Some(match operator {
        Operator::Bilinear(Bilinear::Convolution(map)) => {
            format!("{}, groups {}", window(&map.window), map.groups)
        }
        Operator::Bilinear(Bilinear::TransposedConvolution(map)) => {
            format!("transposed {}, groups {}", window(&map.window), map.groups)
        }
        Operator::MaxPool(map) => window(map),
        Operator::Local(local) => return local_detail(local),
        Operator::Scale(factor) => format!("× {factor}"),
        Operator::Shift(number) => format!("+ {number}"),
        Operator::Interpolate(map) => format!("axis {} to {} places", map.axis, map.taps.len()),
        Operator::Largest(axis) => format!("largest along axis {axis}"),
        Operator::Top { axis, count } => format!("{count} largest along axis {axis}"),
        Operator::ArgMax { axis, last } => {
            format!("{} place of the largest along axis {axis}", if *last { "last" } else { "first" })
        }
        Operator::Function(function) => format!("{function:?}"),
        Operator::Public(tensor) => format!("constant {}", tensor.shape()),
        Operator::Input(_) | Operator::Weight(_) | Operator::Bilinear(_) | Operator::Maximum => return None,
    })
}

fn local_detail(local: &Local) -> Option<String> {
    Some(match local {
        Local::Reshape(shape) => format!("to {shape}"),
        Local::Expand(shape) => format!("repeated to {shape}"),
        Local::Transpose(order) => format!("axes in the order {order:?}"),
        Local::Slice { axis, start, step, count } => {
            format!("axis {axis}: {count} places from {start} on, step {step}")
        }
        Local::Gather { axis, places, .. } => format!("axis {axis}: places {}", shortened(places)),
        Local::Pad { axis, before, after, padding } => {
            format!("axis {axis}: {before} before, {after} behind ({padding:?})")
        }
        Local::Concat(axis) => format!("along axis {axis}"),
        Local::Select(mask) => format!("by a constant mask {}", mask.shape),
        Local::Sum(axes) => format!("summed over axes {axes:?}"),
        Local::WindowSum(map) => window(map),
        Local::Add | Local::Subtract | Local::Negate => return None,
    })
}

fn shortened(places: &[usize]) -> String {
    const SHOWN: usize = 16;
    match places.get(..SHOWN) {
        Some(first) if places.len() > SHOWN => format!("{first:?} and {} more", places.len() - SHOWN),
        _ => format!("{places:?}"),
    }
}

fn window(window: &Window) -> String {
    let list = |list: &[usize]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join("×");
    let mut text = format!("window {}", list(&window.kernel));
    let plain = |list: &[usize], usual: usize| list.iter().all(|&value| value == usual);
    if !plain(&window.strides, 1) {
        text += &format!(", stride {}", list(&window.strides));
    }
    if !plain(&window.dilations, 1) {
        text += &format!(", dilation {}", list(&window.dilations));
    }
    if window.before == window.after && !plain(&window.before, 0) {
        text += &format!(", padding {}", list(&window.before));
    } else if window.before != window.after {
        text += &format!(", padding {} before and {} behind", list(&window.before), list(&window.after));
    }
    text
}
