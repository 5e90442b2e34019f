//! Uploads: framed parts become one pack, which is durable before anything is acknowledged.

use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use cowl_api::frames::{FRAME_HEADER, FrameError};
use cowl_api::types::{PartsKnown, PartsQuery, PartsStored};
use cowl_api::{Problem, ProblemCode};
use cowl_crypto::id::random_bytes;
use cowl_domain::{PartName, RecordId};
use cowl_store::PackKey;
use futures_util::StreamExt;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::app::{App, Shared};
use crate::config::Limits;
use crate::extract::{Caller, Id, Json};
use crate::refusal::Refusal;

mod pack;

use pack::{MAX_PARTS, Pack, PackBuilder};

/// Most parts that are asked about at once.
const MAX_QUERY: usize = 10_000;
/// Most bytes of an upload that are frames and not parts.
const MOST_FRAMING: u64 = (MAX_PARTS * FRAME_HEADER) as u64;

/// Bounds the bytes of all uploads that are in memory at once.
pub(crate) struct UploadMemory(Semaphore);

impl UploadMemory {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self(Semaphore::new(usize::try_from(limits.upload_memory / KIB).unwrap_or(Semaphore::MAX_PERMITS)))
    }

    /// Waits until so many bytes may be kept.
    async fn reserve(&self, bytes: u64) -> SemaphorePermit<'_> {
        let permits = u32::try_from(bytes / KIB + 1).unwrap_or(u32::MAX);
        self.0.acquire_many(permits).await.expect("the semaphore is never closed")
    }
}

const KIB: u64 = 1024;

pub(crate) async fn upload(
    State(app): State<Shared>,
    caller: Caller,
    Id(record): Id<RecordId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<PartsStored>, Refusal> {
    let limits = &app.config.limits;
    let announced = announced_length(&headers).unwrap_or(limits.max_upload);
    if announced > limits.max_upload {
        return Err(Refusal::too_large(format!("an upload has {} bytes at most", limits.max_upload)));
    }
    let at_least = announced_length(&headers).unwrap_or(0).saturating_sub(MOST_FRAMING);
    app.ledger.may_upload(&caller, &record, at_least, app.now()).await?;
    let _reserved = app.uploads.reserve(announced).await;
    let pack = receive(body, limits).await?;
    app.ledger.may_upload(&caller, &record, pack.bytes, app.now()).await?;
    store(&app, &caller, &record, pack).await.map(Json)
}

async fn store(app: &App, caller: &Caller, record: &RecordId, pack: Pack) -> Result<PartsStored, Refusal> {
    let key = PackKey::from_bytes(random_bytes());
    let written = app.parts.put_pack(key, pack.chunks).await?;
    app.ledger.parts_uploaded(caller, record, key, written, &pack.parts, app.now()).await?;
    metrics::counter!("cowl_part_bytes_stored_total").increment(pack.bytes);
    Ok(PartsStored { parts: pack.parts.len() as u64, bytes: pack.bytes })
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads the whole body and checks each part against its frame.
async fn receive(body: Body, limits: &Limits) -> Result<Pack, Refusal> {
    let mut builder = PackBuilder::new();
    let mut stream = body.into_data_stream();
    let (mut received, started) = (0, Instant::now());
    while let Some(chunk) = next_chunk(&mut stream, limits).await? {
        received += chunk.len() as u64;
        if received > limits.max_upload {
            return Err(Refusal::too_large(format!("an upload has {} bytes at most", limits.max_upload)));
        }
        if started.elapsed() > limits.upload(received) {
            return Err(Refusal::bad_request("the upload is too slow"));
        }
        builder.take(chunk)?;
    }
    builder.finish()
}

async fn next_chunk(
    stream: &mut axum::body::BodyDataStream,
    limits: &Limits,
) -> Result<Option<Bytes>, Refusal> {
    match timeout(limits.stall(), stream.next()).await {
        Ok(None) => Ok(None),
        Ok(Some(Ok(chunk))) => Ok(Some(chunk)),
        Ok(Some(Err(_))) => Err(Refusal::bad_request("the upload was cut")),
        Err(_) => Err(Refusal::bad_request("the upload has stalled")),
    }
}

impl From<FrameError> for Refusal {
    fn from(error: FrameError) -> Self {
        let code = match error {
            FrameError::Hash(_) => ProblemCode::PartMismatch,
            _ => ProblemCode::BadRequest,
        };
        Problem::new(code, error.to_string()).into()
    }
}

pub(crate) async fn parts_known(
    State(app): State<Shared>,
    caller: Caller,
    Id(record): Id<RecordId>,
    Json(query): Json<PartsQuery>,
) -> Result<Json<PartsKnown>, Refusal> {
    let names = part_names(&query)?;
    let known = app.ledger.parts_known(&caller, &record, &names).await?;
    Ok(Json(PartsKnown { parts: known.iter().map(ToString::to_string).collect() }))
}

pub(crate) fn part_names(query: &PartsQuery) -> Result<Vec<PartName>, Refusal> {
    if query.parts.len() > MAX_QUERY {
        return Err(Refusal::too_large(format!("{MAX_QUERY} parts at once at most")));
    }
    Ok(query.parts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?)
}
