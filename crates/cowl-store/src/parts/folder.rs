//! What files need beyond what `object_store` does with them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use cowl_domain::Timestamp;

use super::failure::broken;
use crate::error::{Result, StoreError};

/// A file in the folder. When the disk is not mounted, the folder may be there, but this is not: without
/// it the packs would go to the disk below, and be lost from sight when the right one comes back.
const MARK: &str = "cowl-parts";

/// The folder of a part store.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes the folder when it is not there, and its mark when it is empty.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let folder = Self { path: path.to_owned() };
        make_private(path).map_err(|e| broken(&e))?;
        let empty = fs::read_dir(path).map_err(|e| broken(&e))?.next().is_none();
        if empty {
            fs::write(path.join(MARK), b"parts of cowl\n").map_err(|e| broken(&e))?;
        }
        folder.present()?;
        Ok(folder)
    }

    /// Whether the folder is the one that was opened.
    pub(super) fn present(&self) -> Result<()> {
        match fs::metadata(self.path.join(MARK)) {
            Ok(_) => Ok(()),
            Err(error) => Err(StoreError::Unavailable {
                what: "part store",
                detail: format!("its folder has no file {MARK}; is the disk mounted? ({error})"),
            }),
        }
    }

    /// Removes the files of writes that were broken off before `before`.
    pub(super) async fn remove_staged(self, before: Timestamp) -> Result<()> {
        let before = SystemTime::UNIX_EPOCH + Duration::from_millis(before.as_millis());
        let packs = self.path.join("packs");
        let removed = tokio::task::spawn_blocking(move || remove_staged_below(&packs, before)).await;
        removed.unwrap_or_else(|e| Err(io::Error::other(e))).map_err(|e| broken(&e))
    }
}

fn remove_staged_below(packs: &Path, before: SystemTime) -> io::Result<()> {
    let shards = match fs::read_dir(packs) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        shards => shards?,
    };
    for shard in shards {
        for file in fs::read_dir(shard?.path())? {
            let file = file?;
            // object_store writes to `<key>#<number>` and renames.
            let staged = file.file_name().to_string_lossy().contains('#');
            if staged && file.metadata()?.modified()? < before {
                fs::remove_file(file.path())?;
            }
        }
    }
    Ok(())
}

fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
