//! What a program costs, counted in the things that protocols are made of.

use std::collections::HashMap;

use super::{Operation, Program, Ranking, Step};
use crate::graph::LayerId;
use crate::kernel::Window;
use crate::shape::Shape;

/// Counts; what they cost in bytes and rounds is the technique's to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cost {
    /// Multiplications of a value by a weight.
    pub multiplications: u64,
    /// Numbers that come out of layers with weights.
    pub linear_outputs: u64,
    /// Multiplications of two values.
    pub products: u64,
    /// Comparisons of two numbers.
    pub comparisons: u64,
    /// Numbers to which a function of straight pieces is applied.
    pub lookups: u64,
    /// Numbers that are truncated by themselves.
    pub truncations: u64,
}

/// The cost of one layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LayerCost {
    /// Which.
    pub layer: LayerId,
    /// Its cost.
    pub cost: Cost,
}

impl Cost {
    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        let both = |of: fn(&Self) -> u64| of(&self).saturating_add(of(&other));
        Self {
            multiplications: both(|cost| cost.multiplications),
            linear_outputs: both(|cost| cost.linear_outputs),
            products: both(|cost| cost.products),
            comparisons: both(|cost| cost.comparisons),
            lookups: both(|cost| cost.lookups),
            truncations: both(|cost| cost.truncations),
        }
    }
}

impl Program {
    /// The whole program.
    pub fn cost(&self) -> Cost {
        self.steps().iter().map(|step| self.step_cost(step)).fold(Cost::default(), Cost::plus)
    }

    /// Layer by layer, in the order in which they come first.
    pub fn layer_costs(&self) -> Vec<LayerCost> {
        let (mut layers, mut places) = (Vec::<LayerCost>::new(), HashMap::new());
        for step in self.steps() {
            let layer = step.layer;
            let place = *places.entry(layer).or_insert_with(|| {
                layers.push(LayerCost { layer, cost: Cost::default() });
                layers.len() - 1
            });
            layers[place].cost = layers[place].cost.plus(self.step_cost(step));
        }
        layers
    }

    /// One step.
    pub fn step_cost(&self, step: &Step) -> Cost {
        let output = &self.value(step.output).shape;
        let count = output.count() as u64;
        let input = |place: usize| &self.value(step.inputs[place]).shape;
        let none = Cost::default();
        match &step.operation {
            Operation::Linear(linear) => {
                let weight = &self.weight(linear.weight).shape;
                let (left, right) = if linear.weight_first { (weight, input(0)) } else { (input(0), weight) };
                Cost {
                    multiplications: linear.map.multiplications(left, right),
                    linear_outputs: count,
                    ..none
                }
            }
            Operation::Product(map) => Cost { products: map.multiplications(input(0), input(1)), ..none },
            Operation::Truncate(_) => Cost { truncations: count, ..none },
            Operation::Relu { .. } | Operation::Maximum => Cost { comparisons: count, ..none },
            Operation::MaxPool(window) => {
                Cost { comparisons: pool_comparisons(window, input(0), output), ..none }
            }
            Operation::Largest(_) | Operation::ArgMax { .. } => {
                Cost { comparisons: input(0).count() as u64 - count, ..none }
            }
            Operation::Top { axis, count: most } => {
                let size = input(0).size(*axis);
                let lines = (input(0).count() / size.max(1)) as u64;
                Cost { comparisons: lines * Ranking::new(size, *most).comparisons() as u64, ..none }
            }
            Operation::Spline(_) => Cost { lookups: count, products: count, ..none },
            _ => none,
        }
    }
}

/// What every window sees, less one.
fn pool_comparisons(window: &Window, input: &Shape, output: &Shape) -> u64 {
    let planes: usize = output.sizes()[..2].iter().product();
    let seen = |axis: usize| -> usize {
        (0..output.size(axis + 2)).map(|place| window.inside(axis, place, input.size(axis + 2)).len()).sum()
    };
    let all: usize = (0..window.kernel.len()).map(seen).product();
    (all * planes) as u64 - output.count() as u64
}
