//! Records as their people see them: seal, split, store, open, share, take back, search.
//!
//! A [`Vault`] is an unlocked account on one device. Everything that it shows has been verified: statements
//! against pinned keys, items against the owner's head, parts against the sealed manifest, content against
//! the sealer's digest, and all of it against the log. What does not hold is refused by name
//! ([`error::Tampering`]); the cloud is never believed.

pub mod account;
mod add;
mod adopt;
mod audit;
mod card;
mod check;
pub mod codec;
mod directory;
pub mod error;
mod export;
mod fetch;
mod grant;
mod indexing;
pub mod job;
mod journal;
pub mod kind;
mod kit;
mod list;
mod local;
mod open;
mod payload;
mod profile;
pub mod progress;
mod range;
mod record;
mod rekey;
mod request;
mod seal;
pub mod search;
mod segments;
mod source;
mod table;
pub mod text;
mod upload;
mod vault;
pub mod view;

pub use account::{NewAccount, Password};
pub use add::AddOptions;
pub use codec::CodecChoice;
pub use error::{Result, Tampering, VaultError};
pub use grant::GrantSpec;
pub use kit::RecoveryKit;
pub use profile::Profile;
pub use progress::{Progress, Silent};
pub use range::ItemReader;
pub use request::RequestSpec;
pub use source::Source;
pub use table::NewTable;
pub use vault::Vault;
