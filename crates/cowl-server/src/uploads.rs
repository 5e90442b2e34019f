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
use cowl_store::{PackKey, StoreError};
use futures_util::StreamExt;
use futures_util::stream::poll_fn;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::time::timeout;

use crate::app::{App, Shared};
use crate::config::Limits;
use crate::extract::{Caller, Id, Json};
use crate::refusal::Refusal;

mod pack;

use pack::{MAX_PARTS, Pack, PackBuilder};

/// Most parts that are asked about at once.
const MAX_QUERY: usize = 10_000;
/// Chunks that were received and are not yet written.
const CHUNKS_AHEAD: usize = 32;
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
    let uploading = Uploading { app: &app, caller: &caller, record: &record };
    uploading.check_room(at_least).await?;
    let _reserved = app.uploads.reserve(announced).await;
    let (key, pack) = uploading.store(body).await?;
    app.ledger.parts_uploaded(&caller, &record, key, pack.bytes, &pack.parts, app.now()).await?;
    metrics::counter!("cowl_part_bytes_stored_total").increment(pack.bytes);
    Ok(Json(PartsStored { parts: pack.parts.len() as u64, bytes: pack.bytes }))
}

/// Who uploads, and for which record.
struct Uploading<'a> {
    app: &'a App,
    caller: &'a Caller,
    record: &'a RecordId,
}

impl Uploading<'_> {
    async fn check_room(&self, bytes: u64) -> Result<(), StoreError> {
        self.app.ledger.may_upload(self.caller, self.record, bytes, self.app.now()).await
    }

    /// Stores the parts as they come. The pack is durable when this returns; one that is refused remains nowhere.
    async fn store(&self, body: Body) -> Result<(PackKey, Pack), Refusal> {
        let key = PackKey::from_bytes(random_bytes());
        let (send, mut receive) = mpsc::channel(CHUNKS_AHEAD);
        let chunks = poll_fn(move |context| receive.poll_recv(context));
        let (received, written) =
            tokio::join!(self.receive_into(body, send), self.app.parts.put_pack_stream(key, chunks));
        match (received, written) {
            (Err(Cut::Refused(refusal)), _) => Err(refusal),
            (_, Err(error)) => Err(error.into()),
            (Err(Cut::NotStored), Ok(_)) => Err(Refusal::internal()),
            (Ok(pack), Ok(_)) => Ok((key, pack)),
        }
    }

    /// Receives the body; when it is cut or refused, the store is told to give up what it has.
    async fn receive_into(&self, body: Body, chunks: Chunks) -> Result<Pack, Cut> {
        let received = self.receive(body, &chunks).await;
        if received.is_err() {
            let cut =
                StoreError::Unavailable { what: "upload", detail: "it was not received to its end".into() };
            let _ = chunks.send(Err(cut)).await;
        }
        received
    }

    /// The length was not announced, or not truly: whether there is room is asked again while the store still waits
    /// for the end, or who has no room could fill it with packs that only a later collection finds.
    async fn receive(&self, body: Body, chunks: &Chunks) -> Result<Pack, Cut> {
        let pack = receive(body, &self.app.config.limits, chunks).await?;
        self.check_room(pack.bytes).await?;
        Ok(pack)
    }
}

/// Why an upload was not received to its end.
enum Cut {
    /// It is the sender's fault.
    Refused(Refusal),
    /// Nobody takes what is received: the store has failed and says why.
    NotStored,
}

impl<T: Into<Refusal>> From<T> for Cut {
    fn from(refusal: T) -> Self {
        Self::Refused(refusal.into())
    }
}

type Chunks = mpsc::Sender<Result<Bytes, StoreError>>;

async fn pass_on(chunks: &Chunks, received: Vec<Bytes>) -> Result<(), Cut> {
    for chunk in received {
        chunks.send(Ok(chunk)).await.map_err(|_| Cut::NotStored)?;
    }
    Ok(())
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads the whole body and checks each part against its frame.
async fn receive(body: Body, limits: &Limits, chunks: &Chunks) -> Result<Pack, Cut> {
    let mut builder = PackBuilder::new();
    let mut stream = body.into_data_stream();
    let (mut received, started) = (0, Instant::now());
    while let Some(chunk) = next_chunk(&mut stream, limits).await? {
        received += chunk.len() as u64;
        if received > limits.max_upload {
            let most = format!("an upload has {} bytes at most", limits.max_upload);
            return Err(Refusal::too_large(most).into());
        }
        if started.elapsed() > limits.upload(received) {
            return Err(Refusal::bad_request("the upload is too slow").into());
        }
        pass_on(chunks, builder.take(chunk)?).await?;
    }
    let (pack, last) = builder.finish()?;
    pass_on(chunks, last).await?;
    Ok(pack)
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
