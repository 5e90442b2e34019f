//! Sealed tables as items: into an own record as they are, with the keys that their owner alone has.
//!
//! What the parts hold is a file in which the cloud can add; its cells were encrypted before it came here. The file
//! key of such an item opens its manifest, and no cell. The keys below are derived from the owner's own, so that
//! every device of the owner has them, and re-keying leaves the table as it is.

use std::fs::File;

use cowl_crypto::secret::{Secret, hkdf_sha256};
use cowl_domain::{CodecId, ItemId, Kind, Label, RecordId, SuiteId};
use cowl_seal::file_key::ItemKey;
use cowl_seal::{XWingRecipient, message};
use zeroize::Zeroizing;

use crate::add::Target;
use crate::error::{Result, Tampering, VaultError};
use crate::indexing;
use crate::open::suite_of;
use crate::payload::Envelope;
use crate::progress::Progress;
use crate::record::Delta;
use crate::seal::Coded;
use crate::upload::{Content, Length};
use crate::vault::Vault;
use crate::view::ItemInfo;

/// A table that was sealed, on its way into a record.
pub struct NewTable {
    /// The identifier under which its keys were derived.
    pub item: ItemId,
    /// Its name; free in the record.
    pub name: String,
    /// In the owner's words.
    pub description: Option<String>,
    /// The day that it is about, `YYYY-MM-DD`.
    pub date: Option<String>,
    /// The sealed file, from its beginning.
    pub file: File,
    /// Its bytes.
    pub size: u64,
}

impl Vault {
    /// Puts a sealed table into an own record.
    ///
    /// # Errors
    /// When the record is somebody else's or has something of that name; those of the server.
    pub async fn add_table(
        &self,
        record: RecordId,
        table: NewTable,
        progress: &dyn Progress,
    ) -> Result<ItemInfo> {
        let loaded = self.load_record(&record).await?;
        if !loaded.mine {
            let owner = loaded.owner.handle();
            return Err(VaultError::Invalid(format!(
                "the record is {owner}'s; a table goes into a record of its owner, who alone can open figures of it"
            )));
        }
        self.check_table_name(record, &table.name).await?;
        let mut target = self.target(loaded).await?;
        let sealer = self.sealer(target.record()).await?;
        let NewTable { item, name, description, date, file, size } = table;
        let key = ItemKey::make(suite_of(SuiteId::Additive));
        progress.begin("uploading", size);
        let content = Content { reader: file, length: Length::Known(size), plan: None };
        let stored = self.seal_stream(&record, Envelope::Bare, content, progress).await;
        progress.end();
        let (parts, passed) = stored?;
        let coded = Coded {
            label: label_of(name, description, date),
            suite: SuiteId::Additive,
            codec: CodecId::NONE,
            content: passed.content,
            content_size: size,
            coded_size: size,
        };
        let origin = sealer.origin(item, &coded);
        let mut sealed = vec![sealer.finish(item, 0, key, &coded, parts, origin)?];
        let title = indexing::document(record, item, &coded.label, &[]).text;
        for (segment, parts) in indexing::seal_segments(&sealer, vec![title])? {
            self.upload(&record, parts).await?;
            sealed.push(segment);
        }
        self.commit_table(&mut target, sealed).await?;
        self.find_item(Some(record), &item.to_string()).await
    }

    async fn commit_table(
        &self,
        target: &mut Target<'_>,
        sealed: Vec<crate::seal::SealedItem>,
    ) -> Result<()> {
        let items = sealed.into_iter().map(|one| (one.item, one.placement, one.new)).collect();
        target.commit(self, Delta { items, ..Delta::default() }).await
    }

    /// Whether a table of this name may be put into a record.
    ///
    /// # Errors
    /// [`VaultError::Invalid`] when something has the name.
    pub async fn check_table_name(&self, record: RecordId, name: &str) -> Result<()> {
        match self.items(record).await?.iter().find(|item| item.label.name == name) {
            Some(taken) => Err(VaultError::Invalid(format!(
                "the record holds another '{name}' ({}); take another name, or remove it first",
                taken.item
            ))),
            None => Ok(()),
        }
    }

    /// The key of a table's codebook.
    pub fn codebook_key(&self, item: &ItemId) -> Secret<32> {
        self.derive(&[b"cowl/table-codebook/v1".as_slice(), item.as_bytes()].concat())
    }

    /// The secret of all tokens that this owner makes, so that tables of one owner can be joined.
    pub fn token_secret(&self) -> Secret<32> {
        self.derive(b"cowl/table-token-secret/v1")
    }

    fn derive(&self, info: &[u8]) -> Secret<32> {
        hkdf_sha256(&self.identity().sealing().expose_seed()[..], b"", info)
    }

    /// The caller's own key, to seal what nobody else is to open.
    pub fn own_recipient(&self) -> XWingRecipient {
        self.identity().sealing().recipient().clone()
    }

    /// Opens what was sealed to the caller's own key for the place named by `context`; `item` is named when it does
    /// not open.
    ///
    /// # Errors
    /// [`Tampering::Content`].
    pub fn open_own(&self, item: ItemId, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let opened = message::open_with(self.identity().sealing(), context, sealed);
        opened.map_err(|_| Tampering::Content(item).into())
    }
}

fn label_of(name: String, description: Option<String>, date: Option<String>) -> Label {
    Label { name, kind: Kind::Table, description, date, study: None, lossy: None, derived_from: None }
}
