//! Records as their owner signed them: load, check, list, change.

use std::collections::BTreeMap;
use std::sync::Arc;

use cowl_api::types::{Commit, ItemProof, ItemRow, NewItem, NewRecord, RecordView};
use cowl_crypto::digest::Digest;
use cowl_crypto::id::random_bytes;
use cowl_crypto::merkle::{self, Hash};
use cowl_crypto::secret::hkdf_sha256;
use cowl_domain::{
    Epoch, ItemId, ItemsRoot, RecordCard, RecordGenesis, RecordHead, RecordId, SealingKey, SealingPolicy,
    Share, Signed, Verified,
};
use cowl_seal::key_store::EpochIdentity;

use crate::card;
use crate::directory::KnownParty;
use crate::error::{Result, Tampering, VaultError};
use crate::local::SeenHead;
use crate::open::PlacedItem;
use crate::vault::{Vault, now};
use crate::view::RecordInfo;

/// A record whose statements have been checked.
pub(crate) struct Record {
    pub id: RecordId,
    pub owner: Arc<KnownParty>,
    pub mine: bool,
    pub epochs: Vec<Verified<Epoch>>,
    pub head: Verified<RecordHead>,
    /// Identities of the epochs that the caller can open.
    pub identities: BTreeMap<u32, Arc<EpochIdentity>>,
}

/// The state of a record while its owner changes it.
pub(crate) struct Change<'a> {
    vault: &'a Vault,
    pub record: Record,
    /// Item → digest of its placement, for the head.
    pub placements: BTreeMap<ItemId, Digest>,
    /// What others have put in and no head holds yet.
    pub appended: Vec<PlacedItem>,
}

impl Vault {
    /// The records that the caller owns or was granted something of.
    ///
    /// # Errors
    /// Those of the server; records whose statements do not hold.
    pub async fn records(&self) -> Result<Vec<RecordInfo>> {
        let mut infos = Vec::new();
        for view in self.client.records().await? {
            let record = self.verify_record(&view).await?;
            infos.push(self.describe(&record));
        }
        infos.sort_by(|a, b| (!a.mine, &a.owner, &a.name).cmp(&(!b.mine, &b.owner, &b.name)));
        Ok(infos)
    }

    /// A record by identifier, unambiguous beginning of it (4 letters at least), or name.
    ///
    /// # Errors
    /// When there is none, or more than one fits.
    pub async fn find_record(&self, text: &str) -> Result<RecordInfo> {
        let all = self.records().await?;
        let fits = |info: &&RecordInfo| {
            let id = info.record.to_string();
            id == text || info.name.as_deref() == Some(text) || (text.len() >= 4 && id.starts_with(text))
        };
        let found: Vec<&RecordInfo> = all.iter().filter(fits).collect();
        match found.as_slice() {
            [one] => Ok((*one).clone()),
            [] => Err(VaultError::NotFound { what: "record", name: text.to_owned() }),
            _ => Err(VaultError::Invalid(format!(
                "'{text}' fits {} records; name one by its identifier instead",
                found.len()
            ))),
        }
    }

    /// The caller's own first record; made when there is none.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn default_record(&self) -> Result<RecordId> {
        let own =
            self.client.records().await?.into_iter().find(|view| view.owner == self.party_id().to_string());
        match own {
            Some(view) => Ok(self.verify_record(&view).await?.id),
            None => self.create_record(DEFAULT_NAME).await,
        }
    }

    /// Makes a record.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn create_record(&self, name: &str) -> Result<RecordId> {
        self.create_record_with(name, &SealingPolicy::default()).await
    }

    /// Makes a record whose items are sealed by a policy.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn create_record_with(&self, name: &str, policy: &SealingPolicy) -> Result<RecordId> {
        let card = RecordCard { name: name.to_owned(), policy: policy.clone() };
        let record = RecordId::from_bytes(random_bytes());
        let (made_at, checkpoint) = (now(), self.checkpoint().await?);
        let identity = self.derive_epoch(&record, 0);
        let epoch = Epoch {
            record,
            number: 0,
            recipient: sealing_key(&identity)?,
            previous: None,
            made_at,
            checkpoint,
        };
        let head = RecordHead {
            record,
            sequence: 0,
            epoch: 0,
            items_root: ItemsRoot::default().root(),
            items: 0,
            sealed_name: card::seal(&card, &record, identity.recipient()),
            made_at,
            checkpoint,
        };
        let genesis = RecordGenesis { record, owner: self.party_id(), made_at };
        let head = self.sign(&head);
        let new = NewRecord {
            genesis: self.sign(&genesis).to_bytes().into(),
            epoch: self.sign(&epoch).to_bytes().into(),
            head: head.to_bytes().into(),
        };
        self.client.new_record(&new).await?;
        self.change_state(|state| {
            state.set_head(SeenHead { record, sequence: 0, digest: head.digest(), epochs: 1 });
        })?;
        Ok(record)
    }

    pub(crate) async fn load_record(&self, record: &RecordId) -> Result<Record> {
        let view = self.client.record(record).await.map_err(|e| missing(e, record))?;
        let loaded = self.verify_record(&view).await?;
        if loaded.id == *record { Ok(loaded) } else { Err(misplaced("record", record, loaded.id)) }
    }

    /// Checks every statement of a record, that nothing was rolled back, and opens what keys there are.
    async fn verify_record(&self, view: &RecordView) -> Result<Record> {
        let genesis = Signed::<RecordGenesis>::from_bytes(&view.genesis.0)?;
        let head = Signed::<RecordHead>::from_bytes(&view.head.0)?;
        let owner = self.signer(&genesis.signer(), &[head.key_version()]).await?;
        let genesis = owner.verify_statement(&genesis)?;
        if genesis.owner != owner.party() || genesis.owner.to_string() != view.owner {
            return Err(misplaced("record", &view.owner, genesis.owner));
        }
        let epochs = verify_epochs(&owner, genesis.record, view)?;
        let head = owner.verify_statement(&head)?;
        if head.record != genesis.record || view.record != genesis.record.to_string() {
            return Err(misplaced("record head", genesis.record, head.record));
        }
        if head.epoch as usize + 1 != epochs.len() {
            let offered = epochs.len() as u64;
            return Err(Tampering::RolledBack {
                what: "the epoch",
                seen: u64::from(head.epoch) + 1,
                offered,
            }
            .into());
        }
        self.check_not_rolled_back(&head, epochs.len())?;
        self.check_seen(head.checkpoint).await?;
        let mine = owner.party() == self.party_id();
        let mut record = Record { id: head.record, owner, mine, epochs, head, identities: BTreeMap::new() };
        record.identities = self.epoch_identities(&record).await?;
        Ok(record)
    }

    fn check_not_rolled_back(&self, head: &Verified<RecordHead>, epochs: usize) -> Result<()> {
        let seen = self.state().head_of(&head.record).cloned();
        let epochs = u32::try_from(epochs).unwrap_or(u32::MAX);
        if let Some(seen) = &seen {
            if head.sequence < seen.sequence || epochs < seen.epochs {
                return Err(Tampering::RolledBack {
                    what: "the record",
                    seen: seen.sequence,
                    offered: head.sequence,
                }
                .into());
            }
            if head.sequence == seen.sequence && head.digest() != seen.digest {
                return Err(Tampering::Forked("the record's head").into());
            }
        }
        if seen.is_none_or(|seen| seen.sequence < head.sequence) {
            self.remember_head(head, epochs)?;
        }
        Ok(())
    }

    fn remember_head(&self, head: &Verified<RecordHead>, epochs: u32) -> Result<()> {
        let new = SeenHead { record: head.record, sequence: head.sequence, digest: head.digest(), epochs };
        self.change_state(|state| {
            if state.head_of(&head.record).is_none_or(|old| old.sequence < new.sequence) {
                state.set_head(new);
            }
        })
    }

    async fn epoch_identities(&self, record: &Record) -> Result<BTreeMap<u32, Arc<EpochIdentity>>> {
        if !record.mine {
            return self.granted_epochs(record).await;
        }
        let mut identities = BTreeMap::new();
        for epoch in &record.epochs {
            let identity = self.derive_epoch(&record.id, epoch.number);
            if sealing_key(&identity)? != epoch.recipient {
                return Err(Tampering::OwnKeys.into());
            }
            identities.insert(epoch.number, Arc::new(identity));
        }
        Ok(identities)
    }

    /// An own record's epoch: every device of the owner derives the same.
    pub(crate) fn derive_epoch(&self, record: &RecordId, number: u32) -> EpochIdentity {
        let mut info = b"cowl/epoch/v1".to_vec();
        info.extend_from_slice(record.as_bytes());
        info.extend_from_slice(&number.to_be_bytes());
        let seed = hkdf_sha256(&self.identity().sealing().expose_seed()[..], b"", &info);
        EpochIdentity::from_seed(seed.expose())
    }

    fn describe(&self, record: &Record) -> RecordInfo {
        let card = record.card();
        RecordInfo {
            record: record.id,
            name: card.as_ref().map(|card| card.name.clone()),
            policy: card.map(|card| card.policy),
            owner: record.owner.handle().clone(),
            mine: record.mine,
            items: record.head.items,
            epoch: record.head.epoch,
        }
    }

    /// All item rows of a record, and the root that they hash to when they are all there.
    pub(crate) async fn item_rows(&self, record: &RecordId) -> Result<Vec<ItemRow>> {
        let (mut rows, mut after): (Vec<ItemRow>, Option<ItemId>) = (Vec::new(), None);
        loop {
            let page = self.client.items(record, after.as_ref(), ITEMS_PAGE).await?;
            let more = page.more && !page.items.is_empty();
            for row in page.items {
                // Rising identifiers: none twice, so that no older version hides behind the one that counts.
                let item: Option<ItemId> = row.item.parse().ok();
                if item <= after {
                    return Err(Tampering::ItemsRoot(*record).into());
                }
                after = item;
                rows.push(row);
            }
            if !more {
                return Ok(rows);
            }
        }
    }

    /// Begins a change of an own record from its newest state.
    pub(crate) async fn begin_change(&self, record: &RecordId) -> Result<Change<'_>> {
        let loaded = self.load_record(record).await?;
        if !loaded.mine {
            return Err(VaultError::Invalid(format!(
                "only {} can change this record",
                loaded.owner.handle()
            )));
        }
        let (items, _) = self.verified_items(&loaded).await?;
        let (appended, accepted): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| item.appended);
        let placements = accepted.iter().map(|item| (item.placement.item, item.placement.digest())).collect();
        Ok(Change { vault: self, record: loaded, placements, appended })
    }
}

impl Record {
    /// The record's name and policy, where the caller can open them.
    pub(crate) fn card(&self) -> Option<RecordCard> {
        let identity = self.identities.get(&self.head.epoch)?;
        card::open(identity.identity(), &self.id, &self.head.sealed_name)
    }

    /// How items are sealed where nothing else is said. Who cannot read the policy seals as if there were none.
    pub(crate) fn policy(&self) -> SealingPolicy {
        self.card().map(|card| card.policy).unwrap_or_default()
    }

    /// The epoch to which new items are sealed: never an older one than the head's.
    pub(crate) fn current_epoch(&self) -> &Verified<Epoch> {
        self.epochs.last().expect("verify_record refuses a record without epochs")
    }

    /// Checks that a row shown to somebody who may see single items only stands in the head.
    pub(crate) fn check_proof(&self, row: &ItemRow, item: ItemId, placement: &Digest) -> Result<()> {
        let proof = row.proof.as_ref().ok_or(Tampering::ItemsRoot(self.id))?;
        self.check_item_proof(proof, item, placement)
    }

    /// Checks that an item stands in the head where a proof says.
    pub(crate) fn check_item_proof(&self, proof: &ItemProof, item: ItemId, placement: &Digest) -> Result<()> {
        let hashes: Option<Vec<Hash>> = proof
            .hashes
            .iter()
            .map(|blob| <[u8; 32]>::try_from(blob.0.as_slice()).ok().map(Hash::from_bytes))
            .collect();
        let hashes = hashes.ok_or(Tampering::ItemsRoot(self.id))?;
        let leaf = ItemsRoot::leaf(&item, placement);
        merkle::verify_inclusion(leaf, proof.index, self.head.items, &hashes, self.head.items_root)
            .map_err(|_| Tampering::ItemsRoot(self.id).into())
    }
}

/// What one commit changes.
#[derive(Default)]
pub(crate) struct Delta {
    pub items: Vec<(ItemId, Digest, NewItem)>,
    /// Appended items that the head holds from now on, with their placements. The cloud takes them in by their
    /// arrival, so these and `removed` together name all that wait.
    pub adopted: Vec<(ItemId, Digest)>,
    pub removed: Vec<ItemId>,
    pub epoch: Option<Signed<Epoch>>,
    pub shares: Vec<Signed<Share>>,
    /// Name and policy from now on; as before without it.
    pub card: Option<RecordCard>,
}

impl Change<'_> {
    /// Signs the next head over this change and commits both. What others have appended stays out, unless it is
    /// adopted.
    pub(crate) async fn commit(&mut self, delta: Delta) -> Result<()> {
        let mut placements = self.placements.clone();
        for item in &delta.removed {
            placements.remove(item);
        }
        placements.extend(delta.items.iter().map(|(item, placement, _)| (*item, *placement)));
        placements.extend(delta.adopted.iter().copied());
        let epoch = match &delta.epoch {
            Some(signed) => Some(self.record.owner.verify_statement(signed)?),
            None => None,
        };
        let signed = self.sign_head(&placements, epoch.as_deref(), delta.card.as_ref()).await?;
        let body = Commit {
            items: delta.items.into_iter().map(|(_, _, item)| item).collect(),
            removed: delta.removed.iter().map(ToString::to_string).collect(),
            epoch: delta.epoch.map(|epoch| epoch.to_bytes().into()),
            shares: delta.shares.iter().map(|share| share.to_bytes().into()).collect(),
            head: Some(signed.to_bytes().into()),
        };
        self.vault.client.commit(&self.record.id, &body).await?;
        if let Some(epoch) = epoch {
            let identity = self.vault.derive_epoch(&self.record.id, epoch.number);
            self.record.identities.insert(epoch.number, Arc::new(identity));
            self.record.epochs.push(epoch);
        }
        self.record.head = self.record.owner.verify_statement(&signed)?;
        self.appended.retain(|item| !settled(&item.placement.item, &placements, &delta.removed));
        self.placements = placements;
        let epochs = u32::try_from(self.record.epochs.len()).unwrap_or(u32::MAX);
        self.vault.remember_head(&self.record.head, epochs)
    }

    async fn sign_head(
        &self,
        placements: &BTreeMap<ItemId, Digest>,
        epoch: Option<&Epoch>,
        card: Option<&RecordCard>,
    ) -> Result<Signed<RecordHead>> {
        let root = ItemsRoot::new(placements.iter().map(|(item, digest)| (*item, *digest)));
        let old = &self.record.head;
        let head = RecordHead {
            record: self.record.id,
            sequence: old.sequence + 1,
            epoch: epoch.map_or(old.epoch, |epoch| epoch.number),
            items_root: root.root(),
            items: root.len(),
            sealed_name: self.sealed_name(epoch, card),
            made_at: now(),
            checkpoint: self.vault.checkpoint().await?,
        };
        Ok(self.vault.sign(&head))
    }

    /// A new card, or the old one: sealed anew where a new epoch begins.
    fn sealed_name(&self, epoch: Option<&Epoch>, card: Option<&RecordCard>) -> Vec<u8> {
        let (record, old) = (&self.record.id, &self.record.head);
        let next = epoch.map(|epoch| self.vault.derive_epoch(record, epoch.number));
        let current = self.record.identities.get(&old.epoch);
        match (card, next.as_ref().or(current.map(AsRef::as_ref)), current) {
            (Some(card), Some(to), _) => card::seal(card, record, to.recipient()),
            (None, Some(to), Some(from)) if epoch.is_some() => {
                let again = card::reseal(from.identity(), to.recipient(), record, &old.sealed_name);
                again.unwrap_or_else(|| old.sealed_name.clone())
            }
            _ => old.sealed_name.clone(),
        }
    }
}

/// Whether an appended item is in the head now, or gone.
fn settled(item: &ItemId, placements: &BTreeMap<ItemId, Digest>, removed: &[ItemId]) -> bool {
    placements.contains_key(item) || removed.contains(item)
}

/// The X-Wing public key of an epoch.
pub(crate) fn sealing_key(identity: &EpochIdentity) -> Result<SealingKey> {
    SealingKey::from_slice(&identity.recipient().to_bytes())
        .ok_or_else(|| VaultError::Bug("X-Wing key of wrong length".to_owned()))
}

fn verify_epochs(owner: &KnownParty, record: RecordId, view: &RecordView) -> Result<Vec<Verified<Epoch>>> {
    let mut epochs: Vec<Verified<Epoch>> = Vec::new();
    for bytes in &view.epochs {
        let epoch = owner.verify_statement(&Signed::<Epoch>::from_bytes(&bytes.0)?)?;
        let continues = epoch.record == record
            && epoch.number as usize == epochs.len()
            && epoch.previous == epochs.last().map(Verified::digest);
        if !continues {
            return Err(Tampering::Forked("the chain of epochs").into());
        }
        epochs.push(epoch);
    }
    if epochs.is_empty() { Err(Tampering::Forked("the chain of epochs").into()) } else { Ok(epochs) }
}

pub(crate) fn misplaced(what: &'static str, expected: impl ToString, found: impl ToString) -> VaultError {
    Tampering::Misplaced { what, expected: expected.to_string(), found: found.to_string() }.into()
}

fn missing(error: cowl_api::client::ClientError, record: &RecordId) -> VaultError {
    match error.code() {
        Some(cowl_api::ProblemCode::NotFound) => {
            VaultError::NotFound { what: "record", name: record.to_string() }
        }
        _ => error.into(),
    }
}

/// A party that owns nothing yet and adds something gets a record of this name.
const DEFAULT_NAME: &str = "health record";
const ITEMS_PAGE: u32 = 500;
