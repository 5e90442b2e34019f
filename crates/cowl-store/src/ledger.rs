//! The ledger: everything but the parts' bytes, in SQL. It arbitrates.
//!
//! The methods are in one module a subject. Each that changes something is one transaction, and its events
//! are appended to the log as the transaction's last step, because the log's size is a row that all
//! writers share. Rows are locked in the order record, item, part, pack, job, terms, party, log.

mod accounts;
mod act;
mod collection;
mod commits;
mod connection;
mod deletion;
mod grants;
mod heads;
mod items;
mod jobs;
mod log;
mod migrations;
mod reads;
mod records;
mod requests;
mod retry;
mod sessions;
pub(crate) mod sql;
mod standing;
mod throttle;
mod uploads;

pub use accounts::{AccountRow, Credentials, NewParty, PartyRow};
pub use act::Act;
pub(crate) use collection::LivePart;
pub use commits::{Commit, NewItem};
pub use connection::Ledger;
pub use grants::{GrantRow, NewGrant};
pub use items::{ItemPage, ItemRow};
pub use jobs::{
    JobPage, JobResult, JobRow, JobSide, JobTarget, NewJob, NewSettlement, StoredTable, TableRow,
};
pub use log::{EventPage, LogEntry, OpenLeafPage, OpenLeafRow};
pub use reads::PartLocation;
pub use records::RecordRow;
pub use requests::RequestRow;
pub use sessions::{LoginAttempt, NewSession};
pub use throttle::{LoginLimits, LoginOrigin, Throttle};
pub use uploads::UploadedPart;
