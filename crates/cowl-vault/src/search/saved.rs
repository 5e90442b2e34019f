//! The index as one string of bytes: all files of the engine, and which segments are in them.
//!
//! The digest in front is against accidents and old versions; against people, the vault's seal.

use std::path::Path;

use cowl_crypto::digest::Digest;
use cowl_domain::ItemId;
use minicbor::{Decode, Encode};
use tantivy::directory::{Directory, RamDirectory};

use super::SearchError;

const MAGIC: &[u8; 16] = b"cowl-search-v1\r\n";
const DIGEST: usize = 32;

/// What is saved.
#[derive(Encode, Decode)]
pub(super) struct SavedIndex<'a> {
    /// The sealed segments from which the index was made.
    #[n(0)]
    pub(super) segments: Vec<ItemId>,
    #[b(1)]
    files: Vec<SavedFile<'a>>,
}

#[derive(Encode, Decode)]
struct SavedFile<'a> {
    #[b(0)]
    name: &'a str,
    #[cbor(b(1), with = "minicbor::bytes")]
    content: &'a [u8],
}

/// A file of the engine.
pub(super) type File = (String, Vec<u8>);

impl<'a> SavedIndex<'a> {
    pub(super) fn new(segments: Vec<ItemId>, files: &'a [File]) -> Self {
        let files = files.iter().map(|(name, content)| SavedFile { name, content }).collect();
        Self { segments, files }
    }

    /// The engine's files in memory.
    pub(super) fn directory(&self) -> Result<RamDirectory, SearchError> {
        let directory = RamDirectory::create();
        for file in &self.files {
            directory.atomic_write(Path::new(file.name), file.content)?;
        }
        Ok(directory)
    }
}

/// The files that make up the engine's last commit. Locks and files that wait for removal are not among them.
pub(super) fn files(engine: &tantivy::Index, directory: &RamDirectory) -> Result<Vec<File>, SearchError> {
    let mut names: Vec<_> =
        engine.searchable_segment_metas()?.iter().flat_map(tantivy::SegmentMeta::list_files).collect();
    names.push("meta.json".into());
    names.push(".managed.json".into());
    names.sort();
    let mut files = Vec::with_capacity(names.len());
    for name in names {
        // Not every file that a segment may have is there, e.g. none of deletions.
        if directory.exists(&name).map_err(tantivy::TantivyError::from)? {
            let content = directory.atomic_read(&name).map_err(tantivy::TantivyError::from)?;
            files.push((name.to_string_lossy().into_owned(), content));
        }
    }
    Ok(files)
}

/// Magic, digest of what follows, CBOR.
pub(super) fn write(saved: &SavedIndex<'_>) -> Vec<u8> {
    let size: usize = saved.files.iter().map(|file| file.content.len() + 128).sum();
    let mut bytes = Vec::with_capacity(size);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[0; DIGEST]);
    minicbor::encode(saved, &mut bytes).expect("writing to a Vec cannot fail");
    let (front, body) = bytes.split_at_mut(MAGIC.len() + DIGEST);
    front[MAGIC.len()..].copy_from_slice(Digest::of(body).as_bytes());
    bytes
}

/// Reads what [`write`] wrote.
pub(super) fn read(bytes: &[u8]) -> Result<SavedIndex<'_>, SearchError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(SearchError::Unusable("it is of another version"))?;
    let (digest, body) =
        rest.split_first_chunk::<DIGEST>().ok_or(SearchError::Unusable("it is cut short"))?;
    if Digest::of(body) != Digest::from_bytes(*digest) {
        return Err(SearchError::Unusable("it is damaged"));
    }
    minicbor::decode(body).map_err(|_| SearchError::Unusable("it is damaged"))
}
