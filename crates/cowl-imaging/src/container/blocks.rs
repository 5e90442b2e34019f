//! Files that are too large for memory: a container of blocks, each coded by itself, written and read as a stream.
//!
//! ```text
//! version u8 = 2
//! for each block:  method u8 (0 as it is, 1 zstd, 2 live, 3 archive) · lengths u32 plain, u32 coded · coded bytes
//! index:           255 u8 · for each block the lengths u32 plain, u32 coded · number of blocks u32  (little endian)
//! ```
//! A block holds at most [`BLOCK`] bytes of the file. Within the pixels of an image a block is as many whole frames as
//! fit, or a band of rows of one frame, coded as a complete stream of the pixel codec; whatever surrounds the pixels
//! is compressed. A block that does not get smaller is stored as it is. The index at the end gives ranges of the file
//! without reading the rest.

mod index;
mod plan;
mod read;

use std::io::{self, Write};

pub use index::{BlockIndex, BlockPlace, TRAILER};
pub use plan::BlockPlan;
pub use read::BlockReader;

use super::{ContainerError, StorageCodec, compress, decompress, pays};
use crate::pixels::PixelLayout;
use crate::{archive, live};

/// Most bytes of a file in one block.
pub const BLOCK: usize = 1 << 20;
/// First byte of a container of blocks.
pub const BLOCKS_VERSION: u8 = 2;

const BLOCK_HEAD: usize = 9;
const INDEX_MARK: u8 = 255;

const AS_IT_IS: u8 = 0;
const ZSTD: u8 = 1;
const LIVE: u8 = 2;
const ARCHIVE: u8 = 3;

/// Codes what is written to it, block by block. Without [`BlockWriter::finish`] the index is missing.
pub struct BlockWriter<W> {
    inner: W,
    plan: BlockPlan,
    /// Offset in the file of what is pending.
    position: u64,
    pending: Vec<u8>,
    index: BlockIndex,
}

impl<W: Write> BlockWriter<W> {
    /// Writes the head.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn new(mut inner: W, plan: BlockPlan) -> io::Result<Self> {
        inner.write_all(&[BLOCKS_VERSION])?;
        Ok(Self {
            inner,
            plan,
            position: 0,
            pending: Vec::with_capacity(BLOCK),
            index: BlockIndex::default(),
        })
    }

    /// Codes what is left, writes the index, and hands the writer back.
    ///
    /// # Errors
    /// Those of the writer; [`ContainerError::TooLarge`] for more blocks than an index counts.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.pending.is_empty() {
            // What ends in the middle of a frame is no image.
            self.write_block(None)?;
        }
        self.inner.write_all(&self.index.to_bytes().map_err(invalid)?)?;
        Ok(self.inner)
    }

    fn write_block(&mut self, pixels: Option<PixelLayout>) -> io::Result<()> {
        let (method, coded) = encode_block(self.plan.codec(), pixels, &self.pending).map_err(invalid)?;
        let coded = coded.as_deref().unwrap_or(&self.pending);
        let place = self.index.push(self.pending.len(), coded.len());
        self.inner.write_all(&[method])?;
        self.inner.write_all(&place.lengths())?;
        self.inner.write_all(coded)?;
        self.position += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }
}

impl<W: Write> Write for BlockWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let block = self.plan.block_at(self.position);
        let length = bytes.len().min(block.length - self.pending.len());
        self.pending.extend_from_slice(&bytes[..length]);
        if self.pending.len() == block.length {
            self.write_block(block.pixels)?;
        }
        Ok(length)
    }

    /// Flushes the writer; an unfinished block stays.
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The method and the coded bytes; none where the block is stored as it is.
fn encode_block(
    codec: StorageCodec,
    pixels: Option<PixelLayout>,
    block: &[u8],
) -> Result<(u8, Option<Vec<u8>>), ContainerError> {
    let coded = match (codec, pixels) {
        (StorageCodec::None | StorageCodec::Dct(_), _) => return Ok((AS_IT_IS, None)),
        (StorageCodec::Live, Some(layout)) => (LIVE, live::encode(&layout, block)?),
        (StorageCodec::Archive, Some(layout)) => (ARCHIVE, archive::encode(&layout, block)?),
        _ => (ZSTD, compress(block)?),
    };
    if pays(coded.1.len(), block.len()) { Ok((coded.0, Some(coded.1))) } else { Ok((AS_IT_IS, None)) }
}

/// The bytes of a file that a block holds. `block` begins with the method: what [`BlockIndex`] says where to find.
///
/// # Errors
/// [`ContainerError`] for anything that [`BlockWriter`] does not write.
pub fn decode_block(block: &[u8]) -> Result<Vec<u8>, ContainerError> {
    let (head, coded) = block.split_first_chunk::<BLOCK_HEAD>().ok_or(ContainerError::Damaged)?;
    let place = BlockPlace::read(head[1..].try_into().expect("a head is the method and eight bytes"))?;
    if coded.len() != place.coded {
        return Err(ContainerError::Damaged);
    }
    let plain = match head[0] {
        AS_IT_IS => coded.to_vec(),
        ZSTD => decompress(coded, place.plain)?,
        LIVE => decode_pixels(&live::index(coded)?, place.plain, || live::decode(coded))?,
        ARCHIVE => decode_pixels(&archive::index(coded)?, place.plain, || archive::decode(coded))?,
        _ => return Err(ContainerError::Damaged),
    };
    if plain.len() == place.plain { Ok(plain) } else { Err(ContainerError::Damaged) }
}

/// Refuses before it decodes more than the block may hold.
fn decode_pixels(
    index: &crate::framing::FrameIndex,
    plain: usize,
    decode: impl FnOnce() -> Result<(PixelLayout, Vec<u8>), crate::framing::CodecError>,
) -> Result<Vec<u8>, ContainerError> {
    if index.layout().raster_bytes() != plain {
        return Err(ContainerError::Damaged);
    }
    Ok(decode()?.1)
}

fn invalid(error: ContainerError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests;
