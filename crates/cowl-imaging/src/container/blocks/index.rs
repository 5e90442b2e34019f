//! The index of a container of blocks.

use std::ops::Range;

use super::{BLOCK, BLOCK_HEAD, INDEX_MARK};
use crate::container::ContainerError;

/// Bytes at the end of a container that tell how long its index is.
pub const TRAILER: u64 = 4;

/// Bytes of the index for each block.
const ENTRY: usize = 8;

/// Lengths of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockPlace {
    /// Bytes of the file, 1 to [`BLOCK`].
    pub plain: usize,
    /// Bytes that they are stored in, no more than those of the file.
    pub coded: usize,
}

/// Where each block lies, in the file and in the container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlockIndex {
    blocks: Vec<BlockPlace>,
}

impl BlockPlace {
    pub(super) fn lengths(self) -> [u8; ENTRY] {
        let length = |bytes: usize| u32::try_from(bytes).expect("a block is at most 1 MiB").to_le_bytes();
        let mut out = [0; ENTRY];
        out[..4].copy_from_slice(&length(self.plain));
        out[4..].copy_from_slice(&length(self.coded));
        out
    }

    pub(super) fn read([a, b, c, d, e, f, g, h]: [u8; ENTRY]) -> Result<Self, ContainerError> {
        let (plain, coded) =
            (u32::from_le_bytes([a, b, c, d]) as usize, u32::from_le_bytes([e, f, g, h]) as usize);
        let sound = (1..=BLOCK).contains(&plain) && (1..=plain).contains(&coded);
        if sound { Ok(Self { plain, coded }) } else { Err(ContainerError::Damaged) }
    }
}

impl BlockIndex {
    /// Where the index lies in a container of `container` bytes that ends with `trailer`.
    ///
    /// # Errors
    /// [`ContainerError::Damaged`] when it does not fit.
    pub fn place(container: u64, trailer: [u8; TRAILER as usize]) -> Result<Range<u64>, ContainerError> {
        let length = 1 + u64::from(u32::from_le_bytes(trailer)) * ENTRY as u64 + TRAILER;
        let start = container.checked_sub(length).filter(|start| *start >= 1);
        start.map(|start| start..container).ok_or(ContainerError::Damaged)
    }

    /// Reads an index; `bytes` are those that [`BlockIndex::place`] tells.
    ///
    /// # Errors
    /// [`ContainerError::Damaged`] when the blocks do not fill the container before it.
    pub fn read(container: u64, bytes: &[u8]) -> Result<Self, ContainerError> {
        let entries = bytes.strip_prefix(&[INDEX_MARK]).ok_or(ContainerError::Damaged)?;
        let (entries, trailer) =
            entries.split_last_chunk::<{ TRAILER as usize }>().ok_or(ContainerError::Damaged)?;
        let (entries, rest) = entries.as_chunks::<ENTRY>();
        if !rest.is_empty() || entries.len() != u32::from_le_bytes(*trailer) as usize {
            return Err(ContainerError::Damaged);
        }
        let blocks = entries.iter().map(|entry| BlockPlace::read(*entry)).collect::<Result<_, _>>()?;
        let index = Self { blocks };
        if index.stored() + bytes.len() as u64 == container {
            Ok(index)
        } else {
            Err(ContainerError::Damaged)
        }
    }

    pub(super) fn push(&mut self, plain: usize, coded: usize) -> BlockPlace {
        let place = BlockPlace { plain, coded };
        self.blocks.push(place);
        place
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, ContainerError> {
        let count = u32::try_from(self.blocks.len()).map_err(|_| ContainerError::TooLarge)?;
        let mut bytes = vec![INDEX_MARK];
        self.blocks.iter().for_each(|block| bytes.extend(block.lengths()));
        bytes.extend(count.to_le_bytes());
        Ok(bytes)
    }

    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        self.blocks.iter().map(|block| block.plain as u64).sum()
    }

    /// Bytes of the container before the index.
    fn stored(&self) -> u64 {
        self.blocks.iter().fold(1, |stored, block| stored + (BLOCK_HEAD + block.coded) as u64)
    }

    /// The blocks that hold a range of the file: for each where its bytes lie in the file and where it lies, head and
    /// all, in the container.
    pub fn covering(&self, range: Range<u64>) -> impl Iterator<Item = (Range<u64>, Range<u64>)> {
        let (mut plain, mut stored) = (0, 1);
        let places = self.blocks.iter().map(move |block| {
            let (from, at) = (plain, stored);
            plain += block.plain as u64;
            stored += (BLOCK_HEAD + block.coded) as u64;
            (from..plain, at..stored)
        });
        places.filter(move |(plain, _)| plain.start < range.end && range.start < plain.end)
    }
}
