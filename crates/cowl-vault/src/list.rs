//! What is in a record: list, find, remove.

use cowl_domain::{ItemId, Kind, RecordId};

use crate::error::{Result, VaultError};
use crate::indexing::seal_segments;
use crate::record::Delta;
use crate::vault::Vault;
use crate::view::ItemInfo;

impl Vault {
    /// The items of a record that the caller may open, oldest day first.
    ///
    /// # Errors
    /// Those of the server; anything that does not hold.
    pub async fn items(&self, record: RecordId) -> Result<Vec<ItemInfo>> {
        let mut infos = self.all_items(record).await?;
        infos.retain(|info| info.label.kind != Kind::Index);
        infos.sort_by(|a, b| (&a.label.date, &a.label.name).cmp(&(&b.label.date, &b.label.name)));
        Ok(infos)
    }

    async fn all_items(&self, record: RecordId) -> Result<Vec<ItemInfo>> {
        let record = self.load_record(&record).await?;
        let (items, _) = self.verified_items(&record).await?;
        let mut infos = Vec::with_capacity(items.len());
        for open in self.open_sound(&record, items).await? {
            infos.push(self.item_info(&open).await?);
        }
        Ok(infos)
    }

    /// An item by identifier, unambiguous beginning of it (4 letters at least), or name (with
    /// its folders or without); in one record or in all
    /// that the caller may see.
    ///
    /// # Errors
    /// When there is none, or more than one fits.
    pub async fn find_item(&self, record: Option<RecordId>, text: &str) -> Result<ItemInfo> {
        let records = match record {
            Some(record) => vec![record],
            None => self.records().await?.into_iter().map(|info| info.record).collect(),
        };
        let mut found = Vec::new();
        for record in records {
            let items = self.items(record).await?;
            found.extend(items.into_iter().filter(|info| fits(info, text)));
        }
        match (found.len(), found.pop()) {
            (1, Some(one)) => Ok(one),
            (0, _) | (_, None) => Err(VaultError::NotFound { what: "item", name: text.to_owned() }),
            (many, _) => Err(VaultError::Invalid(format!(
                "'{text}' fits {many} items; name one by its identifier instead"
            ))),
        }
    }

    /// Takes items out of an own record. Their parts are deleted at the cloud, and their text leaves the record's
    /// search segments.
    ///
    /// # Errors
    /// When an item is not there, or the record is somebody else's.
    pub async fn remove(&self, record: RecordId, items: &[ItemId]) -> Result<()> {
        let mut change = self.begin_change(&record).await?;
        for item in items {
            let appended = change.appended.iter().any(|placed| placed.placement.item == *item);
            if !appended && !change.placements.contains_key(item) {
                return Err(VaultError::NotFound { what: "item", name: item.to_string() });
            }
        }
        let rewrite = self.rewrite_segments(&change.record, items).await?;
        let removed = [items, &rewrite.replaced].concat();
        let mut delta = Delta { removed, ..Delta::default() };
        let mut parts = Vec::new();
        for (sealed, own) in seal_segments(&self.sealer(&change.record).await?, rewrite.texts)? {
            parts.extend(own);
            delta.items.push((sealed.item, sealed.placement, sealed.new));
        }
        self.upload(&record, parts).await?;
        change.commit(delta).await
    }
}

fn fits(info: &ItemInfo, text: &str) -> bool {
    let id = info.item.to_string();
    let name = info.label.name.as_str();
    let file = name.rsplit('/').next().unwrap_or(name);
    id == text || name == text || file == text || (text.len() >= 4 && id.starts_with(text))
}
