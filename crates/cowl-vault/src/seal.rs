//! Sealing: from coded content to parts, header, manifest and placement. No network, no clock.

use std::sync::Arc;

use bytes::Bytes;
use cowl_api::types::NewItem;
use cowl_crypto::digest::Digest;
use cowl_crypto::id::random_bytes;
use cowl_crypto::sign::SigningKey;
use cowl_domain::wire;
use cowl_domain::{
    AdditiveHeader, CheckpointRef, CodecId, ItemId, Label, Manifest, Origin, OriginClaim, PartEntry,
    PartName, PartyId, Placement, RecordId, Signed, Statement, SuiteId, Timestamp,
};
use cowl_seal::file_key::ItemKey;
use cowl_seal::hybrid_rsa::RsaPublicKey;
use cowl_seal::payload::{Cores, PayloadSealer, sealed_length};
use cowl_seal::split::{PartCheck, SplitPlan};
use cowl_seal::suite::{SealTo, seal_header};
use cowl_seal::{XWingRecipient, sealed_box};

use crate::error::{Result, VaultError};
use crate::open::{manifest_context, suite_of};
use crate::payload::is_bare;

/// Everything that sealing an item for a record needs besides the content.
pub(crate) struct Sealer {
    pub party: PartyId,
    pub key_version: u32,
    pub signing: Arc<SigningKey>,
    pub record: RecordId,
    /// The owner's key: every item stays openable to the owner.
    pub owner: XWingRecipient,
    /// The owner's RSA key, for suite `hybrid-rsa`.
    pub owner_rsa: Option<RsaPublicKey>,
    pub epoch: u32,
    pub epoch_recipient: XWingRecipient,
    pub checkpoint: CheckpointRef,
    pub now: Timestamp,
}

/// Content as it goes into an envelope.
pub(crate) struct Coded {
    pub label: Label,
    pub suite: SuiteId,
    pub codec: CodecId,
    pub content: Digest,
    pub content_size: u64,
    pub coded_size: u64,
}

/// A part on its way to the cloud.
pub(crate) type Part = (PartName, Digest, Bytes);

/// An item ready to be committed once its parts are there.
pub(crate) struct SealedItem {
    pub item: ItemId,
    pub placement: Digest,
    pub new: NewItem,
    pub stored: u64,
    pub key: ItemKey,
    pub version: u32,
}

impl Sealer {
    pub(crate) fn sign<T: Statement>(&self, statement: &T) -> Signed<T> {
        Signed::sign(statement, self.party, self.key_version, &self.signing)
    }

    /// Seals coded content in memory and cuts it into parts.
    pub(crate) fn seal(
        &self,
        item: ItemId,
        coded: &Coded,
        bytes: Vec<u8>,
    ) -> Result<(SealedItem, Vec<Part>)> {
        let key = ItemKey::make(suite_of(coded.suite));
        let bytes = match coded.suite {
            SuiteId::ChaoticImage => crate::codec::scramble(&key, &bytes)?,
            SuiteId::Standard | SuiteId::HybridRsa => bytes,
            SuiteId::Additive => return Err(crate::codec::not_for_files()),
        };
        let (entries, parts) = seal_payload(&key, &bytes, Cores::One);
        let origin = self.origin(item, coded);
        let sealed = self.finish(item, 0, key, coded, entries, origin)?;
        Ok((sealed, parts))
    }

    /// The sealer's word on an item.
    pub(crate) fn origin(&self, item: ItemId, coded: &Coded) -> Origin {
        let claim = OriginClaim {
            record: self.record,
            item,
            content: coded.content,
            size: coded.content_size,
            label: Digest::of(&wire::encode(&coded.label)),
            sealed_at: self.now,
            checkpoint: self.checkpoint,
        };
        Origin(self.sign(&claim).to_bytes())
    }

    /// Makes manifest, header and placement of a payload whose parts are known.
    pub(crate) fn finish(
        &self,
        item: ItemId,
        version: u32,
        key: ItemKey,
        coded: &Coded,
        parts: Vec<PartEntry>,
        origin: Origin,
    ) -> Result<SealedItem> {
        let manifest = Manifest {
            record: self.record,
            item,
            version,
            suite: coded.suite,
            codec: coded.codec,
            label: coded.label.clone(),
            content_size: coded.content_size,
            content: coded.content,
            coded_size: coded.coded_size,
            parts,
            origin,
        };
        let size =
            manifest.payload_size().ok_or_else(|| VaultError::Bug("payload without end".to_owned()))?;
        let sealed = sealed_box::seal(
            &key.manifest_key(),
            &manifest_context(&item, version),
            &wire::encode(&manifest),
        );
        let placement = Placement {
            record: self.record,
            item,
            version,
            epoch: self.epoch,
            manifest: Digest::of(&sealed),
            size,
            parts: u32::try_from(manifest.parts.len())
                .map_err(|_| VaultError::Invalid("too many parts".to_owned()))?,
            commitment: key.commitment(),
            placed_at: self.now,
            checkpoint: self.checkpoint,
        };
        let signed = self.sign(&placement);
        let mut names: Vec<String> = manifest.parts.iter().map(|part| part.name.to_string()).collect();
        // Random names, sorted: the order says nothing.
        names.sort_unstable();
        let new = NewItem {
            placement: signed.to_bytes().into(),
            header: self.header(&key, &manifest)?.into(),
            manifest: sealed.into(),
            parts: names,
        };
        Ok(SealedItem { item, placement: signed.digest(), new, stored: size, key, version })
    }

    fn header(&self, key: &ItemKey, manifest: &Manifest) -> Result<Vec<u8>> {
        let mut recipients = Vec::with_capacity(3);
        if matches!(key, ItemKey::HybridRsa(_)) {
            recipients.extend(self.owner_rsa.as_ref().map(SealTo::Rsa));
        }
        // Readers, the owner among them, open with the epoch's key: it finds its stanza first.
        recipients.push(SealTo::XWing(&self.epoch_recipient));
        recipients.push(SealTo::XWing(&self.owner));
        let header = seal_header(key, &recipients).map_err(|e| VaultError::Invalid(e.to_string()))?;
        let key_header = header.encode();
        if !is_bare(manifest.suite) {
            return Ok(key_header);
        }
        Ok(AdditiveHeader { key_header, parts: manifest.parts.clone() }.to_bytes())
    }
}

/// Seals a payload and cuts it into parts under random names.
pub(crate) fn seal_payload(key: &ItemKey, coded: &[u8], cores: Cores) -> (Vec<PartEntry>, Vec<Part>) {
    let length = sealed_length(coded.len() as u64);
    let plan = SplitPlan::draw(length, &random_bytes());
    let mut payload =
        vec![0; usize::try_from(length).expect("what is in memory has a length of a pointer's size")];
    let checks = PayloadSealer::new(key).seal_parts(coded, &plan, &mut payload, cores);
    name_parts(checks, Bytes::from(payload))
}

/// Gives the parts of a payload their names.
pub(crate) fn name_parts(checks: Vec<PartCheck>, payload: Bytes) -> (Vec<PartEntry>, Vec<Part>) {
    let mut entries = Vec::with_capacity(checks.len());
    let mut parts = Vec::with_capacity(checks.len());
    let mut start = 0;
    for check in checks {
        let end = start + check.size as usize;
        let entry = part_entry(check);
        parts.push((entry.name, entry.hash, payload.slice(start..end)));
        entries.push(entry);
        start = end;
    }
    (entries, parts)
}

/// A part under a fresh random name.
pub(crate) fn part_entry(check: PartCheck) -> PartEntry {
    PartEntry { name: PartName::from_bytes(random_bytes()), size: check.size, hash: check.hash }
}
