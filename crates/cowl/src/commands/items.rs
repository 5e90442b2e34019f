//! Items as arguments name them, and as they are printed.

use std::fmt;

use cowl_domain::{ItemId, RecordId};
use cowl_vault::Vault;
use cowl_vault::view::{ItemInfo, RecordInfo};
use serde::Serialize;

use crate::args::Contents;
use crate::columns::{Columns, printable};
use crate::failure::{Failure, Result};
use crate::moment::Moment;
use crate::size::{Size, count};

/// The record that was named, if one was.
pub(super) async fn named_record(vault: &Vault, name: Option<&str>) -> Result<Option<RecordId>> {
    match name {
        Some(name) => Ok(Some(vault.find_record(name).await?.record)),
        None => Ok(None),
    }
}

/// The record that was named, or the caller's own default one.
pub(super) async fn record_or_default(vault: &Vault, name: Option<&str>) -> Result<RecordId> {
    match named_record(vault, name).await? {
        Some(record) => Ok(record),
        None => Ok(vault.default_record().await?),
    }
}

/// The record that was named, or all that may be seen.
pub(super) async fn records(vault: &Vault, name: Option<&str>) -> Result<Vec<RecordInfo>> {
    match name {
        Some(name) => Ok(vec![vault.find_record(name).await?]),
        None => Ok(vault.records().await?),
    }
}

/// All items of these records.
pub(super) async fn items_of(vault: &Vault, records: &[RecordInfo]) -> Result<Vec<ItemInfo>> {
    let mut items = Vec::new();
    for record in records {
        items.extend(vault.items(record.record).await?);
    }
    Ok(items)
}

/// The items that were named, each one once.
pub(super) async fn named_items(
    vault: &Vault,
    record: Option<RecordId>,
    names: &[String],
) -> Result<Vec<ItemInfo>> {
    let mut items: Vec<ItemInfo> = Vec::new();
    for name in names {
        let item = vault.find_item(record, name).await?;
        if !items.iter().any(|known| known.item == item.item) {
            items.push(item);
        }
    }
    Ok(items)
}

/// What a grant is to be about: the record, and the items in it; none means all of it.
pub(super) async fn contents(vault: &Vault, contents: &Contents) -> Result<(RecordId, Vec<ItemId>)> {
    if let Some(study) = &contents.study {
        let record = record_or_default(vault, contents.record.as_deref()).await?;
        return Ok((record, study_items(vault, record, study).await?));
    }
    if contents.all {
        return Ok((record_or_default(vault, contents.record.as_deref()).await?, Vec::new()));
    }
    let record = named_record(vault, contents.record.as_deref()).await?;
    let items = named_items(vault, record, &contents.item).await?;
    let first = items.first().ok_or_else(|| {
        Failure::usage("grant what?")
            .with_hint("name items (--item), a study (--study) or the whole record (--all)")
    })?;
    if items.iter().any(|item| item.record != first.record) {
        return Err(Failure::usage("the items lie in different records; make one grant a record"));
    }
    Ok((first.record, items.iter().map(|item| item.item).collect()))
}

async fn study_items(vault: &Vault, record: RecordId, study: &str) -> Result<Vec<ItemId>> {
    let items = vault.items(record).await?;
    let found: Vec<ItemId> =
        items.iter().filter(|item| is_of_study(item, study)).map(|item| item.item).collect();
    if found.is_empty() {
        return Err(Failure::no(format!("there is no item of study {study} in this record"))
            .with_hint("'cowl record list' shows the studies"));
    }
    Ok(found)
}

/// Whether an item belongs to a study.
pub(super) fn is_of_study(item: &ItemInfo, study: &str) -> bool {
    item.label.study.as_ref().is_some_and(|label| label.study_uid == study)
}

/// An item as it is printed.
#[derive(Debug, Serialize)]
pub(super) struct ItemRow {
    pub(super) item: String,
    record: String,
    pub(super) name: String,
    kind: &'static str,
    description: Option<String>,
    date: Option<String>,
    /// Study Instance UID of a DICOM object.
    study: Option<String>,
    size: Size,
    stored: Size,
    parts: u32,
    suite: &'static str,
    /// Number of the storage codec; 0 is none.
    codec: u8,
    /// Method, ratio and fidelity of a lossy copy.
    lossy: Option<String>,
    version: u32,
    content_blake3: String,
    sealed_by: String,
    sealed_at: Moment,
    /// Put in by somebody with an append grant, not yet acknowledged by the owner.
    appended: bool,
}

impl From<&ItemInfo> for ItemRow {
    fn from(info: &ItemInfo) -> Self {
        let label = &info.label;
        let lossy = label.lossy.as_ref().map(|note| {
            let (percent, psnr) = (f64::from(note.ratio_ppm) / 1e4, f64::from(note.psnr_millidb) / 1e3);
            format!("{}, {percent:.1} % of the size, {psnr:.1} dB", note.method)
        });
        Self {
            item: info.item.to_string(),
            record: info.record.to_string(),
            name: label.name.clone(),
            kind: label.kind.as_str(),
            description: label.description.clone(),
            date: label.date.clone(),
            study: label.study.as_ref().map(|study| study.study_uid.clone()),
            size: Size(info.size),
            stored: Size(info.stored),
            parts: info.parts,
            suite: info.suite.as_str(),
            codec: info.codec.0,
            lossy,
            version: info.version,
            content_blake3: info.content.to_string(),
            sealed_by: info.sealer.to_string(),
            sealed_at: info.sealed_at.into(),
            appended: info.appended,
        }
    }
}

impl fmt::Display for ItemRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, value: &str| writeln!(f, "{name:<12} {}", printable(value));
        line("name", &self.name)?;
        line("kind", self.kind)?;
        for (name, value) in
            [("description", &self.description), ("date", &self.date), ("study", &self.study)]
        {
            value.iter().try_for_each(|value| line(name, value))?;
        }
        line("item", &self.item)?;
        line("record", &self.record)?;
        let parts = count(self.parts.into(), "part");
        line("size", &format!("{}, {} in the cloud in {parts}", self.size, self.stored))?;
        line(
            "sealed",
            &format!(
                "{} by {}, suite {}, version {}",
                self.sealed_at, self.sealed_by, self.suite, self.version
            ),
        )?;
        self.lossy.iter().try_for_each(|note| line("lossy", note))?;
        if self.appended {
            line("state", "appended; its owner has not acknowledged it yet")?;
        }
        write!(f, "{:<12} {}", "blake3", self.content_blake3)
    }
}

/// A list of items as a table.
pub(super) fn table(items: &[ItemRow]) -> Columns {
    let mut table = Columns::new(["item", "date", "kind", "size", "stored", "name", "study"]).right([3, 4]);
    for item in items {
        table.row([
            item.item[..SHORT].to_owned(),
            item.date.clone().unwrap_or_default(),
            item.kind.to_owned(),
            item.size.to_string(),
            item.stored.to_string(),
            item.name.clone(),
            item.study.clone().unwrap_or_default(),
        ]);
    }
    table
}

/// Letters of an identifier in tables.
pub(crate) const SHORT: usize = 8;
