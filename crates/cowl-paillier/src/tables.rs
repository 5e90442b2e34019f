//! Tables that are built once a key and kept under the key's digest, within a bound of memory.

use std::sync::{Arc, Mutex, PoisonError};

use crate::encrypt::{Encryptor, ExponentLength};
use crate::key::{KeyDigest, PublicKey};
use crate::timing::Timing;

/// Something with a table whose memory counts.
pub trait Table {
    /// Bytes that it takes.
    fn size(&self) -> usize;
}

impl Table for Encryptor {
    fn size(&self) -> usize {
        Self::size(self)
    }
}

/// Which table: of which key, for exponents how long, read how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableName {
    /// The key's name.
    pub key: KeyDigest,
    /// Length of its exponents; `None` for those of the owner, which are as long as the factors.
    pub length: Option<ExponentLength>,
    /// How it is read: the layouts differ.
    pub timing: Timing,
}

/// The tables in use last, up to so many bytes. Rebuilding one takes tens of milliseconds, less than reading it from
/// a disk would, so they are kept in memory only.
pub struct KeptTables<T> {
    most_bytes: usize,
    /// Longest unused first.
    kept: Mutex<Vec<(TableName, Arc<T>)>>,
}

impl<T: Table> KeptTables<T> {
    /// Nothing yet. The table in use is kept even if it alone is larger than `most_bytes`.
    pub fn new(most_bytes: usize) -> Self {
        Self { most_bytes, kept: Mutex::new(Vec::new()) }
    }

    /// The table of this name, built if it is not kept.
    pub fn get_or_build(&self, name: TableName, build: impl FnOnce() -> T) -> Arc<T> {
        if let Some(table) = self.take_out(name) {
            return self.put_last(name, table);
        }
        // Built outside the lock: two threads may both build, and the same table results.
        self.put_last(name, Arc::new(build()))
    }

    /// Bytes that all kept tables take.
    pub fn size(&self) -> usize {
        self.locked().iter().map(|(_, table)| table.size()).sum()
    }

    fn take_out(&self, name: TableName) -> Option<Arc<T>> {
        let mut kept = self.locked();
        let place = kept.iter().position(|(kept, _)| *kept == name)?;
        Some(kept.remove(place).1)
    }

    fn put_last(&self, name: TableName, table: Arc<T>) -> Arc<T> {
        let mut kept = self.locked();
        kept.retain(|(kept, _)| *kept != name);
        kept.push((name, table.clone()));
        let mut size: usize = kept.iter().map(|(_, table)| table.size()).sum();
        while size > self.most_bytes && kept.len() > 1 {
            size -= kept.remove(0).1.size();
        }
        table
    }

    /// A thread that panicked has left the list whole: it only moves entries.
    fn locked(&self) -> std::sync::MutexGuard<'_, Vec<(TableName, Arc<T>)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeptTables<Encryptor> {
    /// The encryptor of a key, built if it is not kept.
    pub fn encryptor(&self, key: &Arc<PublicKey>, length: ExponentLength, timing: Timing) -> Arc<Encryptor> {
        let name = TableName { key: key.digest(), length: Some(length), timing };
        self.get_or_build(name, || Encryptor::new(key.clone(), length, timing))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    struct Bytes(usize);

    impl Table for Bytes {
        fn size(&self) -> usize {
            self.0
        }
    }

    fn name(key: u8) -> TableName {
        TableName { key: KeyDigest::from_bytes([key; 32]), length: None, timing: Timing::Constant }
    }

    #[test]
    fn a_table_is_built_once_for_each_name() {
        let (kept, built) = (KeptTables::new(100), Cell::new(0));
        let build = || {
            built.set(built.get() + 1);
            Bytes(10)
        };
        for _ in 0..3 {
            kept.get_or_build(name(1), build);
            kept.get_or_build(name(2), build);
            kept.get_or_build(TableName { length: Some(ExponentLength::Short), ..name(1) }, build);
        }
        assert_eq!((built.get(), kept.size()), (3, 30));
    }

    #[test]
    fn the_longest_unused_table_goes_first() {
        let kept = KeptTables::new(25);
        for key in [1, 2, 1, 3] {
            kept.get_or_build(name(key), || Bytes(10));
        }
        assert_eq!(kept.size(), 20);
        kept.get_or_build(name(1), || unreachable!("used after 2"));
        kept.get_or_build(name(3), || unreachable!("used last"));
        kept.get_or_build(name(4), || Bytes(99));
        assert_eq!(kept.size(), 99);
    }
}
