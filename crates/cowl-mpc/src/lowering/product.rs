//! Products of a program as maps over flat numbers: on this crate's kernels where one fits, else on
//! `cowl_model`'s, which know every shape.

use std::sync::Arc;

use cowl_model::bilinear::Bilinear as Product;
use cowl_model::kernel::{Number, Window};
use cowl_model::{Shape, Tensor};

use crate::error::Error;
use crate::linear::{Axis, Bilinear, Convolution, Dense, Elementwise, Layout};

/// Weights times data; weights are the left operand of what comes out.
pub(super) fn with_weight(
    map: &Product,
    weight: &Shape,
    data: &Shape,
    weight_first: bool,
) -> Result<Arc<dyn Bilinear>, Error> {
    match map {
        Product::Multiply if weight == data => return Ok(Arc::new(Elementwise(weight.count()))),
        Product::MatMul => {
            let dense = if weight_first { by_output(weight, data) } else { by_input(weight, data) };
            if let Some(dense) = dense {
                return Ok(Arc::new(dense));
            }
        }
        Product::Convolution(convolution) if !weight_first => {
            if let Some(axes) = axes(&convolution.window, data) {
                let channels = [data.size(1), weight.size(0)];
                let made = Convolution::new(data.size(0), channels, convolution.groups, &axes)?;
                return Ok(Arc::new(made));
            }
        }
        _ => {}
    }
    let map = if weight_first { Map::new(map, weight, data)? } else { Map::new(map, data, weight)?.turned() };
    Ok(Arc::new(map))
}

/// A matrix times a vector.
fn by_output(weight: &Shape, data: &Shape) -> Option<Dense> {
    match (weight.sizes(), data.sizes()) {
        (&[outputs, inputs], [_] | [_, 1]) => {
            Some(Dense { batch: 1, inputs, outputs, layout: Layout::ByOutput })
        }
        _ => None,
    }
}

/// Vectors times a matrix.
fn by_input(weight: &Shape, data: &Shape) -> Option<Dense> {
    match (weight.sizes(), data.sizes()) {
        (&[inputs, outputs], [stack @ .., _]) => {
            Some(Dense { batch: stack.iter().product(), inputs, outputs, layout: Layout::ByInput })
        }
        _ => None,
    }
}

/// One to three axes; others are rare enough for the general map.
fn axes(window: &Window, data: &Shape) -> Option<Vec<Axis>> {
    let spatial = data.sizes().get(2..)?;
    let axis = |(place, &input): (usize, &usize)| Axis {
        input,
        filter: window.kernel[place],
        stride: window.strides[place],
        dilation: window.dilations[place],
        before: window.before[place],
        behind: window.after[place],
    };
    (1..=3).contains(&spatial.len()).then(|| spatial.iter().enumerate().map(axis).collect())
}

/// Any product, with its operands' shapes.
pub(super) struct Map {
    map: Product,
    first: Shape,
    second: Shape,
    output: usize,
    turned: bool,
}

impl Map {
    pub(super) fn new(map: &Product, first: &Shape, second: &Shape) -> Result<Self, Error> {
        let output = map.shape(first, second).map_err(|_| Error::Sizes { what: "a product's operands" })?;
        Ok(Self {
            map: map.clone(),
            first: first.clone(),
            second: second.clone(),
            output: output.count(),
            turned: false,
        })
    }

    /// The same with the second operand on the left.
    fn turned(self) -> Self {
        Self { turned: true, ..self }
    }

    fn operands(&self) -> [&Shape; 2] {
        if self.turned { [&self.second, &self.first] } else { [&self.first, &self.second] }
    }

    fn apply<N: Number>(&self, left: &[N], right: &[N]) -> Vec<N> {
        let (first, second) = if self.turned { (right, left) } else { (left, right) };
        let tensor = |shape: &Shape, numbers: &[N]| Tensor::new(shape.clone(), numbers.to_vec());
        let product = tensor(&self.first, first)
            .and_then(|first| Ok((first, tensor(&self.second, second)?)))
            .and_then(|(first, second)| self.map.apply(&first, &second));
        product.expect("operands have the shapes that were checked").into_data()
    }
}

impl Bilinear for Map {
    fn left(&self) -> usize {
        self.operands()[0].count()
    }

    fn right(&self) -> usize {
        self.operands()[1].count()
    }

    fn output(&self) -> usize {
        self.output
    }

    fn narrow(&self, left: &[u32], right: &[u32]) -> Vec<u32> {
        self.apply(left, right)
    }

    fn wide(&self, left: &[u64], right: &[u64]) -> Vec<u64> {
        self.apply(left, right)
    }
}
