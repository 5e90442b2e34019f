//! Where opened and sealed bytes go: a file that appears whole or not at all, or stdout.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::failure::{Failure, Result};
use crate::secret_input::is_stdin;

/// Who may read a file that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its owner: opened records and keys.
    Owner,
    /// Whoever the umask lets: sealed files.
    Umask,
}

/// A place for bytes. Nothing is kept before [`Sink::commit`].
pub(crate) enum Sink {
    /// A regular file, written beside its place first.
    Whole {
        /// What is written to.
        file: NamedTempFile,
        /// Where it goes.
        path: PathBuf,
    },
    /// A device or named pipe.
    Direct(File),
    /// Stdout that is no terminal.
    Stdout(File),
    /// Stdout that is one: text only.
    Terminal(io::Stdout),
}

impl Sink {
    /// Opens a file, or stdout for `None` and `-`.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub(crate) fn open(path: Option<&Path>, readers: Readers) -> Result<Self> {
        match path {
            Some(path) if !is_stdin(path) => {
                Self::file(path, readers).map_err(|error| Failure::file(path, error))
            }
            _ => Ok(Self::stdout()?),
        }
    }

    fn file(path: &Path, readers: Readers) -> io::Result<Self> {
        if std::fs::metadata(path).is_ok_and(|it| !it.is_file() && !it.is_dir()) {
            return Ok(Self::Direct(OpenOptions::new().write(true).open(path)?));
        }
        if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mode = match readers {
            Readers::Owner => 0o600,
            Readers::Umask => 0o666,
        };
        let file = tempfile::Builder::new()
            .prefix(".cowl-")
            .permissions(Permissions::from_mode(mode))
            .tempfile_in(folder)?;
        Ok(Self::Whole { file, path: path.to_path_buf() })
    }

    fn stdout() -> io::Result<Self> {
        let stdout = io::stdout();
        if stdout.is_terminal() {
            return Ok(Self::Terminal(stdout));
        }
        // Past the standard library's buffer, which breaks large writes at every line feed.
        Ok(Self::Stdout(stdout.as_fd().try_clone_to_owned()?.into()))
    }

    /// Whether the bytes will be seen by a person.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal(_))
    }

    /// Keeps what was written.
    ///
    /// # Errors
    /// When the file cannot take its place.
    pub(crate) fn commit(self) -> Result<()> {
        match self {
            Self::Whole { file, path } => {
                file.persist(&path).map(drop).map_err(|error| Failure::file(&path, error.error))
            }
            Self::Direct(mut file) | Self::Stdout(mut file) => Ok(file.flush()?),
            Self::Terminal(mut stdout) => Ok(stdout.flush()?),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Whole { file, .. } => file.as_file_mut().write(bytes),
            Self::Direct(file) | Self::Stdout(file) => file.write(bytes),
            Self::Terminal(stdout) if is_text(bytes) => stdout.write(bytes),
            Self::Terminal(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, NOT_TO_A_TERMINAL)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Whole { file, .. } => file.as_file_mut().flush(),
            Self::Direct(file) | Self::Stdout(file) => file.flush(),
            Self::Terminal(stdout) => stdout.flush(),
        }
    }
}

/// Puts bytes into a file, or onto stdout for `-`.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write_whole(path: &Path, bytes: &[u8], readers: Readers) -> Result<()> {
    let mut sink = Sink::open(Some(path), readers)?;
    sink.write_all(bytes).map_err(|error| Failure::file(path, error))?;
    sink.commit()
}

/// UTF-8 (a character may be cut at the end) without control characters other than white space.
fn is_text(bytes: &[u8]) -> bool {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).expect("valid up to there")
        }
        Err(_) => return false,
    };
    !text.chars().any(|it| it.is_control() && !matches!(it, '\n' | '\r' | '\t'))
}

/// Why a terminal gets nothing.
pub(crate) const NOT_TO_A_TERMINAL: &str =
    "these bytes are no text for a terminal; write them to a file: -o FILE";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let mut given_up = Sink::open(Some(&path), Readers::Owner).unwrap();
        given_up.write_all(b"half").unwrap();
        drop(given_up);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut kept = Sink::open(Some(&path), Readers::Owner).unwrap();
        kept.write_all(b"whole").unwrap();
        kept.commit().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_device_is_written_to_and_not_replaced() {
        let mut null = Sink::open(Some(Path::new("/dev/null")), Readers::Umask).unwrap();
        assert!(matches!(null, Sink::Direct(_)));
        null.write_all(b"gone").unwrap();
        null.commit().unwrap();
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn a_folder_or_a_file_in_none_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_path_buf(), folder.path().join("none/out")] {
            let failure = Sink::open(Some(&path), Readers::Owner).err().unwrap();
            assert!(failure.to_string().contains(path.to_str().unwrap()));
        }
    }

    #[test]
    fn text_is_told_from_binary() {
        assert!(is_text("größe\t1\r\n".as_bytes()));
        assert!(is_text(&"ö".as_bytes()[..1]));
        for binary in [b"\x00".as_slice(), b"a\x1b[2J", b"\xff\xfe", b"\xc3("] {
            assert!(!is_text(binary), "{binary:?}");
        }
    }
}
