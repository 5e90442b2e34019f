//! What a technique sees of the world. The program puts the implementations together.

use async_trait::async_trait;
use cowl_crypto::digest::Digest;
use cowl_domain::{ItemId, JobId, PartyId, Signed, Timestamp, Verified};

use crate::consent::ConsentStatement;
use crate::grants::GrantedItem;
use crate::seat::Seat;

/// Why an item could not be read, or a result not be put.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortError {
    /// The item is not there, or not for this party; which of the two is not said.
    #[error("item {item} is not there")]
    Missing {
        /// The item.
        item: ItemId,
    },
    /// The item is not in the version or placement that the job names.
    #[error("item {item} has changed since the job was planned")]
    Changed {
        /// The item.
        item: ItemId,
    },
    /// The item's bytes are damaged.
    #[error("item {item} is damaged")]
    Damaged {
        /// The item.
        item: ItemId,
    },
    /// The place where items are kept or results are put does not work now.
    #[error("{detail}")]
    Unavailable {
        /// What it says.
        detail: String,
    },
}

/// Opens items.
#[async_trait]
pub trait ItemSource: Send + Sync {
    /// Opens the content of one item. The argument proves that the grant was checked.
    ///
    /// # Errors
    /// [`PortError`]; [`PortError::Changed`] unless version and placement are those that the item names.
    async fn open(&self, granted: &GrantedItem) -> Result<Box<dyn ItemReader>, PortError>;
}

/// The content of an item, piece by piece.
#[async_trait]
pub trait ItemReader: Send {
    /// The next piece, of any size; `None` after the last. Every piece has been authenticated.
    ///
    /// # Errors
    /// [`PortError`]; what was read before must then not be used.
    async fn next_piece(&mut self) -> Result<Option<Vec<u8>>, PortError>;
}

/// A result on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultItem {
    /// The job.
    pub job: JobId,
    /// Its place among the results of the job for this receiver, from 0.
    pub ordinal: u32,
    /// For whom.
    pub receiver: PartyId,
    /// The item of which it is a copy or a work-up; `None` where it is made of several.
    pub derived_from: Option<ItemId>,
}

/// Puts results where their receiver finds them.
#[async_trait]
pub trait ItemSink: Send + Sync {
    /// Begins a result.
    ///
    /// # Errors
    /// [`PortError`].
    async fn create(&self, result: &ResultItem) -> Result<Box<dyn ItemWriter>, PortError>;
}

/// A result that is being written. Dropped before [`ItemWriter::commit`], it leaves nothing behind.
#[async_trait]
pub trait ItemWriter: Send {
    /// Adds a piece.
    ///
    /// # Errors
    /// [`PortError`].
    async fn write(&mut self, piece: &[u8]) -> Result<(), PortError>;

    /// Makes the result durable and visible.
    ///
    /// # Errors
    /// [`PortError`]; nothing is visible then.
    async fn commit(self: Box<Self>) -> Result<(), PortError>;
}

/// One consent on its way into the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentUse {
    /// The job.
    pub job: JobId,
    /// The seat.
    pub seat: Seat,
    /// Who consented.
    pub party: PartyId,
    /// Digest of the signed consent.
    pub digest: Digest,
    /// The signed consent, canonical.
    pub bytes: Vec<u8>,
}

impl ConsentUse {
    pub(crate) fn new(signed: &Signed<ConsentStatement>, consent: &Verified<ConsentStatement>) -> Self {
        Self {
            job: consent.job,
            seat: consent.seat,
            party: consent.party,
            digest: consent.digest(),
            bytes: signed.to_bytes(),
        }
    }
}

/// Why consents could not be recorded. Nothing was recorded then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// A consent of this party for this seat of this job is recorded.
    #[error("the consent of party {party} as {seat} has been used before")]
    AlreadyUsed {
        /// The seat.
        seat: Seat,
        /// The party.
        party: PartyId,
    },
    /// The ledger cannot be written.
    #[error("{detail}")]
    Unavailable {
        /// What it says.
        detail: String,
    },
}

/// Remembers which consents have been used.
#[async_trait]
pub trait ConsentLedger: Send + Sync {
    /// Records all of these, or none. When it returns they are durable.
    ///
    /// # Errors
    /// [`LedgerError::AlreadyUsed`] when any consent for the same job, seat and party has been recorded, be it
    /// another one: a job runs once. Of two calls at once one wins.
    async fn record(&self, uses: &[ConsentUse]) -> Result<(), LedgerError>;
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Draws salts.
pub trait Salts: Send + Sync {
    /// 32 bytes that nobody can guess, never the same twice.
    fn make_salt(&self) -> [u8; 32];
}

/// Salts from the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemSalts;

impl Salts for SystemSalts {
    fn make_salt(&self) -> [u8; 32] {
        cowl_crypto::id::random_bytes()
    }
}

/// What a technique sees of the world at one seat.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// Where items come from.
    pub source: &'a dyn ItemSource,
    /// Where results go.
    pub sink: &'a dyn ItemSink,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Randomness of commitments.
    pub salts: &'a dyn Salts,
}
