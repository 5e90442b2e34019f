//! A pack in the making: the parts' bytes one after another, without their frames. They leave it as they come.

use std::collections::HashSet;

use bytes::{Bytes, BytesMut};
use cowl_api::frames::{FrameDecoder, FrameError, FrameHeader, Piece};
use cowl_crypto::digest::Hasher;
use cowl_domain::PartName;
use cowl_store::ledger::UploadedPart;

use crate::refusal::Refusal;

/// Most parts of one upload.
pub(super) const MAX_PARTS: usize = 8192;
/// Smaller pieces are copied together, so that a drip-fed upload costs no more memory than its bytes.
const SMALL: usize = 4096;
/// So much of them leaves at once: an upload of small pieces only does not wait for its end in memory.
const MOST_SMALL: usize = 64 * 1024;

/// What was received whole and unharmed.
#[derive(Debug)]
pub(super) struct Pack {
    pub(super) parts: Vec<UploadedPart>,
    pub(super) bytes: u64,
}

/// Takes the body's chunks as they come; large ones are kept as they are, not copied.
#[derive(Default)]
pub(super) struct PackBuilder {
    decoder: FrameDecoder,
    current: Option<(FrameHeader, Hasher, u32)>,
    chunks: Vec<Bytes>,
    small: BytesMut,
    parts: Vec<UploadedPart>,
    names: HashSet<PartName>,
    bytes: u64,
}

impl PackBuilder {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Takes a chunk of the body and gives what it adds to the pack.
    pub(super) fn take(&mut self, mut chunk: Bytes) -> Result<Vec<Bytes>, Refusal> {
        while let Some(piece) = self.decoder.next(&mut chunk)? {
            match piece {
                Piece::Header(header) => self.begin(header)?,
                Piece::Bytes(bytes) => self.go_on(bytes)?,
            }
        }
        Ok(std::mem::take(&mut self.chunks))
    }

    /// The pack and its last bytes, when the body has ended.
    pub(super) fn finish(mut self) -> Result<(Pack, Vec<Bytes>), Refusal> {
        self.decoder.finish()?;
        if self.parts.is_empty() {
            return Err(Refusal::bad_request("the upload holds no part"));
        }
        self.flush();
        Ok((Pack { parts: self.parts, bytes: self.bytes }, self.chunks))
    }

    fn begin(&mut self, header: FrameHeader) -> Result<(), Refusal> {
        if self.parts.len() == MAX_PARTS {
            return Err(Refusal::too_large(format!("an upload has {MAX_PARTS} parts at most")));
        }
        if !self.names.insert(header.name) {
            return Err(Refusal::bad_request("an upload names a part twice"));
        }
        self.current = Some((header, Hasher::new(), 0));
        Ok(())
    }

    fn go_on(&mut self, bytes: Bytes) -> Result<(), Refusal> {
        let Some((header, hasher, taken)) = &mut self.current else {
            return Err(FrameError::Truncated.into());
        };
        hasher.update(&bytes);
        *taken += u32::try_from(bytes.len()).expect("a piece is no longer than its part");
        if *taken == header.length {
            if hasher.finalize() != header.hash {
                return Err(FrameError::Hash(header.name).into());
            }
            let length = u64::from(header.length);
            let offset = self.bytes + bytes.len() as u64 - length;
            self.parts.push(UploadedPart { name: header.name, offset, length, hash: header.hash });
        }
        self.keep(bytes);
        Ok(())
    }

    fn keep(&mut self, bytes: Bytes) {
        self.bytes += bytes.len() as u64;
        if bytes.len() < SMALL {
            self.small.extend_from_slice(&bytes);
            if self.small.len() >= MOST_SMALL {
                self.flush();
            }
        } else {
            self.flush();
            self.chunks.push(bytes);
        }
    }

    fn flush(&mut self) {
        if !self.small.is_empty() {
            self.chunks.push(self.small.split().freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use cowl_crypto::digest::Digest;

    use super::*;

    fn framed(parts: &[(u8, &[u8])]) -> Vec<u8> {
        let frame = |(name, bytes): &(u8, &[u8])| {
            let header = FrameHeader {
                name: PartName::from_bytes([*name; 16]),
                hash: Digest::of(bytes),
                length: bytes.len() as u32,
            };
            [header.to_bytes().as_slice(), bytes].concat()
        };
        parts.iter().flat_map(frame).collect()
    }

    fn build(body: &[u8], step: usize) -> Result<(Pack, Vec<u8>), Refusal> {
        let mut builder = PackBuilder::new();
        let mut stored = Vec::new();
        for chunk in body.chunks(step) {
            stored.extend(builder.take(Bytes::copy_from_slice(chunk))?);
        }
        let (pack, last) = builder.finish()?;
        stored.extend(last);
        Ok((pack, stored.concat()))
    }

    #[test]
    fn a_pack_is_the_same_however_the_body_is_cut() {
        let large = vec![7; 10_000];
        let body = framed(&[(1, b"abc"), (2, &large), (3, b"x")]);
        for step in [1, 7, 51, 52, 53, 4096, 5000, usize::MAX / 2] {
            let (pack, bytes) = build(&body, step).unwrap();
            assert_eq!(bytes, [b"abc".as_slice(), &large, b"x"].concat());
            assert_eq!(pack.bytes, 10_004);
            let places: Vec<_> = pack.parts.iter().map(|part| (part.offset, part.length)).collect();
            assert_eq!(places, [(0, 3), (3, 10_000), (10_003, 1)]);
        }
    }

    #[test]
    fn a_body_that_ends_anywhere_inside_is_refused() {
        let body = framed(&[(1, b"abc"), (2, b"defg")]);
        for length in (0..body.len()).filter(|length| *length != 55) {
            assert!(build(&body[..length], 9).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn a_changed_byte_of_a_part_or_its_hash_is_refused() {
        let body = framed(&[(1, b"abcdefgh")]);
        for at in 16..body.len() {
            let mut changed = body.clone();
            changed[at] ^= 1;
            assert!(build(&changed, 16).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_part_named_twice_is_refused() {
        assert!(build(&framed(&[(1, b"a"), (1, b"a")]), 100).is_err());
    }
}
