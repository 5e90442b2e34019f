//! Parts in bulk and in ranges.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use cowl_crypto::digest::Digest;
use cowl_domain::{PartName, RecordId};
use futures_util::stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RANGE};
use reqwest::{Body, RequestBuilder, Response, StatusCode};

use super::call::Call;
use super::{Client, ClientError};
use crate::frames::{FRAME_HEADER, FrameDecoder, FrameHeader, Piece};
use crate::paths;
use crate::types::*;

impl Client {
    /// Uploads parts as one pack; durable when this returns. The bytes are sent as they are, not copied.
    ///
    /// Names that are already there with the same bytes are no error, so the same call may be repeated.
    pub async fn upload_parts(
        &self,
        record: &RecordId,
        parts: Vec<(PartName, Digest, Bytes)>,
    ) -> Result<PartsStored, ClientError> {
        let call = Call::post(paths::PARTS).with("record", record).freely();
        let (frames, length) = frame(parts);
        let body = self.exchange(&call, MAX_ANSWER, |request| self.framed(request, &frames, length)).await?;
        serde_json::from_slice(&body).map_err(|e| call.bad_answer(e))
    }

    /// Which of these parts of the caller are durable: after a cut, the others are sent again.
    pub async fn parts_known(
        &self,
        record: &RecordId,
        parts: &[PartName],
    ) -> Result<Vec<PartName>, ClientError> {
        let call = Call::post(paths::PARTS_KNOWN).with("record", record).freely();
        let known: PartsKnown = self.send(call, &names(parts)).await?;
        let parsed: Result<_, _> = known.parts.iter().map(|name| name.parse()).collect();
        parsed.map_err(|e: cowl_domain::IdError| Call::post(paths::PARTS_KNOWN).bad_answer(e))
    }

    /// Bytes `range` of one part, exactly as many as asked for.
    pub async fn fetch_part_range(
        &self,
        ticket: &[u8],
        part: &PartName,
        range: Range<u64>,
    ) -> Result<Bytes, ClientError> {
        let call = Call::read(paths::PART).with("part", part);
        let Some(last) = range.end.checked_sub(1).filter(|last| *last >= range.start) else {
            return Ok(Bytes::new());
        };
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let asked = format!("bytes={}-{last}", range.start);
        let ticket = ticket_header(ticket);
        let prepare = |request: RequestBuilder| {
            self.transfer(request).header(paths::TICKET, ticket.clone()).header(RANGE, &asked)
        };
        let body = self.exchange(&call, length, prepare).await?;
        if body.len() == length { Ok(body) } else { Err(call.bad_answer("fewer bytes than the range has")) }
    }

    /// Whole parts, in the order asked for, each checked against the hash that its frame announces.
    ///
    /// The caller compares the hash with its manifest: here the server speaks for itself.
    pub async fn fetch_parts(&self, ticket: &[u8], parts: &[PartName]) -> Result<PartStream, ClientError> {
        let call = Call::post(paths::PARTS_BATCH);
        let ticket = ticket_header(ticket);
        let body = Bytes::from(serde_json::to_vec(&names(parts)).expect("bodies have string keys only"));
        let prepare = |request: RequestBuilder| {
            let request = self.transfer(request).header(paths::TICKET, ticket.clone());
            request.header(CONTENT_TYPE, "application/json").body(body.clone())
        };
        let response = self.open(&call, prepare).await.map_err(|failure| failure.error)?;
        if response.status() != StatusCode::OK {
            return Err(call.bad_answer(format!("status {}", response.status())));
        }
        Ok(PartStream::new(self.clone(), response, parts.to_vec()))
    }

    pub(super) fn transfer(&self, request: RequestBuilder) -> RequestBuilder {
        request.timeout(self.config.timeouts.transfer)
    }

    fn framed(&self, request: RequestBuilder, frames: &[Bytes], length: u64) -> RequestBuilder {
        let pieces = Vec::from(frames).into_iter().map(Ok::<_, std::convert::Infallible>);
        self.transfer(request)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, length)
            .body(Body::wrap_stream(stream::iter(pieces)))
    }
}

/// Parts as they arrive.
pub struct PartStream {
    client: Client,
    response: Response,
    decoder: FrameDecoder,
    expected: std::vec::IntoIter<PartName>,
    chunk: Bytes,
}

impl std::fmt::Debug for PartStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PartStream({} parts to come)", self.expected.len())
    }
}

impl PartStream {
    fn new(client: Client, response: Response, parts: Vec<PartName>) -> Self {
        let (decoder, expected) = (FrameDecoder::new(), parts.into_iter());
        Self { client, response, decoder, expected, chunk: Bytes::new() }
    }

    /// The next part; `None` when all that were asked for have come.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] when the stream is cut, [`ClientError::BadAnswer`] when a part is
    /// missing, comes out of turn or does not have its hash.
    pub async fn next(&mut self) -> Result<Option<(PartName, Bytes)>, ClientError> {
        let Some(name) = self.expected.next() else { return Ok(None) };
        let Some(Piece::Header(header)) = self.piece().await? else {
            return Err(bad("the stream ends before the last part"));
        };
        if header.name != name {
            return Err(bad("parts come in another order than asked for"));
        }
        let bytes = self.body(header.length as usize).await?;
        header.check(&bytes).map_err(bad)?;
        Ok(Some((name, bytes)))
    }

    /// All parts that are still to come.
    ///
    /// # Errors
    /// Those of [`PartStream::next`].
    pub async fn collect(mut self) -> Result<Vec<(PartName, Bytes)>, ClientError> {
        let mut parts = Vec::with_capacity(self.expected.len());
        while let Some(part) = self.next().await? {
            parts.push(part);
        }
        Ok(parts)
    }

    /// The bytes of one part; without a copy where one chunk holds them all.
    async fn body(&mut self, length: usize) -> Result<Bytes, ClientError> {
        let mut assembled = BytesMut::new();
        loop {
            let Some(Piece::Bytes(bytes)) = self.piece().await? else {
                return Err(bad("the stream ends inside a part"));
            };
            if bytes.len() == length {
                return Ok(bytes);
            }
            assembled.reserve(length - assembled.len());
            assembled.extend_from_slice(&bytes);
            if assembled.len() == length {
                return Ok(assembled.freeze());
            }
        }
    }

    async fn piece(&mut self) -> Result<Option<Piece>, ClientError> {
        loop {
            if let Some(piece) = self.decoder.next(&mut self.chunk).map_err(bad)? {
                return Ok(Some(piece));
            }
            match self.response.chunk().await.map_err(|e| self.client.unreachable(&e))? {
                Some(chunk) => self.chunk = chunk,
                None => return Ok(None),
            }
        }
    }
}

/// No answer to an upload is longer.
const MAX_ANSWER: usize = 64 * 1024;

fn bad(detail: impl std::fmt::Display) -> ClientError {
    Call::post(paths::PARTS_BATCH).bad_answer(detail)
}

fn names(parts: &[PartName]) -> PartsQuery {
    PartsQuery { parts: parts.iter().map(ToString::to_string).collect() }
}

fn ticket_header(ticket: &[u8]) -> HeaderValue {
    use base64::Engine;
    let encoded = base64::engine::general_purpose::STANDARD.encode(ticket);
    let mut value = HeaderValue::from_str(&encoded).expect("base64 fits in a header");
    value.set_sensitive(true);
    value
}

/// Headers and bodies in turn, and their length together.
fn frame(parts: Vec<(PartName, Digest, Bytes)>) -> (Vec<Bytes>, u64) {
    let mut frames = Vec::with_capacity(parts.len() * 2);
    let mut length = 0;
    for (name, hash, bytes) in parts {
        let announced = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let header = FrameHeader { name, hash, length: announced }.to_bytes();
        length += (FRAME_HEADER + bytes.len()) as u64;
        frames.push(Bytes::copy_from_slice(&header));
        frames.push(bytes);
    }
    (frames, length)
}
