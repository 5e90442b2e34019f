//! Folders kept in memory, copied, and content to put into records.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder in memory.
pub struct Files(Vec<(PathBuf, Vec<u8>, fs::Permissions)>);

impl Files {
    pub fn read_from(folder: &Path) -> Self {
        let entries = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
        let files = entries.filter(|entry| entry.file_type().is_file()).map(|entry| {
            let below = entry.path().strip_prefix(folder).unwrap().to_owned();
            let permissions = entry.metadata().unwrap().permissions();
            (below, fs::read(entry.path()).unwrap(), permissions)
        });
        Self(files.collect())
    }

    pub fn write_to(&self, folder: &Path) {
        for (below, bytes, permissions) in &self.0 {
            let path = folder.join(below);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, permissions.clone()).unwrap();
        }
    }

    /// All bytes of all files, with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.0.iter().map(|(path, bytes, _)| (path.as_path(), bytes.as_slice()))
    }
}

pub fn copy_tree(from: &Path, to: &Path) {
    Files::read_from(from).write_to(to);
}

/// Bytes that nothing compresses, the same in every run.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| next()).collect();
    bytes.truncate(length);
    bytes
}
