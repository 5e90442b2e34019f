//! Taking in what others have appended: the owner's next head holds it, so that every reader of the record sees
//! it and nobody can leave it out any more.
//!
//! The cloud takes appended items into a head in the order of their arrival, which it alone knows. So whoever
//! looks at them deals with all: what is sound is taken in as it was placed, what was sealed to an epoch that has
//! ended gets new keys, and what does not open to what its sealer signed is removed, and named to the owner. One
//! bad item keeps no other out.

use std::collections::BTreeSet;

use cowl_api::ProblemCode;
use cowl_domain::{CodecError, ItemId, Power, RecordId};

use crate::codec::WHOLE_LIMIT;
use crate::error::{Result, Tampering, VaultError};
use crate::fetch::open_payload;
use crate::grant::CheckedGrant;
use crate::open::{OpenItem, PlacedItem};
use crate::progress::{Progress, Silent};
use crate::record::{Change, Delta, Record};
use crate::vault::Vault;
use crate::view::{RefusedAppend, RekeyReport};

/// What was appended to one record, after a look at all of it.
#[derive(Default)]
struct Judged {
    /// To be taken in as it is.
    sound: Vec<OpenItem>,
    /// Sound, but readable with the key of an epoch that has ended.
    outdated: Vec<OpenItem>,
    refused: Vec<RefusedAppend>,
}

impl Vault {
    /// How many appended items wait in records that are or were open to others' items.
    pub(crate) async fn waiting_appends(&self, own: &[CheckedGrant]) -> Result<u64> {
        let mut waiting = 0;
        for record in open_to_appends(own) {
            let rows = self.item_rows(&record).await?;
            waiting += rows.iter().filter(|row| row.appended).count() as u64;
        }
        Ok(waiting)
    }

    /// Takes in what others have appended to own records.
    pub(crate) async fn adopt_appended(
        &self,
        own: &[CheckedGrant],
        report: &mut RekeyReport,
        progress: &dyn Progress,
    ) -> Result<()> {
        for record in open_to_appends(own) {
            let mut attempts = 1;
            while let Err(error) = self.adopt_in(&record, report, progress).await {
                // Another device of the owner was faster, or somebody appended between two pages of the list.
                if !is_conflict(&error) || attempts == ATTEMPTS {
                    return Err(error);
                }
                attempts += 1;
            }
        }
        Ok(())
    }

    async fn adopt_in(
        &self,
        record: &RecordId,
        report: &mut RekeyReport,
        progress: &dyn Progress,
    ) -> Result<()> {
        let mut change = self.begin_change(record).await?;
        if change.appended.is_empty() {
            return Ok(());
        }
        let judged = self.judge(&mut change, progress).await?;
        if !self.rekey_items(&mut change, &judged.outdated, report, progress).await? {
            return Ok(());
        }
        let adopted: Vec<_> =
            judged.sound.iter().map(|open| (open.manifest.item, open.placement.digest())).collect();
        let removed: Vec<ItemId> = judged.refused.iter().map(|refused| refused.item).collect();
        let count = (adopted.len() + judged.outdated.len()) as u64;
        if !adopted.is_empty() || !removed.is_empty() {
            change.commit(Delta { adopted, removed, ..Delta::default() }).await?;
        }
        report.adopted += count;
        report.refused.extend(judged.refused);
        Ok(())
    }

    async fn judge(&self, change: &mut Change<'_>, progress: &dyn Progress) -> Result<Judged> {
        let appended = std::mem::take(&mut change.appended);
        let mut judged = Judged::default();
        progress.begin("taking in", appended.iter().map(|item| item.placement.size).sum());
        for item in appended {
            let (id, by, size) = (item.placement.item, item.placement.signer(), item.placement.size);
            match self.examine(&change.record, item).await {
                Ok(open) if open.placement.epoch < change.record.head.epoch => judged.outdated.push(open),
                Ok(open) => judged.sound.push(open),
                Err(fault) if is_of_the_item(&fault) => judged.refused.push(RefusedAppend {
                    item: id,
                    record: change.record.id,
                    by: self.handle_of(&by).await?,
                    reason: fault.to_string(),
                }),
                Err(other) => return Err(other),
            }
            progress.advance(size);
        }
        progress.end();
        Ok(judged)
    }

    /// Opens an appended item as every reader will: an owner who took in what does not open could not re-key it.
    async fn examine(&self, record: &Record, item: PlacedItem) -> Result<OpenItem> {
        let (id, by) = (item.placement.item, item.placement.signer());
        let mut opened = self.open_items(record, vec![item]).await?;
        let open =
            opened.pop().ok_or_else(|| VaultError::Bug("an item was lost while opening".to_owned()))?;
        // An item that somebody else has sealed was taken from elsewhere, say from among those removed.
        if open.origin.signer() != by || open.placement.version != 0 {
            return Err(Tampering::Injected { item: id, by: self.handle_of(&by).await?.to_string() }.into());
        }
        let ticket = self.client.read_items(&record.id, &[id]).await?.ticket.0;
        match self.write_content(&ticket, &open, &mut std::io::sink(), &Silent).await {
            Err(VaultError::Codec(CodecError::Unknown(_))) if open.placement.size <= WHOLE_LIMIT => {
                // A newer program sealed it; its payload can be opened all the same.
                let parts = self.fetch_whole(&ticket, std::slice::from_ref(&open)).await?;
                open_payload(&open, &parts)?;
            }
            other => other?,
        }
        Ok(open)
    }
}

/// Own records into which somebody else may put items, or might have.
fn open_to_appends(own: &[CheckedGrant]) -> BTreeSet<RecordId> {
    let lets_append = |checked: &&CheckedGrant| checked.grant.powers.contains(Power::Append);
    own.iter().filter(lets_append).map(|checked| checked.grant.record).collect()
}

/// Whether what does not hold is the item, rather than the way to it.
fn is_of_the_item(fault: &VaultError) -> bool {
    match fault {
        VaultError::Tampered(fault) => !matches!(
            fault,
            Tampering::Log(_)
                | Tampering::Forked(_)
                | Tampering::RolledBack { .. }
                | Tampering::KeysChanged { .. }
        ),
        VaultError::Codec(_) => true,
        // Parts of other sizes than the manifest says are asked for in vain.
        VaultError::Refused(problem) => {
            matches!(problem.code, ProblemCode::NotFound | ProblemCode::BadRequest)
        }
        _ => false,
    }
}

fn is_conflict(error: &VaultError) -> bool {
    matches!(error, VaultError::Refused(problem) if problem.code == ProblemCode::Conflict)
}

/// How often a record is looked at anew when its head has moved on meanwhile.
const ATTEMPTS: u32 = 5;
