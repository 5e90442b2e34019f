//! A record as its owner keeps it, and the statements that change it.

use std::collections::BTreeMap;

use bytes::Bytes;
use cowl_api::ClientError;
use cowl_api::types::{Commit, NewGrant, NewItem, NewRecord, RevokeGrant};
use cowl_crypto::digest::Digest;
use cowl_crypto::id::random_bytes;
use cowl_domain::party::SEALING_KEY_LENGTH;
use cowl_domain::{
    CheckpointRef, ComputeTerms, Epoch, Grant, GrantId, ItemId, ItemsRoot, PartName, Placement, Power,
    Powers, Purpose, RecordGenesis, RecordHead, RecordId, Revocation, Scope, SealingKey, Share, ShareTarget,
    Signed, Timestamp,
};

use super::{Person, nothing_seen};

pub(crate) type Part = (PartName, Digest, Bytes);

/// Parts of these sizes under random names.
pub(crate) fn sealed_parts(sizes: &[usize]) -> Vec<Part> {
    let part = |size: &usize| {
        let seed: [u8; 32] = random_bytes();
        let bytes: Bytes = seed.iter().copied().cycle().take(*size).collect::<Vec<_>>().into();
        (PartName::from_bytes(random_bytes()), Digest::of(&bytes), bytes)
    };
    sizes.iter().map(part).collect()
}

/// An item ready to be committed.
pub(crate) struct SealedItem {
    pub(crate) id: ItemId,
    pub(crate) parts: Vec<Part>,
    pub(crate) placement: Placement,
    pub(crate) header: Vec<u8>,
    pub(crate) manifest: Vec<u8>,
}

impl SealedItem {
    pub(crate) fn new(record: RecordId, sizes: &[usize]) -> Self {
        Self::of_parts(record, sealed_parts(sizes), b"age-encryption.org/v1 ...".to_vec())
    }

    pub(crate) fn of_parts(record: RecordId, parts: Vec<Part>, header: Vec<u8>) -> Self {
        let manifest = random_bytes::<100>().to_vec();
        let id = ItemId::from_bytes(random_bytes());
        let placement = Placement {
            record,
            item: id,
            version: 0,
            epoch: 0,
            manifest: Digest::of(&manifest),
            size: parts.iter().map(|(_, _, bytes)| bytes.len() as u64).sum(),
            parts: parts.len() as u32,
            commitment: Digest::of(b"file key"),
            placed_at: Timestamp::from_millis(2),
            checkpoint: nothing_seen(),
        };
        Self { id, parts, placement, header, manifest }
    }

    pub(crate) fn body(&self, placer: &Person) -> NewItem {
        NewItem {
            placement: placer.sign(&self.placement),
            header: self.header.clone().into(),
            manifest: self.manifest.clone().into(),
            parts: self.parts.iter().map(|(name, _, _)| name.to_string()).collect(),
        }
    }

    /// Digest of the placement as the head commits to it.
    pub(crate) fn digest(&self, placer: &Person) -> Digest {
        Signed::sign(&self.placement, placer.party(), placer.binding.keys.version, &placer.signing).digest()
    }

    pub(crate) async fn upload(&self, person: &Person) {
        let stored = person.client.upload_parts(&self.placement.record, self.parts.clone()).await.unwrap();
        assert_eq!(stored.parts, self.parts.len() as u64);
        assert_eq!(stored.bytes, self.placement.size);
    }
}

/// What the owner knows of its own record.
pub(crate) struct OwnedRecord {
    pub(crate) id: RecordId,
    pub(crate) sequence: u64,
    pub(crate) epoch: u32,
    pub(crate) last_epoch: Digest,
    pub(crate) items: BTreeMap<ItemId, Digest>,
    pub(crate) checkpoint: CheckpointRef,
}

impl OwnedRecord {
    pub(crate) fn draft() -> Self {
        let id = RecordId::from_bytes(random_bytes());
        let (items, checkpoint) = (BTreeMap::new(), nothing_seen());
        Self { id, sequence: 0, epoch: 0, last_epoch: Digest::of(b""), items, checkpoint }
    }

    pub(crate) async fn create(owner: &Person) -> Self {
        let mut record = Self::draft();
        let body = record.genesis(owner);
        owner.client.new_record(&body).await.unwrap();
        record.last_epoch = Signed::<Epoch>::from_bytes(&body.epoch.0).unwrap().digest();
        record
    }

    pub(crate) fn genesis(&self, owner: &Person) -> NewRecord {
        let made_at = Timestamp::from_millis(1);
        NewRecord {
            genesis: owner.sign(&RecordGenesis { record: self.id, owner: owner.party(), made_at }),
            epoch: owner.sign(&self.epoch_statement(0, None)),
            head: owner.sign(&self.head()),
        }
    }

    pub(crate) fn epoch_statement(&self, number: u32, previous: Option<Digest>) -> Epoch {
        let recipient = SealingKey::from_slice(&random_bytes::<SEALING_KEY_LENGTH>()).unwrap();
        let (made_at, checkpoint) = (Timestamp::from_millis(1), self.checkpoint);
        Epoch { record: self.id, number, recipient, previous, made_at, checkpoint }
    }

    /// The head over the items that the owner knows now.
    pub(crate) fn head(&self) -> RecordHead {
        let tree = ItemsRoot::new(self.items.iter().map(|(item, digest)| (*item, *digest)));
        RecordHead {
            record: self.id,
            sequence: self.sequence,
            epoch: self.epoch,
            items_root: tree.root(),
            items: tree.len(),
            sealed_name: Vec::new(),
            made_at: Timestamp::from_millis(3),
            checkpoint: self.checkpoint,
        }
    }

    /// The commit that puts these items in.
    pub(crate) fn adding(&mut self, owner: &Person, items: &[&SealedItem]) -> Commit {
        self.sequence += 1;
        self.items.extend(items.iter().map(|item| (item.id, item.digest(owner))));
        Commit {
            items: items.iter().map(|item| item.body(owner)).collect(),
            removed: Vec::new(),
            epoch: None,
            shares: Vec::new(),
            head: Some(owner.sign(&self.head())),
        }
    }

    /// Seals, uploads and commits one item.
    pub(crate) async fn add(&mut self, owner: &Person, sizes: &[usize]) -> SealedItem {
        let item = SealedItem::new(self.id, sizes);
        self.put(owner, &item).await;
        item
    }

    /// Uploads and commits an item.
    pub(crate) async fn put(&mut self, owner: &Person, item: &SealedItem) {
        item.upload(owner).await;
        let commit = self.adding(owner, &[item]);
        owner.client.commit(&self.id, &commit).await.unwrap();
    }

    pub(crate) async fn remove(&mut self, owner: &Person, item: &ItemId) -> Result<(), ClientError> {
        self.sequence += 1;
        self.items.remove(item);
        let commit = Commit {
            items: Vec::new(),
            removed: vec![item.to_string()],
            epoch: None,
            shares: Vec::new(),
            head: Some(owner.sign(&self.head())),
        };
        owner.client.commit(&self.id, &commit).await
    }
}

/// A grant with one share, as its owner would send it.
pub(crate) fn grant_of(
    owner: &Person,
    record: &OwnedRecord,
    scope: Scope,
    grantee: &Person,
    powers: &[Power],
    expires_at: Option<Timestamp>,
) -> (GrantId, NewGrant) {
    let grant = Grant {
        grant: GrantId::from_bytes(random_bytes()),
        record: record.id,
        scope,
        grantee: grantee.party(),
        grantee_keys: grantee.binding.keys.digest(),
        powers: Powers::of(powers.iter().copied()),
        purpose: Purpose::Treatment,
        note: Some(Digest::of(b"sealed note")),
        made_at: Timestamp::from_millis(4),
        expires_at,
        checkpoint: record.checkpoint,
        compute: None,
    };
    let target = scope.item().map_or(ShareTarget::Epoch(record.epoch), |item| ShareTarget::Item(item, 0));
    let share = Share { grant: grant.grant, target, sealed: b"a stanza".to_vec() };
    let new = NewGrant {
        grant: owner.sign(&grant),
        note: Some(b"sealed note".to_vec().into()),
        shares: vec![owner.sign(&share)],
    };
    (grant.grant, new)
}

/// A grant to compute by `additive-he`, about groups of 10 rows or more.
pub(crate) fn compute_grant_of(
    owner: &Person,
    record: &OwnedRecord,
    scope: Scope,
    grantee: &Person,
    runs: Option<u32>,
    expires_at: Option<Timestamp>,
) -> (GrantId, NewGrant) {
    let (id, mut new) = grant_of(owner, record, scope, grantee, &[Power::Compute], expires_at);
    let grant = Signed::<Grant>::from_bytes(&new.grant.0).unwrap().dangerous_unverified().unwrap();
    let compute =
        Some(ComputeTerms { technique: "additive-he".to_owned(), minimum_cohort: 10, runs, inference: None });
    (new.grant, new.shares) = (owner.sign(&Grant { compute, ..grant }), Vec::new());
    (id, new)
}

/// The end of a grant, as its owner would send it.
pub(crate) fn revocation_of(owner: &Person, record: &OwnedRecord, grant: GrantId) -> RevokeGrant {
    let statement = Revocation {
        grant,
        record: record.id,
        last: ShareTarget::Epoch(record.epoch),
        revoked_at: Timestamp::from_millis(5),
        checkpoint: record.checkpoint,
    };
    RevokeGrant { revocation: owner.sign(&statement) }
}
