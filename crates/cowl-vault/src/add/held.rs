//! What a record holds already, and whether something new may take its place.
//!
//! Two folders may hold files of one name that have nothing to do with each other. So an item goes only for what
//! this device has read from the same path before, or because the caller says so.

use std::collections::HashMap;

use cowl_crypto::digest::Digest;
use cowl_domain::{ItemId, SuiteId};

use super::AddOptions;
use crate::local::SeenFile;
use crate::open::OpenItem;
use crate::source::{FileStamp, Source};

/// The items of an own record, and the files of this device that became some of them.
#[derive(Default)]
pub(super) struct Held {
    /// By name. Several items have one when others have appended some.
    items: HashMap<String, Vec<HeldItem>>,
    /// By path. One file becomes several items when it is added under several names.
    seen: HashMap<String, Vec<SeenFile>>,
}

struct HeldItem {
    item: ItemId,
    content: Digest,
    size: u64,
    suite: SuiteId,
}

/// How something new stands to what the record holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing has its name.
    Free,
    /// It is there already.
    Same(ItemId),
    /// It takes the place of this item.
    Replaces(ItemId),
    /// Its name is taken, and nobody has said that what has it may go; what to do.
    Taken(String),
}

impl Held {
    pub(super) fn new(open: Vec<OpenItem>, seen: Vec<SeenFile>) -> Self {
        let mut held = Self::default();
        for OpenItem { manifest, .. } in open {
            let item = HeldItem {
                item: manifest.item,
                content: manifest.content,
                size: manifest.content_size,
                suite: manifest.suite,
            };
            held.items.entry(manifest.label.name).or_default().push(item);
        }
        for file in seen {
            held.seen.entry(file.path.clone()).or_default().push(file);
        }
        held
    }

    /// The item that a file became when it was read last, if it has not been touched since.
    pub(super) fn untouched(&self, source: &Source, options: &AddOptions) -> Option<ItemId> {
        let stamp = source.stamp()?;
        let items = self.called(source.name());
        let same = |file: &&SeenFile| {
            (file.size, file.modified_nanos, file.inode) == (stamp.size, stamp.modified_nanos, stamp.inode)
                && items.iter().any(|held| held.item == file.item && options.accepts(held.suite))
        };
        self.seen_at(stamp).iter().find(same).map(|file| file.item)
    }

    /// Whether something of this name and size is there, so that it is worth looking at the content.
    pub(super) fn has_size(&self, name: &str, size: u64) -> bool {
        self.called(name).iter().any(|held| held.size == size)
    }

    /// How a file or pipe of this name stands; `content` is `None` when it is like nothing that is there.
    pub(super) fn standing(
        &self,
        name: &str,
        stamp: Option<&FileStamp>,
        content: Option<&Digest>,
        options: &AddOptions,
    ) -> Standing {
        let items = self.called(name);
        let mut equal = items.iter().filter(|held| Some(&held.content) == content);
        if let Some(first) = equal.clone().next() {
            // The same content under another suite: nothing is lost with the old item.
            let sealed_so = equal.find(|held| options.accepts(held.suite));
            return sealed_so.map_or(Standing::Replaces(first.item), |held| Standing::Same(held.item));
        }
        let seen = stamp.map_or(&[][..], |stamp| self.seen_at(stamp));
        let was_read_from_here =
            items.iter().find(|held| seen.iter().any(|file| file.item == held.item)).map(|held| held.item);
        match (items, was_read_from_here) {
            ([], _) => Standing::Free,
            (_, Some(old)) => Standing::Replaces(old),
            ([only], None) if options.replace => Standing::Replaces(only.item),
            (items, None) => Standing::Taken(taken(name, items)),
        }
    }

    fn called(&self, name: &str) -> &[HeldItem] {
        self.items.get(name).map_or(&[], Vec::as_slice)
    }

    fn seen_at(&self, stamp: &FileStamp) -> &[SeenFile] {
        self.seen.get(stamp.path.to_string_lossy().as_ref()).map_or(&[], Vec::as_slice)
    }

    /// All items.
    pub(super) fn ids(&self) -> impl Iterator<Item = ItemId> {
        self.items.values().flatten().map(|held| held.item)
    }
}

fn taken(name: &str, items: &[HeldItem]) -> String {
    let ids: Vec<String> = items.iter().map(|held| held.item.to_string()[..SHORT].to_owned()).collect();
    match ids.as_slice() {
        [only] => format!(
            "the record holds another '{name}' ({only}); --replace puts this one in its place, --name keeps both"
        ),
        several => format!(
            "the record holds {} others called '{name}' ({}); remove those that are to go, or keep all with --name",
            several.len(),
            several.join(", ")
        ),
    }
}

/// Characters of an identifier that tell it from others.
const SHORT: usize = 8;
