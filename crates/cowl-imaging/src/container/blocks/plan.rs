//! Where blocks begin and end.

use super::BLOCK;
use crate::container::StorageCodec;
use crate::pixels::{PixelLayout, RasterSpan};

/// How a file is cut into blocks, and how they are coded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockPlan {
    codec: StorageCodec,
    raster: Option<RasterSpan>,
}

/// The block that comes next.
pub(super) struct NextBlock {
    pub length: usize,
    /// Its shape, when it is of pixels.
    pub pixels: Option<PixelLayout>,
}

impl BlockPlan {
    /// A plan for a file whose pixels lie where `raster` says. It is only a plan: a file that is no image, or ends
    /// early, comes back bit for bit as well.
    pub fn new(codec: StorageCodec, raster: Option<RasterSpan>) -> Self {
        let raster = raster.filter(|_| matches!(codec, StorageCodec::Live | StorageCodec::Archive));
        Self { codec, raster }
    }

    /// How blocks are coded.
    pub fn codec(&self) -> StorageCodec {
        self.codec
    }

    /// The block that begins at `position`, where another one ended.
    pub(super) fn block_at(&self, position: u64) -> NextBlock {
        let bytes = |left: u64| NextBlock { length: left.min(BLOCK as u64) as usize, pixels: None };
        let Some(raster) = &self.raster else { return bytes(BLOCK as u64) };
        let (start, end) = (raster.range().start as u64, raster.range().end as u64);
        match position {
            before if before < start => bytes(start - before),
            within if within < end => pixels_at(raster.layout(), (within - start) as usize),
            _ => bytes(BLOCK as u64),
        }
    }
}

/// Whole frames, or as many rows as fit of a frame that is larger than a block.
fn pixels_at(layout: &PixelLayout, offset: usize) -> NextBlock {
    let frame = layout.frame_bytes();
    let row = frame / layout.rows();
    let (rows, frames) = if frame <= BLOCK {
        let left = (layout.raster_bytes() - offset) / frame;
        (layout.rows(), left.min(BLOCK / frame))
    } else {
        let left = (frame - offset % frame) / row;
        (left.min(BLOCK / row), 1)
    };
    let shape = layout.with_shape(rows as u32, frames as u32);
    NextBlock { length: shape.raster_bytes(), pixels: Some(shape) }
}
