//! What a device remembers between commands, sealed under a key of the party: pinned keys, the newest
//! checkpoint and heads that it has seen (so that rollback shows), what became of files it has read.

use std::collections::{HashMap, HashSet};

use cowl_crypto::digest::Digest;
use cowl_crypto::merkle::Hash;
use cowl_crypto::secret::{Secret, hkdf_sha256};
use cowl_domain::wire;
use cowl_domain::{CheckpointRef, GrantId, ItemId, PartyId, RecordId};
use minicbor::{Decode, Encode};

use crate::error::{Result, VaultError};
use crate::profile::Profile;

/// The keys of another party, as this device trusts them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Pin {
    #[n(0)]
    pub party: PartyId,
    #[n(1)]
    pub handle: String,
    /// Digest of the newest binding seen.
    #[cbor(n(2), with = "wire::fixed")]
    pub binding: Digest,
    /// Version of the keys in it.
    #[n(3)]
    pub version: u32,
    /// Whether a person compared the fingerprint.
    #[n(4)]
    pub verified: bool,
}

/// The newest head of a record that this device has seen.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct SeenHead {
    #[n(0)]
    pub record: RecordId,
    #[n(1)]
    pub sequence: u64,
    #[cbor(n(2), with = "wire::fixed")]
    pub digest: Digest,
    #[n(3)]
    pub epochs: u32,
}

/// A file that was added from here: unchanged size and times mean unchanged content.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct SeenFile {
    #[n(0)]
    pub record: RecordId,
    #[n(1)]
    pub path: String,
    #[n(2)]
    pub size: u64,
    #[n(3)]
    pub modified_nanos: u64,
    #[n(4)]
    pub inode: u64,
    #[n(5)]
    pub item: ItemId,
}

/// A grant of the caller's that has been taken back: the cloud must not show it as living again.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct EndedGrant {
    #[n(0)]
    pub grant: GrantId,
    /// Whether this device knows that all that it opened has been re-keyed.
    #[n(1)]
    pub rekeyed: bool,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct LocalState {
    #[n(0)]
    pub pins: Vec<Pin>,
    #[n(1)]
    pub heads: Vec<SeenHead>,
    #[n(2)]
    pub checkpoint: Option<CheckpointRef>,
    /// Notes of requests made from here, which only the owner could open otherwise.
    #[n(3)]
    pub notes: Vec<(String, String)>,
    /// How far the open leaves were scanned.
    #[n(4)]
    pub bindings_scanned: u64,
    #[n(5)]
    pub files: Vec<SeenFile>,
    #[n(6)]
    pub ended: Vec<EndedGrant>,
}

impl LocalState {
    /// The state of a profile; a fresh one on a new device.
    pub(crate) fn load(profile: &Profile, key: &LocalKey) -> Result<Self> {
        match key.read(profile, STATE)? {
            Some(bytes) => Ok(wire::decode("local state", &bytes)?),
            None => Ok(Self::default()),
        }
    }

    pub(crate) fn store(&self, profile: &Profile, key: &LocalKey) -> Result<()> {
        key.write(profile, STATE, &wire::encode(self))
    }

    pub(crate) fn pin_of(&self, party: &PartyId) -> Option<&Pin> {
        self.pins.iter().find(|pin| pin.party == *party)
    }

    pub(crate) fn pin_by_handle(&self, handle: &str) -> Option<&Pin> {
        self.pins.iter().find(|pin| pin.handle == handle)
    }

    pub(crate) fn set_pin(&mut self, pin: Pin) {
        self.pins.retain(|old| old.party != pin.party);
        self.pins.push(pin);
    }

    pub(crate) fn head_of(&self, record: &RecordId) -> Option<&SeenHead> {
        self.heads.iter().find(|head| head.record == *record)
    }

    pub(crate) fn set_head(&mut self, head: SeenHead) {
        self.heads.retain(|old| old.record != head.record);
        self.heads.push(head);
    }

    pub(crate) fn ended_grant(&self, grant: &GrantId) -> Option<&EndedGrant> {
        self.ended.iter().find(|ended| ended.grant == *grant)
    }

    pub(crate) fn set_ended(&mut self, new: EndedGrant) {
        self.ended.retain(|old| old.grant != new.grant);
        self.ended.push(new);
    }

    /// The files of one record.
    pub(crate) fn files_of(&self, record: &RecordId) -> Vec<SeenFile> {
        self.files.iter().filter(|file| file.record == *record).cloned().collect()
    }

    /// Takes in newer knowledge of files. What the same paths were before is kept for the items that are `held`
    /// still: a file that was added under two names is known as both.
    pub(crate) fn set_files(&mut self, new: Vec<SeenFile>, held: &HashSet<ItemId>) {
        let newer: HashMap<(RecordId, &str), ItemId> =
            new.iter().map(|file| ((file.record, file.path.as_str()), file.item)).collect();
        self.files.retain(|old| {
            let newer = newer.get(&(old.record, old.path.as_str()));
            newer.is_none_or(|item| *item != old.item && held.contains(&old.item))
        });
        self.files.extend(new);
    }
}

/// The checkpoint of an empty log, before anything was seen.
pub(crate) fn nothing_seen() -> CheckpointRef {
    CheckpointRef { size: 0, root: Hash::EMPTY }
}

/// The key of everything that a device keeps locally.
pub(crate) struct LocalKey(Secret<32>);

impl LocalKey {
    /// From the party's signing seed.
    pub(crate) fn derive(signing_seed: &[u8; 32]) -> Self {
        Self(hkdf_sha256(signing_seed, b"", b"cowl/local/v1"))
    }

    /// Reads and opens a file of the profile; `None` when it is not there.
    pub(crate) fn read(&self, profile: &Profile, name: &str) -> Result<Option<Vec<u8>>> {
        let Some(sealed) = profile.read(name)? else { return Ok(None) };
        let opened = cowl_seal::sealed_box::open(&self.0, name.as_bytes(), &sealed).map_err(|_| {
            VaultError::Invalid(format!(
                "{} is damaged or belongs to another account; remove it to rebuild it from the cloud",
                profile.dir().join(name).display()
            ))
        })?;
        Ok(Some(opened.to_vec()))
    }

    /// Seals and writes a file of the profile.
    pub(crate) fn write(&self, profile: &Profile, name: &str, plain: &[u8]) -> Result<()> {
        profile.write_cache(name, &cowl_seal::sealed_box::seal(&self.0, name.as_bytes(), plain))
    }

    /// The same, on disk when it returns.
    pub(crate) fn write_durably(&self, profile: &Profile, name: &str, plain: &[u8]) -> Result<()> {
        profile.write_durably(name, &cowl_seal::sealed_box::seal(&self.0, name.as_bytes(), plain))
    }
}

const STATE: &str = "state.sealed";
