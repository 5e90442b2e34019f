//! Reading a container of blocks from its beginning to its end.

use std::io::{self, Read};

use super::{BLOCK, BLOCK_HEAD, BLOCKS_VERSION, BlockIndex, BlockPlace, INDEX_MARK, decode_block, invalid};
use crate::container::ContainerError;

/// Decodes what it reads, one block in memory at a time. Its own errors are [`ContainerError`] inside
/// [`io::ErrorKind::InvalidData`]; the end comes only when the index agrees with the blocks.
pub struct BlockReader<R> {
    inner: R,
    block: Vec<u8>,
    plain: Vec<u8>,
    at: usize,
    index: BlockIndex,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Fresh,
    Blocks,
    Ended,
}

impl<R: Read> BlockReader<R> {
    /// Reads nothing yet.
    pub fn new(inner: R) -> Self {
        let block = Vec::with_capacity(BLOCK_HEAD + BLOCK);
        Self { inner, block, plain: Vec::new(), at: 0, index: BlockIndex::default(), state: State::Fresh }
    }

    fn read_head(&mut self) -> io::Result<()> {
        let [version] = self.array()?;
        self.state = State::Blocks;
        if version == BLOCKS_VERSION { Ok(()) } else { Err(invalid(ContainerError::UnknownVersion(version))) }
    }

    fn read_block(&mut self) -> io::Result<()> {
        let [method] = self.array()?;
        if method == INDEX_MARK {
            return self.read_index();
        }
        let lengths: [u8; 8] = self.array()?;
        let place = BlockPlace::read(lengths).map_err(invalid)?;
        self.block.clear();
        self.block.push(method);
        self.block.extend(lengths);
        self.block.resize(BLOCK_HEAD + place.coded, 0);
        self.inner.read_exact(&mut self.block[BLOCK_HEAD..]).map_err(cut)?;
        self.plain = decode_block(&self.block).map_err(invalid)?;
        self.at = 0;
        self.index.push(place.plain, place.coded);
        Ok(())
    }

    fn read_index(&mut self) -> io::Result<()> {
        let expected = self.index.to_bytes().map_err(invalid)?;
        let mut found = Vec::new();
        (&mut self.inner).take(expected.len() as u64).read_to_end(&mut found)?;
        self.state = State::Ended;
        if found == expected[1..] { Ok(()) } else { Err(invalid(ContainerError::Damaged)) }
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes).map_err(cut)?;
        Ok(bytes)
    }
}

impl<R: Read> Read for BlockReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.plain.len() && !out.is_empty() {
            match self.state {
                State::Fresh => self.read_head()?,
                State::Blocks => self.read_block()?,
                State::Ended => return Ok(0),
            }
        }
        let length = out.len().min(self.plain.len() - self.at);
        out[..length].copy_from_slice(&self.plain[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

/// An end in the middle is damage; other errors are the reader's own.
fn cut(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof { invalid(ContainerError::Damaged) } else { error }
}
