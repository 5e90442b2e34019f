//! The code that opens: age v1, the suites, shares of keys, the key store, splitting.
//!
//! The server never links this crate. Nothing here does I/O beyond [`std::io::Read`] and
//! [`std::io::Write`], waits, or looks at a clock; randomness comes from the operating system.
//!
//! - [`file_key`]: the key of an item, and what is derived from it.
//! - [`suite`]: headers that wrap it for recipients; [`age`] and [`hybrid_rsa`] are the two formats.
//! - [`payload`]: the sealed bytes, in memory, as a stream, or any range of them.
//! - [`split`]: cutting payloads into parts and joining them.
//! - [`shares`]: keys wrapped for grantees. [`sealed_box`], [`message`]: small things under a key or to a
//!   party. [`key_store`]: a party's own keys under its password and device secret.
//!
//! Every format has a version and is frozen by files under `vectors/`. A change to any sealed byte is
//! refused with an error that says where; why a decryption failed is never told.
#![deny(missing_docs)]

mod absent;
pub mod age;
pub mod file_key;
pub mod hybrid_rsa;
pub mod key_store;
pub mod message;
pub mod payload;
pub mod sealed_box;
pub mod shares;
pub mod split;
pub mod suite;
mod xwing;

pub use file_key::{FileKey, FileKey32, ItemKey};
pub use key_store::{DeviceSecret, EpochIdentity, PartyIdentity};
pub use suite::Suite;
pub use xwing::{
    BadRecipient, ENCAPSULATED_LENGTH, RECIPIENT_LENGTH, SEED_LENGTH, XWingIdentity, XWingRecipient,
};
