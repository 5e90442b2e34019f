//! Which bundles were run: the file that makes a bundle good for one run. A data owner has a second one, of those that it
//! has ever taken in: by it a lost half is told from one that is on its way.
//!
//! A line is 32 bytes: the bundle's id, and a code over it under a key of the party. It is appended and forced to
//! disk before the first byte of a run is sent; nothing is ever taken out. Writers of several processes wait for
//! one another. A line that a crash has cut is the last one, and was never acted on: it is cut off before the next
//! is written. Any other line that does not fit its code is damage, and nothing is run over it.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use cowl_crypto::digest::Digest;
use cowl_crypto::secret::Secret;
use cowl_mpc::bundle::BundleId;

use super::folder::{Folder, private};
use crate::infer::error::InferError;

const LINE: usize = 32;

/// Bundles of one party on one device: those that were used, or those that were taken in.
pub(crate) struct Ledger {
    path: PathBuf,
    key: Secret<32>,
}

impl Ledger {
    /// The ledger of used bundles.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn open(folder: &Folder) -> Result<Self, InferError> {
        Ok(Self { path: folder.path("used")?, key: folder.key("cowl/infer/used/v1") })
    }

    /// The ledger of bundles that were taken in whole.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn of_taken(folder: &Folder) -> Result<Self, InferError> {
        Ok(Self { path: folder.path("taken")?, key: folder.key("cowl/infer/taken/v1") })
    }

    /// Records that a bundle is being used, once and for ever: on disk when it returns.
    ///
    /// # Errors
    /// [`InferError::Used`] when it was recorded before; [`InferError::Damaged`]; those of the disk.
    pub(crate) fn record(&self, bundle: BundleId) -> Result<(), InferError> {
        let mut file = self.locked()?;
        let (used, good) = self.read(&mut file)?;
        if used.contains(&bundle.0) {
            return Err(InferError::Used { bundle });
        }
        let mut append = || {
            file.set_len(good)?;
            file.seek(SeekFrom::Start(good))?;
            file.write_all(&self.line(bundle))?;
            file.sync_all()
        };
        append().map_err(|source| InferError::file(&self.path, source))
    }

    /// Records a bundle, which may be recorded already.
    ///
    /// # Errors
    /// [`InferError::Damaged`]; those of the disk.
    pub(crate) fn record_again(&self, bundle: BundleId) -> Result<(), InferError> {
        match self.record(bundle) {
            Err(InferError::Used { .. }) => Ok(()),
            recorded => recorded,
        }
    }

    /// Every bundle that was recorded.
    ///
    /// # Errors
    /// As [`Ledger::record`].
    pub(crate) fn recorded(&self) -> Result<HashSet<[u8; 16]>, InferError> {
        let mut file = self.locked()?;
        Ok(self.read(&mut file)?.0)
    }

    fn locked(&self) -> Result<File, InferError> {
        let open = || {
            let new = !self.path.exists();
            let file = private().create(true).truncate(false).read(true).write(true).open(&self.path)?;
            if new && let Some(folder) = self.path.parent() {
                File::open(folder)?.sync_all()?;
            }
            file.lock()?;
            Ok(file)
        };
        open().map_err(|source| InferError::file(&self.path, source))
    }

    /// What is recorded, and how many bytes of the file say so.
    fn read(&self, file: &mut File) -> Result<(HashSet<[u8; 16]>, u64), InferError> {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|source| InferError::file(&self.path, source))?;
        let lines = bytes.as_chunks::<LINE>().0;
        let mut used = HashSet::with_capacity(lines.len());
        for (place, line) in lines.iter().enumerate() {
            let id: [u8; 16] = *line.first_chunk().expect("a line is longer than an id");
            if *line == self.line(BundleId(id)) {
                used.insert(id);
            } else if (place + 1) * LINE < bytes.len() {
                return Err(InferError::Damaged { path: self.path.clone() });
            }
        }
        let good = (used.len() * LINE) as u64;
        Ok((used, good))
    }

    fn line(&self, bundle: BundleId) -> [u8; LINE] {
        let code = Digest::of_parts(&[self.key.expose(), &bundle.0]);
        let mut line = [0; LINE];
        line[..16].copy_from_slice(&bundle.0);
        line[16..].copy_from_slice(&code.as_bytes()[..16]);
        line
    }
}

#[cfg(test)]
mod tests {
    use cowl_crypto::sign::SigningKey;

    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path(), &SigningKey::make()).unwrap();
        (place, folder)
    }

    #[test]
    fn a_bundle_is_recorded_once_and_never_again_by_any_ledger_of_the_folder() {
        let (_place, folder) = folder();
        let ledger = Ledger::open(&folder).unwrap();
        ledger.record(BundleId([1; 16])).unwrap();
        ledger.record(BundleId([2; 16])).unwrap();
        let other = Ledger::open(&folder).unwrap();
        for id in [1, 2] {
            let again = other.record(BundleId([id; 16]));
            assert!(matches!(again, Err(InferError::Used { .. })), "{again:?}");
        }
        assert_eq!(other.recorded().unwrap().len(), 2);
    }

    #[test]
    fn of_many_at_once_one_may_use_a_bundle() {
        let (_place, folder) = folder();
        let recorded = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| Ledger::open(&folder).unwrap().record(BundleId([7; 16])).is_ok()))
                .collect();
            threads.into_iter().map(|thread| u32::from(thread.join().unwrap())).sum::<u32>()
        });
        assert_eq!(recorded, 1);
    }

    #[test]
    fn a_line_that_a_crash_has_cut_is_written_over() {
        let (_place, folder) = folder();
        let ledger = Ledger::open(&folder).unwrap();
        ledger.record(BundleId([1; 16])).unwrap();
        let whole = std::fs::read(&ledger.path).unwrap();
        for cut in [vec![9; 5], vec![0; LINE]] {
            std::fs::write(&ledger.path, [whole.as_slice(), &cut].concat()).unwrap();
            ledger.record(BundleId([2; 16])).unwrap();
            assert_eq!(ledger.recorded().unwrap(), HashSet::from([[1; 16], [2; 16]]));
        }
    }

    #[test]
    fn a_changed_line_stops_everything() {
        let (_place, folder) = folder();
        let ledger = Ledger::open(&folder).unwrap();
        ledger.record(BundleId([1; 16])).unwrap();
        ledger.record(BundleId([2; 16])).unwrap();
        let mut bytes = std::fs::read(&ledger.path).unwrap();
        bytes[3] ^= 1;
        std::fs::write(&ledger.path, bytes).unwrap();
        assert!(matches!(ledger.record(BundleId([3; 16])), Err(InferError::Damaged { .. })));
    }
}
