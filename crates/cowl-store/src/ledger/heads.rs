//! The items of recent heads, so that a commit to a large record need not read all of them again.
//!
//! A head is known by its digest, and its root covers exactly these items: what is kept here fits whoever put
//! that head into the database, another process or a restored backup.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use cowl_crypto::digest::Digest;
use cowl_domain::{ItemId, RecordId};

/// Digests of placements by item.
pub(crate) type Items = BTreeMap<ItemId, Digest>;

/// Fewer items are read faster than it takes to keep them.
const FEWEST: usize = 100;
/// Most items of all records together: some 60 MB.
const MOST: usize = 500_000;

/// The newest head of each large record that this process has committed to.
#[derive(Default)]
pub(crate) struct Heads(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    heads: HashMap<RecordId, (Digest, Arc<Items>)>,
    items: usize,
}

impl Heads {
    /// The items under the head with this digest, if they are known.
    pub(crate) fn find(&self, record: &RecordId, head: &Digest) -> Option<Arc<Items>> {
        let kept = self.lock();
        kept.heads.get(record).filter(|(known, _)| known == head).map(|(_, items)| Arc::clone(items))
    }

    /// Keeps the items of a head that is durable.
    pub(crate) fn keep(&self, record: RecordId, head: Digest, items: Items) {
        let mut kept = self.lock();
        if let Some((_, old)) = kept.heads.remove(&record) {
            kept.items -= old.len();
        }
        if items.len() < FEWEST {
            return;
        }
        if kept.items + items.len() > MOST {
            *kept = Kept::default();
        }
        kept.items += items.len();
        kept.heads.insert(record, (head, Arc::new(items)));
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(count: usize) -> Items {
        let item = |n: usize| {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&(n as u64).to_be_bytes());
            (ItemId::from_bytes(id), Digest::of(b"placement"))
        };
        (0..count).map(item).collect()
    }

    #[test]
    fn items_are_found_under_their_own_head_only() {
        let (heads, record) = (Heads::default(), RecordId::from_bytes([1; 16]));
        let [old, new] = [Digest::of(b"old"), Digest::of(b"new")];
        heads.keep(record, old, items(FEWEST));
        assert_eq!(*heads.find(&record, &old).unwrap(), items(FEWEST));
        assert!(heads.find(&RecordId::from_bytes([2; 16]), &old).is_none());
        heads.keep(record, new, items(FEWEST + 1));
        assert!(heads.find(&record, &old).is_none());
        assert_eq!(heads.lock().items, FEWEST + 1);
        heads.keep(record, new, items(1));
        assert!(heads.find(&record, &new).is_none());
        assert_eq!(heads.lock().items, 0);
    }

    #[test]
    fn memory_is_bounded() {
        let heads = Heads::default();
        for number in 0..4 {
            heads.keep(RecordId::from_bytes([number; 16]), Digest::of(b"head"), items(MOST / 3));
            assert!(heads.lock().items <= MOST);
        }
    }
}
