//! The whole life of a record, against a real server in this process.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

#[path = "flow/accounts.rs"]
mod accounts;
#[path = "flow/appending.rs"]
mod appending;
#[path = "flow/audit.rs"]
mod audit;
#[path = "flow/codecs.rs"]
mod codecs;
#[path = "flow/grants.rs"]
mod grants;
#[path = "flow/items.rs"]
mod items;
#[path = "flow/jobs.rs"]
mod jobs;
#[path = "flow/large.rs"]
mod large;
#[path = "flow/names.rs"]
mod names;
#[path = "flow/policies.rs"]
mod policies;
#[path = "flow/rekeying.rs"]
mod rekeying;
#[path = "flow/requests.rs"]
mod requests;
#[path = "flow/search.rs"]
mod search;
#[path = "flow/tables.rs"]
mod tables;
