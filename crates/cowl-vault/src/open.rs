//! Opening: from the cloud's rows to content, every step checked.
//!
//! row → placement (signed, and in the owner's head) → header → file key (as committed to) → manifest
//! (as placed) → origin (signed by the sealer) → parts (hashed) → payload → codec → content (hashed).

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use cowl_api::types::ItemRow;
use cowl_crypto::digest::Digest;
use cowl_domain::wire;
use cowl_domain::{
    AdditiveHeader, ItemId, ItemsRoot, Manifest, OriginClaim, PartyId, Placement, ShareTarget, Signed,
    SuiteId, Verified,
};
use cowl_seal::file_key::ItemKey;
use cowl_seal::suite::{OpenWith, Suite, decode_header, open_header};
use cowl_seal::{sealed_box, shares};
use rayon::prelude::*;

use crate::directory::KnownParty;
use crate::error::{Result, Tampering, VaultError};
use crate::payload::is_bare;
use crate::record::{Record, misplaced};
use crate::vault::Vault;
use crate::view::ItemInfo;

/// A row whose placement has been checked.
pub(crate) struct PlacedItem {
    pub placement: Verified<Placement>,
    pub header: Vec<u8>,
    pub manifest: Vec<u8>,
    pub appended: bool,
}

/// An item opened as far as its manifest.
pub(crate) struct OpenItem {
    pub placement: Verified<Placement>,
    pub key: ItemKey,
    pub manifest: Manifest,
    pub origin: Verified<OriginClaim>,
    pub appended: bool,
}

/// Keys for items that were granted one by one.
pub(crate) type ItemShares = HashMap<(ItemId, u32), Vec<(cowl_domain::GrantId, Vec<u8>)>>;

impl Vault {
    /// The items that the caller may see in a record, placements checked against the owner's head, and
    /// whether these are all.
    pub(crate) async fn verified_items(&self, record: &Record) -> Result<(Vec<PlacedItem>, bool)> {
        let rows = self.item_rows(&record.id).await?;
        let signers = self.signers_of(&rows).await?;
        let mut items = Vec::new();
        for row in &rows {
            items.push((self.verify_row(record, row, &signers)?, row));
        }
        let accepted = || items.iter().filter(|(item, _)| !item.appended);
        let root = ItemsRoot::new(accepted().map(|(item, _)| (item.placement.item, item.placement.digest())));
        let complete = root.len() == record.head.items && root.root() == record.head.items_root;
        if !complete {
            if record.mine || !record.identities.is_empty() {
                return Err(Tampering::ItemsRoot(record.id).into());
            }
            for (item, row) in accepted() {
                record.check_proof(row, item.placement.item, &item.placement.digest())?;
            }
        }
        let mut items: Vec<PlacedItem> = items.into_iter().map(|(item, _)| item).collect();
        self.drop_unsound_appends(record, &mut items).await?;
        Ok((items, complete))
    }

    /// What others have put in counts for the owner if they had a grant to do so, and for themselves.
    async fn drop_unsound_appends(&self, record: &Record, items: &mut Vec<PlacedItem>) -> Result<()> {
        if !items.iter().any(|item| item.appended) {
            return Ok(());
        }
        if !record.mine {
            items.retain(|item| !item.appended || item.placement.signer() == self.party_id());
            return Ok(());
        }
        for item in items.iter().filter(|item| item.appended) {
            self.check_seen(item.placement.checkpoint).await?;
        }
        let appenders = self.appenders(&record.id).await?;
        let allowed = |item: &PlacedItem| {
            appenders.get(&item.placement.signer()).is_some_and(|last| item.placement.epoch <= *last)
        };
        match items.iter().find(|item| item.appended && !allowed(item)) {
            Some(item) => {
                let by = self.handle_of(&item.placement.signer()).await?.to_string();
                Err(Tampering::Injected { item: item.placement.item, by }.into())
            }
            None => Ok(()),
        }
    }

    async fn signers_of(&self, rows: &[ItemRow]) -> Result<HashMap<PartyId, Arc<KnownParty>>> {
        let mut signers = HashMap::new();
        for row in rows {
            let signed = Signed::<Placement>::from_bytes(&row.placement.0)?;
            let (signer, version) = (signed.signer(), signed.key_version());
            let known: Option<&Arc<KnownParty>> = signers.get(&signer);
            if known.is_none_or(|known| known.keys().version < version) {
                signers.insert(signer, self.signer(&signer, &[version]).await?);
            }
        }
        Ok(signers)
    }

    fn verify_row(
        &self,
        record: &Record,
        row: &ItemRow,
        signers: &HashMap<PartyId, Arc<KnownParty>>,
    ) -> Result<PlacedItem> {
        let signed = Signed::<Placement>::from_bytes(&row.placement.0)?;
        let signer =
            signers.get(&signed.signer()).ok_or_else(|| VaultError::Bug("unknown signer".to_owned()))?;
        let placement = signer.verify_statement(&signed)?;
        if placement.record != record.id {
            return Err(misplaced("placement", record.id, placement.record));
        }
        if placement.item.to_string() != row.item {
            return Err(misplaced("placement", &row.item, placement.item));
        }
        if Digest::of(&row.manifest.0) != placement.manifest {
            return Err(Tampering::Manifest(placement.item).into());
        }
        Ok(PlacedItem {
            placement,
            header: row.header.0.clone(),
            manifest: row.manifest.0.clone(),
            appended: row.appended,
        })
    }

    /// Opens items as far as their manifests, on all cores.
    pub(crate) async fn open_items(&self, record: &Record, items: Vec<PlacedItem>) -> Result<Vec<OpenItem>> {
        let shares = if record.mine { ItemShares::new() } else { self.item_shares(&record.id).await? };
        let opened: Result<Vec<(PlacedItem, ItemKey, Manifest)>> = tokio::task::block_in_place(|| {
            items.into_par_iter().map(|item| self.open_manifest(record, item, &shares)).collect()
        });
        let mut done = Vec::new();
        for (item, key, manifest) in opened? {
            let origin = self.verify_origin(&item.placement, &manifest).await?;
            done.push(OpenItem { placement: item.placement, key, manifest, origin, appended: item.appended });
        }
        Ok(done)
    }

    /// Opens what a record holds, and of what others have appended that which opens. The rest is passed over:
    /// somebody who may append must not be able to hide the record from its owner
    /// ([`Vault::rekey_pending`] removes it and says so).
    pub(crate) async fn open_sound(&self, record: &Record, items: Vec<PlacedItem>) -> Result<Vec<OpenItem>> {
        let (appended, accepted): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| item.appended);
        let mut open = self.open_items(record, accepted).await?;
        for item in appended {
            match self.open_items(record, vec![item]).await {
                Ok(one) => open.extend(one),
                Err(VaultError::Tampered(_)) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(open)
    }

    fn open_manifest(
        &self,
        record: &Record,
        item: PlacedItem,
        shares: &ItemShares,
    ) -> Result<(PlacedItem, ItemKey, Manifest)> {
        let id = item.placement.item;
        let key = self.item_key(record, &item, shares)?;
        if key.commitment() != item.placement.commitment {
            return Err(Tampering::Header(id).into());
        }
        let context = manifest_context(&id, item.placement.version);
        let plain = sealed_box::open(&key.manifest_key(), &context, &item.manifest)
            .map_err(|_| Tampering::Manifest(id))?;
        let manifest: Manifest = wire::decode("manifest", &plain)?;
        let fits = manifest.record == item.placement.record
            && manifest.item == id
            && manifest.version == item.placement.version
            && manifest.parts.len() == item.placement.parts as usize
            && manifest.payload_size() == Some(item.placement.size)
            && suite_of(manifest.suite) == key.suite()
            && header_fits(&item.header, &manifest);
        if fits { Ok((item, key, manifest)) } else { Err(Tampering::Manifest(id).into()) }
    }

    fn item_key(&self, record: &Record, item: &PlacedItem, shares: &ItemShares) -> Result<ItemKey> {
        let refuse = || VaultError::from(Tampering::Header(item.placement.item));
        let header = key_header(&item.header).ok_or_else(refuse)?;
        let header = decode_header(&header).map_err(|_| refuse())?;
        let mut keys = Vec::new();
        if let Some(epoch) = record.identities.get(&item.placement.epoch) {
            keys.push(OpenWith::XWing(epoch.identity()));
        }
        if record.mine || item.placement.signer() == self.party_id() {
            keys.extend(self.identity().rsa().map(OpenWith::Rsa));
            keys.push(OpenWith::XWing(self.identity().sealing()));
        }
        if !keys.is_empty()
            && let Ok(key) = open_header(&header, &keys)
        {
            return Ok(key);
        }
        let target = (item.placement.item, item.placement.version);
        let mut fault = refuse();
        for (grant, sealed) in shares.get(&target).into_iter().flatten() {
            // The share must carry the key that this very header was sealed with.
            match open_item_share(self, grant, target, sealed, header.suite()) {
                Ok(key) if header.verify_key(&key).is_ok() => return Ok(key),
                Ok(_) => fault = refuse(),
                Err(error) => fault = error,
            }
        }
        Err(fault)
    }

    async fn verify_origin(
        &self,
        placement: &Verified<Placement>,
        manifest: &Manifest,
    ) -> Result<Verified<OriginClaim>> {
        let signed = Signed::<OriginClaim>::from_bytes(&manifest.origin.0)?;
        let sealer = self.signer(&signed.signer(), &[signed.key_version()]).await?;
        let claim = sealer.verify_statement(&signed)?;
        let fits = claim.record == placement.record
            && claim.item == placement.item
            && claim.content == manifest.content
            && claim.size == manifest.content_size
            && claim.label == Digest::of(&wire::encode(&manifest.label));
        if fits { Ok(claim) } else { Err(Tampering::Content(placement.item).into()) }
    }

    pub(crate) async fn item_info(&self, open: &OpenItem) -> Result<ItemInfo> {
        Ok(ItemInfo {
            item: open.manifest.item,
            record: open.manifest.record,
            version: open.manifest.version,
            label: open.manifest.label.clone(),
            size: open.manifest.content_size,
            stored: open.placement.size,
            parts: open.placement.parts,
            suite: open.manifest.suite,
            codec: open.manifest.codec,
            content: open.manifest.content,
            sealer: self.handle_of(&open.origin.signer()).await?,
            sealed_at: open.origin.sealed_at,
            appended: open.appended,
        })
    }
}

fn open_item_share(
    vault: &Vault,
    grant: &cowl_domain::GrantId,
    target: (ItemId, u32),
    sealed: &[u8],
    suite: Suite,
) -> Result<ItemKey> {
    let refuse = || VaultError::from(Tampering::Share(*grant));
    let stanza = cowl_seal::age::header::Stanza::decode(sealed).map_err(|_| refuse())?;
    let context = share_context(grant, &ShareTarget::Item(target.0, target.1));
    shares::unwrap_item_key(vault.identity().sealing(), &stanza, suite, &context).map_err(|_| refuse())
}

/// The age header in an item's header: all of it, but of a sealed table.
fn key_header(header: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !AdditiveHeader::is_one(header) {
        return Some(Cow::Borrowed(header));
    }
    AdditiveHeader::from_bytes(header).ok().map(|header| Cow::Owned(header.key_header))
}

/// The cloud goes by the header's list of a table's parts, readers by the manifest's: they must be one.
fn header_fits(header: &[u8], manifest: &Manifest) -> bool {
    match is_bare(manifest.suite) {
        false => !AdditiveHeader::is_one(header),
        true => AdditiveHeader::from_bytes(header).is_ok_and(|header| header.parts == manifest.parts),
    }
}

/// What a share is bound to: its grant and what it opens.
pub(crate) fn share_context(grant: &cowl_domain::GrantId, target: &ShareTarget) -> Vec<u8> {
    wire::encode(&(*grant, *target))
}

/// What a sealed manifest is bound to.
pub(crate) fn manifest_context(item: &ItemId, version: u32) -> Vec<u8> {
    wire::encode(&(*item, version))
}

/// How the payload of an item of this suite is sealed.
pub(crate) fn suite_of(suite: SuiteId) -> Suite {
    match suite {
        SuiteId::HybridRsa => Suite::HybridRsa,
        // The chaotic image lies inside a standard envelope.
        // The key of a sealed table opens its manifest and codebook; its cells have keys of their own.
        SuiteId::Standard | SuiteId::ChaoticImage | SuiteId::Additive => Suite::Standard,
    }
}
