//! Journals of large uploads, so that a cut one goes on where it stopped.
//!
//! The danger in resuming is to seal two different contents under one key and nonce. Hence a part's hash
//! is journaled before the part is sent, and on resuming every part must hash as before; a file that has
//! changed gets a fresh key and starts anew.

use cowl_crypto::digest::Digest;
use cowl_crypto::id::random_bytes;
use cowl_domain::wire;
use cowl_domain::{CodecId, ItemId, PartEntry, RecordId, SuiteId};
use cowl_seal::file_key::ItemKey;
use cowl_seal::split::PartCheck;
use minicbor::{Decode, Encode};
use zeroize::Zeroize;

use crate::error::{Result, VaultError};
use crate::open::suite_of;
use crate::seal::part_entry;
use crate::source::FileStamp;
use crate::vault::Vault;

/// One upload under way.
#[derive(Encode, Decode)]
pub(crate) struct Journal {
    #[n(0)]
    pub record: RecordId,
    #[n(1)]
    pub item: ItemId,
    #[n(2)]
    pub suite: SuiteId,
    #[cbor(n(3), with = "minicbor::bytes")]
    key: Vec<u8>,
    #[cbor(n(4), with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    #[cbor(n(5), with = "minicbor::bytes")]
    pub seed: [u8; 32],
    #[n(6)]
    path: String,
    #[n(7)]
    size: u64,
    #[n(8)]
    modified_nanos: u64,
    #[n(9)]
    inode: u64,
    /// Parts that were or may have been sent, in order.
    #[n(11)]
    pub parts: Vec<PartEntry>,
    #[n(12)]
    pub codec: CodecId,
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl Journal {
    /// The journal of this file's upload into this record: the one that was cut, or a fresh one.
    pub(crate) fn resume_or_begin(
        vault: &Vault,
        record: RecordId,
        suite: SuiteId,
        codec: CodecId,
        stamp: &FileStamp,
    ) -> Result<Self> {
        let path = stamp.path.to_string_lossy().into_owned();
        let fresh = Self {
            record,
            item: ItemId::from_bytes(random_bytes()),
            suite,
            key: ItemKey::make(suite_of(suite)).expose().to_vec(),
            nonce: random_bytes(),
            seed: random_bytes(),
            size: stamp.size,
            modified_nanos: stamp.modified_nanos,
            inode: stamp.inode,
            path,
            parts: Vec::new(),
            codec,
        };
        let kept = vault.local_key.read(&vault.profile, &fresh.file_name())?;
        // A journal of another version of this program is no use; the upload begins anew.
        let kept: Option<Self> = kept.and_then(|bytes| wire::decode("journal", &bytes).ok());
        Ok(kept.filter(|old| old.same_file(&fresh)).unwrap_or(fresh))
    }

    fn same_file(&self, other: &Self) -> bool {
        let identity = |j: &Self| (j.record, j.suite, j.codec, j.size, j.modified_nanos, j.inode);
        identity(self) == identity(other) && self.path == other.path
    }

    pub(crate) fn key(&self) -> Result<ItemKey> {
        ItemKey::from_slice(suite_of(self.suite), &self.key)
            .ok_or_else(|| VaultError::Bug("a journal with a key of wrong length".to_owned()))
    }

    /// The entry of part `index`. One that was journaled before must be the same part again.
    pub(crate) fn take(&mut self, index: usize, check: PartCheck) -> Result<PartEntry> {
        match self.parts.get(index) {
            Some(entry) if entry.hash == check.hash && entry.size == check.size => Ok(entry.clone()),
            Some(_) => Err(VaultError::Stale),
            None => {
                let entry = part_entry(check);
                self.parts.push(entry.clone());
                Ok(entry)
            }
        }
    }

    /// Writes the journal. Called before what it lists is sent.
    pub(crate) fn store(&self, vault: &Vault) -> Result<()> {
        vault.local_key.write(&vault.profile, &self.file_name(), &wire::encode(self))
    }

    /// The upload is committed, or given up.
    pub(crate) fn forget(&self, vault: &Vault) -> Result<()> {
        vault.profile.remove(&self.file_name())
    }

    fn file_name(&self) -> String {
        let digest = Digest::of_parts(&[self.record.as_bytes(), self.path.as_bytes()]).to_string();
        format!("upload-{}.sealed", &digest[..32])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> Journal {
        Journal {
            record: RecordId::from_bytes([1; 16]),
            item: ItemId::from_bytes([2; 16]),
            suite: SuiteId::Standard,
            key: ItemKey::make(suite_of(SuiteId::Standard)).expose().to_vec(),
            nonce: [3; 16],
            seed: [4; 32],
            path: "/scans/volume.nii".to_owned(),
            size: 5,
            modified_nanos: 6,
            inode: 7,
            parts: Vec::new(),
            codec: CodecId::NONE,
        }
    }

    #[test]
    fn a_part_keeps_its_name_when_it_is_sealed_again() {
        let mut journal = journal();
        let first = journal.take(0, PartCheck::of(b"first")).unwrap();
        let second = journal.take(1, PartCheck::of(b"second")).unwrap();
        assert_ne!(first.name, second.name);
        assert_eq!(journal.take(0, PartCheck::of(b"first")).unwrap(), first);
        assert_eq!(journal.parts, [first, second]);
    }

    #[test]
    fn another_part_in_the_same_place_means_that_the_file_has_changed() {
        let mut journal = journal();
        journal.take(0, PartCheck::of(b"first")).unwrap();
        assert!(matches!(journal.take(0, PartCheck::of(b"other")), Err(VaultError::Stale)));
    }

    #[test]
    fn a_journal_is_of_one_file_in_one_state() {
        let kept = journal();
        let changes: [fn(&mut Journal); 6] = [
            |it| it.codec = CodecId(1),
            |it| it.size += 1,
            |it| it.modified_nanos += 1,
            |it| it.inode += 1,
            |it| it.path.push('x'),
            |it| it.suite = SuiteId::HybridRsa,
        ];
        assert!(kept.same_file(&journal()));
        for change in changes {
            let mut other = journal();
            change(&mut other);
            assert!(!kept.same_file(&other));
        }
    }

    #[test]
    fn a_journal_is_read_back_and_its_file_name_says_nothing_of_the_path() {
        let kept = journal();
        let again: Journal = wire::decode("journal", &wire::encode(&kept)).unwrap();
        assert!(again.same_file(&kept) && again.key == kept.key && again.seed == kept.seed);
        assert!(!kept.file_name().contains("volume"));
        assert_eq!(kept.file_name(), journal().file_name());
    }

    #[test]
    fn a_key_of_wrong_length_is_no_key() {
        let mut damaged = journal();
        damaged.key.pop();
        assert!(matches!(damaged.key(), Err(VaultError::Bug(_))));
    }
}
