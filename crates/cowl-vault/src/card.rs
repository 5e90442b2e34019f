//! What a record's head carries sealed to the record's epoch: its name, and the policy by which items are sealed.
//!
//! A record without a policy says its name as bare text (context `cowl/record-name/v1`), as every version reads
//! it; one with a policy says a canonical [`RecordCard`] (context `cowl/record-card/v1`).

use cowl_domain::{RecordCard, RecordId, SealingPolicy, wire};
use cowl_seal::{XWingIdentity, XWingRecipient, message};
use zeroize::Zeroizing;

use crate::error::{Result, VaultError};
use crate::record::Delta;
use crate::vault::Vault;

const NAME: &[u8] = b"cowl/record-name/v1";
const CARD: &[u8] = b"cowl/record-card/v1";

/// Seals a card to an epoch.
pub(crate) fn seal(card: &RecordCard, record: &RecordId, epoch: &XWingRecipient) -> Vec<u8> {
    if card.policy.is_standard() {
        message::seal_to(epoch, &context(NAME, record), card.name.as_bytes())
    } else {
        message::seal_to(epoch, &context(CARD, record), &wire::encode(card))
    }
}

/// The card, where it opens and this version understands it.
pub(crate) fn open(epoch: &XWingIdentity, record: &RecordId, sealed: &[u8]) -> Option<RecordCard> {
    let (form, bytes) = unseal(epoch, record, sealed)?;
    if form == CARD {
        return wire::decode("record card", &bytes).ok();
    }
    let name = String::from_utf8(bytes.to_vec()).ok()?;
    Some(RecordCard { name, policy: SealingPolicy::default() })
}

/// The same bytes for the next epoch, understood or not: a newer version may have written them.
pub(crate) fn reseal(
    epoch: &XWingIdentity,
    next: &XWingRecipient,
    record: &RecordId,
    sealed: &[u8],
) -> Option<Vec<u8>> {
    let (form, bytes) = unseal(epoch, record, sealed)?;
    Some(message::seal_to(next, &context(form, record), &bytes))
}

fn unseal(
    epoch: &XWingIdentity,
    record: &RecordId,
    sealed: &[u8],
) -> Option<(&'static [u8], Zeroizing<Vec<u8>>)> {
    [NAME, CARD].into_iter().find_map(|form| {
        let bytes = message::open_with(epoch, &context(form, record), sealed).ok()?;
        Some((form, bytes))
    })
}

fn context(form: &[u8], record: &RecordId) -> Vec<u8> {
    [form, record.as_bytes()].concat()
}

impl Vault {
    /// Says how items of an own record are sealed from now on, where nothing else is said. What is there stays
    /// as it is.
    ///
    /// # Errors
    /// When the record is somebody else's; those of the server.
    pub async fn set_policy(&self, record: RecordId, policy: &SealingPolicy) -> Result<()> {
        let mut change = self.begin_change(&record).await?;
        let old = change.record.card().ok_or_else(|| {
            VaultError::Invalid("the record's name was written by a newer version of cowl".to_owned())
        })?;
        let card = RecordCard { policy: policy.clone(), ..old };
        change.commit(Delta { card: Some(card), ..Delta::default() }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> RecordId {
        RecordId::from_bytes([1; 16])
    }

    #[test]
    fn a_card_opens_for_its_record_and_epoch_and_says_what_was_sealed() {
        for policy in ["standard", "published", "text=hybrid-rsa,codec=archive"] {
            let identity = XWingIdentity::make();
            let card = RecordCard { name: "heart".to_owned(), policy: policy.parse().unwrap() };
            let sealed = seal(&card, &record(), identity.recipient());
            assert_eq!(open(&identity, &record(), &sealed), Some(card));
            assert_eq!(open(&XWingIdentity::make(), &record(), &sealed), None);
            assert_eq!(open(&identity, &RecordId::from_bytes([2; 16]), &sealed), None);
        }
    }

    #[test]
    fn a_record_without_a_policy_is_written_as_before_there_were_any() {
        let identity = XWingIdentity::make();
        let old = message::seal_to(identity.recipient(), &context(NAME, &record()), b"heart");
        let card = open(&identity, &record(), &old).unwrap();
        assert_eq!((card.name.as_str(), card.policy.is_standard()), ("heart", true));
        let new = seal(&card, &record(), identity.recipient());
        assert_eq!(unseal(&identity, &record(), &new).unwrap().0, NAME);
    }

    #[test]
    fn what_is_not_understood_is_handed_on_to_the_next_epoch_as_it_is() {
        let (identity, next) = (XWingIdentity::make(), XWingIdentity::make());
        let strange = message::seal_to(identity.recipient(), &context(CARD, &record()), b"of tomorrow");
        assert_eq!(open(&identity, &record(), &strange), None);
        let again = reseal(&identity, next.recipient(), &record(), &strange).unwrap();
        let (form, bytes) = unseal(&next, &record(), &again).unwrap();
        assert_eq!((form, bytes.as_slice()), (CARD, b"of tomorrow".as_slice()));
    }
}
