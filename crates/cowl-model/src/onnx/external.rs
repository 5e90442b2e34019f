//! Weights in files beside the model.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

/// Where the files beside a model are found.
pub trait ExternalFiles {
    /// `length` bytes of a file from `offset` on; to its end where no length is given. Never more than `most`.
    ///
    /// # Errors
    /// Says what went wrong in a few words.
    fn read(&self, location: &str, offset: u64, length: Option<u64>, most: u64) -> Result<Vec<u8>, String>;
}

/// For models that must be one file.
pub struct NoFiles;

impl ExternalFiles for NoFiles {
    fn read(&self, _: &str, _: u64, _: Option<u64>, _: u64) -> Result<Vec<u8>, String> {
        Err("the model was not read from a folder, so no other file belongs to it".into())
    }
}

/// The folder in which the model lies. What a model names must be inside it, also after following links.
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder at `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn find(&self, location: &str) -> Result<PathBuf, String> {
        let relative = Path::new(location);
        let plain =
            relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if location.is_empty() || !plain {
            return Err("a model may only name files in its own folder".into());
        }
        let root = self.root.canonicalize().map_err(|error| error.to_string())?;
        let file = root.join(relative).canonicalize().map_err(|error| error.to_string())?;
        if file.starts_with(&root) { Ok(file) } else { Err("a link leads out of the model's folder".into()) }
    }
}

impl ExternalFiles for Folder {
    fn read(&self, location: &str, offset: u64, length: Option<u64>, most: u64) -> Result<Vec<u8>, String> {
        let mut file = File::open(self.find(location)?).map_err(|error| error.to_string())?;
        let metadata = file.metadata().map_err(|error| error.to_string())?;
        if !metadata.is_file() {
            return Err("not a plain file".into());
        }
        let left = metadata.len().checked_sub(offset).ok_or("it ends before the tensor begins")?;
        let length = length.unwrap_or(left);
        if length > left {
            return Err(format!("it has {left} bytes from there on, not {length}"));
        }
        if length > most {
            return Err(format!("{length} bytes are more than its sizes ask for"));
        }
        file.seek(SeekFrom::Start(offset)).map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        file.take(length).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        Ok(bytes)
    }
}
