//! Folders for the files of a bench, removed at the end.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::failure::{Result, While};

/// A new folder, removed with all that is in it when dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// In memory, so that no disk is measured.
    pub(crate) fn in_memory() -> Result<Self> {
        Self::below(Path::new("/dev/shm"))
    }

    pub(crate) fn below(folder: &Path) -> Result<Self> {
        let own = folder.join(format!("cowl-bench-{}", std::process::id()));
        std::fs::create_dir_all(&own).attempting(|| format!("making {}", own.display()))?;
        Ok(Self(own))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Makes sure that nothing of this name is there.
    pub(crate) fn clear(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        let removed = match path.symlink_metadata() {
            Err(_) => return Ok(()),
            Ok(metadata) if metadata.is_dir() => std::fs::remove_dir_all(&path),
            Ok(_) => std::fs::remove_file(&path),
        };
        removed.attempting(|| format!("removing {}", path.display()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The next run makes a folder of its own.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Writes `length` bytes that no peer can compress.
pub(crate) fn write_noise(file: &Path, length: u64) -> Result<()> {
    let what = || format!("writing {}", file.display());
    let mut noise = File::open("/dev/urandom").attempting(what)?.take(length);
    let mut output = File::create(file).attempting(what)?;
    std::io::copy(&mut noise, &mut output).attempting(what)?;
    output.flush().attempting(what)
}

/// Whether two files hold the same bytes.
pub(crate) fn are_equal(one: &Path, other: &Path) -> Result<bool> {
    let mut compare = std::process::Command::new("cmp");
    let status = compare.arg("--silent").args([one, other]).status();
    Ok(status.attempting(|| "comparing two files".into())?.success())
}
