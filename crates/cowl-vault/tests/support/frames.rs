//! Parts as they travel in bulk, taken apart and put together again.

use cowl_api::frames::{FRAME_HEADER, FrameHeader};
use cowl_crypto::digest::Digest;
use cowl_domain::PartName;

use super::mallory::Answer;

/// One part with the hash that its frame announces.
#[derive(Clone)]
pub struct Frame {
    pub name: PartName,
    pub hash: Digest,
    pub bytes: Vec<u8>,
}

impl Frame {
    /// Other bytes, and a frame that vouches for them: who changes parts can do that too.
    #[must_use]
    pub fn with_bytes(&self, bytes: Vec<u8>) -> Self {
        Self { name: self.name, hash: Digest::of(&bytes), bytes }
    }
}

pub fn parse(body: &[u8]) -> Vec<Frame> {
    let (mut frames, mut rest) = (Vec::new(), body);
    while let Some((head, after)) = rest.split_first_chunk::<FRAME_HEADER>() {
        let header = FrameHeader::from_bytes(head).unwrap();
        let (bytes, behind) = after.split_at(header.length as usize);
        frames.push(Frame { name: header.name, hash: header.hash, bytes: bytes.to_vec() });
        rest = behind;
    }
    frames
}

pub fn assemble(frames: &[Frame]) -> Vec<u8> {
    let mut body = Vec::new();
    for frame in frames {
        let length = u32::try_from(frame.bytes.len()).unwrap();
        body.extend_from_slice(&FrameHeader { name: frame.name, hash: frame.hash, length }.to_bytes());
        body.extend_from_slice(&frame.bytes);
    }
    body
}

/// Changes the parts in an answer.
pub fn alter(answer: &mut Answer, change: impl FnOnce(&mut Vec<Frame>)) {
    let mut frames = parse(&answer.body);
    change(&mut frames);
    answer.body = assemble(&frames);
}
