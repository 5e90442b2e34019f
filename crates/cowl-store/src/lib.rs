//! Ciphertext at rest, in two places:
//!
//! - [`PartStore`] keeps *packs*: immutable objects in a folder or an S3 bucket, each the concatenation of
//!   the parts of one upload. A pack is durable when [`PartStore::put_pack`] returns.
//! - [`Ledger`] keeps everything else in SQL (SQLite or PostgreSQL) and arbitrates: who may do what, which
//!   version of an item counts, where each part lies, what stands in the log. Each change of state is one
//!   transaction together with its events.
//!
//! A part exists once the ledger says so, which it does only after the pack is durable; what a crash
//! leaves between the two is an orphan that the [`Collector`] deletes after a grace period. The object
//! store is never asked to decide a race: several S3 servers ignore conditional puts.
//!
//! The ledger takes statements as [`Proven`] only, so that nothing is stored whose signature was not
//! checked. It has no clock and no random source: see [`Act`].
#![deny(missing_docs)]

mod config;
mod error;
mod gc;
pub mod ledger;
mod parts;
mod proven;

pub use config::{DatabaseConfig, PartsConfig, S3Config, StoreConfig};
pub use error::StoreError;
pub use gc::{Collected, CollectionPolicy, Collector};
pub use ledger::{Act, Ledger};
pub use parts::{PackKey, PartStore};
pub use proven::Proven;
