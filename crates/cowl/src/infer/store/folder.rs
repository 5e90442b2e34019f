//! Private files, sealed under a key of the party.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use cowl_crypto::secret::{Secret, hkdf_sha256};
use cowl_crypto::sign::SigningKey;
use cowl_domain::wire;
use cowl_seal::payload::{Cores, OpenReader, PayloadSealer, SealWriter};
use cowl_seal::{FileKey32, ItemKey, sealed_box};
use minicbor::{Decode, Encode};

use crate::infer::error::InferError;

/// Bytes in front of a sealed stream: its key in a sealed box.
const HEAD: usize = sealed_box::OVERHEAD + KEY;
const KEY: usize = 32;

/// The folder, and the key of what is in it.
pub(crate) struct Folder {
    root: PathBuf,
    key: Secret<32>,
}

impl Folder {
    /// The folder in a profile's; made where it is not there yet.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn open(profile: &Path, signing: &SigningKey) -> Result<Self, InferError> {
        let root = profile.join("infer");
        make(&root)?;
        let key = hkdf_sha256(signing.expose_seed().as_slice(), b"", b"cowl/infer/local/v1");
        Ok(Self { root, key })
    }

    /// Where a file is; the folders on the way are made.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn path(&self, name: &str) -> Result<PathBuf, InferError> {
        let path = self.root.join(name);
        if let Some(folder) = path.parent() {
            make(folder)?;
        }
        Ok(path)
    }

    /// A key for one purpose.
    pub(crate) fn key(&self, purpose: &'static str) -> Secret<32> {
        hkdf_sha256(self.key.expose(), b"", purpose.as_bytes())
    }

    /// Names in a folder, sorted; files that were not finished are not among them.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn names(&self, folder: &str) -> Result<Vec<String>, InferError> {
        let path = self.root.join(folder);
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|source| InferError::file(&path, source))?,
        };
        let mut names: Vec<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.retain(|name| !name.starts_with(UNFINISHED));
        names.sort_unstable();
        Ok(names)
    }

    /// A small value; `None` when there is none of this name.
    ///
    /// # Errors
    /// [`InferError::Damaged`]; those of the disk.
    pub(crate) fn read<T: Encode<()> + for<'b> Decode<'b, ()>>(
        &self,
        name: &str,
        what: &'static str,
    ) -> Result<Option<T>, InferError> {
        let path = self.root.join(name);
        let sealed = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            sealed => sealed.map_err(|source| InferError::file(&path, source))?,
        };
        let damaged = || InferError::Damaged { path: path.clone() };
        let plain = sealed_box::open(&self.key, name.as_bytes(), &sealed).map_err(|_| damaged())?;
        wire::decode(what, &plain).map(Some).map_err(|_| damaged())
    }

    /// Keeps a small value; on disk when it returns.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn write<T: Encode<()>>(&self, name: &str, value: &T) -> Result<(), InferError> {
        let sealed =
            sealed_box::seal(&self.key, name.as_bytes(), &zeroize::Zeroizing::new(wire::encode(value)));
        let mut file = self.begin(name)?;
        file.write_all(&sealed).map_err(|source| InferError::file(&file.path, source))?;
        file.keep()
    }

    /// Begins a file that has its name only when it is whole.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn begin(&self, name: &str) -> Result<NewFile, InferError> {
        let path = self.path(name)?;
        let folder = path.parent().unwrap_or(&self.root);
        let file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder);
        Ok(NewFile { file: file.map_err(|source| InferError::file(&path, source))?, path })
    }

    /// Begins a stream that is sealed under a key of its own, by AES-256-GCM.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn seal_stream(&self, name: &str) -> Result<SealedWriter, InferError> {
        let mut file = self.begin(name)?;
        let path = file.path.clone();
        let failed = |source| InferError::file(&path, source);
        let key = FileKey32::make();
        file.write_all(&sealed_box::seal(&self.key, name.as_bytes(), key.expose())).map_err(failed)?;
        SealWriter::new(file, PayloadSealer::new(&ItemKey::HybridRsa(key)), Cores::One).map_err(failed)
    }

    /// Opens what [`Folder::seal_stream`] has made; `None` when there is none of this name.
    ///
    /// # Errors
    /// [`InferError::Damaged`]; those of the disk.
    pub(crate) fn open_stream(&self, name: &str) -> Result<Option<SealedReader>, InferError> {
        let path = self.root.join(name);
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(|source| InferError::file(&path, source))?,
        };
        let damaged = || InferError::Damaged { path: path.clone() };
        let mut head = [0; HEAD];
        file.read_exact(&mut head).map_err(|_| damaged())?;
        let key = sealed_box::open(&self.key, name.as_bytes(), &head).map_err(|_| damaged())?;
        let key = FileKey32::new(key.as_slice().try_into().map_err(|_| damaged())?);
        OpenReader::new(BufReader::new(file), &ItemKey::HybridRsa(key), Cores::One)
            .map(Some)
            .map_err(|_| damaged())
    }

    /// Makes sure that the disk has room for so many bytes and leaves some for others.
    ///
    /// # Errors
    /// [`InferError::Room`].
    pub(crate) fn room_for(&self, bytes: u64) -> Result<(), InferError> {
        let disk =
            rustix::fs::statvfs(&self.root).map_err(|error| InferError::file(&self.root, error.into()))?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free >= bytes.saturating_add(LEFT_FREE) { Ok(()) } else { Err(InferError::Room { bytes, free }) }
    }

    /// Whether there is a file of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.root.join(name).exists()
    }

    /// Overwrites the front of a file, where its key is, and removes it; nothing where there is none.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn erase(&self, name: &str) -> Result<(), InferError> {
        let path = self.root.join(name);
        match erase(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(InferError::file(&path, error)),
            _ => Ok(()),
        }
    }

    /// Removes what was never finished: of commands that were cut.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn sweep(&self, folder: &str) -> Result<(), InferError> {
        let path = self.root.join(folder);
        let Ok(entries) = fs::read_dir(&path) else { return Ok(()) };
        for entry in entries.flatten() {
            let unfinished = entry.file_name().to_string_lossy().starts_with(UNFINISHED);
            if unfinished && let Err(source) = erase(&entry.path()) {
                return Err(InferError::file(&entry.path(), source));
            }
        }
        Ok(())
    }

    /// Holds something for one process at a time, until dropped.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn lock(&self, name: &str) -> Result<File, InferError> {
        self.held(name, File::lock)
    }

    /// Holds something together with others who do, until dropped.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn lock_shared(&self, name: &str) -> Result<File, InferError> {
        self.held(name, File::lock_shared)
    }

    /// As [`Folder::lock`]; `None` while somebody else holds it.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn try_lock(&self, name: &str) -> Result<Option<File>, InferError> {
        let path = self.path(name)?;
        let file = lock_file(&path).map_err(|source| InferError::file(&path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(InferError::file(&path, source)),
        }
    }

    fn held(&self, name: &str, hold: impl Fn(&File) -> io::Result<()>) -> Result<File, InferError> {
        let path = self.path(name)?;
        let held = lock_file(&path).and_then(|file| hold(&file).map(|()| file));
        held.map_err(|source| InferError::file(&path, source))
    }
}

/// A stream that is being sealed.
pub(crate) type SealedWriter = SealWriter<NewFile>;
/// A sealed stream that is being opened.
pub(crate) type SealedReader = OpenReader<BufReader<File>>;

/// A file that has no name yet.
pub(crate) struct NewFile {
    file: tempfile::NamedTempFile,
    path: PathBuf,
}

impl NewFile {
    /// The name that it will have.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name; durable when it returns.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn keep(self) -> Result<(), InferError> {
        let Self { file, path } = self;
        let keep = || {
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
        };
        keep().map_err(|source| InferError::file(&path, source))
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Overwrites the front of a file that is open by another handle, too, and removes its name. Readers that are
/// past the front go on.
fn erase(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let length = file.metadata()?.len().min(FRONT);
    file.seek(SeekFrom::Start(0))?;
    io::copy(&mut io::repeat(0).take(length), &mut file)?;
    file.sync_data()?;
    fs::remove_file(path)
}

fn make(folder: &Path) -> Result<(), InferError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| InferError::file(folder, source))
}

fn lock_file(path: &Path) -> io::Result<File> {
    private().create(true).truncate(false).write(true).open(path)
}

pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Bytes of the disk that are left to others.
const LEFT_FREE: u64 = 1 << 30;
const UNFINISHED: &str = ".new-";
/// What is overwritten of a file: its key, and something more.
const FRONT: u64 = 4096;
