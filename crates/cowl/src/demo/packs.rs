//! The cloud's files from outside: what somebody who holds its disk could do.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use cowl_api::frames::{FRAME_HEADER, FrameHeader};

/// All files below a folder.
pub(crate) fn files(folder: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => folders.push(entry.path()),
                false => drop(found.insert(entry.path())),
            }
        }
    }
    Ok(found)
}

/// One changed byte; put back when dropped.
pub(super) struct ChangedByte {
    path: PathBuf,
    offset: u64,
    original: u8,
}

impl ChangedByte {
    /// Changes one byte in the middle of the largest part in a pack.
    pub(super) fn in_largest_part(pack: &Path) -> io::Result<Self> {
        let bytes = std::fs::read(pack)?;
        let offset = middle_of_largest_part(&bytes);
        let original = *bytes.get(offset).ok_or(io::ErrorKind::UnexpectedEof)?;
        let changed = Self { path: pack.to_path_buf(), offset: offset as u64, original };
        changed.write(original ^ 1)?;
        Ok(changed)
    }

    fn write(&self, byte: u8) -> io::Result<()> {
        OpenOptions::new().write(true).open(&self.path)?.write_all_at(&[byte], self.offset)
    }
}

impl Drop for ChangedByte {
    fn drop(&mut self) {
        // A scratch folder may be gone already.
        let _ = self.write(self.original);
    }
}

/// Where the middle of the largest framed part lies; of a file that is not framed, its own middle.
fn middle_of_largest_part(pack: &[u8]) -> usize {
    let (mut at, mut largest) = (0, 0..pack.len());
    let mut framed = false;
    while let Some(header) = pack.get(at..).and_then(|rest| rest.first_chunk::<FRAME_HEADER>()) {
        let Ok(header) = FrameHeader::from_bytes(header) else { break };
        let part = at + FRAME_HEADER..at + FRAME_HEADER + header.length as usize;
        at = part.end;
        if part.end <= pack.len() && (!framed || part.len() > largest.len()) {
            (framed, largest) = (true, part);
        }
    }
    largest.start + largest.len() / 2
}

#[cfg(test)]
mod tests {
    use cowl_crypto::digest::Digest;
    use cowl_domain::PartName;

    use super::*;

    fn frame(length: usize) -> Vec<u8> {
        let bytes = vec![7; length];
        let header = FrameHeader {
            name: PartName::from_bytes([1; 16]),
            hash: Digest::of(&bytes),
            length: u32::try_from(length).unwrap(),
        };
        [header.to_bytes().as_slice(), &bytes].concat()
    }

    #[test]
    fn the_middle_of_the_largest_part_is_found() {
        let pack = [frame(10), frame(100), frame(20)].concat();
        assert_eq!(middle_of_largest_part(&pack), FRAME_HEADER + 10 + FRAME_HEADER + 50);
        assert_eq!(middle_of_largest_part(&[0; 9]), 4);
    }

    #[test]
    fn a_changed_byte_is_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let pack = folder.path().join("a/pack");
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(&pack, frame(100)).unwrap();
        assert_eq!(files(folder.path()).unwrap(), BTreeSet::from([pack.clone()]));
        let changed = ChangedByte::in_largest_part(&pack).unwrap();
        assert_ne!(std::fs::read(&pack).unwrap(), frame(100));
        drop(changed);
        assert_eq!(std::fs::read(&pack).unwrap(), frame(100));
    }
}
