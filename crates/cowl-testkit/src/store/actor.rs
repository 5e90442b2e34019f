//! Parties that sign what the ledger is given.

use std::collections::BTreeMap;

use bytes::Bytes;
use cowl_crypto::digest::Digest;
use cowl_crypto::id::random_bytes;
use cowl_crypto::merkle::Hash;
use cowl_crypto::sign::SigningKey;
use cowl_domain::record::ItemsRoot;
use cowl_domain::{
    CheckpointRef, Epoch, Grant, GrantId, Handle, ItemId, KeyBinding, PartyId, PartyKeys, Placement, Powers,
    Purpose, RecordGenesis, RecordHead, RecordId, Revocation, Role, Scope, SealingKey, Share, ShareTarget,
    Signed, Statement, Timestamp,
};
use cowl_store::Proven;
use cowl_store::ledger::NewParty;

use super::{OwnRecord, noise};

const AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const NOTHING_SEEN: CheckpointRef = CheckpointRef { size: 0, root: Hash::EMPTY };

/// A party with its keys. The sealing key is noise: nothing is opened here.
pub struct Actor {
    /// Public keys.
    pub keys: PartyKeys,
    /// Name.
    pub handle: Handle,
    signing: SigningKey,
}

impl Actor {
    /// A party that has not registered yet.
    pub fn new(handle: &str) -> Self {
        let signing = SigningKey::make();
        let sealing = SealingKey::from_slice(&noise(1216)).expect("1216 bytes are a sealing key");
        let verifying = signing.verifying_key();
        let party = PartyKeys::first_id(&verifying, &sealing);
        let keys = PartyKeys { party, version: 0, signing: verifying, sealing, rsa: None };
        Self { keys, handle: handle.parse().expect("a handle"), signing }
    }

    /// Identifier.
    pub fn id(&self) -> PartyId {
        self.keys.party
    }

    /// Signs, and checks as a server would.
    pub fn prove<T: Statement>(&self, statement: &T) -> Proven<T> {
        let signed = Signed::sign(statement, self.id(), self.keys.version, &self.signing);
        Proven::check(signed, &self.keys).expect("its own signature")
    }

    /// What it registers with.
    pub fn registration(&self) -> NewParty {
        let binding = KeyBinding {
            handle: self.handle.clone(),
            role: Role::Patient,
            keys: self.keys.clone(),
            previous: None,
            made_at: AT,
        };
        let signed = Signed::sign(&binding, self.id(), 0, &self.signing);
        NewParty {
            binding: Proven::first_binding(signed).expect("its own binding"),
            email: None,
            opaque_record: b"record".to_vec(),
            key_store: b"key store".to_vec(),
            quota: 64 * 1024 * 1024,
        }
    }

    /// The next binding after `known`, with the same keys under the next version.
    pub fn next_binding(&self, known: &Proven<KeyBinding>) -> Proven<KeyBinding> {
        let mut next = KeyBinding { previous: Some(known.verified().digest()), ..(**known).clone() };
        next.keys.version += 1;
        let signed = Signed::sign(&next, self.id(), known.keys.version, &self.signing);
        Proven::next_binding(known, signed).expect("it continues the known one")
    }

    pub(super) fn genesis(&self, record: RecordId) -> Proven<RecordGenesis> {
        self.prove(&RecordGenesis { record, owner: self.id(), made_at: AT })
    }

    /// An epoch of a record.
    pub fn epoch(&self, record: RecordId, number: u32) -> Proven<Epoch> {
        let recipient = self.keys.sealing.clone();
        self.prove(&Epoch {
            record,
            number,
            recipient,
            previous: None,
            made_at: AT,
            checkpoint: NOTHING_SEEN,
        })
    }

    /// A head over these items.
    pub fn head(
        &self,
        record: RecordId,
        sequence: u64,
        epoch: u32,
        items: &BTreeMap<ItemId, Digest>,
    ) -> Proven<RecordHead> {
        let tree = ItemsRoot::new(items.iter().map(|(item, digest)| (*item, *digest)));
        self.prove(&RecordHead {
            record,
            sequence,
            epoch,
            items_root: tree.root(),
            items: tree.len(),
            sealed_name: Vec::new(),
            made_at: AT,
            checkpoint: NOTHING_SEEN,
        })
    }

    pub(super) fn placement(
        &self,
        record: &OwnRecord,
        item: ItemId,
        version: u32,
        manifest: &[u8],
        size: u64,
        parts: usize,
    ) -> Proven<Placement> {
        self.prove(&Placement {
            record: record.id,
            item,
            version,
            epoch: record.epoch,
            manifest: Digest::of(manifest),
            size,
            parts: u32::try_from(parts).expect("few parts"),
            commitment: Digest::of(b"file key"),
            placed_at: AT,
            checkpoint: NOTHING_SEEN,
        })
    }

    /// A grant.
    pub fn grant(
        &self,
        record: RecordId,
        scope: Scope,
        grantee: &Actor,
        powers: Powers,
        expires_at: Option<Timestamp>,
    ) -> Proven<Grant> {
        self.prove(&Grant {
            grant: GrantId::from_bytes(random_bytes()),
            record,
            scope,
            grantee: grantee.id(),
            grantee_keys: grantee.keys.digest(),
            powers,
            purpose: Purpose::Treatment,
            note: None,
            made_at: AT,
            expires_at,
            checkpoint: NOTHING_SEEN,
            compute: None,
        })
    }

    /// What fulfils it: the record's epoch, or the item's first version.
    pub fn share(&self, grant: &Proven<Grant>, epoch: u32) -> Proven<Share> {
        let target = grant.scope.item().map_or(ShareTarget::Epoch(epoch), |item| ShareTarget::Item(item, 0));
        self.prove(&Share { grant: grant.grant, target, sealed: Bytes::from_static(b"stanza").to_vec() })
    }

    /// The end of a grant.
    pub fn revocation(&self, grant: &Grant) -> Proven<Revocation> {
        let last = grant.scope.item().map_or(ShareTarget::Epoch(0), |item| ShareTarget::Item(item, 0));
        let (grant, record) = (grant.grant, grant.record);
        self.prove(&Revocation { grant, record, last, revoked_at: AT, checkpoint: NOTHING_SEEN })
    }
}

impl std::fmt::Debug for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Actor({})", self.handle)
    }
}
