//! A tampering cloud: each attack of DESIGN's list is played by a malicious server and meets a refusal by
//! name.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

#[path = "tampering/bytes.rs"]
mod bytes;
#[path = "tampering/directory.rs"]
mod directory;
#[path = "tampering/grants.rs"]
mod grants;
#[path = "tampering/key_material.rs"]
mod key_material;
#[path = "tampering/log.rs"]
mod log;
#[path = "tampering/parts.rs"]
mod parts;
#[path = "tampering/places.rs"]
mod places;
#[path = "tampering/records.rs"]
mod records;
#[path = "tampering/rollback.rs"]
mod rollback;
#[path = "tampering/suites.rs"]
mod suites;
