//! What is to be added: files, folders, pipes, bytes.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::{Result, VaultError};
use crate::profile::file_error;

/// One thing to be added to a record.
pub struct Source {
    pub(crate) name: String,
    pub(crate) origin: Origin,
}

pub(crate) enum Origin {
    File(FileStamp),
    Bytes(Vec<u8>),
    Reader(Box<dyn Read + Send>),
}

/// A file as it was when it was looked at. Unchanged stamps mean unchanged content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileStamp {
    pub path: PathBuf,
    pub size: u64,
    pub modified_nanos: u64,
    pub inode: u64,
}

impl Source {
    /// Files as they are, folders with everything below them; links are followed for files given by name and
    /// left out below folders. Names are relative to what was given.
    ///
    /// # Errors
    /// When something is not there or cannot be read.
    pub fn gather(paths: &[PathBuf]) -> Result<Vec<Self>> {
        let mut sources = Vec::new();
        for path in paths {
            let metadata = std::fs::metadata(path).map_err(|e| file_error(path, e))?;
            if metadata.is_dir() {
                gather_folder(path, &mut sources)?;
            } else {
                let name =
                    path.file_name().map_or_else(|| "file".to_owned(), |n| n.to_string_lossy().into_owned());
                sources.push(Self { name, origin: Origin::File(FileStamp::of(path)?) });
            }
        }
        Ok(sources)
    }

    /// Bytes in memory.
    pub fn bytes(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self { name: name.into(), origin: Origin::Bytes(bytes) }
    }

    /// A pipe, read to its end.
    pub fn reader(name: impl Into<String>, reader: Box<dyn Read + Send>) -> Self {
        Self { name: name.into(), origin: Origin::Reader(reader) }
    }

    /// The same under another name.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The name under which it will be seen.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn size(&self) -> Option<u64> {
        match &self.origin {
            Origin::File(stamp) => Some(stamp.size),
            Origin::Bytes(bytes) => Some(bytes.len() as u64),
            Origin::Reader(_) => None,
        }
    }

    pub(crate) fn stamp(&self) -> Option<&FileStamp> {
        match &self.origin {
            Origin::File(stamp) => Some(stamp),
            _ => None,
        }
    }
}

impl FileStamp {
    pub(crate) fn of(path: &Path) -> Result<Self> {
        let path = path.canonicalize().map_err(|e| file_error(path, e))?;
        let metadata = std::fs::metadata(&path).map_err(|e| file_error(&path, e))?;
        let seconds = u64::try_from(metadata.mtime()).unwrap_or(0);
        let nanos = u64::try_from(metadata.mtime_nsec()).unwrap_or(0);
        Ok(Self {
            size: metadata.len(),
            modified_nanos: seconds.saturating_mul(1_000_000_000).saturating_add(nanos),
            inode: metadata.ino(),
            path,
        })
    }

    /// Reads the whole file; refused when it changes meanwhile.
    pub(crate) fn read(&self) -> Result<Vec<u8>> {
        let bytes = std::fs::read(&self.path).map_err(|e| file_error(&self.path, e))?;
        if bytes.len() as u64 == self.size { Ok(bytes) } else { Err(self.changed()) }
    }

    pub(crate) fn open(&self) -> Result<File> {
        File::open(&self.path).map_err(|e| file_error(&self.path, e))
    }

    pub(crate) fn changed(&self) -> VaultError {
        VaultError::Invalid(format!("{} changed while it was read; add it again", self.path.display()))
    }
}

fn gather_folder(folder: &Path, sources: &mut Vec<Source>) -> Result<()> {
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.map_err(|e| {
            let path = e.path().unwrap_or(folder).to_owned();
            VaultError::File { path, source: e.into() }
        })?;
        if entry.file_type().is_file() {
            let below = entry.path().strip_prefix(folder).unwrap_or(entry.path());
            let name = below.to_string_lossy().into_owned();
            sources.push(Source { name, origin: Origin::File(FileStamp::of(entry.path())?) });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_below_a_folder_are_relative_to_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("b")).unwrap();
        std::fs::write(dir.path().join("b/two.txt"), "2").unwrap();
        std::fs::write(dir.path().join("one.txt"), "1").unwrap();
        let sources = Source::gather(&[dir.path().to_owned()]).unwrap();
        let names: Vec<_> = sources.iter().map(Source::name).collect();
        assert_eq!(names, ["b/two.txt", "one.txt"]);
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Source::gather(&[PathBuf::from("/nowhere/at-all.txt")]).err().unwrap();
        assert!(error.to_string().contains("at-all.txt"));
    }
}
