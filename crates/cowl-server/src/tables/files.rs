//! Tables put together, in a folder of bounded size. Losing the folder loses time only.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use cowl_crypto::id::{encode_id, random_bytes};

use super::failure::TableFailure;
use super::parts::PartReader;
use super::version::TableVersion;

/// The ending of a file that is still being put together.
const PARTIAL: &str = "partial";
/// A partial file that nobody has written to for so long was left behind by a process that ended.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

/// The folder.
pub(super) struct TableFiles {
    folder: PathBuf,
    most: u64,
    /// One table is put together at a time.
    assembling: Mutex<()>,
}

/// A file of the folder.
struct Kept {
    path: PathBuf,
    size: u64,
    used: SystemTime,
}

impl TableFiles {
    /// A folder, made when it is needed, for at most so many bytes.
    pub(super) fn new(folder: PathBuf, most: u64) -> Self {
        Self { folder, most, assembling: Mutex::new(()) }
    }

    /// A table's file; put together from its parts unless it is there.
    ///
    /// # Errors
    /// [`TableFailure::Part`], [`TableFailure::TooLarge`], [`TableFailure::Folder`].
    pub(super) fn open(&self, reader: &PartReader) -> Result<File, TableFailure> {
        let path = self.path(reader);
        if let Some(file) = known(&path, reader.size())? {
            return Ok(file);
        }
        let _one = self.assembling.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = known(&path, reader.size())? {
            return Ok(file);
        }
        self.make_room(reader.size())?;
        let partial = path.with_extension(format!("{}.{PARTIAL}", encode_id(&random_bytes::<16>())));
        let outcome = assemble(reader, &partial).and_then(|()| Ok(fs::rename(&partial, &path)?));
        if outcome.is_err() {
            let _ = fs::remove_file(&partial);
        }
        outcome?;
        known(&path, reader.size())?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound).into())
    }

    /// Lets go of a file that does not hold, so that it is put together anew next time.
    pub(super) fn forget(&self, version: &TableVersion) {
        if let Err(error) = fs::remove_file(self.path_of(version)).or_else(unless_gone) {
            tracing::warn!(%error, "a table stays in its folder, though it should go");
        }
    }

    /// The tables of which there is a file.
    pub(super) fn versions(&self) -> io::Result<Vec<TableVersion>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) => return unless_gone(error).map(|()| Vec::new()),
        };
        let mut versions = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            versions.extend(name.to_str().and_then(|name| name.parse::<TableVersion>().ok()));
        }
        Ok(versions)
    }

    fn path_of(&self, version: &TableVersion) -> PathBuf {
        self.folder.join(version.to_string())
    }

    fn path(&self, reader: &PartReader) -> PathBuf {
        self.path_of(&TableVersion::from(&reader.table))
    }

    /// Removes the files that were used longest ago until there is room. Whoever has one open keeps it.
    fn make_room(&self, size: u64) -> Result<(), TableFailure> {
        if size > self.most {
            return Err(TableFailure::TooLarge { what: "bytes", most: self.most });
        }
        fs::create_dir_all(&self.folder)?;
        let mut kept = self.kept()?;
        kept.sort_by_key(|file| file.used);
        let mut bytes: u64 = kept.iter().map(|file| file.size).sum();
        for file in kept {
            let partial = file.path.extension().is_some_and(|ending| ending == PARTIAL);
            let left_behind = file.used.elapsed().is_ok_and(|age| age > LEFT_BEHIND);
            if (bytes + size > self.most && !partial) || (partial && left_behind) {
                fs::remove_file(&file.path).or_else(unless_gone)?;
                bytes -= file.size;
            }
        }
        Ok(())
    }

    fn kept(&self) -> io::Result<Vec<Kept>> {
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            match fs::metadata(&path) {
                Ok(about) => kept.push(Kept { path, size: about.len(), used: about.modified()? }),
                Err(error) => unless_gone(error)?,
            }
        }
        Ok(kept)
    }
}

/// A file of the right size that is there; it counts as used now.
fn known(path: &Path, size: u64) -> io::Result<Option<File>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if file.metadata()?.len() != size {
        return Ok(None);
    }
    file.set_modified(SystemTime::now())?;
    Ok(Some(file))
}

fn assemble(reader: &PartReader, to: &Path) -> Result<(), TableFailure> {
    let mut file = File::create_new(to)?;
    reader.for_each(|part| Ok(file.write_all(part)?))
}

/// Another process that uses the folder may have removed a file first.
fn unless_gone(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
