//! The HTTP contract between `cowl` and `cowl-server`, both sides of it.
//!
//! [`types`] are the JSON bodies, [`paths`] the routes, [`problem`] the errors (RFC 9457), [`frames`] the
//! raw framing of parts; [`client`] speaks it, [`service`] starts a process that serves it.
//! Signed statements travel as their canonical bytes in base64: nothing is encoded twice.

pub mod client;
pub mod frames;
pub mod openapi;
pub mod paths;
pub mod problem;
pub mod service;
pub mod types;

pub use client::{Client, ClientConfig, ClientError};
pub use problem::{Problem, ProblemCode};
pub use types::Blob;
