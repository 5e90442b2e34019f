//! Packs in an object store.
//!
//! A pack is written once, under a random key, and never changed. Its object is
//! `packs/<first byte in hexadecimal>/<key in base32>`, so that no folder of the file system grows large.

use std::fmt;
use std::ops::Range;
use std::path::Path as FilePath;
use std::sync::Arc;

use bytes::Bytes;
use cowl_crypto::id::{decode_id, encode_id};
use cowl_domain::Timestamp;
use futures_util::{Stream, StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig, WriteMultipart};

use crate::config::{PartsConfig, S3Config};
use crate::error::{Result, StoreError};

mod failure;
mod folder;

use failure::{config, failed};
use folder::Folder;

/// The random name of a pack, 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackKey([u8; 16]);

impl PackKey {
    /// The key with these bytes, drawn at random for each pack.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for PackKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode_id(&self.0))
    }
}

/// A place for packs; clones share its connections.
#[derive(Clone)]
pub struct PartStore {
    objects: Arc<dyn ObjectStore>,
    /// Set when the objects are files.
    folder: Option<Folder>,
    prefix: Path,
}

impl fmt::Debug for PartStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartStore({}, {})", self.objects, self.prefix)
    }
}

impl PartStore {
    /// Opens the place. A folder is made when there is none; a bucket is not.
    ///
    /// # Errors
    /// [`StoreError::Config`], [`StoreError::Unavailable`].
    pub async fn open(config: &PartsConfig) -> Result<Self> {
        match config {
            PartsConfig::Folder { path } => Self::in_folder(path),
            PartsConfig::S3(s3) => Self::in_bucket(s3),
        }
    }

    fn in_folder(path: &FilePath) -> Result<Self> {
        let folder = Folder::open(path)?;
        let files = LocalFileSystem::new_with_prefix(path).map_err(failed)?.with_fsync(true);
        Ok(Self { objects: Arc::new(files), folder: Some(folder), prefix: Path::from("packs") })
    }

    fn in_bucket(s3: &S3Config) -> Result<Self> {
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&s3.bucket)
            .with_region(&s3.region)
            .with_access_key_id(&s3.access_key)
            .with_secret_access_key(&s3.secret_key)
            .with_retry(RetryConfig { max_retries: 4, retry_timeout: PATIENCE, ..RetryConfig::default() });
        if let Some(endpoint) = &s3.endpoint {
            builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
        }
        let objects = builder.build().map_err(|e| config(e.to_string()))?;
        let prefix = Path::parse(&s3.prefix).map_err(|e| config(e.to_string()))?.join("packs");
        Ok(Self { objects: Arc::new(objects), folder: None, prefix })
    }

    /// Writes a pack and returns its length in bytes. When this returns, it is durable; when it fails,
    /// nothing of it can be read, though the store may hold an orphan.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Unavailable`].
    pub async fn put_pack(&self, key: PackKey, chunks: Vec<Bytes>) -> Result<u64> {
        self.present()?;
        let payload: PutPayload = chunks.into_iter().collect();
        let length = payload.content_length() as u64;
        self.objects.put(&self.path(key), payload).await.map_err(failed)?;
        Ok(length)
    }

    /// As [`PartStore::put_pack`], from a stream. Of what is longer than an upload usually is, it holds a few pieces in
    /// memory, not the pack. A file is written as the bytes come; an object of the usual length takes one request.
    ///
    /// # Errors
    /// The stream's own, and those of [`PartStore::put_pack`]; then nothing of the pack remains.
    pub async fn put_pack_stream<S>(&self, key: PackKey, mut stream: S) -> Result<u64>
    where
        S: Stream<Item = Result<Bytes>> + Send + Unpin,
    {
        self.present()?;
        let Gathered { chunks, ended } = self.gather(&mut stream).await?;
        if ended {
            return self.put_pack(key, chunks).await;
        }
        let mut stream = futures_util::stream::iter(chunks.into_iter().map(Ok)).chain(stream);
        let upload = self.objects.put_multipart(&self.path(key)).await.map_err(failed)?;
        let piece = if self.folder.is_some() { FILE_PIECE } else { PIECE };
        let mut upload = WriteMultipart::new_with_chunk_size(upload, piece);
        match fill(&mut upload, &mut stream).await {
            Ok(length) => {
                upload.finish().await.map_err(failed)?;
                Ok(length)
            }
            Err(error) => {
                // What cannot be undone now is collected later.
                let _ = upload.abort().await;
                Err(error)
            }
        }
    }

    /// Of a stream as much as is better stored at once.
    async fn gather<S>(&self, stream: &mut S) -> Result<Gathered>
    where
        S: Stream<Item = Result<Bytes>> + Send + Unpin,
    {
        let most = if self.folder.is_some() { FILE_PIECE } else { ONE_REQUEST };
        let (mut chunks, mut length) = (Vec::new(), 0);
        while length <= most {
            let Some(bytes) = stream.try_next().await? else { return Ok(Gathered { chunks, ended: true }) };
            length += bytes.len();
            chunks.push(bytes);
        }
        Ok(Gathered { chunks, ended: false })
    }

    /// Bytes of a pack.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such pack: it may just have been compacted, so that asking
    /// the ledger again gives another place. [`StoreError::Unavailable`]; [`StoreError::Corrupt`] when the
    /// pack is shorter than the range.
    pub async fn range(&self, key: PackKey, range: Range<u64>) -> Result<Bytes> {
        match self.objects.get_range(&self.path(key), range.clone()).await {
            Ok(bytes) => whole(key, &range, bytes),
            Err(error) => Err(self.unread(key, range.end, error).await),
        }
    }

    /// Several ranges of a pack; neighbours are read together.
    ///
    /// # Errors
    /// As [`PartStore::range`].
    pub async fn ranges(&self, key: PackKey, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let all = match self.objects.get_ranges(&self.path(key), ranges).await {
            Ok(all) => all,
            Err(error) => {
                let end = ranges.iter().map(|range| range.end).max().unwrap_or(0);
                return Err(self.unread(key, end, error).await);
            }
        };
        all.into_iter().zip(ranges).map(|(bytes, range)| whole(key, range, bytes)).collect()
    }

    /// Deletes a pack; one that is not there is fine.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete(&self, key: PackKey) -> Result<()> {
        self.present()?;
        match self.objects.delete(&self.path(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// The packs written before `before`, by the store's clock. Removes what broken-off writes have left in
    /// a folder, too.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn list_older_than(&self, before: Timestamp) -> Result<Vec<PackKey>> {
        self.present()?;
        if let Some(folder) = self.folder.clone() {
            folder.remove_staged(before).await?;
        }
        let old = |meta: &ObjectMeta| {
            u64::try_from(meta.last_modified.timestamp_millis()).is_ok_and(|at| at < before.as_millis())
        };
        let key_of = |meta: ObjectMeta| {
            let key = meta.location.filename().and_then(|name| decode_id(name).ok()).map(PackKey);
            key.filter(|_| old(&meta))
        };
        let objects = self.objects.list(Some(&self.prefix));
        objects.map_err(failed).try_filter_map(|meta| async move { Ok(key_of(meta)) }).try_collect().await
    }

    /// Whether the place answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ping(&self) -> Result<()> {
        self.present()?;
        if self.folder.is_none() {
            self.objects.list(Some(&self.prefix)).next().await.transpose().map_err(failed)?;
        }
        Ok(())
    }

    fn path(&self, key: PackKey) -> Path {
        self.prefix.clone().join(format!("{:02x}", key.0[0])).join(key.to_string())
    }

    fn present(&self) -> Result<()> {
        self.folder.as_ref().map_or(Ok(()), Folder::present)
    }

    /// A missing file of a missing folder is the folder's fault, and a range beyond the end the pack's.
    async fn unread(&self, key: PackKey, end: u64, error: object_store::Error) -> StoreError {
        if let Err(gone) = self.present() {
            return gone;
        }
        match self.objects.head(&self.path(key)).await {
            Ok(meta) if meta.size < end => too_short(key),
            _ => failed(error),
        }
    }
}

/// The beginning of a stream, or all of it.
struct Gathered {
    chunks: Vec<Bytes>,
    ended: bool,
}

async fn fill<S>(upload: &mut WriteMultipart, stream: &mut S) -> Result<u64>
where
    S: Stream<Item = Result<Bytes>> + Send + Unpin,
{
    let mut length = 0;
    while let Some(bytes) = stream.try_next().await? {
        upload.wait_for_capacity(PIECES_AT_ONCE).await.map_err(failed)?;
        length += bytes.len() as u64;
        upload.put(bytes);
    }
    Ok(length)
}

fn whole(key: PackKey, range: &Range<u64>, bytes: Bytes) -> Result<Bytes> {
    if bytes.len() as u64 == range.end - range.start { Ok(bytes) } else { Err(too_short(key)) }
}

fn too_short(key: PackKey) -> StoreError {
    StoreError::Corrupt { what: format!("pack {key} is too short") }
}

/// How long a request to an S3 server is tried again.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);
/// S3 wants at least 5 MiB in each piece but the last.
const PIECE: usize = 8 * 1024 * 1024;
const PIECES_AT_ONCE: usize = 4;
/// A file is written in pieces that stay in the cache of a core.
const FILE_PIECE: usize = 1024 * 1024;
/// An object up to this length is put at once.
const ONE_REQUEST: usize = 32 * 1024 * 1024;
