//! The ports, in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use cowl_domain::{ItemId, JobId, PartyId, Timestamp};
use cowl_job::{
    Clock, ConsentLedger, ConsentUse, GrantedItem, ItemReader, ItemSink, ItemSource, ItemWriter, JobItem,
    LedgerError, PortError, ResultItem, Salts, Seat,
};

/// Pieces are of this size, so that contents come in several.
const PIECE: usize = 1000;

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Items in the clear, and who opened which.
#[derive(Debug, Default)]
pub struct MemorySource {
    items: Vec<(JobItem, Vec<u8>)>,
    damaged: Option<ItemId>,
    opened: Mutex<Vec<ItemId>>,
}

impl MemorySource {
    /// A source that has these.
    pub fn new(items: impl IntoIterator<Item = (JobItem, Vec<u8>)>) -> Self {
        Self { items: items.into_iter().collect(), ..Self::default() }
    }

    /// Lets every reading of `item` fail after its last piece.
    pub fn damage(&mut self, item: ItemId) {
        self.damaged = Some(item);
    }

    /// What was opened, in order.
    pub fn opened(&self) -> Vec<ItemId> {
        locked(&self.opened).clone()
    }
}

#[async_trait]
impl ItemSource for MemorySource {
    async fn open(&self, granted: &GrantedItem) -> Result<Box<dyn ItemReader>, PortError> {
        let item = granted.item().item;
        let found = self.items.iter().find(|(one, _)| one.item == item).ok_or(PortError::Missing { item })?;
        if found.0 != *granted.item() {
            return Err(PortError::Changed { item });
        }
        locked(&self.opened).push(item);
        let pieces: Vec<_> = found.1.chunks(PIECE).rev().map(<[u8]>::to_vec).collect();
        let end = if self.damaged == Some(item) { Some(PortError::Damaged { item }) } else { None };
        Ok(Box::new(MemoryReader { pieces, end }))
    }
}

/// Pieces in reverse order, and how it ends.
struct MemoryReader {
    pieces: Vec<Vec<u8>>,
    end: Option<PortError>,
}

#[async_trait]
impl ItemReader for MemoryReader {
    async fn next_piece(&mut self) -> Result<Option<Vec<u8>>, PortError> {
        match (self.pieces.pop(), &self.end) {
            (None, Some(error)) => Err(error.clone()),
            (piece, _) => Ok(piece),
        }
    }
}

type Results = Arc<Mutex<BTreeMap<(PartyId, u32), Vec<u8>>>>;

/// Results in memory. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemorySink {
    results: Results,
}

impl MemorySink {
    /// How many results were committed.
    pub fn len(&self) -> usize {
        locked(&self.results).len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was committed for `receiver`, in order.
    pub fn results_for(&self, receiver: PartyId) -> Vec<Vec<u8>> {
        let results = locked(&self.results);
        results.iter().filter(|((to, _), _)| *to == receiver).map(|(_, bytes)| bytes.clone()).collect()
    }
}

#[async_trait]
impl ItemSink for MemorySink {
    async fn create(&self, result: &ResultItem) -> Result<Box<dyn ItemWriter>, PortError> {
        let place = (result.receiver, result.ordinal);
        Ok(Box::new(MemoryWriter { place, bytes: Vec::new(), results: Arc::clone(&self.results) }))
    }
}

struct MemoryWriter {
    place: (PartyId, u32),
    bytes: Vec<u8>,
    results: Results,
}

#[async_trait]
impl ItemWriter for MemoryWriter {
    async fn write(&mut self, piece: &[u8]) -> Result<(), PortError> {
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Result<(), PortError> {
        let previous = locked(&self.results).insert(self.place, self.bytes);
        assert!(previous.is_none(), "two results in one place");
        Ok(())
    }
}

type Used = BTreeMap<(JobId, Seat, PartyId), Vec<u8>>;

/// Used consents in memory. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryLedger {
    used: Arc<Mutex<Used>>,
    broken: bool,
}

impl MemoryLedger {
    /// A ledger that cannot be written.
    pub fn broken() -> Self {
        Self { broken: true, ..Self::default() }
    }

    /// How many consents have been used.
    pub fn len(&self) -> usize {
        locked(&self.used).len()
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[async_trait]
impl ConsentLedger for MemoryLedger {
    async fn record(&self, uses: &[ConsentUse]) -> Result<(), LedgerError> {
        if self.broken {
            return Err(LedgerError::Unavailable { detail: "this ledger is broken".into() });
        }
        let mut used = locked(&self.used);
        let known = uses.iter().find(|one| used.contains_key(&(one.job, one.seat, one.party)));
        if let Some(&ConsentUse { seat, party, .. }) = known {
            return Err(LedgerError::AlreadyUsed { seat, party });
        }
        used.extend(uses.iter().map(|one| ((one.job, one.seat, one.party), one.bytes.clone())));
        Ok(())
    }
}

/// A clock that stands.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// Salts that anybody can guess, but never the same twice.
#[derive(Debug, Default)]
pub struct CountingSalts(AtomicU64);

impl Salts for CountingSalts {
    fn make_salt(&self) -> [u8; 32] {
        let mut salt = [0; 32];
        salt[..8].copy_from_slice(&self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        salt
    }
}
