//! Layers that multiply by weights.

use super::super::{Call, Importer, Refused};
use super::pooling::Geometry;
use crate::bilinear::Bilinear;
use crate::graph::{NodeId, Operator};
use crate::kernel::{Convolution, TransposedConvolution, Window};
use crate::local::Local;
use crate::shape::Shape;

impl Importer<'_> {
    fn product(
        &mut self,
        call: &Call<'_>,
        map: Bilinear,
        left: NodeId,
        right: NodeId,
    ) -> Result<NodeId, Refused> {
        self.push(call, Operator::Bilinear(map), &[left, right])
    }

    pub(super) fn matrix_product(&mut self, call: &Call<'_>) -> Result<NodeId, Refused> {
        let left = self.operand(call, 0, "first input")?;
        let right = self.operand(call, 1, "second input")?;
        self.product(call, Bilinear::MatMul, left, right)
    }

    /// alpha · A · B + beta · C, the factors going to what is not data.
    pub(super) fn gemm(&mut self, call: &Call<'_>) -> Result<NodeId, Refused> {
        let alpha = call.attributes.float("alpha")?.unwrap_or(1.0);
        let beta = call.attributes.float("beta")?.unwrap_or(1.0);
        let turns = [call.attributes.flag("transA")?, call.attributes.flag("transB")?];
        call.attributes.ignore("broadcast"); // before version 7; C broadcasts in any case
        let mut sides = [self.operand(call, 0, "A")?, self.operand(call, 1, "B")?];
        for (side, turned) in sides.iter_mut().zip(turns) {
            if self.shape(*side).rank() != 2 {
                return Err(self.shape(*side).unfit("Gemm", "A and B are matrices").into());
            }
            if turned {
                *side = self.push_local(call, Local::Transpose(vec![1, 0]), &[*side])?;
            }
        }
        if alpha != 1.0 {
            let side = if self.is_data(sides[1]) { 0 } else { 1 };
            sides[side] = self.scaled(call, sides[side], alpha)?;
        }
        let product = self.product(call, Bilinear::MatMul, sides[0], sides[1])?;
        let Some(offset) = self.optional(call, 2, "C")? else { return Ok(product) };
        let shape = self.shape(product).clone();
        if !self.shape(offset).broadcasts_to(&shape) {
            return Err(shape.mismatch("Gemm", self.shape(offset)).into());
        }
        let offset = self.scaled(call, offset, beta)?;
        self.push_local(call, Local::Add, &[product, offset])
    }

    pub(super) fn scaled(&mut self, call: &Call<'_>, input: NodeId, factor: f32) -> Result<NodeId, Refused> {
        if factor == 1.0 { Ok(input) } else { self.push(call, Operator::Scale(factor.into()), &[input]) }
    }

    pub(super) fn convolution(&mut self, call: &Call<'_>) -> Result<NodeId, Refused> {
        let input = self.operand(call, 0, "input")?;
        let filter = self.operand(call, 1, "filter")?;
        let (shape, kernel) = self.checked_kernel(call, input, filter)?;
        let window = Geometry::read(call, &kernel)?.window(&shape.sizes()[2..])?;
        let groups = super::size_of("group", call.attributes.int("group")?.unwrap_or(1))?;
        let map = Bilinear::Convolution(Convolution { window, groups });
        let product = self.product(call, map, input, filter)?;
        self.with_bias(call, product)
    }

    /// The input's shape and the kernel's sizes.
    fn checked_kernel(
        &self,
        call: &Call<'_>,
        input: NodeId,
        filter: NodeId,
    ) -> Result<(Shape, Vec<usize>), Refused> {
        let (shape, filter) = (self.shape(input).clone(), self.shape(filter));
        if shape.rank() < 3 || filter.rank() != shape.rank() {
            return Err(shape.mismatch("a convolution", filter).into());
        }
        let kernel = filter.sizes()[2..].to_vec();
        let named = call.attributes.ints("kernel_shape")?;
        if named.is_some_and(|named| super::sizes_of("kernel_shape", &named).ok().as_ref() != Some(&kernel)) {
            return Err(Refused::attribute("kernel_shape", "is not the filter's"));
        }
        Ok((shape, kernel))
    }

    fn with_bias(&mut self, call: &Call<'_>, product: NodeId) -> Result<NodeId, Refused> {
        let Some(bias) = self.optional(call, 2, "bias")? else { return Ok(product) };
        let shape = self.shape(product).clone();
        if self.shape(bias).sizes() != [shape.size(1)] {
            return Err(shape.mismatch("a bias", self.shape(bias)).into());
        }
        let bias =
            self.push_local(call, Local::Reshape(super::along(1, shape.size(1), shape.rank())?), &[bias])?;
        self.push_local(call, Local::Add, &[product, bias])
    }

    pub(super) fn transposed_convolution(&mut self, call: &Call<'_>) -> Result<NodeId, Refused> {
        let input = self.operand(call, 0, "input")?;
        let filter = self.operand(call, 1, "filter")?;
        let (shape, kernel) = self.checked_kernel(call, input, filter)?;
        let geometry = Geometry::read(call, &kernel)?;
        let (window, sizes) = transposed_window(call, geometry, &shape.sizes()[2..])?;
        let groups = super::size_of("group", call.attributes.int("group")?.unwrap_or(1))?;
        let map = Bilinear::TransposedConvolution(TransposedConvolution { window, groups, sizes });
        let product = self.product(call, map, input, filter)?;
        self.with_bias(call, product)
    }
}

/// The window, and the sizes that come out.
fn transposed_window(
    call: &Call<'_>,
    geometry: Geometry,
    spatial: &[usize],
) -> Result<(Window, Vec<usize>), Refused> {
    let extra = match call.attributes.ints("output_padding")? {
        Some(extra) => super::sizes_of("output_padding", &extra)?,
        None => vec![0; spatial.len()],
    };
    if extra.len() != spatial.len() {
        return Err(Refused::attribute("output_padding", "needs one number for each spatial axis"));
    }
    let wanted = call
        .attributes
        .ints("output_shape")?
        .map(|sizes| super::sizes_of("output_shape", &sizes))
        .transpose()?;
    let full = |axis: usize| {
        let span = geometry.span(axis)?;
        spatial[axis]
            .checked_sub(1)?
            .checked_mul(geometry.strides[axis])?
            .checked_add(span)?
            .checked_add(extra[axis])
    };
    let full: Option<Vec<usize>> = (0..spatial.len()).map(full).collect();
    let full = full.ok_or_else(|| Refused::attribute("strides", "lead to an absurd size"))?;
    let sizes = match wanted {
        // Some exporters write batch and channels before the spatial sizes.
        Some(wanted) if wanted.len() == spatial.len() + 2 => Some(wanted[2..].to_vec()),
        Some(wanted) if wanted.len() == spatial.len() => Some(wanted),
        Some(_) => return Err(Refused::attribute("output_shape", "needs one size for each spatial axis")),
        None => geometry.same_sizes(spatial),
    };
    geometry.transposed(&full, sizes)
}
