//! After a grant has ended: new keys, new payloads, new names for all that it opened.
//!
//! Restartable at any point. A revocation says what the grant opened last; whatever the record still holds
//! of that age has to be re-keyed, and when nothing is left the grant is done with.

use std::collections::HashSet;
use std::sync::Arc;

use cowl_domain::{
    Epoch, Grant, ItemId, Origin, RecordId, Revocation, Scope, Share, ShareTarget, Signed, SuiteId, Verified,
};
use cowl_seal::ItemKey;
use cowl_seal::payload::Cores;

use rayon::prelude::*;

use crate::error::{Result, VaultError};
use crate::fetch::open_payload;
use crate::grant::{CheckedGrant, recipient_of};
use crate::local::EndedGrant;
use crate::open::{OpenItem, suite_of};
use crate::payload::{self, Envelope};
use crate::progress::{Progress, Silent};
use crate::record::{Change, Delta, sealing_key};
use crate::seal::{Coded, Part, SealedItem, Sealer, seal_payload};
use crate::upload::{Content, Length};
use crate::vault::{Vault, now};
use crate::view::RekeyReport;

/// A grant that has ended, and what of it has to be dealt with.
struct Ended {
    grant: Verified<Grant>,
    revocation: Verified<Revocation>,
}

impl Vault {
    /// How much work waits for the owner: ended grants whose re-keying is due, and items that others have
    /// appended.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn pending(&self) -> Result<u64> {
        let at = now();
        let own = self.own_grants().await?;
        let ended = own.iter().filter(|checked| !checked.in_force(at) && !checked.rekeyed).count() as u64;
        Ok(ended + self.waiting_appends(&own).await?)
    }

    /// Takes in what others have appended, re-keys what ended grants could open, and resumes what was cut. Ends
    /// early when `progress` says so.
    ///
    /// # Errors
    /// Those of the server; what was done until then stays done.
    pub async fn rekey_pending(&self, progress: &dyn Progress) -> Result<RekeyReport> {
        self.revoke_expired().await?;
        let mut report = RekeyReport::default();
        let own = self.own_grants().await?;
        // Before the re-keying, so that what is taken in gets new keys like all else.
        self.adopt_appended(&own, &mut report, progress).await?;
        let ended: Vec<Ended> = own.into_iter().filter_map(ended).collect();
        let records: HashSet<RecordId> = ended.iter().map(|end| end.grant.record).collect();
        for record in records {
            if !progress.goes_on() {
                break;
            }
            let of_record: Vec<&Ended> = ended.iter().filter(|end| end.grant.record == record).collect();
            self.rekey_record(&record, &of_record, &mut report, progress).await?;
        }
        Ok(report)
    }

    async fn own_grants(&self) -> Result<Vec<CheckedGrant>> {
        let mut grants = self.checked_grants().await?;
        grants.retain(|checked| checked.owner.party() == self.party_id());
        Ok(grants)
    }

    /// An expired grant gets a revocation, so that both ends lead the same way.
    async fn revoke_expired(&self) -> Result<()> {
        let at = now();
        let own = self.own_grants().await?;
        let expired = own.iter().filter(|one| one.revocation.is_none() && one.grant.has_expired(at));
        self.revoke_all(&expired.collect::<Vec<_>>()).await
    }

    async fn rekey_record(
        &self,
        record: &RecordId,
        ended: &[&Ended],
        report: &mut RekeyReport,
        progress: &dyn Progress,
    ) -> Result<()> {
        let mut change = self.begin_change(record).await?;
        if let Some(last) = ended.iter().filter_map(|end| end.last_epoch()).max()
            && last >= change.record.head.epoch
        {
            self.begin_epoch(&mut change).await?;
        }
        let items = self.open_all(&change).await?;
        let due: Vec<OpenItem> =
            items.into_iter().filter(|open| ended.iter().any(|end| end.opened(open))).collect();
        if !self.rekey_items(&mut change, &due, report, progress).await? {
            return Ok(());
        }
        for end in ended {
            let grant = end.grant.grant;
            self.client.rekeyed(&grant).await?;
            self.change_state(|state| state.set_ended(EndedGrant { grant, rekeyed: true }))?;
            report.grants += 1;
        }
        Ok(())
    }

    /// Gives items new keys, payloads and part names, batch by batch. False if `progress` ended it before all
    /// were done.
    pub(crate) async fn rekey_items(
        &self,
        change: &mut Change<'_>,
        due: &[OpenItem],
        report: &mut RekeyReport,
        progress: &dyn Progress,
    ) -> Result<bool> {
        progress.begin("re-keying", due.iter().map(|open| open.placement.size).sum());
        let mut rest = due;
        while !rest.is_empty() && progress.goes_on() {
            let (batch, after) = rest.split_at(batch_length(rest));
            self.rekey_batch(change, batch, report, progress).await?;
            rest = after;
        }
        progress.end();
        Ok(rest.is_empty())
    }

    async fn open_all(&self, change: &Change<'_>) -> Result<Vec<OpenItem>> {
        let (items, _) = self.verified_items(&change.record).await?;
        let accepted = items.into_iter().filter(|item| !item.appended).collect();
        self.open_items(&change.record, accepted).await
    }

    /// Begins a new epoch and hands its key to those whose grants on the record live on.
    async fn begin_epoch(&self, change: &mut Change<'_>) -> Result<()> {
        let record = change.record.id;
        let newest = change.record.current_epoch();
        let number = newest.number + 1;
        let identity = Arc::new(self.derive_epoch(&record, number));
        let epoch = Epoch {
            record,
            number,
            recipient: sealing_key(&identity)?,
            previous: Some(newest.digest()),
            made_at: now(),
            checkpoint: self.checkpoint().await?,
        };
        let mut shares = Vec::new();
        for checked in self.living_grants(&record).await? {
            if checked.grant.scope == Scope::Record {
                let grantee = self.known_party(&checked.grant.grantee).await?;
                let recipient = recipient_of(&grantee)?;
                let one = std::iter::once((&number, &identity));
                shares.extend(self.share_epochs(&checked.grant.grant, &recipient, one));
            }
        }
        change.commit(Delta { epoch: Some(self.sign(&epoch)), shares, ..Delta::default() }).await
    }

    /// The grants that hand out keys and live on.
    pub(crate) async fn living_grants(&self, record: &RecordId) -> Result<Vec<CheckedGrant>> {
        let at = now();
        let mut grants = self.own_grants().await?;
        grants.retain(|checked| {
            checked.grant.record == *record && checked.grant.opens() && checked.in_force(at)
        });
        Ok(grants)
    }

    async fn rekey_batch(
        &self,
        change: &mut Change<'_>,
        batch: &[OpenItem],
        report: &mut RekeyReport,
        progress: &dyn Progress,
    ) -> Result<()> {
        let sealer = Arc::new(self.sealer(&change.record).await?);
        let ids: Vec<ItemId> = batch.iter().map(|open| open.manifest.item).collect();
        let ticket = self.client.read_items(&change.record.id, &ids).await?.ticket.0;
        let resealed = match batch {
            [large] if large.placement.size > WHOLE_LIMIT => {
                vec![self.reseal_stream(&change.record.id, &ticket, &sealer, large).await?]
            }
            small => self.reseal_whole(&change.record.id, &ticket, &sealer, small).await?,
        };
        for sealed in &resealed {
            report.items += 1;
            report.parts += sealed.new.parts.len() as u64;
            report.bytes += sealed.stored;
            progress.advance(sealed.stored);
        }
        let shares = self.item_grant_shares(&change.record.id, &resealed).await?;
        let items = resealed.into_iter().map(|sealed| (sealed.item, sealed.placement, sealed.new)).collect();
        change.commit(Delta { items, shares, ..Delta::default() }).await
    }

    /// Small items together: one fetch, one upload.
    async fn reseal_whole(
        &self,
        record: &RecordId,
        ticket: &[u8],
        sealer: &Sealer,
        batch: &[OpenItem],
    ) -> Result<Vec<SealedItem>> {
        let parts = self.fetch_whole(ticket, batch).await?;
        let resealed: Result<Vec<(SealedItem, Vec<Part>)>> = tokio::task::block_in_place(|| {
            batch
                .par_iter()
                .with_max_len(1)
                .map(|open| reseal(sealer, open, &open_payload(open, &parts)?))
                .collect()
        });
        let (sealed, parts): (Vec<SealedItem>, Vec<Vec<Part>>) = resealed?.into_iter().unzip();
        self.upload(record, parts.into_iter().flatten().collect()).await?;
        Ok(sealed)
    }

    /// A large item, its parts passing through memory.
    async fn reseal_stream(
        &self,
        record: &RecordId,
        ticket: &[u8],
        sealer: &Arc<Sealer>,
        open: &OpenItem,
    ) -> Result<SealedItem> {
        let key = ItemKey::make(suite_of(open.manifest.suite));
        let length = Length::Known(open.manifest.coded_size);
        let coded = Content { reader: self.read_coded(ticket, open)?, length, plan: None };
        let (entries, _) =
            self.seal_stream(record, Envelope::of(open.manifest.suite, &key), coded, &Silent).await?;
        finish_reseal(sealer, open, key, entries)
    }

    /// Shares of the new file keys for those whose grants on single items live on.
    async fn item_grant_shares(
        &self,
        record: &RecordId,
        resealed: &[SealedItem],
    ) -> Result<Vec<Signed<Share>>> {
        let mut shares = Vec::new();
        for checked in self.living_grants(record).await? {
            let Some(item) = checked.grant.scope.item() else { continue };
            let Some(sealed) = resealed.iter().find(|sealed| sealed.item == item) else { continue };
            let grantee = self.known_party(&checked.grant.grantee).await?;
            let target = ShareTarget::Item(item, sealed.version);
            shares.push(self.share_key(&checked.grant.grant, &recipient_of(&grantee)?, target, &sealed.key));
        }
        Ok(shares)
    }
}

impl Ended {
    /// The last epoch that the grant opened, if it was on the record.
    fn last_epoch(&self) -> Option<u32> {
        if !self.grant.opens() {
            return None;
        }
        match self.revocation.last {
            ShareTarget::Epoch(number) => Some(number),
            ShareTarget::Item(..) => None,
        }
    }

    /// Whether the grant could open this version of this item.
    fn opened(&self, open: &OpenItem) -> bool {
        if !self.grant.opens() {
            return false;
        }
        match self.revocation.last {
            ShareTarget::Epoch(number) => open.placement.epoch <= number,
            ShareTarget::Item(item, version) => {
                open.manifest.item == item && open.manifest.version <= version
            }
        }
    }
}

fn ended(checked: CheckedGrant) -> Option<Ended> {
    let revocation = checked.revocation.filter(|_| !checked.rekeyed)?;
    Some(Ended { grant: checked.grant, revocation })
}

/// The same coded content under a new file key, in new parts.
fn reseal(sealer: &Sealer, open: &OpenItem, coded: &[u8]) -> Result<(SealedItem, Vec<Part>)> {
    let key = ItemKey::make(suite_of(open.manifest.suite));
    let (entries, parts) = match open.manifest.suite {
        // The scrambling follows the file key, so it is done anew.
        SuiteId::ChaoticImage => {
            let plain = crate::codec::unscramble(&open.key, coded)?;
            seal_payload(&key, &crate::codec::scramble(&key, &plain)?, Cores::One)
        }
        SuiteId::Additive => payload::cut(coded),
        SuiteId::Standard | SuiteId::HybridRsa => seal_payload(&key, coded, Cores::One),
    };
    let sealed = finish_reseal(sealer, open, key, entries)?;
    Ok((sealed, parts))
}

pub(crate) fn finish_reseal(
    sealer: &Sealer,
    open: &OpenItem,
    key: ItemKey,
    entries: Vec<cowl_domain::PartEntry>,
) -> Result<SealedItem> {
    let version = open
        .manifest
        .version
        .checked_add(1)
        .ok_or_else(|| VaultError::Bug("too many versions".to_owned()))?;
    let coded = Coded {
        label: open.manifest.label.clone(),
        suite: open.manifest.suite,
        codec: open.manifest.codec,
        content: open.manifest.content,
        content_size: open.manifest.content_size,
        coded_size: open.manifest.coded_size,
    };
    let origin: Origin = open.manifest.origin.clone();
    sealer.finish(open.manifest.item, version, key, &coded, entries, origin)
}

/// How many items make one commit.
fn batch_length(items: &[OpenItem]) -> usize {
    let mut bytes = 0u64;
    let fits = items.iter().take(BATCH_ITEMS).take_while(|open| {
        bytes = bytes.saturating_add(open.placement.size);
        bytes <= BATCH_BYTES
    });
    fits.count().max(1)
}

const WHOLE_LIMIT: u64 = crate::codec::WHOLE_LIMIT + (1 << 20);
const BATCH_BYTES: u64 = 32 << 20;
const BATCH_ITEMS: usize = 256;
