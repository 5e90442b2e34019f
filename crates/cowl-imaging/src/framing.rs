//! What the pixel codecs have in common: a versioned head with the layout and an index of independent frames.
//!
//! ```text
//! magic 4 · version 1 · rows u16 · columns u16 · frames u32 · samples u8 · allocated u8 · stored u8 · signed u8
//! length u32 of each frame · the frames' bytes        (little endian)
//! ```
//!
//! The index stands at the head, so that one frame can be fetched by range without the others.

use std::ops::Range;

use crate::pixels::{LayoutError, PixelLayout, SampleFormat};

/// Why coded pixels cannot be decoded, or pixels not encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The bytes do not begin as this codec's streams do.
    #[error("not a stream of this pixel codec")]
    NotThisCodec,
    /// The stream was made by a newer version of the codec.
    #[error("pixel codec version {0} is not known")]
    UnknownVersion(u8),
    /// The declared layout is not acceptable.
    #[error("the declared pixel layout is refused")]
    Layout(#[from] LayoutError),
    /// The stream ends early.
    #[error("the coded pixels are cut short")]
    Truncated,
    /// The stream contradicts itself; the text says where.
    #[error("the coded pixels are damaged: {0}")]
    Damaged(&'static str),
    /// The caller gave a raster whose length is not that of its layout.
    #[error("the raster has {actual} bytes where its layout says {expected}")]
    RasterLength {
        /// Bytes that the layout declares.
        expected: usize,
        /// Bytes that were given.
        actual: usize,
    },
    /// The entropy coder could not work (out of memory).
    #[error("the entropy coder failed")]
    EntropyCoder(#[source] std::io::Error),
}

/// Bytes before the index.
const FIXED_HEAD: usize = 17;

/// Layout of a coded raster and the place of each of its frames in the stream.
#[derive(Debug, Clone)]
pub struct FrameIndex {
    layout: PixelLayout,
    starts: Vec<usize>,
}

impl FrameIndex {
    /// Bytes of head and index, from the first 17 bytes of a stream: what to fetch before [`FrameIndex::read`].
    ///
    /// # Errors
    /// As [`FrameIndex::read`].
    pub fn head_bytes(magic: [u8; 4], version: u8, bytes: &[u8]) -> Result<usize, CodecError> {
        let layout = read_layout(magic, version, bytes)?;
        Ok(FIXED_HEAD + 4 * layout.frames())
    }

    /// Reads head and index; `bytes` may end anywhere after the index.
    ///
    /// # Errors
    /// [`CodecError`] when magic, version or layout are not acceptable or the index is cut short.
    pub fn read(magic: [u8; 4], version: u8, bytes: &[u8]) -> Result<Self, CodecError> {
        let layout = read_layout(magic, version, bytes)?;
        let end = FIXED_HEAD + 4 * layout.frames();
        let index = bytes.get(FIXED_HEAD..end).ok_or(CodecError::Truncated)?;
        let mut starts = Vec::with_capacity(layout.frames() + 1);
        let mut start = end;
        starts.push(start);
        for length in index.chunks_exact(4) {
            let length = u32::from_le_bytes(length.try_into().expect("chunks of four bytes"));
            start = start.checked_add(length as usize).ok_or(CodecError::Damaged("frame index"))?;
            starts.push(start);
        }
        Ok(Self { layout, starts })
    }

    /// Layout of the raster.
    pub fn layout(&self) -> &PixelLayout {
        &self.layout
    }

    /// Bytes of the coded `frame` in the stream; `None` when there is no such frame.
    pub fn frame(&self, frame: usize) -> Option<Range<usize>> {
        Some(*self.starts.get(frame)?..*self.starts.get(frame + 1)?)
    }

    /// Length of the whole stream.
    pub fn stream_bytes(&self) -> usize {
        *self.starts.last().expect("a start is pushed before any frame")
    }

    /// The coded frames of a complete stream, in order.
    ///
    /// # Errors
    /// [`CodecError::Truncated`] when the stream is shorter than its index says, [`CodecError::Damaged`] when longer.
    pub(crate) fn frames<'a>(
        &'a self,
        stream: &'a [u8],
    ) -> Result<impl Iterator<Item = &'a [u8]>, CodecError> {
        match stream.len().cmp(&self.stream_bytes()) {
            std::cmp::Ordering::Less => Err(CodecError::Truncated),
            std::cmp::Ordering::Greater => Err(CodecError::Damaged("bytes after the last frame")),
            std::cmp::Ordering::Equal => Ok(self.starts.windows(2).map(|pair| &stream[pair[0]..pair[1]])),
        }
    }
}

fn read_layout(magic: [u8; 4], version: u8, bytes: &[u8]) -> Result<PixelLayout, CodecError> {
    if bytes.get(..4).is_none_or(|found| found != magic) {
        return Err(CodecError::NotThisCodec);
    }
    let head: &[u8; FIXED_HEAD] = bytes.first_chunk().ok_or(CodecError::Truncated)?;
    if head[4] != version {
        return Err(CodecError::UnknownVersion(head[4]));
    }
    if head[16] > 1 {
        return Err(CodecError::Damaged("sign flag"));
    }
    let format = SampleFormat::new(u16::from(head[14]), u16::from(head[15]), head[16] == 1)?;
    let side = |at: usize| u32::from(u16::from_le_bytes([head[at], head[at + 1]]));
    let frames = u32::from_le_bytes([head[9], head[10], head[11], head[12]]);
    Ok(PixelLayout::new(side(5), side(7), frames, u16::from(head[13]), format)?)
}

/// Writes head and index, then calls `encode` for each frame; it appends the frame's bytes.
pub(crate) fn write(
    magic: [u8; 4],
    version: u8,
    layout: &PixelLayout,
    raster: &[u8],
    mut encode: impl FnMut(&[u8], &mut Vec<u8>) -> Result<(), CodecError>,
) -> Result<Vec<u8>, CodecError> {
    if raster.len() != layout.raster_bytes() {
        return Err(CodecError::RasterLength { expected: layout.raster_bytes(), actual: raster.len() });
    }
    let mut stream = Vec::with_capacity(FIXED_HEAD + 4 * layout.frames() + raster.len() / 2);
    write_layout(magic, version, layout, &mut stream);
    stream.resize(FIXED_HEAD + 4 * layout.frames(), 0);
    for (index, frame) in raster.chunks_exact(layout.frame_bytes()).enumerate() {
        let start = stream.len();
        encode(frame, &mut stream)?;
        let length = u32::try_from(stream.len() - start).map_err(|_| LayoutError::TooManyBytes)?;
        stream[FIXED_HEAD + 4 * index..][..4].copy_from_slice(&length.to_le_bytes());
    }
    Ok(stream)
}

fn write_layout(magic: [u8; 4], version: u8, layout: &PixelLayout, stream: &mut Vec<u8>) {
    let format = layout.format();
    stream.extend(magic);
    stream.push(version);
    stream.extend((layout.rows() as u16).to_le_bytes());
    stream.extend((layout.columns() as u16).to_le_bytes());
    stream.extend((layout.frames() as u32).to_le_bytes());
    stream.push(layout.samples_per_pixel() as u8);
    stream.extend([format.bits_allocated(), format.bits_stored(), u8::from(format.is_signed())]);
}

/// Decodes all frames of a complete stream; `decode` fills one frame.
pub(crate) fn read(
    magic: [u8; 4],
    version: u8,
    stream: &[u8],
    mut decode: impl FnMut(&PixelLayout, &[u8], &mut [u8]) -> Result<(), CodecError>,
) -> Result<(PixelLayout, Vec<u8>), CodecError> {
    let index = FrameIndex::read(magic, version, stream)?;
    let layout = *index.layout();
    let mut raster = Vec::new();
    for frame in index.frames(stream)? {
        let start = raster.len();
        raster.resize(start + layout.frame_bytes(), 0);
        decode(&layout, frame, &mut raster[start..])?;
    }
    Ok((layout, raster))
}
