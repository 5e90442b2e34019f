//! What `cowl record …` prints.

use std::fmt;
use std::path::Path;

use cowl_domain::ItemId;
use cowl_vault::view::{AddReport, Added, CheckReport, ReadReport, RecordInfo};
use serde::Serialize;

use super::shown;
use crate::columns::{Columns, printable};
use crate::commands::grant::{self, GrantRow};
use crate::commands::items::{self, ItemRow, SHORT};
use crate::size::{Size, count};
use crate::style::{BAD, COMMAND, GOOD, QUIET};

/// `cowl record new`
#[derive(Debug, Serialize)]
pub(super) struct MadeRecord {
    pub(super) record: String,
    pub(super) name: String,
    /// How its items are sealed where nothing else is said.
    pub(super) policy: String,
}

impl fmt::Display for MadeRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{GOOD}✓{GOOD:#} record {} {QUIET}{}{QUIET:#}", printable(&self.name), self.record)
    }
}

/// `cowl record policy`
#[derive(Debug, Serialize)]
pub(super) struct RecordPolicy {
    pub(super) record: String,
    pub(super) policy: String,
}

impl fmt::Display for RecordPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.policy)
    }
}

/// `cowl record records`
#[derive(Debug, Serialize)]
pub(super) struct RecordList {
    records: Vec<RecordRow>,
}

#[derive(Debug, Serialize)]
struct RecordRow {
    record: String,
    /// Absent where the caller may open single items only.
    name: Option<String>,
    /// How its items are sealed where nothing else is said; absent like the name.
    policy: Option<String>,
    owner: String,
    mine: bool,
    items: u64,
    epoch: u32,
}

impl From<Vec<RecordInfo>> for RecordList {
    fn from(records: Vec<RecordInfo>) -> Self {
        let row = |info: RecordInfo| RecordRow {
            record: info.record.to_string(),
            name: info.name,
            policy: info.policy.map(|policy| policy.to_string()),
            owner: info.owner.to_string(),
            mine: info.mine,
            items: info.items,
            epoch: info.epoch,
        };
        Self { records: records.into_iter().map(row).collect() }
    }
}

impl fmt::Display for RecordList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.records.is_empty() {
            return write!(
                f,
                "no record yet; the first item makes one: {COMMAND}cowl record add FILE{COMMAND:#}"
            );
        }
        let mut table = Columns::new(["record", "name", "owner", "items", "policy"]).right([3]);
        for row in &self.records {
            let name = row.name.clone().unwrap_or_else(|| "(single items only)".to_owned());
            let policy = row.policy.clone().unwrap_or_default();
            let (short, items) = (row.record[..SHORT].to_owned(), row.items.to_string());
            table.row([short, name, row.owner.clone(), items, policy]);
        }
        table.fmt(f)
    }
}

/// `cowl record add`
#[derive(Debug, Serialize)]
pub(super) struct AddedFiles {
    files: Vec<AddedFile>,
    bytes: Size,
    stored: Size,
    parts: u64,
}

#[derive(Debug, Serialize)]
struct AddedFile {
    name: String,
    /// `sealed`, `unchanged`, `replaced` or `refused`.
    outcome: &'static str,
    item: Option<String>,
    /// The item that went when this one took its place.
    replaced: Option<String>,
    /// Why it was refused.
    reason: Option<String>,
    /// What is worth knowing of a file that was taken in.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

/// Of files whose text could not be read.
pub(super) const FOUND_BY_LABEL: &str = "its text could not be read; search finds it by its label only";

impl From<AddReport> for AddedFiles {
    fn from(report: AddReport) -> Self {
        let unread = report.unread;
        let row = |(name, outcome)| AddedFile::new(name, outcome, &unread);
        let files = report.files.into_iter().map(row).collect();
        Self { files, bytes: Size(report.bytes), stored: Size(report.stored), parts: report.parts }
    }
}

impl AddedFile {
    fn new(name: String, added: Added, unread: &[ItemId]) -> Self {
        let (outcome, item, replaced, reason) = match added {
            Added::Sealed(item) => ("sealed", Some(item), None, None),
            Added::Unchanged(item) => ("unchanged", Some(item), None, None),
            Added::Replaced { new, old } => ("replaced", Some(new), Some(old), None),
            Added::Refused(reason) => ("refused", None, None, Some(reason)),
        };
        let note = item.filter(|item| unread.contains(item)).map(|_| FOUND_BY_LABEL);
        let [item, replaced] = [item, replaced].map(|id| id.map(|id| id.to_string()));
        Self { name, outcome, item, replaced, reason, note }
    }
}

impl AddedFiles {
    /// Names of files that search finds by their labels only.
    pub(super) fn unread(&self) -> impl Iterator<Item = String> {
        self.files.iter().filter(|file| file.note.is_some()).map(|file| printable(&file.name))
    }

    fn number(&self, outcome: &str) -> u64 {
        self.files.iter().filter(|file| file.outcome == outcome).count() as u64
    }
}

impl fmt::Display for AddedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in self.files.iter().filter(|file| file.outcome != "unchanged") {
            let (sign, style) = if file.outcome == "refused" { ("✗", BAD) } else { ("✓", GOOD) };
            let detail = file.reason.as_deref().map_or_else(
                || file.item.as_ref().map_or_else(String::new, |item| item[..SHORT].to_owned()),
                printable,
            );
            let name = printable(&file.name);
            writeln!(f, "{style}{sign}{style:#} {:<9} {name}  {QUIET}{detail}{QUIET:#}", file.outcome)?;
        }
        let sealed = self.number("sealed") + self.number("replaced");
        write!(f, "{} sealed, {} unchanged", count(sealed, "file"), self.number("unchanged"))?;
        if sealed > 0 {
            write!(f, " · {} → {} in {}", self.bytes, self.stored, count(self.parts, "part"))?;
        }
        Ok(())
    }
}

/// `cowl record list`
#[derive(Debug, Serialize)]
pub(super) struct ItemList {
    pub(super) items: Vec<ItemRow>,
}

impl fmt::Display for ItemList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.items.is_empty() {
            return write!(f, "no items yet; add some: {COMMAND}cowl record add FILE…{COMMAND:#}");
        }
        items::table(&self.items).fmt(f)
    }
}

/// `cowl record show`
#[derive(Debug, Serialize)]
pub(super) struct ShownItem {
    #[serde(flatten)]
    pub(super) item: ItemRow,
    /// Who may open it; only its owner knows.
    pub(super) readers: Option<Vec<GrantRow>>,
}

impl fmt::Display for ShownItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.item.fmt(f)?;
        match &self.readers {
            None => Ok(()),
            Some(readers) if readers.is_empty() => write!(f, "\n\nnobody but you may open it"),
            Some(readers) => write!(f, "\n\n{}", grant::table(readers)),
        }
    }
}

/// `cowl record get`
#[derive(Debug, Serialize)]
pub(super) struct FetchedItem {
    item: String,
    name: String,
    path: String,
    bytes: Size,
    content_blake3: String,
}

impl FetchedItem {
    pub(super) fn new(report: &ReadReport, path: &Path) -> Self {
        Self {
            item: report.info.item.to_string(),
            name: report.info.label.name.clone(),
            path: shown(path),
            bytes: Size(report.bytes),
            content_blake3: report.info.content.to_string(),
        }
    }
}

impl fmt::Display for FetchedItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = printable(&self.path);
        write!(f, "{GOOD}✓{GOOD:#} {path}  {QUIET}{}, as it was sealed{QUIET:#}", self.bytes)
    }
}

/// `cowl record export`
#[derive(Debug, Serialize)]
pub(super) struct ExportedFiles {
    pub(super) files: Vec<ExportedFile>,
}

/// One file of an export.
#[derive(Debug, Serialize)]
pub(super) struct ExportedFile {
    pub(super) item: String,
    pub(super) path: String,
    /// Bytes of the content.
    pub(super) size: Size,
}

impl fmt::Display for ExportedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            writeln!(f, "{GOOD}✓{GOOD:#} {}  {QUIET}{}{QUIET:#}", printable(&file.path), file.size)?;
        }
        write!(f, "{} written", count(self.files.len() as u64, "file"))
    }
}

/// `cowl record remove`
#[derive(Debug, Serialize)]
pub(super) struct RemovedItems {
    pub(super) removed: Vec<ItemRow>,
}

impl fmt::Display for RemovedItems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.removed.iter().map(|item| printable(&item.name)).collect();
        write!(f, "removed {}", names.join(", "))
    }
}

/// `cowl record check`
#[derive(Debug, Default, Serialize)]
pub(super) struct Checked {
    items: u64,
    parts: u64,
    bytes: Size,
    faults: Vec<Fault>,
}

#[derive(Debug, Serialize)]
struct Fault {
    item: String,
    name: Option<String>,
    fault: String,
}

impl Checked {
    pub(super) fn include(&mut self, report: CheckReport) {
        self.items += report.items;
        self.parts += report.parts;
        self.bytes.0 += report.bytes;
        let fault = |found: cowl_vault::view::Fault| Fault {
            item: found.item.to_string(),
            name: found.name,
            fault: found.fault,
        };
        self.faults.extend(report.faults.into_iter().map(fault));
    }

    pub(super) fn faults(&self) -> usize {
        self.faults.len()
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.faults {
            let name = fault.name.as_deref().map(printable).unwrap_or_default();
            let item = &fault.item[..SHORT];
            writeln!(f, "{BAD}✗{BAD:#} {item}  {name}  {}", printable(&fault.fault))?;
        }
        let good =
            if self.faults.is_empty() { "all as they were sealed" } else { "not all as they were sealed" };
        let (items, parts) = (count(self.items, "item"), count(self.parts, "part"));
        write!(f, "{items} verified, {parts} ({}) fetched and opened: {good}", self.bytes)
    }
}
