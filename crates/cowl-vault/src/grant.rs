//! Grants: make, see, take back; and what a grantee holds through them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use cowl_api::types::{GrantView, NewGrant, NewGrants};
use cowl_crypto::digest::Digest;
use cowl_crypto::id::random_bytes;
use cowl_domain::{
    ComputeTerms, Grant, GrantId, ItemId, PartyId, Power, Powers, Purpose, RecordId, Revocation, Scope,
    Share, ShareTarget, Signed, Timestamp, Verified,
};
use cowl_seal::age::header::Stanza;
use cowl_seal::key_store::EpochIdentity;
use cowl_seal::{XWingRecipient, message, shares};
use rayon::prelude::*;

use crate::directory::KnownParty;
use crate::error::{Result, Tampering, VaultError};
use crate::open::{ItemShares, OpenItem, share_context};
use crate::record::{Record, misplaced};
use crate::vault::{Vault, now};
use crate::view::{GrantInfo, GrantState};

mod ending;

/// A grant to be made.
#[derive(Debug, Clone)]
pub struct GrantSpec {
    /// The record.
    pub record: RecordId,
    /// These items; none means the whole record, future items too.
    pub items: Vec<ItemId>,
    /// Handle or identifier of the one who gets it.
    pub grantee: String,
    /// What it allows.
    pub powers: Powers,
    /// On what terms programs may work on it; for power `compute`, and for no other.
    pub compute: Option<ComputeTerms>,
    /// Why.
    pub purpose: Purpose,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Words for the grantee; sealed.
    pub note: Option<String>,
}

/// A grant as the cloud has it, its statements checked.
pub(crate) struct CheckedGrant {
    pub grant: Verified<Grant>,
    pub owner: Arc<KnownParty>,
    pub shares: Vec<Verified<Share>>,
    pub note: Option<Vec<u8>>,
    pub revocation: Option<Verified<Revocation>>,
    pub rekeyed: bool,
}

impl CheckedGrant {
    pub(crate) fn in_force(&self, at: Timestamp) -> bool {
        self.revocation.is_none() && !self.grant.has_expired(at)
    }

    /// The last epoch that a grant on a record was good for; none is the last while it lives.
    fn last_epoch(&self) -> u32 {
        match self.revocation.as_ref().map(|end| end.last) {
            Some(ShareTarget::Epoch(number)) => number,
            _ => u32::MAX,
        }
    }

    fn state(&self, at: Timestamp) -> GrantState {
        let rekeyed = self.rekeyed;
        match &self.revocation {
            // An expired grant is revoked by its owner's next command; to people it has expired.
            Some(end) if self.grant.expires_at.is_none_or(|expiry| end.revoked_at < expiry) => {
                GrantState::Revoked { rekeyed }
            }
            Some(_) => GrantState::Expired { rekeyed },
            None if self.grant.has_expired(at) => GrantState::Expired { rekeyed },
            None => GrantState::Active,
        }
    }
}

impl Vault {
    /// Makes a grant a listed item, or one on the record. One request, whatever their number.
    ///
    /// # Errors
    /// When the record is not the caller's, an item is not there, or the grantee's keys do not hold.
    pub async fn grant(&self, spec: &GrantSpec) -> Result<Vec<GrantInfo>> {
        let (new, made) = self.prepare_grants(spec).await?;
        self.client.make_grants(&NewGrants { grants: new }).await?;
        Ok(made)
    }

    /// Grants to be sent, and what there is to show of them when they have been.
    pub(crate) async fn prepare_grants(&self, spec: &GrantSpec) -> Result<(Vec<NewGrant>, Vec<GrantInfo>)> {
        self.check_spec(spec)?;
        let record = self.load_record(&spec.record).await?;
        if !record.mine {
            return Err(VaultError::Invalid(format!("only {} can share this record", record.owner.handle())));
        }
        let grantee = self.find_party(&spec.grantee).await?;
        if grantee.deleted {
            return Err(VaultError::Invalid(format!("{} has deleted the account", grantee.handle())));
        }
        let recipient = recipient_of(&grantee)?;
        let items = self.items_to_share(&record, spec).await?;
        let terms = self.terms(spec, &grantee, &recipient, &items).await?;
        let made = terms.iter().map(|(grant, _)| made_info(grant, &record, &grantee, spec)).collect();
        let new = tokio::task::block_in_place(|| self.sign_grants(&record, &recipient, terms, &items));
        Ok((new, made))
    }

    fn check_spec(&self, spec: &GrantSpec) -> Result<()> {
        if spec.powers.is_empty_or_unknown() {
            return Err(VaultError::Invalid("a grant has at least one power".to_owned()));
        }
        if spec.powers.contains(Power::Append) && !spec.items.is_empty() {
            return Err(VaultError::Invalid(
                "'append' is granted on a whole record, not on single items".to_owned(),
            ));
        }
        self.check_terms(spec)?;
        if spec.expires_at.is_some_and(|end| end <= now()) {
            return Err(VaultError::Invalid("a grant that ends in the past opens nothing".to_owned()));
        }
        Ok(())
    }

    fn check_terms(&self, spec: &GrantSpec) -> Result<()> {
        let refuse = |why: &str| Err(VaultError::Invalid(why.to_owned()));
        match (&spec.compute, spec.powers.contains(Power::Compute)) {
            (None, true) => refuse("who may compute needs terms: a technique and the smallest group"),
            (Some(_), false) => refuse("terms of computing go with the power to compute"),
            (Some(terms), true) if !terms.is_sound() => refuse(
                "the smallest group and the number of jobs are 1 or more, the technique a name of a-z, 0-9 and -",
            ),
            _ => Ok(()),
        }
    }

    async fn items_to_share(&self, record: &Record, spec: &GrantSpec) -> Result<Vec<OpenItem>> {
        if spec.items.is_empty() {
            return Ok(Vec::new());
        }
        let wanted: HashSet<&ItemId> = spec.items.iter().collect();
        let (mut items, _) = self.verified_items(record).await?;
        items.retain(|item| wanted.contains(&item.placement.item));
        if items.len() < wanted.len() {
            let there: HashSet<ItemId> = items.iter().map(|item| item.placement.item).collect();
            let gone = spec.items.iter().find(|item| !there.contains(item)).map(ToString::to_string);
            return Err(VaultError::NotFound { what: "item", name: gone.unwrap_or_default() });
        }
        self.open_items(record, items).await
    }

    /// The terms of each grant, with its sealed note.
    async fn terms(
        &self,
        spec: &GrantSpec,
        grantee: &KnownParty,
        recipient: &XWingRecipient,
        items: &[OpenItem],
    ) -> Result<Vec<(Grant, Option<Vec<u8>>)>> {
        let (made_at, checkpoint) = (now(), self.checkpoint().await?);
        let scopes: Vec<Scope> = match items {
            [] => vec![Scope::Record],
            items => items.iter().map(|item| Scope::Item(item.manifest.item)).collect(),
        };
        let terms = scopes.into_iter().map(|scope| {
            let grant = GrantId::from_bytes(random_bytes());
            let note = spec.note.as_ref().map(|text| self.seal_note(&grant, recipient, text));
            let terms = Grant {
                grant,
                record: spec.record,
                scope,
                grantee: grantee.party(),
                grantee_keys: grantee.keys().digest(),
                powers: spec.powers,
                purpose: spec.purpose,
                note: note.as_deref().map(Digest::of),
                made_at,
                expires_at: spec.expires_at,
                checkpoint,
                compute: spec.compute.clone(),
            };
            (terms, note)
        });
        Ok(terms.collect())
    }

    /// A note that grantee and owner can open.
    fn seal_note(&self, grant: &GrantId, grantee: &XWingRecipient, text: &str) -> Vec<u8> {
        let context = note_context(grant);
        let both = (
            minicbor::bytes::ByteVec::from(message::seal_to(grantee, &context, text.as_bytes())),
            minicbor::bytes::ByteVec::from(message::seal_to(
                self.identity().sealing().recipient(),
                &context,
                text.as_bytes(),
            )),
        );
        cowl_domain::wire::encode(&both)
    }

    fn open_note(&self, checked: &CheckedGrant) -> Option<String> {
        let sealed = checked.note.as_deref().filter(|bytes| checked.grant.note == Some(Digest::of(bytes)))?;
        let (theirs, ours): (minicbor::bytes::ByteVec, minicbor::bytes::ByteVec) =
            cowl_domain::wire::decode("note", sealed).ok()?;
        let mine = if checked.owner.party() == self.party_id() { ours } else { theirs };
        let context = note_context(&checked.grant.grant);
        let plain = message::open_with(self.identity().sealing(), &context, &mine).ok()?;
        String::from_utf8(plain.to_vec()).ok()
    }

    fn sign_grants(
        &self,
        record: &Record,
        recipient: &XWingRecipient,
        terms: Vec<(Grant, Option<Vec<u8>>)>,
        items: &[OpenItem],
    ) -> Vec<NewGrant> {
        let work: Vec<_> = terms.into_iter().enumerate().collect();
        let make = |(index, (grant, note)): (usize, (Grant, Option<Vec<u8>>))| {
            let shares = match items.get(index) {
                // Who may only compute gets no key.
                _ if !grant.opens() => Vec::new(),
                Some(item) => vec![self.share_item(&grant.grant, recipient, item)],
                None => self.share_epochs(&grant.grant, recipient, record.identities.iter()),
            };
            NewGrant {
                grant: self.sign(&grant).to_bytes().into(),
                note: note.map(Into::into),
                shares: shares.iter().map(|share| share.to_bytes().into()).collect(),
            }
        };
        work.into_par_iter().map(make).collect()
    }

    pub(crate) fn share_item(
        &self,
        grant: &GrantId,
        recipient: &XWingRecipient,
        item: &OpenItem,
    ) -> Signed<Share> {
        let target = ShareTarget::Item(item.manifest.item, item.manifest.version);
        self.share_key(grant, recipient, target, &item.key)
    }

    pub(crate) fn share_key(
        &self,
        grant: &GrantId,
        recipient: &XWingRecipient,
        target: ShareTarget,
        key: &cowl_seal::ItemKey,
    ) -> Signed<Share> {
        let stanza = shares::wrap_item_key(recipient, key, &share_context(grant, &target));
        self.sign(&Share { grant: *grant, target, sealed: stanza.encode() })
    }

    pub(crate) fn share_epochs<'a>(
        &self,
        grant: &GrantId,
        recipient: &XWingRecipient,
        epochs: impl Iterator<Item = (&'a u32, &'a Arc<EpochIdentity>)>,
    ) -> Vec<Signed<Share>> {
        let share = |(number, identity): (&u32, &Arc<EpochIdentity>)| {
            let target = ShareTarget::Epoch(*number);
            let stanza = shares::wrap_epoch(recipient, identity, &share_context(grant, &target));
            self.sign(&Share { grant: *grant, target, sealed: stanza.encode() })
        };
        epochs.map(share).collect()
    }

    /// The grants that the caller has given or received.
    ///
    /// # Errors
    /// Those of the server; grants whose statements do not hold.
    pub async fn grants(&self) -> Result<Vec<GrantInfo>> {
        let mut infos = Vec::new();
        for checked in self.checked_grants().await? {
            infos.push(self.grant_info(&checked).await?);
        }
        infos.sort_by_key(|info| info.made_at);
        Ok(infos)
    }

    /// A grant by identifier or unambiguous beginning of it.
    ///
    /// # Errors
    /// When there is none, or more than one fits.
    pub async fn find_grant(&self, text: &str) -> Result<GrantInfo> {
        let all = self.grants().await?;
        let fits = |info: &&GrantInfo| text.len() >= 4 && info.grant.to_string().starts_with(text);
        let mut found = all.iter().filter(fits);
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one.clone()),
            (None, _) => Err(VaultError::NotFound { what: "grant", name: text.to_owned() }),
            _ => {
                Err(VaultError::Invalid(format!("'{text}' fits several grants; give more of the identifier")))
            }
        }
    }

    /// The grants in force that let somebody read an item of the caller's.
    ///
    /// # Errors
    /// Those of [`Vault::grants`].
    pub async fn readers(&self, record: &RecordId, item: &ItemId) -> Result<Vec<GrantInfo>> {
        let covers = |info: &GrantInfo| {
            info.record == *record
                && info.state == GrantState::Active
                && info.scope.item().is_none_or(|one| one == *item)
                && info.powers.contains(Power::Read)
        };
        Ok(self.grants().await?.into_iter().filter(covers).collect())
    }

    pub(crate) async fn checked_grants(&self) -> Result<Vec<CheckedGrant>> {
        let mut checked = Vec::new();
        for view in self.client.grants().await? {
            checked.push(self.check_grant(&view).await?);
        }
        self.remember_ended(&checked)?;
        Ok(checked)
    }

    pub(crate) async fn check_grant(&self, view: &GrantView) -> Result<CheckedGrant> {
        let signed = Signed::<Grant>::from_bytes(&view.grant.0)?;
        let shares: Vec<Signed<Share>> = view
            .shares
            .iter()
            .map(|bytes| Signed::from_bytes(&bytes.0))
            .collect::<std::result::Result<_, _>>()?;
        let revocation =
            view.revocation.as_ref().map(|bytes| Signed::<Revocation>::from_bytes(&bytes.0)).transpose()?;
        let mut versions: Vec<u32> = shares.iter().map(Signed::key_version).collect();
        versions.push(signed.key_version());
        versions.extend(revocation.as_ref().map(Signed::key_version));
        let owner = self.signer(&signed.signer(), &versions).await?;
        let grant = owner.verify_statement(&signed)?;
        if grant.grant.to_string() != view.grant_id {
            return Err(misplaced("grant", &view.grant_id, grant.grant));
        }
        if grant.grantee != self.party_id() && owner.party() != self.party_id() {
            return Err(misplaced("grant", self.party_id(), grant.grantee));
        }
        self.check_seen(grant.checkpoint).await?;
        let shares = verify_shares(&owner, &grant, &shares)?;
        let revocation = match revocation {
            Some(signed) => Some(self.verify_end(&owner, &grant, &signed).await?),
            None => None,
        };
        let note = view.note.as_ref().map(|blob| blob.0.clone());
        if note.as_deref().map(Digest::of) != grant.note {
            return Err(misplaced("the note beside a grant", grant.grant, "another grant"));
        }
        let settled = self.check_end(&grant, &owner, revocation.is_some())?;
        let rekeyed = view.rekeyed && settled;
        Ok(CheckedGrant { grant, owner, shares, note, revocation, rekeyed })
    }

    async fn grant_info(&self, checked: &CheckedGrant) -> Result<GrantInfo> {
        let grant = &checked.grant;
        Ok(GrantInfo {
            grant: grant.grant,
            record: grant.record,
            scope: grant.scope,
            owner: checked.owner.handle().clone(),
            grantee: self.handle_of(&grant.grantee).await?,
            powers: grant.powers,
            purpose: grant.purpose,
            compute: grant.compute.clone(),
            note: self.open_note(checked),
            made_at: grant.made_at,
            expires_at: grant.expires_at,
            state: checked.state(now()),
        })
    }

    /// Who may put items into an own record, with the last epoch in which they might: the one in which the grant
    /// to do so ended, or any while it lives.
    pub(crate) async fn appenders(&self, record: &RecordId) -> Result<HashMap<PartyId, u32>> {
        let lets_append = |checked: &CheckedGrant| {
            checked.grant.record == *record
                && checked.owner.party() == self.party_id()
                && checked.grant.powers.contains(Power::Append)
        };
        let mut appenders = HashMap::new();
        for checked in self.checked_grants().await?.iter().filter(|checked| lets_append(checked)) {
            let last = checked.last_epoch();
            let known = appenders.entry(checked.grant.grantee).or_insert(last);
            *known = last.max(*known);
        }
        Ok(appenders)
    }

    /// The epochs of somebody else's record that the caller's grants open.
    pub(crate) async fn granted_epochs(&self, record: &Record) -> Result<BTreeMap<u32, Arc<EpochIdentity>>> {
        let mut identities = BTreeMap::new();
        for checked in self.received_for_reading(&record.id).await? {
            for share in &checked.shares {
                let ShareTarget::Epoch(number) = share.target else { continue };
                let identity = self.open_epoch_share(share, record)?;
                identities.insert(number, Arc::new(identity));
            }
        }
        Ok(identities)
    }

    /// The shares of single items of somebody else's record that the caller holds.
    pub(crate) async fn item_shares(&self, record: &RecordId) -> Result<ItemShares> {
        let mut shares = ItemShares::new();
        for checked in self.received_for_reading(record).await? {
            for share in &checked.shares {
                if let ShareTarget::Item(item, version) = share.target {
                    let sealed = share.sealed.clone();
                    shares.entry((item, version)).or_default().push((share.grant, sealed));
                }
            }
        }
        Ok(shares)
    }

    async fn received_for_reading(&self, record: &RecordId) -> Result<Vec<CheckedGrant>> {
        let (me, at) = (self.party_id(), now());
        let mut grants = self.checked_grants().await?;
        grants.retain(|checked| {
            checked.grant.record == *record
                && checked.grant.grantee == me
                && checked.in_force(at)
                && checked.grant.powers.contains(Power::Read)
        });
        Ok(grants)
    }

    fn open_epoch_share(&self, share: &Share, record: &Record) -> Result<EpochIdentity> {
        let refuse = || VaultError::from(Tampering::Share(share.grant));
        let ShareTarget::Epoch(number) = share.target else { return Err(refuse()) };
        let stanza = Stanza::decode(&share.sealed).map_err(|_| refuse())?;
        let context = share_context(&share.grant, &share.target);
        let identity =
            shares::unwrap_epoch(self.identity().sealing(), &stanza, &context).map_err(|_| refuse())?;
        let epoch = record.epochs.get(number as usize).ok_or_else(refuse)?;
        if crate::record::sealing_key(&identity)? == epoch.recipient { Ok(identity) } else { Err(refuse()) }
    }
}

fn verify_shares(
    owner: &KnownParty,
    grant: &Grant,
    signed: &[Signed<Share>],
) -> Result<Vec<Verified<Share>>> {
    let verify = |signed: &Signed<Share>| {
        let share = owner.verify_statement(signed)?;
        if share.grant == grant.grant { Ok(share) } else { Err(misplaced("share", grant.grant, share.grant)) }
    };
    signed.iter().map(verify).collect()
}

/// What [`Vault::grants`] will say of a new grant.
fn made_info(grant: &Grant, record: &Record, grantee: &KnownParty, spec: &GrantSpec) -> GrantInfo {
    GrantInfo {
        grant: grant.grant,
        record: grant.record,
        scope: grant.scope,
        owner: record.owner.handle().clone(),
        grantee: grantee.handle().clone(),
        powers: grant.powers,
        purpose: grant.purpose,
        compute: grant.compute.clone(),
        note: spec.note.clone(),
        made_at: grant.made_at,
        expires_at: grant.expires_at,
        state: GrantState::Active,
    }
}

/// The key to which things are sealed for a party.
pub(crate) fn recipient_of(party: &KnownParty) -> Result<XWingRecipient> {
    XWingRecipient::from_bytes(party.keys().sealing.as_bytes()).map_err(|_| {
        Tampering::Directory(party.handle().to_string(), "its sealing key is not a valid one".to_owned())
            .into()
    })
}

fn note_context(grant: &GrantId) -> Vec<u8> {
    [b"cowl/grant-note/v1".as_slice(), grant.as_bytes()].concat()
}
