//! Leaving: any item as an ordinary age file, so that nobody is locked in.

use std::io::Write;

use cowl_domain::{ItemId, RecordId};
use cowl_seal::age::{Identity, Recipient};
use cowl_seal::payload::Cores;
use zeroize::Zeroizing;

use crate::error::{Result, VaultError};
use crate::progress::Progress;
use crate::vault::Vault;
use crate::view::ReadReport;

impl Vault {
    /// Writes an item's content as an age v1 file to these recipients; to the caller's own post-quantum key
    /// when there are none. Stored codecs are undone first, so that any age program yields the original bytes.
    ///
    /// # Errors
    /// As [`Vault::get`]; also when the recipients do not go together.
    pub async fn export_age(
        &self,
        record: RecordId,
        item: ItemId,
        recipients: &[Recipient],
        out: &mut (dyn Write + Send),
        progress: &dyn Progress,
    ) -> Result<ReadReport> {
        let own = [Recipient::from(self.identity().sealing().recipient().clone())];
        let recipients = if recipients.is_empty() { &own } else { recipients };
        let mut writer =
            cowl_seal::age::seal_writer(recipients, out, Cores::All).map_err(VaultError::Stream)?;
        let report = self.get(record, item, &mut writer, progress).await?;
        writer.finish().map_err(VaultError::Stream)?;
        Ok(report)
    }

    /// The caller's X-Wing key as an age identity (`AGE-SECRET-KEY-PQ-1…`): opens what was exported without
    /// recipients. As secret as the account.
    ///
    /// # Errors
    /// Never in practice; a key that has no text form would be a fault.
    pub fn export_identity(&self) -> Result<Zeroizing<String>> {
        let seed = self.identity().sealing().expose_seed();
        let identity = Identity::Hybrid(cowl_seal::XWingIdentity::from_seed(&seed));
        identity.expose_string().ok_or_else(|| VaultError::Bug("an identity without text form".to_owned()))
    }

    /// The caller's recipient (`age1pq1…`), for people who use age.
    pub fn export_recipient(&self) -> String {
        Recipient::from(self.identity().sealing().recipient().clone()).to_string()
    }
}
