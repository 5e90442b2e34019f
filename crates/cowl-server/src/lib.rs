//! The blind cloud: keeps sealed parts, signed statements and an append-only log, and can open none of it.
//!
//! Handlers are thin: they read a request into types, have every signature checked ([`Signed`] becomes
//! [`Proven`]), and leave the decision to the ledger, which arbitrates between all processes. Nothing that
//! a process keeps in memory is needed by another one or after a restart.
//!
//! [`Signed`]: cowl_domain::Signed
//! [`Proven`]: cowl_store::Proven
#![deny(missing_docs)]

mod accounts;
mod app;
mod background;
pub mod clock;
mod commits;
pub mod config;
mod downloads;
mod extract;
mod grants;
mod jobs;
mod log;
mod ops;
pub mod program;
mod proofs;
mod reads;
mod records;
mod refusal;
mod requests;
mod router;
mod secrets;
mod server;
mod statements;
mod tables;
mod tls;
mod trace;
mod uploads;

pub use clock::{Clock, SystemClock};
pub use config::{ConfigError, ServerConfig};
pub use secrets::SecretError;
pub use server::{Running, ServerError, start};
pub use tls::TlsError;
